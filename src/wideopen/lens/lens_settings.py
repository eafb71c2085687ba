"""From what a person sets to what the lens does: f-number and lens -> px of blur, focus -> disparity, aperture, lamps.

A depth map without a scale is taken to reach from infinity (0) to the distance `RenderOptions.nearest` (1), which the
subject's distance in the photo's EXIF tells where focus is on the subject.
"""

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float
from wideopen.image.resize import fit, resize
from wideopen.image.tiles import whole
from wideopen.image.tone_curve import ToneCurve, to_light
from wideopen.lens.apertures import SHARP_RADIUS_PX, Aperture
from wideopen.lens.highlights import lamp_certainty
from wideopen.lens.thin_lens import PRESETS, Lens, Taken
from wideopen.option_texts import Focus, parse_focus, parse_place
from wideopen.options import RenderOptions
from wideopen.photo.depth_map import DepthMap
from wideopen.photo.files import load
from wideopen.scene.focus import find_focus
from wideopen.scene.scene import Scene

HIGHLIGHT_GAIN = 4.0
"""Brightness of clipped lamps if nothing is said; less where much of the photo is white."""
NEAREST_M = 1.0
LARGEST = 0.15
"""No blur radius is larger than this fraction of the short side."""
SHARP = math.hypot(3, 2) / 2 / 1500 / 2
"""Blur radius, as a fraction of the short side, that depth of field is reckoned by: a disc of 1/1500 of the diagonal of
a frame of 3:2."""


@dataclass(frozen=True)
class LensSettings:
    """What a lens does to a photo, whatever its size: one class for scenes and depth maps."""

    blur: float
    """K: blur radius for each unit of disparity away from the focus, as a fraction of the short side; 0 blurs nothing.
    """
    focus: float = 0.0
    """Disparity of what is in focus, in the units of the scene or map that is drawn."""
    aperture: Aperture = Aperture()
    highlight_gain: float = HIGHLIGHT_GAIN
    """Brightness given to lamps that the camera clipped (`highlights.raise_lamps`); 1 leaves them."""
    focus_to: float | None = None
    """The other end of what is in focus, if it is a range: all between is as sharp."""
    depth_of_field: float = 0.0
    """How far before and behind what is in focus all is as sharp, in disparity."""
    tilt: tuple[float, float] = (0.0, 0.0)
    """Growth of the signed radius, px for each px to the right and down, by the tilt of the lens; see `_tilt`."""
    pivot: tuple[float, float] = (0.5, 0.5)
    """Fractions of width and height: where a tilted lens focuses as it would untilted."""
    axial: float = 0.0
    """Axial colour: by how much the signed radius is less than that of a lens without it, as a fraction of the short
    side. A lens draws green without it and red and blue with it: see `for_colors`."""

    def radius(self, disparity: Float, short_side: int) -> Float:
        """Signed blur radius in px of a photo with that short side, positive behind the plane in focus."""
        return self._of_color((short_side * self.blur * self._out_of_focus(disparity)).astype(np.float32), short_side)

    def for_colors(self) -> "list[tuple[LensSettings, slice]]":
        """The lens that draws green and the one that draws red and blue, each with its channels of a picture; one for
        all three without axial colour."""
        if self.axial == 0:
            return [(self, slice(None))]
        return [(replace(self, axial=0.0), slice(1, 2)), (self, slice(0, 3, 2))]

    def _of_color(self, radius: Float, short_side: int) -> Float:
        """Signed radii in px as `axial` has them: less by that, or by half of what is blurred at all if that is
        smaller, so that what is in focus is so in every colour."""
        if self.axial == 0:
            return radius
        most = ((np.abs(radius) - SHARP_RADIUS_PX) / 2).clip(0.0, abs(self.axial) * short_side)
        return np.asarray(radius - np.sign(self.axial) * most, np.float32)

    @property
    def ends(self) -> tuple[float, float]:
        """Least and greatest disparity of what is in focus."""
        other = self.focus if self.focus_to is None else self.focus_to
        return min(self.focus, other) - self.depth_of_field, max(self.focus, other) + self.depth_of_field

    def _out_of_focus(self, disparity: Float) -> Float:
        """How far what is in focus lies before disparities, negative behind them; 0 within a range."""
        far, near = self.ends
        if far == near:
            return np.asarray(np.float32(far) - disparity)
        return np.asarray(disparity.clip(np.float32(far), np.float32(near)) - disparity)

    def radius_in(self, disparity: Float, shape: tuple[int, ...], part: tuple[slice, slice] | None = None) -> Float:
        """`radius` of a map hxw of a part of a photo, all of it if None, with the lens's tilt; px of the photo.

        Args:
            shape: height and width of the photo.
            part: rows and columns of the photo that the map covers, at any size.
        """
        short = min(shape[:2])
        if self.tilt == (0.0, 0.0):
            return self.radius(disparity, short)
        spans = part or whole(shape)
        down, right = (
            span.start + (np.arange(count) + 0.5) * ((span.stop - span.start) / count) - pivot * length
            for span, count, pivot, length in zip(spans, disparity.shape, self.pivot[::-1], shape, strict=False)
        )
        leaning = self.tilt[0] * right[None, :] + self.tilt[1] * down[:, None]
        # A range leans as a whole: it is as deep everywhere.
        far, near = (short * self.blur * (np.float32(end) - disparity) + leaning for end in self.ends)
        radius = (far.clip(0.0) + near.clip(None, 0.0)).clip(-LARGEST * short, LARGEST * short).astype(np.float32)
        return self._of_color(radius, short)


