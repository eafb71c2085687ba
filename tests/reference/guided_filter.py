"""The guided filter as its paper writes it, one pixel at a time (He, Sun, Tang, TPAMI 2013, equations 14 to 16)."""

import numpy as np
from numpy.typing import NDArray


def guided_filter(guide: NDArray, values: NDArray, radius: int, eps: float) -> NDArray:
    """guide HxWx3, values HxW, windows mirrored at the frame; float64."""
    around = ((radius, radius), (radius, radius))
    wide_guide = np.pad(guide.astype(np.float64), (*around, (0, 0)), mode="symmetric")
    wide_values = np.pad(values.astype(np.float64), around, mode="symmetric")
    height, width = values.shape
    side = 2 * radius + 1
    models = np.empty((height, width, 4))
    for y in range(height):
        for x in range(width):
            colours = wide_guide[y : y + side, x : x + side].reshape(-1, 3)
            shares = wide_values[y : y + side, x : x + side].ravel()
            covariance = np.cov(colours.T, bias=True) + eps * np.eye(3)
            shared = (colours * shares[:, None]).mean(0) - colours.mean(0) * shares.mean()
            slope = np.linalg.solve(covariance, shared)
            models[y, x] = *slope, shares.mean() - slope @ colours.mean(0)
    wide_models = np.pad(models, (*around, (0, 0)), mode="symmetric")
    filtered = np.empty((height, width))
    for y in range(height):
        for x in range(width):
            slope = wide_models[y : y + side, x : x + side].mean(axis=(0, 1))
            filtered[y, x] = guide[y, x] @ slope[:3] + slope[3]
    return filtered
