"""A matte and a disparity from two sources made one scene: the matte's edges win, a held thing stays with its holder.

outside   the disparity beyond the matte's edge, continued behind the subject: what a map's own, softer edge smears
          over the matte's is left out
inside    one disparity, the median of the map's there: all that the matte says is the subject is as far away; or the
          map's own for each part, continued from well inside to the matte's edge. What the map has as far as all around
          and not as the subject, it has lost: such a part stays with the others
"""

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float, Pixels
from wideopen.image.inpaint import fill
from wideopen.image.resize import fit, resize
from wideopen.image.tone_curve import ToneCurve
from wideopen.photo.depth_map import DepthMap
from wideopen.scene.matte_regions import ellipse
from wideopen.scene.scene import Disparity, Matte, Scene

SMEARED = 0.012
"""How far beyond the matte's edge a map's own edge may reach, as a fraction of the short side."""
SUBJECT, OUTSIDE = 0.9, 0.02
"""Opacity from which on a pixel's disparity is the subject's, and up to which it is not."""
AWAY = 0.25
"""Where a matte holds nothing, everything is at least so much farther than the subject that is not there."""
LONG_SIDE = 1024
"""Disparities are continued behind the subject at this size; nothing of the rest is finer there."""


def scene_of_map(pixels: Pixels, depth: DepthMap, source: str, curve: ToneCurve | None = None) -> Scene:
    """The scene that a depth map alone says: no subject, everything where the map has it."""
    return Scene(pixels, None, Disparity(depth.disparity, "metres" if depth.metric else "none", source), curve=curve)


def with_subject(scene: Scene, matte: Matte, parts: bool = False) -> Scene:
    """A scene with another matte.

    Args:
        scene: of a network, or of a depth map.
        matte: of the photo's shape; where it is 0 everywhere there is no subject to go by, and a map stays what it was.
        parts: the subject's parts lie as far away as a map has them, each for itself.
    """
    if scene.disparity.scale == "subject":
        return _of_network(scene, matte)
    values, opacity = scene.disparity.values, matte.opacity
    inside = resize(opacity, *values.shape)
    core = inside > min(SUBJECT, float(inside.max()))
    if not core.any():
        core = inside > 0.5
    if not core.any():
        return scene
    subject = float(np.median(values[core]))
    height, width = values.shape
    size = fit(height, width, min(LONG_SIDE, max(values.shape)))
    map = resize(values, *size)
    rest = _beyond(map, resize(opacity, *size))
    within = _parts(map, resize(core.astype(np.float32), *size) > 0.5, subject, rest) if parts else None
    known = replace(scene.disparity, values=rest)
    return replace(scene, matte=matte, disparity=known, subject=subject, within=within)


def _parts(map: Float, core: NDArray[np.bool_], subject: float, rest: Float) -> Float | None:
    """hxw, the disparity of the subject's parts, continued to everywhere; None if the map says nothing of them.

    Args:
        map: hxw.
        core: hxw, what is wholly the subject's.
        subject: median of the map there.
        rest: hxw, the disparity of everything else.
    """
    known = core & (np.abs(map - np.float32(subject)) < np.abs(map - rest))
    solid = cv2.erode(known.astype(np.float32), ellipse(_reach(map)))
    return _continued(map, solid) if solid.any() else None


def _of_network(scene: Scene, matte: Matte) -> Scene:
    """What the network took for the subject and is not lies as far away as what is around it."""
    relative = scene.disparity.values
    opacity = resize(matte.opacity, *relative.shape)
    if scene.matte is not None:
        own = (scene.matte.opacity / np.float32(scene.matte.sure)).clip(0, 1)
        # What is all subject says nothing of what lies behind: that is infinitely far, then.
        relative = np.full_like(relative, -1) if own.min() > OUTSIDE else _beyond(relative, own)
    if not (opacity > 0.5).any():
        relative = np.minimum(relative, np.float32(-AWAY))
    return replace(scene.with_relative(relative), matte=matte)


def _beyond(values: Float, opacity: Float) -> Float:
    """hxw, continued from beyond the edge of a matte of the same size to behind it; as it was if that is everywhere."""
    grown = cv2.dilate(np.ascontiguousarray(opacity, np.float32), ellipse(_reach(values)))
    outside = (grown <= OUTSIDE).astype(np.float32)
    return values if not outside.any() or outside.all() else _continued(values, outside)


def _reach(values: Float) -> int:
    """Side in px of what grows a matte by as much as a map's edge is smeared."""
    return int(2 * max(1, round(SMEARED * min(values.shape))) + 1)


def _continued(values: Float, weight: Float) -> Float:
    """hxw, where the weight is 0 from what lies around it."""
    found: Float = fill(cv2.merge([np.asarray(values, np.float32)] * 3), weight)[..., 0]
    return found
