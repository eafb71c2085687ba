"""Maps that follow a photo's edges, at the network's working size: guided filter, filling of holes, share of detail."""

import cv2
import numpy as np

from wideopen._types import Float
from wideopen.image.inpaint import fill


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

    Returns:
        HxWx4 (a_r, a_g, a_b, b), averaged over the windows that see a pixel: the filtered map is a . colour + b.
        Enlarged, they make the map at the guide's full size (He, Sun: Fast Guided Filter, arXiv:1505.00996).
    """
    mean, mean_values = _box(guide, radius), _box(values, radius)
    r, g, b = cv2.split(guide)
    products = _box(cv2.merge([r * r, r * g, r * b, g * g]), radius), _box(cv2.merge([g * b, b * b]), radius)
    rr, rg, rb, gg, gb, bb = *cv2.split(products[0]), *cv2.split(products[1])
    mr, mg, mb = cv2.split(mean)
    # Brightness varies along (1, 1, 1): the same in every entry of the covariance.
    more = 0 if texture is None else texture
    rr, gg, bb = rr - mr * mr + more + eps, gg - mg * mg + more + eps, bb - mb * mb + more + eps
    rg, rb, gb = rg - mr * mg + more, rb - mr * mb + more, gb - mg * mb + more
    shared = _box(guide * values[..., None], radius) - mean * mean_values[..., None]
    # Cofactors of the symmetric 3x3 covariance.
    cofactors = {
        "rr": gg * bb - gb * gb,
        "rg": rb * gb - rg * bb,
        "rb": rg * gb - rb * gg,
        "gg": rr * bb - rb * rb,
        "gb": rb * rg - rr * gb,
        "bb": rr * gg - rg * rg,
    }
    determinant = rr * cofactors["rr"] + rg * cofactors["rg"] + rb * cofactors["rb"]
    slopes = [
        sum(
            cofactors["".join(sorted(row + column, key="rgb".index))] * shared[..., i] for i, column in enumerate("rgb")
        )
        / determinant
        for row in "rgb"
    ]
    offset = mean_values - sum(slope * mean[..., i] for i, slope in enumerate(slopes))
    return _box(cv2.merge([*slopes, offset]), radius)


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
