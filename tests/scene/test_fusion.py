"""Matte and disparity made one scene, on drawn scenes of which it is plain what must come out."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from wideopen.photo.depth_map import DepthMap
from wideopen.scene.fusion import scene_of_map, with_subject
from wideopen.scene.scene import Disparity, Matte, Scene

HEIGHT, WIDTH = 240, 320
NEAR, FAR = 0.8, 0.2
BOX = slice(60, 200), slice(100, 220)
WHOLE = slice(0, HEIGHT), slice(0, WIDTH)


def box(*parts: tuple[slice, slice]) -> np.ndarray:
    """A matte of rectangles."""
    matte = np.zeros((HEIGHT, WIDTH), np.float32)
    for part in parts:
        matte[part] = 1
    return matte


def photo_of(matte: np.ndarray) -> np.ndarray:
    """The subject is light, what is behind it dark: a photo whose edges are the matte's."""
    return np.repeat(np.where(matte > 0.5, 200, 60).astype(np.uint8)[..., None], 3, axis=2)


def fused(matte: np.ndarray, disparity: np.ndarray, metric: bool = False, parts: bool = False) -> Scene:
    photo = photo_of(matte)
    scene = scene_of_map(photo, DepthMap(disparity.astype(np.float32), metric=metric), "map")
    return with_subject(scene, Matte(matte, "matte"), parts)


def test_the_matte_s_edge_wins_over_a_soft_map() -> None:
    matte = box(BOX)
    map = cv2.GaussianBlur(FAR + (NEAR - FAR) * matte, (0, 0), 1.2)
    scene = fused(matte, map)
    seen = scene.disparity_at(*WHOLE, scene.pixels)
    assert np.abs(seen - (FAR + (NEAR - FAR) * matte)).max() < 0.01
    worst = np.abs(map - (FAR + (NEAR - FAR) * matte)).max()
    assert worst > 0.25, "the map alone is far off at the edge"


def test_a_map_that_is_off_by_some_pixels_leaves_no_rim() -> None:
    """The map's subject lies two pixels to the left of the matte's, as a second camera's does."""
    matte = box(BOX)
    scene = fused(matte, np.roll(FAR + (NEAR - FAR) * matte, -2, axis=1))
    seen = scene.disparity_at(*WHOLE, scene.pixels)
    assert np.abs(seen - (FAR + (NEAR - FAR) * matte)).max() < 0.01


def test_a_held_thing_stays_with_its_holder() -> None:
    """The map has lost the thin stick that the subject holds: it lies as far as the background there."""
    stick = slice(70, 74), slice(220, 300)
    scene = fused(box(BOX, stick), FAR + (NEAR - FAR) * box(BOX))
    seen = scene.disparity_at(*WHOLE, scene.pixels)
    assert seen[stick].min() == seen[stick].max() == pytest.approx(NEAR)
    assert np.abs(seen[78:120, 230:300] - FAR).max() < 0.01


def test_what_is_nearer_and_not_the_subject_stays_nearer() -> None:
    """A post in front, apart from the subject."""
    post = slice(0, HEIGHT), slice(20, 50)
    map = FAR + (NEAR - FAR) * box(BOX)
    map[post] = 1
    scene = fused(box(BOX), map)
    seen = scene.disparity_at(*WHOLE, scene.pixels)
    assert np.abs(seen[:, 24:46] - 1).max() < 0.01 and scene.relative[120, 30] > 0


def test_the_ground_goes_on_behind_the_subject() -> None:
    ramp = np.linspace(0.1, 0.6, HEIGHT, dtype=np.float32)[:, None].repeat(WIDTH, 1)
    matte = box(BOX)
    scene = fused(matte, np.where(matte > 0, np.float32(NEAR), ramp))
    assert np.abs(scene.disparity.values - ramp)[BOX].max() < 0.12 and scene.disparity.values.max() < 0.65


def leaning() -> np.ndarray:
    """A subject that comes nearer from 0.5 at its top to 0.9 at its foot, before a wall at 0.1."""
    slope = np.linspace(0.5, 0.9, 140, dtype=np.float32)[:, None].repeat(120, 1)
    map = np.full((HEIGHT, WIDTH), 0.1, np.float32)
    map[BOX] = slope
    return map


def test_all_of_a_subject_is_as_far_or_each_part_for_itself() -> None:
    map = leaning()
    whole, parts = (fused(box(BOX), cv2.GaussianBlur(map, (0, 0), 1.2), parts=each) for each in (False, True))
    assert np.ptp(whole.disparity_at(*WHOLE, whole.pixels)[BOX]) == 0 and whole.subject == pytest.approx(0.7, abs=0.01)
    seen = parts.disparity_at(*WHOLE, parts.pixels)
    away, well = map == map[0, 0], cv2.erode(box(BOX), np.ones((11, 11))) > 0
    assert np.abs(seen - map)[well].max() < 0.01 and np.abs(seen - map)[away].max() < 0.03
    assert np.abs(seen - map).max() < 0.1, "at the rim the slope goes on, flatter, and the wall begins behind it"
    assert parts.subject == whole.subject and parts.focus_at("0.5,0.3")[1] < -0.1 < 0.1 < parts.focus_at("0.5,0.8")[1]


