"""Encoded sRGB and linear light.

A lens mixes light, so every blur in this package happens on linear values; files, the network and losses use
the sRGB-encoded ones.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from wideopen.curve import ToneCurve

Float = NDArray[np.float32]
ENCODE_STEPS = 65535


def srgb_to_linear(encoded: Float) -> Float:
    """Decode sRGB values in [0, 1] to linear light in [0, 1] (IEC 61966-2-1), any shape, float32."""
    x = np.asarray(encoded, np.float32)
    return np.where(x <= 0.04045, x / 12.92, ((np.maximum(x, 0.0) + 0.055) / 1.055) ** 2.4).astype(np.float32)


def linear_to_srgb(linear: Float) -> Float:
    """Encode linear light in [0, 1] as sRGB values in [0, 1] (IEC 61966-2-1), any shape, float32."""
    x = np.asarray(linear, np.float32)
    curve = 1.055 * np.maximum(x, 0.0) ** (1 / 2.4) - 0.055
    return np.where(x <= 0.0031308, x * 12.92, curve).astype(np.float32)


def to_light(pixels: NDArray[Any], curve: "ToneCurve | None" = None) -> Float:
    """Linear light in [0, 1] of uint8, uint16 (by table) or float32 in [0, 1].

    Of any shape if sRGB-encoded, HxWx3 if encoded by a curve of its own.
    """
    if curve is not None:
        return curve.decode(pixels)
    if pixels.dtype == np.float32:
        return srgb_to_linear(pixels)
    steps = int(np.iinfo(pixels.dtype).max)
    if steps not in _DECODE:
        _DECODE[steps] = srgb_to_linear(np.arange(steps + 1, dtype=np.float32) / np.float32(steps))
    return _DECODE[steps][pixels]


def to_pixels(light: Float, dtype: Any, curve: "ToneCurve | None" = None) -> NDArray[Any]:
    """Linear light as encoded uint8, uint16 (by table, clipped and rounded) or float32; shapes as of `to_light`."""
    if curve is not None:
        encoded = curve.encode(light)
        return encoded if dtype == np.float32 else np.rint(encoded * np.float32(np.iinfo(dtype).max)).astype(dtype)
    if dtype == np.float32:
        return linear_to_srgb(light)
    steps = np.rint(np.sqrt(light.clip(0, 1)) * ENCODE_STEPS).astype(np.intp)
    return np.rint(_ENCODE[steps] * np.float32(np.iinfo(dtype).max)).astype(dtype)


_DECODE: dict[int, Float] = {}
# Spaced by square root, the curve's own shape nearly: no step is wider than 1.5 steps of 16 bits.
_ENCODE = linear_to_srgb((np.arange(ENCODE_STEPS + 1, dtype=np.float32) / np.float32(ENCODE_STEPS)) ** 2)
