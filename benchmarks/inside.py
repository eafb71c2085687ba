"""What becomes of the subject at full size: the result against the photo inside the eroded matte, at 24 megapixels.

    python benchmarks/inside.py [--megapixels 24] [--photo PHOTO --matte MATTE]..

Three ways. `carried`: `full_resolution.carry_to_full_size` is given the true matte, at the network's size, as its
sharp map: what full size itself costs. `shipped`: the whole way with the model in the package, which must find the
subject first. `off`: aperture off. Photos that are too small are enlarged and get grain (sigma 2/255), so that there
is fine detail to lose; one of 13 megapixels is stitched with its mirror image instead and gets a drawn matte, which
the shipped model cannot know. The other mattes are those of the disparity maps in examples/. A matte is eroded by
three of the network's pixels and two of its own. Prints a table and the figures as JSON on the last line; 200 dB
stands for identical.
"""

import argparse
import json
import math
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from wideopen import Renderer, RenderOptions
from wideopen.image.resize import resize
from wideopen.lens.full_resolution import carry_to_full_size
from wideopen.photo.files import load
from wideopen.render.aim import aim
from wideopen.render.scene_rendering import draw_on_canvas

ROOT = Path(__file__).parents[1] / "examples"
Array = NDArray[Any]
IDENTICAL = 200.0
COLUMNS = ("carried", "carried_same", "shipped", "shipped_same", "sharp_inside", "off_same")


def subject_of_map(path: Path) -> Array:
    """HxW 0 or 1: the largest upright thing in a map of disparity, which is all of one value."""
    levels = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert levels is not None, path
    level = int(np.bincount(levels[levels > 128]).argmax())
    upright = cv2.morphologyEx((np.abs(levels.astype(int) - level) <= 1).astype(np.uint8), cv2.MORPH_OPEN, square(5))
    _, names, stats, _ = cv2.connectedComponentsWithStats(upright)
    largest = 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    return (names == largest).astype(np.float32)


def square(side: int) -> Array:
    return np.ones((side, side), np.uint8)


def enlarged(photo: Path, megapixels: float) -> Array:
    pixels = load(photo).pixels
    factor = (megapixels * 1e6 / (pixels.shape[0] * pixels.shape[1])) ** 0.5
    size = round(pixels.shape[1] * factor), round(pixels.shape[0] * factor)
    large = cv2.resize(pixels, size, interpolation=cv2.INTER_CUBIC)
    # A tile of noise is enough to tell.
    tile = np.random.default_rng(0).normal(0, 2, (512, 512, 3))
    repeats = -(-large.shape[0] // 512), -(-large.shape[1] // 512), 1
    grain = np.tile(np.rint(tile).astype(np.int8), repeats)[: large.shape[0], : large.shape[1]]
    return (large.astype(np.int16) + grain).clip(0, 255).astype(np.uint8)


def stitched(photo: Path, megapixels: float) -> tuple[Array, Array]:
    """A photo beside its mirror image, and a wavy shape before its middle."""
    pixels = load(photo).pixels
    pixels = np.concatenate([pixels, pixels[:, ::-1]], axis=1)
    height = min(pixels.shape[0], round(megapixels * 1e6 / pixels.shape[1]))
    pixels = np.ascontiguousarray(pixels[:height])
    y, x = (axis.astype(np.float32) for axis in np.mgrid[:height, : pixels.shape[1]])
    y, x = y - height / 2, x - pixels.shape[1] / 2
    angle = np.arctan2(y, x)
    edge = height / 3 * (1 + 0.15 * np.sin(5 * angle) + 0.05 * np.sin(23 * angle))
    return pixels, (np.hypot(y, x) < edge).astype(np.float32)


def perfect(pixels: Array, matte: Array, height: int, width: int) -> tuple[Array, Array, Array]:
    """Bokeh, sharp map, and what was seen, of a network that knows the matte; height and width of its picture."""
    seen = resize(resize(pixels, height // 2, width // 2), height, width).astype(np.float32) / 255
    sharp = resize(matte, height, width)
    soft = cv2.GaussianBlur(seen, (0, 0), max(height, width) / 100)
    return sharp[..., None] * seen + (1 - sharp[..., None]) * soft, sharp, seen


def decibels(result: Array, photo: Array, inside: Array) -> float:
    error = np.square(result[inside].astype(np.float32) - photo[inside]).mean()
    return IDENTICAL if error == 0 else float(10 * np.log10(255**2 / error))


def same(result: Array, photo: Array, inside: Array) -> float:
    return float((result[inside] == photo[inside]).all(axis=1).mean())


def measure(pixels: Array, matte: Array, renderer: Renderer) -> dict[str, float]:
    """All figures of one photo; `sharp_inside` is the mean of the shipped model's sharp map there."""
    seen = draw_on_canvas(*aim(renderer.estimate_scene(pixels), renderer.options)[:2])
    height, width = seen[0].shape[:2]
    whole = cv2.resize(matte, pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    reach = math.ceil(3 * pixels.shape[0] / height + 2 * pixels.shape[0] / matte.shape[0])
    inside = cv2.erode((whole > 0.5).astype(np.uint8), square(2 * reach + 1)) == 1
    carried = carry_to_full_size(pixels, *perfect(pixels, whole, height, width))
    found = {"carried": decibels(carried, pixels, inside), "carried_same": same(carried, pixels, inside)}
    del carried
    shipped = carry_to_full_size(pixels, *seen)
    found |= {"shipped": decibels(shipped, pixels, inside), "shipped_same": same(shipped, pixels, inside)}
    del shipped
    sharp = resize(seen[1], *pixels.shape[:2])[inside].mean()
    off = Renderer(RenderOptions(aperture=math.inf)).render(pixels)
    return found | {"sharp_inside": float(sharp), "off_same": float((off == pixels).all(axis=2).mean())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--megapixels", type=float, default=24)
    parser.add_argument("--photo", type=Path, action="append", default=[], help="measured in place of the examples")
    parser.add_argument("--matte", type=Path, action="append", default=[], help="of that photo: grey, white is subject")
    options = parser.parse_args()
    if len(options.photo) != len(options.matte):
        parser.error("give a --matte for every --photo")
    renderer, found = Renderer(), {}
    for photo, matte in zip(options.photo, options.matte, strict=True):
        grey = cv2.imread(str(matte), cv2.IMREAD_GRAYSCALE)
        if grey is None:
            parser.error(f"{matte}: no picture")
        found[photo.stem] = measure(enlarged(photo, options.megapixels), (grey / 255).astype(np.float32), renderer)
    if not options.photo:
        for name in ("whale", "path"):
            pixels = enlarged(ROOT / f"{name}.jpg", options.megapixels)
            found[name] = measure(pixels, subject_of_map(ROOT / f"{name}-depth.png"), renderer)
        found["cairn, drawn matte"] = measure(*stitched(ROOT / "cairn.jpg", options.megapixels), renderer)
    table = Table(
        "photo", *(name.replace("_", " ") for name in COLUMNS), title=f"{options.megapixels:g} megapixels, dB"
    )
    for name, figures in found.items():
        table.add_row(name, *(f"{figures[key]:.{1 if key in ('carried', 'shipped') else 3}f}" for key in COLUMNS))
    Console().print(table)
    print(json.dumps({name: {key: round(value, 4) for key, value in row.items()} for name, row in found.items()}))


if __name__ == "__main__":
    main()
