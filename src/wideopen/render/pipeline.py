"""What a photo goes through, each step in a module of its own.

    photo -> scene            -> lens is set -> lens draws         -> photo's size        -> photo
             scene_sources.py    aim.py         scene_rendering.py    full_resolution.py
                                                lens/depth_lens.py (a depth map without a matte)

A new source of depth or mattes goes to `scene_sources.py`, a change of the scene to `scene/scene.py`, a setting of the
lens to `lens/lens_settings.py`. Photos with transparency go the same way twice, colour and cover (`alpha.py`).
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np

from wideopen._types import Float, Pixels
from wideopen.image.grain import Grain, lost_grain
from wideopen.image.tone_curve import ToneCurve
from wideopen.lens.depth_lens import render_depth
from wideopen.lens.full_resolution import carry_to_full_size
from wideopen.lens.thin_lens import read_taken
from wideopen.options import RenderOptions
from wideopen.photo.photo import Photo
from wideopen.render import alpha as transparency
from wideopen.render.aim import aim, aim_at_map
from wideopen.render.hdr_rendering import render_hdr
from wideopen.render.rendered import Seen
from wideopen.render.scene_rendering import Drawing, draw_scene, draw_with_alpha, own_picture
from wideopen.render.scene_sources import SceneSources


def render_photo(
    sources: SceneSources, taken: Photo, depth: Any = None, matte: Any = None, spend: bool = False
) -> tuple[Photo, Seen | None]:
    """See `Renderer.render_photo`; `spend`: the result may be written over the photo's pixels, to spare memory."""
    if taken.alpha is None or transparency.is_opaque(taken.alpha):
        if taken.gain is not None:
            depth = sources.depth(taken.pixels, depth, taken.curve)
            matte = sources.matte(taken.pixels, matte, taken.curve)
        if taken.gain is not None and sources.gives_places(depth, matte):
            pixels, gain, seen = render_hdr(sources, taken, taken.gain, depth, matte, spend)
            done = replace(taken, pixels=pixels, gain=gain)
        else:
            pixels, seen = _render_opaque(sources, taken.pixels, taken.curve, taken.exif, depth, matte, spend)
            done = taken.with_pixels(pixels)
    else:
        pixels, alpha, seen = _render_with_alpha(sources, taken, taken.alpha, depth, matte)
        done = replace(taken.with_pixels(pixels), alpha=alpha)
    if not sources.options.keep_motion:
        done = replace(done, film=b"")
    if taken.gain is not None and taken.gain.required and done.gain is None:
        raise ValueError("its HDR gain map cannot be kept: transparency, or a model that gives pictures, has none")
    return done.stripped() if sources.options.strip else done, seen


def render_array(sources: SceneSources, pixels: Any, depth: Any = None, matte: Any = None) -> Any:
    """An array seen through the lens; arguments and errors as of `Renderer.render`."""
    if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
        raise ValueError(f"image must be HxWx3 with at least one pixel, not {pixels.shape}")
    if pixels.dtype.kind == "f":
        if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1:
            raise ValueError("a float image must lie in [0, 1]")
    elif pixels.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"image must be uint8, uint16 or float, not {pixels.dtype}")
    plain = pixels.astype(np.float32) if pixels.dtype.kind == "f" else pixels
    return _render_opaque(sources, plain, None, b"", depth, matte)[0].astype(pixels.dtype, copy=False)


def _render_opaque(
    sources: SceneSources,
    pixels: Pixels,
    curve: ToneCurve | None,
    exif: bytes,
    depth: Any,
    matte: Any,
    spend: bool = False,
) -> tuple[Pixels, Seen | None]:
    """A photo without transparency through the lens, and the depth map that it was rendered with."""
    options = sources.options
    depth, matte = sources.depth(pixels, depth, curve), sources.matte(pixels, matte, curve)
    if depth is None and options.aperture == math.inf:
        return pixels.copy(), None
    grain = None if curve is not None and curve.true_light else lost_grain(pixels, options.grain)
    into = pixels if spend else None
    if not sources.gives_places(depth, matte) and not sources.strokes(pixels):
        found = own_picture(sources.engine, pixels, options, curve)
        return carry_to_full_size(pixels, *found, curve=curve, grain=grain, into=into), None
    scene = sources.scene(pixels, depth, matte, curve)
    if scene.matte is None:
        seen = aim_at_map(scene, sources, exif)
        return _draw_map(pixels, seen, options, curve, grain), seen
    scene, lens, looked = aim(scene, options, read_taken(exif))
    if options.aperture == math.inf:
        return pixels.copy(), looked
    # What was looked at may be asked for the photo's edges again.
    return draw_scene(scene, lens, grain, into if looked is None else None), looked


def _render_with_alpha(
    sources: SceneSources, taken: Photo, alpha: Pixels, depth: Any, matte: Any
) -> tuple[Pixels, Pixels, Seen | None]:
    """Pixels and alpha of a photo with transparency."""
    options, pixels, exif, curve = sources.options, taken.pixels, taken.exif, taken.curve
    depth, matte = sources.depth(pixels, depth, curve), sources.matte(pixels, matte, curve)
    seen, off = None, options.aperture == math.inf
    if depth is not None or (options.matte == "none" and matte is None and not off):
        scene = sources.scene(pixels, depth, matte, curve)
        if scene.matte is None:
            return _draw_map_with_alpha(taken, alpha, aim_at_map(scene, sources, exif), options)
        seen = aim(scene, options, read_taken(exif))[2]
    if off:
        return pixels.copy(), alpha, seen

    def look(whole: Pixels, alpha: Pixels) -> tuple[Drawing, Float | None]:
        if not sources.gives_places(depth, matte) and not sources.strokes(whole):
            return own_picture(sources.engine, whole, options, curve), None
        scene, lens, _ = aim(sources.scene(whole, depth, matte, curve), options, read_taken(exif))
        return draw_with_alpha(scene, alpha, lens)

    return *transparency.through_network(pixels, alpha, curve, look), seen


def _draw_map(
    pixels: Pixels,
    seen: Seen,
    options: RenderOptions,
    curve: ToneCurve | None,
    grain: Grain | None = None,
    guide: Pixels | None = None,
) -> Pixels:
    """See a photo with depth through the lens.

    Args:
        grain: put back where the lens took it; none if None.
        guide: HxWx3, whose edges those of the depth follow; the photo itself if None.
    """
    if options.aperture == math.inf:
        return pixels.copy()

    def depth_at(rows: slice, columns: slice, own: Pixels) -> Float:
        return seen.at(rows, columns, own if guide is None else guide[rows, columns])

    return render_depth(pixels, seen.depth.disparity, depth_at, seen.lens, grain, curve)


def _draw_map_with_alpha(
    taken: Photo, alpha: Pixels, seen: Seen, options: RenderOptions
) -> tuple[Pixels, Pixels, Seen]:
    """Pixels and alpha (HxW) of a photo with transparency, and the depth map they were drawn by."""
    pixels = taken.pixels
    if options.aperture == math.inf:
        return pixels.copy(), alpha, seen
    plain = replace(seen, lens=replace(seen.lens, highlight_gain=1.0))

    def blur(picture: Pixels, own: ToneCurve | None, is_cover: bool) -> Pixels:
        return _draw_map(picture, plain if is_cover else seen, options, own, guide=pixels)

    return *transparency.through_lens(pixels, alpha, taken.curve, blur), seen
