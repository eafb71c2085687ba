"""What is in focus: a point of the photo, its near or far end, or the subject found by itself.

Where focus is put matters more than how the blur is drawn; the median disparity inside the subject beats the middle
of the frame (GenRefocus). All places are shares of width and height, or pixels of the upright photo
(`option_texts.parse_place` has the rule).
"""

import cv2
import numpy as np

from wideopen._types import Float
from wideopen.image.resize import resize
from wideopen.option_texts import in_pixels, parse_place, parse_subjects

SPOT = 0.012
"""Radius of the spot that a point of focus stands for, as a share of the short side."""
END_PERCENT = 2.0
"""Share of the map that `near` and `far` leave beyond the plane in focus."""
SUBJECT = 0.7
"""Share of sharpness from which on a pixel is the subject's."""
LEAST_SUBJECT = 0.005
"""Smaller ones (share of the frame) are none."""


def find_focus(disparity: Float, focus: str, shape: tuple[int, int], subject: Float | None = None) -> float:
    """Disparity of what is to be in focus.

    Args:
        disparity: hxw, larger is nearer.
        focus: a place, see `option_texts.parse_place`.
        shape: height and width of the photo, in whose pixels X and Y may be.
        subject: hxw' of any size, share of the photo that belongs to the subject; for `auto`.

    Raises ValueError: a point outside the photo.
    """
    chosen = parse_place(focus)
    if chosen == "near":
        return float(np.percentile(disparity, 100 - END_PERCENT))
    if chosen == "far":
        return float(np.percentile(disparity, END_PERCENT))
    if isinstance(chosen, str):
        return _of_subject(disparity, subject)
    return at_point(disparity, *_shares(chosen, focus, shape))


def point_of(focus: str, shape: tuple[int, int]) -> tuple[float, float] | None:
    """The point of focus as shares of width and height, None for `auto`.

    Raises ValueError: a point outside the photo, or `near` or `far`, which only a depth map has.
    """
    chosen = parse_place(focus)
    if chosen == "auto":
        return None
    if isinstance(chosen, str):
        raise ValueError(f"focus {focus} needs a depth map (--depth); without one it is auto or X,Y")
    return _shares(chosen, focus, shape)


def places_of(subjects: str, shape: tuple[int, ...]) -> list[tuple[tuple[float, float], ...]]:
    """Points, or two corners of rectangles, in shares of width and height; see `option_texts.parse_subjects`.

    `shape`: height and width of the photo.
    Raises ValueError: a place that reaches beyond the photo.
    """
    found: list[tuple[tuple[float, float], ...]] = []
    for place in parse_subjects(subjects):
        x, y = place[:2]
        right, bottom = (x + place[2], y + place[3]) if len(place) == 4 else (x, y)
        if in_pixels(place):
            middle = 0.5 if len(place) == 2 else 0.0
            x, right = ((at + middle) / shape[1] for at in (x, right))
            y, bottom = ((at + middle) / shape[0] for at in (y, bottom))
        if max(x, y, right, bottom) > 1 + 1e-6:
            raise ValueError(f"also {subjects} reaches beyond the photo of {shape[1]}x{shape[0]} px")
        found.append(((x, y),) if len(place) == 2 else ((x, y), (min(right, 1.0), min(bottom, 1.0))))
    return found


def focus_of_scene(matte: Float, relative: Float, focus: str, shape: tuple[int, int]) -> float:
    """Relative disparity of what is to be in focus, where a model says where things are (`model.NetworkScene`).

    0, the subject, for `auto` and for a point on the subject. Raises ValueError for a point outside the photo.
    """
    if focus == "auto":
        return 0.0
    return find_focus(_with_subject(matte, relative), focus, shape)


def disparity_in_focus(matte: Float, relative: Float, point: tuple[float, float]) -> float:
    """`focus_of_scene` for a point in shares of width and height."""
    return at_point(_with_subject(matte, relative), *point)


def _with_subject(matte: Float, relative: Float) -> Float:
    return np.where(matte > 0.5, np.float32(0), relative)


def _shares(point: tuple[float, float], focus: str, shape: tuple[int, int]) -> tuple[float, float]:
    x, y = point
    if in_pixels(point):
        x, y = (x + 0.5) / shape[1], (y + 0.5) / shape[0]
    if x > 1 or y > 1:
        raise ValueError(f"the point of focus {focus} lies outside the photo of {shape[1]}x{shape[0]} px")
    return x, y


def at_point(disparity: Float, x: float, y: float) -> float:
    """Median of a map hxw about a point, in shares of its width and height."""
    height, width = disparity.shape
    reach = SPOT * min(height, width)
    top, left = (max(0, int(at - reach) - 1) for at in (y * height, x * width))
    near = disparity[top : int(y * height + reach) + 2, left : int(x * width + reach) + 2]
    rows, columns = np.mgrid[top : top + near.shape[0], left : left + near.shape[1]]
    distance = np.hypot(rows + 0.5 - y * height, columns + 0.5 - x * width)
    return float(np.median(near[distance <= max(reach, distance.min())]))


def _of_subject(disparity: Float, subject: Float | None) -> float:
    """Median over the subject; without one, of what is nearest in the middle of the frame."""
    if subject is not None:
        inside = resize(subject, *disparity.shape) > SUBJECT
        if inside.mean() >= LEAST_SUBJECT and inside.mean() < 0.9:
            return float(np.median(disparity[inside]))
    height, width = disparity.shape
    across, down = (cv2.getGaussianKernel(side, side / 5) for side in (width, height))
    weight = (down @ across.T).ravel()
    order = np.argsort(disparity, axis=None)
    shares = np.cumsum(weight[order])
    # The upper quarter: a subject stands before its background.
    return float(disparity.ravel()[order[np.searchsorted(shares, 0.75 * shares[-1])]])
