"""A picture drawn from what a lens head says, at working size: the twin of `differentiable_lens.DrawnLens` at full
quality.

photo, matte m, relative disparity r, lens with focus f
  1. linear light, clipped lamps raised; for everything else the subject's rim taken out
  2. layers of one blur radius: the subject goes to the two radii nearest to K f (0 if it is in focus; its parts, where
     they are told apart, each to its own), everything else to the two nearest to K (f - r)
  3. each layer blurred by the aperture's shape, divided by how much of it nothing nearer hides
  4. laid over one another, far to near; encoded
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import cv2
import numpy as np

from wideopen._types import Float
from wideopen.image.color import linear_to_srgb, srgb_to_linear
from wideopen.image.inpaint import fill
from wideopen.lens.apertures import Aperture
from wideopen.lens.defocus import COARSE_FROM_PX, bank_position, blur_part, convolve_planes, signed_bank
from wideopen.lens.highlights import raise_lamps
from wideopen.lens.lens_settings import LARGEST, LensSettings
from wideopen.scene.matte_regions import shows_hidden

GROWTH = 1.3
LEAST_VISIBLE = 0.05
"""A layer hidden to more than this is not brought back to its full light."""


def draw(
    photo: Float,
    matte: Float,
    relative: Float,
    lens: LensSettings,
    behind: Float | None = None,
    within: Float | None = None,
    continued: bool = False,
) -> tuple[Float, Float]:
    """See a photo through a lens.

    Args:
        photo: HxWx3 float32 sRGB-encoded, [0, 1]; true light farther, by the same curve.
        matte: HxW in [0, 1], opacity of the subject.
        relative: HxW, disparity of everything else, less the subject's; -1 is the farthest, positive is nearer.
        lens: focused at a relative disparity; 0 is the subject.
        behind: HxWx3 linear light, [0, 1]; what everything else is drawn from where it or the subject is blurred
            (`rim.remove_foreground`). The photo if None.
        within: HxW, disparity of the subject's own parts, less the subject's; 0 everywhere if None.
        continued: what lies behind all that is blurred in front of the focus is continued from around it, as scenes of
            depth maps need it, in which other things than the subject stand in front.

    Returns:
        The picture, HxWx3 sRGB-encoded, up to 1 or the brightest of the photo, and HxW the share of the photo's own
        pixels that it keeps.
    """
    linear = srgb_to_linear(photo)
    light = raise_lamps(linear, lens.highlight_gain)
    drawn = [
        (colors, *_draw_light(linear, light, matte, relative, one, behind, within, continued))
        for one, colors in lens.for_colors()
    ]
    _, seen, kept = drawn[0]
    for colors, of_colors, kept_too in drawn[1:]:
        seen[..., colors] = of_colors[..., colors]
        kept = np.minimum(kept, kept_too)
    # A sensor clips; of photos whose light goes farther, a mean of light does not.
    return linear_to_srgb(seen.clip(min(0.0, float(linear.min())), max(1.0, float(linear.max())))), kept


def _draw_light(
    linear: Float,
    light: Float,
    matte: Float,
    relative: Float,
    lens: LensSettings,
    behind: Float | None,
    within: Float | None,
    continued: bool,
) -> tuple[Float, Float]:
    """`draw` from and to linear light, for a lens without axial colour; `light` with its lamps raised."""
    short = min(linear.shape[:2])
    most = short * LARGEST
    radius = lens.radius_in(relative, linear.shape).clip(-most, most)
    if within is None and lens.tilt == (0.0, 0.0):
        own = lens.radius(np.zeros((1, 1), np.float32), short).clip(-most, most)
    else:
        own = lens.radius_in(np.zeros_like(relative) if within is None else within, linear.shape).clip(-most, most)
    radii = signed_bank(min(float(radius.min()), float(own.min())), max(float(radius.max()), float(own.max())), GROWTH)
    rest = light
    if behind is not None:
        mixed: Float = linear + shows_hidden(np.abs(radius), np.abs(own))[..., None] * (behind - linear)
        rest = raise_lamps(mixed, lens.highlight_gain)
    return composite(light, rest, matte, radius, own, radii, lens.aperture, continued)


@dataclass(frozen=True, eq=False)
class _Layer:
    """What goes into one blur radius, where it is."""

    index: int
    rows: slice
    columns: slice
    """Part of the picture that it can reach."""
    planes: list[Float]
    """Five of HxW of that part: share * light in three channels, share, what nothing nearer hides."""


def composite(
    light: Float,
    rest: Float,
    matte: Float,
    radius: Float,
    own: Float,
    radii: Float,
    aperture: Aperture | None = None,
    continued: bool = False,
) -> tuple[Float, Float]:
    """Steps 2 to 4: linear light HxWx3, and the share HxW of the layer that is not blurred. `light` is the subject's,
    `rest` everything else's, both HxWx3; `own` are the subject's radii, HxW, or 1x1 if it has one. Radii run from the
    nearest to the farthest; `continued` as of `draw`."""
    base, kept = np.asarray(rest, np.float32), np.ones(matte.shape, np.float32)
    if continued:
        base, kept = _behind_blurred(base, matte, radius, own)
    result = [np.array(plane) for plane in cv2.split(base)]

    def seen(layer: _Layer) -> list[Float]:
        radius = float(radii[layer.index])
        if aperture is None or aperture.vignette == 0:
            return convolve_planes(layer.planes, abs(radius), aperture, radius > 0, coarse=True)
        whole = matte.shape, (layer.rows.start, layer.columns.start)
        rows, columns = ((0, side) for side in layer.planes[0].shape)
        image = cv2.merge(layer.planes)
        return list(cv2.split(blur_part(image, radius, rows, columns, aperture, whole=whole, coarse=True)))

    # OpenCV's Fourier transforms take one core each.
    layers = _layers(light, rest, matte, radius, own, radii)
    with ThreadPoolExecutor(max_workers=cv2.getNumThreads()) as pool:
        for layer, found in zip(layers, pool.map(seen, layers), strict=True):
            part = layer.rows, layer.columns
            *color, share, visible = found
            room = np.maximum(visible, LEAST_VISIBLE)
            through = 1.0 - (share / room).clip(0.0, 1.0)
            for plane, light_there in zip(result, color, strict=True):
                plane[part] = light_there / room + through * plane[part]
            kept[part] = through * kept[part] + (1.0 - through if radii[layer.index] == 0.0 else np.float32(0.0))
    return cv2.merge(result), kept


def _behind_blurred(rest: Float, matte: Float, radius: Float, own: Float) -> tuple[Float, Float]:
    """What is seen where no layer is, and the share HxW of it that is the photo's own: what is blurred in front of the
    focus lets through what lies behind it, which is continued from around it, and never its own sharp picture."""
    blurred = (1.0 - matte) * (-radius - 1.0).clip(0.0, 1.0) + matte * (-own - 1.0).clip(0.0, 1.0)
    if not blurred.any():
        return rest, np.ones(matte.shape, np.float32)
    clear: Float = 1.0 - cv2.dilate(np.asarray(blurred, np.float32), np.ones((3, 3), np.uint8))
    return (fill(rest, clear) if clear.any() else rest), clear


def _layers(light: Float, rest: Float, matte: Float, radius: Float, own: Float, radii: Float) -> list[_Layer]:
    """All that something is in, far to near."""
    place, place_of_subject = bank_position(radius, radii), bank_position(own, radii)
    hidden: Float = np.ones(matte.shape, np.float32)  # By the layer itself and all nearer ones.
    layers: list[_Layer] = []
    of_subject, of_rest = (cv2.split(np.asarray(picture, np.float32)) for picture in (light, rest))
    for index in reversed(range(len(radii))):
        others = (1.0 - matte) * np.maximum(1.0 - np.abs(place - index), 0.0)
        subject = matte * np.maximum(1.0 - np.abs(place_of_subject - index), 0.0)
        share = others + subject
        hidden = hidden - share
        if (within := _reach(share, float(abs(radii[index])))) is not None:
            others_there = others[within]
            planes = [others_there * plane[within] for plane in of_rest]
            if (subject_there := subject[within]).any():
                planes = [plane + subject_there * own[within] for plane, own in zip(planes, of_subject, strict=True)]
            planes += [share[within], 1.0 - hidden[within]]
            layers.append(_Layer(index, *within, [np.ascontiguousarray(plane, np.float32) for plane in planes]))
    return layers


def _reach(share: Float, radius: float) -> tuple[slice, slice] | None:
    """Rows and columns that a layer can be seen in, None for none: twice its radius around what is in it, as its edge
    wants to know what is visible beyond."""
    some = share >= 1e-3
    rows, columns = np.flatnonzero(some.any(axis=1)), np.flatnonzero(some.any(axis=0))
    if not len(rows):
        return None
    # On whole coarse pixels, so that what is drawn at a fraction of the size does not depend on where a layer begins.
    step = max(COARSE_FROM_PX.values())
    margin = 2 * math.ceil(radius) + 2 * step
    (top, down), (left, right) = (
        (max(0, int(lit[0]) - margin) // step * step, int(lit[-1]) + 1 + margin) for lit in (rows, columns)
    )
    return slice(top, min(down, share.shape[0])), slice(left, min(right, share.shape[1]))
