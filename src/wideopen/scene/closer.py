"""A closer look at what a person points at: the network sees the part of the photo about it, too.

A network that looks for one subject takes two people for one, or a small thing for a piece of the background. Shown the
part about that thing, it says what is nearer and farther than *it*. The whole and the parts count alike.

    e = (1 - m) r    disparity less the subject's; the subject's own is 0
    d = e - e(point), the mean of the whole's and, where they reach, the parts'
      a view holds the point for the subject's    m is the mean of theirs, less what lies elsewhere by d
      none does                                   the subject is as far out of focus as d says
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from wideopen._types import Float
from wideopen.scene.focus import at_point, disparity_in_focus
from wideopen.scene.instances import SUBJECT, SURE, split_instances

Point = tuple[float, float]

SIDES = 0.6, 0.4
"""Sides of the parts, as shares of the photo's: of a tap's and of `also`'s. `alone/closer.js` has them, too."""
FADE = 0.1
"""A part counts less and less in this share of its side, along borders that are not the photo's."""
OTHER = 0.12
"""d from which on a thing is not where the one in focus is, where that is a part's alone: half of `instances.OTHER`."""
HELD = 0.5
"""Matte from which on a point is on the subject."""


@dataclass(frozen=True)
class Part:
    """A rectangle of a photo, in shares of its width and height."""

    left: float
    top: float
    width: float
    height: float

    def of(self, height: int, width: int) -> tuple[slice, slice]:
        """Its rows and columns in a picture of that size, at least one each."""
        rows, columns = max(1, round(self.height * height)), max(1, round(self.width * width))
        top, left = min(round(self.top * height), height - rows), min(round(self.left * width), width - columns)
        return slice(top, top + rows), slice(left, left + columns)

    def within(self, point: Point) -> Point:
        """A point of the photo as shares of the part."""
        return (point[0] - self.left) / self.width, (point[1] - self.top) / self.height


@dataclass(frozen=True, eq=False)
class View:
    """What the network says of a part."""

    part: Part
    matte: Float
    """hxw of any size, in [0, 1]."""
    relative: Float
    """Of the same size."""

    def says(self, plane: Float, point: Point) -> float:
        """The value of one of its planes at a point of the photo."""
        return at_point(plane, *self.part.within(point))


WHOLE = Part(0.0, 0.0, 1.0, 1.0)


def parts_around(point: Point) -> list[Part]:
    """The parts to be looked at: squares in shares, the point in their middle or as near to it as the photo allows."""

    def start(at: float, side: float) -> float:
        return min(max(at - side / 2, 0.0), 1.0 - side)

    return [Part(start(point[0], side), start(point[1], side), side, side) for side in SIDES]


def refine_at_point(matte: Float, relative: Float, point: Point, views: Sequence[View]) -> tuple[Float, Float, float]:
    """Correct places by what parts of the photo show.

    Args:
        matte, relative: hxw, of the whole photo; see `compositor.draw`.
        point: what is to be in focus, as shares of width and height.

    Returns matte and relative disparity anew, and the relative disparity in focus.
    """
    whole = View(WHOLE, matte, relative)
    seen, (shift, thing, held) = _from_point(whole, point), _mean((whole, *views), point, matte.shape)
    shift -= seen
    focus = disparity_in_focus(matte, relative, point)
    if held.any():
        elsewhere = shift + np.where(matte > HELD, seen, relative - np.float32(focus))
        if at_point(matte, *point) > HELD:  # Parts may hold but a piece of a large subject for theirs.
            return *split_instances(np.maximum(matte, thing), elsewhere), 0.0
        return *split_instances(thing, elsewhere, OTHER), 0.0
    subject = (matte > SUBJECT) & (shift != 0)  # Seen by a part.
    moved = float(np.median(shift[subject])) if subject.any() else 0.0
    # The subject is where the scale of disparities begins, so all else moves.
    return matte, relative - np.float32(moved), focus - moved


def _mean(views: Sequence[View], point: Point, shape: tuple[int, int]) -> tuple[Float, Float, Float]:
    """d, the matte of what the point is on, and how many views hold it for the subject: hxw.

    Views that agree that something lies elsewhere may not agree on which side: d is as large as the mean of
    |e - e(point)|.
    """
    mean, size, weight, thing, held = np.zeros((5, *shape), np.float32)
    for view in views:
        part = view.part.of(*shape)
        inside = mean[part].shape
        counts = _fading(view.part, inside)
        away = cv2.resize(_from_point(view, point), inside[::-1], interpolation=cv2.INTER_AREA)
        for total, value in ((mean, away), (size, np.abs(away)), (weight, 1.0)):
            total[part] += counts * value
        if view.says(view.matte, point) > HELD:
            thing[part] += counts * cv2.resize(view.matte, inside[::-1], interpolation=cv2.INTER_AREA)
            held[part] += counts
    return np.copysign(size, mean) / weight, thing / np.maximum(held, 1.0), held


def _from_point(view: View, point: Point) -> Float:
    """e - e(point)."""
    share = (view.matte / np.float32(SURE)).clip(0, 1)
    disparity: Float = ((1 - share) * view.relative).astype(np.float32)
    return disparity - np.float32(view.says(disparity, point))


def _fading(part: Part, size: tuple[int, int]) -> Float:
    """How much each pixel of a part counts."""

    def along(length: int, start: float, side: float) -> Float:
        place = (np.arange(length, dtype=np.float32) + np.float32(0.5)) / np.float32(length * FADE)
        before = place if start > 0 else np.ones_like(place)
        behind = place[::-1] if start + side < 1 - 1e-6 else np.ones_like(place)
        nearer: Float = np.minimum(np.minimum(before, behind), 1)
        return nearer

    return np.outer(along(size[0], part.top, part.height), along(size[1], part.left, part.width))
