"""How well does the shipped model know how far away things are? Its disparity, outside the subject, against real maps.

    python benchmarks/depth_maps.py FOLDER.. [--model MODEL.onnx].. [--limit N]

FOLDER holds photos NAME.* and their maps NAME.depth.png or NAME-depth.png (stereo, a phone's or a sensor's; larger is
nearer, 0 is unknown). Judged is where the model's matte says that the subject is not.

    rank    Spearman's rank correlation, 1 is the same order
    wrong   part of 20,000 pairs of points, farther apart in depth than a tenth of the map's range, that are put in the
            wrong order; ties count half (ordinal error as in Chen et al., "Single-Image Depth Perception in the Wild",
            NIPS 2016)

Beside the model's own disparity: the number of the pixel's row (lower in the photo is nearer), and a constant. A table;
the last line is JSON.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table
from scipy.stats import spearmanr

from wideopen.render.scene_rendering import small
from wideopen.scene.model import Engine, NetworkScene

Float = NDArray[np.floating[Any]]
PAIRS = 20_000
APART = 0.1
SUBJECT = 0.5
FEWEST_PX = 500


def cases(folders: list[Path]) -> Iterator[tuple[str, NDArray[np.uint8], Float]]:
    """Name, photo, and map of every photo that has one."""
    for folder in folders:
        for path in sorted(folder.glob("*[.-]depth.png")):
            name = path.stem[: -len(".depth")]
            photo = next((p for p in sorted(folder.glob(f"{name}.*")) if "depth" not in p.name), None)
            map_ = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
            if photo is not None and map_ is not None:
                values = map_ if map_.ndim == 2 else map_[..., 0]
                yield f"{folder.name}/{name}", np.asarray(Image.open(photo).convert("RGB")), values.astype(np.float64)


def judge(found: Float, true: Float) -> dict[str, float]:
    """Both figures of what is said of n points, and the truth about them."""
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, len(true), (2, PAIRS))
    apart = true[first] - true[second]
    told = np.abs(apart) > APART * (np.quantile(true, 0.98) - np.quantile(true, 0.02))
    said = np.sign(found[first] - found[second])[told]
    wrong = np.where(said == 0, 0.5, said != np.sign(apart[told]))
    constant = found.min() == found.max()
    return {"rank": 0.0 if constant else float(spearmanr(found, true).statistic), "wrong": float(wrong.mean())}


def measure(engine: Engine, photo: NDArray[np.uint8], true: Float) -> dict[str, dict[str, float]] | None:
    """Figures by way; None where too little lies outside the subject."""
    shown = small(photo, engine.metadata.working_side)
    scene = engine.run(shown)
    assert isinstance(scene, NetworkScene), "the model draws pictures, and says nothing of depth"
    size = scene.matte.shape
    known = cv2.resize(true, size[::-1], interpolation=cv2.INTER_NEAREST)
    where = (scene.matte < SUBJECT) & (known > 0)
    if where.sum() < FEWEST_PX:
        return None
    ways = {
        "network": scene.relative,
        "row": np.broadcast_to(np.arange(size[0], dtype=np.float32)[:, None], size),
        "constant": np.zeros(size, np.float32),
    }
    return {way: judge(plane[where], known[where]) for way, plane in ways.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--model", type=Path, action="append", default=[], help="another model of this package")
    parser.add_argument("--limit", type=int, help="only so many photos")
    arguments = parser.parse_args()
    engines = {"shipped": Engine(None)} | {model.stem: Engine(model) for model in arguments.model}
    rows: dict[str, list[dict[str, float]]] = {}
    for _, photo, true in list(cases(arguments.folders))[: arguments.limit]:
        for who, engine in engines.items():
            for way, figures in (measure(engine, photo, true) or {}).items():
                rows.setdefault(way if way in ("row", "constant") and who == "shipped" else f"{who}: {way}", []).append(
                    figures
                )
    table = Table("disparity of", "rank", "wrong", "photos", title="outside the subject, against real maps")
    told = {}
    for who, found in rows.items():
        told[who] = {key: float(np.mean([each[key] for each in found])) for key in ("rank", "wrong")}
        table.add_row(who, *(f"{value:.3f}" for value in told[who].values()), str(len(found)))
    Console(width=100).print(table)
    print(json.dumps(told))


if __name__ == "__main__":
    main()
