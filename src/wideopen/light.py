"""Encoded sRGB and linear light, and highlights beyond white.

A lens mixes light, so every blur in this package happens on linear values; files, the network and losses use
the sRGB-encoded ones. A lamp that the camera clipped at 1.0 was far brighter: `restore_highlights` undoes the
clipping on a soft curve before a blur, `roll_off_highlights` is its exact inverse after it, so a picture that
is not blurred at all comes back unchanged.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from wideopen.curve import ToneCurve

Float = NDArray[np.float32]
ENCODE_STEPS = 65535
RAISED_FROM = 0.75
"""Linear value of the brightest channel from which on light may have been clipped."""


def srgb_to_linear(encoded: Float) -> Float:
    """Decode sRGB values in [0, 1] to linear light in [0, 1] (IEC 61966-2-1), any shape, float32."""
    x = np.asarray(encoded, np.float32)
    return np.where(x <= 0.04045, x / 12.92, ((np.maximum(x, 0.0) + 0.055) / 1.055) ** 2.4).astype(np.float32)


def linear_to_srgb(linear: Float) -> Float:
    """Encode linear light in [0, 1] as sRGB values in [0, 1] (IEC 61966-2-1), any shape, float32."""
    x = np.asarray(linear, np.float32)
    curve = 1.055 * np.maximum(x, 0.0) ** (1 / 2.4) - 0.055
    return np.where(x <= 0.0031308, x * 12.92, curve).astype(np.float32)


def restore_highlights(linear: Float, gain: float = 4.0, threshold: float = RAISED_FROM) -> Float:
    """Raise clipped highlights above 1.0.

    Args:
        linear: HxWx3 linear light in [0, 1].
        gain: brightness given to pure white, >= 1; 1 changes nothing.
        threshold: linear value of the brightest channel below which nothing changes, in (0, 1).

    Returns:
        HxWx3 float32 in [0, gain]. Hue is kept: all three channels are scaled by the same factor.
    """
    peak = _brightest(linear)
    u = np.maximum(peak - threshold, 0.0) / (1.0 - threshold)
    return (linear * ((peak + (gain - 1.0) * u * u) / np.maximum(peak, 1e-6))).astype(np.float32)


def roll_off_highlights(linear: Float, gain: float = 4.0, threshold: float = RAISED_FROM) -> Float:
    """Exact inverse of `restore_highlights` (same arguments): values in [0, gain] back into [0, 1]."""
    if gain <= 1.0:
        return np.asarray(linear, np.float32)
    peak = _brightest(linear)
    # restored = threshold + a*u + b*u^2 with u in [0, 1]; solve for u.
    a, b = 1.0 - threshold, gain - 1.0
    u = (np.sqrt(a * a + 4.0 * b * np.maximum(peak - threshold, 0.0)) - a) / (2.0 * b)
    rolled = np.where(peak > threshold, threshold + a * u, peak)
    return (linear * (rolled / np.maximum(peak, 1e-6))).astype(np.float32)


def _brightest(linear: Float) -> Float:
    """HxWx1 brightest channel; `max` over an axis of three takes five times as long."""
    return np.maximum(np.maximum(linear[..., :1], linear[..., 1:2]), linear[..., 2:])


def lamp_share(linear: Float) -> float:
    """1 if what would be raised in a photo is small, like lamps and glints; down to 0 if it is sky or a white wall."""
    white = float((linear > RAISED_FROM).any(axis=2).mean())
    return float(np.clip(1.0 - (white - 0.01) / 0.09, 0.0, 1.0))


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
