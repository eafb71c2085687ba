"""A wide lens on a scene of layers.

A scene is a few RGBA layers, each on a plane whose disparity is linear in x and y (a ground, a tilted wall, an
upright subject). Seen through a disc aperture, a point of disparity d spreads over a disc of radius
K * |d - focus| px, in linear light (the geometry of MPIB and BokehDiff, here with blurred premultiplied layers in
place of rays). Layers are blurred one by one and composited far to near, so what is in focus is never stained by what
lies behind it, and a blurred foreground lets the background through. Exact but for one thing: where the edge of a
blurred layer lies over another blurred one, rays that pass it see a part of the disc behind, here the mean of all.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen.light import restore_highlights, roll_off_highlights

Float = NDArray[np.float32]

SHARP_RADIUS_PX = 0.5
"""A disc of this radius lies within its own pixel: at or below it nothing is blurred."""


@dataclass(frozen=True)
class Plane:
    """Disparity over a picture: d0 + dx*x + dy*y at pixel column x and row y, kept within [low, high]."""

    d0: float
    dx: float = 0.0
    dy: float = 0.0
    low: float = -np.inf
    high: float = np.inf

    def disparity(self, height: int, width: int) -> Float:
        """HxW float32 map."""
        x, y = np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32)
        flat = np.float32(self.d0) + np.float32(self.dx) * x + np.float32(self.dy) * y[:, None]
        return np.clip(flat, self.low, self.high).astype(np.float32)


@dataclass(frozen=True)
class Layer:
    """One layer of a scene."""

    color: Float
    """HxWx3 linear light, not premultiplied."""
    plane: Plane
    alpha: Float | None = None
    """HxW opacity in [0, 1]; None is opaque everywhere."""

    def __post_init__(self) -> None:
        if self.color.ndim != 3 or self.color.shape[2] != 3:
            raise ValueError(f"a layer's colour must be HxWx3, not {self.color.shape}")
        if self.alpha is not None and self.alpha.shape != self.color.shape[:2]:
            raise ValueError(f"a layer's alpha {self.alpha.shape} must fit its colour {self.color.shape[:2]}")


def disc_kernel(radius_px: float) -> Float:
    """Anti-aliased disc that sums to 1, (2n+1)x(2n+1); the identity at 0.5 px and below."""
    n = max(int(np.ceil(radius_px - 0.5)), 0)
    axis = np.arange(-n, n + 1, dtype=np.float64)
    distance = np.hypot(axis, axis[:, None])
    kernel = np.clip(radius_px + 0.5 - distance, 0.0, 1.0) if n else np.ones((1, 1))
    return (kernel / kernel.sum()).astype(np.float32)


def blur(image: Float, radius_px: Float) -> Float:
    """Blur by a disc whose radius differs from pixel to pixel.

    Every output pixel is the mean of the disc around it (a gather). Discs are drawn at a bank of radii and mixed
    linearly between neighbours in the bank; each is computed only on the part of the picture that asks for it.
    The picture is mirrored at its borders, so they neither darken nor lose light on average.

    Args:
        image: HxWxC float32, linear light (premultiplied where it has alpha).
        radius_px: HxW radii in px.

    Returns:
        HxWxC float32, equal to `image` bit for bit wherever the radius is 0.5 px or less.
    """
    largest = float(radius_px.max(initial=0.0))
    if largest <= SHARP_RADIUS_PX:
        return image
    bank = _radii(largest)
    position = np.interp(radius_px, bank, np.arange(len(bank))).astype(np.float32)
    across, down = (position.min(axis=1), position.max(axis=1)), (position.min(axis=0), position.max(axis=0))
    result = np.zeros_like(image)
    for index, radius in enumerate(bank):
        rows, columns = _extent(across, index), _extent(down, index)
        if rows is None or columns is None:
            continue
        part = (slice(*rows), slice(*columns))
        weight = np.maximum(1.0 - np.abs(position[part] - index), 0.0)
        result[part] += weight[..., None] * _disc_blur(image, radius, rows, columns)
    return result


def render_layers(
    layers: Sequence[Layer], blur_px_per_disparity: float, focus_disparity: float, highlight_gain: float = 4.0
) -> Float:
    """Photograph a scene.

    Args:
        layers: nearest first; the last one should be opaque. Linear light in [0, 1].
        blur_px_per_disparity: K, the disc's radius in px for each unit of disparity away from the focus.
        focus_disparity: disparity of what is in focus.
        highlight_gain: brightness given to clipped white before the blur, rolled off after it; 1 leaves it.

    Returns:
        HxWx3 float32 linear light in [0, 1].
    """
    if not layers:
        raise ValueError("a scene needs at least one layer")
    height, width = layers[0].color.shape[:2]
    result = np.zeros((height, width, 3), np.float32)
    for layer in reversed(layers):
        color = restore_highlights(layer.color, highlight_gain)
        radius = blur_px_per_disparity * np.abs(layer.plane.disparity(height, width) - focus_disparity)
        if layer.alpha is None:
            result = blur(color, radius)
            continue
        alpha = layer.alpha[..., None]
        rgba = blur(np.concatenate([color * alpha, alpha], axis=2), radius)
        result = rgba[..., :3] + (1.0 - rgba[..., 3:]) * result
    return roll_off_highlights(result, highlight_gain)


def _radii(largest: float) -> Float:
    """The bank: half a px apart while small, 15 % apart later; from the identity to the largest asked for."""
    bank = [SHARP_RADIUS_PX]
    while bank[-1] < largest:
        bank.append(min(max(bank[-1] + 0.5, bank[-1] * 1.15), largest))
    return np.array(bank, np.float32)


def _extent(position: tuple[Float, Float], index: int) -> tuple[int, int] | None:
    """First and last row (or column) + 1 that may hold a pixel within one step of the bank's entry `index`.

    `position` is the smallest and the largest place in the bank that each row asks for.
    """
    low, high = position
    places = np.flatnonzero((high > index - 1) & (low < index + 1))
    return (int(places[0]), int(places[-1]) + 1) if len(places) else None


def _disc_blur(image: Float, radius: float, rows: tuple[int, int], columns: tuple[int, int]) -> Float:
    """Blur only rows x columns of the image, reading as far around them as the disc reaches."""
    kernel = disc_kernel(float(radius))
    reach = kernel.shape[0] // 2
    top, left = max(rows[0] - reach, 0), max(columns[0] - reach, 0)
    area = image[top : rows[1] + reach, left : columns[1] + reach]
    if reach:
        area = np.asarray(cv2.filter2D(area, -1, kernel, borderType=cv2.BORDER_REFLECT), np.float32)
    area = area.reshape(*area.shape[:2], image.shape[2])
    return area[rows[0] - top : rows[1] - top, columns[0] - left : columns[1] - left]
