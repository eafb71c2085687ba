"""Strokes painted on a photo: what they say, and which pixels they paint.

A stroke is a line of points and a brush's radius, drawn exactly at whatever size it is asked for, or an area of a
picture. `stroke_file` reads them.
"""

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float

Kind = Literal["keep", "give", "depth", "also"]
Mask = NDArray[np.bool_]
Point = tuple[float, float]


@dataclass(frozen=True, eq=False)
class Stroke:
    """What a hand says of a part of the photo."""

    kind: Kind
    """`keep`: the subject's. `give`: the background's. `depth`: as far away as what the line ends on. `also`: the whole
    thing there is a further subject."""
    points: tuple[Point, ...] = ()
    """Of the line, one or more, in shares of the photo's width and height; of `also` a point on the thing, or two
    opposite corners of a rectangle around it."""
    radius: float = 0.01
    """Of the brush, in shares of the photo's longer side."""
    softness: float = 0.0
    """Of the brush, 0 to 1: the share of its radius over which what is painted fades out; a line's alone."""
    area: Mask | None = None
    """hxw of the photo's shape and any size, in place of a line."""

    @property
    def key(self) -> Hashable:
        """Equal for strokes that are."""
        area = None if self.area is None else (self.area.shape, self.area.tobytes())
        return self.kind, self.points, self.radius, self.softness, area

    def painted(self, rows: slice, columns: slice, shape: tuple[int, ...]) -> Mask:
        """Which pixels are painted: those whose centre lies within the radius of the line, as far as it is not soft,
        or in the area.

        Args:
            rows, columns: plain slices within the photo.
            shape: height and width of the photo, at any size.

        Returns HxW of the tile, the same whatever the tiling; of `also`, which is no hint of pixels, none.
        """
        if self.area is not None:
            y, x = np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop)
            tall, wide = self.area.shape
            return self.area[np.ix_((y * 2 + 1) * tall // (2 * shape[0]), (x * 2 + 1) * wide // (2 * shape[1]))]
        if self.kind == "also":
            return np.zeros((rows.stop - rows.start, columns.stop - columns.start), bool)
        reach = self._reach(1 - self.softness, shape)
        found: Mask = self._squared_distance(rows, columns, reach, shape) <= reach * reach
        return found

    def share(self, rows: slice, columns: slice, shape: tuple[int, ...]) -> Float:
        """HxW share in [0, 1] to which pixels are painted: 1 where `painted` says so, 0 from the brush's radius on.

        `rows`, `columns`, `shape`: as of `painted`.
        """
        painted = self.painted(rows, columns, shape)
        if not self.softness or not self.points or self.kind == "also":
            return painted.astype(np.float32)
        reach = self._reach(1, shape)
        beyond = np.sqrt(self._squared_distance(rows, columns, reach, shape)) - self._reach(1 - self.softness, shape)
        fading = (1 - beyond / (self.softness * reach)).clip(0, 1).astype(np.float32)
        return np.where(painted, np.float32(1), fading)

    def _reach(self, share: float, shape: tuple[int, ...]) -> float:
        """A share of the radius, in px; at least the pixels that the line goes through."""
        return max(share * self.radius * max(shape), 0.71)

    def _squared_distance(self, rows: slice, columns: slice, reach: float, shape: tuple[int, ...]) -> Float:
        """HxW px², from the line where that is within `reach` px; elsewhere it may be infinite."""
        y, x = np.arange(rows.start, rows.stop), np.arange(columns.start, columns.stop)
        found = np.full((len(y), len(x)), np.inf)
        corners = [(px * shape[1] - 0.5, py * shape[0] - 0.5) for px, py in self.points]
        for start, end in zip(corners, corners[1:] or corners, strict=False):
            (left, right), (top, bottom) = sorted((start[0], end[0])), sorted((start[1], end[1]))
            i0, i1 = _within(top - reach, bottom + reach, rows)
            j0, j1 = _within(left - reach, right + reach, columns)
            if i0 < i1 and j0 < j1:
                here = found[i0:i1, j0:j1]
                np.minimum(here, _to_segment(x[None, j0:j1], y[i0:i1, None], start, end), out=here)
        return found

    def bounds(self) -> tuple[float, float, float, float]:
        """Left, top, right and bottom of what is painted, in shares of width and height; brush not counted."""
        if self.area is not None:
            tall, wide = self.area.shape
            i, j = np.flatnonzero(self.area.any(axis=1)), np.flatnonzero(self.area.any(axis=0))
            return float(j[0]) / wide, float(i[0]) / tall, float(j[-1] + 1) / wide, float(i[-1] + 1) / tall
        x, y = zip(*self.points, strict=True)
        return min(x), min(y), max(x), max(y)


def _within(low: float, high: float, part: slice) -> tuple[int, int]:
    """Which of the pixels `part` lie between two places, from 0."""
    first, last = int(np.floor(low)) - part.start, int(np.ceil(high)) + 1 - part.start
    return max(0, first), min(part.stop - part.start, last)


def _to_segment(x: Float, y: Float, start: Point, end: Point) -> Float:
    """Squared distances of points from a segment."""
    dx, dy = end[0] - start[0], end[1] - start[1]
    length = dx * dx + dy * dy
    along = (((x - start[0]) * dx + (y - start[1]) * dy) / length).clip(0, 1) if length > 0 else 0.0
    squared: Float = (x - start[0] - along * dx) ** 2 + (y - start[1] - along * dy) ** 2
    return squared
