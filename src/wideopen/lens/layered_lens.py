"""A wide lens on a scene of layers, and how much of each of them it sees.

A scene is a few RGBA layers, each on a plane whose disparity is linear in x and y (a ground, a tilted wall, an
upright subject). Seen through an aperture, a point of disparity d draws the aperture's shape, K * |d - focus| px in
radius, in linear light (the geometry of MPIB and BokehDiff, here with blurred premultiplied layers in place of rays).
Layers are blurred one by one and composited near to far, so what is in focus is never stained by what lies behind it,
and a blurred foreground lets the background through.

One thing that misses: where the edge of a blurred layer lies over another blurred one, rays that pass the edge see
only a part of the disc behind it. Following parts of the aperture one by one there costs ten times the rest and changes
pairs by 41 to 57 dB, nowhere to the eye (see the log).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from wideopen._types import Float32
from wideopen.lens.apertures import SHARP_RADIUS_PX, Aperture, second_moments
from wideopen.lens.defocus import blur
from wideopen.lens.highlights import raise_lamps
from wideopen.scene.background_depth import Plane
from wideopen.scene.matte_regions import smooth_step


@dataclass(frozen=True)
class Layer:
    """One layer of a scene."""

    color: Float32
    """HxWx3 linear light, not premultiplied."""
    plane: Plane
    alpha: Float32 | None = None
    """HxW opacity in [0, 1]; None is opaque everywhere."""

    def __post_init__(self) -> None:
        if self.color.ndim != 3 or self.color.shape[2] != 3:
            raise ValueError(f"a layer's colour must be HxWx3, not {self.color.shape}")
        if self.alpha is not None and self.alpha.shape != self.color.shape[:2]:
            raise ValueError(f"a layer's alpha {self.alpha.shape} must fit its colour {self.color.shape[:2]}")


@dataclass(frozen=True)
class Exposure:
    """A picture of a scene."""

    linear: Float32
    """HxWx3 linear light in [0, 1]."""
    shares: tuple[Float32, ...]
    """For each layer, nearest first, HxW share of each pixel that it fills; they sum to 1."""
    radii_px: tuple[Float32, ...]
    """For each layer its HxW blur radius, px."""

    def sharp(self, low_px: float, high_px: float) -> Float32:
        """HxW share of each pixel that is blurred by at most `low_px`, falling to none at `high_px`."""
        parts = (
            share * (1.0 - smooth_step(radius, low_px, high_px))
            for share, radius in zip(self.shares, self.radii_px, strict=True)
        )
        return np.asarray(sum(parts, np.zeros_like(self.shares[0])), np.float32)


def expose(
    layers: Sequence[Layer],
    blur_px_per_disparity: float,
    focus_disparity: float,
    highlight_gain: float,
    aperture: Aperture | None = None,
    light: Float32 | None = None,
    leaning: bool = False,
) -> Exposure:
    """Photograph a scene.

    Args:
        layers: nearest first; the last one is opaque. Linear light in [0, 1].
        blur_px_per_disparity: K, the disc's radius in px for each unit of disparity away from the focus; 0 is a
            pinhole.
        focus_disparity: disparity of what is in focus.
        highlight_gain: brightness given to lamps that the camera clipped (`highlights.raise_lamps`); 1 leaves them.
        aperture: a disc if None.
        light: HxWx3 light of lamps on the last layer, beyond 1.0.
        leaning: mend blurred layers for their planes' lean.
    """
    size, aperture = layers[0].color.shape[:2], aperture or Aperture()
    left: Float32 = np.ones(size, np.float32)
    result: Float32 = np.zeros((*size, 3), np.float32)
    shares, radii = [], []
    for layer in layers:
        image = raise_lamps(layer.color, highlight_gain)
        radius = blur_px_per_disparity * (focus_disparity - layer.plane.disparity(*size))
        radii.append(np.abs(radius))
        if layer.alpha is None:
            image = image if light is None else image + light
        else:
            alpha = layer.alpha[..., None]
            image = np.concatenate([image * alpha, alpha], axis=2)
        seen = blur(image, radius, aperture)
        if leaning and (layer.plane.dx, layer.plane.dy) != (0.0, 0.0):
            slope = blur_px_per_disparity * layer.plane.dx, blur_px_per_disparity * layer.plane.dy
            seen = _lean(seen, radius, slope, second_moments(aperture))
        result += left[..., None] * seen[..., :3]
        if layer.alpha is None:
            shares.append(left)
            break
        shares.append(left * seen[..., 3])
        left = np.asarray(left * (1.0 - seen[..., 3]), np.float32)
    return Exposure(np.clip(result, 0.0, 1.0), tuple(shares), tuple(radii))


def _lean(seen: Float32, radius: Float32, slope: tuple[float, float], moments: tuple[float, float, float]) -> Float32:
    """Mend a blurred layer for its plane's lean, to first order.

    A ray through the aperture's point w meets a plane of slope g at p + w s / (1 - w.g), with s = -radius: on
    average it lands s * mean(w (w.g)) aside of where an upright plane would be met.
    """
    uu, uv, vv = moments
    aside = np.where(np.abs(radius) > SHARP_RADIUS_PX, -radius, 0.0)[..., None]
    down, across = (np.gradient(seen, axis=axis) if seen.shape[axis] > 1 else 0.0 for axis in (0, 1))
    step = (uu * slope[0] + uv * slope[1]) * across + (uv * slope[0] + vv * slope[1]) * down
    return np.asarray(seen + aside * step, np.float32)
