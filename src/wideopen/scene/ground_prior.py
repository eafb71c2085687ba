"""What a subject stands on tells how far away all else is: a network's disparity, made to recede as a ground does.

    matte m, relative disparity r, the photo
      1. foot of the subject and end of the sky    `find_foot`, `find_sky`
      2. g, the mean of many backgrounds that fit them    `background_depth.draw_surface`
      3. what stands out of its row, clearly nearer than the rest of it, keeps r, and the subject in proportion to m;
         everything else is g

A network says about where the ground is and smears it around the subject, which leaves a half-sharp rim there. Where
the subject is known, the ground below it is: on held-out pairs g is closer to the truth than r (docs/log.md).
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float
from wideopen.scene.background_depth import REACH, SUBJECT_DISPARITY, draw_surface, find_sky, scene_depth
from wideopen.scene.matte_regions import find_foot

DRAWS = 40
"""Backgrounds whose mean is taken. The mean errs least squared, and blur is judged by that."""
SOLID = 0.4
"""Matte from which on a pixel counts as the subject's, where its foot is looked for. So the foot is neither too high
nor too low in the median; from 0.15 on it is 1 % of the height too low, and one subject in six only seems cut off."""
STEP = 4
"""Pixels of the map for one of the backgrounds'."""
OUT_OF_ROW = 0.2, 0.4
"""How much nearer than the rest of its row, beside g, a thing is from which on r begins to count, and counts alone."""
SMOOTH = 0.02
"""Standard deviation (share of the short side) within which that is judged."""
OUTSIDE = 0.2
"""Matte below which a pixel is not the subject's."""
FAR, NEARER = -0.5, 0.35
"""g below which a point is not told from the ground, as it is all far away, unless r is nearer by so much."""
ALIKE = 0.06
"""r - g beside the rest of its row up to which a point is the ground's."""
ROWS = 2
"""Rows above and below that count as the point's."""


def apply_ground_prior(photo: Float, matte: Float, relative: Float) -> Float:
    """Relative disparity anew, hxw float32.

    Args:
        photo: hxwx3, sRGB-encoded, [0, 1].
        matte, relative: hxw; see `compositor.draw`. As it was where the matte holds no subject, or nothing else.
    """
    outside = matte < OUTSIDE
    if outside.all() or not outside.any() or not (matte > 0.5).any():
        return relative
    ground = expected(matte, find_foot((matte > SOLID).astype(np.float32)), find_sky(photo))
    nearer = cv2.GaussianBlur(relative - ground, (0, 0), SMOOTH * min(matte.shape))
    rows = np.array([[_of_row(nearer, outside, row)] for row in range(len(matte))], np.float32)
    low, high = OUT_OF_ROW
    stands = ((nearer - rows - np.float32(low)) / np.float32(high - low)).clip(0, 1)
    moved: Float = (ground + np.maximum(stands, matte) * (relative - ground)).astype(np.float32)
    return moved


def lies_on(ground: Float, matte: Float, relative: Float, point: tuple[float, float]) -> bool:
    """Whether a point (shares of width and height) is of the ground or what bounds it, not of what stands there.

    ground: hxw, by `apply_ground_prior`. matte, relative: hxw, as the network says.
    """
    height, width = matte.shape
    row, column = min(int(point[1] * height), height - 1), min(int(point[0] * width), width - 1)
    nearer = relative - ground
    if ground[row, column] < FAR and nearer[row, column] < NEARER:
        return True
    if matte[row, column] >= OUTSIDE:
        return False
    return bool(abs(nearer[row, column] - _of_row(nearer, matte < OUTSIDE, row)) < ALIKE)


def expected(subject: Float, foot: float, sky: float) -> Float:
    """Mean relative disparity of the backgrounds that fit a photo, hxw float32.

    Args:
        subject: hxw opacity.
        foot, sky: rows in px; see `background_depth.draw_surface`.
    """
    height, width = subject.shape
    size = max(height // STEP, 2), max(width // STEP, 2)
    solid, drawn = cv2.resize(subject, size[::-1], interpolation=cv2.INTER_AREA) > 0.5, []
    scale = size[0] / height
    for number in range(DRAWS):
        plane = draw_surface(np.random.default_rng(number), size, foot * scale, sky * scale).plane
        disparity = plane.disparity(*size) / np.float32(SUBJECT_DISPARITY)
        depth = scene_depth(np.where(solid, np.float32(1), disparity))
        drawn.append(((disparity - 1) / np.float32(depth)).clip(-REACH, REACH))
    mean = np.asarray(np.mean(drawn, axis=0, dtype=np.float32))
    return np.asarray(cv2.resize(mean, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)


def _of_row(x: Float, where: NDArray[np.bool_], row: int) -> float:
    """Median of x in a row and ROWS above and below it; 0 where it has nothing of `where`."""
    near = slice(max(row - ROWS, 0), row + ROWS + 1)
    beside = x[near][where[near]]
    return float(np.median(beside)) if len(beside) else 0.0
