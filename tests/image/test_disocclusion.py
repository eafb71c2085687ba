"""What lies behind edges, in drawn scenes where it is known."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wideopen.image.disocclusion import clean_rim, find_hidden

Float = NDArray[np.float32]
RED, GREEN, BLUE = (np.array(color, np.float32) for color in ([0.8, 0.1, 0.1], [0.1, 0.7, 0.1], [0.1, 0.2, 0.9]))
GAP = 4.0


def halves(height: int = 60, width: int = 80, at: int = 40) -> tuple[Float, Float]:
    """Blue and far to the left, red and near from column `at` on."""
    near = np.arange(width) >= at
    color = np.where(near[:, None], RED, BLUE)[None].repeat(height, axis=0)
    nearness = np.where(near, 20.0, 2.0).astype(np.float32)[None].repeat(height, axis=0)
    return color.astype(np.float32), nearness


def test_the_far_side_goes_on_behind_the_near_one() -> None:
    color, nearness = halves()
    behind, place = find_hidden(color, nearness, GAP, 12)
    np.testing.assert_allclose(behind[:, 40:52], np.broadcast_to(BLUE, (60, 12, 3)), atol=1e-3)
    np.testing.assert_allclose(place[:, 40:52], 2.0, atol=1e-3)


def test_beyond_its_reach_and_on_the_far_side_nothing_changes() -> None:
    color, nearness = halves()
    behind, place = find_hidden(color, nearness, GAP, 12)
    for changed, own in ((behind, color), (place, nearness)):
        np.testing.assert_array_equal(changed[:, :40], own[:, :40])
        np.testing.assert_array_equal(changed[:, 60:], own[:, 60:])


def test_colours_mixed_at_the_edge_are_not_carried_behind_it() -> None:
    """A photo's edge is soft by a pixel: those of it that the map calls far hold half the near side's colour."""
    color, nearness = halves()
    color[:, 39] = (RED + BLUE) / 2
    behind, _ = find_hidden(color, nearness, GAP, 12)
    np.testing.assert_allclose(behind[:, 40:50], np.broadcast_to(BLUE, (60, 10, 3)), atol=0.01)


def test_a_textured_far_side_goes_on_with_its_own_mean() -> None:
    color, nearness = halves()
    noise = np.random.default_rng(0).uniform(-0.1, 0.1, (60, 40, 1)).astype(np.float32)
    color[:, :40] += noise
    behind, _ = find_hidden(color, nearness, GAP, 12)
    np.testing.assert_allclose(behind[:, 40:52].mean(axis=(0, 1)), BLUE, atol=0.03)
    assert np.abs(behind[:, 40:52] - BLUE).max() < 0.15


def chain() -> tuple[Float, Float]:
    """Blue C far away, a green disc B before it, a red disc A before B's right half."""
    color = np.broadcast_to(BLUE, (120, 160, 3)).astype(np.float32).copy()
    nearness = np.full((120, 160), 0.0, np.float32)
    for centre, radius, paint, place in (((60, 60), 40, GREEN, 12.0), ((100, 60), 30, RED, 24.0)):
        disc = np.zeros((120, 160), np.uint8)
        cv2.circle(disc, centre, radius, 1, -1)
        color[disc > 0], nearness[disc > 0] = paint, place
    return color, nearness


def test_behind_each_thing_lies_what_is_just_behind_it() -> None:
    color, nearness = chain()
    behind, place = find_hidden(color, nearness, GAP, 14)
    np.testing.assert_allclose(behind[60, 74:78], np.broadcast_to(GREEN, (4, 3)), atol=0.06, err_msg="B behind A")
    np.testing.assert_allclose(place[60, 74:78], 12.0, atol=1.0)
    np.testing.assert_allclose(behind[60, 124:129], np.broadcast_to(BLUE, (5, 3)), atol=0.02, err_msg="C behind A")
    np.testing.assert_allclose(place[60, 124:129], 0.0, atol=0.3)
    np.testing.assert_allclose(behind[60, 23:30], np.broadcast_to(BLUE, (7, 3)), atol=0.02, err_msg="C behind B")
    np.testing.assert_allclose(place[60, 23:30], 0.0, atol=0.3)
    assert (place <= nearness).all()


@pytest.mark.parametrize("kind", ["flat", "slope", "small step"])
def test_without_an_edge_nothing_is_behind(kind: str) -> None:
    color = np.random.default_rng(1).random((50, 70, 3)).astype(np.float32)
    across = np.linspace(0, 1, 70, dtype=np.float32)[None].repeat(50, axis=0)
    nearness = {"flat": 0 * across, "slope": 10 * across, "small step": 3.5 * (across > 0.5)}[kind].astype(np.float32)
    behind, place = find_hidden(color, nearness, GAP, 6)
    np.testing.assert_array_equal(behind, color)
    np.testing.assert_array_equal(place, nearness)
    np.testing.assert_array_equal(clean_rim(color, nearness, GAP, 2), color)


def test_a_clean_rim_has_none_of_the_near_sides_colour() -> None:
    color, nearness = halves()
    color[:, 37:40] = RED  # The map's edge is three pixels off.
    cleaned = clean_rim(color, nearness, GAP, 3)
    np.testing.assert_allclose(cleaned[:, 37:40], np.broadcast_to(BLUE, (60, 3, 3)), atol=0.01)


def test_all_but_the_rim_is_left_alone() -> None:
    color, nearness = halves()
    color += np.random.default_rng(2).uniform(-0.05, 0.05, color.shape).astype(np.float32)
    cleaned = clean_rim(color, nearness, GAP, 3)
    np.testing.assert_array_equal(cleaned[:, :37], color[:, :37])
    np.testing.assert_array_equal(cleaned[:, 40:], color[:, 40:])
    assert (cleaned[:, 37:40] != color[:, 37:40]).any()


def test_a_rim_is_cleaned_from_its_own_surface() -> None:
    """B's rim beside A becomes green like the rest of B, not blue like C that is nearby as well."""
    color, nearness = chain()
    near = (nearness == 24).astype(np.uint8)
    rim = (cv2.dilate(near, np.ones((5, 5), np.uint8)) > 0) & (nearness < 24)
    color[rim] = RED
    cleaned = clean_rim(color, nearness, GAP, 2)
    np.testing.assert_allclose(cleaned[60, 68:70], np.broadcast_to(GREEN, (2, 3)), atol=0.05)
    np.testing.assert_allclose(cleaned[60, 131:133], np.broadcast_to(BLUE, (2, 3)), atol=0.05)
