"""A scene as a hand corrects it, stroke by stroke: what each says spreads (`spreading`), what is painted is exact.

keep    opacity rises to 1
give    opacity falls to 0, and what is behind is as far away as what lies around
depth   keep, if the line ends on the subject; else give, and all of it is as far away as what the line ends on
also    opacity rises to that of the thing there (`also`); where the network sees none, keep from the point
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float, Pixels
from wideopen.image.guided_upsampling import Lifted, lift
from wideopen.image.inpaint import fill
from wideopen.image.resize import resize
from wideopen.image.spreading import Ground, shrunk, spread, spread_coarsely
from wideopen.scene.also import Look, thing_in, thing_under
from wideopen.scene.focus import at_point
from wideopen.scene.network_scene import small
from wideopen.scene.scene import Matte, Scene
from wideopen.scene.stroke import Mask, Stroke

Part = tuple[slice, slice]
"""Rows and columns."""
NOTHING = slice(0, 0), slice(0, 0)
SIDE = 1024
"""Longer side in px of a corrected matte; what is painted is exact at any size."""
MARGIN, BRUSHES = 0.15, 12.0
"""How far a stroke can spread: a share of the photo's longer side, or so many of its radii, whichever is more."""
DOT = 0.012
"""Radius of the brush that stands for a point."""
CHANGED = 0.02
"""Opacity by which a stroke must change a pixel."""
ALIKE = 0.08
"""Relative disparities that differ by so much are hardly the same."""


