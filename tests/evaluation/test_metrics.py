"""Metrics against scikit-image, scipy and hand computations."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2lab
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from wideopen.evaluation.metrics import chroma_shift, psnr, psnr_gain_matched
from wideopen.evaluation.ssim import ssim_gaussian11
from wideopen.image.color import linear_to_srgb, srgb_to_linear

Image = np.ndarray


def picture(seed: int, shape: tuple[int, int] = (70, 91)) -> Image:
    """A smooth field with some grain, as photos are."""
    rng = np.random.default_rng(seed)
    field = gaussian_filter(rng.random((*shape, 3)), (6, 6, 0))
    field = (field - field.min()) / np.ptp(field)
    return np.clip(field + 0.03 * rng.standard_normal(field.shape), 0, 1).astype(np.float32)


@pytest.mark.parametrize("seed", range(4))
def test_psnr_and_ssim_equal_scikit_image(seed: int) -> None:
    x, y = picture(seed), np.clip(picture(seed) * 0.9 + 0.1 * picture(seed + 50), 0, 1)
    assert psnr(x, y) == pytest.approx(peak_signal_noise_ratio(y, x, data_range=1), abs=1e-4)
    wanted = structural_similarity(
        x.astype(float), y.astype(float), gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        data_range=1.0, channel_axis=2,
    )  # fmt: skip
    assert abs(ssim_gaussian11(x, y) - wanted) < 1e-5


def test_ssim_of_nearly_white_areas_keeps_its_digits() -> None:
    x = (0.97 + 0.02 * picture(1)).astype(np.float32)
    y = np.full_like(x, 0.98)
    wanted = structural_similarity(
        x.astype(float), y.astype(float), gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        data_range=1.0, channel_axis=2,
    )  # fmt: skip
    assert abs(ssim_gaussian11(x, y) - wanted) < 1e-5


def test_equal_images_score_full_marks() -> None:
    x = picture(2)
    assert psnr(x, x) == psnr_gain_matched(x, x) == 100
    assert ssim_gaussian11(x, x) == pytest.approx(1, abs=1e-6)
    assert chroma_shift(x, x) == 0


def test_weighted_psnr_counts_pixels_by_weight() -> None:
    x, y = np.zeros((2, 2, 3), np.float32), np.zeros((2, 2, 3), np.float32)
    y[0, 0], y[1, 1] = 0.1, 0.5
    weights = np.array([[1, 0], [0, 0.5]], np.float32)
    error = (1 * 0.01 + 0.5 * 0.25) / 1.5
    assert psnr(x, y, weights) == pytest.approx(-10 * np.log10(error), abs=1e-4)
    assert psnr(x, y, np.ones((2, 2), np.float32)) == pytest.approx(psnr(x, y), abs=1e-5)
    assert np.isnan(psnr(x, y, np.zeros((2, 2), np.float32)))


def test_gain_matching_undoes_exposure_in_linear_light() -> None:
    y = picture(3)
    darker = linear_to_srgb(srgb_to_linear(y) / 2)  # one stop
    assert psnr(darker, y) < 25
    assert psnr_gain_matched(darker, y) > 90
    black = np.zeros_like(y)
    assert psnr_gain_matched(black, y) == psnr(black, y)


def test_gain_is_the_least_squares_one() -> None:
    x, y = picture(4), picture(5)
    a, b = srgb_to_linear(x).ravel().astype(float), srgb_to_linear(y).ravel().astype(float)
    gain = np.linalg.lstsq(a[:, None], b, rcond=None)[0][0]
    wanted = psnr(np.clip(linear_to_srgb((srgb_to_linear(x) * gain).astype(np.float32)), 0, 1), y)
    assert psnr_gain_matched(x, y) == pytest.approx(wanted, abs=1e-4)


def test_chroma_shift_equals_slow_reference() -> None:
    x, y = picture(6, (150, 180)), picture(7, (150, 180))
    lab = [
        np.stack([gaussian_filter(rgb2lab(image)[..., c], 16, mode="mirror", truncate=4) for c in (1, 2)])
        for image in (x, y)
    ]
    wanted = np.abs(lab[0] - lab[1]).mean()
    assert wanted > 1
    assert chroma_shift(x, y) == pytest.approx(wanted, rel=2e-3)


def test_chroma_shift_sees_casts_and_not_brightness_or_blur() -> None:
    x = picture(8, (150, 180))
    grey = np.repeat(x[..., :1], 3, axis=2)
    assert chroma_shift(grey, grey * np.float32(0.7)) < 0.01
    soft = gaussian_filter(x, (3, 3, 0))
    cast = np.clip(x * np.float32([1.1, 1, 0.9]), 0, 1)
    assert chroma_shift(x, soft) < 1 < 2 < chroma_shift(x, cast)


@pytest.mark.parametrize("metric", [psnr, psnr_gain_matched, ssim_gaussian11, chroma_shift])
def test_wrong_images_are_refused(metric) -> None:  # noqa: ANN001
    x = picture(9)
    with pytest.raises(ValueError, match="same size"):
        metric(x, x[:-1])
    with pytest.raises(ValueError, match="float images"):
        metric((x * 255).astype(np.uint8), (x * 255).astype(np.uint8))


def test_too_small_for_a_window() -> None:
    with pytest.raises(ValueError, match="11 px"):
        ssim_gaussian11(picture(1)[:10], picture(1)[:10])
    with pytest.raises(ValueError, match="weights must be"):
        psnr(picture(1), picture(1), np.ones((3, 3), np.float32))
