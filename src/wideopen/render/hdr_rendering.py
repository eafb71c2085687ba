"""A photo with a gain map seen through the lens: its HDR light is blurred, and both renditions come back.

map's gains -> lens, small -> the tone of the result   (StopsLight)
HDR light   -> lens        -> SDR picture, new map     (GainLight)
"""

import math
from dataclasses import replace

from wideopen._types import Pixels
from wideopen.gain.gain_light import STRIP_ROWS, GainLight, StopsLight
from wideopen.gain.gain_map import GainMap
from wideopen.image.color import srgb_to_linear
from wideopen.image.grain import Grain, lost_grain
from wideopen.image.photo_light import PhotoLight
from wideopen.image.resize import fit, resize
from wideopen.lens.depth_lens import render_depth
from wideopen.lens.full_resolution import carry_to_full_size
from wideopen.lens.lens_settings import LensSettings
from wideopen.lens.thin_lens import read_taken
from wideopen.photo.depth_map import DepthMap
from wideopen.photo.photo import Photo
from wideopen.render.aim import aim, aim_at_map
from wideopen.render.rendered import Seen
from wideopen.render.scene_rendering import draw_on_canvas, on_canvas
from wideopen.render.scene_sources import SceneSources
from wideopen.scene.scene import Matte, Scene

MAP_SIDE = 512
"""Long side in px, at most, that a map's gains are blurred at: they change slowly where a lens is to blur."""


def render_hdr(
    sources: SceneSources, taken: Photo, gain: GainMap, depth: DepthMap | None, matte: Matte | None, spend: bool = False
) -> tuple[Pixels, GainMap, Seen | None]:
    """The SDR (or, if the file has it so, HDR) picture, its map, and the depth map it was rendered with.

    Args:
        sources: where the scene comes from, and the options; of a model that gives places, not pictures.
        taken: a photo without transparency.
        depth, matte: of `SceneSources`.
        spend: the result may be written over the photo's pixels.

    Raises ValueError, DepthError, MatteError, ModelError: as of `Renderer.render`.
    """
    options, pixels, curve = sources.options, taken.pixels, taken.curve
    if depth is None and options.aperture == math.inf:
        return pixels.copy(), gain, None
    scene, lens = sources.scene(pixels, depth, matte, curve), LensSettings(0.0)
    if scene.matte is None:
        seen: Seen | None = aim_at_map(scene, sources, taken.exif)
    else:
        scene, lens, seen = aim(scene, options, read_taken(taken.exif))
    if options.aperture == math.inf:
        return pixels.copy(), gain, seen

    own, grain = gain.stops, lost_grain(pixels, options.grain)
    if scene.matte is not None:
        # The light of lamps is known: nothing is to be guessed.
        lens, lifted = replace(lens, highlight_gain=1.0), on_canvas(scene)
        rows, columns = lifted[1].shape
        size = fit(rows, columns, min(MAP_SIDE, max(rows, columns)))
        stops = StopsLight(resize(own, *size).reshape(*size, -1))
        canvas, opacity, relative = (resize(plane, *size) for plane in lifted)
        drawn = draw_on_canvas(scene, lens, stops, (canvas, opacity, relative))
        light = GainLight(pixels, gain, own, stops.of_light(srgb_to_linear(drawn.picture)), curve)
        drawn = draw_on_canvas(scene, lens, light, lifted)
        into = pixels if spend else None
        result = carry_to_full_size(pixels, *drawn, curve=curve, grain=grain, into=into, photo_light=light)
        return result, light.gain_map(), seen
    assert seen is not None
    height, width = pixels.shape[:2]
    size = fit(height, width, min(MAP_SIDE, max(own.shape[:2]), max(height, width)))
    stops = StopsLight(resize(own, *size).reshape(*size, -1))
    _through_map(replace(scene, pixels=resize(pixels, *size)), seen, None, stops)
    light = GainLight(pixels, gain, own, stops.stops, curve)
    result = _through_map(scene, seen, grain, light)
    for top in range(0, height, STRIP_ROWS):
        rows = slice(top, top + STRIP_ROWS)
        light.compare(pixels[rows], result[rows], top)
    return result, light.gain_map(), seen


def _through_map(scene: Scene, seen: Seen, grain: Grain | None, photo_light: PhotoLight) -> Pixels:
    """A photo, of any size, through the lens by its depth map."""
    lens = replace(seen.lens, highlight_gain=1.0)
    pixels, map = scene.pixels, scene.depth_map.disparity
    return render_depth(pixels, map, scene.disparity_at, lens, grain, scene.curve, photo_light)
