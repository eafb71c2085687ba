"""Blur of one and of many radii, against a gather pixel by pixel."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wideopen.lens.apertures import Aperture, kernel
from wideopen.lens.defocus import bank_position, blur, blur_part, convolve, signed_bank

Float = NDArray[np.float32]


def draw(height: int, width: int, seed: int = 1) -> Float:
    """A picture with detail of a few px; linear in [0, 1]."""
    noise = np.random.default_rng(seed).random((height, width, 3)).astype(np.float32)
    return np.clip((cv2.GaussianBlur(noise, (0, 0), 1.2) - 0.5) * 3 + 0.5, 0, 1).astype(np.float32)


@pytest.mark.parametrize("radius", [0.0, 0.5, 0.8, 1.5, 4.0, 14.3, 40.0])
def test_disc_is_normalised_and_of_the_radius_asked_for(radius: float) -> None:
    disc = kernel(radius).astype(np.float64)
    assert disc.sum() == pytest.approx(1.0, abs=1e-5)
    assert (disc >= 0).all()
    np.testing.assert_array_equal(disc, disc[::-1].T)
    axis = np.arange(len(disc)) - len(disc) // 2
    # A disc of radius r has a mean squared distance of r^2 / 2 from its centre.
    measured = np.sqrt(2 * (disc * (axis**2 + axis[:, None] ** 2)).sum())
    assert measured == pytest.approx(radius if radius > 0.5 else 0.0, abs=0.35)


def test_variable_blur_equals_a_gather_pixel_by_pixel() -> None:
    image = draw(40, 44)
    radius = (np.linspace(0, 6, 40)[:, None] + np.linspace(0, 1.5, 44)).astype(np.float32)
    padded = np.pad(image, ((12, 12), (12, 12), (0, 0)), mode="symmetric").astype(np.float64)
    expected = np.empty(image.shape)
    for y, x in np.ndindex(40, 44):
        disc = kernel(float(radius[y, x])).astype(np.float64)
        n = len(disc) // 2
        window = padded[y + 12 - n : y + 13 + n, x + 12 - n : x + 13 + n]
        expected[y, x] = (disc[..., None] * window).sum(axis=(0, 1))
    seen = blur(image, radius)
    assert -10 * np.log10(np.mean((seen - expected) ** 2)) > 48
    np.testing.assert_array_equal(seen[radius <= 0.5], image[radius <= 0.5])


def test_no_dark_borders() -> None:
    flat = np.full((50, 60, 3), 0.6, np.float32)
    radius = np.tile(np.arange(60, dtype=np.float32) * np.float32(0.2), (50, 1))
    np.testing.assert_allclose(blur(flat, radius), 0.6, atol=1e-5)


@pytest.mark.parametrize("radius", [33.0, 60.0, 140.0])
def test_large_discs_at_a_fraction_of_the_size_equal_those_at_full_size(radius: float) -> None:
    image = draw(300, 340)
    n = len(kernel(radius)) // 2
    full = cv2.filter2D(image, -1, kernel(radius), borderType=cv2.BORDER_REFLECT)
    error = convolve(image, radius, coarse=True) - full
    assert -10 * np.log10(np.mean(error**2)) > 48
    lamp = np.zeros((2 * n + 41, 2 * n + 41, 1), np.float32)
    lamp[n + 20, n + 20] = 1.0
    assert convolve(lamp, radius, coarse=True).sum() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.parametrize("more", range(4))
@pytest.mark.parametrize("radius", [12, 48])
def test_a_picture_of_any_size_has_whole_coarse_pixels(more: int, radius: int) -> None:
    """Light that grows to the right and down evenly is its own mean, away from the borders."""
    reach = radius + 8
    image = np.dstack(np.mgrid[: 2 * reach + 13 + more, : 2 * reach + 22 - more]).astype(np.float32)
    error = convolve(image, float(radius), coarse=True) - image
    assert np.abs(error[reach:-reach, reach:-reach]).max() < 0.01


def test_a_window_is_a_part_of_the_whole() -> None:
    image = draw(90, 110)
    for aperture in (Aperture(), Aperture(blades=5, vignette=0.5)):
        for radius in (-6.0, 3.0, 20.0):
            whole = blur_part(image, radius, (0, 90), (0, 110), aperture)
            part = blur_part(image, radius, (30, 70), (20, 101), aperture)
            np.testing.assert_allclose(part, whole[30:70, 20:101], atol=2e-6)


def test_a_narrow_kernel_is_placed_where_it_belongs() -> None:
    image, narrow = draw(60, 64), Aperture(vignette=0.8)
    for place in ((0.7, 0.7), (-0.9, 0.1), (0.2, -0.8)):
        shape = np.ascontiguousarray(kernel(12.0, narrow, place)[::-1, ::-1])
        full = cv2.filter2D(image, -1, shape, borderType=cv2.BORDER_REFLECT)
        np.testing.assert_allclose(convolve(image, 12.0, narrow, place=place), full, atol=2e-6)


def test_the_bank_goes_from_front_to_back_through_the_identity() -> None:
    radii = signed_bank(-5.3, 9.1)
    assert radii[0] == np.float32(-5.3) and radii[-1] == np.float32(9.1)
    assert (np.diff(radii) > 0).all() and 0.0 in radii
    position = bank_position(np.array([[-5.3, -0.4, 0.0, 0.5, 9.1]], np.float32), radii)
    zero = int(np.flatnonzero(radii == 0)[0])
    np.testing.assert_allclose(position[0], [0, zero, zero, zero, len(radii) - 1])
    np.testing.assert_array_equal(signed_bank(0.0, 0.3), [0.0])


@pytest.mark.parametrize("coarse", [False, True])
def test_a_piece_is_vignetted_as_its_place_in_the_whole_picture_is(coarse: bool) -> None:
    image = np.random.default_rng(5).random((160, 240, 3)).astype(np.float32)
    image = cv2.GaussianBlur(image, (0, 0), 3)
    aperture, radius = Aperture(vignette=0.6), 9.0
    wanted = blur_part(image, radius, (0, 160), (0, 240), aperture)
    piece = image[80:, 120:]
    found = blur_part(piece, radius, (40, 80), (60, 120), aperture, whole=((160, 240), (80, 120)), coarse=coarse)
    assert np.abs(found - wanted[120:, 180:]).max() < (0.01 if coarse else 1e-5)
    alone = blur_part(piece, radius, (40, 80), (60, 120), aperture)
    assert np.abs(alone - wanted[120:, 180:]).max() > 0.015
