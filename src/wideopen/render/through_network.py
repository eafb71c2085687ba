"""The picture that a network draws itself, and what it holds for the subject."""

from typing import Any

from wideopen.image.tone_curve import ToneCurve
from wideopen.options import RenderOptions
from wideopen.render.scene_rendering import Drawing
from wideopen.scene.model import Engine, NetworkScene
from wideopen.scene.network_scene import working


def seen_subject(engine: Engine, pixels: Any, options: RenderOptions, curve: ToneCurve | None) -> Drawing:
    """The picture focused on the subject, at the model's own aperture; of a scene, only the subject's opacity."""
    shown = working(engine, pixels, options, curve)
    found = engine.run(shown)
    if isinstance(found, NetworkScene):
        return Drawing(shown, found.matte, shown)
    return Drawing(found.bokeh, found.sharp, found.seen)


def own_picture(engine: Engine, pixels: Any, options: RenderOptions, curve: ToneCurve | None) -> Drawing:
    """The picture that a model draws itself; ValueError if the options ask for what only a lens can do."""
    if options.asks_for_a_lens():
        raise ValueError("the model's look is fixed; aperture, focus and the lens's options need a depth map (--depth)")
    return seen_subject(engine, pixels, options, curve)
