"""The grain of a photo, measured and made again.

A blur made afterwards takes the grain away with the detail; a lens does not, as grain comes after the lens.
"""

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float32]

LEVELS = (0.12, 0.35, 0.6, 0.85)
"""Encoded brightness at which grain is measured."""
MOST = 0.008
"""Standard deviations above this (2 of 255) are texture."""


@dataclass(frozen=True)
class Grain:
    """Standard deviation of the brightness at `LEVELS`, and how much of it the neighbouring pixel shares."""

    deviations: tuple[float, ...] = (0.0,) * len(LEVELS)
    softness_px: float = 0.0
    """Sigma of the Gaussian that turns white noise into grain as coarse."""

    @property
    def mean(self) -> float:
        """Mean standard deviation, encoded values."""
        return float(np.mean(self.deviations))

    def add(self, encoded: Float, share: Float, rng: np.random.Generator) -> Float:
        """Add fresh grain.

        Args:
            encoded: HxWx3 sRGB-encoded in [0, 1].
            share: HxW, 0 where the picture has its own grain, 1 where all of it was lost.
        """
        if self.mean < 2e-4:
            return encoded
        noise = rng.standard_normal(encoded.shape[:2], np.float32)
        if self.softness_px > 0:
            noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), self.softness_px), np.float32)
            noise /= noise.std()
        luma = np.asarray(cv2.cvtColor(encoded, cv2.COLOR_RGB2GRAY), np.float32)
        strength = np.interp(luma, LEVELS, self.deviations).astype(np.float32) * share
        return np.clip(encoded + (noise * strength)[..., None], 0.0, 1.0).astype(np.float32)


def measure_grain(encoded: Float, block: int = 16) -> Grain:
    """Measure grain where a photo is smooth.

    The standard deviation of a high pass in the smoothest blocks of each brightness: the others hold texture.

    Args:
        encoded: HxWx3 sRGB-encoded in [0, 1].
    """
    luma = np.asarray(cv2.cvtColor(encoded, cv2.COLOR_RGB2GRAY), np.float32)
    inner = (slice(6, -6), slice(6, -6))  # A high pass errs at the borders.
    luma, high = luma[inner], (luma - cv2.GaussianBlur(luma, (0, 0), 2.0))[inner]
    mean, variance, shared = (_block_means(x, block) for x in (luma, high * high, high[:, 1:] * high[:, :-1]))
    deviations = []
    for level, wide in zip(LEVELS, (0.12, 0.15, 0.15, 0.15), strict=True):
        inside = variance[np.abs(mean - level) < wide]
        # Blocks of clipped or painted flatness have no grain to show.
        inside = inside[inside > 1e-7]
        deviations.append(float(np.sqrt(np.percentile(inside, 3))) if len(inside) >= 8 else np.nan)
    known = [value for value in deviations if not np.isnan(value)]
    # Encoded as sRGB, grain differs little with brightness: a level far above the least one holds texture throughout.
    least = min([*known, MOST]) if known else 0.0
    filled = (least if np.isnan(value) else min(value, 1.5 * least) for value in deviations)
    flat = variance <= np.percentile(variance, 4)
    total = float(variance[flat].sum())
    likeness = float(shared[flat].sum()) / total if total > 0 else 0.0
    # Neighbours of white noise blurred by sigma are alike by exp(-1 / (4 sigma^2)).
    soft = 0.5 / np.sqrt(-np.log(np.clip(likeness, 0.02, 0.7))) if likeness > 0.02 else 0.0
    return Grain(tuple(round(value, 5) for value in filled), round(float(soft), 3))


def _block_means(image: Float, block: int) -> Float:
    height, width = image.shape[0] // block, (image.shape[1] + 1) // block
    return np.asarray(cv2.resize(image, (max(width, 1), max(height, 1)), interpolation=cv2.INTER_AREA), np.float32)
