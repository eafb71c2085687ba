"""Shapes of the aperture: radius, light, orientation, against outlines worked out here by geometry."""

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from wideopen.lens.apertures import Aperture, kernel, second_moments
from wideopen.lens.defocus import convolve
from wideopen.lens.layered_lens import Layer, expose
from wideopen.scene.background_depth import Plane

RADII = (4.0, 11.3, 27.0, 60.5, 128.0)


def polygon(blades: int, rotation_deg: float) -> Callable[[NDArray], NDArray]:
    """Distance from the middle to the edge of a regular polygon with a corner up, by angle counterclockwise from up."""
    corners = np.deg2rad(rotation_deg) + 2 * np.pi * np.arange(blades + 1) / blades

    def reach(angle: NDArray) -> NDArray:
        found = np.full(angle.shape, np.inf)
        for first, second in zip(corners[:-1], corners[1:], strict=True):
            middle = (first + second) / 2  # The normal of the side between two corners.
            along = np.cos(angle - middle)
            found = np.where(along > 1e-6, np.minimum(found, np.cos((second - first) / 2) / along), found)
        return found

    return reach


def oval(squeeze: float) -> Callable[[NDArray], NDArray]:
    return lambda angle: 1 / np.hypot(squeeze * np.sin(angle), np.cos(angle))


def disc(angle: NDArray) -> NDArray:
    return np.ones(angle.shape)


SHAPES = {
    "disc": (Aperture(), disc),
    "pentagon": (Aperture(blades=5), polygon(5, 0)),
    "hexagon, turned": (Aperture(blades=6, rotation_deg=20), polygon(6, 20)),
    "round blades": (Aperture(blades=7, roundness=1), disc),
    "ring": (Aperture(ring=0.5), disc),
    "anamorphic": (Aperture(squeeze=2), oval(2)),
    "picture": (Aperture(picture=np.hypot(*np.mgrid[-399:400:2, -399:400:2]) <= 400), disc),
}


@pytest.mark.parametrize("radius", RADII)
@pytest.mark.parametrize("name", SHAPES)
def test_a_point_light_becomes_the_shape_and_keeps_its_light(name: str, radius: float) -> None:
    aperture, outline = SHAPES[name]
    side = 2 * round(radius) + 41
    middle = side // 2
    scene = np.zeros((side, side, 3), np.float32)
    scene[middle, middle] = 1.0
    # Disparity 0.25, focus at 1: K times 0.75 px.
    seen = expose([Layer(scene, Plane(0.25))], radius / 0.75, 1.0, 1.0, aperture).linear[..., 0].astype(np.float64)
    assert seen.sum() == pytest.approx(1.0, rel=1e-3)
    angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    typical = np.median(seen[seen > 0.2 * seen.max()])
    for angle, expected in zip(angles, radius * outline(angles), strict=True):
        steps = np.arange(0, radius + 4, 0.05)
        columns, rows = middle - steps * np.sin(angle), middle - steps * np.cos(angle)
        along = bilinear(seen, rows, columns)
        assert steps[along > 0.5 * typical].max() == pytest.approx(expected, abs=0.5), np.rad2deg(angle)


def bilinear(image: NDArray, rows: NDArray, columns: NDArray) -> NDArray:
    top, left = np.floor(rows).astype(int), np.floor(columns).astype(int)
    down, right = rows - top, columns - left
    above = image[top, left] * (1 - right) + image[top, left + 1] * right
    below = image[top + 1, left] * (1 - right) + image[top + 1, left + 1] * right
    return above * (1 - down) + below * down


def test_in_front_of_the_focus_shapes_stand_on_their_heads() -> None:
    scene = np.zeros((61, 61, 3), np.float32)
    scene[30, 30] = 1.0
    behind, front = (
        expose([Layer(scene, Plane(disparity))], 20.0, 1.0, 1.0, Aperture(blades=3)).linear for disparity in (0.0, 2.0)
    )
    np.testing.assert_allclose(front, behind[::-1, ::-1], atol=1e-6)
    lit = np.flatnonzero(behind[..., 0].max(axis=1) > 1e-6)
    assert 30 - lit[0] > 1.7 * (lit[-1] - 30)  # A triangle with its corner up.


def test_a_ring_is_dark_in_the_middle() -> None:
    drawn = kernel(40, Aperture(ring=0.5))
    assert drawn[40, 25:56].max() == 0
    assert drawn[40, 2] > 0


