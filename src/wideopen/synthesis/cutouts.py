"""Subjects cut out of other photos and put into a scene: a second subject, or an obstacle close to the camera."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from wideopen._types import Float32
from wideopen.errors import PhotoError
from wideopen.lens.layered_lens import Layer
from wideopen.scene.background_depth import SUBJECT_DISPARITY, Plane, Surface
from wideopen.synthesis.sources import Source, read_matte, read_photo
from wideopen.synthesis.subject_layers import fill_background, foreground_color, take_apart

Fits = Callable[[frozenset[str]], bool]
"""Whether a cut-out may be cut off at these sides of its photo."""

TRIES = 8
LARGEST_SCALE = 1.25
"""A cut-out enlarged more than this would look soft in what should be a sharp input."""


@dataclass(frozen=True)
class Cutout:
    """A subject without its photo."""

    stem: str
    color: Float32
    """HxWx3 linear light."""
    alpha: Float32
    """HxW in [0, 1], cropped to what is there."""
    touches: frozenset[str]
    """Sides at which its photo's frame cuts it off: left, right, top, bottom."""
    light: Float32
    """Bright end of its photo's (R, G, B), linear."""


@dataclass(frozen=True)
class Placed:
    """A cut-out in the scene."""

    stem: str
    layer: Layer
    disparity: float


def find_cutout(rng: np.random.Generator, sources: Sequence[Source], long_side: int, fits: Fits) -> Cutout | None:
    """A random usable one among `sources`: one solid piece with a sure matte, cut off only where `fits` allows."""
    for index in rng.permutation(len(sources))[:TRIES]:
        source = sources[int(index)]
        try:
            small = read_matte(source.matte, (256, 256))
            if not _usable(small) or not fits(_touched(small)):
                continue
            photo = read_photo(source.photo, long_side)
            matte = read_matte(source.matte, (photo.shape[0], photo.shape[1]))
        except PhotoError:
            continue
        return _cut(source.stem, photo, matte)
    return None


def place(draw: Callable[[], Placed | None], tries: int = 4) -> Placed | None:
    """The first of a few random placements that works."""
    return next((placed for placed in (draw() for _ in range(tries)) if placed), None)


def place_second(
    rng: np.random.Generator, cutout: Cutout, surface: Surface, subject: Float32, light: Float32
) -> Placed | None:
    """Stand a second subject on the ground, at another depth than the first.

    Args:
        cutout: cut off at most at its lower edge.
        surface: where the ground is.
        subject: HxW opacity of the first subject.
        light: bright end of the photo's (R, G, B), linear.

    Returns None where it would hide the first, hide behind it, or be too small to matter.
    """
    height, width = subject.shape
    behind = rng.random() < 0.7
    disparity = float(rng.uniform(0.35, 0.75) if behind else rng.uniform(1.25, 1.6)) * SUBJECT_DISPARITY
    tall, place = rng.uniform(0.45, 0.9), rng.random()
    foot = surface.row_of(disparity)
    size = tall * (foot - surface.horizon) * 1.6
    if "bottom" in cutout.touches or foot > height:
        # Whatever the frame of its own photo cut off, ours has to.
        foot, size = 1.04 * height, max(size, 0.5 * height)
    scale = min(size / cutout.alpha.shape[0], LARGEST_SCALE, 0.8 * width / cutout.alpha.shape[1])
    if scale * min(cutout.alpha.shape) < 0.08 * height or not 0.25 * height < foot:
        return None
    tall_px, wide_px = (max(round(side * scale), 1) for side in cutout.alpha.shape)
    left = round(place * (width - wide_px))
    placed = _paste(cutout, (tall_px, wide_px), round(foot) - tall_px, left, (height, width), disparity, light)
    seen, area = _alpha(placed), float(_alpha(placed).sum())
    shared = float((seen * subject).sum())
    if behind and (area < 1 or shared / area > 0.5):
        return None
    return None if not behind and shared > 0.2 * float(subject.sum()) else placed


