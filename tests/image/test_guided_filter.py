"""Maps at working size, against slow and obvious references."""

import cv2
import numpy as np
import pytest
from scipy.ndimage import distance_transform_edt

from reference.guided_filter import guided_filter
from wideopen.image.guided_filter import guided_coefficients, hidden_texture, share_kept
from wideopen.image.inpaint import fill


@pytest.mark.parametrize(("radius", "eps"), [(1, 1e-2), (4, 2e-4)])
def test_guided_filter_is_the_papers(radius: int, eps: float) -> None:
    rng = np.random.default_rng(0)
    guide = cv2.GaussianBlur(rng.random((24, 31, 3), np.float32), (0, 0), 1)
    values = (guide[..., 0] > 0.5).astype(np.float32)
    model = guided_coefficients(guide, values, radius, eps)
    ours = (model[..., :3] * guide).sum(axis=2) + model[..., 3]
    np.testing.assert_allclose(ours, guided_filter(guide, values, radius, eps), atol=2e-4)


def test_guided_filter_keeps_a_constant() -> None:
    guide = np.random.default_rng(0).random((20, 20, 3), np.float32)
    model = guided_coefficients(guide, np.full((20, 20), 0.3, np.float32))
    np.testing.assert_allclose((model[..., :3] * guide).sum(axis=2) + model[..., 3], 0.3, atol=1e-5)


def test_hidden_texture_is_the_variance_inside_each_pixel_that_is_one_thing() -> None:
    rng = np.random.default_rng(0)
    photo = 0.5 + 0.1 * rng.standard_normal((60, 80, 3)).astype(np.float32)
    photo[:, 42:] += 0.3  # An edge inside the pixels of column 10, which is to count for nothing.
    apart = np.ones((15, 20), np.float32)
    apart[:, 10] = 0
    found = hidden_texture(photo, apart, radius=2)
    grey = photo.mean(axis=2)
    inside = np.array([[grey[4 * y : 4 * y + 4, 4 * x : 4 * x + 4].var() for x in range(20)] for y in range(15)])
    for y, x in ((2, 2), (7, 10), (9, 12), (12, 17)):
        window = np.s_[y - 2 : y + 3, x - 2 : x + 3]
        expected = inside[window][apart[window] == 1].mean()
        assert abs(found[y, x] / expected - 1) < (0.2 if abs(x - 10) <= 2 else 1e-3)


def test_texture_counts_as_noise_of_the_guide() -> None:
    """The model of a guide with brightness noise is that of the clean one, told how much of it there is."""
    rng = np.random.default_rng(0)
    clean = cv2.GaussianBlur(rng.random((80, 90, 3), np.float32), (0, 0), 2)
    values = (clean[..., 0] > 0.5).astype(np.float32)
    noisy = clean + 0.05 * rng.standard_normal((80, 90, 1)).astype(np.float32)
    told = guided_coefficients(clean, values, 8, texture=np.full((80, 90), 0.05**2, np.float32))
    seen, plain = guided_coefficients(noisy, values, 8), guided_coefficients(clean, values, 8)
    inner = np.s_[20:-20, 20:-20, :3]
    assert np.abs(told - seen)[inner].mean() < 0.3 * np.abs(plain - seen)[inner].mean()


def test_fill_keeps_what_is_certain_and_spreads_it() -> None:
    rng = np.random.default_rng(0)
    values = cv2.GaussianBlur(rng.random((64, 80, 3), np.float32), (0, 0), 6)
    weight = np.ones((64, 80), np.float32)
    weight[20:40, 30:60] = 0
    spoilt = np.where(weight[..., None] > 0, values, 9).astype(np.float32)
    filled = fill(spoilt, weight)
    np.testing.assert_array_equal(filled[weight > 0], values[weight > 0])
    assert filled.max() <= values.max() + 1e-5 and filled.min() >= values.min() - 1e-5
    # About as good as taking the nearest known pixel, on the average.
    nearest = distance_transform_edt(weight == 0, return_distances=False, return_indices=True)
    hole = weight == 0
    error = np.abs(filled - values)[hole].mean()
    assert error < 1.2 * np.abs(values[tuple(nearest)] - values)[hole].mean()


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (3, 2)])
def test_fill_of_nothing_certain(size: tuple[int, int]) -> None:
    values = np.full((*size, 3), 0.25, np.float32)
    np.testing.assert_allclose(fill(values, np.zeros(size, np.float32)), 0.25)


def test_share_kept_tells_sharp_from_blurred() -> None:
    photo = np.random.default_rng(0).random((120, 160, 3), np.float32)
    bokeh = cv2.GaussianBlur(photo, (0, 0), 5)
    bokeh[:, :80] = photo[:, :80]
    share = share_kept(photo, bokeh)
    assert share[:, :70].min() > 0.95 and share[:, 90:].max() < 0.1


def test_share_kept_asks_around_where_the_photo_is_flat() -> None:
    photo = np.random.default_rng(0).random((120, 160, 3), np.float32)
    photo[40:80, 20:60] = 0.5
    bokeh = cv2.GaussianBlur(photo, (0, 0), 5)
    bokeh[:, :80] = photo[:, :80]
    assert share_kept(photo, bokeh)[40:80, 20:60].min() > 0.9
