"""The network's result carried to the photo's own size.

What is sharp comes from the photo's own pixels, bit for bit; what is blurred comes from the network, enlarged; the
seam between them follows the photo's edges:

    at working size   1. sharp map m (the network's, or found by comparing)  2. the blurred picture without the
                      subject: bokeh = m * seen + (1 - m) * background, solved where m leaves something to solve
                      for and filled in behind the subject   3. m as a local linear model of the photo's colours
    at full size      4. m from those models and the photo's pixels, held within what m is one working pixel away, and
                      steeper where it crosses from 0 to 1 within such a pixel: the photo's edge is sharper
                      5. m * photo + (1 - m) * background, in linear light, and the grain that 1 - m lacks

Without step 2 an enlarged edge of the subject would shine around it. Full size is passed through in strips of rows,
so memory above the photo and the result does not grow with them.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np

from wideopen._types import Float, Pixels
from wideopen.image.color import srgb_to_linear
from wideopen.image.enlargement import Enlargement
from wideopen.image.grain import Grain
from wideopen.image.guided_filter import guided_coefficients, hidden_texture, share_kept
from wideopen.image.inpaint import fill
from wideopen.image.photo_light import PhotoLight
from wideopen.image.resize import resize
from wideopen.image.tone_curve import ToneCurve, limit, to_light, to_pixels

SNAP = 0.02
"""m within this of 0 or 1 is 0 or 1."""
STRIP_PIXELS = 1 << 18
WIDE, NARROW = 8, 1
"""Radius of the windows, in working px, in which m is a linear function of colours: wide where m changes slowly, to
find an edge some way off; narrow where the edge lies within a px, as colours farther off may be another thing's."""
TEXTURE = 2.0
"""Weight of the texture that working size hides. From 1 to 4 it makes no difference."""
SAMPLES = 3
"""Samples of that texture along the side of a working pixel, at most."""
CROSSING = 0.3, 0.8
"""Change of m within one px from which on, and at which fully, it crosses an edge there. Where a network is in doubt,
it changes less."""
STEEPEST = 4.0


@dataclass(frozen=True, eq=False)
class Subject:
    """Opacity of what is in focus, exact at full size."""

    small: Float
    """hxw in [0, 1]."""
    at: Callable[[slice, slice, Pixels], Float]
    """(rows, columns, the photo's pixels there) -> opacity there at full size."""


