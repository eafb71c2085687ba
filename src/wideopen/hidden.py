"""What lies behind the near side of an edge in depth: a guess from what is seen beside it.

A photo with depth shows one surface a pixel. Through a wide lens one sees past edges: around a blurred foreground, and,
where the background is blurred, light that comes from beside the subject. So behind every pixel near an edge a
second surface is put, continued from farther surfaces close by: colour and blur radius by push-pull, for several
nearnesses one after another, so that behind each thing lies what is just behind it and not what is farthest.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen.areas import box, grown
from wideopen.guided import fill

Float = NDArray[Any]
STEPS = 12
"""Nearnesses told apart."""


def find_hidden(color: Float, nearness: Float, gap: float, reach_px: float) -> tuple[Float, Float]:
    """Continue farther surfaces behind nearer ones.

    Args:
        color: HxWx3 linear light.
        nearness: HxW, grows towards the lens; any unit.
        gap: what is less than this farther counts as the same surface.
        reach_px: how far behind an edge is continued at least.

    Returns:
        Colour HxWx3 and nearness HxW of the second surface; those of the photo itself where there is none.
    """
    behind, depth = color.copy(), nearness.copy()
    low, high = float(nearness.min()), float(nearness.max())
    if high - low <= gap:
        return behind, depth
    size = 2 * int(np.ceil(reach_px)) + 3
    window = np.ones((size, size), np.uint8)
    near_edge = nearness - cv2.erode(nearness, window) > gap
    known = np.dstack([color, nearness])
    edges = np.linspace(low + gap, high, STEPS + 1)
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        chosen = near_edge & (nearness >= first) & ((nearness < last) | (last == high))
        if not chosen.any():
            continue
        # Pixels at an edge hold colours of both sides: one pixel more is left out.
        farther = cv2.erode((nearness < first - gap + 1e-6).astype(np.uint8), np.ones((3, 3), np.uint8))
        if not farther.any():
            continue
        close = chosen & (cv2.dilate(farther, window) > 0)
        found = box(close)
        if found is None:
            continue
        part = grown(found, size, nearness.shape)
        filled, inside = fill(known[part], farther[part].astype(np.float32)), close[part]
        behind[part][inside] = filled[inside, :3]
        depth[part][inside] = np.minimum(filled[inside, 3], nearness[part][inside])
    return behind, depth
