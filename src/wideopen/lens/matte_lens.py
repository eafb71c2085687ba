"""A picture drawn from what a lens head says, at working size: the twin of `differentiable_lens.DrawnLens` at full
quality.

photo, matte m, relative disparity r, lens with focus f
  1. linear light, clipped lamps raised; for everything else the subject's rim taken out
  2. layers of one blur radius: the subject goes to the two radii nearest to K f (0 if it is in focus; its parts, where
     they are told apart, each to its own), everything else to the two nearest to K (f - r)
  3. each layer blurred by the aperture's shape, divided by how much of it nothing nearer hides
  4. laid over one another (`compositor`); encoded
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from wideopen._types import Float
from wideopen.image.color import linear_to_srgb, srgb_to_linear
from wideopen.image.inpaint import fill
from wideopen.image.tiles import box, grown, whole
from wideopen.lens.apertures import Aperture
from wideopen.lens.compositor import Layer, Layers, lay_over, source_of
from wideopen.lens.defocus import signed_bank
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
            (`foreground_removal.remove_foreground`). The photo if None.
        within: HxW, disparity of the subject's own parts, less the subject's; 0 everywhere if None.
        continued: what lies behind all that is blurred in front of the focus is continued from around it, as scenes of
            depth maps need it, in which other things than the subject stand in front.

    Returns the picture, HxWx3 sRGB-encoded, up to 1 or the brightest of the photo, and HxW the share of the photo's own
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
    layers, in_focus = (
        Layers(radii, (len(matte), matte.shape[1]), aperture or Aperture()),
        np.zeros(matte.shape, np.float32),
    )
    through = np.ones_like(kept)

    def visible(layer: Layer, cover: Float, room: Float, through_nearer: Float) -> Float:
        fills: Float = through_nearer * (cover / np.maximum(room, LEAST_VISIBLE)).clip(0.0, 1.0)
        if layers.radius(layer.index) == 0.0:
            in_focus[layer.target] = fills
        return fills

    # OpenCV's Fourier transforms take one core each.
    with ThreadPoolExecutor(max_workers=cv2.getNumThreads()) as pool:
        held = _held(light, rest, matte, radius, own, layers)
        planes = lay_over(layers, held, through, visible, whole(matte.shape), run=pool.map)
    seen = [plane + through * behind for plane, behind in zip(planes, cv2.split(base), strict=True)]
    return cv2.merge(seen), in_focus + through * kept


def _behind_blurred(rest: Float, matte: Float, radius: Float, own: Float) -> tuple[Float, Float]:
    """What is seen where no layer is, and the share HxW of it that is the photo's own: what is blurred in front of the
    focus lets through what lies behind it, which is continued from around it, and never its own sharp picture."""
    blurred = (1.0 - matte) * (-radius - 1.0).clip(0.0, 1.0) + matte * (-own - 1.0).clip(0.0, 1.0)
    if not blurred.any():
        return rest, np.ones(matte.shape, np.float32)
    clear: Float = 1.0 - cv2.dilate(np.asarray(blurred, np.float32), np.ones((3, 3), np.uint8))
    return (fill(rest, clear) if clear.any() else rest), clear


def _held(light: Float, rest: Float, matte: Float, radius: Float, own: Float, layers: Layers) -> Iterator[Layer]:
    """All layers that something is in, near to far; the last plane of each is what nothing nearer hides."""
    place, place_of_subject = layers.place(radius), layers.place(own)
    visible: Float = np.ones(matte.shape, np.float32)
    of_subject, of_rest = (cv2.split(np.asarray(picture, np.float32)) for picture in (light, rest))
    for index in reversed(range(len(layers.bank))):
        others = (1.0 - matte) * np.maximum(1.0 - np.abs(place - index), 0.0)
        subject = matte * np.maximum(1.0 - np.abs(place_of_subject - index), 0.0)
        share = others + subject
        if (holds := box(share >= 1e-3)) is not None:
            reach = abs(layers.radius(index)) + 2
            target = grown(holds, reach, matte.shape)
            source = source_of(target, reach, matte.shape)
            others_there = others[source]
            planes = [others_there * plane[source] for plane in of_rest]
            if (subject_there := subject[source]).any():
                planes = [plane + subject_there * own[source] for plane, own in zip(planes, of_subject, strict=True)]
            planes += [share[source], visible[source]]
            yield Layer(index, source, target, [np.ascontiguousarray(plane, np.float32) for plane in planes])
        visible = visible - share
