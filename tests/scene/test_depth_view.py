"""Where the mark lies, and that it can be told apart: also without colour."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wideopen.scene.depth_view import depth_picture

NOWHERE = np.zeros((300, 400), bool)


def draw() -> NDArray[np.float32]:
    """Disparity 0 (top) to 1, with a disc of 0.5 far up."""
    y, x = np.mgrid[:300, :400].astype(np.float32)
    return np.where((x - 200) ** 2 + (y - 75) ** 2 < 50**2, np.float32(0.5), y / 299)


def lightness(picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)[..., 0]


def test_nearer_is_lighter_and_warmer() -> None:
    ramp = np.linspace(0, 1, 256, dtype=np.float32)[None].repeat(4, axis=0)
    picture = depth_picture(ramp, np.zeros(ramp.shape, bool))
    assert picture.dtype == np.uint8 and picture.shape == (4, 256, 3)
    assert (np.diff(lightness(picture)[0]) > -0.3).all() and np.ptp(lightness(picture)) > 90
    red, blue = picture[0, :, 0].astype(int), picture[0, :, 2].astype(int)
    assert blue[60] > red[40] and red[200] > blue[200] + 100


def test_only_the_focal_plane_is_marked() -> None:
    disparity = draw()
    marked = np.abs(disparity - 0.5) <= 0.05
    plain, picture = depth_picture(disparity, NOWHERE), depth_picture(disparity, marked)
    near_mark = cv2.dilate(marked.astype(np.uint8), np.ones((5, 5), np.uint8)) > 0
    np.testing.assert_array_equal(picture[~near_mark], plain[~near_mark])
    changed = (picture != plain).any(axis=2)
    assert 0.25 < changed[marked].mean() < 0.6, "stripes, with the colours between them"
    white = (picture == 255).all(axis=2)
    assert white.any() and not white[~marked].any()
    edge = marked & (cv2.erode(marked.astype(np.uint8), np.ones((3, 3), np.uint8), borderType=cv2.BORDER_REFLECT) == 0)
    np.testing.assert_array_equal(white, edge)


@pytest.mark.parametrize("in_focus", [0.05, 0.35, 0.65, 0.95])
def test_the_mark_shows_without_colour(in_focus: float) -> None:
    """White beside black at the edge of the mark, whatever lies under it."""
    picture = depth_picture(draw(), np.abs(draw() - in_focus) <= 0.03)
    white, black = ((picture == value).all(axis=2) for value in (255, 0))
    assert white.sum() > 400
    beside_black = cv2.dilate(black.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert beside_black[white].mean() > 0.98


def test_flat_and_metric_maps() -> None:
    flat = depth_picture(np.full((300, 400), 2, np.float32), NOWHERE)
    assert len(np.unique(flat.reshape(-1, 3), axis=0)) == 1
    np.testing.assert_array_equal(depth_picture(draw() * 3, NOWHERE), depth_picture(draw(), NOWHERE))
