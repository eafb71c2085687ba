"""How close two pictures are.

Every metric takes two HxWx3 float images, sRGB-encoded RGB in 0..1, of the same size. PSNR and SSIM are computed on
the encoded values, as in every published comparison. SSIM comes in several forms in this field
(`wideopen.evaluation.ssim`), which differ by more than methods do; the name says which one it is.
What needs PyTorch is in `wideopen.evaluation.perceptual`.

`weights` (HxW, 0 or more) are a subject's matte or what is outside it; `matte_weights` makes both.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float32
from wideopen.evaluation.ssim import average, check
from wideopen.image.color import linear_to_srgb, srgb_to_linear

PSNR_OF_EQUALS = 100.0
"""dB; what equal images score in place of infinity, so that means stay finite."""
CHROMA_SIGMA = 16.0


def psnr(x: Float32, y: Float32, weights: Float32 | None = None) -> float:
    """Peak signal-to-noise ratio in dB over all values, peak 1; at most 100.

    With `weights` (HxW, 0 or more, a matte for one) every pixel's squared error counts that much; nan if all are 0.
    """
    check(x, y)
    square = np.square(_float(x) - _float(y))
    error = float(square.mean(dtype=np.float64)) if weights is None else average(square.mean(axis=2), weights)
    return float(min(-10 * np.log10(max(error, 1e-30)), PSNR_OF_EQUALS))


def psnr_gain_matched(x: Float32, y: Float32, weights: Float32 | None = None) -> float:
    """PSNR in dB after the exposure of x is matched to y's: at most 100. The gain is the whole picture's in any case.

    One gain for all channels, the least-squares one on linear light (where exposure is a gain), then encoded again and
    clipped to 0..1. Not symmetric.
    """
    check(x, y)
    linear = srgb_to_linear(x)
    # Summed in 64 bits: over a photo's millions of values 32 would lose the gain's fifth digit.
    power = float(np.square(linear).sum(dtype=np.float64))
    if power == 0:
        return psnr(x, y, weights)
    gain = float((linear * srgb_to_linear(y)).sum(dtype=np.float64)) / power
    return psnr(np.clip(linear_to_srgb(linear * np.float32(gain)), 0, 1), y, weights)


def matte_weights(matte: Float32, margin: int = 0) -> tuple[Float32, Float32]:
    """Weights (inside, outside) of a subject: HxW in 0..1, the matte and what is left of 1.

    With a margin in px the matte is shrunk by it for the inside and grown by it for the outside, so that neither counts
    the seam, where mattes are least sure and blur of both sides meets.
    """
    if margin < 0 or matte.ndim != 2:
        raise ValueError(f"an HxW matte and a margin of 0 px or more are needed, not {matte.shape} and {margin}")
    if margin == 0:
        return matte, 1 - matte
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * margin + 1, 2 * margin + 1))
    return np.asarray(cv2.erode(matte, disc)), np.asarray(1 - cv2.dilate(matte, disc))


def chroma_shift(x: Float32, y: Float32) -> float:
    """How far colours have moved: mean |difference| of CIE Lab a and b (D65) after a Gaussian of sigma 16 px.

    0 for equal images, in the units of Lab. The Gaussian is at the images' own size; it leaves the colour of areas
    and takes out what blur does to edges and textures.
    """
    check(x, y)
    difference = cv2.cvtColor(_float(x), cv2.COLOR_RGB2Lab) - cv2.cvtColor(_float(y), cv2.COLOR_RGB2Lab)
    # The Gaussian is linear: the difference of two low-passed images is the low-passed difference.
    smooth = cv2.GaussianBlur(difference[..., 1:], (0, 0), CHROMA_SIGMA)
    return float(np.abs(smooth).mean(dtype=np.float64))


def _float(image: NDArray[Any]) -> Float32:
    return np.ascontiguousarray(image, np.float32)