def test_cats_eyes_point_at_the_middle_and_keep_their_light() -> None:
    """In the middle a disc; in the corner narrow along the diagonal, long across it."""
    np.testing.assert_array_equal(kernel(30, Aperture(vignette=0.6), (0, 0)), kernel(30))
    drawn = kernel(30, Aperture(vignette=0.6), (0.707, 0.707)).astype(np.float64)
    assert drawn.sum() == pytest.approx(1, abs=1e-5)
    rows, columns = np.mgrid[-30:31, -30:31]
    along, across = (rows + columns) / np.sqrt(2), (rows - columns) / np.sqrt(2)
    spread = [np.sqrt((drawn * axis**2).sum() - (drawn * axis).sum() ** 2) for axis in (along, across)]
    assert spread[0] < 0.6 * spread[1]


def test_vignetting_changes_from_place_to_place_without_seams() -> None:
    """A bright plane stays even, and lamps in the middle stay discs while lamps in the corners are cut."""
    flat = np.full((160, 240, 3), 0.5, np.float32)
    seen = expose([Layer(flat, Plane(0.0))], 15.0, 1.0, 1.0, Aperture(vignette=0.5)).linear
    np.testing.assert_allclose(seen, 0.5, atol=1e-4)
    lamps = np.zeros((480, 720, 3), np.float32)
    lamps[240, 360] = lamps[30, 30] = 1.0
    seen = expose([Layer(lamps, Plane(0.0))], 15.0, 1.0, 1.0, Aperture(vignette=0.5)).linear[..., 0]
    middle, corner = seen[220:260, 340:380], seen[10:50, 10:50]
    # A gather with kernels that differ from place to place: light is conserved as far as they are alike.
    assert middle.sum() == pytest.approx(1, rel=0.05)
    assert corner.sum() == pytest.approx(1, rel=0.05)
    assert (corner > 0.2 * corner.max()).sum() < 0.75 * (middle > 0.2 * middle.max()).sum()


def test_second_moments_are_those_of_the_shape() -> None:
    assert second_moments(Aperture()) == pytest.approx((0.25, 0, 0.25), abs=1e-3)
    assert second_moments(Aperture(squeeze=2)) == pytest.approx((0.25 / 4, 0, 0.25), abs=1e-3)
    assert second_moments(Aperture(ring=0.5)) == pytest.approx((0.3125, 0, 0.3125), abs=1e-3)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"blades": 2}, "blades"),
        ({"blades": 12}, "blades"),
        ({"roundness": 1.1}, "roundness"),
        ({"vignette": -0.1}, "vignette"),
        ({"ring": 1.0}, "ring"),
        ({"squeeze": 5}, "squeeze"),
        ({"picture": np.zeros((4, 4))}, "black"),
        ({"picture": np.ones((4, 4, 3))}, "grey"),
        ({"picture": np.array([[1.0, np.nan]])}, "finite"),
    ],
)
def test_apertures_that_cannot_be(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Aperture(**values)  # type: ignore[arg-type]


def test_apertures_with_other_pictures_are_others() -> None:
    first, second = (Aperture(picture=np.eye(8) + add) for add in (0, 1))
    assert first != second and first == Aperture(picture=np.eye(8))
    assert not np.array_equal(kernel(9, first), kernel(9, second))


@pytest.mark.parametrize("behind", [True, False])
@pytest.mark.parametrize("rim", [1.0, 0.4, -0.7])
def test_rim_of_a_points_disc_is_the_formula_and_turns_over_in_front(rim: float, behind: bool) -> None:
    point = np.zeros((81, 81, 1), np.float32)
    point[40, 40] = 1.0
    disc = convolve(point, 30.0, Aperture(rim=rim), behind)[..., 0]
    rows, columns = np.mgrid[:81, :81] - 40.0
    rho = np.hypot(rows, columns) / 30.0
    inside = rho < 0.97
    theory = (1 + (rim if behind else -rim) * (2 * rho**2 - 1)) / (np.pi * 30.0**2)
    assert disc.sum() == pytest.approx(1.0, abs=1e-4), "no light is lost"
    assert np.abs(disc - theory)[inside].max() < 0.01 * theory[inside].max()
    assert np.abs(disc[rho > 1.05]).max() < 1e-6


def test_rim_keeps_the_light_of_an_oval_and_is_refused_beyond_one() -> None:
    plain, bright = (kernel(25.0, Aperture(squeeze=2.0, rim=rim)) for rim in (0.0, 1.0))
    assert bright.sum() == pytest.approx(1.0, abs=1e-5)
    assert bright[25, 25] == pytest.approx(0.0, abs=float(0.01 * plain.max())), "an oval's middle is dark, too"
    with pytest.raises(ValueError, match="rim must be -1 to 1"):
        Aperture(rim=1.2)


def test_an_opening_that_lets_nothing_through_is_the_ray_in_the_middle() -> None:
    drawn = kernel(6.0, Aperture(vignette=1.0), (0.9, 0.9))
    assert drawn.sum() == drawn[drawn.shape[0] // 2, drawn.shape[1] // 2] == 1