def place_obstacle(rng: np.random.Generator, cutout: Cutout, subject: Float32, light: Float32) -> Placed | None:
    """Let something large reach into the frame from its border, much closer than the subject.

    None where it would hide more than a quarter of the subject, or hardly be seen.
    """
    height, width = subject.shape
    disparity = float(rng.uniform(1.7, 3.0)) * SUBJECT_DISPARITY
    left_side = "left" in cutout.touches or ("right" not in cutout.touches and rng.random() < 0.5)
    beyond, below, wanted = rng.uniform(0.0, 0.5), rng.uniform(0.05, 0.45), rng.uniform(0.5, 1.1) * height
    scale = min(wanted / max(cutout.alpha.shape), LARGEST_SCALE)
    tall_px, wide_px = (max(round(side * scale), 1) for side in cutout.alpha.shape)
    from_side = bool(cutout.touches & {"left", "right"})
    # What its own photo's frame cut off, ours has to; all else stands below the frame: nothing hangs in the air.
    outside = 0.04 if from_side else beyond
    left = round(-outside * wide_px) if left_side else round(width - (1.0 - outside) * wide_px)
    sunk = rng.random() if from_side and "bottom" not in cutout.touches else below
    top = round(height - (1.0 - sunk) * tall_px)
    placed = _paste(cutout, (tall_px, wide_px), top, left, (height, width), disparity, light)
    alpha = _alpha(placed)
    hidden = float((alpha * subject).sum()) / max(float(subject.sum()), 1.0)
    return placed if hidden < 0.25 and 0.015 < float(alpha.mean()) < 0.3 else None


def bright_end(linear: Float32) -> Float32:
    """(R, G, B) that a tenth of a photo exceeds, linear: what its light can be told by."""
    small = cv2.resize(linear, (64, 64), interpolation=cv2.INTER_AREA).reshape(-1, 3)
    return np.asarray(np.percentile(small, 90, axis=0), np.float32) + np.float32(0.02)


def _alpha(placed: Placed) -> Float32:
    assert placed.layer.alpha is not None
    return placed.layer.alpha


def _usable(matte: Float32) -> bool:
    solid = (matte > 0.9).astype(np.uint8)
    unsure = ((matte > 0.1) & (matte < 0.9)).astype(np.uint8)
    # Edges are soft; what is left of it when they are taken off are regions the matte does not know.
    regions = cv2.morphologyEx(unsure, cv2.MORPH_OPEN, np.ones((7, 7), np.uint8))
    if not 0.02 < solid.mean() < 0.5 or regions.mean() > 0.03 * solid.mean():
        return False
    _, _, stats, _ = cv2.connectedComponentsWithStats(solid)
    return bool(stats[1:, cv2.CC_STAT_AREA].max() > 0.95 * solid.sum())


def _touched(matte: Float32) -> frozenset[str]:
    # Mattes fade out before the frame's edge: a strip of 4 % tells what is cut off.
    deep, wide = (max(side // 25, 2) for side in matte.shape)
    sides = {"left": matte[:, :wide], "right": matte[:, -wide:], "top": matte[:deep], "bottom": matte[-deep:]}
    return frozenset(side for side, strip in sides.items() if (strip > 0.3).any())


def _largest_piece(alpha: Float32) -> Float32:
    _, labels, stats, _ = cv2.connectedComponentsWithStats((alpha > 0.02).astype(np.uint8))
    return np.asarray(alpha * (labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA]))), np.float32)


def _cut(stem: str, photo: Float32, matte: Float32) -> Cutout:
    scene = take_apart(photo, matte)
    plate = fill_background(scene, np.full(matte.shape, 99.0, np.float32))
    color = foreground_color(scene, plate)
    # The outermost rim is where a matte errs: leave it behind.
    alpha = _largest_piece(np.clip((scene.alpha - 0.12) / 0.88, 0.0, 1.0).astype(np.float32))
    rows, columns = (np.flatnonzero((alpha > 0.02).any(axis=axis)) for axis in (1, 0))
    box = (slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1))
    return Cutout(stem, color[box], alpha[box], _touched(matte), bright_end(scene.photo))


def _paste(
    cutout: Cutout, size: tuple[int, int], top: int, left: int, frame: tuple[int, int], disparity: float, light: Float32
) -> Placed:
    """The cut-out scaled to `size` (height, width), its upper left corner at (top, left), half way to our light."""
    gain = np.clip(np.sqrt(light / cutout.light), 0.5, 1.6)
    area = size[0] < cutout.alpha.shape[0]
    method = cv2.INTER_AREA if area else cv2.INTER_CUBIC
    alpha = np.clip(cv2.resize(cutout.alpha, size[::-1], interpolation=method), 0.0, 1.0)
    color = np.clip(cv2.resize(cutout.color, size[::-1], interpolation=method) * gain, 0.0, 1.0)
    move = np.array([[1, 0, left], [0, 1, top]], np.float32)
    height, width = frame
    placed_alpha = cv2.warpAffine(alpha, move, (width, height), flags=cv2.INTER_NEAREST)
    placed_color = cv2.warpAffine(
        color, move, (width, height), flags=cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE
    )
    layer = Layer(placed_color.astype(np.float32), Plane(disparity), placed_alpha.astype(np.float32))
    return Placed(cutout.stem, layer, disparity)
