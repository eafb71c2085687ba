"""A photo with its subject half taken out: what is blurred around a subject is drawn from that.

A network's matte is exact to a few pixels. A rim of the subject that it leaves outside would be spread over the
background as a glow of its colour. Pairs have none, as there the subject is taken out, rim and all, and filled in from
around it (`matte_regions.find_hole`). With a network's matte that would erase part of a thing wherever the matte is
wrong; half way is wrong by half at most, and errs least on held-out pairs (docs/log.md).
"""

import numpy as np

from wideopen._types import Float
from wideopen.image.inpaint import push_pull
from wideopen.scene.matte_regions import find_doubt, find_hole

SOLID = 0.65, 0.95
"""Matte from which on a pixel is taken out, and taken out whole."""
REACH = 0.015
"""How far around it, as a share of the short side."""
EXACT_REACH = 0.004
"""The same around an exact matte."""
SHARE = 0.5
"""Of what is filled in."""


def remove_foreground(light: Float, matte: Float, exact: bool = False) -> Float:
    """What a blur of the background is drawn from.

    Args:
        light: HxWx3 float32, linear.
        matte: HxW in [0, 1], opacity of the subject.
        exact: the subject ends where the matte says, so that it is taken out whole, and hardly more than it.

    Returns HxWx3; the photo itself away from the subject, and where the matte is in doubt.
    """
    (low, high), reach, part = ((0.0, 1.0), EXACT_REACH, 1.0) if exact else (SOLID, REACH, SHARE)
    solid = ((matte - np.float32(low)) / np.float32(high - low)).clip(0.0, 1.0)
    if not solid.any():
        return light
    hole = find_hole(solid, find_doubt(solid), reach)
    filled = push_pull(light, np.square(1.0 - hole, dtype=np.float32))
    return np.asarray(light + (np.float32(part) * hole)[..., None] * (filled - light), np.float32)
