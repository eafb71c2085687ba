"""A further subject: the thing under a point, or in a rectangle, as a closer look at it finds it.

point       the network sees the photo and the parts about the point; what they hold for the subject there, without
            what lies elsewhere (`closer.refine_at_point`); and once more the part that this thing fills. What is
            connected with the point
rectangle   the network sees the rectangle and a margin; what it holds for the subject in there. Where that is next
            to nothing, what differs in colour from the margin (GrabCut: Rother et al., SIGGRAPH 2004)
"""

from collections.abc import Callable

import cv2
import numpy as np

from wideopen._types import Float
from wideopen.image.guided_upsampling import lift
from wideopen.image.resize import fit, resize
from wideopen.scene.closer import HELD, WHOLE, Part, Point, View, parts_around, refine_at_point
from wideopen.scene.focus import at_point
from wideopen.scene.instances import SURE

Look = Callable[[Part], View]

MARGIN, ABOUT = 0.25, 0.4
"""How far about a rectangle, or a thing that was found, is looked, as a share of its sides."""
BEYOND = 0.02
"""How far beyond a rectangle a thing may reach, as a share of its sides: nobody draws one to the pixel."""
LEAST = 0.1
"""Share of a rectangle that a thing in it fills at least."""
SIDE, ROUNDS = 320, 4
"""Longer side in px of what GrabCut sees, and how often it goes over it."""


def thing_under(point: Point, colours: Float, look: Look | None) -> Float | None:
    """HxW, opacity in [0, 1] of what lies under a point; None if the network says nothing of it.

    Args:
        point: in shares of width and height.
        colours: HxWx3, the photo, sRGB-encoded in [0, 1].
        look: has the network see a part of the photo; None if it cannot.
    """
    if look is None:
        return None
    whole, parts = look(WHOLE), [look(part) for part in parts_around(point)]
    matte, _, _ = refine_at_point(whole.matte, whole.relative, point, parts)
    found = _connected(_solid(lift(matte, colours)), point)
    if at_point(found, *point) <= HELD:
        return None
    (top, bottom), (left, right) = (np.flatnonzero((found > HELD).any(axis=axis))[[0, -1]] for axis in (1, 0))
    height, width = found.shape
    part = _grown(((left / width, top / height), ((right + 1) / width, (bottom + 1) / height)), ABOUT)
    closer = _connected(_seen(look(part), colours), point)
    return closer if at_point(closer, *point) > HELD else found


def thing_in(corners: tuple[Point, Point], colours: Float, look: Look | None) -> Float:
    """HxW, opacity in [0, 1] of the thing in a rectangle.

    Args:
        corners: two opposite ones, in shares of width and height.
        colours, look: as of `thing_under`.
    """
    height, width = colours.shape[:2]
    part, inner = _grown(corners, MARGIN), _grown(corners, BEYOND)
    rows, columns = part.of(height, width)
    inside = np.zeros((height, width), bool)
    inside[inner.of(height, width)] = True
    inside = inside[rows, columns]
    found = np.zeros((height, width), np.float32) if look is None else _seen(look(part), colours)
    if found[rows, columns][inside].mean() < LEAST:
        found[rows, columns] = _unlike_margin(np.ascontiguousarray(colours[rows, columns]), inside)
    found[rows, columns] *= inside
    return found


def _solid(matte: Float) -> Float:
    return (matte / np.float32(SURE)).clip(0, 1)


def _seen(view: View, colours: Float) -> Float:
    """HxW, opacity of what a view of a part holds for the subject; 0 elsewhere."""
    found = np.zeros(colours.shape[:2], np.float32)
    part = view.part.of(*colours.shape[:2])
    found[part] = _solid(lift(view.matte, np.ascontiguousarray(colours[part])))
    return found


def _connected(opacity: Float, point: Point) -> Float:
    """HxW, opacity of what is connected with a point, with its soft edge."""
    height, width = opacity.shape
    _, pieces = cv2.connectedComponents((opacity > 0.5).astype(np.uint8))
    rows, columns = np.nonzero(pieces)
    if not rows.size:
        return np.zeros_like(opacity)
    away = np.hypot(columns + 0.5 - point[0] * width, rows + 0.5 - point[1] * height)
    nearest = int(np.argmin(away))
    piece = (pieces == pieces[rows[nearest], columns[nearest]]).astype(np.float32)
    others = cv2.dilate(((pieces > 0) & (piece == 0)).astype(np.float32), np.ones((3, 3)))
    return np.asarray(opacity * cv2.dilate(piece, np.ones((15, 15))) * (1 - others), np.float32)


def _grown(corners: tuple[Point, Point], share: float) -> Part:
    """A rectangle and a share of its sides more on each side, within the photo."""
    (left, right), (top, bottom) = (sorted(ends) for ends in zip(*corners, strict=True))
    across, down = share * (right - left), share * (bottom - top)
    left, top = max(0.0, left - across), max(0.0, top - down)
    return Part(left, top, min(1.0, right + across) - left, min(1.0, bottom + down) - top)


def _unlike_margin(colours: Float, inside: Float) -> Float:
    """HxW, what within a rectangle is unlike what is around it; all of it if nothing is."""
    height, width = inside.shape
    size = fit(height, width, min(SIDE, max(height, width)))
    small = np.ascontiguousarray((resize(colours, *size) * 255).round().clip(0, 255).astype(np.uint8))
    within = resize(inside.astype(np.float32), *size) > 0.5
    labels = np.where(within, cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    if within.all():
        return np.ones((height, width), np.float32)
    cv2.setRNGSeed(0)  # The same rectangle makes the same picture.
    cv2.grabCut(small, labels, (0, 0, 0, 0), np.zeros((1, 65)), np.zeros((1, 65)), ROUNDS, cv2.GC_INIT_WITH_MASK)
    thing = (labels == cv2.GC_PR_FGD).astype(np.float32)
    return lift(thing, colours) if thing.any() else inside.astype(np.float32)