def test_what_the_map_has_lost_of_a_subject_stays_with_the_rest() -> None:
    """A held surfboard, as wide as an arm is long, that the map has as far as the wall."""
    board = slice(80, 130), slice(220, 280)
    map = leaning()
    scene = fused(box(BOX, board), map, parts=True)
    seen = scene.disparity_at(*WHOLE, scene.pixels)
    assert seen[board].min() > 0.5 and np.abs(seen[66:194, 106:214] - map[66:194, 106:214]).max() < 0.03


def test_a_subject_too_thin_for_the_map_is_one() -> None:
    wire = slice(60, 200), slice(150, 152)
    scene = fused(box(wire), FAR + (NEAR - FAR) * box(wire), parts=True)
    assert scene.within is None


@pytest.mark.parametrize("shape", [(60, 80), (480, 640)])
@pytest.mark.parametrize("metric", [False, True])
def test_sizes_and_scales(shape: tuple[int, int], metric: bool) -> None:
    matte = box(BOX)
    map = cv2.resize(FAR + (NEAR - FAR) * matte, shape[::-1], interpolation=cv2.INTER_AREA)
    scene = fused(matte, map, metric)
    assert scene.disparity.scale == ("metres" if metric else "none") and scene.subject == pytest.approx(NEAR, abs=0.01)
    seen = scene.disparity_at(*WHOLE, scene.pixels)
    assert np.abs(seen - (FAR + (NEAR - FAR) * matte)).max() < 0.02


def test_a_faint_matte_has_a_subject_and_an_empty_one_none() -> None:
    map = FAR + (NEAR - FAR) * box(BOX)
    assert fused(box(BOX) * np.float32(0.6), map).subject == pytest.approx(NEAR)
    for matte in (box(), box(BOX) * np.float32(0.4)):
        scene = fused(matte, map)
        assert scene.matte is None and np.array_equal(scene.disparity.values, map.astype(np.float32))


def test_a_matte_that_covers_all_leaves_the_map_as_it_is() -> None:
    map = np.linspace(FAR, NEAR, HEIGHT * WIDTH, dtype=np.float32).reshape(HEIGHT, WIDTH)
    scene = fused(box(WHOLE), map)
    assert np.array_equal(scene.disparity.values, map) and scene.subject == pytest.approx((FAR + NEAR) / 2, abs=0.01)


def network_scene(own: np.ndarray, relative: np.ndarray) -> Scene:
    return Scene(photo_of(own), Matte(own, "network", sure=0.5), Disparity(relative, "subject", "network"))


def test_what_only_the_network_took_for_the_subject_lies_as_far_as_what_is_around_it() -> None:
    """It took a couple behind the statue for a part of it: at 0, among things at -0.6."""
    couple = slice(60, 160), slice(240, 290)
    own = box(BOX, couple)
    relative = np.where(own > 0, 0, np.float32(-0.6)).astype(np.float32)
    scene = with_subject(network_scene(own, relative), Matte(box(BOX), "matte"))
    assert scene.subject == 0 and scene.view is None and scene.matte is not None and scene.matte.source == "matte"
    assert np.abs(scene.relative + 0.6).max() < 0.01


def test_a_network_s_scene_without_a_subject_or_all_subject() -> None:
    own = box(BOX)
    relative = np.where(own > 0, 0, np.float32(-0.6)).astype(np.float32)
    nothing = with_subject(network_scene(own, relative), Matte(box(), "matte"))
    assert nothing.relative.max() <= -0.25, "nothing is sharp"
    everything = with_subject(network_scene(box(WHOLE), np.zeros_like(relative)), Matte(own, "matte"))
    assert everything.relative.max() == -1, "nothing is known of what lies behind"


@pytest.mark.parametrize(("size", "known"), [((300, 400), (300, 400)), ((1200, 1600), (768, 1024))])
def test_what_lies_behind_is_continued_at_a_long_side_of_1024_px_at_most(
    size: tuple[int, int], known: tuple[int, int]
) -> None:
    matte = cv2.resize(box(BOX), size[::-1], interpolation=cv2.INTER_NEAREST)
    map = np.where(matte > 0, np.float32(NEAR), np.float32(FAR))
    photo = np.zeros((*size, 3), np.uint8)
    scene = with_subject(scene_of_map(photo, DepthMap(map, metric=False), "map"), Matte(matte, "matte"), parts=True)
    assert scene.disparity.values.shape == known and scene.within is not None and scene.within.shape == known


def test_parts_are_told_in_units_of_the_subject_s_disparity() -> None:
    values = np.full((4, 6), 0.3, np.float32)
    scene = Scene(
        np.zeros((8, 12, 3), np.uint8), Matte(np.ones((4, 6), np.float32), "matte"), Disparity(values, "metres", "map"),
        subject=0.4, within=np.full((4, 6), 0.5, np.float32),
    )  # fmt: skip
    assert scene.unit == pytest.approx(0.4)
    assert scene.relative == pytest.approx(-0.25) and scene.relative_within == pytest.approx(0.25)
    assert replace(scene, within=None).relative_within is None
    assert replace(scene, subject=0.0).unit == 1e-3, "infinitely far away"
