"""What is in focus, in maps where it is known."""

import numpy as np
import pytest
from numpy.typing import NDArray

from wideopen.option_texts import Focus, parse_focus, parse_place
from wideopen.scene.focus import find_focus

SHAPE = (300, 400)
"""Of the photo; its map is a quarter as large."""


def ramp() -> NDArray[np.float32]:
    """75 x 100: 0 at the left, 1 at the right."""
    return np.linspace(0, 1, 100, dtype=np.float32)[None].repeat(75, axis=0)


def quarters() -> NDArray[np.float32]:
    found = np.empty((76, 100), np.float32)
    found[:38, :50], found[:38, 50:], found[38:, :50], found[38:, 50:] = 0.1, 0.3, 0.6, 0.9
    return found


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("auto", "auto"),
        ("near", "near"),
        ("far", "far"),
        ("0.25,0.75", (0.25, 0.75)),
        (" 12 , 340", (12.0, 340.0)),
        ("0,300", (0, 300)),
        ("1,1", (1, 1)),
    ],
)
def test_focus_is_read(text: str, expected: object) -> None:
    assert parse_place(text) == expected and parse_focus(text) == Focus(text)


@pytest.mark.parametrize(
    "text", ["", "foo", "0.5", "0.5,", "1,2,3", "a,b", "-0.1,0.5", "0.5,-3", "nan,0.5", "inf,0.5", "1.5,3", "0.5,300"]
)
def test_other_words_are_refused_with_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="focus must") as caught:
        parse_focus(text)
    assert "\n" not in str(caught.value) and repr(text) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.3,0.8:0.6,0.5", Focus("0.3,0.8", "0.6,0.5")),
        ("near:auto", Focus("near", "auto")),
        ("auto@f/8", Focus("auto", None, 8.0)),
        ("120,340@5.6", Focus("120,340", None, 5.6)),
    ],
)
def test_a_range_is_read(text: str, expected: Focus) -> None:
    assert parse_focus(text) == expected
    assert expected.on_subject == ("auto" in text)


@pytest.mark.parametrize("text", [":", "auto:", ":far", "near:far:auto", "auto:0.5", "auto@off", "auto@", "@8",
                                  "auto@x", "near:far@8", "auto@8:far", "auto@8@8", "0.5,0.5:3,0.5"])  # fmt: skip
def test_half_a_range_is_refused_with_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="focus must|is no f-number") as caught:
        parse_focus(text)
    assert "\n" not in str(caught.value)


def test_near_and_far_leave_two_per_cent_beyond() -> None:
    assert find_focus(ramp(), "near", SHAPE) == pytest.approx(0.98, abs=0.006)
    assert find_focus(ramp(), "far", SHAPE) == pytest.approx(0.02, abs=0.006)


def test_a_few_wild_pixels_are_neither_near_nor_far() -> None:
    disparity = 0.4 + 0.2 * ramp()
    disparity[:4, :5], disparity[-4:, :5] = 0.0, 1.0
    assert 0.58 < find_focus(disparity, "near", SHAPE) <= 0.6
    assert 0.4 <= find_focus(disparity, "far", SHAPE) < 0.42


@pytest.mark.parametrize(("x", "y", "expected"), [(0.2, 0.2, 0.1), (0.8, 0.2, 0.3), (0.2, 0.8, 0.6), (0.8, 0.8, 0.9)])
def test_a_point_in_shares_and_in_pixels_of_the_photo(x: float, y: float, expected: float) -> None:
    assert find_focus(quarters(), f"{x},{y}", SHAPE) == pytest.approx(expected)
    assert find_focus(quarters(), f"{x * SHAPE[1]:.0f},{y * SHAPE[0]:.0f}", SHAPE) == pytest.approx(expected)


@pytest.mark.parametrize("share", [0.1, 0.37, 0.5, 0.93])
def test_the_depth_at_a_point_is_that_of_the_map_there(share: float) -> None:
    assert find_focus(ramp(), f"{share},0.5", SHAPE) == pytest.approx(share, abs=0.01)
    assert find_focus(ramp(), f"{share * 400},150", SHAPE) == pytest.approx(share, abs=0.01)


