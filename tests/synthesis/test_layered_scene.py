"""The parts that varied scenes are made of, each against something simple."""

import math

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from reference.lens import trace
from wideopen.image.color import linear_to_srgb
from wideopen.lens.apertures import Aperture
from wideopen.lens.layered_lens import Layer, expose
from wideopen.scene.background_depth import Plane, draw_surface, find_sky
from wideopen.synthesis.camera_sampling import Camera, Response, draw_camera, draw_response
from wideopen.synthesis.cutouts import Cutout, place_obstacle, place_second
from wideopen.synthesis.lamps import draw_lamps
from wideopen.synthesis.options import VariedOptions

Float = NDArray[np.float32]

HEIGHT, WIDTH = 120, 160


def texture(seed: int) -> Float:
    noise = np.random.default_rng(seed).random((HEIGHT, WIDTH, 3)).astype(np.float32)
    return np.clip((cv2.GaussianBlur(noise, (0, 0), 1.5) - 0.5) * 3 + 0.5, 0, 1).astype(np.float32)


def ball(column: float, row: float, radius: float) -> Float:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.clip(radius - np.hypot(x - column, y - row) + 0.5, 0, 1).astype(np.float32)


@pytest.mark.parametrize("focus", [1.0, 0.1, 2.0])
@pytest.mark.parametrize("gain", [1.0, 4.0])
def test_exposure_agrees_with_ray_sampling(focus: float, gain: float) -> None:
    layers = [
        Layer(texture(1), Plane(2.0), ball(30, 90, 30)),
        Layer(texture(2), Plane(1.0), ball(90, 60, 35)),
        Layer(texture(3), Plane(0.1)),
    ]
    seen = expose(layers, 5.0, focus, gain)
    truth = trace(layers, 5.0, focus, gain, rays=300)
    inside = (slice(8, -8), slice(8, -8))
    error = np.mean((seen.linear[inside] - truth[inside]) ** 2)
    assert -10 * np.log10(error) > 35
    np.testing.assert_allclose(sum(seen.shares), 1.0, atol=1e-4)


def test_a_pinhole_sees_the_plain_composite() -> None:
    alpha = ball(80, 60, 30)
    seen = expose([Layer(texture(1), Plane(1.0), alpha), Layer(texture(2), Plane(0.0))], 0.0, 1.0, 4.0)
    expected = alpha[..., None] * texture(1) + (1 - alpha[..., None]) * texture(2)
    np.testing.assert_allclose(seen.linear[alpha == 1], expected[alpha == 1], atol=1e-5)
    np.testing.assert_allclose(seen.sharp(0.7, 1.8), 1.0, atol=1e-6)


@pytest.mark.parametrize("aperture", [Aperture(), Aperture(blades=6), Aperture(blades=5, roundness=0.5)])
@pytest.mark.parametrize("number", [1.4, 2.8])
def test_a_lamp_becomes_the_aperture_with_the_radius_of_the_f_number(aperture: Aperture, number: float) -> None:
    camera = Camera(50.0, number, 14.9, 2.0, aperture)
    light = np.zeros((HEIGHT, WIDTH, 3), np.float32)
    light[60, 80] = 10.0
    black = Layer(np.zeros((HEIGHT, WIDTH, 3), np.float32), Plane(0.0))
    blur = camera.blur_per_disparity(1.0) * 400
    disc = expose([black], blur, 1.0, 1000.0, aperture, light).linear[..., 0].astype(float)
    # c = f^2 / (N (s - f)): by hand, in px of a picture of 400 px on a sensor of 14.9 mm.
    radius = 0.5 * 50.0**2 / (number * (2000.0 - 50.0)) / 14.9 * 400
    rows, columns = np.nonzero(disc > 1e-3)
    assert np.hypot(rows - 60, columns - 80).max() == pytest.approx(radius, abs=1.0)
    blades, roundness = aperture.blades, aperture.roundness
    polygon = blades / 2 * math.sin(2 * math.pi / blades) if blades else math.pi
    expected = (polygon if not roundness else (polygon + math.pi) / 2) * radius**2
    assert disc.sum() == pytest.approx(10.0, rel=1e-3)
    assert disc.sum() / disc.max() == pytest.approx(expected, rel=0.04)


def test_lamps_clip_and_stay_where_they_may() -> None:
    free = np.zeros((HEIGHT, WIDTH), np.float32)
    free[:50, :80] = 1.0
    light, count = draw_lamps(np.random.default_rng(0), free)
    assert count >= 2
    assert light.max() > 3
    rows, columns = np.nonzero(light.max(axis=2) > 1)
    assert rows.max() < 54
    assert columns.max() < 84
    assert draw_lamps(np.random.default_rng(0), free * 0)[1] == 0


