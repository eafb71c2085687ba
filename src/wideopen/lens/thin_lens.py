"""The thin lens: how large a point out of focus becomes.

A point at distance d, seen by a lens of focal length f at f-number N focused at s, becomes a disc of diameter

    c = f^2 / (N (s - f)) * |d - s| / d

on the sensor, the circle of confusion. Written in disparity 1/d this is linear,

    c = f^2 s / (N (s - f)) * |1/s - 1/d|,

which is why everything in this package that has depth keeps it as disparity. Any two lengths that are
compared here are in the units that their names say: mm on the lens side, metres in the scene, px in a picture.
"""

import math
from dataclasses import dataclass

from PIL import ExifTags, Image

FULL_FRAME_HEIGHT_MM = 24.0


@dataclass(frozen=True)
class Lens:
    """A lens before a sensor, focused at one distance."""

    focal_length_mm: float
    f_number: float
    focus_distance_m: float
    """May be infinite."""
    sensor_height_mm: float
    """Short side of the sensor, compared with the short side of a picture."""

    def __post_init__(self) -> None:
        for name in ("focal_length_mm", "f_number", "focus_distance_m", "sensor_height_mm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, not {getattr(self, name)}")
        if self.focus_distance_m * 1000.0 <= self.focal_length_mm:
            raise ValueError(
                f"focus distance ({self.focus_distance_m} m) must be longer than the focal length "
                f"({self.focal_length_mm} mm)"
            )

    @property
    def focus_disparity_per_m(self) -> float:
        """Disparity (1/m) of what is in focus."""
        return 1.0 / self.focus_distance_m

    @property
    def blur_mm_per_disparity(self) -> float:
        """Circle of confusion diameter (mm) for each 1/m of disparity away from the focus."""
        focal, focus_mm = self.focal_length_mm, self.focus_distance_m * 1000.0
        return focal**2 / (self.f_number * (1.0 - focal / focus_mm)) / 1000.0

    def blur_px_per_disparity(self, short_side_px: int) -> float:
        """Blur disc RADIUS (px) for each 1/m of disparity, in a picture of that short side: the K of MPIB."""
        return 0.5 * self.blur_mm_per_disparity * short_side_px / self.sensor_height_mm

    def blur_diameter_mm(self, distance_m: float) -> float:
        """Circle of confusion diameter (mm) of a point at `distance_m` (infinity allowed)."""
        return self.blur_mm_per_disparity * abs(self.focus_disparity_per_m - 1.0 / distance_m)

    def blur_radius_px(self, distance_m: float, short_side_px: int) -> float:
        """Blur disc radius (px) of a point at `distance_m` in a picture of that short side."""
        return 0.5 * self.blur_diameter_mm(distance_m) * short_side_px / self.sensor_height_mm


PRESETS = {
    # The EBB! set: Canon 7D (22.3 x 14.9 mm), 50 mm f/1.8 wide open, subjects mostly 1-3 m away.
    "ebb": Lens(focal_length_mm=50.0, f_number=1.8, focus_distance_m=2.0, sensor_height_mm=14.9),
    "50mm": Lens(focal_length_mm=50.0, f_number=1.8, focus_distance_m=2.0, sensor_height_mm=FULL_FRAME_HEIGHT_MM),
    "85mm": Lens(focal_length_mm=85.0, f_number=1.4, focus_distance_m=2.0, sensor_height_mm=FULL_FRAME_HEIGHT_MM),
    # A phone's main camera of about 26 mm (35 mm equivalent).
    "phone": Lens(focal_length_mm=6.8, f_number=1.8, focus_distance_m=2.0, sensor_height_mm=6.3),
}


@dataclass(frozen=True)
class Taken:
    """What a photo's EXIF says of the lens that took it; None where it says nothing."""

    focal_length_mm: float | None = None
    focal_length_35mm: float | None = None
    """Focal length (mm) that frames the same on 36 x 24 mm."""
    f_number: float | None = None
    subject_distance_m: float | None = None
    """Infinite if it says so."""

    def lens(self) -> Lens | None:
        """The lens, focused at the subject (2 m if that is unknown); None if its sensor's size cannot be told."""
        if self.focal_length_mm is None or self.focal_length_35mm is None:
            return None
        height = FULL_FRAME_HEIGHT_MM * self.focal_length_mm / self.focal_length_35mm
        distance = self.subject_distance_m or 2.0
        if distance * 1000.0 <= self.focal_length_mm:
            return None
        return Lens(self.focal_length_mm, self.f_number or PRESETS["50mm"].f_number, distance, height)


def read_taken(exif: bytes) -> Taken:
    """Read the lens's entries from an EXIF blob (TIFF structure, `Exif` prefix or not); what is damaged is None."""
    if not exif:
        return Taken()
    tags = Image.Exif()
    try:
        tags.load(exif)
        found = tags.get_ifd(ExifTags.IFD.Exif)
    except Exception:  # A damaged blob raises anything; then it says nothing.
        return Taken()
    base = ExifTags.Base
    distance = found.get(base.SubjectDistance)
    return Taken(
        _positive(found.get(base.FocalLength)),
        _positive(found.get(base.FocalLengthIn35mmFilm)),
        _positive(found.get(base.FNumber)),
        # EXIF 2.32, 4.6.5: a numerator of 0xFFFFFFFF is infinity, 0 is unknown.
        math.inf if getattr(distance, "numerator", 0) == 0xFFFFFFFF else _positive(distance),
    )


def _positive(value: object) -> float | None:
    try:
        number = float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    return number if 0 < number < math.inf else None
