import numpy as np

from wideopen.image.color import linear_to_srgb, srgb_to_linear


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
