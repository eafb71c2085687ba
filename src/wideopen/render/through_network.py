"""What is made of a photo without a depth map: the picture that a network draws, or its scene that a lens draws."""

import math
from typing import Any

from wideopen.image.tone_curve import ToneCurve
from wideopen.lens.lens_settings import focused, settings_for_scene
from wideopen.lens.thin_lens import read_taken
from wideopen.options import RenderOptions
from wideopen.render.scene_rendering import Drawing, draw_on_canvas, draw_with_alpha
from wideopen.scene.model import Engine, NetworkScene
from wideopen.scene.network_scene import estimate_scene, working


def see(engine: Engine, pixels: Any, options: RenderOptions, exif: bytes, curve: ToneCurve | None) -> Drawing:
    """The picture that the options ask for.

    Args:
        pixels: HxWx3, encoded by `curve`: uint8, uint16, or float32 in [0, 1].
        exif: what is known of the lens that took the photo.

    Raises:
        ValueError: options that the model cannot follow, or a point outside the photo.
    """
    if not engine.draws:
        lens = settings_for_scene(pixels, options, read_taken(exif), curve)
        return draw_on_canvas(*focused(estimate_scene(engine, pixels, options, curve), lens, options))
    check(engine, options)
    return seen_subject(engine, pixels, options, curve)


def see_covered(
    engine: Engine, pixels: Any, alpha: Any, options: RenderOptions, exif: bytes, curve: ToneCurve | None
) -> tuple[Drawing, Any]:
    """`see` for a photo with transparency, and its blurred alpha; None if the model draws its own picture.

    Args:
        pixels: with colours continued where nothing covers (`alpha.continued`).
        alpha: HxW uint8 or uint16.
    """
    if engine.draws:
        return see(engine, pixels, options, exif, curve), None
    lens = settings_for_scene(pixels, options, read_taken(exif), curve)
    scene, lens = focused(estimate_scene(engine, pixels, options, curve), lens, options)
    return draw_with_alpha(scene, alpha, lens)


def seen_subject(engine: Engine, pixels: Any, options: RenderOptions, curve: ToneCurve | None) -> Drawing:
    """The picture focused on the subject, at the model's own aperture; of a scene, only the subject's opacity."""
    shown = working(engine, pixels, options, curve)
    found = engine.run(shown)
    if isinstance(found, NetworkScene):
        return Drawing(shown, found.matte, shown)
    return Drawing(found.bokeh, found.sharp, found.seen)


def check(engine: Engine, options: RenderOptions) -> None:
    """ValueError if the options ask a model that gives pictures for what only a lens can do."""
    if not engine.draws or options.aperture == math.inf:
        return
    if options.asks_for_a_lens():
        raise ValueError("the model's look is fixed; aperture, focus and the lens's options need a depth map (--depth)")
