"""What lies behind the near side of an edge in depth: a guess from what is seen beside it.

A photo with depth shows one surface a pixel. Through a wide lens one sees past edges: around a blurred foreground, and,
where the background is blurred, light that comes from beside the subject. So behind every pixel near an edge a
second surface is put, continued from farther surfaces close by: colour and blur radius by push-pull, for several
nearnesses one after another, so that behind each thing lies what is just behind it and not what is farthest.

This is for depth maps; behind a matte's subject it is `lens/foreground_removal.py`.
"""

from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float
from wideopen.image.inpaint import fill
from wideopen.image.tiles import box, grown

FINENESS, STEPS = 3, 96
"""Into how many nearnesses the gap that parts surfaces is divided, and how many there are at most: behind a thing may
lie only what is farther than the farthest thing of its nearness by that gap."""


def find_hidden(color: Float, nearness: Float, gap: float, reach_px: float) -> tuple[Float, Float]:
    """Continue farther surfaces behind nearer ones.

    Args:
        color: HxWx3 linear light.
        nearness: HxW, grows towards the lens; any unit.
        gap: what is less than this farther counts as the same surface.
        reach_px: how far behind an edge is continued at least.

    Returns colour HxWx3 and nearness HxW of the second surface; those of the photo itself where there is none.
    """
    window = _window(reach_px + 1)
    edge = nearness - cv2.erode(nearness, window) > gap
    known, found = np.dstack([color, nearness]), np.dstack([color, nearness])
    for first, level in _levels(nearness, edge, gap):
        # Pixels at an edge hold colours of both sides: one pixel more is left out.
        farther = cv2.erode((nearness < first - gap + 1e-6).astype(np.uint8), _window(1))
        close = level & (cv2.dilate(farther, window) > 0)
        _fill_in(found, close, known, farther, reach_px)
    return found[..., :3], np.minimum(found[..., 3], nearness)


def clean_rim(color: Float, nearness: Float, gap: float, rim_px: float) -> Float:
    """Replace the far side of edges, as far as the near side's colour may have strayed, by what lies beyond.

    Arguments as of `find_hidden`; `rim_px`: how exact edges are. Returns HxWx3 linear light.
    """
    rim = cv2.dilate(nearness, _window(rim_px)) - nearness > gap
    found = color.copy()
    for first, level in _levels(nearness, rim, gap):
        last = float(nearness[level].max())
        clean = (~rim & (nearness < last + gap) & (nearness > first - gap)).astype(np.uint8)
        _fill_in(found, level, color, clean, 8 * rim_px + 8)
    return found


def _levels(nearness: Float, chosen: NDArray[np.bool_], gap: float) -> Iterator[tuple[float, NDArray[np.bool_]]]:
    """The chosen pixels, in groups of like nearness: (least nearness, mask)."""
    low, high = float(nearness.min()), float(nearness.max())
    if high - low <= gap:
        return
    edges = np.linspace(low, high, min(STEPS, int(np.ceil(FINENESS * (high - low) / gap))) + 1)
    edges[-1] = np.inf
    for first, last in zip(edges[:-1], edges[1:], strict=True):
        level = chosen & (nearness >= first) & (nearness < last)
        if level.any():
            yield float(first), level


def _fill_in(found: Float, mask: NDArray[np.bool_], known: Float, weight: NDArray[Any], margin: float) -> None:
    """Put into `found`, where the mask is, what lies around it where the weight is."""
    part = box(mask)
    if part is None:
        return
    part = grown(part, margin, mask.shape)
    if weight[part].any():
        inside = mask[part]
        found[part][inside] = fill(known[part], weight[part].astype(np.float32))[inside]
        if known.shape[2] == 4:
            _, label = cv2.distanceTransformWithLabels(1 - weight[part], cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
            some = weight[part] > 0
            place = np.zeros(label.max() + 1, np.float32)
            place[label[some]] = known[part][..., 3][some]
            found[part][..., 3][inside] = place[label[inside]]


def _window(reach_px: float) -> NDArray[np.uint8]:
    side = 2 * max(int(np.ceil(reach_px)), 1) + 1
    return np.ones((side, side), np.uint8)
