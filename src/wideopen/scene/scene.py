"""What is where in a photo: a matte of the subject, and the disparity of everything else, each from any source.

    source (network, depth map, file, the photo's own) -> Scene -> focus, point refinement -> Scene -> lens

Nothing that draws a scene asks where it came from: what a source promises is in the fields.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, Protocol

import numpy as np

from wideopen._types import Float, Pixels
from wideopen.image.guided_upsampling import Lifted
from wideopen.image.resize import resize
from wideopen.image.tone_curve import ToneCurve
from wideopen.option_texts import parse_place
from wideopen.photo.depth_map import DepthMap
from wideopen.scene.closer import Part, View, parts_around, refine_at_point
from wideopen.scene.focus import at_point, find_focus, focus_of_scene, point_of
from wideopen.scene.instances import SURE, split_instances

Scale = Literal["subject", "none", "metres"]


class Exact(Protocol):
    """What is exact in a matte at any size, as what a hand has painted."""

    def over(self, opacity: Float, rows: slice, columns: slice, photo: Pixels, shape: tuple[int, ...]) -> Float:
        """Opacity of a tile of a photo of that shape, with what is exact put over it; `photo` is its pixels there."""
        ...


class LiftedMatte(Lifted):
    """A matte at its photo's size, with what is exact in it."""

    def __init__(self, opacity: Float, photo: Pixels, exact: Exact | None) -> None:
        super().__init__(opacity, photo)
        self._exact = exact

    def at(self, rows: slice, columns: slice, photo: Pixels) -> Float:
        opacity = super().at(rows, columns, photo)
        return opacity if self._exact is None else self._exact.over(opacity, rows, columns, photo, self.shape)


@dataclass(frozen=True, eq=False)
class Matte:
    """Opacity of the subject."""

    opacity: Float
    """hxw float32 in [0, 1], upright like the photo, of any size."""
    source: str
    """Where it is from, for a person to read."""
    sure: float = 1.0
    """Opacity from which on a pixel is wholly the subject's: below 1 for a network's guess, of which the photo's own
    pixels are kept where it is in doubt."""
    hand: Exact | None = None
    """What was painted, if anything was."""

    @property
    def exact(self) -> bool:
        """Whether the subject ends where the matte says: then nothing corrects it, and it decides at full size."""
        return self.sure >= 1.0


@dataclass(frozen=True, eq=False)
class Disparity:
    """How near everything is."""

    values: Float
    """hxw float32, larger is nearer, of any size."""
    scale: Scale
    """`subject`: disparity less the subject's, in units of the subject's: 0 is as far as it, -1 infinitely far.
    `none`: in [0, 1], 0 is infinitely far and 1 the nearest thing. `metres`: 1/m."""
    source: str
    """Where it is from, for a person to read."""


