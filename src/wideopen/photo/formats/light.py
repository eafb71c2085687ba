"""Photos whose pixels are linear light: real numbers, 1 is white, nothing clipped."""

from dataclasses import replace

import cv2
import numpy as np

from wideopen._types import Float
from wideopen.errors import PhotoError
from wideopen.image.tone_curve import to_light, to_pixels
from wideopen.photo.cicp import chromaticities, picture_profile
from wideopen.photo.photo import Photo


def linear_photo(light: Float, format: str, half: bool, notices: tuple[str, ...] = ()) -> Photo:
    """A photo of HxW or HxWx3 real numbers of any size; PhotoError if some are no numbers, or infinite."""
    light = np.asarray(light, np.float32)
    strange = 1 - float(np.isfinite(light).mean())
    if strange:
        raise PhotoError(f"{strange:.2%} of its numbers are infinite or none; fill them first")
    grey = light.ndim == 2
    return Photo(cv2.merge([light] * 3) if grey else light, grey=grey, format=format, half=half, notices=notices)


def as_light(photo: Photo) -> Photo:
    """The photo with linear light for pixels, laid on white where it has transparency."""
    if photo.pixels.dtype == np.float32:
        return photo
    light = to_light(photo.pixels, photo.curve)
    if photo.alpha is not None:
        light = 1 + (light - 1) * (photo.alpha / np.float32(np.iinfo(photo.alpha.dtype).max))[..., None]
    header = photo.header if photo.hdr is None else {"chromaticities": chromaticities(photo.hdr[0])}
    bare = replace(photo, alpha=None, gamma=None, chunks=b"", icc=b"", hdr=None)
    return replace(bare, pixels=light, half=photo.pixels.dtype == np.uint8, header=header)


def as_picture(photo: Photo) -> Photo:
    """The photo with 16-bit pixels by sRGB's curve, for formats without room for light, clipped at black and white.

    A profile, which would describe linear values, goes.
    """
    curve, alpha = photo.curve, photo.alpha
    if curve is None or not curve.true_light:
        return photo
    pixels = np.empty(photo.pixels.shape, np.uint16)
    for row, values in enumerate(photo.pixels):
        pixels[row] = to_pixels(curve.decode(values), np.uint16)
    if alpha is not None and alpha.dtype == np.uint8:
        alpha = alpha.astype(np.uint16) * np.uint16(257)
    icc = b"" if photo.hdr is None else picture_profile(photo.hdr[0])
    return replace(photo, pixels=pixels, alpha=alpha, icc=icc, hdr=None, chunks=b"", half=False)
