"""Two things taken for one subject, told apart by how far away they are.

Without being asked, all that looks like a subject stays sharp: doubt leaves the photo as it is. Who points at one of
two people means that one.

    matte m, relative disparity r
      1. seeds: well inside m; the subject's if r is about 0, else another thing's, for which a little m is enough
      2. every pixel of m goes with the nearest seed; what is another thing's leaves m and takes that thing's median r
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float

SURE = 0.65
"""Matte from which on a pixel is wholly the subject's: in doubt the photo's own pixels stay. Costs 0.03 dB on held-out
pairs."""
SUBJECT, DOUBTED, TOUCHED = 0.6, 0.25, 0.1
"""m from which on a pixel may be a seed of the subject, a seed of another thing, and may belong to one."""
MARGIN = 0.012
"""Seeds keep that far from the edge (share of the short side), and those of another thing are twice as wide: about
the subject's edge, r may be that of what lies behind."""
OTHER = 0.25
"""`least` of `split_instances`, where nothing else is known."""
LEAST = 0.002
"""Share of the photo that seeds of another thing must fill; less is noise."""


def split_instances(matte: Float, relative: Float, least: float = OTHER) -> tuple[Float, Float]:
    """The subject alone, and everything else where it is.

    Args:
        matte: hxw in [0, 1]. relative: hxw; see `compositor.draw`.
        least: relative disparity from which on a thing is not where the subject is.

    Returns both anew; as they were where there is one thing only, or nothing at the subject's own disparity.
    """
    reach = max(1, round(MARGIN * min(matte.shape)))
    square = np.ones((2 * reach + 1,) * 2, np.uint8)
    subject, doubted = (cv2.erode((matte > sure).astype(np.uint8), square) > 0 for sure in (SUBJECT, DOUBTED))
    smooth = cv2.medianBlur(np.ascontiguousarray(relative, np.float32), 5)
    away = np.abs(smooth) >= least
    other = _large(cv2.morphologyEx((doubted & away).astype(np.uint8), cv2.MORPH_OPEN, square) > 0)
    own = subject & ~away
    if not other.any() or own.sum() < LEAST * own.size:
        return matte, relative
    to_own = cv2.distanceTransform((~own).astype(np.uint8), cv2.DIST_L2, 3)
    to_other, labels = cv2.distanceTransformWithLabels(
        (~other).astype(np.uint8), cv2.DIST_L2, 3, labelType=cv2.DIST_LABEL_PIXEL
    )
    leaves = (to_other < to_own) & (matte > TOUCHED)
    _, things = cv2.connectedComponents(other.astype(np.uint8))
    values = np.zeros(int(labels.max()) + 1, np.float32)
    for thing in range(1, int(things.max()) + 1):
        values[labels[things == thing]] = np.median(smooth[things == thing])
    return np.where(leaves, np.float32(0), matte), np.where(leaves, values[labels], relative)


def _large(seeds: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Connected pieces of at least LEAST of the picture."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(seeds.astype(np.uint8))
    keep = stats[:, cv2.CC_STAT_AREA] >= LEAST * seeds.size
    keep[0] = False
    found: NDArray[np.bool_] = keep[labels]
    return found
