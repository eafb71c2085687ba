"""A photo taken apart into its subject and its background, each with colours of its own.

At a soft edge a pixel's colour is a mix of both, p = a F + (1 - a) B. The foreground F is estimated by blur fusion
(Forte, Approximate Fast Foreground Colour Estimation, ICIP 2021): blurred colours weighted by a and by 1 - a, and what
is left over given back; twice, first wide and then narrow. The background is filled in where the subject hides it.
"""

import cv2
import numpy as np

from wideopen._types import Float
from wideopen.image.inpaint import push_pull

WIDE, NARROW = 0.18, 0.012
"""Windows of the two passes, as fractions of the long side."""
KNOWN = 0.02
"""Opacity up to which a pixel is the background's own."""


def clean_layers(light: Float, opacity: Float) -> tuple[Float, Float]:
    """Foreground and background, HxWx3 each, of a photo.

    Args:
        light: HxWx3 float32 in linear light, in which colours mix.
        opacity: HxW in [0, 1].

    Returns the foreground's colours, the photo's own where the opacity is 1; the background's, its own where that is 0.
    """
    alpha = opacity[..., None]
    front, back = light, light
    for share in (WIDE, NARROW):
        side = 2 * max(1, round(share * max(opacity.shape))) + 1
        front, back = _fused(light, front, back, alpha, side)
    hidden = push_pull(back, (opacity <= KNOWN).astype(np.float32))
    behind = np.where(alpha <= KNOWN, light, np.where(alpha < 0.5, back, hidden))
    return np.where(alpha == 1, light, front), np.asarray(behind, np.float32)


def _fused(light: Float, front: Float, back: Float, alpha: Float, side: int) -> tuple[Float, Float]:
    size = side, side
    weight = cv2.blur(alpha[..., 0], size)[..., None]
    near = cv2.blur(front * alpha, size) / np.maximum(weight, 1e-5)
    far = cv2.blur(back * (1 - alpha), size) / np.maximum(1 - weight, 1e-5)
    found: Float = near + alpha * (light - alpha * near - (1 - alpha) * far)
    return found.clip(0, 1).astype(np.float32), far.clip(0, 1).astype(np.float32)
