"""Photos whose light is true, far above white and below black: kept where sharp, mixed without loss where blurred."""

import math

import numpy as np
import pytest

from wideopen import Renderer
from wideopen.photo.photo import Photo

pytestmark = pytest.mark.slow

HEIGHT, WIDTH = 240, 400


def light() -> np.ndarray:
    """Faint noise, lamps of up to 500 times white, and a spot below 0, all in the middle."""
    rng = np.random.default_rng(0)
    found = (rng.random((HEIGHT, WIDTH, 3)) * 0.5 - 0.02).astype(np.float32)
    for y, x in zip(rng.integers(80, 160, 12), rng.integers(150, 280, 12), strict=True):
        found[y : y + 3, x : x + 3] = rng.random(3) * 500
    found[120:124, 200:204] = -3
    return found


def stripe() -> np.ndarray:
    """Depth: something near at the left, in focus; the rest is one plane far behind."""
    found = np.full((HEIGHT, WIDTH), 0.2, np.float32)
    found[:, :40] = 1
    return found


@pytest.mark.parametrize("given", ["depth", "matte"])
def test_off_is_bit_for_bit(given: str) -> None:
    photo = Photo(light(), format="TIFF")
    options = {given: stripe()}
    done, _ = Renderer(aperture=math.inf).render_photo(photo, **options)
    np.testing.assert_array_equal(done.pixels, photo.pixels)


@pytest.mark.parametrize("aperture", [1.4, 4.0])
def test_energy_is_kept_by_a_depth_map(aperture: float) -> None:
    photo = Photo(light(), format="TIFF")
    done, _ = Renderer(aperture=aperture, focus=(0.02, 0.5), highlights=8.0).render_photo(photo, stripe())
    assert np.isfinite(done.pixels).all() and 1 < done.pixels[:, 60:].max() < 200
    for channel in range(3):
        energy = [picture[..., channel].sum(dtype=np.float64) for picture in (photo.pixels, done.pixels)]
        assert energy[1] == pytest.approx(energy[0], rel=1e-3)
    np.testing.assert_array_equal(done.pixels[:, :20], photo.pixels[:, :20])


def test_energy_is_kept_by_a_matte() -> None:
    """All is background; the border, into which blurs mirror, is as dark as everything around the lamps."""
    photo = Photo(light(), format="TIFF")
    done, _ = Renderer(aperture=1.4).render_photo(photo, matte=np.zeros((HEIGHT, WIDTH), np.float32))
    assert np.isfinite(done.pixels).all() and 1 < done.pixels.max() < 200 and done.pixels.min() < 0
    assert done.pixels.sum(dtype=np.float64) == pytest.approx(photo.pixels.sum(dtype=np.float64), rel=1e-3)


def test_brighter_light_makes_brighter_discs() -> None:
    """Nothing on the way is clipped: twice the light is twice the picture, but for what a matte's edge is drawn by."""
    photo = light()
    lens = Renderer(aperture=2.0, focus=(0.02, 0.5))
    once, twice = (lens.render_photo(Photo(photo * gain, format="TIFF"), stripe())[0].pixels for gain in (1, 2))
    np.testing.assert_allclose(twice, 2 * once, rtol=2e-3, atol=2e-3)


def test_made_smaller_for_the_lens() -> None:
    """A photo larger than the canvas: lamps keep their light as the canvas is made."""
    photo = np.kron(light(), np.ones((4, 4, 1), np.float32))
    done, _ = Renderer(aperture=1.4).render_photo(
        Photo(photo, format="TIFF"), matte=np.zeros((HEIGHT, WIDTH), np.float32)
    )
    assert done.pixels.sum(dtype=np.float64) == pytest.approx(photo.sum(dtype=np.float64), rel=1e-3)
