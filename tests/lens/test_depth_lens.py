"""A photo and its depth seen through the lens: against rays through the scene it shows, and against itself in tiles."""

from collections.abc import Iterator
from functools import cache

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from test_layered_lens import SCENES, psnr, texture

from reference.lens import trace
from wideopen.image.color import linear_to_srgb, srgb_to_linear
from wideopen.image.grain import measure_grain
from wideopen.image.guided_upsampling import Lifted
from wideopen.image.tone_curve import to_light, to_pixels
from wideopen.lens import depth_lens
from wideopen.lens.apertures import Aperture, kernel
from wideopen.lens.depth_lens import DepthAt, render_depth
from wideopen.lens.layered_lens import Layer, expose
from wideopen.lens.lens_settings import LensSettings
from wideopen.scene.background_depth import Plane

Float = NDArray[np.float32]


def at(disparity: Float) -> DepthAt:
    """A map of the photo's own size, tile by tile."""
    return lambda rows, columns, pixels: disparity[rows, columns]


def flatten(layers: list[Layer]) -> tuple[Float, Float]:
    """The photo of a scene where all is in focus, sRGB-encoded, and its map: one surface a pixel."""
    height, width = layers[0].color.shape[:2]
    light, disparity = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    for layer in reversed(layers):
        alpha = np.ones((height, width), np.float32) if layer.alpha is None else layer.alpha
        light = alpha[..., None] * layer.color + (1 - alpha[..., None]) * light
        disparity = np.where(alpha > 0.5, layer.plane.disparity(height, width), disparity)
    return linear_to_srgb(light), disparity


@cache
def agreement(name: str) -> float:
    """PSNR in linear light against rays through all layers, of which the photo shows but the first."""
    layers = SCENES[name]()
    photo, disparity = flatten(layers)
    seen = render_depth(photo, disparity, at(disparity), LensSettings(6.0 / 60, 1.0, highlight_gain=1.0))
    return psnr(srgb_to_linear(seen), trace(layers, 6.0, 1.0, rays=400))


@pytest.mark.parametrize("name", SCENES)
def test_agrees_with_rays_through_the_scene(name: str) -> None:
    """What was hidden in the photo is guessed; a wall hides nothing."""
    assert agreement(name) >= (44 if name.endswith("wall") and "before" not in name else 29)


def test_agrees_with_rays_on_average() -> None:
    assert np.mean([agreement(name) for name in SCENES]) >= 34


def bright_behind_dark() -> tuple[list[Layer], Float, Float]:
    """A dark subject in focus from column 120 on, a bright textured wall far behind it."""
    subject = np.zeros((160, 240), np.float32)
    subject[:, 120:] = 1.0
    dark, bright = texture(31, 160, 240) * np.float32(0.08), 0.6 + texture(32, 160, 240) * np.float32(0.4)
    layers = [Layer(dark.astype(np.float32), Plane(1.0), subject), Layer(bright, Plane(0.0))]
    return layers, *flatten(layers)


def test_a_subject_in_focus_is_not_stained_by_what_is_behind() -> None:
    _, photo, disparity = bright_behind_dark()
    pixels = to_pixels(srgb_to_linear(photo), np.uint8)
    seen = render_depth(pixels, disparity, at(disparity), LensSettings(14.0 / 160, 1.0, highlight_gain=4.0))
    inside = np.abs(seen.astype(int) - pixels)[:, 122:]
    assert inside.max() <= 1


def test_a_subject_in_focus_does_not_leak_into_what_is_behind() -> None:
    layers, photo, disparity = bright_behind_dark()
    seen = srgb_to_linear(
        render_depth(photo, disparity, at(disparity), LensSettings(14.0 / 160, 1.0, highlight_gain=1.0))
    )
    expected = expose(layers, 14.0, 1.0, 1.0).linear
    for columns in (slice(114, 119), slice(106, 114), slice(92, 106)):
        ring = np.s_[16:-16, columns]
        assert seen[ring].mean() == pytest.approx(expected[ring].mean(), abs=0.03)
        assert seen[ring].min() > 0.5, "no dark line"


