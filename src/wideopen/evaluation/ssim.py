"""Structural similarity (Wang et al. 2004) in the forms that this field mixes up.

All take two HxWx3 float images, sRGB-encoded RGB in 0..1, of the same size, and give the mean over windows and over
R, G and B: 1 for equal images. Only windows that fit inside the picture count. They differ by more than methods do, so
the name says which is meant.

`weights` (HxW, 0 or more) makes every window count by the weight of its middle pixel; nan if no weight is left.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float32

Map = NDArray[Any]

SCALES = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""Exponents of MS-SSIM's scales, finest first (Wang et al. 2003)."""
MS_SSIM_SIDE = 11 * 2 ** (len(SCALES) - 1)
"""px; the shortest side that leaves a window at the coarsest scale."""


def ssim_gaussian11(x: Float32, y: Float32, weights: Float32 | None = None) -> float:
    """11x11 Gaussian window, sigma 1.5, data range 1, variances divided by the sum of weights; sides from 11 px on.

    Equals scikit-image's `structural_similarity` with `gaussian_weights=True, sigma=1.5,
    use_sample_covariance=False, data_range=1` to 1e-5.
    """
    check(x, y)
    if min(x.shape[:2]) < 11:
        raise ValueError(f"ssim_gaussian11 needs sides of at least 11 px, not {x.shape[1]}x{x.shape[0]}")
    return float(np.mean([average(contrast * light, weights, 5) for contrast, light in _gaussian_maps(x, y)]))


def ssim_uniform7(x: Float32, y: Float32, weights: Float32 | None = None) -> float:
    """7x7 uniform window on values rounded to 8 bits, sample covariance (divided by 48); sides from 7 px on.

    Equals scikit-image's `structural_similarity` of uint8 images with its defaults to 1e-5.
    """
    check(x, y)
    if min(x.shape[:2]) < 7:
        raise ValueError(f"ssim_uniform7 needs sides of at least 7 px, not {x.shape[1]}x{x.shape[0]}")
    x8, y8 = (np.rint(image.clip(0, 1) * 255).astype(np.float64) for image in (x, y))
    return float(np.mean([average(_uniform_map(x8[..., c], y8[..., c]), weights, 3) for c in range(3)]))


def ssim_gaussian11_shrunk(x: Float32, y: Float32, weights: Float32 | None = None) -> float:
    """`ssim_gaussian11` after averaging blocks of f x f px, f = round(shorter side / 256), at least 1; as piq's `ssim`.

    A last block that is cut off by the picture's edge is left out.
    """
    check(x, y)
    factor = max(1, round(min(x.shape[:2]) / 256))
    small = None if weights is None else _pool(weights, factor)
    return ssim_gaussian11(_pool(x, factor), _pool(y, factor), small)


def ms_ssim(x: Float32, y: Float32, weights: Float32 | None = None) -> float:
    """Multi-scale SSIM: 11x11 Gaussian windows at five scales, each half the one before; sides from 176 px on.

    Means over windows and RGB are taken at each scale before they are raised to its exponent, a negative one counts
    as 0. At the coarsest scale the picture goes on mirrored, so that windows around every pixel count. Equals
    torchmetrics' `multiscale_structural_similarity_index_measure` (data range 1, `normalize="relu"`) to 1e-5.
    """
    check(x, y)
    if min(x.shape[:2]) < MS_SSIM_SIDE:
        raise ValueError(f"ms_ssim needs sides of at least {MS_SSIM_SIDE} px, not {x.shape[1]}x{x.shape[0]}")
    result = 1.0
    for number, exponent in enumerate(SCALES):
        last = number == len(SCALES) - 1
        maps = _gaussian_maps(x, y, border=0 if last else 5)
        value = float(np.mean([average(c * light if last else c, weights, 0 if last else 5) for c, light in maps]))
        if np.isnan(value):
            return value
        result *= max(value, 0.0) ** exponent
        if not last:
            x, y = _pool(x, 2), _pool(y, 2)
            weights = None if weights is None else _pool(weights, 2)
    return result


def check(x: Map, y: Map) -> None:
    """ValueError unless these are two float HxWx3 images of the same size."""
    if x.shape != y.shape or x.ndim != 3 or x.shape[2] != 3:
        raise ValueError(f"two HxWx3 images of the same size are needed, not {x.shape} and {y.shape}")
    if x.dtype.kind != "f" or y.dtype.kind != "f":
        raise ValueError(f"float images in 0..1 are needed, not {x.dtype} and {y.dtype}")


def _gaussian_maps(x: Float32, y: Float32, border: int = 5) -> list[tuple[Map, Map]]:
    """(contrast and structure, luminance) of every channel, less a border; 5 px leave the windows that fit."""
    return [_gaussian_map(_float(x[..., c]), _float(y[..., c]), border) for c in range(3)]


def _gaussian_map(x: Float32, y: Float32, border: int) -> tuple[Map, Map]:
    height, width = x.shape

    def mean(image: Map) -> Map:
        return cv2.GaussianBlur(image, (11, 11), 1.5)[border : height - border, border : width - border]

    # Variance does not change with a shift, but its rounding error does: nothing is left of it in flat areas.
    shift = np.float32(y.mean(dtype=np.float64))
    x, y = x - shift, y - shift
    mean_x, mean_y = mean(x), mean(y)
    squares, product = mean(x * x + y * y), mean(x * y)
    contrast = (2 * (product - mean_x * mean_y) + 0.03**2) / (squares - mean_x**2 - mean_y**2 + 0.03**2)
    mean_x, mean_y = mean_x + shift, mean_y + shift
    luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
    return contrast, luminance


def _uniform_map(x: Map, y: Map) -> Map:
    def mean(image: Map) -> Map:
        return cv2.blur(image, (7, 7))[3:-3, 3:-3]

    mean_x, mean_y = mean(x), mean(y)
    sample = 49 / 48
    squares = sample * (mean(x * x + y * y) - mean_x**2 - mean_y**2)
    product = sample * (mean(x * y) - mean_x * mean_y)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    found = (2 * mean_x * mean_y + c1) * (2 * product + c2) / ((mean_x**2 + mean_y**2 + c1) * (squares + c2))
    return np.asarray(found)


def average(values: Map, weights: Float32 | None, border: int = 0) -> float:
    """Mean of HxW values, weighted by weights (a border larger, which does not count); nan if none is left."""
    if weights is None:
        return float(values.mean(dtype=np.float64))
    height, width = values.shape
    if weights.shape != (height + 2 * border, width + 2 * border):
        raise ValueError(f"weights must be {(height + 2 * border, width + 2 * border)}, not {weights.shape}")
    middle = weights[border : border + height, border : border + width]
    total = float(middle.sum(dtype=np.float64))
    return float((values * middle).sum(dtype=np.float64)) / total if total > 0 else float("nan")


def _pool(image: Float32, factor: int) -> Float32:
    """Means of blocks of factor x factor px; what does not fill one is left out."""
    if factor == 1:
        return image
    height, width = (side // factor for side in image.shape[:2])
    blocks = image[: height * factor, : width * factor].reshape(height, factor, width, factor, *image.shape[2:])
    return np.asarray(blocks.mean(axis=(1, 3), dtype=np.float64), np.float32)


def _float(image: Map) -> Float32:
    return np.ascontiguousarray(image, np.float32)
