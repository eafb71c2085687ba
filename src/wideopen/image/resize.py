"""What sizes the network takes: fit a photo to a working size, pad to the multiple, crop back."""

import cv2
import numpy as np

from wideopen._types import Float, Pixels
from wideopen.image.tiles import Area


def fit(height: int, width: int, long_side: int) -> tuple[int, int]:
    """Height and width of the same shape whose longer side is `long_side`; the shorter one is at least 1."""
    longest = max(height, width)
    return max(1, round(height * long_side / longest)), max(1, round(width * long_side / longest))


def resize(image: Pixels, height: int, width: int) -> Pixels:
    """Resize HxW or HxWxC, by area along a side that shrinks and linearly along one that grows.

    Pixel centres stay aligned. Area averaging of 8-bit values is what the network's training did.
    """
    for rows, columns in ((min(height, image.shape[0]), min(width, image.shape[1])), (height, width)):
        if (rows, columns) != image.shape[:2]:
            shrinks = rows <= image.shape[0] and columns <= image.shape[1]
            image = cv2.resize(image, (columns, rows), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return image


def enlarge_part(small: Float, part: Area, shape: tuple[int, ...]) -> Float:
    """A part of a small map, hxw or hxwxC, at the size (height, width, ..) of its photo: linear, the same whatever the
    part."""
    rows, columns = (
        ((np.arange(span.start, span.stop) + 0.5) * (count / length) - 0.5).astype(np.float32)
        for span, length, count in zip(part, shape, small.shape, strict=False)
    )
    down, across = np.meshgrid(rows, columns, indexing="ij")
    return np.asarray(cv2.remap(small, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def pad(image: Pixels, multiple: int) -> Pixels:
    """Mirror HxWxC at its right and lower edges up to the next multiple, as often as it takes."""
    bottom, right = (-side % multiple for side in image.shape[:2])
    if not bottom and not right:
        return image
    return cv2.copyMakeBorder(image, 0, bottom, 0, right, cv2.BORDER_REFLECT)


def crop(image: Pixels, height: int, width: int) -> Pixels:
    """Undo `pad`: the upper left height x width px."""
    return np.ascontiguousarray(image[:height, :width])