def carry_to_full_size(
    pixels: Pixels,
    bokeh: Float,
    sharp: Float | None = None,
    seen: Float | None = None,
    subject: Subject | None = None,
    strip: int | None = None,
    curve: ToneCurve | None = None,
    grain: Grain | None = None,
    into: Pixels | None = None,
    photo_light: PhotoLight | None = None,
) -> Pixels:
    """Carry a result to full size.

    Args:
        pixels: HxWx3 photo, encoded by `curve`: uint8, uint16, or float32 in [0, 1].
        bokeh: hxwx3 float32 in [0, 1] (of true light farther), sRGB-encoded, of the same shape as the photo but for
            rounding.
        sharp: hxw float32 in [0, 1], share of the photo that bokeh keeps; found by comparing bokeh with seen
            if None.
        seen: hxwx3, the picture of which bokeh keeps that share; the photo at that size if None.
        subject: in focus, with a matte that decides at full size which pixels are the photo's own; `sharp` decides that
            for all else.
        strip: rows worked on at a time; the result does not depend on it.
        curve: of the photo's profile; sRGB's if None.
        grain: put back where the photo's own is not kept; none if None.
        into: HxWx3 that the result is written into; `pixels` itself, if nobody needs the photo any more.
        photo_light: of a photo that has more light than its pixels say: `bokeh` and `seen` then go up to its
            brightest. None for all others.

    Returns HxWx3 of the photo's type. Identical to the photo where m is 1.
    """
    height, width = pixels.shape[:2]
    size = min(height, bokeh.shape[0]), min(width, bokeh.shape[1])
    bokeh = resize(bokeh, *size)
    guide = _unit(resize(pixels, *size))
    planes = _prepare(
        guide,
        bokeh,
        None if sharp is None else resize(sharp, *size),
        _to_srgb(guide, curve) if seen is None else resize(seen, *size),
        _unit(pixels[:: _step(height / size[0]), :: _step(width / size[1])]),
        curve,
        None if subject is None else resize(subject.small, *size),
        beyond_white=photo_light is not None,
    )
    maps = Enlargement(planes, height, width)
    result = np.empty_like(pixels) if into is None else into
    rows = strip or max(1, STRIP_PIXELS // width)

    def work(top: int) -> None:
        photo = pixels[top : top + rows]
        own = None if subject is None else subject.at(slice(top, top + len(photo)), slice(0, width), photo)
        drawn = _strip(maps, photo, own, top, curve, grain, photo_light)
        if photo_light is not None:
            photo_light.compare(photo, drawn, top)
        result[top : top + rows] = drawn

    # OpenCV and NumPy let go of the interpreter while they work.
    with ThreadPoolExecutor(max_workers=cv2.getNumThreads()) as pool:
        for _ in pool.map(work, range(0, height, rows)):
            pass
    return result


def _step(scale: float) -> int:
    """Pixels from sample to sample for SAMPLES of them to a working pixel."""
    return math.ceil(scale / SAMPLES)


def _prepare(
    guide: Float,
    bokeh: Float,
    sharp: Float | None,
    seen: Float,
    samples: Float,
    curve: ToneCurve | None,
    subject: Float | None = None,
    beyond_white: bool = False,
) -> Float:
    """Steps 1 to 3: hx9xw, what full size is made of. All but guide and samples is sRGB-encoded, the result is as the
    photo.

    Args:
        subject: hxw, its opacity, if another matte decides at full size; m is then the fraction kept of all else.
        beyond_white: the blurred picture comes as the square root of its light, which may be above 1.

    Channels: the blurred picture continued behind the subject (3), the least and the greatest m within one px, m as a
    linear function of the photo's colours (4).
    """
    share = share_kept(seen, bokeh) if sharp is None else sharp
    square = np.ones((3, 3), np.uint8)
    least, greatest = cv2.erode(share, square), cv2.dilate(share, square)
    left = np.maximum(1 - share, 0.05)[..., None]
    if beyond_white:
        # Bright lamps that the matte leaves a share of: what is mixed as light comes apart only as light.
        bokeh, seen = srgb_to_linear(bokeh), srgb_to_linear(seen)
    within = min(0.0, float(seen.min())), max(1.0, float(seen.max()))
    background_seen = ((bokeh - share[..., None] * seen) / left).clip(*within)
    # One pixel away from the subject already, colours may be the subject's: m itself is only so exact.
    weight = np.minimum(2 * (1 - greatest), 1) ** 2
    if subject is not None:
        share = _beside(share, subject)
        least, greatest = cv2.erode(share, square), cv2.dilate(share, square)

    def narrow() -> Float:
        texture = TEXTURE * hidden_texture(samples, np.maximum(1 - 4 * (greatest - least), 0))
        return guided_coefficients(guide, share, NARROW, texture=texture)

    # One thread is one: who asked for no more has other work for the other cores.
    with ThreadPoolExecutor(max_workers=cv2.getNumThreads()) as pool:
        close = pool.submit(narrow)
        wide = pool.submit(guided_coefficients, guide, share, WIDE)
        filled = pool.submit(lambda: fill(background_seen, weight).clip(*within))
    # All that m crosses an edge with: where one model hands over to the other, m is to be 0 or 1 already.
    near = cv2.dilate(_crossing(greatest - least), np.ones((5, 5), np.uint8))
    model = wide.result() + near[..., None] * (close.result() - wide.result())
    background = filled.result()
    background = np.sqrt(background) if beyond_white else _from_srgb(background, curve)
    return np.stack([*cv2.split(background), least, greatest, *cv2.split(model)], axis=1)


def _beside(share: Float, subject: Float) -> Float:
    """From m of all to m of what is not the subject, continued from around behind it; hxw."""
    left = 1 - subject
    rest = (1 - (1 - share) / np.maximum(left, 0.05)).clip(0, 1)
    # Beside the edge, m is the subject's by the canvas's blur of it.
    clear = 1 - cv2.dilate(subject, np.ones((3, 3), np.uint8))
    found: Float = fill(cv2.merge([rest] * 3), np.square(clear))[..., 0]
    return found


def _crossing(span: Float) -> Float:
    """How far m, of which that is the change within a pixel, crosses an edge there: 0 to 1."""
    start, full = CROSSING
    crossing: Float = ((span - np.float32(start)) / np.float32(full - start)).clip(0, 1)
    return crossing


def _strip(
    maps: Enlargement,
    photo: Pixels,
    subject: Float | None,
    top: int,
    curve: ToneCurve | None,
    grain: Grain | None,
    photo_light: PhotoLight | None = None,
) -> Pixels:
    """Steps 4 and 5 for the rows from `top` on of a photo; `subject` is its opacity there."""
    rows, width = photo.shape[:2]
    large = maps.rows(top, rows)
    keep = large[:, 3] >= 1 - SNAP
    if subject is not None:
        keep |= subject >= 1 - SNAP
    if keep.all():
        return photo
    some = large[:, 4] > SNAP if subject is None else np.maximum(large[:, 4], subject) > SNAP
    mixed = np.flatnonzero(~keep & some)
    lacks: Float = np.ones((rows, width), np.float32)
    share: Float = np.zeros((0, 1), np.float32)
    if mixed.size:
        row, column = np.divmod(mixed, width)
        found = [large[:, plane][row, column] for plane in range(3, 9)]
        share = _share(found, photo.reshape(-1, 3)[mixed], maps.scale)
        if subject is not None:
            own_share = _snapped(subject.reshape(-1, 1)[mixed])
            share = own_share + (1 - own_share) * share
        lacks.reshape(-1)[mixed] = 1 - share[:, 0]
    part = slice(top, top + rows), slice(0, width)
    if photo_light is None:
        result = cv2.merge([_store(large[:, plane], photo.dtype, curve) for plane in range(3)])
        own, behind = photo.reshape(-1, 3)[mixed], result.reshape(-1, 3)[mixed]
        light: Float = share * to_light(own, curve) + (1 - share) * to_light(behind, curve)
        result.reshape(-1, 3)[mixed] = np.where(share == 1, own, to_pixels(light, photo.dtype, curve))
    else:
        whole = np.square(cv2.merge([large[:, plane] for plane in range(3)]))
        if mixed.size:
            own, behind = photo_light.light_at(photo, part, mixed), whole.reshape(-1, 3)[mixed]
            # Of light beyond white less is kept: where the matte is in doubt, a lamp behind would shine in its disc.
            own -= (1 - share) * np.maximum(own - 1, 0)
            whole.reshape(-1, 3)[mixed] = behind + share * (own - behind)
        result = photo_light.pixels(whole, part)
        result = cv2.copyTo(photo, (lacks == 0).view(np.uint8), result)
    if grain is not None:
        result = grain.add(result, lacks, part)
    return cv2.copyTo(photo, keep.view(np.uint8), result)


def _share(found: Sequence[Float], own: Pixels, scale: float) -> Float:
    """Step 4: m as Nx1 from N pixels of what full size is made of (least, greatest, model), and of the photo, enlarged
    by `scale`."""
    least, greatest, *slopes, offset = found
    share = offset + sum(slope * color for slope, color in zip(slopes, _unit(own).T, strict=True))
    share = np.clip(share, least, greatest)
    # Steeper around 0.5 by up to half of what it was enlarged by.
    more = np.float32(min(max(scale / 2, 1.0), STEEPEST) - 1)
    share = np.float32(0.5) + (share - np.float32(0.5)) * (1 + more * _crossing(greatest - least))
    return _snapped(share)[:, None]


def _snapped(share: Float) -> Float:
    snapped: Float = ((share - SNAP) / (1 - 2 * SNAP)).clip(0, 1)
    return snapped


def _to_srgb(image: Float, curve: ToneCurve | None) -> Float:
    """hxwx3 float32 in [0, 1] encoded by the photo's curve, in sRGB's, which networks know."""
    return image if curve is None else to_pixels(to_light(image, curve), np.float32)


def _from_srgb(image: Float, curve: ToneCurve | None) -> Float:
    return image if curve is None else to_pixels(to_light(image.astype(np.float32)), np.float32, curve)


def _unit(pixels: Pixels) -> Float:
    """Any of the three types as float32 in [0, 1]; light beyond is clipped."""
    if pixels.dtype == np.float32:
        return pixels.clip(0, 1)
    return pixels.astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)


def _store(encoded: Float, dtype: Any, curve: ToneCurve | None) -> Pixels:
    """Values around [0, 1], encoded by the curve, rounded and clipped into a photo's type; true light as it is."""
    if dtype == np.float32:
        return limit(encoded, curve)
    depth = cv2.CV_8U if dtype == np.uint8 else cv2.CV_16U
    stored: Pixels = cv2.multiply(encoded, float(np.iinfo(dtype).max), dtype=depth)  # type: ignore[call-overload]
    return stored
