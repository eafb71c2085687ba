"""What a network with a lens head makes of a photo: a source of scenes."""

from collections.abc import Callable
from typing import Any

import numpy as np

from wideopen._types import Float, Pixels
from wideopen.errors import ModelError
from wideopen.image.resize import fit, resize
from wideopen.image.tone_curve import ToneCurve
from wideopen.options import RenderOptions
from wideopen.scene.closer import WHOLE, Part, View
from wideopen.scene.model import Engine, NetworkScene
from wideopen.scene.scene import Scene, estimated_scene


def estimate_scene(engine: Engine, pixels: Any, options: RenderOptions, curve: ToneCurve | None = None) -> Scene:
    """What is where in a photo, for a lens to draw it; ModelError if the model gives pictures instead.

    `pixels`: HxWx3, encoded by `curve`: uint8, uint16, or float32 in [0, 1].
    """
    view = viewer(engine, pixels, options, curve)
    whole = view(WHOLE)
    return estimated_scene(pixels, whole.matte, whole.relative, curve, view)


def viewer(
    engine: Engine, pixels: Any, options: RenderOptions, curve: ToneCurve | None = None
) -> Callable[[Part], View]:
    """What has the network look at a part of a photo; it raises as `estimate_scene`."""

    def view(part: Part) -> View:
        found = engine.run(working(engine, pixels[part.of(*pixels.shape[:2])], options, curve))
        if not isinstance(found, NetworkScene):
            raise ModelError(f"{engine.path}: gives pictures, not places; train one with a lens head")
        return View(part, found.matte, found.relative)

    return view


def working(engine: Engine, pixels: Any, options: RenderOptions, curve: ToneCurve | None) -> Any:
    """The photo as the network is shown it: small, sRGB-encoded, float32 in [0, 1]."""
    info = engine.metadata
    return small(pixels, round((options.working_side or info.working_side) / info.scale), curve)


def small(pixels: Pixels, side: int, curve: ToneCurve | None = None) -> Float:
    """A photo brought to a long side of `side` px, sRGB-encoded float32 in [0, 1]."""
    height, width = pixels.shape[:2]
    shrunk = resize(pixels if curve is None else curve.to_srgb(pixels), *fit(height, width, max(1, side)))
    return shrunk.astype(np.float32) / np.float32(np.iinfo(shrunk.dtype).max) if shrunk.dtype.kind == "u" else shrunk
