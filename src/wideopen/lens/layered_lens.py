"""A wide lens on a scene of layers.

A scene is a few RGBA layers, each on a plane whose disparity is linear in x and y (a ground, a tilted wall, an
upright subject). Seen through an aperture, a point of disparity d draws the aperture's shape, K * |d - focus| px in
radius, in linear light (the geometry of MPIB and BokehDiff, here with blurred premultiplied layers in place of rays).
Layers are blurred one by one and composited far to near, so what is in focus is never stained by what lies behind it,
and a blurred foreground lets the background through.

One thing that misses: where the edge of a blurred layer lies over another blurred one, rays that pass the edge see
only a part of the disc behind it. There the aperture is cut into small cells, each of them an aperture through which
the layers are seen and composited, and the light of all is summed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float32
from wideopen.lens.apertures import SHARP_RADIUS_PX, Aperture, cell_shares, second_moments
from wideopen.lens.defocus import Span, blur
from wideopen.lens.highlights import raise_lamps
from wideopen.scene.background_depth import Plane

Window = tuple[Span, Span]

TILE_PX = 128
"""Where cells of the aperture are followed one by one, the picture is worked on in squares of this side."""
DOUBT = 0.004
"""Opacity that far from 0 and 1 counts as neither."""


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


def render_layers(
    layers: Sequence[Layer],
    blur_px_per_disparity: float,
    focus_disparity: float,
    highlight_gain: float = 4.0,
    aperture: Aperture | None = None,
) -> Float32:
    """Photograph a scene.

    Args:
        layers: nearest first; the last one should be opaque. Linear light in [0, 1].
        blur_px_per_disparity: K, the disc's radius in px for each unit of disparity away from the focus.
        focus_disparity: disparity of what is in focus.
        highlight_gain: brightness given to lamps that the camera clipped (`highlights.raise_lamps`); 1 leaves them.
        aperture: a disc if None.

    Returns:
        HxWx3 float32 linear light in [0, 1].
    """
    if not layers:
        raise ValueError("a scene needs at least one layer")
    height, width = layers[0].color.shape[:2]
    aperture = aperture or Aperture()
    lit = [_light(layer, blur_px_per_disparity, focus_disparity, highlight_gain) for layer in reversed(layers)]
    result, doubt = _composite(lit, aperture, ((0, height), (0, width)))
    behind, in_front = dict(cell_shares(aperture)), dict(cell_shares(aperture.in_front))
    shares = {cell: (behind.get(cell, 0.0), in_front.get(cell, 0.0)) for cell in {**behind, **in_front}}
    for window in _tiles(doubt):
        part = slice(*window[0]), slice(*window[1])
        through = sum(_composite(lit, aperture, window, cell, share)[0] for cell, share in shares.items())
        result[part] = np.where(doubt[part][..., None], np.asarray(through, np.float32), result[part])
    return np.minimum(result, np.float32(1.0))


@dataclass(frozen=True)
class _Light:
    """A layer ready for the lens."""

    image: Float32
    """HxWx4 premultiplied, or HxWx3 if the layer is opaque."""
    radius: Float32
    """HxW signed blur radius in px, positive behind the plane in focus."""
    slope: tuple[float, float]
    """Growth of -radius along x and y: how far the plane leans."""


def _light(layer: Layer, blur_px_per_disparity: float, focus_disparity: float, gain: float) -> _Light:
    image = raise_lamps(layer.color, gain)
    radius = blur_px_per_disparity * (focus_disparity - layer.plane.disparity(*image.shape[:2]))
    if layer.alpha is not None:
        alpha = layer.alpha[..., None]
        image = np.concatenate([image * alpha, alpha], axis=2)
    return _Light(image, radius, (blur_px_per_disparity * layer.plane.dx, blur_px_per_disparity * layer.plane.dy))


def _composite(
    lit: Sequence[_Light],
    aperture: Aperture,
    window: Window,
    cell: tuple[int, int] | None = None,
    share: tuple[float, float] = (1.0, 1.0),
) -> tuple[Float32, NDArray[np.bool_]]:
    """A window of the scene through one cell of the aperture (all of it if None), and where that is only nearly right.

    Args:
        lit: farthest first.
        share: of the light, that the cell lets through behind the focus and in front of it, which `Aperture.rim` makes
            differ.
    """
    part = slice(*window[0]), slice(*window[1])
    shape = window[0][1] - window[0][0], window[1][1] - window[1][0]
    result: Float32 = np.zeros((*shape, 3), np.float32)
    doubt, blurred = np.zeros(shape, bool), np.zeros(shape, bool)
    for light in lit:
        seen = blur(light.image, light.radius, aperture, cell, window)
        if light.slope != (0.0, 0.0):
            seen = _lean(seen, light.radius[part], light.slope, second_moments(aperture, cell))
        spread = np.abs(light.radius[part]) > SHARP_RADIUS_PX
        weight: Float32 | float = 1.0
        if cell is not None:
            weight = np.where(light.radius[part] < 0, np.float32(share[1]), np.float32(share[0]))[..., None]
        if light.image.shape[2] == 3:
            result, doubt, blurred = np.asarray(weight * seen, np.float32), np.zeros(shape, bool), spread
            continue
        alpha = seen[..., 3]
        result = np.asarray(weight * seen[..., :3] + (1.0 - alpha[..., None]) * result, np.float32)
        doubt = (doubt | (spread & blurred & (alpha > DOUBT))) & (alpha < 1.0 - DOUBT)
        blurred |= spread & (alpha > DOUBT)
    return result, doubt


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


def _tiles(mask: NDArray[np.bool_]) -> Iterator[Window]:
    """Squares of a grid that hold anything of the mask."""
    height, width = mask.shape
    for top in range(0, height, TILE_PX):
        for left in range(0, width, TILE_PX):
            rows, columns = (top, min(top + TILE_PX, height)), (left, min(left + TILE_PX, width))
            if mask[slice(*rows), slice(*columns)].any():
                yield rows, columns
