"""From a depth map without a matte to a photo at full size."""

import math
from dataclasses import replace

from wideopen._types import Float, Pixels
from wideopen.image.grain import Grain
from wideopen.image.tone_curve import ToneCurve
from wideopen.lens.depth_lens import render_depth
from wideopen.options import RenderOptions
from wideopen.photo.photo import Photo
from wideopen.render.alpha import through_lens
from wideopen.render.rendered import Seen


def draw_map(
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


def draw_map_with_alpha(taken: Photo, alpha: Pixels, seen: Seen, options: RenderOptions) -> tuple[Pixels, Pixels, Seen]:
    """Pixels and alpha (HxW) of a photo with transparency, and the depth map they were drawn by."""
    pixels = taken.pixels
    if options.aperture == math.inf:
        return pixels.copy(), alpha, seen
    plain = replace(seen, lens=replace(seen.lens, highlight_gain=1.0))

    def blur(picture: Pixels, own: ToneCurve | None, is_cover: bool) -> Pixels:
        return draw_map(picture, plain if is_cover else seen, options, own, guide=pixels)

    return *through_lens(pixels, alpha, taken.curve, blur), seen