@dataclass(frozen=True, eq=False)
class Corrections:
    """What was painted on a scene."""

    colours: Float
    """HxWx3, the photo, sRGB-encoded in [0, 1], at the matte's size."""
    doubt: Float
    """HxW, opacity before the first stroke, as its source has it."""
    strokes: tuple[Stroke, ...] = ()
    """Each of kind `keep`, `give` or `also`."""
    finer: Lifted | None = None
    """The matte as it was, if it is larger than a corrected one: it stays where nothing was changed."""
    changed: Mask | None = None
    """HxW, where that is not."""
    said: NDArray[np.int8] | None = None
    """HxW, what the last stroke over a pixel said: 1 keep, -1 give, 0 none was there. None if nothing was painted."""

    def over(self, opacity: Float, rows: slice, columns: slice, photo: Pixels, shape: tuple[int, ...]) -> Float:
        """See `scene.Exact`."""
        found = opacity.copy()
        if self.finer is not None:
            found = self.finer.at(rows, columns, photo).copy()
            if self.changed is not None:
                changed = Stroke("keep", area=self.changed).painted(rows, columns, shape)
                found[changed] = opacity[changed]
        for stroke in self.strokes:
            keeps = np.float32(stroke.kind == "keep")
            if stroke.softness:
                found += stroke.share(rows, columns, shape) * (keeps - found)
            found[stroke.painted(rows, columns, shape)] = keeps
        return found

    def with_stroke(self, stroke: Stroke, difference: Float, part: Part) -> "Corrections":
        """The same after one more stroke, which painted within a part and made that difference (HxW) to the matte."""
        said = np.zeros(difference.shape, np.int8) if self.said is None else self.said.copy()
        said[part][stroke.painted(*part, difference.shape)] = 1 if stroke.kind == "keep" else -1
        changed = cv2.dilate((np.abs(difference) > CHANGED).astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
        changed = changed if self.changed is None else changed | self.changed
        return replace(self, strokes=(*self.strokes, stroke), changed=changed, said=said)


def with_strokes(scene: Scene, strokes: Sequence[Stroke]) -> Scene:
    """The scene that strokes will correct once focus is found; itself if there are none."""
    return replace(scene, hand=partial(correct, strokes=strokes)) if strokes else scene


def correct(scene: Scene, strokes: Sequence[Stroke]) -> Scene:
    """A scene with a matte as strokes correct it; one after another gives the same as all at once.

    `scene`: with a matte, corrected before or not.
    """
    for stroke in strokes:
        scene = _corrected(scene, stroke)
    return scene


def _corrected(scene: Scene, stroke: Stroke) -> Scene:
    scene = begin(scene)
    assert scene.matte is not None and isinstance(scene.matte.hand, Corrections)
    hand, opacity = scene.matte.hand, scene.matte.opacity
    if stroke.kind == "also":
        thing = _thing(stroke, hand.colours, scene.view)
        if thing is None:
            return _corrected(scene, replace(stroke, kind="keep", radius=DOT))
        found = np.maximum(opacity, thing)
        hand = replace(hand, doubt=np.maximum(hand.doubt, thing)).with_stroke(stroke, found - opacity, NOTHING)
        return replace(scene, matte=replace(scene.matte, opacity=found, hand=hand))
    target = None
    if stroke.kind == "depth":
        end = stroke.points[-1]
        on_subject = scene.is_subject(end)
        target = None if on_subject else at_point(scene.relative, *end)
        stroke = replace(stroke, kind="keep" if on_subject else "give")
    keeps = stroke.kind == "keep"
    part = window(stroke, opacity.shape)
    ground = ground_of(scene, stroke, part)
    share = spread(ground, stroke.radius, 1 / max(opacity.shape))
    if stroke.softness:
        share = np.maximum(share, stroke.share(*part, opacity.shape))
    found = opacity.copy()
    found[part] = share if keeps else 1 - share
    hand = hand.with_stroke(stroke, found - opacity, part)
    corrected = replace(scene, matte=replace(scene.matte, opacity=found, hand=hand))
    if keeps:
        return corrected
    relative = _behind(scene.relative, opacity, found)
    if target is not None:
        relative = _levelled(relative, target, ground, stroke, part, opacity.shape)
    values = relative * np.float32(scene.unit) + np.float32(scene.subject)
    return corrected.with_relative(values.astype(np.float32))


def _thing(stroke: Stroke, colours: Float, look: Look | None) -> Float | None:
    if len(stroke.points) == 1:
        return thing_under(stroke.points[0], colours, look)
    return thing_in((stroke.points[0], stroke.points[1]), colours, look)


def window(stroke: Stroke, shape: tuple[int, ...]) -> Part:
    """Rows and columns that a stroke may change, of a picture of that size."""
    height, width = shape[:2]
    left, top, right, bottom = stroke.bounds()
    reach = max(MARGIN, BRUSHES * stroke.radius) * max(shape)
    rows = slice(max(0, int(top * height - reach)), min(height, int(bottom * height + reach) + 1))
    columns = slice(max(0, int(left * width - reach)), min(width, int(right * width + reach) + 1))
    return rows, columns


def ground_of(scene: Scene, stroke: Stroke, part: Part) -> Ground:
    """What a stroke that keeps or gives is painted on, in its window; of a scene that has begun."""
    assert scene.matte is not None and isinstance(scene.matte.hand, Corrections)
    hand, opacity = scene.matte.hand, scene.matte.opacity
    painted = stroke.painted(*part, opacity.shape)
    against = np.zeros_like(painted) if hand.said is None else hand.said[part] == (-1 if stroke.kind == "keep" else 1)
    now, doubt = opacity[part], hand.doubt[part]
    planes = (now, doubt) if stroke.kind == "keep" else (1 - now, 1 - doubt)
    return Ground(hand.colours[part], *planes, painted, against & ~painted)


def begin(scene: Scene) -> Scene:
    """The scene with a matte of `SIDE` px that is sure, ready to be corrected."""
    assert scene.matte is not None
    if scene.matte.hand is not None:
        return scene
    canvas = small(scene.pixels, min(SIDE, max(scene.pixels.shape[:2])), scene.curve)
    doubt = lift(scene.matte.opacity, canvas)
    solid = (doubt / np.float32(scene.matte.sure)).clip(0, 1)
    finer = scene.lifted_matte if scene.matte.exact and max(scene.matte.opacity.shape) > SIDE else None
    hand = Corrections(canvas, doubt, finer=finer)
    matte = Matte(solid, f"{scene.matte.source}, corrected by hand", hand=hand)
    return replace(scene, matte=matte)


def _behind(relative: Float, before: Float, after: Float) -> Float:
    """Disparities hxw, continued from around to where opacity has gone; unchanged if none has or nothing is around."""
    given = cv2.resize(np.asarray(before - after, np.float32), relative.shape[::-1], interpolation=cv2.INTER_AREA)
    known = ((given < 0.1) & (resize(after, *relative.shape) < 0.1)).astype(np.float32)
    if given.max() < 0.1 or not known.any():
        return relative
    around: Float = fill(cv2.merge([np.asarray(relative, np.float32)] * 3), known)[..., 0]
    return np.where(given < 0.1, relative, around)


def _levelled(
    relative: Float, level: float, ground: Ground, stroke: Stroke, part: Part, shape: tuple[int, ...]
) -> Float:
    """Disparities hxw, as far away as `level` where a stroke has spread among what lies alike.

    `ground`: in the window `part` of a matte of that shape.
    """
    alike = np.exp(-(((resize(relative, *shape)[part] - np.float32(level)) / np.float32(ALIKE)) ** 2))
    small, share = shrunk(ground._replace(opacity=alike, doubt=alike)), np.zeros(shape, np.float32)
    size = ground.painted.shape
    share[part] = resize(spread_coarsely(small, stroke.radius, size[0] / len(small.painted) / max(shape)), *size)
    return relative + resize(share, *relative.shape) * (np.float32(level) - relative)