def test_a_spot_outvotes_a_hole_in_the_map() -> None:
    disparity = np.full((300, 400), 0.7, np.float32)
    disparity[150, 200] = 0.0
    assert find_focus(disparity, "0.5,0.5", SHAPE) == pytest.approx(0.7)


@pytest.mark.parametrize("corner", ["0,0", "0,1", "1,0", "1,1", "399,299", "0,299"])
def test_corners_belong_to_the_photo(corner: str) -> None:
    x, y = (float(part) for part in corner.split(","))
    expected = quarters()[-1 if y else 0, -1 if x else 0]
    assert find_focus(quarters(), corner, SHAPE) == pytest.approx(expected)


@pytest.mark.parametrize("focus", ["400,150", "200,300", "4000,20"])
def test_a_point_outside_the_photo(focus: str) -> None:
    with pytest.raises(ValueError, match="outside the photo of 400x300 px"):
        find_focus(ramp(), focus, SHAPE)


def test_auto_is_the_middle_depth_of_the_subject() -> None:
    disparity, subject = ramp(), np.zeros((150, 200), np.float32)
    subject[40:110, 140:180] = 1.0
    assert find_focus(disparity, "auto", SHAPE, subject) == pytest.approx(0.8, abs=0.02)


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_a_subject_that_is_nothing_or_everything_is_none(share: float) -> None:
    disparity = quarters()
    subject = np.full((150, 200), share, np.float32)
    assert find_focus(disparity, "auto", SHAPE, subject) == find_focus(disparity, "auto", SHAPE)


def test_a_subject_is_at_least_half_a_per_cent_of_the_frame() -> None:
    disparity, subject = np.zeros((100, 100), np.float32), np.zeros((100, 100), np.float32)
    disparity[:10, :10] = 1.0
    for count, expected in ((49, 0.0), (50, 1.0)):
        subject.fill(0.0)
        subject[: count // 10, :10], subject[count // 10, : count % 10] = 1.0, 1.0
        assert find_focus(disparity, "auto", (100, 100), subject) == expected


def test_auto_without_a_subject_is_what_stands_in_the_middle_before_the_rest() -> None:
    y, x = np.mgrid[:75, :100]
    disparity = np.full((75, 100), 0.2, np.float32)
    disparity[np.hypot(y - 37, x - 50) < 18] = 0.8
    assert find_focus(disparity, "auto", SHAPE) == pytest.approx(0.8)
    disparity[-8:] = 1.0  # A table's edge at the frame is nearer, but nobody's subject.
    assert find_focus(disparity, "auto", SHAPE) == pytest.approx(0.8)


@pytest.mark.parametrize(("radius", "inside"), [(6.5, False), (10.5, True)])
def test_a_point_stands_for_a_spot_of_a_hundredth_of_the_short_side(radius: float, inside: bool) -> None:
    """Its radius is 12 px here, so a disc about it decides from 8.5 px on."""
    rows, columns = np.mgrid[:1000, :1200]
    disc = np.hypot(rows - 500, columns - 600) < radius
    assert find_focus(np.where(disc, 0.9, 0.2).astype(np.float32), "600,500", (1000, 1200)) == pytest.approx(
        0.9 if inside else 0.2
    )


@pytest.mark.parametrize(("sharp", "expected"), [(0.69, 0.2), (0.71, 1.0)])
def test_what_is_seven_tenths_sharp_is_the_subject(sharp: float, expected: float) -> None:
    disparity, subject = np.full((100, 100), 0.2, np.float32), np.zeros((100, 100), np.float32)
    disparity[:20, :20], subject[:20, :20] = 1.0, sharp
    assert find_focus(disparity, "auto", (100, 100), subject) == pytest.approx(expected)


def test_without_a_subject_a_quarter_of_the_weight_of_the_middle_is_nearer() -> None:
    """A Gaussian about the middle, a fifth of each side wide, weighs the map: of a ramp its upper quarter begins two
    thirds of that to the right."""
    ramp_across = np.linspace(0, 1, 400, dtype=np.float32)[None].repeat(300, 0)
    assert find_focus(ramp_across, "auto", (300, 400)) == pytest.approx(0.5 + 0.6745 / 5, abs=0.01)
    down = np.ascontiguousarray(ramp_across[:, ::4].T)
    assert find_focus(down, "auto", down.shape) == pytest.approx(0.5 + 0.6745 / 5, abs=0.01)
