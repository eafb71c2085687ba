"""Grain that is added here, measured and drawn again."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wideopen.image.grain import (
    BANDS,
    COARSEST_PX,
    MOST_UNEVEN,
    STRONGEST,
    Grain,
    lost_grain,
    measure_grain,
    sure_grain,
)
from wideopen.image.tiles import tiles

Float = NDArray[np.float32]
GREY = np.array([0.299, 0.587, 0.114])
LEVELS = (np.arange(BANDS) + 0.5) / BANDS


def gradient(height: int = 640, width: int = 960) -> Float:
    """Dark at the left, bright at the right, warmer towards the bottom."""
    y, x = np.mgrid[:height, :width].astype(np.float32)
    level = 0.08 + 0.84 * x / width
    return np.dstack([level, level * (1 - 0.05 * y / height), level * (1 - 0.1 * y / height)]).astype(np.float32)


def noise(shape: tuple[int, ...], seed: int = 0) -> Float:
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def grainy(strength: float | Float, dtype: type = np.uint8) -> NDArray:
    clean = gradient()
    values = (clean + strength * noise(clean.shape)).clip(0, 1)
    return np.rint(values * 255).astype(np.uint8) if dtype == np.uint8 else values.astype(dtype)


@pytest.mark.parametrize("strength", [1.0, 2.0, 3.5, 5.0])
def test_strength_is_that_of_the_noise_added(strength: float) -> None:
    """In steps of 8 bits, of which rounding adds 1/sqrt(12)."""
    grain = measure_grain(grainy(strength / 255))
    assert grain is not None
    np.testing.assert_allclose(grain.strength * 255, np.hypot(strength, 12**-0.5), rtol=0.15)


def test_strength_follows_brightness() -> None:
    """Twice the noise in the shadows: as much more as is taken for grain ends at MOST_UNEVEN times the least."""
    clean = gradient()
    slope = (4.0 - 1.4 * clean.mean(axis=2, keepdims=True)) / 255
    grain = measure_grain(grainy(slope, np.float32))
    assert grain is not None
    inside = (LEVELS > 0.12) & (LEVELS < 0.85)
    np.testing.assert_allclose(grain.strength[inside], (4.0 - 1.4 * LEVELS[inside]) / 255, rtol=0.15)
    assert grain.strength[1] > 1.15 * grain.strength[-2]


def test_a_flat_photo_of_one_brightness_is_enough() -> None:
    values = (0.4 + 2 / 255 * noise((320, 320, 3))).clip(0, 1)
    grain = measure_grain(values)
    assert grain is not None
    np.testing.assert_allclose(grain.strength, 2 / 255, rtol=0.15)


def test_types_of_photos_agree() -> None:
    values = grainy(3 / 255, np.float32)
    forms = [np.rint(values * 255).astype(np.uint8), np.rint(values * 65535).astype(np.uint16), values]
    found = [measure_grain(form) for form in forms]
    for grain in found:
        assert grain is not None and found[0] is not None
        np.testing.assert_allclose(grain.strength, found[0].strength, rtol=0.03)


def lag_one(field: Float, axis: int) -> float:
    """Autocorrelation of brightness at a distance of one pixel."""
    grey = field @ GREY
    return float((grey * np.roll(grey, 1, axis=axis)).mean() / (grey**2).mean())


@pytest.mark.parametrize("sigma", [(0.0, 0.0), (0.7, 0.7), (1.2, 0.5)])
def test_the_field_is_as_coarse_as_the_fine_part_of_the_grain(sigma: tuple[float, float]) -> None:
    raw = noise((640, 960, 3))
    coarse = raw if sigma == (0.0, 0.0) else cv2.GaussianBlur(raw, (0, 0), sigmaX=sigma[0], sigmaY=sigma[1])
    coarse *= 3 / 255 / coarse.std()
    grain = measure_grain((gradient() + coarse).clip(0, 1))
    assert grain is not None
    fine = coarse - cv2.GaussianBlur(coarse, (0, 0), COARSEST_PX)
    for axis in (0, 1):
        assert lag_one(grain.field, axis) == pytest.approx(lag_one(fine, axis), abs=0.06)
    assert grain.strength.mean() == pytest.approx(float(fine.std()), rel=0.1)


@pytest.mark.parametrize(
    "mixing",
    [
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
        [[1, 0, 0], [1, 0, 0], [1, 0, 0]],
        [[1.0, 0.3, 0.0], [0.3, 0.8, 0.0], [-0.4, 0.2, 1.2]],
    ],
)
def test_the_fields_colours_go_together_as_those_of_the_grain(mixing: list[list[float]]) -> None:
    colored = noise((640, 960, 3)) @ np.array(mixing, np.float32).T
    colored *= 3 / 255 / colored.std()
    grain = measure_grain((0.5 + colored).clip(0, 1))
    assert grain is not None
    drawn, expected = (np.cov(one.reshape(-1, 3).T) for one in (grain.field, colored * (255 / 3)))
    np.testing.assert_allclose(drawn, expected, atol=0.12)


def test_grey_grain_is_grey() -> None:
    grey = (gradient()[..., :1] + 2 / 255 * noise((640, 960, 1))).clip(0, 1).repeat(3, axis=2)
    grain = measure_grain(grey)
    assert grain is not None
    photo = np.full((600, 600, 3), 90, np.uint8)
    done = grain.add(photo, np.ones((600, 600), np.float32), (slice(0, 600), slice(0, 600)))
    assert done.std() > 1.5 and (done == done[..., :1]).all()


def test_the_field_repeats_without_a_seam_and_keeps_the_mean() -> None:
    grain = measure_grain(grainy(3 / 255))
    assert grain is not None
    assert np.abs(grain.field.mean(axis=(0, 1))).max() < 0.01
    inside = np.abs(np.diff(grain.field, axis=0)).mean()
    assert np.abs(grain.field[0] - grain.field[-1]).mean() == pytest.approx(inside, rel=0.15)


def test_the_same_photo_has_the_same_grain() -> None:
    first, second = measure_grain(grainy(3 / 255)), measure_grain(grainy(3 / 255))
    assert first is not None and second is not None
    np.testing.assert_array_equal(first.field, second.field)


def checker() -> Float:
    y, x = np.mgrid[:640, :960] // 4
    return (0.5 + 0.25 * ((x + y) % 2 - 0.5)[..., None]).repeat(3, axis=2).astype(np.float32)


def leaves() -> Float:
    """Coarse texture of all sizes, as strong everywhere."""
    found = sum(
        cv2.GaussianBlur(noise((640, 960, 3), seed), (0, 0), 1 + 2 * seed) * (1 + 4 * seed) for seed in (0, 1, 2)
    )
    return (0.5 + 0.15 * np.asarray(found) / np.std(found)).clip(0, 1).astype(np.float32)


@pytest.mark.parametrize("draw", [checker, leaves])
def test_texture_is_not_taken_for_more_grain_than_there_can_be(draw: Callable[[], Float]) -> None:
    grain = measure_grain(draw())
    assert grain is None or grain.strength.max() <= STRONGEST * (1 + 1e-6)


@pytest.mark.parametrize("draw", [checker, leaves])
def test_texture_in_half_of_the_photo_does_not_count(draw: Callable[[], Float]) -> None:
    values = grainy(2 / 255, np.float32)
    textured = draw()
    values[:320] = textured[:320] + 2 / 255 * noise((320, 960, 3), 5)
    grain = measure_grain(values.clip(0, 1))
    assert grain is not None
    np.testing.assert_allclose(grain.strength, 2 / 255, rtol=0.15)


def test_what_is_rough_at_one_brightness_alone_is_held_down() -> None:
    """Sand: bright, and with no flat place."""
    values = grainy(1.5 / 255, np.float32)
    values[:, 640:] += 0.02 * noise((640, 320, 3), 7)
    grain = measure_grain(values.clip(0, 1))
    assert grain is not None
    assert grain.strength.max() < 1.2 * MOST_UNEVEN * 1.5 / 255


@pytest.mark.parametrize(
    "photo",
    [
        np.full((640, 960, 3), 128, np.uint8),
        gradient(),
        np.zeros((640, 960, 3), np.uint8),
        np.full((640, 960, 3), 255, np.uint8),
        noise((90, 90, 3)).clip(0, 1),
        noise((1, 1, 3)).clip(0, 1),
        noise((31, 5000, 3)).clip(0, 1),
    ],
    ids=["flat", "noise-free gradient", "black", "white", "small", "one pixel", "narrow"],
)
def test_without_grain_or_room_to_measure_it_there_is_none(photo: NDArray) -> None:
    assert measure_grain(photo) is None


def large(values: Float) -> NDArray[np.uint8]:
    """1.5 megapixels and more of it."""
    return np.rint(np.tile(values, (2, 2, 1)).clip(0, 1) * 255).astype(np.uint8)


def test_grain_that_a_blurred_photo_lacks_is_its_own_at_the_share_asked_for() -> None:
    photo = large(gradient() + 2 / 255 * noise((640, 960, 3)))
    whole, half = lost_grain(photo, 1.0), lost_grain(photo, 0.5)
    assert whole is not None and half is not None
    np.testing.assert_allclose(whole.strength, 2 / 255, rtol=0.15)
    np.testing.assert_allclose(half.strength, whole.strength / 2, rtol=1e-6)
    assert lost_grain(photo, 0.0) is None


def test_what_is_too_rough_for_grain_is_none() -> None:
    photo = large(gradient() + 5 / 255 * noise((640, 960, 3)))
    assert measure_grain(photo) is not None
    assert sure_grain(photo) is None and lost_grain(photo, 1.0) is None


def test_a_small_photo_has_lost_its_grain_to_reducing() -> None:
    assert lost_grain(grainy(2 / 255), 1.0) is None


@pytest.fixture(scope="module")
def grain() -> Grain:
    found = measure_grain(grainy(3 / 255))
    assert found is not None
    return found


def as_type(values: Float, dtype: type) -> NDArray:
    if dtype == np.float32:
        return values.astype(np.float32)
    return np.rint(values * np.iinfo(dtype).max).astype(dtype)


def as_shares(pixels: NDArray) -> NDArray[np.float64]:
    return pixels.astype(np.float64) / (1.0 if pixels.dtype.kind == "f" else np.iinfo(pixels.dtype).max)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_grain_in_tiles_is_grain_in_one(grain: Grain, dtype: type) -> None:
    photo = as_type(gradient(700, 1100), dtype)
    amount = np.linspace(0, 1, 1100, dtype=np.float32)[None].repeat(700, axis=0)
    whole = grain.add(photo, amount, (slice(0, 700), slice(0, 1100)))
    assert whole.dtype == dtype
    in_tiles = np.zeros_like(photo)
    for tile in tiles(photo.shape, 160):
        in_tiles[tile] = grain.add(photo[tile], amount[tile], tile)
    np.testing.assert_array_equal(in_tiles, whole)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_added_grain_has_the_strength_and_keeps_the_brightness(grain: Grain, dtype: type) -> None:
    photo = as_type(np.full((512, 512, 3), 0.5, np.float32), dtype)
    added = as_shares(grain.add(photo, np.ones((512, 512), np.float32), (slice(0, 512), slice(512, 1024))))
    rounding = (1 / 255 if dtype == np.uint8 else 0) * 12**-0.5
    assert added.std() == pytest.approx(float(np.hypot(grain.strength[BANDS // 2], rounding)), rel=0.1)
    np.testing.assert_allclose(added.mean(axis=(0, 1)), as_shares(photo)[0, 0], atol=0.1 / 255)


def test_grain_left_and_grain_added_make_the_whole(grain: Grain) -> None:
    """Where the blur left 40 % of the grain, the sum is as strong as where it left none."""
    left = 0.4 * grain.strength[BANDS // 2] * noise((512, 512, 3), 9)
    amount = np.full((512, 512), 0.6, np.float32)
    added = grain.add((0.5 + left).astype(np.float32), amount, (slice(0, 512), slice(0, 512)))
    assert added.std() == pytest.approx(float(grain.strength[BANDS // 2]), rel=0.1)


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_where_no_grain_is_missing_nothing_changes(grain: Grain, dtype: type) -> None:
    photo = as_type(np.random.default_rng(4).random((90, 70, 3)).astype(np.float32), dtype)
    same = grain.add(photo, np.zeros((90, 70), np.float32), (slice(0, 90), slice(0, 70)))
    np.testing.assert_array_equal(same, photo)


def test_measured_again_the_added_grain_is_the_one_measured_first(grain: Grain) -> None:
    clean = gradient()
    added = grain.add(clean, np.ones(clean.shape[:2], np.float32), (slice(0, 640), slice(0, 960)))
    again = measure_grain(added)
    assert again is not None
    np.testing.assert_allclose(again.strength, grain.strength, rtol=0.15)
    assert lag_one(again.field, 0) == pytest.approx(lag_one(grain.field, 0), abs=0.06)
