from dataclasses import replace

import cv2
import numpy as np
import pytest

from pair_sets import scene
from wideopen.errors import PairsError
from wideopen.pairs.augment import Crop, centre_crop, crop_size, draw_crop, exposure_table, to_planes
from wideopen.pairs.sample_options import PairsOptions

EBB = PairsOptions(resize_width=1536, crop=1024, turns=True, flips=True)


def area_reference(image: np.ndarray, left: float, top: float, width: float, height: float, size: int) -> np.ndarray:
    """Mean of the image over each of size x size cells of a rectangle, by how much of each px lies in the cell."""

    def weights(start: float, length: float, count: int) -> np.ndarray:
        edges = start + length * np.arange(size + 1) / size
        out = np.zeros((size, count))
        for cell in range(size):
            for px in range(count):
                out[cell, px] = max(min(edges[cell + 1], px + 1) - max(edges[cell], px), 0)
        return out / out.sum(axis=1, keepdims=True)

    down, across = weights(top, height, image.shape[0]), weights(left, width, image.shape[1])
    return np.einsum("ir,jc,rcd->ijd", down, across, image.astype(np.float64))


def coordinates(height: int, width: int, full_height: int, full_width: int) -> np.ndarray:
    """A picture whose red and green tell the place of each px in a frame of full_height x full_width."""
    x = (np.arange(width) + 0.5) * full_width / width
    y = (np.arange(height) + 0.5) * full_height / height
    out = np.zeros((height, width, 3), np.uint8)
    out[..., 0] = np.rint(255 * x / full_width)
    out[..., 1] = np.rint(255 * y / full_height)[:, None]
    return out


@pytest.mark.parametrize("size", [64, 40, 32, 7, 1])
def test_shrinking_equals_the_mean_over_areas(size: int) -> None:
    image = scene(0, 90, 120)
    crop = Crop(x=13, y=5, width=64, height=64, frame=(90, 120))
    expected = area_reference(image, 13, 5, 64, 64, size)
    assert np.abs(crop.apply(image, size) - expected).max() < 0.51


def test_enlarging_is_linear() -> None:
    image = scene(0, 90, 120)
    crop = Crop(x=13, y=5, width=32, height=32, frame=(90, 120))
    result = crop.apply(image, 64)
    at = np.clip((np.arange(64) + 0.5) / 2 - 0.5, 0, 31)
    low = np.minimum(at.astype(int), 30)
    part = image[5:37, 13:45].astype(float)
    share = (at - low)[:, None, None]
    rows = part[low] * (1 - share) + part[low + 1] * share
    share = (at - low)[None, :, None]
    expected = rows[:, low] * (1 - share) + rows[:, low + 1] * share
    assert np.abs(result - expected).max() < 1.01


@pytest.mark.parametrize("turns", [0, 1, 2, 3])
@pytest.mark.parametrize("flip", [False, True])
def test_turn_and_flip(turns: int, flip: bool) -> None:
    image = scene(0, 50, 60)
    crop = Crop(4, 6, 32, 32, (50, 60), turns, flip)
    plain = image[6:38, 4:36]
    expected = np.rot90(plain[:, ::-1] if flip else plain, turns)
    np.testing.assert_array_equal(crop.apply(image, 32), expected)
    np.testing.assert_array_equal(crop.apply(np.ascontiguousarray(image[..., 0]), 32), expected[..., 0])


def test_members_of_any_size_show_the_same_place() -> None:
    rng = np.random.default_rng(0)
    height, width = 180, 240
    photo = coordinates(height, width, height, width)
    options = PairsOptions(crop_scale=(0.3, 1.0), turns=True, flips=True)
    for _ in range(200):
        crop = draw_crop(rng, height, width, options)
        seen = crop.apply(photo, 32).astype(int)
        for rows, columns in ((90, 120), (360, 480), (133, 177)):
            other = crop.apply(coordinates(rows, columns, height, width), 32).astype(int)
            # Borders are left out: there a smaller member repeats its edge where the photo goes on.
            assert np.abs(other - seen)[1:-1, 1:-1].max() <= 2


def test_crops_tell_their_place() -> None:
    """The picture's own coordinates confirm what x, y, width, height say."""
    photo = coordinates(250, 250, 250, 250)
    crop = Crop(x=50, y=100, width=100, height=100, frame=(250, 250))
    seen = crop.apply(photo, 10)
    assert np.abs(seen[0, :, 0] - 255 * (50 + 10 * (np.arange(10) + 0.5)) / 250).max() <= 1
    assert np.abs(seen[:, 0, 1] - 255 * (100 + 10 * (np.arange(10) + 0.5)) / 250).max() <= 1


