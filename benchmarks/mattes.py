"""How well does the shipped model know what a photo's subject is? Its matte, lifted as it is drawn, against true ones.

    python benchmarks/mattes.py --photos PHOTOS --mattes MATTES [--only LIST] [--group hand-drawn=ecssd,panda] \\
        [--model MODEL.onnx].. [--rival u2netp=u2netp.onnx] [--rival isnet=isnet.onnx]

Photos are PHOTOS/SET/NAME.*, true mattes MATTES/SET/NAME.png; LIST holds SET/NAME, one a line. A rival is a
salient-object network as an ONNX file that takes one photo, squeezed to a square, and gives its subject's opacity:
`u2netp` is normalised as ImageNet's photos are, `isnet` takes (RGB - 128) / 256. Rivals are enlarged linearly.

    mae     mean absolute error of the opacity, 0..1
    iou     intersection over union of what is more than half opaque
    edge    mean absolute error within 4 px of the true edge, at the photo's size
    thin    part kept (more than half opaque) of what an opening by 1.5 % of the short side takes from the true matte
    sad     sum of absolute differences over 1,000 (Rhemann et al., "A perceptually motivated online benchmark for image
            matting", CVPR 2009)
    grad    sum of squared differences of the gradients' magnitudes (Gaussian derivatives, sigma 1.4), over 1,000

Photos whose true matte is nearly empty (under 1 %) have no subject: of them only the mean opacity is told. A table a
group; seconds are of the network alone, all threads; the last line is JSON.
"""

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

from wideopen.image.guided_upsampling import lift
from wideopen.scene.instances import SURE
from wideopen.scene.model import Engine, NetworkScene
from wideopen.scene.network_scene import small

Float = NDArray[Any]
Matting = Callable[[NDArray[np.uint8]], tuple[Float, float]]
FIGURES = ("mae", "iou", "edge", "thin", "sad", "grad", "seconds")
EDGE_PX = 4
THIN = 0.015
EMPTY = 0.01
FEWEST_THIN_PX = 20
NORMS = {"u2netp": ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375)), "isnet": ((128.0,) * 3, (256.0,) * 3)}
SIDES = {"u2netp": 320, "isnet": 1024}


def ours(model: Path | None) -> Matting:
    """A model of this package: its matte, lifted to the photo's edges as it is drawn."""
    engine = Engine(model)

    def find(photo: NDArray[np.uint8]) -> tuple[Float, float]:
        shown = small(photo, engine.metadata.working_side)
        begun = time.perf_counter()
        found = engine.run(shown)
        seconds = time.perf_counter() - begun
        assert isinstance(found, NetworkScene), "the model draws pictures, not mattes"
        return (lift(found.matte, photo) / SURE).clip(0, 1), seconds

    return find


def rival(kind: str, model: Path) -> Matting:
    """Another network: squeezed to its square, enlarged linearly."""
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    name, output = session.get_inputs()[0].name, session.get_outputs()[0].name
    mean, deviation = (np.array(values, np.float32) for values in NORMS[kind])

    def find(photo: NDArray[np.uint8]) -> tuple[Float, float]:
        shown = cv2.resize(photo, (SIDES[kind],) * 2, interpolation=cv2.INTER_LINEAR)
        given = np.ascontiguousarray(((shown - mean) / deviation).transpose(2, 0, 1)[None], np.float32)
        begun = time.perf_counter()
        matte = np.asarray(session.run([output], {name: given})[0], np.float32).squeeze().clip(0, 1)
        seconds = time.perf_counter() - begun
        return cv2.resize(matte, photo.shape[1::-1], interpolation=cv2.INTER_LINEAR), seconds

    return find


