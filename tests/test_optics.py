import math

import pytest

from wideopen.optics import PRESETS, Lens


def test_blur_is_the_textbook_circle_of_confusion() -> None:
    # c = f^2 |d - s| / (N d (s - f)), all in mm: 85 mm f/1.4 focused at 1.5 m, a point at 4 m.
    lens = Lens(focal_length_mm=85, f_number=1.4, focus_distance_m=1.5, sensor_height_mm=24)
    expected_mm = 85**2 * (4000 - 1500) / (1.4 * 4000 * (1500 - 85))
    assert lens.blur_diameter_mm(4.0) == pytest.approx(expected_mm)
    assert lens.blur_radius_px(4.0, 1600) == pytest.approx(expected_mm / 2 * 1600 / 24)


def test_ebb_at_infinity_is_two_point_four_percent_of_the_short_side() -> None:
    lens = PRESETS["ebb"]
    assert lens.blur_diameter_mm(math.inf) == pytest.approx(2500 / (1.8 * 1950))
    assert lens.blur_radius_px(math.inf, 1000) == pytest.approx(23.9, abs=0.05)


def test_blur_is_linear_in_disparity() -> None:
    lens = PRESETS["ebb"]
    k = lens.blur_px_per_disparity(1024)
    for distance_m in (0.7, 1.0, 2.0, 5.0, 100.0):
        expected = k * abs(1 / distance_m - lens.focus_disparity_per_m)
        assert lens.blur_radius_px(distance_m, 1024) == pytest.approx(expected)
    assert lens.blur_radius_px(2.0, 1024) == 0.0


def test_halving_the_f_number_doubles_the_blur() -> None:
    wide, narrow = Lens(50, 1.8, 2.0, 14.9), Lens(50, 3.6, 2.0, 14.9)
    assert wide.blur_px_per_disparity(800) == pytest.approx(2 * narrow.blur_px_per_disparity(800))


@pytest.mark.parametrize("values", [(0, 1.8, 2, 14.9), (50, -1, 2, 14.9), (50, 1.8, 0.05, 14.9), (50, 1.8, 2, 0)])
def test_lenses_that_cannot_be(values: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Lens(*values)