def test_cameras_keep_to_the_options() -> None:
    options = VariedOptions(f_numbers=(1.2, 16.0), max_blur=0.05)
    cameras = [draw_camera(np.random.default_rng(seed), options) for seed in range(400)]
    numbers = np.array([camera.f_number for camera in cameras])
    assert numbers.min() >= 1.2
    assert numbers.max() <= 16
    assert max(camera.blur_per_disparity(1.0) for camera in cameras) <= 0.0501
    # Log-uniform: as many below the geometric mean as above, but for those stopped down.
    assert (numbers < math.sqrt(1.2 * 16)).mean() == pytest.approx(0.5, abs=0.08)
    assert {camera.aperture.blades for camera in cameras} == {0, 5, 6, 7, 8, 9}
    assert not any(camera.aperture.vignette for camera in cameras if camera.f_number >= 4)
    assert any(camera.aperture.vignette for camera in cameras)
    assert cameras[0].lens(0.0).focus_distance_m == math.inf


@pytest.mark.parametrize(
    "values",
    [
        {"f_numbers": (4.0, 2.0)}, {"f_numbers": (0.1, 2.0)}, {"second": 1.2}, {"lamps": -0.1}, {"elsewhere": 2},
        {"obstacles": 9}, {"swaps": -1}, {"max_blur": 0}, {"response": -1}, {"misalign": 99}, {"grain": 9},
    ],
)  # fmt: skip
def test_options_are_checked(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(values))):
        VariedOptions(**values)  # type: ignore[arg-type]


def test_misalignment_moves_no_corner_farther_than_asked() -> None:
    options = VariedOptions(misalign=3.0)
    for seed in range(40):
        response = draw_response(np.random.default_rng(seed), options, (HEIGHT, WIDTH))
        dots = np.zeros((HEIGHT, WIDTH, 3), np.float32)
        for row in (20, 99):
            for column in (20, 139):
                dots[row, column] = 1.0
        smooth = cv2.GaussianBlur(dots, (0, 0), 1.5)
        moved = response.apply(smooth)[..., 0]
        for row in (20, 99):
            for column in (20, 139):
                part = moved[row - 10 : row + 11, column - 10 : column + 11]
                y, x = np.mgrid[-10:11, -10:11]
                at = np.hypot((part * x).sum(), (part * y).sum()) / part.sum()
                assert at < 3.0
    still = draw_response(np.random.default_rng(0), VariedOptions(), (HEIGHT, WIDTH))
    assert still == Response()
    assert still.apply(dots) is dots


def test_sky_is_found_and_a_wall_is_none() -> None:
    picture = linear_to_srgb(texture(4) * 0.3)
    assert find_sky(picture) == 0
    picture[:40] = (0.55, 0.7, 0.95)
    assert find_sky(picture) == pytest.approx(40, abs=4)
    picture[:40] = (0.8, 0.6, 0.45)
    assert find_sky(picture) == 0


def test_surfaces_meet_the_subject_at_its_foot_and_recede() -> None:
    kinds = set()
    for seed in range(60):
        foot = 100.0 if seed % 2 else 1.3 * HEIGHT
        surface = draw_surface(np.random.default_rng(seed), (HEIGHT, WIDTH), foot, 0.0)
        kinds.add(surface.kind)
        disparity = surface.plane.disparity(HEIGHT, WIDTH)
        assert disparity.min() >= 0
        assert disparity.max() <= 2
        if foot < HEIGHT:
            assert surface.kind in ("ground", "ground-wall")
            np.testing.assert_allclose(disparity[100], 1.0, atol=0.02)
            assert (np.diff(disparity, axis=0) >= -1e-6).all()
            assert disparity[0].max() < 0.9
        assert surface.row_of(1.0) == pytest.approx(foot)
    assert kinds == {"ground", "ground-wall", "wall", "far"}
    sky = draw_surface(np.random.default_rng(0), (HEIGHT, WIDTH), 110.0, 50.0)
    assert sky.kind == "ground"
    assert sky.plane.disparity(HEIGHT, WIDTH)[:50].max() == 0


def cut(touches: frozenset[str] = frozenset()) -> Cutout:
    return Cutout("x", texture(5)[:80, :40], np.ones((80, 40), np.float32), touches, np.ones(3, np.float32))


def test_cut_outs_stand_on_the_ground_or_reach_in_from_the_border() -> None:
    subject, light = ball(60, 60, 25), np.ones(3, np.float32)
    surface = draw_surface(np.random.default_rng(1), (HEIGHT, WIDTH), 100.0, 0.0)
    placed = [place_second(np.random.default_rng(seed), cut(), surface, subject, light) for seed in range(30)]
    assert sum(p is not None for p in placed) > 5
    for second in filter(None, placed):
        assert second.layer.alpha is not None
        lowest = np.flatnonzero(second.layer.alpha.any(axis=1))[-1]
        assert lowest == pytest.approx(min(surface.row_of(second.disparity), HEIGHT) - 1, abs=1)
        assert second.disparity != 1.0
    for side in ("left", "right"):
        for seed in range(20):
            obstacle = place_obstacle(np.random.default_rng(seed), cut(frozenset({side})), subject, light)
            if obstacle is not None:
                assert obstacle.layer.alpha is not None
                assert obstacle.layer.alpha[:, 0 if side == "left" else -1].any()
                assert 1.7 <= obstacle.disparity <= 3
