"""The thin lens: how large a point out of focus becomes.

A point at distance d, seen by a lens of focal length f at f-number N focused at s, becomes a disc of diameter

    c = f^2 / (N (s - f)) * |d - s| / d

on the sensor, the circle of confusion. Written in disparity 1/d this is linear,

    c = f^2 s / (N (s - f)) * |1/s - 1/d|,

which is why everything in this package that has depth keeps it as disparity. Any two lengths that are
compared here are in the units that their names say: mm on the lens side, metres in the scene, px in a picture.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Lens:
    """A lens before a sensor, focused at one distance."""

    focal_length_mm: float
    f_number: float
    focus_distance_m: float
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
        return focal**2 * focus_mm / (self.f_number * (focus_mm - focal)) / 1000.0

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
}