def thin_parts(subject: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What an opening by 1.5 % of the short side takes away."""
    side = max(3, round(THIN * min(subject.shape)) | 1)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return subject & ~(cv2.morphologyEx(subject.astype(np.uint8), cv2.MORPH_OPEN, disc) > 0)


def gradient(matte: Float) -> Float:
    """Magnitude of the gradient by Gaussian derivatives."""
    smooth = cv2.GaussianBlur(matte, (0, 0), 1.4)
    return np.hypot(
        cv2.Scharr(smooth, cv2.CV_32F, 1, 0, scale=1 / 32), cv2.Scharr(smooth, cv2.CV_32F, 0, 1, scale=1 / 32)
    )


def compare(found: Float, true: Float) -> dict[str, float]:
    """Figures of one matte beside the true one, both HxW float32 in 0..1; NaN where a figure has no meaning."""
    subject, held = true > 0.5, found > 0.5
    off = np.abs(found - true)
    inside, outside = (cv2.distanceTransform(part.astype(np.uint8), cv2.DIST_L2, 5) for part in (subject, ~subject))
    near, thin = inside + outside <= EDGE_PX, thin_parts(subject)
    return {
        "mae": float(off.mean()),
        "iou": float((subject & held).sum() / max(1, (subject | held).sum())),
        "edge": float(off[near].mean()) if near.any() else float("nan"),
        "thin": float(held[thin].mean()) if thin.sum() >= FEWEST_THIN_PX else float("nan"),
        "sad": float(off.sum() / 1000),
        "grad": float(((gradient(found) - gradient(true)) ** 2).sum() / 1000),
    }


def read_photo(folder: Path, name: str) -> NDArray[np.uint8]:
    """SET/NAME as HxWx3 uint8."""
    path = next(path for path in sorted((folder / name).parent.iterdir()) if path.stem == Path(name).name)
    return np.asarray(Image.open(path).convert("RGB"))


def read_matte(path: Path, shape: tuple[int, ...]) -> Float:
    """A true matte at the photo's size, in 0..1."""
    grey = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert grey is not None, path
    smaller = grey.shape[0] > shape[0]
    sized = cv2.resize(grey, (shape[1], shape[0]), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return sized.astype(np.float32) / np.float32(255)


def names_of(mattes: Path, only: Path | None) -> list[str]:
    """SET/NAME of all that is measured."""
    if only is not None:
        return only.read_text(encoding="utf-8").split()
    return sorted(f"{path.parent.name}/{path.stem}" for path in mattes.glob("*/*.png"))


def table(group: str, means: dict[str, dict[str, float]], photos: int) -> Table:
    drawn = Table("matte of", *FIGURES, title=f"{group}: {photos} photos with a subject")
    for who, figures in means.items():
        drawn.add_row(who, *(f"{figures[name]:.3f}" for name in FIGURES))
    return drawn


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--photos", type=Path, required=True)
    parser.add_argument("--mattes", type=Path, required=True)
    parser.add_argument("--only", type=Path, help="names, SET/NAME, one a line; all of MATTES if not given")
    parser.add_argument("--group", action="append", default=[], help="NAME=SET,SET.. told apart from the rest")
    parser.add_argument("--model", type=Path, action="append", default=[], help="another model of this package")
    parser.add_argument("--rival", action="append", default=[], help="u2netp=FILE or isnet=FILE")
    parser.add_argument("--limit", type=int, help="only so many photos")
    arguments = parser.parse_args()
    ways: dict[str, Matting] = {"shipped": ours(None)}
    ways |= {model.stem: ours(model) for model in arguments.model}
    ways |= {kind: rival(kind, Path(path)) for kind, path in (text.split("=", 1) for text in arguments.rival)}
    group_of = {
        part: name for name, sets in (text.split("=", 1) for text in arguments.group) for part in sets.split(",")
    }
    rows: dict[str, dict[str, list[dict[str, float]]]] = {}
    empty: dict[str, list[float]] = {who: [] for who in ways}
    for name in names_of(arguments.mattes, arguments.only)[: arguments.limit]:
        photo = read_photo(arguments.photos, name)
        true = read_matte(arguments.mattes / f"{name}.png", photo.shape)
        for who, find in ways.items():
            found, seconds = find(photo)
            if (true > 0.5).mean() < EMPTY:
                empty[who].append(float(found.mean()))
                continue
            group = group_of.get(name.split("/")[0], "others")
            rows.setdefault(group, {}).setdefault(who, []).append(compare(found, true) | {"seconds": seconds})
    console, told = Console(width=120), {}
    for group, found_by in rows.items():
        told[group] = {
            who: {key: float(np.nanmean([row[key] for row in figures])) for key in FIGURES}
            for who, figures in found_by.items()
        }
        console.print(table(group, told[group], len(found_by["shipped"])))
    without = {who: float(np.mean(values)) for who, values in empty.items() if values}
    if without:
        console.print(f"mean opacity on {len(empty['shipped'])} photos without a subject: {without}")
    print(json.dumps({"groups": told, "without_subject": without}))


if __name__ == "__main__":
    main()
