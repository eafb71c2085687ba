"""Photos with transparency, blurred along.

A lens is linear in light: it blurs the premultiplied picture, and the cover as a picture of its own, and the colour is
the one over the other. A network knows no cover: it sees the photo with its colours continued where nothing covers, and
the lens then draws colour and cover by what it says.
"""

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float, Pixels
from wideopen.image.color import linear_to_srgb
from wideopen.image.guided_filter import share_kept
from wideopen.image.inpaint import fill
from wideopen.image.resize import resize
from wideopen.image.tone_curve import ToneCurve, gamma_curve, to_light, to_pixels
from wideopen.lens.full_resolution import carry_to_full_size
from wideopen.photo.photo import Photo
from wideopen.render.scene_rendering import Drawing

LEAST = 1 / 512
"""Less cover shows no colour."""
TRUSTED = 1 / 8
"""From this cover on, a pixel's own colour is all that a network sees."""
SMALL_PX = 1024

See = Callable[[Pixels, Pixels], tuple[Drawing, Float | None]]
Blur = Callable[[Pixels, ToneCurve | None, bool], Pixels]


def is_opaque(alpha: Pixels) -> bool:
    """Whether there is nothing transparent about a photo."""
    return bool(alpha.min() == np.iinfo(alpha.dtype).max)


def visible(taken: Photo) -> Pixels:
    """A photo's pixels, continued from around where nothing covers."""
    if taken.alpha is None or is_opaque(taken.alpha):
        return taken.pixels
    return continued(taken.pixels, taken.alpha, taken.curve)


def through_lens(pixels: Pixels, alpha: Pixels, curve: ToneCurve | None, blur: Blur) -> tuple[Pixels, Pixels]:
    """Colour and alpha of a photo seen through a lens.

    Args:
        pixels: HxWx3 uint8 or uint16, encoded by `curve`; `alpha`: HxW of the same type.
        blur: (HxWx3 uint16, its curve, whether it is the cover) -> the same through the lens.
    """
    whole = premultiplied(pixels, alpha, curve)
    blurred = blur(whole, curve, False)
    cover = blur(as_picture(alpha), gamma_curve(1.0), True)[..., 0].astype(np.float32) / np.float32(65535)
    light = to_light(blurred, curve) / cover.clip(LEAST)[..., None]
    return uncovered(pixels, alpha, (blurred != whole).any(axis=2), light, cover, curve)


def through_network(pixels: Pixels, alpha: Pixels, curve: ToneCurve | None, see: See) -> tuple[Pixels, Pixels]:
    """Colour and alpha of a photo blurred by what a network says of it; arguments as of `through_lens`.

    `see`: HxWx3 and HxW -> what is drawn, and hxw blurred cover in [0, 1], or None if the network draws its own picture
    and says nothing of the cover: that stays as it is then.
    """
    whole = continued(pixels, alpha, curve)
    drawing, soft = see(whole, alpha)
    sharp = share_kept(drawing.seen, drawing.picture) if drawing.kept is None else drawing.kept
    blurred = carry_to_full_size(whole, drawing.picture, sharp, drawing.seen, drawing.subject, curve=curve)
    cover = _share(alpha)
    if soft is not None:
        flat = as_picture(alpha)
        small = resize(flat, *soft.shape).astype(np.float32) / np.float32(65535)
        # `carry` takes what is sRGB-encoded.
        wanted = np.dstack([linear_to_srgb(soft)] * 3)
        seen = linear_to_srgb(small)
        carried = carry_to_full_size(flat, wanted, sharp, seen, drawing.subject, curve=gamma_curve(1.0))
        cover = carried[..., 0].astype(np.float32) / np.float32(65535)
    return uncovered(pixels, alpha, (blurred != whole).any(axis=2), to_light(blurred, curve), cover, curve)


def premultiplied(pixels: Pixels, alpha: Pixels, curve: ToneCurve | None) -> Pixels:
    """HxWx3 uint16: light times cover, encoded by the curve."""
    return to_pixels(to_light(pixels, curve) * _share(alpha)[..., None], np.uint16, curve)


def as_picture(alpha: Pixels) -> Pixels:
    """HxWx3 uint16 whose values are the cover."""
    deep = alpha if alpha.dtype == np.uint16 else alpha.astype(np.uint16) * 257
    return cv2.merge([deep] * 3)


def continued(pixels: Pixels, alpha: Pixels, curve: ToneCurve | None) -> Pixels:
    """HxWx3 of the photo's type: where little or nothing covers, colours of what does, around there."""
    height, width = alpha.shape
    scale = min(1.0, SMALL_PX / max(height, width))
    size = max(1, round(height * scale)), max(1, round(width * scale))
    trust = np.minimum(_share(alpha) / TRUSTED, 1)
    weight = resize(trust, *size)
    # Colours that nothing covers are often black: they must not come into the smaller picture.
    light = resize(to_light(pixels, curve) * trust[..., None], *size) / np.maximum(weight, 1e-6)[..., None]
    ground = cv2.resize(fill(light, weight), (width, height), interpolation=cv2.INTER_LINEAR)
    seen = to_light(pixels, curve) * trust[..., None] + ground * (1 - trust[..., None])
    return np.where(trust[..., None] == 1, pixels, to_pixels(seen, pixels.dtype, curve))


def uncovered(
    pixels: Pixels, alpha: Pixels, changed: NDArray[np.bool_], light: Float, cover: Float, curve: ToneCurve | None
) -> tuple[Pixels, Pixels]:
    """Colour and alpha of a blurred photo.

    Args:
        pixels, alpha: as they were, kept where nothing was blurred, and colour where nothing covers.
        changed: HxW, where the picture was blurred.
        light: HxWx3, not premultiplied; `cover`: HxW in [0, 1]; both blurred.
    """
    changed = changed | (np.abs(cover - _share(alpha)) > 1 / 4096)
    colour = to_pixels(light.clip(0, 1), pixels.dtype, curve)
    visible = (changed & (cover > LEAST))[..., None]
    stored = np.rint(cover * np.float32(np.iinfo(alpha.dtype).max))
    return np.where(visible, colour, pixels), np.where(changed, stored, alpha).astype(alpha.dtype)


def _share(alpha: Pixels) -> Float:
    return alpha.astype(np.float32) / np.float32(np.iinfo(alpha.dtype).max)
