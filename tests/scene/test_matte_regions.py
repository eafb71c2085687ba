"""What is read from a matte: where it is in doubt, what is filled in behind it, where that shows."""

import cv2
import numpy as np
import pytest

from wideopen.scene.matte_regions import ellipse, find_doubt, find_foot, find_hole, shows_hidden, smooth_step

HEIGHT, WIDTH = 400, 500


def box(value: float = 1.0, rows: slice = slice(100, 300), columns: slice = slice(150, 350)) -> np.ndarray:
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    matte[rows, columns] = value
    return matte


@pytest.mark.parametrize(("value", "doubted"), [(0.05, 0), (0.1, 1), (0.5, 1), (0.9, 1), (0.95, 0), (1.0, 0)])
def test_regions_that_are_neither_are_in_doubt(value: float, doubted: float) -> None:
    assert find_doubt(box(value))[200, 250] == pytest.approx(doubted, abs=1e-3)


def test_edges_are_not_in_doubt_however_soft_and_a_region_a_little_beyond_its_border_is() -> None:
    soft = cv2.GaussianBlur(box(), (0, 0), 3)
    assert find_doubt(soft).max() == 0
    doubt = find_doubt(box(0.5))
    rim = np.flatnonzero(doubt[200] > 0.5)
    assert (rim[0], rim[-1]) == (150 - 6, 349 + 6), "1.4 % of the short side beyond"
    assert 0.15 < doubt[200, 150 - 8] < 0.4


def test_what_is_filled_in_goes_a_little_beyond_the_subject_and_leaves_doubt_out() -> None:
    nothing = np.zeros((HEIGHT, WIDTH), np.float32)
    hole = find_hole(box(), nothing)
    assert set(np.unique(hole)) == {0, 1}
    wide = np.flatnonzero(hole[200])
    assert (wide[0], wide[-1]) == (150 - 3, 349 + 3), "0.8 % of the short side beyond"
    assert np.flatnonzero(find_hole(box(), nothing, 0.02)[200])[0] == 150 - 8
    doubt = box(0.75)
    assert find_hole(box(), doubt)[200, 250] == pytest.approx(0.25)
    assert find_hole(box(0.09), nothing)[200, 250] == pytest.approx(0.5), "a tenth of opacity is half of the way"


@pytest.mark.parametrize(
    ("background", "subject", "share"), [(0.5, 0.5, 0), (0.2, 1.25, 0.5), (1.25, 0.0, 0.5), (2.0, 0.1, 1), (9, 9, 1)]
)
def test_what_is_hidden_shows_where_something_is_blurred(background: float, subject: float, share: float) -> None:
    assert shows_hidden(np.full((2, 2), background, np.float32), subject)[0, 0] == pytest.approx(share)


def test_a_smooth_step_is_the_cubic_between_its_ends() -> None:
    x = np.array([0.0, 0.2, 0.3, 0.4, 0.5, 0.9], np.float32)
    np.testing.assert_allclose(smooth_step(x, 0.2, 0.5), [0, 0, 7 / 27, 20 / 27, 1, 1], atol=1e-6)
    assert ellipse(5).shape == (5, 5) and ellipse(5).sum() < 25


def test_the_foot_is_where_all_but_a_trailing_rope_ends_and_unknown_where_the_frame_cuts() -> None:
    assert find_foot(box()) == pytest.approx(300, abs=4)
    rope = box() + box(1.0, slice(300, 380), slice(248, 250))
    assert find_foot(rope) == pytest.approx(300, abs=4)
    assert find_foot(box(1.0, slice(100, HEIGHT))) == 1.3 * HEIGHT
    assert find_foot(box(1.0, slice(100, HEIGHT), slice(150, 163))) == 1.3 * HEIGHT, "a thin thing, wholly cut"
    assert find_foot(box(0.4)) == 1.3 * HEIGHT
    assert find_foot(np.zeros((1000, 50), np.float32)) == 1300, "nothing to stand"
    for rows, cut in ((11, True), (13, False)):
        tall = np.zeros((1000, 50), np.float32)
        tall[100 : 1000 - rows, 10:40] = 1  # The lowest 12 rows say whether the frame cuts a thing off.
        assert (find_foot(tall) == 1300) == cut
