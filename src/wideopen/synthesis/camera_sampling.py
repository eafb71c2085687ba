"""How one pair is taken, drawn at random: the lens, the shape of its aperture, the camera behind it.

A scene counts disparity in units of its subject's (`background_depth.SUBJECT_DISPARITY`), a lens in 1/m: the drawn
distance of the subject joins the two.
"""

import math
from dataclasses import dataclass, field

import cv2
import numpy as np

from wideopen._types import Float32
from wideopen.lens.apertures import Aperture
from wideopen.lens.thin_lens import Lens
from wideopen.synthesis.options import VariedOptions

SENSORS_MM = (14.9, 24.0)
"""Short sides drawn from: EBB!'s Canon 7D and full frame."""
BLADES = (5, 6, 7, 8, 9)


@dataclass(frozen=True)
class Camera:
    """A lens before it is focused, how far away the subject is, and the aperture's shape."""

    focal_length_mm: float
    f_number: float
    sensor_height_mm: float
    subject_distance_m: float
    aperture: Aperture = field(default_factory=Aperture)

    def lens(self, focus_disparity: float) -> Lens:
        """The lens focused at a disparity in units of the subject's; 0 is infinity."""
        distance = self.subject_distance_m / focus_disparity if focus_disparity > 0 else math.inf
        return Lens(self.focal_length_mm, self.f_number, distance, self.sensor_height_mm)

    def blur_per_disparity(self, focus_disparity: float) -> float:
        """Blur radius, as a share of the short side, for each unit of disparity away from the focus."""
        per_metre = 0.5 * self.lens(focus_disparity).blur_mm_per_disparity / self.sensor_height_mm
        return per_metre / self.subject_distance_m


def draw_camera(rng: np.random.Generator, options: VariedOptions) -> Camera:
    """A random camera; its f-number is raised where the blur at infinity would exceed `max_blur`."""
    low, high = options.f_numbers
    wanted = float(np.exp(rng.uniform(np.log(low), np.log(high))))
    focal, distance = float(np.exp(rng.uniform(np.log(35), np.log(85)))), float(np.exp(rng.uniform(0.2, 1.4)))
    sensor = SENSORS_MM[int(rng.integers(len(SENSORS_MM)))]
    # The longest lens is not used at the shortest distance: nobody photographs a person from there.
    distance *= focal / 50.0
    widest = Camera(focal, low, sensor, distance).blur_per_disparity(1.0) * low / options.max_blur
    number = round(min(max(wanted, widest), max(high, widest)), 3)
    return Camera(round(focal, 1), number, sensor, round(distance, 3), draw_aperture(rng, number))


def draw_aperture(rng: np.random.Generator, f_number: float) -> Aperture:
    """A disc or 5 to 9 blades. Cat's eyes only near wide open, where the barrel cuts the light."""
    bladed, catty = rng.random() < 0.6, rng.random() < 0.4
    blades, turn, round_, cut = int(rng.choice(BLADES)), rng.random(), rng.random(), rng.uniform(0.2, 0.8)
    vignette = cut * float(np.clip((4.0 - f_number) / 2.0, 0.0, 1.0)) if catty else 0.0
    if not bladed:
        return Aperture(vignette=round(vignette, 3))
    return Aperture(blades, round(0.7 * round_, 3), round(turn * 360.0 / blades, 2), vignette=round(vignette, 3))


@dataclass(frozen=True)
class Response:
    """How the target was developed and framed differently from the input. The default changes nothing.

    What is done to both alike, in training, is `pairs/augment.Crop`.
    """

    stops: float = 0.0
    contrast: float = 1.0
    """Exponent on the encoded values, about middle grey."""
    balance: tuple[float, float, float] = (1.0, 1.0, 1.0)
    shift_px: tuple[float, float] = (0.0, 0.0)
    rotation_deg: float = 0.0
    scale: float = 1.0

    def apply(self, encoded: Float32) -> Float32:
        """Develop and move a target, HxWx3 sRGB-encoded in [0, 1]; the very same array if nothing differs."""
        if (self.stops, self.contrast, self.balance) != (0.0, 1.0, (1.0, 1.0, 1.0)):
            gain = np.float32(2.0 ** (self.stops / 2.2)) * np.array(self.balance, np.float32)
            encoded = np.clip(0.5 * (encoded * gain / 0.5) ** np.float32(self.contrast), 0.0, 1.0).astype(np.float32)
        if (self.shift_px, self.rotation_deg, self.scale) == ((0.0, 0.0), 0.0, 1.0):
            return encoded
        height, width = encoded.shape[:2]
        matrix = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), self.rotation_deg, self.scale)
        matrix[:, 2] += np.array(self.shift_px)
        moved = cv2.warpAffine(encoded, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT)
        return np.clip(moved, 0.0, 1.0).astype(np.float32)


def draw_response(rng: np.random.Generator, options: VariedOptions, size: tuple[int, int]) -> Response:
    """Random differences of the strengths asked for, in a picture of (height, width) px."""
    strength, reach = options.response, options.misalign
    stops, contrast, *balance = (rng.uniform(-1, 1, 5) * strength * (0.2, 0.08, 0.02, 0.01, 0.02)).round(4).tolist()
    # A third of the reach each: together they move a corner no farther than it.
    half = 0.5 * float(np.hypot(*size))
    across, down, turn, grow = (rng.uniform(-1, 1, 4) * reach / 3).tolist()
    return Response(
        stops, 1.0 + contrast, (1.0 + balance[0], 1.0 + balance[1], 1.0 + balance[2]),
        (round(across * 0.7, 3), round(down * 0.7, 3)), round(float(np.degrees(turn / half)), 4),
        round(1.0 + grow / half, 5),
    )  # fmt: skip
