"""A tilted lens against the geometry of its plane of focus, worked out here in metres."""

import math
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from wideopen import Renderer, RenderOptions
from wideopen.lens.lens_settings import LensSettings, settings_for_map
from wideopen.lens.matte_lens import draw
from wideopen.lens.thin_lens import PRESETS
from wideopen.photo.depth_map import DepthMap

HEIGHT, WIDTH, FOCUS_M = 300, 400, 3.0
DOWN = np.arange(HEIGHT) + 0.5 - HEIGHT / 2
PHOTO = np.random.default_rng(4).integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
OPTIONS = RenderOptions(aperture=2.0, lens="50mm", focus="0.5,0.5", grain=0.0, highlights=1.0)


def plane_of_focus(tilt_deg: float) -> NDArray[np.float32]:
    """HxW disparity (1/m) of the plane that a lens of 50 mm focuses on: through a hinge line below, and 3 m ahead."""
    lens = replace(PRESETS["50mm"], focus_distance_m=FOCUS_M)
    focal = lens.focal_length_mm / 1000
    image = focal / (1 - focal / FOCUS_M)  # Distance of the sensor from the lens.
    hinge = focal / math.sin(math.radians(tilt_deg))
    below = DOWN * lens.sensor_height_mm / 1000 / HEIGHT / image  # A ray falls so far for each metre ahead.
    # It meets the plane z = s (1 + y / hinge), with y = -below z, at this distance.
    return np.repeat((1 / FOCUS_M + below / hinge)[:, None], WIDTH, axis=1).astype(np.float32)


@pytest.mark.parametrize("tilt", [4.0, -4.0])
def test_the_plane_that_the_hinge_rule_gives_is_sharp(tilt: float) -> None:
    depth = DepthMap(plane_of_focus(tilt), metric=True)
    kept = Renderer(replace(OPTIONS, tilt=tilt)).render(PHOTO, depth=depth)
    np.testing.assert_array_equal(kept, PHOTO)
    upright = Renderer(OPTIONS).render(PHOTO, depth=depth)
    changed = (upright != PHOTO).any(axis=(1, 2))
    assert changed[:60].all() and changed[-60:].all() and not changed[149:151].any()


@pytest.mark.parametrize(("direction", "axis"), [(0.0, 0), (90.0, 1)])
def test_on_a_flat_wall_a_line_through_the_point_is_sharp(direction: float, axis: int) -> None:
    depth = DepthMap(np.full((HEIGHT, WIDTH), 1 / FOCUS_M, np.float32), metric=True)
    options = replace(OPTIONS, tilt=6.0, tilt_direction=direction, focus="0.25,0.25")
    done = Renderer(options).render(PHOTO, depth=depth)
    same = (done == PHOTO).all(axis=(1 - axis, 2))
    line, slope = (HEIGHT, WIDTH)[axis] // 4, math.sin(math.radians(6)) / (2 * 2.0)
    sharp = 0.5 / slope  # So far from the line a disc lies within its pixel.
    away = np.abs(np.arange(len(same)) + 0.5 - line)
    assert same[away < sharp - 2].all() and not same[away > sharp + 4].any()
    lens = settings_for_map(PHOTO, depth, options)
    radius = lens.radius_in(depth.disparity, PHOTO.shape)
    np.testing.assert_allclose(radius.mean(axis=1 - axis), slope * (np.arange(len(same)) + 0.5 - line), atol=1e-3)


def test_a_subject_is_blurred_by_tilt_like_a_wall() -> None:
    """Of a scene, subject and background in one plane are what the background alone is."""
    photo, nothing = PHOTO.astype(np.float32) / 255, np.zeros((HEIGHT, WIDTH), np.float32)
    lens = LensSettings(0.02, highlight_gain=1.0, tilt=(0.0, 0.03))
    half = nothing.copy()
    half[:, : WIDTH // 2] = 1.0
    wall, kept = draw(photo, nothing, nothing, lens)
    both, _ = draw(photo, half, nothing, lens)
    np.testing.assert_allclose(both, wall, atol=2e-3)
    assert kept[148:152].min() > 0.99 and kept[:100].max() < 0.05


def test_a_range_leans_as_a_whole() -> None:
    """Untilted it is as deep everywhere, and so it stays: only where it begins and ends follows the plane."""
    lens = LensSettings(0.02, focus=0.2, focus_to=0.8, tilt=(0.0, 0.03))
    one, short = LensSettings(0.02, tilt=(0.0, 0.03)), min(HEIGHT, WIDTH)
    lean = 0.03 * DOWN / (0.02 * short)  # Disparity by which the focus differs from the untilted.
    for share, blurred in ((-0.1, True), (0.0, False), (0.5, False), (1.0, False), (1.1, True)):
        plane = np.repeat((0.2 + 0.6 * share + lean)[:, None], WIDTH, axis=1).astype(np.float32)
        radius = lens.radius_in(plane, PHOTO.shape)
        expected = 0.02 * short * (-0.06 if share > 1 else 0.06) if blurred else 0.0
        np.testing.assert_allclose(radius, expected, atol=1e-4)
    flat = np.zeros((HEIGHT, WIDTH), np.float32)
    np.testing.assert_allclose(one.radius_in(flat, PHOTO.shape)[:, 0], 0.03 * DOWN, atol=1e-4)


def test_tilt_is_refused_beyond_what_a_lens_can_do() -> None:
    with pytest.raises(ValueError, match="tilt must be"):
        RenderOptions(tilt=60.0)
