"""Rectangles of a picture: where they lie, what they share, how they grow."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Area = tuple[slice, slice]
"""(rows, columns), both with start and stop."""


def whole(shape: tuple[int, ...]) -> Area:
    """All of a picture of (height, width, ..)."""
    return slice(0, shape[0]), slice(0, shape[1])


def tiles(shape: tuple[int, ...], side: int) -> Iterator[Area]:
    """Squares of `side` px that cover a picture, smaller at its right and lower border."""
    for top in range(0, shape[0], side):
        for left in range(0, shape[1], side):
            yield slice(top, min(top + side, shape[0])), slice(left, min(left + side, shape[1]))


def grown(area: Area, margin: float, shape: tuple[int, ...]) -> Area:
    """The area and `margin` px around it, as far as the picture goes."""
    reach = int(np.ceil(margin))
    rows, columns = (
        slice(max(side.start - reach, 0), min(side.stop + reach, length))
        for side, length in zip(area, shape, strict=False)
    )
    return rows, columns


def common(first: Area, second: Area) -> Area | None:
    """What two areas share; None if nothing."""
    rows, columns = (slice(max(a.start, b.start), min(a.stop, b.stop)) for a, b in zip(first, second, strict=True))
    return (rows, columns) if rows.start < rows.stop and columns.start < columns.stop else None


def seen_from(area: Area, origin: Area) -> Area:
    """The area in the coordinates of a picture that is `origin` cut out."""
    rows, columns = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(area, origin, strict=True))
    return rows, columns


def box(mask: NDArray[Any]) -> Area | None:
    """The smallest area that holds a mask; None if it is empty."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    if not len(rows):
        return None
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)


def scaled(area: Area, shape: tuple[int, ...], small: tuple[int, ...]) -> Area:
    """The pixels of a smaller version of a picture that lie in an area, and those beside them."""
    rows, columns = (
        slice(max(int(np.floor(side.start * few / many)) - 1, 0), min(int(np.ceil(side.stop * few / many)) + 1, few))
        for side, many, few in zip(area, shape, small, strict=False)
    )
    return rows, columns