def choose_lens(options: RenderOptions, taken: Taken | None = None) -> Lens:
    """The lens that options name, with their f-number.

    Raises ValueError: `photo`, and its EXIF does not say enough.
    """
    if options.lens == "photo":
        lens = (taken or Taken()).lens()
        if lens is None:
            raise ValueError("the photo's EXIF does not name its lens (focal length and its 35 mm equivalent)")
    else:
        lens = PRESETS[options.lens]
    return lens if options.aperture is None else replace(lens, f_number=options.aperture)


def make_aperture(options: RenderOptions) -> Aperture:
    """The shape of the opening; ValueError if it cannot be, PhotoError if its picture cannot be read."""
    picture = None
    if options.shape is not None:
        picture = load(Path(options.shape)).pixels.astype(np.float32).mean(axis=2)
    return Aperture(
        blades=options.blades,
        roundness=options.roundness,
        rotation_deg=options.rotate,
        ring=options.ring,
        squeeze=options.squeeze,
        vignette=options.vignette,
        rim=options.rim,
        picture=picture,
    )


def settings_for_map(
    pixels: NDArray[np.generic],
    depth: DepthMap,
    options: RenderOptions,
    taken: Taken | None = None,
    subject: NDArray[np.float32] | None = None,
    curve: ToneCurve | None = None,
) -> LensSettings:
    """What the lens does to this photo.

    Args:
        pixels: HxWx3, encoded by `curve`.
        subject: hxw share of sharpness, where focus is to find the subject.
        curve: of the photo's profile; sRGB's if None.

    Raises ValueError: options that make no sense for this photo.
    """
    shape, wanted = pixels.shape[:2], parse_focus(options.focus)
    lens = choose_lens(options, taken)
    focus = find_focus(depth.disparity, wanted.start, shape, subject)
    metres = 1.0 if depth.metric else _nearest_m(options, focus, taken)
    to = None if wanted.end is None else find_focus(depth.disparity, wanted.end, shape, subject)
    middle = focus if to is None else (focus + to) / 2
    distance = metres / middle if middle > 0 else math.inf
    if distance * 1000 <= lens.focal_length_mm:
        raise ValueError(f"a lens of {lens.focal_length_mm:g} mm cannot focus at {distance:.3g} m; is the map metric?")
    lens = replace(lens, focus_distance_m=distance)
    blur = lens.blur_px_per_disparity(1) / metres
    sharp = _depth_of_field(blur, lens, wanted)
    found = LensSettings(blur, focus, make_aperture(options), _highlight_gain(pixels, options, curve), to, sharp)
    reach = float(np.abs(found._out_of_focus(depth.disparity)).max())
    held = min(blur, LARGEST / max(reach, 1e-6))
    return _shifted(replace(found, blur=held), options, lens, held / blur if blur > 0 else 0.0, shape)


