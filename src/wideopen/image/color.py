"""Encoded sRGB and linear light.

A lens mixes light, so every blur in this package happens on linear values; files, the network and losses use
the sRGB-encoded ones.
"""

import numpy as np

from wideopen._types import Float32

ENCODE_STEPS = 65535


def srgb_to_linear(encoded: Float32) -> Float32:
    """Decode sRGB values in [0, 1] to linear light in [0, 1] (IEC 61966-2-1), any shape, float32."""
    x = np.asarray(encoded, np.float32)
    return np.where(x <= 0.04045, x / 12.92, ((np.maximum(x, 0.0) + 0.055) / 1.055) ** 2.4).astype(np.float32)


def linear_to_srgb(linear: Float32) -> Float32:
    """Encode linear light in [0, 1] as sRGB values in [0, 1] (IEC 61966-2-1), any shape, float32."""
    x = np.asarray(linear, np.float32)
    curve = 1.055 * np.maximum(x, 0.0) ** (1 / 2.4) - 0.055
    return np.where(x <= 0.0031308, x * 12.92, curve).astype(np.float32)
