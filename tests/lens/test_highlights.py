"""What is taken for a lamp, and what is not."""

import numpy as np
import pytest

from lamp_scenes import paint, spots, with_lamps
from wideopen.lens.highlights import lamp_certainty, lamp_weight, line_length, raise_lamps


@pytest.mark.parametrize("size", [1, 2, 5, 7])
@pytest.mark.parametrize("gain", [1.5, 4.0, 20.0])
def test_a_small_white_spot_is_a_lamp(size: int, gain: float) -> None:
    scene = with_lamps(size)
    raised = raise_lamps(scene, gain)
    lamps = scene.min(axis=2) == 1
    np.testing.assert_allclose(raised[lamps], gain, rtol=1e-5)
    np.testing.assert_array_equal(raised[~lamps], scene[~lamps])


@pytest.mark.parametrize("name", paint())
def test_paint_is_not_raised(name: str) -> None:
    scene = paint()[name]
    raised = raise_lamps(scene, 4.0)
    unchanged = (raised == scene).all(axis=2)
    assert unchanged.mean() > 0.998, "but for ends of lines at the photo's border"


def test_lamps_keep_their_hue() -> None:
    scene = with_lamps(4, (1.0, 0.96, 0.93))
    raised = raise_lamps(scene, 4.0)[102, 152]
    assert raised[0] > 1.2
    np.testing.assert_allclose(raised / raised[0], [1.0, 0.96, 0.93], rtol=1e-5)


def test_one_gain_is_no_gain() -> None:
    scene = with_lamps(4)
    np.testing.assert_array_equal(raise_lamps(scene, 1.0), scene)


@pytest.mark.parametrize(("fraction", "certainty"), [(0.0, 1.0), (0.005, 1.0), (0.055, 0.5), (0.1, 0.0)])
def test_lamps_that_fill_much_of_a_photo_are_none(fraction: float, certainty: float) -> None:
    assert lamp_certainty(spots(fraction)) == pytest.approx(certainty, abs=0.03)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3, 2), (40, 2000)])
def test_any_size(size: tuple[int, int]) -> None:
    scene = np.ones((*size, 3), np.float32)
    raised = raise_lamps(scene, 4.0)
    assert raised.shape == scene.shape and np.isfinite(raised).all()


@pytest.mark.parametrize(
    ("darkest", "around", "weight"),
    [
        (1.0, 0.1, 1.0), (1.0, 0.2, 1.0), (1.0, 0.35, 0.5), (1.0, 0.5, 0.0), (1.0, 0.9, 0.0),
        (0.9, 0.1, 0.0), (0.95, 0.1, 0.25), (0.98, 0.35, 0.32),
    ],
)  # fmt: skip
def test_a_lamp_is_clipped_in_every_channel_and_stands_before_the_dark(
    darkest: float, around: float, weight: float
) -> None:
    light = np.array([[[1.0, darkest, 1.0]]], np.float32)
    assert lamp_weight(light, np.full((1, 1), around, np.float32))[0, 0] == pytest.approx(weight, abs=1e-3)


@pytest.mark.parametrize(("short", "length"), [(10, 3), (100, 5), (200, 11), (400, 21), (1000, 51)])
def test_the_largest_lamp_is_a_twentieth_of_the_short_side(short: int, length: int) -> None:
    assert line_length(short, 2 * short) == line_length(3 * short, short) == length
