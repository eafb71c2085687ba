"""Regions of a subject's matte: its foot, where it is in doubt, what is hidden behind it."""

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float32


def find_foot(alpha: Float32) -> float:
    """Row (px) where the subject meets the ground; 1.3 times the height if the lower edge cuts it off."""
    height, width = alpha.shape
    solid = (alpha > 0.5).sum(axis=1).astype(np.float64)
    total = solid.sum()
    if total == 0:
        return float(1.3 * height)
    lowest = solid[-max(round(0.012 * height), 1) :].mean()
    if lowest > 0.02 * width or lowest > 0.3 * solid.max():
        return float(1.3 * height)
    # Robust to specks and trailing ropes: the last row above which 98.5 % of the subject lies.
    return float(np.searchsorted(np.cumsum(solid), 0.985 * total) + 1)


def find_doubt(alpha: Float32) -> Float32:
    """HxW in [0, 1]: 1 in regions, not thin edges, where a matte does not know."""
    short = min(alpha.shape)
    unsure = ((alpha > 0.08) & (alpha < 0.92)).astype(np.float32)
    size = 2 * max(round(0.014 * short), 3) + 1
    regions = cv2.morphologyEx(unsure, cv2.MORPH_OPEN, ellipse(size))
    regions = cv2.dilate(regions, ellipse(size))
    soft = cv2.GaussianBlur(regions, (0, 0), 0.006 * short)
    return np.asarray(soft, np.float32)


def find_hole(alpha: Float32, doubt: Float32, reach: float = 0.008) -> Float32:
    """HxW share in [0, 1] of what is filled in behind the subject: a little more than its matte, less the doubt.

    Args:
        alpha, doubt: HxW; see `Scene`.
        reach: how much more, as a share of the short side.
    """
    size = 2 * max(round(reach * min(alpha.shape)), 1) + 1
    # A matte is rarely exact: a rim of the subject left outside it would glow around the blurred background.
    solid = np.minimum(alpha, 1.0 - doubt)
    hole = smooth_step(np.asarray(cv2.dilate(solid, ellipse(size)), np.float32), 0.03, 0.15) * (1.0 - doubt)
    return np.asarray(hole, np.float32)


def shows_hidden(radius_px: Float32, subject_radius_px: Float32 | float) -> Float32:
    """HxW share in [0, 1] to which what lies behind a subject shows: none where neither it nor the background is
    blurred (0.5 px), all from 2 px on."""
    return np.asarray(np.clip((np.maximum(radius_px, subject_radius_px) - 0.5) / 1.5, 0.0, 1.0), np.float32)


def ellipse(size: int) -> NDArray[np.uint8]:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (size, size)), np.uint8)


def smooth_step(x: Float32, low: float, high: float) -> Float32:
    """Smooth step from 0 at `low` to 1 at `high`."""
    t = np.clip((x - low) / (high - low), 0.0, 1.0)
    return np.asarray(t * t * (3.0 - 2.0 * t), np.float32)
