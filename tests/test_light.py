import numpy as np
import pytest

from wideopen.light import lamp_share, linear_to_srgb, restore_highlights, roll_off_highlights, srgb_to_linear


def test_srgb_curve_at_known_values() -> None:
    # IEC 61966-2-1: the linear toe, mid grey, and the ends.
    encoded = np.array([0.0, 0.04045, 0.2, 0.5, 1.0], np.float32)
    expected = [0.0, 0.0031308, 0.0331048, 0.2140411, 1.0]
    np.testing.assert_allclose(srgb_to_linear(encoded), expected, atol=2e-6)
    np.testing.assert_allclose(linear_to_srgb(np.array(expected, np.float32)), encoded, atol=1e-5)


def test_all_8_bit_values_survive_the_round_trip() -> None:
    values = np.arange(256, dtype=np.uint8)
    back = linear_to_srgb(srgb_to_linear(values.astype(np.float32) / 255))
    assert back.dtype == np.float32
    np.testing.assert_array_equal(np.rint(back * 255), values)


@pytest.mark.parametrize("gain", [1.0, 1.5, 4.0, 20.0])
def test_roll_off_undoes_restore(gain: float) -> None:
    linear = np.random.default_rng(0).random((40, 50, 3), np.float32)
    linear[0, 0] = 1.0
    raised = restore_highlights(linear, gain)
    assert raised.max() == pytest.approx(gain, rel=1e-5)
    np.testing.assert_allclose(roll_off_highlights(raised, gain), linear, atol=2e-6)


def test_restore_leaves_what_is_below_the_threshold_and_keeps_hue() -> None:
    linear = np.array([[[0.7, 0.2, 0.1], [0.95, 0.38, 0.19]]], np.float32)
    raised = restore_highlights(linear, 4.0, threshold=0.75)
    np.testing.assert_allclose(raised[0, 0], linear[0, 0], rtol=1e-6)
    assert raised[0, 1, 0] > 1.5
    np.testing.assert_allclose(raised[0, 1] / raised[0, 1, 0], linear[0, 1] / linear[0, 1, 0], rtol=1e-5)


def test_restore_grows_with_brightness() -> None:
    grey = np.repeat(np.linspace(0, 1, 200, dtype=np.float32)[:, None, None], 3, axis=2)
    assert (np.diff(restore_highlights(grey, 8.0)[:, 0, 0]) > 0).all()


@pytest.mark.parametrize(
    ("brightness", "of_the_photo", "share"), [(1.0, 0.005, 1.0), (0.8, 0.3, 0.0), (0.8, 0.055, 0.5), (0.7, 0.5, 1.0)]
)
def test_what_would_be_raised_counts_as_lamps_only_if_it_is_small(
    brightness: float, of_the_photo: float, share: float
) -> None:
    """A pale sky, though nowhere clipped, would shine as lamps do."""
    linear = np.full((1000, 10, 3), 0.2, np.float32)
    linear[: round(1000 * of_the_photo), :, 1] = brightness
    assert lamp_share(linear) == pytest.approx(share, abs=1e-6)
