"""Two things taken for one subject: told apart when somebody points at one of them, and not before."""

import cv2
import numpy as np
import pytest

from wideopen.lens.lens_settings import LensSettings
from wideopen.render.scene_rendering import draw_scene
from wideopen.scene.instances import split_instances
from wideopen.scene.scene import estimated_scene

Array = np.ndarray
SIZE = 132, 176


def disc(row: int, column: int, radius: float) -> Array:
    rows, columns = np.mgrid[: SIZE[0], : SIZE[1]]
    return np.clip(radius + 0.5 - np.hypot(rows - row, columns - column), 0, 1).astype(np.float32)


def two_things() -> tuple[Array, Array]:
    """Two that touch: the left one at 0, the right one at -0.6; about their edges r is the background's."""
    left, right = disc(66, 60, 30), disc(66, 112, 24)
    relative = np.full(SIZE, -1, np.float32)
    relative[disc(66, 60, 27) > 0.5] = 0.0
    relative[disc(66, 112, 21) > 0.5] = -0.6
    return np.maximum(left, right), relative


def test_another_thing_leaves_the_subject() -> None:
    matte, relative = two_things()
    own, places = split_instances(matte, relative)
    left, right = disc(66, 60, 28) > 0.5, disc(66, 112, 23) > 0.5
    left[:, 80:] = right[:, :96] = False  # But for where they touch.
    assert own[left].min() == 1 and own[right].max() == 0
    assert np.allclose(places[right], -0.6)  # To its very edge.
    nothing = matte == 0
    assert np.array_equal(own[nothing], matte[nothing]) and np.array_equal(places[nothing], relative[nothing])


@pytest.mark.parametrize("what", ["one thing", "noise", "nothing at 0"])
def test_what_there_is_one_of_stays(what: str) -> None:
    matte, relative = disc(66, 60, 30), np.where(disc(66, 60, 27) > 0.5, 0, -1).astype(np.float32)
    if what == "noise":
        relative[60:63, 60:63] = -0.8
    if what == "nothing at 0":
        relative[:] = -0.7
    own, places = split_instances(matte, relative)
    assert own is matte and places is relative


def test_only_who_points_at_one_gets_one() -> None:
    matte, relative = two_things()
    rng = np.random.default_rng(3)
    photo = rng.integers(60, 200, (*SIZE, 3), np.uint8)
    places = estimated_scene(cv2.resize(photo, (704, 528), interpolation=cv2.INTER_NEAREST), matte, relative)

    def fine(where: str) -> tuple[float, float]:
        looked, focus = places.focus_at(where)
        drawn = draw_scene(looked, LensSettings(0.06, focus)).astype(np.float32)
        sides = [drawn[264 - 40 : 264 + 40, x - 40 : x + 40] for x in (60 * 4, 112 * 4)]
        return tuple(float(np.abs(np.diff(side, axis=1)).mean()) for side in sides)  # type: ignore[return-value]

    left, right = fine("auto")
    assert 0.8 < left / right < 1.25
    left, right = fine(f"{60 / 176},0.5")
    assert left > 3 * right
    left, right = fine(f"{112 / 176},0.5")
    assert right > 3 * left
    with pytest.raises(ValueError, match="outside"):
        places.focus_at("2000,5")


def beside(matte: float, relative: float, half: int) -> bool:
    """Whether a square of that matte and disparity, 2 x `half` px wide and apart from the subject, leaves it."""
    whole, places = disc(66, 50, 30), np.full(SIZE, -1, np.float32)
    places[disc(66, 50, 27) > 0.5] = 0.0
    square = np.s_[66 - half : 66 + half, 130 - half : 130 + half]
    whole[square], places[square] = matte, relative
    own, _ = split_instances(whole, places)
    return bool(own[66, 130] == 0)


@pytest.mark.parametrize(
    ("matte", "relative", "half", "leaves"),
    [
        (1.0, -0.6, 12, True),
        (0.3, -0.6, 12, True),  # A little matte is enough for another thing.
        (0.2, -0.6, 12, False),
        (1.0, -0.27, 12, True),
        (1.0, -0.23, 12, False),  # It is where the subject is.
        (1.0, 0.27, 12, True),
        (1.0, -0.6, 6, True),
        (1.0, -0.6, 4, False),  # Less than a five hundredth of the photo is noise.
    ],
)
def test_what_is_another_thing(matte: float, relative: float, half: int, leaves: bool) -> None:
    assert beside(matte, relative, half) == leaves


@pytest.mark.parametrize(("faint", "leaves"), [(0.05, False), (0.15, True)])
def test_a_faint_matte_beside_another_thing_leaves_with_it(faint: float, leaves: bool) -> None:
    matte, relative = two_things()
    matte[20:30, 100:120] = faint
    own, places = split_instances(matte, relative)
    assert (own[25, 110] == 0) == leaves and (places[25, 110] == pytest.approx(-0.6)) == leaves
