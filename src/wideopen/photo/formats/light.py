"""Photos whose pixels are linear light: real numbers, 1 is white, nothing clipped."""

from dataclasses import replace

import cv2
import numpy as np

from wideopen._types import Float
from wideopen.errors import PhotoError
from wideopen.image.tone_curve import to_light, to_pixels
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
    return replace(
        photo, pixels=light, alpha=None, gamma=None, chunks=b"", icc=b"", half=photo.pixels.dtype == np.uint8
    )


def as_picture(photo: Photo) -> Photo:
    """The photo with 16-bit pixels, sRGB-encoded, for formats without room for light: below 0 is black, above 1 white.

    A profile, which would describe linear values, goes.
    """
    if photo.pixels.dtype != np.float32:
        return photo
    return replace(photo, pixels=to_pixels(photo.pixels, np.uint16), icc=b"", half=False)