def test_a_blurred_foreground_lets_its_surroundings_in() -> None:
    subject = np.zeros((160, 240), np.float32)
    subject[:, 120:] = 1.0
    layers = [
        Layer(np.full((160, 240, 3), 0.05, np.float32), Plane(2.0), subject),
        Layer(np.full((160, 240, 3), 0.7, np.float32), Plane(1.0)),
    ]
    photo, disparity = flatten(layers)
    seen = srgb_to_linear(
        render_depth(photo, disparity, at(disparity), LensSettings(12.0 / 160, 1.0, highlight_gain=1.0))
    )
    expected = expose(layers, 12.0, 1.0, 1.0).linear
    np.testing.assert_allclose(seen[80, 100:140], expected[80, 100:140], atol=0.06)
    assert np.abs(seen[80, 100:140] - expected[80, 100:140]).mean() < 0.02


def test_nothing_shines_through_a_surface_that_leans_steeply() -> None:
    """A dark thing before a bright wall, its side towards the lens: steps in its depth are no edges."""
    light, disparity = np.full((120, 240, 3), 0.05, np.float32), np.zeros((120, 240), np.float32)
    light[:, :100] = 0.9
    disparity[:, 100:] = np.interp(np.arange(100, 240), [100, 112, 122, 240], [0.9, 0.9, 1.5, 1.5])
    lens = LensSettings(24.0 / 120, 1.0, highlight_gain=1.0)
    seen = srgb_to_linear(render_depth(linear_to_srgb(light), disparity, at(disparity), lens))
    # Blurred by 2.4 px, its own edge lets light in no farther.
    assert seen[:, 106:].max() < 0.11


DISCS = ((400, 350, 150, 0.8), (900, 300, 120, 0.5), (620, 520, 140, 1.0), (258, 130, 60, 0.3), (1000, 600, 90, 0.95))


@pytest.fixture(scope="module")
def ground() -> tuple[NDArray[np.uint8], Float]:
    """1200x700: a ground that recedes, textured discs standing on it, lamps, and the map."""
    height, width = 700, 1200
    y, x = np.mgrid[:height, :width].astype(np.float32)
    disparity = (0.05 + 0.6 * y / height).astype(np.float32)
    light = texture(1, height, width) * np.array([0.3, 0.5, 0.8], np.float32)
    for number, (column, row, radius, near) in enumerate(DISCS):
        disc = np.hypot(x - column, y - row) < radius
        paint = 0.1 + texture(10 + number, height, width) * np.array([0.8, 0.4, 0.2], np.float32)
        light[disc], disparity[disc] = paint[disc], near
    for column, row in ((128, 128), (300, 300), (600, 128), (640, 40), (700, 64)):
        light[row - 2 : row + 2, column - 2 : column + 2] = 1
    return to_pixels(light, np.uint8), disparity


