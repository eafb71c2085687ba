"""A photo made ready for many pairs: its subject, what is hidden behind it, and how far away everything is."""

from dataclasses import dataclass, replace

import numpy as np

from wideopen._types import Float32
from wideopen.image.color import srgb_to_linear
from wideopen.image.grain import Grain, sure_grain
from wideopen.image.inpaint import push_pull
from wideopen.lens.highlights import lamp_certainty
from wideopen.lens.layered_lens import Layer
from wideopen.scene.background_depth import SUBJECT_DISPARITY, Plane, Surface, draw_surface, find_sky
from wideopen.scene.matte_regions import find_hole, shows_hidden
from wideopen.synthesis.subject_layers import Scene, foreground_color

LANDSCAPE_AREA = 0.01
"""A photo whose matte covers less than this is a landscape."""


@dataclass(frozen=True)
class Host:
    """Maps are HxW float32 in [0, 1], colours HxWx3 linear light."""

    encoded: Float32
    """HxWx3 sRGB-encoded in [0, 1], the decoded photo."""
    scene: Scene
    surface: Surface
    filled: Float32
    """The photo with its subject replaced by what may be behind it."""
    hole: Float32
    """Where that differs from the photo."""
    color: Float32
    """The subject's own colour."""
    lamp_certainty: float
    grain: Grain | None
    """None if it has none, or none was asked for."""

    @property
    def size(self) -> tuple[int, int]:
        """Height and width in px."""
        return self.encoded.shape[0], self.encoded.shape[1]

    @property
    def has_subject(self) -> bool:
        """False for a landscape."""
        return bool(self.scene.alpha.any())

    def subject(self) -> Layer:
        """The subject as a layer."""
        return Layer(self.color, Plane(SUBJECT_DISPARITY), self.scene.alpha)

    def background(self, subject_radius_px: float, radius_px: Float32) -> Layer:
        """The background as a layer, filled in only where a blur may show what is hidden.

        Args:
            subject_radius_px: blur of the subject.
            radius_px: HxW blur of the background.
        """
        share = (self.hole * shows_hidden(radius_px, subject_radius_px))[..., None]
        photo = self.scene.photo
        return Layer(np.asarray(photo + share * (self.filled - photo), np.float32), self.surface.plane)


def is_landscape(scene: Scene) -> bool:
    """Whether a photo has no subject to speak of."""
    return float((scene.alpha > 0.5).mean()) < LANDSCAPE_AREA


def prepare(encoded: Float32, scene: Scene, rng: np.random.Generator, with_grain: bool = True) -> Host:
    """Make a photo ready.

    Args:
        encoded: HxWx3 sRGB-encoded in [0, 1].
        scene: the photo taken apart by `subject_layers.take_apart`; its subject is nearly empty for a landscape.
        rng: draws the background's depth.
        with_grain: whether to measure the photo's grain.
    """
    size = encoded.shape[0], encoded.shape[1]
    sky, grain = find_sky(encoded), sure_grain(encoded) if with_grain else None
    if is_landscape(scene):
        nothing = np.zeros(size, np.float32)
        photo = srgb_to_linear(encoded)
        # Nearest at the lower edge: that is what stands for the subject's distance.
        surface = draw_surface(rng, size, float(size[0]), sky)
        scene = replace(scene, alpha=nothing, doubt=nothing, foot=float(size[0]))
        return Host(encoded, scene, surface, photo, nothing, photo, lamp_certainty(photo), grain)
    surface = draw_surface(rng, size, scene.foot, sky)
    hole = find_hole(scene.alpha, scene.doubt)
    filled = push_pull(scene.photo, np.square(1.0 - hole, dtype=np.float32))
    plate = scene.photo + hole[..., None] * (filled - scene.photo)
    color = foreground_color(scene, np.asarray(plate, np.float32))
    return Host(encoded, scene, surface, filled, hole, color, lamp_certainty(scene.photo), grain)
