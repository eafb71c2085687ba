"""Edges in a map of blur radii, and what is laid over what, worked out by hand."""

import numpy as np
import pytest
from numpy.typing import NDArray

from wideopen.lens.apertures import Aperture
from wideopen.lens.compositor import source_of
from wideopen.lens.defocus import signed_bank
from wideopen.lens.depth_layers import (
    Layers,
    _present,
    _shares,
    _slope,
    _visible,
    find_edges,
    matte,
    settle,
)

Float = NDArray[np.float32]
NEAR, FAR = 0.8, 0.3
"""Light of the side that is nearer, and of the other."""


def step(near: float, far: float, width: int = 24) -> Float:
    """12 rows: the near side's radius in the left half, the far side's in the right one."""
    return np.repeat(np.where(np.arange(width) < width // 2, near, far)[None], 12, axis=0).astype(np.float32)


def test_an_edge_reaches_as_far_as_it_is_wide_and_smaller_steps_are_none() -> None:
    assert find_edges(step(0.0, 2.0), 2) is None
    edges = find_edges(step(-1.0, 1.5), 2)
    assert edges is not None
    assert np.flatnonzero(edges.mask[5]).tolist() == [10, 11, 12, 13]
    assert set(edges.near[5, 10:14]) == {-1.0} and set(edges.far[5, 10:14]) == {1.5}
    assert edges.near[5, 14] == 1.5 and edges.far[5, 9] == -1.0


def test_values_in_between_go_to_the_closer_side() -> None:
    soft = step(-4.0, 6.0)
    soft[:, 11], soft[:, 12] = 0.9, 1.1
    assert np.array_equal(settle(soft, 2), step(-4.0, 6.0))
    gentle = step(0.0, 1.8)
    gentle[:, 12] = 0.9
    assert settle(gentle, 2) is gentle


def surface(near: float, far: float, exact: bool = True, in_between: float | None = None) -> tuple[Float, ...]:
    """Light, opacity, radius of columns 10 to 13 about an edge between 11 and 12."""
    radius, light = step(near, far), step(NEAR, FAR)[..., None].repeat(3, axis=2)
    if in_between is not None:
        radius[:, 12] = in_between
    edges = find_edges(radius, 2, exact)
    assert edges is not None
    found = matte(light, np.full_like(light, 0.1), radius, edges)
    return found.light[5, 10:14, 0], found.alpha[5, 10:14], found.radius[5, 10:14]


def test_a_sharp_nearer_side_ends_where_the_map_says() -> None:
    light, alpha, radius = surface(0.0, 9.0)
    assert radius.tolist() == [0, 0, 9, 9] and alpha.tolist() == [1, 1, 1, 1]
    np.testing.assert_allclose(light, [NEAR, NEAR, 0.1, 0.1], atol=1e-6)  # The far side's is taken from `clean`.


def test_a_blurred_nearer_side_has_a_soft_edge_of_its_own_colour() -> None:
    light, alpha, radius = surface(-9.0, 0.0)
    assert radius[:3].tolist() == [-9, -9, -9]
    np.testing.assert_allclose(alpha[:3], [1, (0.75 - 0.1) / 0.8, (0.25 - 0.1) / 0.8], atol=1e-5)
    np.testing.assert_allclose(light[:3], NEAR, atol=1e-5)


def test_a_nearer_side_that_is_hardly_blurred_is_softened_in_part() -> None:
    _, alpha, _ = surface(-1.5, 9.0)
    np.testing.assert_allclose(alpha[1], (0.875 - 0.1) / 0.8, atol=1e-5)  # Half of what 2.5 px are softened by.


def test_single_pixels_of_an_enlarged_map_count_as_the_mean_around_them() -> None:
    _, alpha, radius = surface(0.0, 9.0, exact=False)
    assert radius[:3].tolist() == [0, 0, 0]
    np.testing.assert_allclose(alpha[:3], [1, (2 / 3 - 0.1) / 0.8, (1 / 3 - 0.1) / 0.8], atol=1e-5)


def test_what_is_in_between_is_opaque_in_part() -> None:
    light, alpha, radius = surface(0.0, 10.0, in_between=5.0)
    assert radius.tolist() == [0, 0, 0, 10]
    np.testing.assert_allclose(alpha, [1, 1, 0.5, 1], atol=1e-5)
    np.testing.assert_allclose(light, [NEAR, NEAR, FAR, 0.1], atol=1e-6)


def test_a_slope_leans_and_neither_a_step_nor_a_ridge_does() -> None:
    ramp = np.tile(np.arange(12, dtype=np.float32) * 1.5, (8, 1))
    steepest, roughest = _slope(ramp)
    assert set(steepest[:, 1:-1].ravel()) == {1.5} and set(roughest[:, 1:-1].ravel()) == {1.5}
    down, across = _slope(np.ascontiguousarray(ramp.T)), _slope(ramp)
    assert np.array_equal(down[0].T, across[0])
    bent = np.tile(np.array([0, 0.5, 1.0, 4.0, 7.0, 7.0], np.float32), (5, 1))
    assert _slope(bent)[0][2].tolist()[1:-1] == [0.5, 0.5, 3.0, 0.0]
    ridge = np.tile(np.array([0, 0, 1, 0, 0, 9, 9], np.float32), (5, 1))
    flat, rough = _slope(ridge)
    assert flat.max() == 0 and rough[2].tolist()[1:5] == [1, 1, 1, 0]


def test_layers_hold_what_is_within_a_step_of_them_and_go_on_under_nearer_ones() -> None:
    own = np.array([[2.0, 2.25, 4.5, 9.0]], np.float32)
    under, foot = np.full_like(own, -1.0), np.array([[1.0, 1.0, 3.5, 2.5]], np.float32)
    alpha = np.array([[1.0, 0.5, 1.0, 1.0]], np.float32)
    mine, behind, fresh = _shares(alpha, own, under, foot, 2)
    np.testing.assert_allclose(mine, [[1, 0.5, 0, 0]])  # The last goes on down to 2.5 only.
    np.testing.assert_allclose(behind, 0)
    np.testing.assert_allclose(fresh, [[1, 0.375, 0, 0]])
    mine, behind, fresh = _shares(alpha, own, np.full_like(own, 3.25), foot, 3)
    np.testing.assert_allclose(mine, [[0, 0.125, 0, 1]])
    np.testing.assert_allclose(behind, [[1, 0.875, 1, 0]])
    np.testing.assert_allclose(fresh, [[0.75, 0.5 * 0.25 + 0.875 * 0.75, 0.75, 0]])
    assert _present(own, np.array([[0.0, 0.2]], np.float32)) == [0, 1, 2, 3, 4, 5, 9]


@pytest.mark.parametrize(
    ("cover", "new", "leaning", "through", "visible"),
    [
        (0.6, 0.6, None, 1.0, 0.6),
        (0.6, 0.6, None, 0.25, 0.15),  # Nothing is under nearer layers: they hide it by chance.
        (0.9, 0.4, None, 0.5, 0.4),  # Half of it is, so what they left free is where the new is.
        (0.9, 0.4, None, 0.25, 0.2),
        (0.9, 0.0, 1.0, 0.3, 0.2),  # A gap in a surface that leans is closed.
        (0.9, 0.0, 0.005, 0.3, 16.0 * 0.005),
        (0.9, 0.0, 0.0, 0.3, 0.0),
    ],
)
def test_what_is_seen_of_a_layer(
    cover: float, new: float, leaning: float | None, through: float, visible: float
) -> None:
    of = [np.full((1, 1), value, np.float32) for value in (cover, new, through)]
    found = _visible(of[0], of[1], None if leaning is None else np.full((1, 1), leaning, np.float32), of[2])
    assert found[0, 0] == pytest.approx(visible, abs=1e-6)


def test_layers_count_from_the_farthest_and_are_half_a_pixel_apart_where_blur_is_small() -> None:
    layers = Layers(signed_bank(-3.0, 4.0, 1.1), (10, 10), Aperture())
    assert layers.radius(0) == pytest.approx(4.0)
    assert layers.place(np.array([[4.0, -3.0]], np.float32)).tolist() == [[0.0, len(layers.bank) - 1]]
    for layer in range(len(layers.bank)):
        there = layers.place(np.array([[layers.radius(layer)]], np.float32))
        assert there[0, 0] == pytest.approx(layer)
    assert float(layers.step(np.float32(2.0))) == pytest.approx(0.5)


@pytest.mark.parametrize("first", range(60, 68))
def test_layers_begin_where_their_coarsest_pixels_do_and_hold_all_that_is_reached(first: int) -> None:
    """Four pixels wide from a radius of 48 px on, and the same ones whatever tile they are drawn for."""
    rows, columns = source_of((slice(first, 150), slice(first + 3, 190)), 50.0, (240, 210))
    assert rows == slice((first - 50) // 4 * 4, 200) and columns == slice((first - 47) // 4 * 4, 210)
