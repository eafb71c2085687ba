"""What a network makes of a photo, whichever kind it is: its own picture, or places that a lens draws.

All give what `full_resolution.carry_to_full_size` takes: picture, sharp map, what was seen; sRGB-encoded, at a size of
their own.
"""

import math
from typing import Any

from wideopen.errors import ModelError
from wideopen.image.tone_curve import ToneCurve
from wideopen.lens.lens_settings import make_glass
from wideopen.lens.thin_lens import read_taken
from wideopen.options import RenderOptions
from wideopen.render.scene_rendering import SceneEstimate, small
from wideopen.scene.closer import Part, View
from wideopen.scene.ground_prior import apply_ground_prior
from wideopen.scene.model import Engine, NetworkScene

Seen = tuple[Any, Any, Any]


def see(engine: Engine, pixels: Any, options: RenderOptions, exif: bytes, curve: ToneCurve | None) -> Seen:
    """The picture that the options ask for.

    Args:
        pixels: HxWx3, encoded by `curve`: uint8, uint16, or float32 in [0, 1].
        exif: what is known of the lens that took the photo.

    Raises:
        ValueError: options that the model cannot follow, or a point outside the photo.
    """
    if not engine.draws:
        glass = make_glass(pixels, options, read_taken(exif), curve)
        places, focus = estimate_scene(engine, pixels, options, curve).focus_at(options.focus)
        return places.drawn(glass, focus)
    check(engine, options)
    return seen_subject(engine, pixels, options, curve)


def see_covered(
    engine: Engine, pixels: Any, alpha: Any, options: RenderOptions, exif: bytes, curve: ToneCurve | None
) -> tuple[Any, Any, Any, Any]:
    """`see` for a photo with transparency, and its blurred alpha; None if the model draws its own picture.

    Args:
        pixels: with colours continued where nothing covers (`alpha.continued`).
        alpha: HxW uint8 or uint16.
    """
    if engine.draws:
        return *see(engine, pixels, options, exif, curve), None
    glass = make_glass(pixels, options, read_taken(exif), curve)
    places, focus = estimate_scene(engine, pixels, options, curve).focus_at(options.focus)
    return places.drawn_with_alpha(alpha, glass, focus)


def seen_subject(engine: Engine, pixels: Any, options: RenderOptions, curve: ToneCurve | None) -> Seen:
    """The picture focused on the subject, at the model's own aperture; of places, only the subject's sharp map."""
    shown = working(engine, pixels, options, curve)
    found = engine.run(shown)
    if isinstance(found, NetworkScene):
        return shown, found.matte, shown
    return found.bokeh, found.sharp, found.seen


def estimate_scene(
    engine: Engine, pixels: Any, options: RenderOptions, curve: ToneCurve | None = None
) -> SceneEstimate:
    """Where the things of a photo are, for a lens to draw it; ModelError if the model gives pictures instead."""

    def look(shown: Any) -> NetworkScene:
        found = engine.run(shown)
        if not isinstance(found, NetworkScene):
            raise ModelError(f"{engine.path}: gives pictures, not places; train one with a lens head")
        return found

    def view(part: Part) -> View:
        found = look(working(engine, pixels[part.of(*pixels.shape[:2])], options, curve))
        return View(part, found.matte, found.relative)

    shown = working(engine, pixels, options, curve)
    whole = look(shown)
    ground = apply_ground_prior(shown, whole.matte, whole.relative)
    return SceneEstimate(pixels, whole.matte, whole.relative, ground, curve, view)


def check(engine: Engine, options: RenderOptions) -> None:
    """ValueError if the options ask a model that gives pictures for what only a lens can do."""
    if not engine.draws or options.aperture == math.inf:
        return
    if options.asks_for_a_lens():
        raise ValueError("the model's look is fixed; aperture, focus and the lens's options need a depth map (--depth)")


def working(engine: Engine, pixels: Any, options: RenderOptions, curve: ToneCurve | None) -> Any:
    """The photo as the network is shown it: small, sRGB-encoded, float32 in [0, 1]."""
    info = engine.metadata
    return small(pixels, round((options.working_side or info.working_side) / info.scale), curve)
