"""What recedes as a ground does: drawn scenes whose depth is known, and when a point is on the ground."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from wideopen.pairs.pair_scene import STEPS, PairScene
from wideopen.scene.background_depth import SUBJECT_DISPARITY, draw_surface
from wideopen.scene.focus import at_point
from wideopen.scene.ground_prior import apply_ground_prior, expected, lies_on
from wideopen.scene.scene import estimated_scene

SIZE = HEIGHT, WIDTH = 192, 256
FOOT = 150
THING, BESIDE = np.s_[60:130, 180:210], np.s_[60:110, 225:245]


def person(bottom: int = FOOT) -> np.ndarray:
    """Matte of a standing block with a soft edge, feet at row `bottom`."""
    matte = np.zeros(SIZE, np.float32)
    matte[40:bottom, 90:130] = 1
    return cv2.GaussianBlur(matte, (0, 0), 1)


def truth(number: int, matte: np.ndarray, foot: float) -> np.ndarray:
    """A background as pairs are made of, in a lens head's units."""
    disparity = draw_surface(np.random.default_rng(number), SIZE, foot, 0.0).plane.disparity(*SIZE) / SUBJECT_DISPARITY
    codes = (np.where(matte > 0.5, 1.0, disparity).clip(0, 65535 / STEPS) * STEPS).astype(np.uint16)
    return PairScene(codes, matte).relative


@pytest.fixture
def photo() -> np.ndarray:
    return np.random.default_rng(0).random((*SIZE, 3)).astype(np.float32) * np.float32(0.4)  # Too dark for a sky.


def test_it_is_nearer_the_truth_than_a_network_that_smears(photo: np.ndarray) -> None:
    matte, better = person(), 0
    outside = matte < 0.05
    for number in range(100, 120):
        wanted = truth(number, matte, FOOT)
        told = cv2.GaussianBlur(0.6 * wanted, (0, 0), 12)  # Hedged, and smeared around the subject.
        off = np.abs(apply_ground_prior(photo, matte, told) - wanted)[outside].mean()
        better += off < np.abs(told - wanted)[outside].mean()
    assert better >= 17


def test_the_mean_of_backgrounds_that_fit() -> None:
    matte = person()
    ground = expected(matte, float(FOOT), 0.0)
    slow = np.mean([truth(number, matte, FOOT) for number in range(40)], axis=0)
    outside = cv2.dilate(matte, np.ones((9, 9))) < 0.05
    assert np.abs(ground - slow)[outside].mean() < 0.02
    assert abs(float(ground[FOOT, 20])) < 0.05 and (np.diff(ground[:, 20]) > -1e-4).all()
    assert ground[:40, 20].mean() < -0.8 and ground[-1, 20] > 0.1


def test_a_subject_cut_off_by_the_frame_stands_below_it(photo: np.ndarray) -> None:
    """Also where the matte fades towards the lower edge."""
    matte = person(HEIGHT)
    fading = matte * np.linspace(1.6, 0.3, HEIGHT, dtype=np.float32).clip(0, 1)[:, None]
    flat = np.full(SIZE, -0.5, np.float32)
    whole, faded = apply_ground_prior(photo, matte, flat), apply_ground_prior(photo, fading, flat)
    assert whole[-1, 20] < -0.1
    assert faded[-1, 20] < apply_ground_prior(photo, person(FOOT), flat)[-1, 20] - 0.1


def test_what_stands_out_of_its_row_stays_as_told(photo: np.ndarray) -> None:
    matte = person()
    told = truth(3, matte, FOOT)
    told[THING] = 0.9
    told[BESIDE] = 0.0
    found = apply_ground_prior(photo, matte, told)
    assert found[80:110, 188:202].min() > 0.8
    assert np.abs(found[75:95, 231:239]).max() < 0.02
    assert np.abs(found - told)[matte > 0.999].max() < 1e-3
    # A network that takes whole rows to be nearer is not believed.
    assert np.abs(apply_ground_prior(photo, matte, told + np.float32(0.5)) - found)[150:, 140:].max() < 0.05


def test_doubt_about_the_subject_is_doubt_about_the_ground(photo: np.ndarray) -> None:
    matte = person()
    told = np.zeros(SIZE, np.float32)
    ground = apply_ground_prior(photo, matte, told)
    matte[60:130, 20:50] = 0.3
    found = apply_ground_prior(photo, matte, told)
    assert np.allclose(found[60:130, 20:50], 0.7 * ground[60:130, 20:50], atol=0.02)


@pytest.mark.parametrize("matte", [np.zeros(SIZE, np.float32), np.ones(SIZE, np.float32)], ids=["nothing", "all"])
def test_without_a_subject_or_anything_else_it_is_as_told(photo: np.ndarray, matte: np.ndarray) -> None:
    told = np.random.default_rng(1).random(SIZE).astype(np.float32)
    assert np.array_equal(apply_ground_prior(photo, matte, told), told)


def test_points_on_the_ground_and_on_things() -> None:
    matte = person()
    ground = expected(matte, float(FOOT), 0.0)
    told = ground + np.float32(0.1)  # A network is off by as much for a whole row.
    assert lies_on(ground, matte, told, (0.1, 0.9)) and lies_on(ground, matte, told, (0.1, 0.1))
    told[FOOT - 40 : FOOT + 10, 180:210] += 0.3
    assert not lies_on(ground, matte, told, (195 / WIDTH, (FOOT - 5) / HEIGHT))
    assert not lies_on(ground, matte, told, (110 / WIDTH, (FOOT - 5) / HEIGHT))
    told[:60, 180:210] += 0.2
    assert lies_on(ground, matte, told, (195 / WIDTH, 0.1))
    told[:60, 180:210] += 0.3
    assert not lies_on(ground, matte, told, (195 / WIDTH, 0.1))


def test_a_tap_on_the_ground_focuses_on_its_row(photo: np.ndarray) -> None:
    """And one on a thing that stands there is drawn as the network tells."""
    matte = person()
    ground = expected(matte, float(FOOT), 0.0)
    told = ground + np.float32(0.1)
    told[FOOT - 40 : FOOT + 10, 180:210] += 0.3
    places = estimated_scene(np.rint(255 * photo).astype(np.uint8), matte, told, ground)

    def view(part: object) -> object:
        from wideopen.scene.closer import View

        here = part.of(*SIZE)  # type: ignore[attr-defined]
        return View(part, np.zeros_like(matte[here]), told[here])  # type: ignore[arg-type]

    places = replace(places, view=view)  # type: ignore[arg-type]
    looked, focus = places.focus_at("0.1,0.9")
    assert looked.relative is ground and focus == pytest.approx(at_point(ground, 0.1, 0.9), abs=1e-6)
    looked, _ = places.focus_at(f"{195 / WIDTH},{(FOOT - 5) / HEIGHT}")
    assert looked.ground is None and np.abs(looked.relative - told)[matte < 0.05].max() < 0.2
    auto, focus = places.focus_at("auto")
    assert auto.relative is ground and focus == 0
