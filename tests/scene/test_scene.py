"""What a scene says as one map, by its kinds of disparity."""

import numpy as np
import pytest

from wideopen.scene.background_depth import scene_depth
from wideopen.scene.scene import Disparity, Matte, Scale, Scene

OPACITY = np.zeros((40, 60), np.float32)
OPACITY[10:30, 20:40] = 1.0
RAMP = np.tile(np.linspace(-1.0, 2.0, 60, dtype=np.float32), (40, 1))
PHOTO = np.full((80, 120, 3), 90, np.uint8)


def scene(scale: Scale, values: np.ndarray, subject: float = 0.0, sure: float = 1.0) -> Scene:
    return Scene(PHOTO, Matte(OPACITY, "drawn", sure), Disparity(values, scale, "drawn"), subject=subject)


def test_a_map_in_units_of_the_subject_lies_in_one_and_is_nearest_where_the_scene_is() -> None:
    found = scene("subject", RAMP).depth_map
    assert not found.metric
    expected = np.where(OPACITY > 0.5, 1.0, 1.0 + RAMP) / 3.0
    np.testing.assert_allclose(found.disparity, expected, atol=1e-6)


def test_what_is_nearer_than_infinity_everywhere_is_not_stretched() -> None:
    """Where nothing is nearer than the subject, it is the nearest, 1."""
    found = scene("subject", RAMP.clip(-1.0, -0.5)).depth_map
    np.testing.assert_allclose(found.disparity, np.where(OPACITY > 0.5, 1.0, 1.0 + RAMP.clip(-1.0, -0.5)), atol=1e-6)


@pytest.mark.parametrize(("scale", "metric"), [("metres", True), ("none", False)])
def test_a_map_of_its_own_scale_keeps_it(scale: Scale, metric: bool) -> None:
    values = RAMP.clip(0.0, 1.0)
    made = scene(scale, values, subject=0.4)
    assert made.depth_map.metric == metric
    np.testing.assert_array_equal(made.depth_map.disparity, np.where(OPACITY > 0.5, np.float32(0.4), values))
    np.testing.assert_allclose(made.relative, (values - 0.4) / 0.4, atol=1e-6)
    assert made.unit == pytest.approx(0.4)


@pytest.mark.parametrize("sure", [0.5, 1.0])
def test_a_guess_is_the_subject_from_where_it_is_sure(sure: float) -> None:
    half = Scene(PHOTO, Matte(OPACITY / 2, "guessed", sure), Disparity(RAMP * 0 - 1, "subject", "drawn"))
    assert half.matte is not None and half.matte.exact == (sure == 1.0)
    np.testing.assert_allclose(half.whole, OPACITY * (0.5 / sure), atol=1e-6)


def test_focus_on_an_exact_matte_asks_no_network() -> None:
    made = scene("subject", RAMP)
    same, focus = made.focus_at("auto")
    assert same is made and focus == 0.0
    assert made.focus_at("0.5,0.5") == (made, 0.0)
    same, focus = made.focus_at("0.95,0.5")
    assert same is made and focus == pytest.approx(float(RAMP[20, 57]), abs=0.06)


def test_focus_in_a_map_is_counted_from_the_subject_in_its_units() -> None:
    made = scene("none", RAMP.clip(0.0, 1.0), subject=0.5)
    assert made.focus_at("auto")[1] == 0.0
    assert made.focus_at("0,0.5")[1] == pytest.approx((0.0 - 0.5) / 0.5)
    assert made.focus_at("1,0.5")[1] == pytest.approx((1.0 - 0.5) / 0.5)


def test_a_scene_is_as_deep_as_what_is_farthest_but_for_two_in_a_hundred() -> None:
    flat = np.ones((10, 100))
    assert scene_depth(flat) == 0.25
    flat[:, :30] = 0.4
    assert scene_depth(flat) == pytest.approx(0.6)
    flat[:, 30] = 0.0
    assert scene_depth(flat) == pytest.approx(0.6)
    flat[:, 31:33] = 0.0
    assert scene_depth(flat) == pytest.approx(1.0)
