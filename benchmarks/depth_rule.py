"""What the depth of a scene costs: the network's maps, what is drawn from them, true ones, and the rule of the pairs.

    python benchmarks/depth_rule.py HELD_OUT [--limit 60]

On made pairs into which nothing was put: gain in PSNR over "output = input" with the network's own maps, with the
ground that takes their place (`wideopen.scene.ground_prior`), with the true matte or the true depth, and with the
*rule*: the mean of many backgrounds as `background_depth.draw_surface` draws them about the true subject, which knows
nothing of the pair but where that stands and where the sky ends. Also the mean error of relative disparity beside the
subject. A table; the last line is JSON.
"""

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from default_model import UNSEEN_DB, glass
from wideopen.evaluation.results import bootstrap_interval
from wideopen.pairs.pair_scene import read_scene
from wideopen.pairs.pairs import Pair, find_pairs, load_image
from wideopen.render.renderer import Renderer
from wideopen.render.scene_rendering import draw_scene
from wideopen.scene.background_depth import find_sky
from wideopen.scene.ground_prior import apply_ground_prior, expected
from wideopen.scene.matte_regions import find_foot
from wideopen.scene.scene import estimated_scene

PLAIN = ("subject", "subject+lamps")
Float = NDArray[np.float32]


def psnr(x: NDArray[Any], y: NDArray[Any]) -> float:
    return float(10 * np.log10(255**2 / max(np.mean((x.astype(np.float32) - y) ** 2), 1e-6)))


def compare(renderer: Renderer, pair: Pair) -> dict[str, float] | None:
    """Gains in dB, and errors; None where there is no blur to see."""
    assert pair.shot is not None
    photo, target, scene = load_image(pair.original), load_image(pair.bokeh), read_scene(pair)
    before = psnr(photo, target)
    if before > UNSEEN_DB:
        return None
    lens = replace(glass(photo, 1.8), blur=scene.blur(pair.shot), aperture=pair.shot.shape)
    where = "auto" if pair.shot.in_focus == "subject" or pair.focus is None else f"{pair.focus[0]},{pair.focus[1]}"
    own = renderer.estimate_scene(photo)
    assert own.ground is not None and own.matte is not None
    size = own.matte.opacity.shape[::-1]
    matte, depth, shown = (
        cv2.resize(plane, size, interpolation=cv2.INTER_AREA)
        for plane in (scene.subject, scene.relative, photo.astype(np.float32) / np.float32(255))
    )
    guess = expected(scene.subject, find_foot(scene.subject), find_sky(photo.astype(np.float32) / np.float32(255)))
    ways = {
        "network's maps": replace(own, ground=None),
        "as drawn": own,
        "true matte": estimated_scene(photo, matte, own.relative, apply_ground_prior(shown, matte, own.relative)),
        "true depth": replace(own.with_relative(depth), view=None),
        "true matte, rule": estimated_scene(photo, scene.subject, guess),
        "both true": estimated_scene(photo, scene.subject, scene.relative),
    }
    found = {}
    for name, places in ways.items():
        looked, focus = places.focus_at(where)
        found[name] = psnr(draw_scene(looked, lens, focus), target) - before
    beside = scene.subject < 0.05
    planes = {"the network": own.relative, "the ground": own.ground, "the rule": guess}
    for name, plane in planes.items():
        full = cv2.resize(plane, photo.shape[1::-1])
        found[f"error of {name}"] = float(np.abs(full - scene.relative)[beside].mean())
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("--limit", type=int, default=60)
    options = parser.parse_args()
    lines = map(json.loads, (options.pairs / "manifest.jsonl").read_text(encoding="utf-8").splitlines())
    kinds = {line["name"]: line["kind"] for line in lines}
    pairs = [pair for pair in find_pairs(options.pairs) if kinds[pair.name] in PLAIN]
    # From all over the alphabet of sets, not the first of them alone.
    pairs = pairs[:: max(1, len(pairs) // options.limit)][: options.limit]
    renderer = Renderer()
    rows = [row for pair in pairs if (row := compare(renderer, pair)) is not None]
    table, summary = Table(f"{len(rows)} pairs", "mean", "95 %"), {}
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        low, high = bootstrap_interval(values)
        summary[name] = [float(values.mean()), low, high]
        table.add_row(name, f"{values.mean():.3f}", f"{low:.3f} to {high:.3f}")
    Console().print(table)
    print(json.dumps({"pairs": len(rows)} | summary))


if __name__ == "__main__":
    main()