def settings_for_scene(
    pixels: NDArray[np.generic], options: RenderOptions, taken: Taken | None = None, curve: ToneCurve | None = None
) -> LensSettings:
    """What draws the picture where a model says where things are, focused at the subject's distance in the EXIF or the
    lens's own: disparities are in units of the subject's, so the lens's blur at infinity is that of one unit.

    Raises ValueError: options that make no sense for this photo.
    """
    lens = choose_lens(options, taken)
    subject = None if taken is None else taken.subject_distance_m
    if subject is not None and math.isfinite(subject) and subject * 1000 > 4 * lens.focal_length_mm:
        lens = replace(lens, focus_distance_m=subject)
    blur = lens.blur_radius_px(math.inf, 1)
    sharp = _depth_of_field(blur, lens, parse_focus(options.focus))
    gain = _highlight_gain(pixels, options, curve)
    held = min(blur, LARGEST)
    found = LensSettings(held, 0.0, make_aperture(options), gain, depth_of_field=sharp)
    return _shifted(found, options, lens, held / blur if blur > 0 else 0.0, pixels.shape)


def focused(scene: Scene, lens: LensSettings, options: RenderOptions) -> tuple[Scene, LensSettings]:
    """A scene with a subject as it is to be drawn, and the lens focused where the options say.

    Raises ValueError: a point outside the photo.
    """
    wanted = parse_focus(options.focus)
    found, focus = scene.focus_at(wanted.start)
    return found, replace(lens, focus=focus, focus_to=None if wanted.end is None else found.disparity_of(wanted.end))


def _depth_of_field(blur: float, lens: Lens, wanted: Focus) -> float:
    """Disparity on either side of the focus that is sharp at the f-number that focus is asked to keep; 0 if at none.

    `blur`: the lens's own K at its own f-number.
    """
    if wanted.f_number is None or blur == 0:
        return 0.0
    return SHARP * wanted.f_number / (blur * lens.f_number)


def _shifted(
    found: LensSettings, options: RenderOptions, lens: Lens, held: float, shape: tuple[int, ...]
) -> LensSettings:
    """Settings with axial colour, and with tilt by the hinge rule (H. Merklinger, Focusing the View Camera, 1996).

    A colour that comes to focus at the distance d behind the sensor becomes a disc that is d / N less in diameter. A
    lens of focal length f tilted by the angle a is focused on a plane through a hinge line f / sin a below it. On the
    sensor, the disparity in focus so grows in proportion to the distance t from the pivot, and the signed blur radius
    by t sin(a) / (2 N), whatever the focal length.

    `held`: the fraction that the blur was held at, for no disc to be too large; 0 if the aperture is off.
    """
    where, (height, width) = parse_place(parse_focus(options.focus).start), shape[:2]
    pivot = (0.5, 0.5)
    if not isinstance(where, str):
        pivot = where if max(where) <= 1 else (where[0] / width, where[1] / height)
    for_mm = held / (2 * lens.f_number)
    slope, toward = for_mm * math.sin(math.radians(options.tilt)), math.radians(options.tilt_direction)
    tilt = (slope * math.sin(toward), slope * math.cos(toward)) if slope else (0.0, 0.0)
    return replace(found, tilt=tilt, pivot=pivot, axial=for_mm * options.axial / lens.sensor_height_mm)


def _nearest_m(options: RenderOptions, focus: float, taken: Taken | None) -> float:
    """Distance (m) of disparity 1 in a map without a scale."""
    if options.nearest is not None:
        return options.nearest
    subject = None if taken is None else taken.subject_distance_m
    if parse_focus(options.focus).start == "auto" and subject is not None and math.isfinite(subject) and focus > 0:
        return subject * focus
    return NEAREST_M


def _highlight_gain(pixels: NDArray[np.generic], options: RenderOptions, curve: ToneCurve | None) -> float:
    if curve is not None and curve.true_light:
        return 1.0
    if options.highlights is not None:
        return options.highlights
    height, width = pixels.shape[:2]
    small = resize(pixels, *fit(height, width, min(max(height, width), 512)))
    return 1.0 + (HIGHLIGHT_GAIN - 1.0) * lamp_certainty(to_light(small, curve))
