"""A closer look: what the parts of a photo say of a point counts beside what the whole says."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from wideopen.lens.lens_settings import LensSettings
from wideopen.render.scene_rendering import draw_scene
from wideopen.scene.closer import Part, View, _fading, parts_around, refine_at_point
from wideopen.scene.scene import estimated_scene

Array = np.ndarray
SIZE = 120, 160
LEFT, RIGHT = (60, 58), (60, 90)
"""Rows and columns of the middles of two things."""


def disc(middle: tuple[int, int], radius: float = 12) -> Array:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.clip(radius + 0.5 - np.hypot(rows - middle[0], columns - middle[1]), 0, 1).astype(np.float32)


def at(middle: tuple[int, int]) -> tuple[float, float]:
    return (middle[1] + 0.5) / SIZE[1], (middle[0] + 0.5) / SIZE[0]


def seen_alone(own: Array, other: Array, relative: float) -> Callable[[Part], View]:
    """A network that, shown a part, takes `own` for the subject and `other` for something at that disparity."""

    def view(part: Part) -> View:
        inside = part.of(*SIZE)
        return View(part, own[inside], np.where(other > 0.5, relative, -1).astype(np.float32)[inside])

    return view


@pytest.mark.parametrize("point", [(0.5, 0.5), (0.0, 1.0), (0.3, 0.9)])
def test_parts_lie_in_the_photo_and_hold_the_point(point: tuple[float, float]) -> None:
    for part in parts_around(point):
        rows, columns = part.of(77, 131)
        assert 0 <= rows.start < rows.stop <= 77 and 0 <= columns.start < columns.stop <= 131
        assert abs((rows.stop - rows.start) / 77 - part.height) < 0.01
        assert all(0 <= share <= 1 for share in part.within(point))
        x, y = part.within(point)
        assert (part.left + x * part.height, part.top + y * part.height) == pytest.approx(point)


def test_parts_of_a_tiny_photo_hold_a_pixel() -> None:
    for part in parts_around((1.0, 0.0)):
        rows, columns = part.of(1, 2)
        assert (rows.start, rows.stop, columns.stop) == (0, 1, 2)


def test_two_taken_for_one_are_two() -> None:
    """The whole takes both for one subject; parts hold the one pointed at for it, the other for farther away."""
    left, right = disc(LEFT), disc(RIGHT)
    both = np.maximum(left, right)
    relative = np.where(both > 0.5, 0, -1).astype(np.float32)
    view = seen_alone(left, right, -0.8)
    matte, places, focus = refine_at_point(both, relative, at(LEFT), [view(part) for part in parts_around(at(LEFT))])
    assert focus == 0.0
    assert matte[disc(LEFT, 10) > 0.5].min() == 1 and matte[disc(RIGHT, 9) > 0.5].mean() < 0.02
    assert np.quantile(places[disc(RIGHT, 9) > 0.5], 0.95) < -0.25


def test_what_the_whole_overlooks_becomes_the_subject() -> None:
    """The whole knows the left thing alone; a tap on the right one makes it the subject, and blurs the left one."""
    left, right = disc(LEFT), disc(RIGHT)
    relative = np.full(SIZE, -1, np.float32)
    view = seen_alone(right, left, 0.9)
    matte, places, focus = refine_at_point(left, relative, at(RIGHT), [view(part) for part in parts_around(at(RIGHT))])
    assert focus == 0.0
    assert matte[disc(RIGHT, 10) > 0.5].min() > 0.99 and matte[disc(LEFT, 9) > 0.5].max() < 0.05
    assert places[disc(LEFT, 9) > 0.5].min() > 0.25


def test_a_tap_on_the_background_moves_the_subject_alone() -> None:
    """No view holds the ground for a subject: all keeps its place but the subject, which parts know to be nearer."""
    subject = disc(LEFT)
    relative = np.full(SIZE, -0.2, np.float32)
    point = at(RIGHT)

    def view(part: Part) -> View:
        inside = part.of(*SIZE)
        return View(part, subject[inside], np.full(SIZE, -0.8, np.float32)[inside])

    matte, places, focus = refine_at_point(subject, relative, point, [view(part) for part in parts_around(point)])
    assert matte is subject and np.ptp(places) < 1e-6
    assert focus == pytest.approx(float(places[0, 0]))  # The ground is in focus,
    assert -0.8 < focus < -0.25  # and farther from the subject than the whole alone said.


def test_views_that_agree_change_nothing() -> None:
    subject = disc(LEFT)
    rows = np.linspace(-1, 0.5, SIZE[0], dtype=np.float32)[:, None]
    relative = np.broadcast_to(rows, SIZE).copy()

    def view(part: Part) -> View:
        inside = part.of(*SIZE)
        return View(part, subject[inside], relative[inside])

    point = (0.8, 0.2)
    matte, places, focus = refine_at_point(subject, relative, point, [view(part) for part in parts_around(point)])
    plain = estimated_scene(np.zeros((*SIZE, 3), np.uint8), subject, relative).focus_at("0.8,0.2")
    assert matte is subject and focus == pytest.approx(plain[1], abs=1e-3)
    assert np.abs(places - relative).max() < 1e-3


def test_a_photo_is_looked_at_closer_where_a_point_is_given() -> None:
    left, right = disc(LEFT), disc(RIGHT)
    both = np.maximum(left, right)
    asked: list[Part] = []
    see = seen_alone(right, left, 0.9)

    def view(part: Part) -> View:
        asked.append(part)
        return see(part)

    photo = np.random.default_rng(3).integers(60, 200, (*SIZE, 3), np.uint8)
    photo = cv2.resize(photo, None, fx=3, fy=3, interpolation=cv2.INTER_NEAREST)
    places = estimated_scene(photo, both, np.where(both > 0.5, 0, -1).astype(np.float32), view=view)

    def fine(where: str) -> list[float]:
        looked, focus = places.focus_at(where)
        drawn = draw_scene(looked, LensSettings(0.05, focus)).astype(np.float32)
        boxes = [drawn[3 * row - 18 : 3 * row + 18, 3 * column - 18 : 3 * column + 18] for row, column in (LEFT, RIGHT)]
        return [float(np.abs(np.diff(box, axis=1)).mean()) for box in boxes]

    for where in ("auto", "near", "far"):
        places.focus_at(where)
    assert not asked and 0.8 < fine("auto")[0] / fine("auto")[1] < 1.25
    sides = fine("{},{}".format(*at(RIGHT)))
    assert asked and sides[1] > 2 * sides[0]
    with pytest.raises(ValueError, match="outside"):
        places.focus_at("2000,5")


def test_a_tap_is_looked_at_in_three_fifths_and_two_fifths_of_the_photo_which_fade_out() -> None:
    parts = parts_around((0.5, 0.1))
    assert [(part.width, part.height, part.left, part.top) for part in parts] == [
        (0.6, 0.6, pytest.approx(0.2), 0.0), (0.4, 0.4, pytest.approx(0.3), 0.0),
    ]  # fmt: skip
    weight = _fading(parts[0], (60, 60))
    assert weight[0, 30] == 1, "the photo's own border is none of the part's"
    np.testing.assert_allclose(weight[30, :8], [1 / 12, 3 / 12, 5 / 12, 7 / 12, 9 / 12, 11 / 12, 1, 1], atol=1e-6)
    np.testing.assert_allclose(weight[::-1, 30][:3], [1 / 12, 3 / 12, 5 / 12], atol=1e-6)
    corner = _fading(parts_around((0.95, 0.95))[1], (60, 60))
    assert corner[-1, 30] == corner[30, -1] == 1 and corner[0, 30] == corner[30, 0] == pytest.approx(1 / 12)


def test_a_part_s_piece_of_a_large_subject_leaves_it_whole() -> None:
    large = disc((60, 70), 30)
    piece = seen_alone(disc((60, 70), 10), np.ones(SIZE), 0)
    views = [piece(part) for part in parts_around(at((60, 70)))]
    matte, _, focus = refine_at_point(large, np.where(large > 0.5, 0, -1).astype(np.float32), at((60, 70)), views)
    assert focus == 0 and matte[large == 1].min() == 1 and matte[disc((60, 70), 34) == 0].max() == 0
