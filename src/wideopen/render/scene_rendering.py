"""From where things are to a photo at full size: what a lens head's model gives, drawn by a lens.

    photo -> network (a few hundred px) -> places -> lifted to the photo's edges -> lens (CANVAS_SIDE) -> full size

Aperture and focus come in after the network: for another f-number only the lens draws anew; about another point the
network looks at parts of the photo, too.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property

import cv2
import numpy as np

from wideopen._types import Float, Pixels
from wideopen.image.color import linear_to_srgb, srgb_to_linear
from wideopen.image.guided_upsampling import lift
from wideopen.image.resize import fit, resize
from wideopen.image.tone_curve import ToneCurve
from wideopen.lens.compositor import Glass, draw
from wideopen.lens.foreground_removal import remove_foreground
from wideopen.lens.full_resolution import carry_to_full_size
from wideopen.options import parse_focus
from wideopen.scene.closer import Part, View, parts_around, refine_at_point
from wideopen.scene.focus import disparity_in_focus, focus_of_scene, point_of
from wideopen.scene.ground_prior import lies_on
from wideopen.scene.instances import SURE, split_instances

CANVAS_SIDE = 1024
"""Long side in px that larger pictures are drawn at: what is blurred holds no more detail than that."""


FAINT = 1 / 512
"""Weight of colours that nothing covers, where a photo has transparency."""


@dataclass(frozen=True, eq=False)
class SceneEstimate:
    """A photo and where its things are; see `model.NetworkScene`."""

    pixels: Pixels
    """HxWx3 encoded by `curve`: uint8, uint16, or float32 in [0, 1]."""
    matte: Float
    """hxw in [0, 1], opacity of the subject."""
    relative: Float
    """hxw, disparity of everything else, less the subject's; -1 is the farthest."""
    ground: Float | None = None
    """The same for what recedes as a ground does (`ground_prior.apply_ground_prior`): what is drawn, unless a point on
    another thing is in focus."""
    curve: ToneCurve | None = None
    """Of the photo's profile; sRGB's if None."""
    view: Callable[[Part], View] | None = None
    """Has the network look at a part of the photo."""

    def focus_at(self, where: str) -> "tuple[SceneEstimate, float]":
        """What options call `where` in focus.

        Returns:
            The places (if `where` is a point, with subjects told apart, and what a closer look says), and the relative
            disparity in focus.

        Raises ValueError for a point outside the photo.
        """
        shape = self.pixels.shape[:2]
        drawn = self if self.ground is None else replace(self, relative=self.ground, ground=None)
        point = None if isinstance(parse_focus(where), str) else point_of(where, shape)
        if point is None:
            return drawn, focus_of_scene(drawn.matte, drawn.relative, where, shape)
        seen = replace(self.apart, ground=None)
        if self.view is None:
            return seen, focus_of_scene(seen.matte, seen.relative, where, shape)
        views = [self.view(part) for part in parts_around(point)]
        matte, relative, focus = refine_at_point(seen.matte, seen.relative, point, views)
        held = matte is not seen.matte  # By a view; else the matte comes back as it was.
        if self.ground is not None and not held and lies_on(self.ground, self.matte, self.relative, point):
            return drawn, disparity_in_focus(drawn.matte, drawn.relative, point)
        return replace(seen, matte=matte, relative=relative), focus

    @property
    def disparity(self) -> Float:
        """hxw float32, larger is nearer, in units of the subject's: 1 is the subject, 0 infinitely far."""
        subject = (self.matte / SURE).clip(0.0, 1.0)
        rest = self.relative if self.ground is None else self.ground
        found: Float = (1.0 + (1.0 - subject) * rest).clip(0.0, None).astype(np.float32)
        return found

    @cached_property
    def apart(self) -> "SceneEstimate":
        """Without what was taken for the subject but lies elsewhere; see `apart.split_instances`."""
        matte, relative = split_instances(self.matte, self.relative)
        return self if matte is self.matte else replace(self, matte=matte, relative=relative)

    def draw(self, glass: Glass, focus: float = 0.0) -> Pixels:
        """The photo with that relative disparity in focus, of the same size and type."""
        return carry_to_full_size(self.pixels, *self.drawn(glass, focus), curve=self.curve)

    def drawn(self, glass: Glass, focus: float = 0.0) -> tuple[Float, Float, Float]:
        """Picture, share of the photo that it keeps, and the photo, all at the canvas's size and sRGB-encoded."""
        canvas, matte, relative, behind = self._on_canvas
        return *draw(canvas, matte, relative, glass, focus, behind), canvas

    def drawn_with_alpha(self, alpha: Pixels, glass: Glass, focus: float = 0.0) -> tuple[Float, Float, Float, Float]:
        """`drawn` of a photo with transparency, and its blurred alpha (hxw in [0, 1]).

        Premultiplied colour and alpha go through the same lens, and the one is divided by the other.
        """
        canvas, matte, relative, _ = self._on_canvas
        opacity = resize(alpha, *canvas.shape[:2]).astype(np.float32) / np.float32(np.iinfo(alpha.dtype).max)
        # Colours that nothing covers count faintly, so that there is something to divide by everywhere.
        weight = (FAINT + (1 - FAINT) * opacity)[..., None]

        def through(light: Float, glass: Glass) -> tuple[Float, Float]:
            picture, kept = draw(linear_to_srgb(light), matte, relative, glass, focus, remove_foreground(light, matte))
            return srgb_to_linear(picture), kept

        premultiplied, kept = through(srgb_to_linear(canvas) * weight, glass)
        weights, _ = through(np.repeat(weight, 3, axis=2), replace(glass, highlight_gain=1.0))
        colour = (premultiplied / weights.clip(FAINT / 2)).clip(0.0, 1.0)
        return linear_to_srgb(colour), kept, canvas, ((weights[..., 0] - FAINT) / (1 - FAINT)).clip(0.0, 1.0)

    @cached_property
    def _on_canvas(self) -> tuple[Float, Float, Float, Float]:
        # Enlarged to be drawn, a photo would come back soft.
        canvas = small(self.pixels, min(CANVAS_SIDE, max(self.pixels.shape[:2])), self.curve)
        with ThreadPoolExecutor(max_workers=cv2.getNumThreads()) as pool:
            drawn = self.relative if self.ground is None else self.ground
            matte, relative = pool.map(lambda plane: lift(plane, canvas), (self.matte, drawn))
        return canvas, (matte / SURE).clip(0.0, 1.0), relative, remove_foreground(srgb_to_linear(canvas), matte)


def small(pixels: Pixels, side: int, curve: ToneCurve | None = None) -> Float:
    """A photo brought to a long side of `side` px, sRGB-encoded float32 in [0, 1]."""
    height, width = pixels.shape[:2]
    shrunk = resize(pixels if curve is None else curve.to_srgb(pixels), *fit(height, width, max(1, side)))
    return shrunk.astype(np.float32) / np.float32(np.iinfo(shrunk.dtype).max) if shrunk.dtype.kind == "u" else shrunk
