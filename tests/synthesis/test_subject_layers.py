import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wideopen.image.color import linear_to_srgb, srgb_to_linear
from wideopen.image.inpaint import push_pull  # fmt: skip
from wideopen.scene.background_depth import Plane
from wideopen.scene.matte_regions import find_foot  # fmt: skip
from wideopen.synthesis.subject_layers import (  # fmt: skip
    Scene,
    fill_background,
    foreground_color,
    make_pair,
    refine_matte,
    take_apart,
)

Float = NDArray[np.float32]

HEIGHT, WIDTH = 240, 320


def disc(row: float, column: float, radius: float, soft: float = 1.5) -> Float:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.clip((radius - np.hypot(y - row, x - column)) / soft + 0.5, 0, 1).astype(np.float32)


def grass(seed: int = 0) -> Float:
    noise = np.random.default_rng(seed).random((HEIGHT, WIDTH, 3)).astype(np.float32)
    color = np.array([0.25, 0.5, 0.2], np.float32)
    return np.clip(color + 0.6 * (cv2.GaussianBlur(noise, (0, 0), 1.0) - 0.5), 0, 1).astype(np.float32)


def red_ball(alpha: Float) -> Float:
    """A red ball on grass, sRGB-encoded, mixed in linear light as a camera does."""
    red = srgb_to_linear(np.array([0.85, 0.1, 0.1], np.float32))
    return linear_to_srgb(alpha[..., None] * red + (1 - alpha[..., None]) * srgb_to_linear(grass()))


def detail(image: Float) -> float:
    return float(cv2.Laplacian(np.ascontiguousarray(image), cv2.CV_32F).std())


def test_target_keeps_the_subject_and_the_ground_at_its_foot_and_blurs_the_rest() -> None:
    alpha = disc(140, 160, 45)
    photo = red_ball(alpha)
    pair = make_pair(photo, take_apart(photo, alpha), blur_px=6.0)
    inside = cv2.erode(alpha, np.ones((9, 9), np.uint8)) > 0.99
    np.testing.assert_array_equal(pair.target[inside], photo[inside])
    at_foot = slice(184, 187)
    np.testing.assert_allclose(pair.target[at_foot, :100], photo[at_foot, :100], atol=0.01)
    assert detail(pair.target[:80]) < 0.1 * detail(photo[:80])
    assert detail(pair.target[215:]) < 0.6 * detail(photo[215:])
    assert pair.sharp[140, 160] == 1.0
    assert pair.sharp[185, 20] > 0.95
    assert pair.sharp[20, 20] == 0.0


def test_blur_grows_with_distance_up_to_the_horizon() -> None:
    alpha = disc(160, 160, 40)
    photo = red_ball(alpha)
    pair = make_pair(photo, take_apart(photo, alpha), blur_px=6.0)
    bands = [detail(pair.target[row : row + 16, :90]) for row in (180, 160, 140, 120)]
    assert bands == sorted(bands, reverse=True)


@pytest.mark.parametrize("error_px", [0, 2])
def test_no_halo_of_the_subject_around_it(error_px: int) -> None:
    """Not even when the matte is 2 px too small."""
    true = disc(120, 160, 45)
    photo = red_ball(true)
    pair = make_pair(photo, take_apart(photo, disc(120, 160, 45 - error_px)), blur_px=6.0)
    ring = (disc(120, 160, 60) > 0.5) & (disc(120, 160, 50) < 0.5)
    ring[120:] = False  # The upper half, away from the sharp ground.
    green = photo[:40].mean(axis=(0, 1))
    assert np.abs(pair.target[ring].mean(axis=0) - green).max() < 0.02


def test_soft_edges_keep_the_subjects_own_colour() -> None:
    alpha = disc(120, 160, 45, soft=12)
    photo = red_ball(alpha)
    scene = Scene(srgb_to_linear(photo), alpha, np.zeros_like(alpha), 300.0, Plane(0.0))
    edge = (alpha > 0.3) & (alpha < 0.8)
    red = srgb_to_linear(np.array([0.85, 0.1, 0.1], np.float32))
    background = fill_background(scene, np.full_like(alpha, 6.0))
    found = np.abs(foreground_color(scene, background)[edge] - red).mean()
    assert found < 0.04
    assert found < 0.3 * np.abs(scene.photo[edge] - red).mean()


def test_what_the_matte_doubts_is_not_filled_in() -> None:
    """A bystander of matte 0.4 stays in the background, blurred, in place of leaving a ghost."""
    alpha = np.maximum(disc(120, 90, 40), 0.4 * disc(120, 240, 40))
    photo = red_ball(np.maximum(disc(120, 90, 40), disc(120, 240, 40)))
    scene = take_apart(photo, alpha)
    assert scene.doubt[120, 240] > 0.99
    assert scene.doubt[120, 90] < 0.01
    background = fill_background(scene, np.full_like(alpha, 6.0))
    np.testing.assert_allclose(background[110:130, 230:250], scene.photo[110:130, 230:250], atol=1e-6)
    assert np.abs(background[110:130, 80:100] - scene.photo[110:130, 80:100]).max() > 0.2
    pair = make_pair(photo, scene, blur_px=6.0)
    np.testing.assert_allclose(pair.target[110:130, 230:250], photo[110:130, 230:250], atol=0.02)


def test_foot_is_the_lowest_row_of_the_subject() -> None:
    assert find_foot(disc(120, 160, 45)) == pytest.approx(165, abs=5)
    speck = disc(120, 160, 45)
    speck[230:233, 10:13] = 1.0
    assert find_foot(speck) == pytest.approx(165, abs=5)


def test_a_subject_cut_by_the_frame_stands_below_it_and_all_behind_is_blurred() -> None:
    alpha = disc(230, 160, 80)
    assert find_foot(alpha) == pytest.approx(1.3 * HEIGHT)
    photo = red_ball(alpha)
    pair = make_pair(photo, take_apart(photo, alpha), blur_px=8.0)
    assert pair.sharp[:, :40].max() < 0.2


def test_nothing_found_is_no_subject() -> None:
    assert find_foot(np.zeros((HEIGHT, WIDTH), np.float32)) == pytest.approx(1.3 * HEIGHT)


def test_push_pull_keeps_what_is_known_and_continues_it() -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH].astype(np.float32)
    ramp = np.dstack([x / WIDTH, y / HEIGHT, np.full_like(x, 0.3)])
    known = np.ones((HEIGHT, WIDTH), np.float32)
    known[90:150, 120:200] = 0.0
    damaged = ramp.copy()
    damaged[known == 0] = 9.0
    filled = push_pull(damaged, known)
    np.testing.assert_array_equal(filled[known == 1], ramp[known == 1])
    assert np.abs(filled - ramp).max() < 0.15
    assert np.abs(filled - ramp)[known == 0].mean() < 0.05


def test_hand_drawn_masks_get_a_soft_edge_and_soft_mattes_keep_theirs() -> None:
    photo = red_ball(disc(120, 160, 45))
    hard = (disc(120, 160, 45) > 0.5).astype(np.float32)
    soft = refine_matte(photo, hard)
    assert ((soft > 0.1) & (soft < 0.9)).sum() > 200
    assert np.abs(soft - disc(120, 160, 45, soft=4)).mean() < 0.01
    smooth = disc(120, 160, 45, soft=6)
    assert np.abs(refine_matte(photo, smooth) - smooth).mean() < 0.01
