"""A photo and its result in one picture, to show to others."""

import cv2
import numpy as np

from wideopen._types import Pixels
from wideopen.image.resize import resize
from wideopen.options import Comparison
from wideopen.photo.formats.light import as_picture
from wideopen.photo.photo import Photo

LONG_SIDE = 4096
"""In px; larger pictures are made smaller."""
LINE = 400
"""The white line between the two is the picture's long side over this wide."""


def before_after(taken: Photo, result: Photo, style: Comparison) -> Photo:
    """The photo at the left and its result at the right: both whole (`side`), or half of each (`split`).

    The profile is kept; EXIF and XMP, which are the photo's own, are not. Pixels and alpha as in the photo.
    """
    taken, result = as_picture(taken), as_picture(result)
    whole = [_with_alpha(photo) for photo in (taken, result)]
    height, width = whole[0].shape[:2]
    scale = LONG_SIDE / max(2 * width if style == "side" else width, height)
    if scale < 1:
        height, width = max(1, round(height * scale)), max(1, round(width * scale))
        whole = [resize(pixels, height, width) for pixels in whole]
    line = max(2, max(height, width) // LINE)
    white = np.full((height, line, whole[0].shape[2]), np.iinfo(whole[0].dtype).max, whole[0].dtype)
    if style == "side":
        picture = np.concatenate([whole[0], white, whole[1]], axis=1)
    else:
        picture = np.concatenate([whole[0][:, : width // 2], whole[1][:, width // 2 :]], axis=1)
        start = max(0, (width - line) // 2)
        picture[:, start : start + line] = white[:, : width - start]
    alpha = None if taken.alpha is None else np.ascontiguousarray(picture[..., 3])
    return Photo(np.ascontiguousarray(picture[..., :3]), alpha, taken.grey, "JPEG", icc=taken.icc)


def _with_alpha(photo: Photo) -> Pixels:
    if photo.alpha is None:
        return photo.pixels
    return cv2.merge([*cv2.split(photo.pixels), photo.alpha])
