"""Axial colour against discs drawn here by their radius in mm, colour by colour."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from wideopen import Renderer, RenderOptions
from wideopen.image.color import srgb_to_linear
from wideopen.lens.lens_settings import LensSettings
from wideopen.lens.matte_lens import draw
from wideopen.photo.depth_map import DepthMap

SIDE, FOCUS_M, N, AXIAL_MM = 161, 2.0, 1.4, 0.2
FOCAL_MM, SENSOR_MM = 50.0, 24.0
OPTIONS = RenderOptions(aperture=N, lens="50mm", focus="0.1,0.1", grain=0.0, highlights=1.0, axial=AXIAL_MM)
POINT = np.zeros((SIDE, SIDE, 3), np.float32)
POINT[SIDE // 2, SIDE // 2] = 1.0
SQUARE = ((np.mgrid[:SIDE, :SIDE] - float(SIDE // 2)) ** 2).sum(axis=0)
"""Of the distance to the point."""


def image_mm(metres: float) -> float:
    """How far behind the lens a point comes to focus."""
    return 1 / (1 / FOCAL_MM - 1 / (metres * 1000))


def disc(radius_px: float) -> NDArray[np.float64]:
    """SIDE x SIDE, the share of each pixel within the disc, by 16 x 16 samples; sums to 1."""
    along = (np.arange(SIDE * 16) + 0.5) / 16 - SIDE / 2
    inside = np.hypot(along[:, None], along) <= radius_px
    drawn = inside.reshape(SIDE, 16, SIDE, 16).mean(axis=(1, 3))
    return drawn / drawn.sum()


def wall(metres: float) -> DepthMap:
    """All at one distance, but a corner in focus, far from the point."""
    disparity = np.full((SIDE, SIDE), 1 / metres, np.float32)
    disparity[:24, :24] = 1 / FOCUS_M
    return DepthMap(disparity, metric=True)


@pytest.mark.parametrize("metres", [6.0, 1.3])
def test_each_colour_has_the_disc_of_where_it_comes_to_focus(metres: float) -> None:
    light = srgb_to_linear(Renderer(OPTIONS).render(POINT, depth=wall(metres)))
    opening, sensor = FOCAL_MM / N, image_mm(FOCUS_M)
    for color, later_mm in enumerate((AXIAL_MM, 0.0, AXIAL_MM)):
        comes_to_focus = image_mm(metres) + later_mm
        # Similar triangles, where the small change of the distance to the lens counts for nothing.
        radius = abs(sensor - comes_to_focus) * opening / image_mm(metres) / 2 * SIDE / SENSOR_MM
        expected = disc(radius)
        np.testing.assert_allclose(light[..., color], expected, atol=0.15 * expected.max())
        size, wanted = (math.sqrt((SQUARE * values).sum()) for values in (light[..., color], expected))
        assert size == pytest.approx(wanted, rel=0.02)
        assert light[..., color].sum() == pytest.approx(1.0, abs=0.02)


def test_green_and_what_is_in_focus_stay_as_they_are() -> None:
    photo = np.random.default_rng(2).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    plain, axial = (Renderer(replace(OPTIONS, axial=mm)).render(photo, depth=wall(6.0)) for mm in (0.0, AXIAL_MM))
    np.testing.assert_array_equal(axial[..., 1], plain[..., 1])
    np.testing.assert_array_equal(axial[:12, :12], photo[:12, :12])
    assert (axial[60:, 60:, ::2] != plain[60:, 60:, ::2]).mean() > 0.5
    kept = Renderer(OPTIONS).render(photo, depth=DepthMap(np.full((SIDE, SIDE), 1 / FOCUS_M, np.float32), metric=True))
    np.testing.assert_array_equal(kept, photo)


def test_a_scene_with_a_subject_is_drawn_colour_by_colour() -> None:
    """As two lenses without axial colour whose discs have the radii that it gives green, and red and blue."""
    nothing, far = np.zeros((SIDE, SIDE), np.float32), np.full((SIDE, SIDE), -1.0, np.float32)
    lens = LensSettings(0.05, highlight_gain=1.0, axial=0.01)
    found, _ = draw(POINT, nothing, far, lens)
    for color, blur in enumerate((0.04, 0.05, 0.04)):
        expected, _ = draw(POINT, nothing, far, replace(lens, blur=blur, axial=0.0))
        np.testing.assert_allclose(found[..., color], expected[..., color], atol=1e-5)
    whole, kept = draw(POINT, nothing + 1, far, lens)
    np.testing.assert_allclose(whole, POINT, atol=1e-6)
    assert kept.min() == 1.0


def test_axial_colour_is_refused_beyond_what_lenses_have() -> None:
    with pytest.raises(ValueError, match="axial must be"):
        RenderOptions(axial=2.0)
