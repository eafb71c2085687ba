"""Rectangles against the sets of pixels that they stand for."""

import numpy as np
import pytest
from numpy.typing import NDArray

from wideopen.image.tiles import Area, box, common, grown, scaled, seen_from, tiles, whole

ROUNDS = 200


def random_shape(rng: np.random.Generator) -> tuple[int, int]:
    return int(rng.integers(1, 40)), int(rng.integers(1, 40))


def random_area(rng: np.random.Generator, shape: tuple[int, int]) -> Area:
    """At least one pixel."""
    rows, columns = (sorted(rng.choice(side + 1, 2, replace=False).tolist()) for side in shape)
    return slice(*rows), slice(*columns)


def painted(area: Area, shape: tuple[int, ...]) -> NDArray[np.bool_]:
    mask = np.zeros(shape, bool)
    mask[area] = True
    return mask


@pytest.mark.parametrize(("shape", "side"), [((1, 1), 4), ((12, 20), 4), ((13, 21), 4), ((5, 90), 16), ((7, 7), 7)])
def test_tiles_cover_every_pixel_once(shape: tuple[int, int], side: int) -> None:
    count = np.zeros((*shape, 3), int)
    for tile in tiles((*shape, 3), side):
        assert 0 < count[tile].shape[0] <= side and 0 < count[tile].shape[1] <= side
        count[tile] += 1
    assert (count == 1).all()
    assert painted(whole((*shape, 3)), shape).all()


def test_a_grown_area_is_all_pixels_within_the_margin() -> None:
    rng = np.random.default_rng(0)
    for _ in range(ROUNDS):
        shape = random_shape(rng)
        area, margin = random_area(rng, shape), float(rng.choice([0, 1, 2.3, 7, 50]))
        y, x = np.mgrid[: shape[0], : shape[1]]
        rows, columns = area
        # Whole pixels: a margin of 2.3 reaches the third.
        reach = np.ceil(margin)
        down = np.maximum(np.maximum(rows.start - y, y - (rows.stop - 1)), 0)
        across = np.maximum(np.maximum(columns.start - x, x - (columns.stop - 1)), 0)
        expected = (down <= reach) & (across <= reach)
        np.testing.assert_array_equal(painted(grown(area, margin, (*shape, 3)), shape), expected)


def test_what_two_areas_share_is_where_both_are() -> None:
    rng, none = np.random.default_rng(1), 0
    for _ in range(ROUNDS):
        shape = random_shape(rng)
        first, second = random_area(rng, shape), random_area(rng, shape)
        expected = painted(first, shape) & painted(second, shape)
        shared = common(first, second)
        none += shared is None
        np.testing.assert_array_equal(np.zeros(shape, bool) if shared is None else painted(shared, shape), expected)
        assert shared == common(second, first)
    assert 0 < none < ROUNDS


def test_areas_that_touch_share_nothing() -> None:
    assert common((slice(0, 3), slice(0, 3)), (slice(3, 5), slice(0, 3))) is None
    assert common((slice(0, 3), slice(0, 3)), (slice(0, 3), slice(3, 4))) is None


def test_an_area_seen_from_a_cut_out_part_holds_the_same_pixels() -> None:
    rng = np.random.default_rng(2)
    for _ in range(ROUNDS):
        shape = random_shape(rng)
        picture = rng.random(shape)
        area = random_area(rng, shape)
        origin = grown(area, int(rng.integers(0, 6)), shape)
        np.testing.assert_array_equal(picture[origin][seen_from(area, origin)], picture[area])


def test_a_box_is_the_smallest_area_around_a_mask() -> None:
    rng = np.random.default_rng(3)
    for _ in range(ROUNDS):
        mask = rng.random(random_shape(rng)) < 0.03
        found = box(mask)
        if found is None:
            assert not mask.any()
            continue
        assert mask[found].sum() == mask.sum()
        cut = mask[found]
        assert cut[0].any() and cut[-1].any() and cut[:, 0].any() and cut[:, -1].any()
    assert box(np.zeros((4, 5))) is None


def test_a_scaled_area_holds_every_small_pixel_near_it_and_few_others() -> None:
    rng = np.random.default_rng(4)
    for _ in range(ROUNDS):
        shape = (int(rng.integers(30, 200)), int(rng.integers(30, 200)))
        factor = float(rng.uniform(1, 9))
        small = max(1, round(shape[0] / factor)), max(1, round(shape[1] / factor))
        area = random_area(rng, shape)
        found = painted(scaled(area, (*shape, 3), small), small)
        for axis, (side, length, count) in enumerate(zip(area, shape, small, strict=True)):
            # A small pixel covers [i, i + 1) * length / count.
            start, stop = (np.arange(count) * length / count, (np.arange(count) + 1) * length / count)
            near = (stop > side.start) & (start < side.stop)
            held = found.any(axis=1 - axis)
            assert held[near].all()
            assert held.sum() <= near.sum() + 4
