"""How much of a matte's error two strokes of a hand correct, and how long each takes.

    python benchmarks/strokes.py measure --photos PHOTOS --mattes MATTES
    python benchmarks/strokes.py fit --photos OTHERS --mattes MATTES
    python benchmarks/strokes.py speed

MATTES holds A.png, the true matte of PHOTOS/A.jpg (or any other suffix). `fit` finds the weights in
`image/spreading.py`; `measure` is to be run on photos that neither it nor the network has seen.

Strokes are placed by the true matte: along the middle of the largest area that is wrong, with a brush half as wide as
the area is (at most 6 % of the short side). A photo has a fault if its largest wrong area is at least 1 % of it, and a
fault that two strokes can mend if its two largest make up two thirds of the whole error. `measure` prints a table of
both, and a last line of JSON. `fit` needs PyTorch. `speed` paints 30 strokes on a made photo of 24 megapixels and
prints seconds of processor time, one thread.
"""

import argparse
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from wideopen import Renderer, Scene
from wideopen.image.resize import fit, resize
from wideopen.image.spreading import features, shrunk
from wideopen.photo.files import load
from wideopen.scene import correction
from wideopen.scene.matte_file import load_matte
from wideopen.scene.scene import estimated_scene
from wideopen.scene.stroke import Stroke

SIDE = 512
LEAST, MENDED = 0.01, 1 / 3
SEEDS = 3


@dataclass
class Fault:
    """A wrong area, HxW, and what a stroke there is to say."""

    area: np.ndarray
    kind: str


@dataclass
class Case:
    """A photo with a fault of its matte."""

    name: str
    scene: Scene
    truth: np.ndarray

    def error(self, scene: Scene) -> float:
        return float(np.abs(opacity(scene, self.truth.shape) - self.truth).mean())


def opacity(scene: Scene, shape: tuple[int, int]) -> np.ndarray:
    """The matte as it is drawn, at the photo's size."""
    whole = slice(0, shape[0]), slice(0, shape[1])
    return scene.opacity_at(*whole, scene.pixels)


def cases(photos: Path, mattes: Path) -> Iterator[Case]:
    renderer = Renderer(threads=1)
    for path in sorted(photos.iterdir()):
        if not (mattes / f"{path.stem}.png").exists():
            continue
        pixels = load(path).pixels
        size = fit(*pixels.shape[:2], min(SIDE, max(pixels.shape[:2])))
        pixels, truth = (
            np.ascontiguousarray(resize(pixels, *size)),
            resize(load_matte(mattes / f"{path.stem}.png"), *size),
        )
        if truth.mean() < 0.01 or ((truth > 0.1) & (truth < 0.9)).mean() > 0.12:
            continue  # No subject, or one that the labels themselves doubt.
        case = Case(path.stem, renderer.estimate_scene(pixels).focus_at("auto")[0], truth)
        fault = largest_fault(opacity(case.scene, truth.shape), truth)
        if fault is not None and fault.area.mean() >= LEAST:
            yield case


def largest_fault(found: np.ndarray, truth: np.ndarray) -> Fault | None:
    best = None
    size = 2 * max(1, round(0.004 * min(truth.shape))) + 1
    for kind, wrong in (("keep", (truth > 0.5) & (found < 0.5)), ("give", (truth < 0.5) & (found > 0.5))):
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size))
        _, labels, stats, _ = cv2.connectedComponentsWithStats(
            cv2.morphologyEx(wrong.astype(np.uint8), cv2.MORPH_OPEN, disc), connectivity=4
        )
        if len(stats) > 1:
            label = 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))
            if best is None or stats[label, cv2.CC_STAT_AREA] > best.area.sum():
                best = Fault(labels == label, kind)
    return best