@pytest.mark.parametrize("width", [1504, 1536, 1600])
def test_ebb_recipe_equals_resizing_the_whole_photo_first(width: int) -> None:
    rng = np.random.default_rng(1)
    crop = draw_crop(rng, 1024, width, replace(EBB, turns=False, flips=False))
    assert (crop.y, crop.height) == (0, 1024)
    assert crop.width == round(1024 * width / 1536)
    photo = coordinates(1024, width, 1024, width)
    whole = cv2.resize(photo, (1536, 1024), interpolation=cv2.INTER_AREA)
    left = round(crop.x * 1536 / width)
    expected = cv2.resize(whole[:, left : left + 1024], (512, 512), interpolation=cv2.INTER_AREA)
    assert np.abs(crop.apply(photo, 512).astype(int) - expected).max() <= 1


def test_every_place_can_be_drawn_and_none_outside() -> None:
    rng = np.random.default_rng(2)
    options = PairsOptions(crop=8)
    drawn = {(c.x, c.y) for c in (draw_crop(rng, 9, 11, options) for _ in range(300))}
    assert drawn == {(x, y) for x in range(4) for y in range(2)}


def test_draws_are_spread_over_all_options() -> None:
    rng = np.random.default_rng(3)
    options = PairsOptions(crop_scale=(0.5, 0.8), turns=True, flips=True, exposure=0.5)
    crops = [draw_crop(rng, 1000, 1500, options) for _ in range(400)]
    assert {(c.turns, c.flip) for c in crops} == {(t, f) for t in range(4) for f in (False, True)}
    sides = [c.width for c in crops]
    assert all(c.width == c.height for c in crops)
    assert 500 <= min(sides) < 520
    assert 780 < max(sides) <= 800
    stops = [c.exposure for c in crops]
    assert -0.5 <= min(stops) < -0.45
    assert 0.45 < max(stops) <= 0.5


def test_one_option_leaves_the_draws_of_others() -> None:
    plain, full = (
        draw_crop(np.random.default_rng(9), 100, 150, PairsOptions(crop=64, turns=t, flips=t, exposure=float(t)))
        for t in (False, True)
    )
    assert (plain.x, plain.y) == (full.x, full.y)
    assert (plain.turns, plain.flip, plain.exposure) == (0, False, 0.0)


def test_centre_crop_is_the_largest_square_in_the_middle() -> None:
    assert centre_crop(1024, 1500, PairsOptions()) == Crop(238, 0, 1024, 1024, (1024, 1500))
    assert centre_crop(1500, 1024, PairsOptions(crop=64)) == Crop(0, 238, 1024, 1024, (1500, 1024))
    assert centre_crop(1024, 1536, EBB) == Crop(256, 0, 1024, 1024, (1024, 1536))
    # A third of the width is what a 512 square of 1536 px was before resizing.
    assert centre_crop(512, 1200, EBB) == Crop(400, 0, 400, 512, (512, 1200))


def test_photos_too_small_for_the_crop_are_refused() -> None:
    assert crop_size(1024, 1600, EBB) == (1024, 1067)
    with pytest.raises(PairsError, match="1600x1023 px, too small for a crop of 1024"):
        crop_size(1023, 1600, EBB)
    with pytest.raises(PairsError, match="too small"):
        draw_crop(np.random.default_rng(0), 64, 31, PairsOptions(crop=32))


def gain(value: float, stops: float) -> float:
    """sRGB by the letter of IEC 61966-2-1, in double precision."""
    linear = value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4
    linear = min(linear * 2**stops, 1.0)
    return linear * 12.92 if linear <= 0.0031308 else 1.055 * linear ** (1 / 2.4) - 0.055


@pytest.mark.parametrize("stops", [-1.5, -0.3, 0.0, 0.7])
def test_exposure_is_a_gain_in_linear_light(stops: float) -> None:
    expected = [gain(value / 255, stops) for value in range(256)]
    table = exposure_table(stops)
    assert table.dtype == np.float32
    np.testing.assert_allclose(table, expected, atol=2e-6)
    assert table.max() <= 1


def test_planes_are_the_table_of_each_channel() -> None:
    image = scene(0, 20, 30)
    table = exposure_table(0.4)
    planes = to_planes(image, table)
    assert planes.dtype == np.float32
    np.testing.assert_array_equal(planes, table[image].transpose(2, 0, 1))
    np.testing.assert_array_equal(to_planes(image[..., 0].copy(), table), table[image[..., 0]][None])