@dataclass(frozen=True, eq=False)
class Scene:
    """A photo and what is where in it."""

    pixels: Pixels
    """HxWx3 encoded by `curve`: uint8, uint16, or float32 in [0, 1]."""
    matte: Matte | None
    """The subject; None if all that is known is how near things are."""
    disparity: Disparity
    """Of everything but the subject, also where the subject hides it; of everything if there is no matte."""
    subject: float = 0.0
    """Disparity of the subject, in the scale of `disparity`."""
    curve: ToneCurve | None = None
    """Of the photo's profile; sRGB's if None."""
    view: Callable[[Part], View] | None = None
    """Has a network look at a part of the photo."""
    hand: "Callable[[Scene], Scene] | None" = None
    """Corrects the scene once focus is found; see `correction.with_strokes`."""
    within: Float | None = None
    """h'xw', disparity of the subject itself where a map tells its parts apart, in the scale of `disparity`, continued
    beyond its edge; all of it is as far as `subject` if None."""

    @cached_property
    def relative(self) -> Float:
        """hxw, disparity of everything else less the subject's, in units of the subject's; -1 is the farthest."""
        if self.disparity.scale == "subject":
            return self.disparity.values
        unit = np.float32(self.unit)
        return np.asarray((self.disparity.values - np.float32(self.subject)) / unit, np.float32)

    @property
    def unit(self) -> float:
        """The disparity that is 1 in `relative`, in the scale of `disparity`."""
        return 1.0 if self.disparity.scale == "subject" else max(self.subject, LEAST_UNIT)

    @property
    def relative_within(self) -> Float | None:
        """`within` less the subject's disparity, in its units."""
        if self.within is None:
            return None
        return np.asarray((self.within - np.float32(self.subject)) / np.float32(self.unit), np.float32)

    def with_relative(self, relative: Float) -> "Scene":
        """The same with other disparities in units of the subject's."""
        return replace(self, disparity=replace(self.disparity, values=relative))

    def focus_at(self, where: str) -> "tuple[Scene, float]":
        """The place `where` (`option_texts.parse_place`) in focus.

        Returns:
            The scene (if `where` is a point in a network's scene: with subjects told apart, and what a closer look
            says), and the relative disparity in focus.

        Raises:
            ValueError: a point outside the photo, or `near` or `far`, which only a depth map has.
        """
        found, focus = self._focused(where)
        if self.hand is None:
            return found, focus
        corrected = self.hand(found)
        point = None if isinstance(parse_place(where), str) else point_of(where, self.pixels.shape[:2])
        if point is not None and corrected.is_subject(point) != found.is_subject(point):
            focus = 0.0 if corrected.is_subject(point) else at_point(corrected.relative, *point)
        return corrected, focus

    def is_subject(self, point: tuple[float, float]) -> bool:
        """Whether a point, in shares of width and height, is on the subject."""
        return self.matte is not None and at_point(self.matte.opacity, *point) > 0.5

    def _focused(self, where: str) -> "tuple[Scene, float]":
        assert self.matte is not None
        shape = self.pixels.shape[:2]
        if self.disparity.scale != "subject":
            return self, self.disparity_of(where)
        point = None if isinstance(parse_place(where), str) else point_of(where, shape)
        if point is None or self.matte.exact:
            return self, self.disparity_of(where)
        seen = self.apart
        assert seen.matte is not None
        if self.view is None:
            return seen, focus_of_scene(seen.matte.opacity, seen.relative, where, shape)
        views = [self.view(part) for part in parts_around(point)]
        found, relative, focus = refine_at_point(seen.matte.opacity, seen.relative, point, views)
        return replace(seen.with_relative(relative), matte=replace(seen.matte, opacity=found)), focus

    def disparity_of(self, where: str) -> float:
        """Relative disparity of the place `where`, as the scene has it: nobody looks closer. Raises as `focus_at`."""
        assert self.matte is not None
        shape = self.pixels.shape[:2]
        if self.disparity.scale == "subject":
            return focus_of_scene(*_of_one_size(self.matte.opacity, self.relative), where, shape)
        return 0.0 if where == "auto" else (find_focus(self.whole, where, shape) - self.subject) / self.unit

    @property
    def whole(self) -> Float:
        """hxw float32, disparity of everything: 1 is the subject and 0 infinitely far where the scale is the subject's,
        else in the scale of `disparity`."""
        if self.matte is None:
            return self.disparity.values
        if self.disparity.scale == "subject":
            subject = (self.matte.opacity / np.float32(self.matte.sure)).clip(0.0, 1.0)
            subject, rest = _of_one_size(subject, self.disparity.values)
            return np.asarray((1.0 + (1.0 - subject) * rest).clip(0.0, None), np.float32)
        subject, rest = _of_one_size(self.matte.opacity, self.disparity.values)
        own = np.float32(self.subject) if self.within is None else resize(self.within, *rest.shape)
        return np.where(subject > 0.5, own, rest)

    @cached_property
    def apart(self) -> "Scene":
        """Without what was taken for the subject but lies elsewhere; see `instances.split_instances`."""
        assert self.matte is not None
        opacity, relative = split_instances(self.matte.opacity, self.relative)
        if opacity is self.matte.opacity:
            return self
        return replace(self.with_relative(relative), matte=replace(self.matte, opacity=opacity))

    @cached_property
    def depth_map(self) -> DepthMap:
        """Disparity of everything as a map; without a scale, in [0, 1], where the scale is the subject's."""
        whole = self.whole
        if self.disparity.scale == "subject":
            return DepthMap(whole / max(1.0, float(whole.max())), metric=False)
        return DepthMap(whole, metric=self.disparity.scale == "metres")

    def disparity_at(self, rows: slice, columns: slice, photo: Pixels) -> Float:
        """`depth_map` at the photo's size, following its edges: a tile of it, float32.

        Args:
            rows, columns: plain slices within the photo.
            photo: the photo's pixels there.
        """
        if self.matte is None or self.disparity.scale == "subject":
            return self._lifted.at(rows, columns, photo)
        rest = self._lifted.at(rows, columns, photo)
        opacity = self.lifted_matte.at(rows, columns, photo)
        own = np.float32(self.subject) if self.within is None else self._lifted_within.at(rows, columns, photo)
        return np.where(opacity > 0.5, own, rest)

    def opacity_at(self, rows: slice, columns: slice, photo: Pixels) -> Float:
        """Opacity of the subject at the photo's size, following its edges: a tile of it, float32 in [0, 1].

        Args:
            rows, columns, photo: as of `disparity_at`.
        """
        assert self.matte is not None
        opacity = self.lifted_matte.at(rows, columns, photo)
        return opacity if self.matte.exact else (opacity / np.float32(self.matte.sure)).clip(0.0, 1.0)

    @cached_property
    def _lifted(self) -> Lifted:
        map = self.depth_map.disparity if self.disparity.scale == "subject" else self.disparity.values
        return Lifted(map, self.pixels)

    @cached_property
    def _lifted_within(self) -> Lifted:
        assert self.within is not None
        return Lifted(self.within, self.pixels)

    @cached_property
    def lifted_matte(self) -> LiftedMatte:
        """The matte at the photo's size, following its edges, wherever it is asked for."""
        assert self.matte is not None
        return LiftedMatte(self.matte.opacity, self.pixels, self.matte.hand)


LEAST_UNIT = 1e-3
"""Least disparity of a subject that others are measured by; it lies infinitely far away, then."""


def estimated_scene(
    pixels: Pixels,
    matte: Float,
    relative: Float,
    curve: ToneCurve | None = None,
    view: Callable[[Part], View] | None = None,
) -> Scene:
    """The scene that a network's answers make.

    Args:
        pixels: HxWx3 encoded by `curve`.
        matte, relative: hxw; see `model.NetworkScene`.
        view: see `Scene`.
    """
    source = "network"
    return Scene(pixels, Matte(matte, source, SURE), Disparity(relative, "subject", source), 0.0, curve, view)


def _of_one_size(matte: Float, rest: Float) -> tuple[Float, Float]:
    """A matte and disparities at the larger one's size."""
    if matte.shape == rest.shape:
        return matte, rest
    height, width = max(matte.shape, rest.shape)
    return resize(matte, height, width), resize(rest, height, width)
