"""Where the background of a photo lies: a guess at its depth from what the photo shows.

There is no depth in a photo and its matte. What can be told: the row where the subject meets the ground, whether it
is cut off by the frame, and whether there is sky. The rest is drawn at random, once for a photo, so that several
pairs of it disagree in the lens and not in the scene. Disparity is counted in units of the subject's.
"""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float32


@dataclass(frozen=True)
class Plane:
    """Disparity over a picture: d0 + dx*x + dy*y at pixel column x and row y, kept within [low, high]."""

    d0: float
    dx: float = 0.0
    dy: float = 0.0
    low: float = -np.inf
    high: float = np.inf

    def disparity(self, height: int, width: int) -> Float32:
        """HxW float32 map."""
        x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
        flat = np.float32(self.d0) + np.float32(self.dx) * x + np.float32(self.dy) * y[:, None]
        return np.clip(flat, self.low, self.high).astype(np.float32)


SUBJECT_DISPARITY = 1.0
"""Disparity is counted here in units of the subject's, so that K is the blur radius at infinity."""

NEAREST_GROUND = 2.0 * SUBJECT_DISPARITY
REACH = 3.0
"""Relative disparity is held within this."""
FARTHEST = 0.02
"""Share of the photo that may lie farther away than what counts as its farthest."""
LEAST_DEPTH = 0.25
"""A scene counts as at least this deep, in units of the subject's disparity."""


@dataclass(frozen=True)
class Corner(Plane):
    """A ground (this plane) that ends at a wall: everywhere the nearer of the two."""

    wall: Plane = Plane(0.0)

    def disparity(self, height: int, width: int) -> Float32:
        """HxW float32 map."""
        return np.maximum(super().disparity(height, width), self.wall.disparity(height, width))


@dataclass(frozen=True)
class Surface:
    """The background's depth, and what it is called in a manifest."""

    kind: str
    """`ground`, `ground-wall`, `wall` or `far`."""
    plane: Plane
    horizon: float
    """Row (px) at which the ground would reach infinity."""
    foot: float
    """Row (px) at which the ground is as far away as the subject."""

    def row_of(self, disparity: float) -> float:
        """Row (px) at which something at that disparity stands on the ground."""
        return self.horizon + disparity / SUBJECT_DISPARITY * (self.foot - self.horizon)


def draw_surface(rng: np.random.Generator, size: tuple[int, int], foot: float, sky: float) -> Surface:
    """A background that fits the photo.

    Args:
        size: height and width of the photo in px.
        foot: row where the subject stands, in px; below the photo if it is cut off by its lower edge.
        sky: lowest row of sky in px, 0 if there is none.
    """
    height, width = size
    choice, level, near, tilt = rng.random(), rng.uniform(0.22, 0.5), rng.random(), rng.uniform(-1, 1)
    # Never so close above the foot that the ground would stand up like a wall, or come closer than half way to us.
    horizon = min(max(level * height, 1.05 * sky), foot - 0.3 * height, foot - 0.9 * (height - foot))
    slope = SUBJECT_DISPARITY / (foot - horizon)
    ground = Plane(-slope * horizon, dy=slope, low=0.0, high=NEAREST_GROUND)
    distance = float(np.exp(np.log(0.12) + near * np.log(0.55 / 0.12)))
    if sky:
        return Surface("ground", ground, horizon, foot)
    if foot <= height or choice < 0.5:
        if choice < (0.3 if foot <= height else 0.15):
            return Surface("ground", ground, horizon, foot)
        wall = _wall(distance, 0.5 * tilt, width)
        corner = Corner(ground.d0, ground.dx, ground.dy, ground.low, ground.high, wall=wall)
        return Surface("ground-wall", corner, horizon, foot)
    if choice < 0.75:
        return Surface("wall", _wall(distance, tilt, width), horizon, foot)
    return Surface("far", Plane(0.3 * distance), horizon, foot)


def _wall(disparity: float, tilt: float, width: int) -> Plane:
    """A wall of that disparity in mid-frame, nearer on one side by `tilt` of it, never as near as the subject."""
    slope = disparity * tilt / (0.5 * width)
    return Plane(disparity * (1.0 - tilt), dx=slope, low=0.0, high=0.85 * SUBJECT_DISPARITY)


def scene_depth(disparity: NDArray[np.floating[Any]]) -> float:
    """From the subject to the farthest that is seen, in the units of `disparity`, which are the subject's.

    A photo does not tell how far away a wall is, but which part of it is farthest: counted in this unit, what a
    network has to say can be known.
    """
    return max(1.0 - float(np.quantile(disparity, FARTHEST)), LEAST_DEPTH)


def find_sky(encoded: Float32) -> float:
    """Lowest row (px) of a bright, smooth, not warm area that fills the top of a photo; 0 if there is none.

    `encoded`: HxWx3 sRGB-encoded in [0, 1].
    """
    height, width = encoded.shape[:2]
    scale = 96.0 / width
    small = cv2.resize(encoded, (96, max(round(height * scale), 8)), interpolation=cv2.INTER_AREA)
    detail = np.asarray(cv2.blur(np.abs(cv2.Laplacian(small, cv2.CV_32F)).max(axis=2), (3, 3)), np.float32)
    sky = (detail < 0.06) & (small.mean(axis=2) > 0.42) & (small[..., 2] > small[..., 0] - 0.04)
    _, labels = cv2.connectedComponents(sky.astype(np.uint8))
    top = np.unique(labels[:2])
    sky &= np.isin(labels, top[top > 0])
    if sky[:4].mean() < 0.6 or sky.mean() < 0.08:
        return 0.0
    lowest = np.where(sky.any(axis=0), len(sky) - np.argmax(sky[::-1], axis=0), 0)
    return float(np.median(lowest) / scale)
