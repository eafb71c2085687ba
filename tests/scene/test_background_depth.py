"""Guesses at where a background lies: how often each kind is drawn, and within which bounds."""

from collections import Counter
from functools import cache

import numpy as np
import pytest

from wideopen.scene.background_depth import Corner, Plane, Surface, draw_surface, find_sky

HEIGHT, WIDTH = 200, 300
DRAWS = 1500


@cache
def drawn(foot: float, sky: float = 0.0) -> list[Surface]:
    return [draw_surface(np.random.default_rng(seed), (HEIGHT, WIDTH), foot, sky) for seed in range(DRAWS)]


@pytest.mark.parametrize(
    ("foot", "sky", "shares"),
    [
        (150.0, 0.0, {"ground": 0.3, "ground-wall": 0.7}),
        (1.3 * HEIGHT, 0.0, {"ground": 0.15, "ground-wall": 0.35, "wall": 0.25, "far": 0.25}),
        (150.0, 40.0, {"ground": 1.0}),
        (1.3 * HEIGHT, 40.0, {"ground": 1.0}),
    ],
)
def test_kinds_are_drawn_as_often_as_they_fit(foot: float, sky: float, shares: dict[str, float]) -> None:
    found = Counter(surface.kind for surface in drawn(foot, sky))
    assert set(found) == set(shares)
    for kind, share in shares.items():
        assert found[kind] / DRAWS == pytest.approx(share, abs=0.04)


@pytest.mark.parametrize(("foot", "sky"), [(150.0, 0.0), (150.0, 60.0), (100.0, 0.0), (1.3 * HEIGHT, 0.0)])
def test_the_horizon_lies_in_the_upper_half_below_the_sky_and_well_above_the_foot(foot: float, sky: float) -> None:
    horizons = np.array([surface.horizon for surface in drawn(foot, sky)])
    most = min(foot - 0.3 * HEIGHT, foot - 0.9 * (HEIGHT - foot))
    assert horizons.max() <= most + 1e-9
    least = min(max(0.22 * HEIGHT, 1.05 * sky), most)
    assert horizons.min() == pytest.approx(least, abs=0.2) and horizons.max() == pytest.approx(min(100, most), abs=0.2)
    for surface in drawn(foot, sky)[:50]:
        assert surface.row_of(0.0) == surface.horizon and surface.row_of(1.0) == pytest.approx(foot)


def middles_and_tilts(kind: str) -> tuple[np.ndarray, np.ndarray]:
    """Of walls: disparity in mid-frame, and how much nearer the right border is, as a share of it."""
    planes = [surface.plane for surface in drawn(1.3 * HEIGHT) if surface.kind == kind]
    walls = [plane.wall if isinstance(plane, Corner) else plane for plane in planes]
    middle = np.array([wall.d0 + wall.dx * WIDTH / 2 for wall in walls])
    assert {(wall.low, wall.high, wall.dy) for wall in walls} == {(0.0, 0.85, 0.0)}, "never as near as the subject"
    return middle, np.array([wall.dx * WIDTH / 2 for wall in walls]) / middle


@pytest.mark.parametrize(("kind", "tilt"), [("wall", 1.0), ("ground-wall", 0.5)])
def test_walls_lie_at_two_to_eight_times_the_distance_and_lean(kind: str, tilt: float) -> None:
    middle, leans = middles_and_tilts(kind)
    assert middle.min() == pytest.approx(0.12, abs=0.005) and middle.max() == pytest.approx(0.55, abs=0.02)
    assert np.median(middle) == pytest.approx(np.sqrt(0.12 * 0.55), abs=0.03), "even in their logarithm"
    assert leans.min() == pytest.approx(-tilt, abs=0.03) and leans.max() == pytest.approx(tilt, abs=0.03)


def test_what_is_far_is_flat_and_farther_than_any_wall() -> None:
    planes = [surface.plane for surface in drawn(1.3 * HEIGHT) if surface.kind == "far"]
    values = np.array([plane.d0 for plane in planes])
    assert all(plane == Plane(plane.d0) for plane in planes)
    assert values.min() == pytest.approx(0.036, abs=0.002) and values.max() == pytest.approx(0.165, abs=0.006)


def test_a_ground_comes_no_nearer_than_half_way_to_us() -> None:
    ground = next(surface.plane for surface in drawn(150.0) if surface.kind == "ground")
    assert (ground.low, ground.high) == (0.0, 2.0)
    corner = Corner(-1.0, dy=0.02, low=0.0, high=2.0, wall=Plane(0.3, dx=0.001))
    found = corner.disparity(HEIGHT, WIDTH)
    assert found[10, 100] == pytest.approx(0.4) and found[100, 0] == pytest.approx(1.0) and found.max() == 2.0


def photo_of(sky: tuple[float, float, float], rows: int, columns: int = WIDTH) -> np.ndarray:
    """A smooth area above coarse noise."""
    photo = np.random.default_rng(1).uniform(0.1, 0.9, (HEIGHT // 10, WIDTH // 10, 3)).repeat(10, 0).repeat(10, 1)
    photo[:rows, :columns] = sky
    return photo.astype(np.float32)


@pytest.mark.parametrize(
    ("sky", "rows", "columns", "found"),
    [
        ((0.6, 0.7, 0.9), 80, WIDTH, True),
        ((0.45, 0.45, 0.45), 80, WIDTH, True),
        ((0.39, 0.39, 0.39), 80, WIDTH, False),  # Too dark.
        ((0.62, 0.6, 0.6), 80, WIDTH, True),
        ((0.66, 0.6, 0.6), 80, WIDTH, False),  # Too warm.
        ((0.6, 0.7, 0.9), 30, WIDTH, True),
        ((0.6, 0.7, 0.9), 12, WIDTH, False),  # Too little of the photo.
        ((0.6, 0.7, 0.9), 80, 220, True),
        ((0.6, 0.7, 0.9), 80, 160, False),  # Too little of its upper border.
    ],
)
def test_what_counts_as_sky(sky: tuple[float, float, float], rows: int, columns: int, found: bool) -> None:
    """But for 8 px (two or three rows of the small picture), in which the border's own detail shows."""
    assert find_sky(photo_of(sky, rows, columns)) == (pytest.approx(rows - 7, abs=3) if found else 0)


def test_a_smooth_area_that_does_not_reach_the_top_is_no_sky() -> None:
    photo = photo_of((0.6, 0.7, 0.9), 80)
    photo[:12] = photo_of((0, 0, 0), 0)[:12]
    assert find_sky(photo) == 0
