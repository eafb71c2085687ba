"""What the depth of a scene costs: the network's maps beside true ones, and beside the rule that pairs are made by.

    python benchmarks/depth_rule.py HELD_OUT [--limit 60]

On made pairs into which nothing was put: gain in PSNR over "output = input" with the network's maps, with the true
matte or the true depth in place of its own, and with the *rule*: the median of many backgrounds as
`surfaces.draw_surface` draws them, which knows nothing of the pair but where the subject stands and where the sky ends.
Also the mean error of relative disparity beside the subject. A table; the last line is JSON.
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
from wideopen.drawing import Places
from wideopen.lens_samples import STEPS, Scene, read_scene
from wideopen.pairs import Pair, find_pairs, load_image
from wideopen.render import Renderer
from wideopen.results import bootstrap_interval
from wideopen.scene import SUBJECT_DISPARITY, find_foot
from wideopen.surfaces import draw_surface, find_sky

DRAWS = 41
PLAIN = ("subject", "subject+lamps")
Float = NDArray[np.float32]


def rule(photo: NDArray[Any], subject: Float) -> Float:
    """HxW relative disparity by the rule, for a subject's matte."""
    size, foot = subject.shape, find_foot(subject)
    sky = find_sky(photo.astype(np.float32) / np.float32(255))
    drawn = []
    for number in range(DRAWS):
        disparity = draw_surface(np.random.default_rng((99, number)), size, foot, sky).plane.disparity(*size)
        seen = np.where(subject > 0.5, 1.0, disparity / SUBJECT_DISPARITY)
        drawn.append(Scene((seen.clip(0, 65535 / STEPS) * STEPS).astype(np.uint16), subject).relative)
    return np.median(drawn, axis=0).astype(np.float32)


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
    own = renderer.find_places(photo)
    size = own.matte.shape[::-1]
    matte, depth = (cv2.resize(plane, size, interpolation=cv2.INTER_AREA) for plane in (scene.subject, scene.relative))
    guess = rule(photo, scene.subject)
    ways = {
        "own maps": own,
        "true matte": replace(own, matte=matte, view=None),
        "true depth": replace(own, relative=depth, view=None),
        "true matte, rule": Places(photo, scene.subject, guess),
        "both true": Places(photo, scene.subject, scene.relative),
    }
    found = {}
    for name, places in ways.items():
        looked, focus = places.look_at(where)
        found[name] = psnr(looked.draw(lens, focus), target) - before
    beside = scene.subject < 0.05
    network = cv2.resize(own.relative, photo.shape[1::-1])
    for name, plane in (("error of the network", network), ("error of the rule", guess)):
        found[name] = float(np.abs(plane - scene.relative)[beside].mean())
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