@pytest.mark.slow
@pytest.mark.parametrize(
    ("lens", "shrunk"),
    [
        (LensSettings(30.0 / 300, 0.8), 1),
        (LensSettings(30.0 / 300, 0.1, Aperture(blades=6)), 1),
        (LensSettings(25.0 / 300, 0.5), 4),
    ],
    ids=["far and near of the focus", "focus far", "lifted map"],
)
def test_tiles_leave_no_seam(
    ground: tuple[NDArray[np.uint8], Float], lens: LensSettings, shrunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    photo, disparity = (each[180:480, 230:710].copy() for each in ground)
    small = cv2.resize(disparity, (480 // shrunk, 300 // shrunk), interpolation=cv2.INTER_AREA)
    lifted, grain = Lifted(small, photo), measure_grain(photo)
    seen = []
    for side in (2048, 200, 128):
        monkeypatch.setattr(depth_lens, "TILE_PX", side)
        seen.append(render_depth(photo, small, lifted.at, lens, grain).astype(int))
    assert np.abs(seen[0] - photo).mean() > 5, "it is blurred"
    for other in seen[1:]:
        assert np.abs(other - seen[0]).max() <= 2


def lamp_grid(height: int, width: int, step: int) -> NDArray[np.uint8]:
    """White points on black."""
    photo = np.zeros((height, width, 3), np.uint8)
    photo[step // 2 :: step, step // 2 :: step] = 255
    return photo


def test_every_lamp_becomes_the_cats_eye_of_its_own_place() -> None:
    height, width, step, radius = 480, 720, 60, 13.0
    photo, disparity = lamp_grid(height, width, step), np.zeros((height, width), np.float32)
    aperture = Aperture(vignette=0.5)
    seen = to_light(
        render_depth(photo, disparity, at(disparity), LensSettings(radius / 480, 1.0, aperture, highlight_gain=1.0))
    )
    diagonal = float(np.hypot(height, width))
    for row in range(step // 2, height, step):
        for column in range(step // 2, width, step):
            place = ((2 * column + 1 - width) / diagonal, (2 * row + 1 - height) / diagonal)
            eye = kernel(radius, aperture, place)
            n = len(eye) // 2
            lit = seen[row - n : row + n + 1, column - n : column + n + 1].mean(axis=2)
            if lit.shape == eye.shape:
                overlap = np.minimum(lit / max(lit.sum(), 1e-6), eye).sum()
                assert overlap > 0.85, (row, column)


@pytest.mark.slow
def test_optical_vignetting_leaves_no_seam(
    ground: tuple[NDArray[np.uint8], Float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Across tiles' borders pixels differ no more than beside them."""
    monkeypatch.setattr(depth_lens, "TILE_PX", 100)
    photo, disparity = (each[180:480, 230:710].copy() for each in ground)
    seen = render_depth(photo, disparity, at(disparity), LensSettings(20.0 / 300, 1.1, Aperture(vignette=0.6))).astype(
        np.float32
    )
    for axis, side in ((0, 300), (1, 480)):
        steps = np.abs(np.diff(seen, axis=axis)).mean(axis=(2, 1 - axis))
        for border in range(100, side, 100):
            beside = np.concatenate([steps[border - 9 : border - 1], steps[border : border + 8]])
            assert steps[border - 1] < 1.25 * beside.max()


@pytest.fixture(params=[64, 512])
def tile_side(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    monkeypatch.setattr(depth_lens, "TILE_PX", request.param)
    yield request.param


@pytest.mark.parametrize("place", [(128, 128), (127, 192), (100, 64), (150, 170)])
@pytest.mark.parametrize("disparity", [0.0, 0.4, 2.0])
def test_a_lamp_becomes_the_aperture(tile_side: int, place: tuple[int, int], disparity: float) -> None:
    """Beside and on tiles' borders: the disc has its radius, and all of the lamp's light."""
    photo, depth = np.zeros((256, 256, 3), np.float32), np.full((256, 256), disparity, np.float32)
    photo[place] = 1.0
    lens = LensSettings(20.0 / 256, 1.0, highlight_gain=1.0)
    seen = srgb_to_linear(render_depth(photo, depth, at(depth), lens))[..., 0].astype(np.float64)
    radius = 20.0 * abs(disparity - 1.0)
    assert seen.sum() == pytest.approx(1.0, rel=0.02)
    y, x = np.mgrid[:256, :256]
    # The mean squared distance from the middle of an even disc of radius r is r^2 / 2.
    spread = np.sqrt(2 * (((y - place[0]) ** 2 + (x - place[1]) ** 2) * seen).sum() / seen.sum())
    assert spread == pytest.approx(radius, abs=1.0)
    assert np.sqrt((seen > 0.5 * seen.max()).sum() / np.pi) == pytest.approx(radius, abs=1.0)


def test_blades_point_up_behind_the_focus_and_down_before_it() -> None:
    photo = np.zeros((128, 128, 3), np.float32)
    photo[64, 64] = 1.0
    for disparity, corner in ((0.0, -1), (2.0, 1)):
        depth = np.full((128, 128), disparity, np.float32)
        lens = LensSettings(20.0 / 128, 1.0, Aperture(blades=3), highlight_gain=1.0)
        seen = render_depth(photo, depth, at(depth), lens)[..., 0]
        assert seen[64 + corner * 16, 64] > 0.02 and seen[64 - corner * 16, 64] < 0.001


def test_a_clipped_lamp_is_brighter_than_white() -> None:
    photo, depth = np.full((160, 160, 3), 20, np.uint8), np.zeros((160, 160), np.float32)
    photo[77:83, 77:83] = 255
    plain, restored = (
        render_depth(photo, depth, at(depth), LensSettings(12.0 / 160, 1.0, highlight_gain=g)) for g in (1.0, 8.0)
    )
    assert to_light(restored)[80, 80].mean() > 4 * to_light(plain)[80, 80].mean()
    np.testing.assert_array_equal(restored[5:20, 5:20], plain[5:20, 5:20])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
def test_where_all_is_in_focus_the_photo_is_left_as_it_is(dtype: type) -> None:
    rng = np.random.default_rng(0)
    photo = rng.random((90, 120, 3)).astype(np.float32)
    if dtype != np.float32:
        photo = np.rint(photo * np.iinfo(dtype).max).astype(dtype)
    depth = rng.uniform(0.96, 1.04, (90, 120)).astype(np.float32)  # Half a pixel of blur, at K = 12.
    seen = render_depth(photo, depth, at(depth), LensSettings(12.0 / 90, 1.0), measure_grain(photo))
    assert seen.dtype == dtype and seen is not photo
    np.testing.assert_array_equal(seen, photo)


def test_what_is_in_focus_keeps_its_pixels_beside_what_is_not(ground: tuple[NDArray[np.uint8], Float]) -> None:
    photo, disparity = ground
    seen = render_depth(photo, disparity, at(disparity), LensSettings(25.0 / 700, 0.8), measure_grain(photo))
    inside = cv2.erode((disparity == np.float32(0.8)).astype(np.uint8), np.ones((9, 9), np.uint8)) > 0
    # Nothing blurred lies in front of the upper half of that disc.
    inside[360:] = False
    assert inside.sum() > 10_000
    np.testing.assert_array_equal(seen[inside], photo[inside])


def test_types_of_photos_agree(ground: tuple[NDArray[np.uint8], Float]) -> None:
    photo, disparity = (each[200:500, 250:650].copy() for each in ground)
    lens = LensSettings(15.0 / 300, 0.8, highlight_gain=2.0)
    forms = [photo, photo.astype(np.uint16) * 257, photo.astype(np.float32) / np.float32(255)]
    eight, sixteen, real = (render_depth(form, disparity, at(disparity), lens) for form in forms)
    assert np.abs(eight.astype(float) - real * 255.0).max() <= 0.6
    assert np.abs(sixteen / 65535.0 - real).max() < 2e-4


def detail(pixels: NDArray, part: NDArray[np.bool_]) -> float:
    grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float(np.abs(cv2.Laplacian(grey, cv2.CV_32F))[part].mean())


@pytest.mark.slow
def test_blur_grows_with_the_opening(ground: tuple[NDArray[np.uint8], Float]) -> None:
    photo, disparity = (each[200:600, 250:1050].copy() for each in ground)
    behind, in_focus = disparity < 0.6, disparity == np.float32(0.8)
    in_focus = cv2.erode(in_focus.astype(np.uint8), np.ones((41, 41), np.uint8)) > 0
    seen = [
        render_depth(photo, disparity, at(disparity), LensSettings(80.0 / number / 400, 0.8))
        for number in (16.0, 8.0, 4.0, 2.0, 1.2)
    ]
    left = [detail(one, behind) for one in [photo, *seen]]
    assert (np.diff(left) < 0).all()
    assert left[-1] < 0.1 * left[0]
    assert all(detail(one, in_focus) == detail(photo, in_focus) for one in seen)


def test_grain_is_put_back_where_the_lens_took_it() -> None:
    rng = np.random.default_rng(2)
    x = np.linspace(0.2, 0.7, 480, dtype=np.float32)[None, :, None]
    photo = to_pixels(srgb_to_linear((x + rng.normal(0, 3 / 255, (360, 480, 3))).clip(0, 1)), np.uint8)
    depth, grain = np.zeros((360, 480), np.float32), measure_grain(photo)
    depth[:, :240] = 1.0
    smooth = render_depth(photo, depth, at(depth), LensSettings(12.0 / 360, 1.0))
    grainy = render_depth(photo, depth, at(depth), LensSettings(12.0 / 360, 1.0), grain)
    far = np.zeros((360, 480), bool)
    far[:, 270:] = True
    assert detail(smooth, far) < 0.2 * detail(photo, far)
    assert detail(grainy, far) == pytest.approx(detail(photo, far), rel=0.15)
    np.testing.assert_array_equal(grainy[:, :225], photo[:, :225])


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (31, 47), (40, 600), (600, 40)])
@pytest.mark.parametrize("vignette", [0.0, 0.5])
def test_any_size(size: tuple[int, int], vignette: float) -> None:
    """An even photo stays even, whatever its depth."""
    photo = np.full((*size, 3), 140, np.uint8)
    depth = np.random.default_rng(0).random((max(1, size[0] // 5), max(1, size[1] // 5))).astype(np.float32)
    depth[0, 0] = 1.0
    lifted = Lifted(depth, photo)
    seen = render_depth(photo, depth, lifted.at, LensSettings(15.0 / min(size), 0.0, Aperture(vignette=vignette)))
    assert seen.shape == photo.shape and np.abs(seen.astype(int) - 140).max() <= 1
