"""Shapes of a lens's aperture, and the discs of light they draw.

A point out of focus becomes a small picture of the aperture. Shapes are described on the unit disc (u to the right, v
up) and drawn as kernels of any radius: the light of a point *behind* the plane in focus. In front of it the picture is
turned by half a turn, as rays have crossed. Every kernel sums to 1: the photo's exposure already holds what an aperture
lets through.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float32
from wideopen.options import check_spans

SHARP_RADIUS_PX = 0.5
"""A disc of this radius lies within its own pixel: at or below it nothing is blurred."""
SAMPLES = 64
"""At least so many samples across a kernel decide which share of each of its pixels is lit."""


@dataclass(frozen=True)
class Aperture:
    """An opening that light passes through; the default is a disc."""

    blades: int = 0
    """Sides of a polygon inscribed in the disc, 3 to 11; 0 is a disc."""
    roundness: float = 0.0
    """0: straight blades; 1: bent so far that they form a disc."""
    rotation_deg: float = 0.0
    """Turn of the blades, degrees counterclockwise; at 0 a corner points up."""
    ring: float = 0.0
    """Share of the radius that is covered in the middle, as by the second mirror of a mirror lens."""
    squeeze: float = 1.0
    """Height : width of the opening; 2 is an anamorphic lens of 2x, whose discs are tall ovals."""
    vignette: float = 0.0
    """Optical vignetting: at the corners the discs are cut by the lens's barrel, an equal disc that lies this share
    of the diameter aside: cat's eyes. 0 to 1; nothing in the middle of the picture. Corners do not become darker."""
    rim: float = 0.0
    """Spherical aberration, -1 to 1: behind the focus, light at the fraction rho of the radius is 1 + rim (2 rho^2 - 1)
    times as bright, so that a disc has a bright rim (1) or a soft one (-1); in front of it, the other way round."""
    picture: NDArray[Any] | None = field(default=None, compare=False)
    """HxW of any values >= 0: a picture as aperture, as large as the disc's bounding square. Replaces the blades."""
    _key: bytes = field(default=b"", init=False, repr=False)

    def __post_init__(self) -> None:
        check_spans(self)
        if self.picture is not None:
            values = np.asarray(self.picture, np.float32)
            if values.ndim != 2 or values.size == 0 or not np.isfinite(values).all() or values.min() < 0:
                raise ValueError("an aperture's picture must be grey (HxW), finite and not negative")
            if values.max() <= 0:
                raise ValueError("an aperture's picture is black all over; paint white where light passes")
            object.__setattr__(self, "picture", values)
            object.__setattr__(self, "_key", values.tobytes() + repr(values.shape).encode())

    @cached_property
    def in_front(self) -> "Aperture":
        """The opening as light from in front of the focus shows it, before it is turned by half a turn."""
        return self if self.rim == 0 else replace(self, rim=-self.rim)

    def transmission(self, u: Float32, v: Float32, place: tuple[float, float] = (0.0, 0.0)) -> Float32:
        """Share of the light that passes at (u, v) of the unit disc, any shape, for a point at `place` of the picture.

        `place` is (right, down) of the middle in half diagonals: the corners have length 1.
        """
        across = u * max(self.squeeze, 1.0)
        up = v / min(self.squeeze, 1.0)
        if self.picture is not None:
            open_: Any = _sample(self.picture, across, up)
        else:
            distance = np.hypot(across, up)
            open_ = (distance <= self._boundary(across, up)) & (distance >= self.ring)
        if self.rim != 0:
            # The mean of rho^2 over a disc is 1/2: as much light passes as before.
            open_ = open_ * (1 + self.rim * (2 * np.minimum(across**2 + up**2, 1) - 1))
        if self.vignette > 0 and place != (0.0, 0.0):
            shift = 2.0 * self.vignette
            open_ = open_ * (np.hypot(u - shift * place[0], v + shift * place[1]) <= 1.0)
        return np.asarray(open_, np.float32)

    def _boundary(self, u: Float32, v: Float32) -> Any:
        """Radius of the opening in the direction of (u, v)."""
        if self.blades == 0 or self.roundness == 1:
            return 1.0
        half = np.pi / self.blades
        angle = np.arctan2(u, v) + np.deg2rad(self.rotation_deg)
        straight = np.cos(half) / np.cos(np.mod(angle, 2 * half) - half)
        return straight + self.roundness * (1.0 - straight)


def kernel(radius_px: float, aperture: Aperture | None = None, place: tuple[float, float] = (0.0, 0.0)) -> Float32:
    """Light that a point behind the plane in focus throws, (2n+1)x(2n+1), sums to 1; one pixel at 0.5 px and below.

    Args:
        radius_px: of the disc that the shape is drawn in.
        aperture: a disc if None.
        place: see `Aperture.transmission`.
    """
    return _kernel(round(float(radius_px), 4), aperture or Aperture(), place)


@lru_cache(maxsize=1024)
def second_moments(aperture: Aperture) -> tuple[float, float, float]:
    """Means of u*u, u*v and v*v over the light that passes, u to the right and v DOWN, in units of the radius."""
    passed = _samples(aperture, 32.0, 4, (0.0, 0.0)).astype(np.float64)
    axis = ((np.arange(len(passed)) + 0.5) / len(passed) * 2 - 1) * (len(passed) / 4 / 2 / 32.0)
    total = max(passed.sum(), 1e-12)
    means = ((passed * a * b).sum() / total for a, b in ((axis, axis), (axis, axis[:, None]), (axis[:, None],) * 2))
    uu, uv, vv = (float(mean) for mean in means)
    return uu, uv, vv


@lru_cache(maxsize=512)
def _kernel(radius: float, aperture: Aperture, place: tuple[float, float]) -> Float32:
    n = max(int(np.ceil(radius - 0.5)), 0)
    if n == 0 or radius <= SHARP_RADIUS_PX:
        return np.ones((1, 1), np.float32)
    fine = max(4, -(-SAMPLES // (2 * n + 1)))
    passed = _samples(aperture, radius, fine, place)
    drawn = passed.reshape(2 * n + 1, fine, 2 * n + 1, fine).mean(axis=(1, 3), dtype=np.float64)
    total = drawn.sum()
    if total <= 0:  # A barrel that lets nothing through: the ray in the middle stands for all.
        drawn[n, n] = total = 1.0
    drawn = (drawn / total).astype(np.float32)
    drawn.setflags(write=False)
    return np.asarray(drawn)


def _samples(aperture: Aperture, radius: float, fine: int, place: tuple[float, float]) -> Float32:
    n = max(int(np.ceil(radius - 0.5)), 0)
    count = (2 * n + 1) * fine
    axis = (((np.arange(count) + 0.5) / fine - n - 0.5) / radius).astype(np.float32)
    return aperture.transmission(axis[None, :], -axis[:, None], place)


def _sample(picture: Float32, u: Float32, v: Float32) -> Float32:
    """A picture that fills the square [-1, 1]^2, looked up at (u right, v up); 0 outside."""
    height, width = picture.shape
    columns, rows = np.broadcast_arrays((u + 1) * (0.5 * width) - 0.5, (1 - v) * (0.5 * height) - 0.5)
    columns, rows = columns.astype(np.float32), rows.astype(np.float32)
    return np.asarray(cv2.remap(picture, columns, rows, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT))
