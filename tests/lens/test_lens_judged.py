"""The lens on a photo with depth, against what optics says exactly: faults that a path tracer found, each by itself."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from test_depth_lens import at

from wideopen.image.color import linear_to_srgb, srgb_to_linear
from wideopen.lens.depth_lens import render_depth
from wideopen.lens.lens_settings import LensSettings

Float = NDArray[np.float32]
HEIGHT, WIDTH = 160, 240


def see(light: Float, disparity: Float, blur: float) -> Float:
    """Linear light through a lens focused at disparity 1."""
    photo = linear_to_srgb(np.ascontiguousarray(light, np.float32))
    lens = LensSettings(blur / HEIGHT, 1.0, highlight_gain=1.0)
    return srgb_to_linear(render_depth(photo, np.ascontiguousarray(disparity, np.float32), at(disparity), lens))


def covered(offset: Float, radius: float) -> Float:
    """Fraction of a disc that lies to the left of a straight line at `offset` px to the right of its middle."""
    t = np.clip(offset / radius, -1, 1)
    return 0.5 + (t * np.sqrt(1 - t * t) + np.arcsin(t)) / np.pi


def bar(width: int, near_px: float, far_px: float) -> tuple[Float, Float, Float]:
    """A black bar before a white wall, both behind the focus: light, radii, and what a lens makes of its middle row."""
    light, radius = np.ones((HEIGHT, WIDTH, 3), np.float32), np.full((HEIGHT, WIDTH), far_px, np.float32)
    left = WIDTH // 2 - width // 2
    light[:, left : left + width], radius[:, left : left + width] = 0.0, near_px
    x = np.arange(WIDTH) + 0.5
    opacity = covered(left + width - x, abs(near_px)) - covered(left - x, abs(near_px))
    return light, radius, (1 - opacity).astype(np.float32)


@pytest.mark.parametrize(
    ("near_px", "far_px"), [(15.0, 20.0), (15.0, 17.5), (11.0, 20.0), (-15.0, 8.0), (-20.0, -15.0)]
)
@pytest.mark.parametrize("width", [9, 16, 40])
def test_a_bar_before_a_wall_has_no_halo(width: int, near_px: float, far_px: float) -> None:
    """A thing whose blur is a little less than that of what is behind it was drawn again into the farther layers."""
    light, radius, expected = bar(width, near_px, far_px)
    blur = 24.0
    seen = see(light, 1 - radius / blur, blur)[HEIGHT // 2, :, 0]
    assert np.abs(seen - expected)[40:-40].max() < 0.045


def lamp_disc(radius_px: float, behind_px: float, side: int = 3, light: float = 0.6) -> tuple[Float, Float]:
    """A square lamp of `side` px on black at one radius, before a black wall at another."""
    scene, radius = np.zeros((HEIGHT, WIDTH, 3), np.float32), np.full((HEIGHT, WIDTH), behind_px, np.float32)
    here = slice(HEIGHT // 2, HEIGHT // 2 + side), slice(WIDTH // 2, WIDTH // 2 + side)
    scene[here], radius[here] = light, radius_px
    return scene, radius


LAMPS = [(14.4, 24.8), (20.8, 20.8), (20.8, 30.0), (-15.5, 24.0), (-24.0, 5.0), (7.2, 12.3), (7.7, 12.3), (48.0, 55.0)]


@pytest.mark.parametrize(("radius_px", "behind_px"), LAMPS)
def test_a_lamp_keeps_its_light_and_its_disc_has_its_size(radius_px: float, behind_px: float) -> None:
    """By radii, and by those of what is behind: discs were cut off, small foregrounds faded, others shone twice."""
    scene, radius = lamp_disc(radius_px, behind_px)
    blur = 80.0
    seen = see(scene, 1 - radius / blur, blur)[..., 0]
    assert seen.sum() == pytest.approx(scene[..., 0].sum(), rel=0.1)
    plateau = np.median(seen[HEIGHT // 2 - 2 : HEIGHT // 2 + 3, WIDTH // 2 - 2 : WIDTH // 2 + 3])
    diameter = 2 * np.sqrt((seen > plateau / 2).sum() / np.pi)
    assert diameter == pytest.approx(2 * abs(radius_px), rel=0.03, abs=0.5)


@pytest.mark.parametrize("radius_px", [7.5, 10.0, 11.8])
def test_the_edge_of_a_disc_is_no_wider_than_the_lamp(radius_px: float) -> None:
    """10 to 90 %: half-size drawing made it 4 to 5 px."""
    scene, radius = lamp_disc(radius_px, radius_px, side=3)
    blur = 24.0
    seen = see(scene, 1 - radius / blur, blur)[..., 0].astype(np.float64)
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    distance = np.hypot(y - HEIGHT // 2 - 1, x - WIDTH // 2 - 1)
    steps = np.arange(0.0, 2 * radius_px, 0.25)
    profile = np.array([seen[np.abs(distance - step) <= 0.5].mean() for step in steps]) / np.median(seen[distance < 3])
    outer = steps > radius_px / 2
    width = steps[outer & (profile < 0.1)][0] - steps[outer & (profile < 0.9)][0]
    assert width < 3.6


@pytest.mark.parametrize(("side", "across"), [(1, False), (3, False), (1, True), (3, True)])
@pytest.mark.parametrize("behind_px", [0.0, 18.0])
def test_thin_blurred_things_keep_their_light(side: int, across: bool, behind_px: float) -> None:
    """Spots and bars of 1 and 3 px before the focus: a mean of their opacity took up to three quarters away."""
    scene, radius = np.zeros((HEIGHT, WIDTH, 3), np.float32), np.full((HEIGHT, WIDTH), behind_px, np.float32)
    here = np.zeros((HEIGHT, WIDTH), bool)
    here[80 : 80 + side, slice(None) if across else slice(120, 120 + side)] = True
    scene[here], radius[here] = 0.8, -12.0
    seen = see(scene, 1 - radius / 24.0, 24.0)[:, 60:-60, 0]
    assert seen.sum() == pytest.approx(scene[:, 60:-60, 0].sum(), rel=0.15)


def test_what_is_in_focus_is_the_photo_up_to_its_edge() -> None:
    """Bit for bit, before a wall far behind, on a map as large as the photo; thin things, too."""
    rng = np.random.default_rng(0)
    photo = rng.integers(0, 256, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    near = np.zeros((HEIGHT, WIDTH), np.uint8)
    cv2.circle(near, (70, 80), 40, 1, -1)
    cv2.line(near, (130, 10), (220, 150), 1, 1)
    near[20:140, 180] = 1
    disparity = np.where(near > 0, 1.0, 0.2).astype(np.float32)
    seen = render_depth(photo, disparity, at(disparity), LensSettings(20.0 / HEIGHT, 1.0))
    np.testing.assert_array_equal(seen[near > 0], photo[near > 0])


def test_the_blur_of_a_foreground_reaches_its_whole_radius() -> None:
    """A half plane before the focus, blurred by 24 px: it faded from half of its radius on."""
    light, radius = np.zeros((HEIGHT, WIDTH, 3), np.float32), np.zeros((HEIGHT, WIDTH), np.float32)
    light[:, :120], radius[:, :120] = 1.0, -24.0
    seen = see(light, 1 - radius / 24.0, 24.0)[HEIGHT // 2, :, 0]
    expected = covered(120 - (np.arange(WIDTH) + 0.5), 24.0)
    assert np.abs(seen - expected)[90:160].max() < 0.03


def test_paint_beside_a_lamp_is_not_raised() -> None:
    """A yellow thing and a white one, blurred, and a lamp: the lamp alone shines."""
    light = np.full((HEIGHT, WIDTH, 3), 0.05, np.float32)
    light[20:60, 20:80], light[90:150, 20:100], light[78:82, 180:184] = (1.0, 0.8, 0.05), 1.0, 1.0
    photo, disparity = linear_to_srgb(light), np.zeros((HEIGHT, WIDTH), np.float32)
    plain, raised = (
        srgb_to_linear(
            render_depth(photo, disparity, at(disparity), LensSettings(10.0 / HEIGHT, 1.0, highlight_gain=gain))
        )
        for gain in (1.0, 4.0)
    )
    np.testing.assert_allclose(raised[:, :160], plain[:, :160], atol=1e-5)
    of_the_lamp = (raised - plain)[:, 160:].sum()
    assert of_the_lamp == pytest.approx(3 * 16 * 3, rel=0.05)
