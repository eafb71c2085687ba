"""Maps that follow a photo's edges, at the network's working size: guided filter, filling of holes, share of detail."""

import cv2
import numpy as np

from wideopen._types import Float
from wideopen.image.inpaint import fill

BAND_ROWS = 32
"""Rows that models are found for at a time: what is worked out in between stays in the processor's cache."""
_PAIRS = ((0, 0), (0, 1), (0, 2), (1, 1), (1, 2), (2, 2), (0, 3), (1, 3), (2, 3))
"""Of red, green, blue and the map, those whose products are averaged."""


def guided_coefficients(
    guide: Float, values: Float, radius: int = 8, eps: float = 2e-4, texture: Float | None = None
) -> Float:
    """Local linear models of a map in a photo's colours (He, Sun, Tang: Guided Image Filtering, TPAMI 2013, sec. 3.5).

    Args:
        guide: HxWx3 in [0, 1].
        values: HxW.
        radius: windows are squares of side 2 * radius + 1 px, mirrored at the frame.
        eps: variance of the guide below which it counts as flat.
        texture: HxW, variance of brightness (mean of r, g, b) that is not in the guide and does not go with the map.

    Returns HxWx4 (a_r, a_g, a_b, b), averaged over the windows that see a pixel: the filtered map is a . colour + b.
    Enlarged, they make the map at the guide's full size (He, Sun: Fast Guided Filter, arXiv:1505.00996).
    """
    planes = [*cv2.split(guide), values]
    means = [_box(plane, radius) for plane in planes]
    products = [_box(planes[first] * planes[second], radius) for first, second in _PAIRS]
    more = np.zeros_like(values) if texture is None else texture
    model = np.empty((*values.shape, 4), np.float32)
    for top in range(0, len(values), BAND_ROWS):
        rows = slice(top, top + BAND_ROWS)
        model[rows] = _solved([plane[rows] for plane in means], [plane[rows] for plane in products], more[rows], eps)
    return _box(model, radius)


def _solved(means: list[Float], products: list[Float], more: Float, eps: float) -> Float:
    """HxWx4 models, each of one window, from the means of red, green, blue and the map, and of their products."""
    rr, rg, rb, gg, gb, bb, rv, gv, bv = (
        product - means[first] * means[second] for product, (first, second) in zip(products, _PAIRS, strict=True)
    )
    # Brightness varies along (1, 1, 1): the same in every entry of the covariance.
    rr, gg, bb = rr + more + eps, gg + more + eps, bb + more + eps
    rg, rb, gb = rg + more, rb + more, gb + more
    # Cofactors of the symmetric 3x3 covariance.
    c_rr, c_rg, c_rb = gg * bb - gb * gb, rb * gb - rg * bb, rg * gb - rb * gg
    c_gg, c_gb, c_bb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    determinant = rr * c_rr + rg * c_rg + rb * c_rb
    slopes = [
        (first * rv + second * gv + third * bv) / determinant
        for first, second, third in ((c_rr, c_rg, c_rb), (c_rg, c_gg, c_gb), (c_rb, c_gb, c_bb))
    ]
    offset = means[3] - slopes[0] * means[0] - slopes[1] * means[1] - slopes[2] * means[2]
    return np.asarray(cv2.merge([*slopes, offset]))


def hidden_texture(photo: Float, apart: Float, radius: int = 3) -> Float:
    """Variance of a photo's brightness inside the pixels of a smaller size, HxW: what a guide of that size hides.

    A map that follows colours must not take it for an edge. It is told from where no edge is.

    Args:
        photo: of any larger size, in [0, 1], HxWx3; several samples to a pixel are enough.
        apart: HxW in [0, 1]: 1 where a pixel is all one thing.
        radius: pixels around, of whose texture the mean is taken.
    """
    grey = cv2.transform(photo, np.full((1, 3), 1 / 3, np.float32))
    mean, square = (cv2.resize(part, apart.shape[::-1], interpolation=cv2.INTER_AREA) for part in (grey, grey * grey))
    weight = np.maximum(apart, 1e-3)
    variance: Float = _box(weight * np.maximum(square - mean * mean, 0), radius) / _box(weight, radius)
    return variance


def share_kept(photo: Float, bokeh: Float, radius: int = 4) -> Float:
    """Share of a photo's fine detail that is left in its blurred version, HxW in [0, 1].

    For networks that do not say it themselves: the slope of a local regression of the result's fine detail on the
    photo's. Where the photo is too flat to tell, the answer comes from around. Both HxWx3 in [0, 1].
    """
    fine, left = (image - cv2.GaussianBlur(image, (0, 0), 2) for image in (photo, bokeh))
    energy = _box((fine * fine).sum(axis=2), radius)
    slope = _box((fine * left).sum(axis=2), radius) / (energy + 1e-6)
    certain = energy / (energy + 1e-4)
    filled = fill(cv2.merge([slope.clip(0, 1)] * 3), certain)
    return np.ascontiguousarray(filled[..., 0]).clip(0, 1)


def _box(image: Float, radius: int) -> Float:
    side = 2 * radius + 1
    blurred: Float = cv2.boxFilter(image, -1, (side, side), borderType=cv2.BORDER_REFLECT)
    return blurred
