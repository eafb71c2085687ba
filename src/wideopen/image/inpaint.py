"""Holes filled from around them (push-pull: Gortler et al., The Lumigraph, SIGGRAPH 1996)."""

import cv2
import numpy as np

from wideopen._types import Float


def push_pull(image: Float, weight: Float) -> Float:
    """Fill where the weight is 0 from where it is 1, by a pyramid of normalised convolutions (Gortler et al., 1996).

    Args:
        image: HxWxC float32.
        weight: HxW in [0, 1].
    """
    if weight.min() >= 1.0 or min(weight.shape) < 2:
        return image
    known = np.concatenate([image * weight[..., None], weight[..., None]], axis=2)
    small = cv2.pyrDown(known)
    small_weight = small[..., -1]
    small_image = small[..., :-1] / np.maximum(small_weight, 1e-6)[..., None]
    # Saturate: a coarse pixel half covered by known ones already knows its colour.
    below = push_pull(small_image.astype(np.float32), np.minimum(small_weight * 2.0, 1.0))
    height, width = weight.shape
    coarse = cv2.pyrUp(below)[:height, :width].reshape(height, width, -1)
    return np.asarray(known[..., :-1] + (1.0 - weight[..., None]) * coarse, np.float32)


def fill(values: Float, weight: Float) -> Float:
    """Replace what has no weight by what lies around it, smoothly (push-pull: Gortler et al., The Lumigraph, 1996).

    Args:
        values: HxWx3.
        weight: HxW in [0, 1]: 1 keeps the pixel, 0 takes it wholly from around.
    """
    height, width = weight.shape
    if height * width <= 1:
        return values
    size = ((width + 1) // 2, (height + 1) // 2)
    mass = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
    coarse = cv2.resize(values * weight[..., None], size, interpolation=cv2.INTER_AREA)
    plain = cv2.resize(values, size, interpolation=cv2.INTER_AREA)
    known = mass[..., None] > 1e-6
    coarse = np.where(known, coarse / np.maximum(mass[..., None], 1e-6), plain)
    # A coarse pixel that saw any certain pixel counts as certain.
    coarse = fill(coarse, np.minimum(4 * mass, 1).astype(np.float32))
    around = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return around + weight[..., None] * (values - around)
