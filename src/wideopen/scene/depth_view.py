"""A depth map as a picture for people: near warm, far cool, what is in focus hatched and outlined.

The colours are OpenCV's INFERNO, whose lightness rises all the way: it reads the same in grey, and to people who
do not see red or green. Yellow is near, black far. White and blue are not in it, so the mark shows on any of it.
"""

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float

_EDGE, _HATCH = (255, 255, 255), (0, 140, 255)
"""RGB of the outline and of the hatching."""


def depth_picture(disparity: Float, in_focus: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Show a depth map and what is in focus.

    Args:
        disparity: HxW float32, larger is nearer, in any unit.
        in_focus: HxW.

    Returns HxWx3 uint8 RGB: the map in colours (from its least to its greatest value), and over what is in focus blue
    stripes between the colours and a white outline with a black line around.
    """
    low, high = float(disparity.min()), float(disparity.max())
    shares = (disparity - low) / (high - low) if high > low else np.zeros_like(disparity)
    grey = np.rint(np.asarray(shares, np.float32) * 255).astype(np.uint8)
    picture: Any = cv2.cvtColor(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB)
    marked = in_focus.astype(np.uint8)
    picture[_stripes(*marked.shape) & (marked > 0)] = _HATCH
    line = max(1, round(min(marked.shape) / 300))
    # Mirrored at the frame, which is no edge of what is in focus.
    square = np.ones((2 * line + 1, 2 * line + 1), np.uint8)
    grown = cv2.dilate(marked, square, borderType=cv2.BORDER_REFLECT)
    shrunk = cv2.erode(marked, square, borderType=cv2.BORDER_REFLECT)
    picture[grown > marked] = 0
    picture[marked > shrunk] = _EDGE
    return np.ascontiguousarray(picture)


def _stripes(height: int, width: int) -> NDArray[np.bool_]:
    """Diagonal stripes, a third of the area, about 40 along the shorter side."""
    period = max(6, round(min(height, width) / 40))
    rows, columns = np.ogrid[:height, :width]
    found: NDArray[np.bool_] = (rows + columns) % period < period // 3
    return found
