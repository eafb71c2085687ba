"""Condition channels: what a user sets, as planes beside the photo's RGB.

aperture  one value all over: the blur radius for each unit of disparity away from the focus, as a share of the short
          side, over `APERTURE_UNIT`; 0 is "off". A unit of disparity is the subject's own.
focus     zeros: find the subject; a Gaussian spot: what lies there is in focus.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[Any]
Point = tuple[float, float]
"""x and y as shares of width and height."""

CONDITIONS = ("aperture", "focus")
APERTURE_UNIT = 0.1
SPOT = 0.04
"""Standard deviation of the spot, as a share of the short side."""


def focus_plane(height: int, width: int, point: Point | None) -> Float:
    """HxW float32 in [0, 1], 1 at the point; zeros without one."""
    if point is None:
        return np.zeros((height, width), np.float32)
    sigma = SPOT * min(height, width)
    across, down = (
        np.exp(-0.5 * ((np.arange(side) + 0.5 - place * side) / sigma) ** 2)
        for side, place in ((width, point[0]), (height, point[1]))
    )
    return np.outer(down, across).astype(np.float32)


def aperture_plane(height: int, width: int, blur: float) -> Float:
    """HxW float32 of a blur radius for each unit of disparity, as a share of the short side."""
    return np.full((height, width), blur / APERTURE_UNIT, np.float32)


def condition_planes(
    names: tuple[str, ...], height: int, width: int, *, blur: float = 0.0, point: Point | None = None
) -> Float:
    """CxHxW float32: the named conditions in their order."""
    made = {"aperture": lambda: aperture_plane(height, width, blur), "focus": lambda: focus_plane(height, width, point)}
    planes = [made[name]() for name in names]
    return np.stack(planes) if planes else np.zeros((0, height, width), np.float32)
