"""A small depth map lifted to the edges of its photo, tile by tile.

    at working size   the map as a local linear model of the photo's colours (guided filter), and the least and the
                      greatest disparity that the map has about one of its own pixels away
    at full size      disparity from the models and the photo's own pixels, held between the two

The filter alone leaks where colours on both sides of an edge are alike; held between values that the map has nearby,
it never invents a depth.
"""

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float, Pixels
from wideopen.image.guided_filter import guided_coefficients
from wideopen.image.resize import resize

WORKING_PIXELS = 1 << 20
"""Size at which the models are found; up to twice that for maps that are larger themselves."""
REACH, RADIUS = 1.5, 2.5
"""How far the least and the greatest value are looked for, and how far the filter sees, in pixels of the map."""
DECIDED = 2.0
"""How much what the filter leaves between near and far is moved to one of them; 1 moves nothing."""
EPS = 1e-3
"""Variance of the photo's colours (of [0, 1]) below which it counts as flat."""


class Lifted:
    """A disparity map at its photo's size, worked out where it is asked for.

    Args:
        disparity: hxw float32 of the same shape as the photo but for rounding, of any size.
        photo: HxWx3 sRGB-encoded: uint8, uint16, or float32 in [0, 1]. Not kept.

    A map that is as large as the photo, but for one pixel, is used as it is; a larger one is averaged down.
    """

    def __init__(self, disparity: Float, photo: Pixels) -> None:
        self.shape = photo.shape[:2]
        height, width = self.shape
        rows, columns = disparity.shape
        self._models: Float | None = None
        self._whole: Float | None = None
        if rows >= height - 1 and columns >= width - 1:
            self._whole = np.ascontiguousarray(resize(disparity, height, width), np.float32)
            return
        pixels = min(max(rows * columns, WORKING_PIXELS), 2 * WORKING_PIXELS)
        scale = min(1.0, math.sqrt(pixels / (height * width)))
        self._models = _models(disparity, photo, max(1, round(height * scale)), max(1, round(width * scale)))

    def at(self, rows: slice, columns: slice, photo: Pixels) -> Float:
        """Disparity of one tile, the same whatever the tiling.

        Args:
            rows, columns: plain slices within the photo.
            photo: the photo's pixels there, of the type given before.

        Returns HxW float32 of the tile, between the least and the greatest value of the map.
        """
        if self._models is None:
            assert self._whole is not None
            return self._whole[rows, columns]
        return _down(self._models, rows, columns, self.shape, photo)


def lift(values: Float, photo: Pixels) -> Float:
    """A map at the size of its photo, in one piece; see `Lifted`."""
    height, width = photo.shape[:2]
    return Lifted(values, photo).at(slice(0, height), slice(0, width), photo)


def _models(disparity: Float, photo: Pixels, height: int, width: int) -> Float:
    """heightx6xwidth: slopes in the photo's own red, green and blue, offset, least, greatest."""
    guide = resize(photo, height, width)
    white = np.float32(1 if guide.dtype.kind == "f" else np.iinfo(guide.dtype).max)
    guide = (guide.astype(np.float32) / white).clip(0, 1)
    enlarged = max(1.0, width / disparity.shape[1])
    values = np.ascontiguousarray(resize(disparity, height, width), np.float32)
    # A map's edge is off by up to one of its own pixels, and on either side of it the true depth must be in reach.
    square = np.ones((2 * math.ceil(REACH * enlarged) + 1,) * 2, np.uint8)
    least, greatest = cv2.erode(values, square), cv2.dilate(values, square)
    radius = max(4, math.ceil(RADIUS * enlarged))
    slopes = guided_coefficients(guide, values, radius, EPS)
    slopes[..., :3] /= white
    planes = [*cv2.split(slopes), least, greatest]
    return np.stack(planes, axis=1)


def _decide(value: Float, least: Float, greatest: Float) -> Float:
    """Values between two others moved away from the middle and held within.

    What lies halfway stays, so a slope in depth, which is halfway everywhere, stays what it is.
    """
    moved = DECIDED * value - (DECIDED - 1) / 2 * (least + greatest)
    held: Float = np.minimum(np.maximum(moved, least), greatest)
    return held


def _across(models: Float, columns: slice, width: int) -> Float:
    """Columns of hx6xw enlarged to `width`, linearly."""
    first, share = _places(columns, width, models.shape[2])
    left, right = models[..., first], models[..., np.minimum(first + 1, models.shape[2] - 1)]
    wide: Float = left + share * (right - left)
    return wide


def _down(models: Float, rows: slice, columns: slice, size: tuple[int, int], photo: Pixels) -> Float:
    """Rows of hx6xW enlarged to `height`, linearly, and the photo put into the models. One row at a time, which
    keeps it in the processor's cache."""
    planes = cv2.split(photo.clip(0, 1) if photo.dtype.kind == "f" else photo)
    if models.shape[::2] == size:  # Nothing is to be enlarged.
        own = models[rows, :, columns].swapaxes(0, 1)
        whole: Float = own[3].copy()
        for slope, plane in zip(own[:3], planes, strict=True):
            whole += np.multiply(slope, plane, dtype=np.float32)
        return _decide(whole, own[4], own[5])
    first, share = _places(rows, size[0], models.shape[0])
    start, last = int(first[0]), models.shape[0] - 1
    wide = _across(models[start : min(int(first[-1]) + 1, last) + 1], columns, size[1])
    steps = np.concatenate([wide[1:] - wide[:-1], np.zeros_like(wide[:1])])
    lifted = np.empty(photo.shape[:2], np.float32)
    model, term = np.empty_like(wide[0]), np.empty_like(wide[0, 0])
    for row, (source, weight) in enumerate(zip(first - start, share, strict=True)):
        np.multiply(steps[source], weight, out=model)
        model += wide[source]
        value = model[3]
        for slope, plane in zip(model[:3], planes, strict=True):
            value += np.multiply(slope, plane[row], out=term, dtype=np.float32)
        lifted[row] = _decide(value, model[4], model[5])
    return lifted


def _places(part: slice, size: int, source: int) -> tuple[NDArray[np.intp], Float]:
    """For pixels `part` of `size`: which of `source` pixels lie before them, and how far on they are, in [0, 1].

    Every pixel by itself and in plain NumPy, so that it comes out the same in whatever tile it lies.
    """
    centres = (np.arange(part.start or 0, size if part.stop is None else part.stop) + 0.5) * (source / size) - 0.5
    centres = centres.clip(0, source - 1)
    first = np.floor(centres).astype(np.intp)
    return first, (centres - first).astype(np.float32)
