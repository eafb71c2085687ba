"""Lamps that the camera clipped, given back some of the light they had.

A camera stores a lamp as white, however much brighter it was, and a blur would spread that white into a grey disc.
What is taken for a lamp is near clipping in all three channels, small in every direction, and much brighter than what
is around it: white paint, clouds, petals and coloured cars are not. A lens mixes what results, and a sensor clips it.
How much each is raised goes by its brightness alone; its size only says whether it is a lamp. The same figures are in
`web/static/alone/highlights.js` and, for training, in `training/differentiable_lens.py`. (`synthesis/lamps.py` draws
lamps into made pairs.)
"""

import cv2
import numpy as np

from wideopen._types import Float

CLIPPED = 0.9, 1.0
"""Linear value of the darkest channel from which on light may have been clipped, and at which it surely was."""
DARK = 0.2, 0.5
"""Linear value of the darkest channel around a lamp: up to the first it is a lamp, from the second on it is none."""
SIZE = 0.05
"""A lamp is smaller than this fraction of the photo's short side in every direction."""
WORKING_PX = 512
"""Long side at which it is found out how bright it is around lamps; larger photos are made smaller."""
MANY = 0.01, 0.10
"""Fraction of the photo that lamps fill: up to the first they are lamps, from the second on they are something else."""


def find_surroundings(linear: Float) -> Float:
    """How bright it is around small bright things, HxW float32: the darkest channel without what is small.

    `linear`: HxWx3 linear light in [0, 1], a whole photo at any size.
    Returns the largest of the morphological openings by lines in four directions, each as long as the largest lamp, and
    of the mean in a square of twice that side: among much that is bright a thing is no lamp.
    """
    height, width = linear.shape[:2]
    scale = min(1.0, WORKING_PX / max(height, width))
    if scale < 1:
        size = max(1, round(width * scale)), max(1, round(height * scale))
        small = find_surroundings(cv2.resize(linear, size, interpolation=cv2.INTER_AREA))
        enlarged: Float = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        return enlarged
    darkest = np.ascontiguousarray(_darkest(linear), np.float32)
    length = line_length(*darkest.shape)
    diagonal = np.eye(2 * round(length / np.sqrt(8)) + 1, dtype=np.uint8)
    lines = np.ones((1, length), np.uint8), np.ones((length, 1), np.uint8), diagonal, diagonal[::-1].copy()
    openings = [cv2.morphologyEx(darkest, cv2.MORPH_OPEN, line) for line in lines]
    square = 2 * length + 1, 2 * length + 1
    around: Float = cv2.blur(darkest, square, borderType=cv2.BORDER_CONSTANT)
    around = around / cv2.blur(np.ones_like(darkest), square, borderType=cv2.BORDER_CONSTANT)
    found: Float = np.maximum.reduce([*openings, around])
    return found


def line_length(height: int, width: int) -> int:
    """Length (px) of the largest lamp, odd."""
    return 2 * max(round(SIZE * min(height, width) / 2), 1) + 1


def lamp_weight(linear: Float, surroundings: Float) -> Float:
    """How surely each pixel is of a lamp, HxW in [0, 1].

    Args:
        linear: HxWx3 linear light in [0, 1].
        surroundings: HxW, from `find_surroundings`.
    """
    clipped = ((_darkest(linear) - np.float32(CLIPPED[0])) / np.float32(CLIPPED[1] - CLIPPED[0])).clip(0.0, 1.0)
    alone = ((np.float32(DARK[1]) - surroundings) / np.float32(DARK[1] - DARK[0])).clip(0.0, 1.0)
    weight: Float = np.square(clipped) * alone
    return weight


def raise_lamps(linear: Float, gain: float, surroundings: Float | None = None) -> Float:
    """Give lamps that were clipped more light than white.

    Args:
        linear: HxWx3 linear light in [0, 1].
        gain: brightness given to pure white, >= 1; 1 changes nothing.
        surroundings: HxW, from `find_surroundings` of the whole photo; found in `linear` if None.

    Returns HxWx3 float32 in [0, gain]. Hue is kept: all three channels are scaled by the same factor.
    """
    if gain <= 1.0 or float(linear.max(initial=0.0)) <= CLIPPED[0]:
        return linear
    weight = lamp_weight(linear, find_surroundings(linear) if surroundings is None else surroundings)
    if not weight.any():
        return linear
    raised: Float = linear * (1.0 + np.float32(gain - 1.0) * weight)[..., None]
    return raised.astype(np.float32)


def lamp_certainty(linear: Float) -> float:
    """1 if what looks like lamps fills little of a photo (HxWx3 linear light); down to 0 if it fills much of it."""
    filled = float((lamp_weight(linear, find_surroundings(linear)) > 0).mean())
    few, many = MANY
    return float(np.clip((many - filled) / (many - few), 0.0, 1.0))


def _darkest(linear: Float) -> Float:
    """HxW darkest channel; `min` over an axis of three takes five times as long."""
    found: Float = np.minimum(np.minimum(linear[..., 0], linear[..., 1]), linear[..., 2])
    return found
