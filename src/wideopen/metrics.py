"""How close two pictures are.

Every metric takes two HxWx3 float images, sRGB-encoded RGB in 0..1, of the same size. PSNR and SSIM are computed on
the encoded values, as in every published comparison. SSIM comes in several forms in this field, which differ by more
than methods do; the name says which one it is.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen.light import linear_to_srgb, srgb_to_linear

Float = NDArray[np.float32]

PSNR_OF_EQUALS = 100.0
"""dB; what equal images score in place of infinity, so that means stay finite."""
CHROMA_SIGMA = 16.0


def psnr(x: Float, y: Float, weights: Float | None = None) -> float:
    """Peak signal-to-noise ratio in dB over all values, peak 1; at most 100.

    With `weights` (HxW, 0 or more, a matte for one) every pixel's squared error counts that much; nan if all are 0.
    """
    _check(x, y)
    square = np.square(_float(x) - _float(y))
    if weights is None:
        error = float(square.mean(dtype=np.float64))
    else:
        if weights.shape != square.shape[:2]:
            raise ValueError(f"weights must be {square.shape[:2]}, not {weights.shape}")
        total = float(weights.sum(dtype=np.float64))
        if total <= 0:
            return float("nan")
        error = float((square.mean(axis=2) * weights).sum(dtype=np.float64)) / total
    return float(min(-10 * np.log10(max(error, 1e-30)), PSNR_OF_EQUALS))


def psnr_gain_matched(x: Float, y: Float) -> float:
    """PSNR in dB after the exposure of x is matched to y's: at most 100.

    One gain for all channels, the least-squares one on linear light (where exposure is a gain), then encoded again and
    clipped to 0..1. Not symmetric.
    """
    _check(x, y)
    linear = srgb_to_linear(x)
    power = float(np.vdot(linear, linear))
    if power == 0:
        return psnr(x, y)
    gain = float(np.vdot(linear, srgb_to_linear(y))) / power
    return psnr(np.clip(linear_to_srgb(linear * np.float32(gain)), 0, 1), y)


def ssim_gaussian11(x: Float, y: Float) -> float:
    """Mean structural similarity (Wang et al. 2004): 11x11 Gaussian window, sigma 1.5, data range 1, mean of RGB.

    Only windows that fit inside count, so sides must be 11 px or more. Equals scikit-image's with
    `gaussian_weights=True, sigma=1.5, use_sample_covariance=False, data_range=1` to 1e-5. At most 1, for equal images.
    """
    _check(x, y)
    if min(x.shape[:2]) < 11:
        raise ValueError(f"ssim_gaussian11 needs sides of at least 11 px, not {x.shape[1]}x{x.shape[0]}")
    return float(np.mean([_ssim_channel(_float(x[..., c]), _float(y[..., c])) for c in range(3)]))


def chroma_shift(x: Float, y: Float) -> float:
    """How far colours have moved: mean |difference| of CIE Lab a and b (D65) after a Gaussian of sigma 16 px.

    0 for equal images, in the units of Lab. The Gaussian is at the images' own size; it leaves the colour of areas
    and takes out what blur does to edges and textures.
    """
    _check(x, y)
    difference = cv2.cvtColor(_float(x), cv2.COLOR_RGB2Lab) - cv2.cvtColor(_float(y), cv2.COLOR_RGB2Lab)
    # The Gaussian is linear: the difference of two low-passed images is the low-passed difference.
    smooth = cv2.GaussianBlur(difference[..., 1:], (0, 0), CHROMA_SIGMA)
    return float(np.abs(smooth).mean(dtype=np.float64))


def _ssim_channel(x: Float, y: Float) -> float:
    def mean(image: NDArray) -> NDArray:
        return cv2.GaussianBlur(image, (11, 11), 1.5)[5:-5, 5:-5]

    # Variance does not change with a shift, but its rounding error does: nothing is left of it in flat areas.
    shift = np.float32(y.mean(dtype=np.float64))
    x, y = x - shift, y - shift
    mean_x, mean_y = mean(x), mean(y)
    squares, product = mean(x * x + y * y), mean(x * y)
    contrast = (2 * (product - mean_x * mean_y) + 0.03**2) / (squares - mean_x**2 - mean_y**2 + 0.03**2)
    mean_x, mean_y = mean_x + shift, mean_y + shift
    luminance = (2 * mean_x * mean_y + 0.01**2) / (mean_x**2 + mean_y**2 + 0.01**2)
    return float((contrast * luminance).mean(dtype=np.float64))


def _float(image: NDArray) -> Float:
    return np.ascontiguousarray(image, np.float32)


def _check(x: NDArray, y: NDArray) -> None:
    if x.shape != y.shape or x.ndim != 3 or x.shape[2] != 3:
        raise ValueError(f"two HxWx3 images of the same size are needed, not {x.shape} and {y.shape}")
    if x.dtype.kind != "f" or y.dtype.kind != "f":
        raise ValueError(f"float images in 0..1 are needed, not {x.dtype} and {y.dtype}")