def stroke_along(fault: Fault, brush: float = 1.0) -> Stroke:
    """A line through the middle of an area, from one end to the other."""
    area = fault.area
    depth = cv2.distanceTransform(np.pad(area.astype(np.uint8), 1), cv2.DIST_L2, 5)[1:-1, 1:-1]
    deepest = np.unravel_index(np.argmax(depth), depth.shape)
    _, pieces = cv2.connectedComponents((depth >= 0.5 * depth.max()).astype(np.uint8))
    core = pieces == pieces[deepest]
    steps = steps_from(core, deepest)
    steps = steps_from(core, np.unravel_index(np.argmax(steps), steps.shape))
    at = np.unravel_index(np.argmax(steps), steps.shape)
    line = [at]
    while steps[at] > 0:  # Back, where the area is deepest.
        rows, columns = slice(max(0, at[0] - 1), at[0] + 2), slice(max(0, at[1] - 1), at[1] + 2)
        nearer = np.where(steps[rows, columns] == steps[at] - 1, depth[rows, columns], -1)
        i, j = np.unravel_index(np.argmax(nearer), nearer.shape)
        at = rows.start + i, columns.start + j
        line.append(at)
    line = [*line[:: max(1, len(line) // 24)], line[-1]]
    height, width = area.shape
    radius = brush * max(1.0, min(0.5 * float(depth.max()), 0.06 * min(area.shape)))
    points = tuple(((j + 0.5) / width, (i + 0.5) / height) for i, j in line)
    return Stroke(fault.kind, points, radius / max(area.shape))


def steps_from(area: np.ndarray, start: tuple) -> np.ndarray:
    """Steps to neighbours that it takes from a pixel, within an area; -1 outside."""
    found = np.full(area.shape, -1, np.int32)
    reached = np.zeros(area.shape, np.uint8)
    reached[start] = 1
    step = 0
    while (new := (reached > 0) & area & (found < 0)).any():
        found[new] = step
        reached = cv2.dilate(reached, np.ones((3, 3), np.uint8)) & area.astype(np.uint8)
        step += 1
    return found


def mended(found: np.ndarray, truth: np.ndarray, fault: Fault) -> np.ndarray:
    """A matte whose one fault is gone, with its seam."""
    return np.where(cv2.dilate(fault.area.astype(np.uint8), np.ones((7, 7))) > 0, truth, found)


def at_best(case: Case) -> float:
    """The error that is left where the two largest faults are mended by the truth itself."""
    found = opacity(case.scene, case.truth.shape)
    for _ in range(2):
        if (fault := largest_fault(found, case.truth)) is not None:
            found = mended(found, case.truth, fault)
    return float(np.abs(found - case.truth).mean())


def measure(args: argparse.Namespace) -> None:
    rows = []
    for case in cases(args.photos, args.mattes):
        scene, errors, seconds = case.scene, [case.error(case.scene)], []
        for _ in range(2):
            fault = largest_fault(opacity(scene, case.truth.shape), case.truth)
            if fault is not None:
                stroke, start = stroke_along(fault, args.brush), time.thread_time()
                scene = correction.correct(scene, [stroke])
                seconds.append(time.thread_time() - start)
            errors.append(case.error(scene))
        rows.append((case.name, *errors, at_best(case), max(seconds)))
        print("{:24} {:.4f} {:.4f} {:.4f}  at best {:.4f}  {:.2f} s".format(*rows[-1]), flush=True)
    table = np.array([row[1:] for row in rows])
    summary = {"brush": args.brush}
    for name, chosen in (("all", slice(None)), ("mendable", table[:, 3] < MENDED * table[:, 0])):
        before, one, two, best, slowest = table[chosen].T
        summary[name] = {
            "photos": len(before), "before": before.mean(), "one": one.mean() / before.mean(),
            "two": two.mean() / before.mean(), "best": best.mean() / before.mean(), "worse": int((two > before).sum()),
            "median": float(np.median(two / before)), "slowest_s": float(slowest.max()),
        }  # fmt: skip
    print(json.dumps(summary))


def gather(args: argparse.Namespace) -> tuple[np.ndarray, ...]:
    """Features, truth and weights of pixels about up to `SEEDS` strokes a photo, one after another."""
    rng, rows = np.random.default_rng(0), []
    for case in cases(args.photos, args.mattes):
        scene = correction.begin(case.scene)
        for _ in range(SEEDS):
            fault = largest_fault(scene.matte.opacity, case.truth)
            if fault is None or fault.area.mean() < LEAST / 5:
                break
            stroke = stroke_along(fault, rng.uniform(0.35, 1.15))
            part = correction.window(stroke, case.truth.shape)
            whole = correction.ground_of(scene, stroke, part)
            small = shrunk(whole)
            pixel = len(whole.painted) / len(small.painted) / max(case.truth.shape)
            told = features(small, stroke.radius, pixel)
            truth = case.truth[part] if stroke.kind == "keep" else 1 - case.truth[part]
            truth = resize(truth, *small.opacity.shape)
            open_ = np.flatnonzero(((small.opacity < 0.9) & ~small.painted & ~small.against).ravel())
            chosen = rng.choice(open_, min(6000, len(open_)), replace=False)
            share = len(open_) / max(1, len(chosen)) * pixel**2
            rows.append((told.reshape(-1, told.shape[-1])[chosen], truth.ravel()[chosen], np.full(len(chosen), share)))
            found = mended(scene.matte.opacity, case.truth, fault)
            hand = scene.matte.hand.with_stroke(stroke, found - scene.matte.opacity, part)
            scene = replace(scene, matte=replace(scene.matte, opacity=found, hand=hand))
    return tuple(np.concatenate(part).astype(np.float32) for part in zip(*rows, strict=True))


def fit_weights(args: argparse.Namespace) -> None:
    import torch

    told, truth, weight = map(torch.tensor, gather(args))
    mean, deviation = told.mean(0), told.std(0) + 1e-6
    told = (told - mean) / deviation
    plane = torch.zeros(told.shape[1], requires_grad=True)
    bias = torch.zeros(1, requires_grad=True)
    solver = torch.optim.LBFGS([plane, bias], max_iter=100, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        solver.zero_grad()
        value = torch.nn.functional.binary_cross_entropy_with_logits(
            told @ plane + bias, truth, weight=weight / weight.mean()
        )
        value.backward()
        return value

    solver.step(loss)
    print("loss", float(loss().detach()), "pixels", len(told))
    scaled = (plane / deviation).detach()
    print("WEIGHTS", np.array2string(scaled.numpy(), precision=3, separator=", "))
    print("BIAS", round(float(bias.detach() - scaled @ mean), 3))


def speed(args: argparse.Namespace) -> None:
    rng = np.random.default_rng(0)
    noise = cv2.resize(rng.integers(0, 256, (40, 60, 3), np.uint8), (6000, 4000), interpolation=cv2.INTER_CUBIC)
    y, x = np.mgrid[-1:1:341j, -1.5:1.5:512j].astype(np.float32)
    scene = estimated_scene(noise, (1.5 - 2 * np.hypot(x, y)).clip(0, 1), np.minimum(y - 1, 0))
    seconds = []
    for index in range(30):
        left, top, right, bottom = rng.uniform(0.1, 0.9, 4)
        kind = ("keep", "give", "depth")[index % 3]
        stroke, start = Stroke(kind, ((left, top), (right, bottom)), rng.uniform(0.01, 0.03)), time.process_time()
        scene = correction.correct(scene, [stroke])
        seconds.append(time.process_time() - start)
    print(json.dumps({"first_s": seconds[0], "median_s": float(np.median(seconds)), "slowest_s": max(seconds)}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("measure", "fit", "speed"))
    parser.add_argument("--photos", type=Path)
    parser.add_argument("--mattes", type=Path)
    parser.add_argument("--brush", type=float, default=1.0, help="Radius of the brush, in halves of the area's width.")
    args = parser.parse_args()
    if args.what != "speed" and not (args.photos and args.mattes):
        parser.error(f"{args.what} needs --photos and --mattes")
    cv2.setNumThreads(1)
    {"measure": measure, "fit": fit_weights, "speed": speed}[args.what](args)
