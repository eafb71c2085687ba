"""From a scene to a photo at full size: what is where, drawn by a lens; or the picture that a network draws itself.

    scene -> lifted to the photo's edges -> lens (CANVAS_SIDE) -> full size

Aperture and focus come in after the scene: for another f-number only the lens draws anew.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, NamedTuple

import cv2
import numpy as np

from wideopen._types import Float, Pixels
from wideopen.image.color import linear_to_srgb, srgb_to_linear
from wideopen.image.grain import Grain
from wideopen.image.guided_upsampling import lift
from wideopen.image.photo_light import PhotoLight
from wideopen.image.resize import resize
from wideopen.image.tone_curve import ToneCurve
from wideopen.lens.foreground_removal import remove_foreground
from wideopen.lens.full_resolution import Subject, carry_to_full_size
from wideopen.lens.lens_settings import LensSettings
from wideopen.lens.matte_lens import draw
from wideopen.options import RenderOptions
from wideopen.scene.model import Engine, NetworkScene
from wideopen.scene.network_scene import small, working
from wideopen.scene.scene import Scene

CANVAS_SIDE = 1024
"""Long side in px that larger pictures are drawn at: what is blurred holds no more detail than that."""
FAINT = 1 / 512
"""Weight of colours that nothing covers, where a photo has transparency."""


class Drawing(NamedTuple):
    """What `full_resolution.carry_to_full_size` takes, all at one size and sRGB-encoded."""

    picture: Float
    """hxwx3."""
    kept: Float | None
    """hxw, the fraction of the photo's own pixels in it; None if that is to be found by comparing."""
    seen: Float
    """hxwx3, the photo that it was drawn from."""
    subject: Subject | None = None
    """The subject, where it is in focus and its matte decides at full size."""


def draw_scene(scene: Scene, lens: LensSettings, grain: Grain | None = None, into: Pixels | None = None) -> Pixels:
    """The photo seen through the lens, of the same size and type.

    Args:
        lens: focused at a relative disparity; 0 is the subject.
        grain, into: as of `carry_to_full_size`.
    """
    return carry_to_full_size(scene.pixels, *draw_on_canvas(scene, lens), curve=scene.curve, grain=grain, into=into)


def draw_on_canvas(
    scene: Scene,
    lens: LensSettings,
    photo_light: PhotoLight | None = None,
    lifted: tuple[Float, Float, Float] | None = None,
) -> Drawing:
    """The photo seen through the lens, at the canvas's size.

    Args:
        photo_light: of a photo that has more light than its pixels say; None for all others.
        lifted: of `on_canvas`, if it is there already.
    """
    canvas, matte, relative = on_canvas(scene) if lifted is None else lifted
    seen = canvas if photo_light is None else linear_to_srgb(photo_light.small(scene.pixels, *canvas.shape[:2]))
    behind = remove_foreground(srgb_to_linear(seen), matte, _is_exact(scene))
    picture, kept = draw(seen, _solid(scene, matte), relative, lens, behind, _within(scene, matte), _of_map(scene))
    return Drawing(picture, kept, seen, _in_focus(scene, matte, lens))


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


def draw_with_alpha(scene: Scene, alpha: Pixels, lens: LensSettings) -> tuple[Drawing, Float]:
    """`draw_on_canvas` of a photo with transparency, and its blurred alpha (hxw in [0, 1]).

    Premultiplied colour and alpha go through the same lens, and the one is divided by the other.
    """
    canvas, matte, relative = on_canvas(scene)
    subject, within = _solid(scene, matte), _within(scene, matte)
    opacity = resize(alpha, *canvas.shape[:2]).astype(np.float32) / np.float32(np.iinfo(alpha.dtype).max)
    # Colours that nothing covers count faintly, so that there is something to divide by everywhere.
    weight = (FAINT + (1 - FAINT) * opacity)[..., None]

    def through(light: Float, lens: LensSettings) -> tuple[Float, Float]:
        behind = remove_foreground(light, subject, _is_exact(scene))
        picture, kept = draw(linear_to_srgb(light), subject, relative, lens, behind, within, _of_map(scene))
        return srgb_to_linear(picture), kept

    light = srgb_to_linear(canvas)
    premultiplied, kept = through(light * weight, lens)
    weights, _ = through(np.repeat(weight, 3, axis=2), replace(lens, highlight_gain=1.0))
    colour = linear_to_srgb((premultiplied / weights.clip(FAINT / 2)).clip(0.0, max(1.0, float(light.max()))))
    soft = ((weights[..., 1] - FAINT) / (1 - FAINT)).clip(0.0, 1.0)
    return Drawing(colour, kept, canvas, _in_focus(scene, matte, lens)), soft


def on_canvas(scene: Scene) -> tuple[Float, Float, Float]:
    """The photo, the subject's matte as its source has it, and the relative disparity, lifted to its edges."""
    assert scene.matte is not None
    opacity, rest = scene.matte.opacity, scene.relative
    # Enlarged to be drawn, a photo would come back soft.
    pixels, curve, side = scene.pixels, scene.curve, min(CANVAS_SIDE, max(scene.pixels.shape[:2]))
    canvas = small(pixels, side, curve)
    if curve is not None and curve.true_light:  # Lamps made smaller keep their light.
        canvas = linear_to_srgb(resize(curve.decode(pixels), *canvas.shape[:2]))
    with ThreadPoolExecutor(max_workers=cv2.getNumThreads()) as pool:
        matte, relative = pool.map(lambda plane: lift(plane, canvas), (opacity, rest))
    return canvas, matte, relative


def _solid(scene: Scene, matte: Float) -> Float:
    assert scene.matte is not None
    return (matte / np.float32(scene.matte.sure)).clip(0.0, 1.0)


def _within(scene: Scene, matte: Float) -> Float | None:
    return None if scene.relative_within is None else resize(scene.relative_within, *matte.shape)


def _of_map(scene: Scene) -> bool:
    return scene.disparity.scale != "subject"


def _is_exact(scene: Scene) -> bool:
    return scene.matte is not None and scene.matte.exact


def _in_focus(scene: Scene, matte: Float, lens: LensSettings) -> Subject | None:
    far, near = lens.ends
    tilted = lens.tilt != (0.0, 0.0)
    if not _is_exact(scene) or scene.within is not None or tilted or not far <= 0.0 <= near:
        return None
    return Subject(matte, scene.lifted_matte.at)
