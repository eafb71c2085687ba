"""Small lamps in a scene: clipped glints to a pinhole camera, discs of the aperture's shape to a wide lens."""

import cv2
import numpy as np

from wideopen._types import Float32

TINTS = ((1.0, 0.72, 0.4), (1.0, 0.86, 0.66), (0.8, 0.9, 1.0), (1.0, 0.25, 0.12), (0.3, 1.0, 0.45), (0.35, 0.5, 1.0))
"""Linear (R, G, B) of tungsten, warm white, daylight, a rear light, green and blue signals."""
LIKELY = (0.34, 0.26, 0.14, 0.12, 0.07, 0.07)
REFERENCE_BLUR = 0.024
"""Blur radius, as a share of the short side, at which a lamp's drawn disc brightness is reached."""


def draw_lamps(rng: np.random.Generator, free: Float32) -> tuple[Float32, int]:
    """Scatter lamps over the background.

    `free`: HxW in [0, 1], above 0.5 where lamps may stand.
    Returns HxWx3 linear light of the lamps alone, unclipped and mostly far above 1.0, and how many there are.
    """
    height, width = free.shape
    short = min(height, width)
    light = np.zeros((height, width, 3), np.float32)
    rows, columns = np.nonzero(free > 0.5)
    if len(rows) < 0.02 * free.size:
        return light, 0
    count = int(np.exp(rng.uniform(np.log(2), np.log(28))))
    kinds = rng.choice(len(TINTS), size=int(rng.integers(1, 4)), p=LIKELY)
    for place, kind in zip(rng.integers(len(rows), size=count), rng.choice(kinds, size=count), strict=True):
        radius = short / 512.0 * float(rng.uniform(0.7, 1.8))
        disc = float(np.exp(rng.uniform(np.log(0.12), np.log(2.5))))
        level = max(disc * (REFERENCE_BLUR * short / radius) ** 2, 3.0)
        tint = np.array(TINTS[kind], np.float32) * rng.uniform(0.85, 1.15, 3).astype(np.float32)
        _stamp(light, float(columns[place]) + rng.uniform(), float(rows[place]) + rng.uniform(), radius, level * tint)
    # The faint glow that glass and haze put around any lamp.
    glow = cv2.GaussianBlur(light, (0, 0), 0.006 * short) * 0.03
    return np.asarray(light + glow, np.float32), count


def _stamp(light: Float32, x: float, y: float, radius: float, color: Float32) -> None:
    """Add an antialiased disc."""
    reach = int(np.ceil(radius)) + 1
    top, left = max(int(y) - reach, 0), max(int(x) - reach, 0)
    part = light[top : int(y) + reach + 1, left : int(x) + reach + 1]
    rows, columns = np.mgrid[: part.shape[0], : part.shape[1]]
    distance = np.hypot(columns + left - x, rows + top - y)
    part += np.clip(radius + 0.5 - distance, 0.0, 1.0).astype(np.float32)[..., None] * color
