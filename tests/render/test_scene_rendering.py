"""Photos drawn from places at their own size."""

import cv2
import numpy as np
import pytest

from wideopen.image.color import linear_to_srgb, srgb_to_linear
from wideopen.lens.apertures import Aperture
from wideopen.lens.defocus import blur
from wideopen.lens.layered_lens import Layer, expose
from wideopen.lens.lens_settings import LensSettings
from wideopen.lens.matte_lens import draw
from wideopen.render.rendered import estimated
from wideopen.render.scene_rendering import draw_on_canvas, draw_scene
from wideopen.scene.background_depth import Plane
from wideopen.scene.scene import estimated_scene


@pytest.mark.parametrize(("side", "drawn"), [(400, 400), (1024, 1024), (3000, 1024)])
def test_a_photo_is_never_enlarged_to_be_drawn(side: int, drawn: int) -> None:
    nothing = np.zeros((8, 16), np.float32)
    places = estimated_scene(np.zeros((side // 2, side, 3), np.uint8), nothing, nothing)
    picture, kept, canvas, _ = draw_on_canvas(places, LensSettings(0.01))
    assert picture.shape == canvas.shape == (*kept.shape, 3) == (drawn // 2, drawn, 3)


@pytest.mark.parametrize("radius_px", [0.8, 2.5])
def test_a_slight_blur_of_a_small_photo_is_the_lens_s_own(radius_px: float) -> None:
    """Fine texture behind a disc: what is drawn is what the lens of layers sees, and the subject keeps its pixels."""
    height, width = 240, 360
    rng = np.random.default_rng(0)
    photo = (rng.random((height // 2, width // 2, 3)).repeat(2, 0).repeat(2, 1) * 160 + 20).astype(np.uint8)
    rows, columns = np.mgrid[:height, :width]
    matte = (60.5 - np.hypot(rows - 120, columns - 180)).clip(0, 1).astype(np.float32)
    places = estimated_scene(photo, matte, np.full((height, width), -1, np.float32))
    drawn = draw_scene(places, LensSettings(radius_px / height, highlight_gain=1.0))
    light = srgb_to_linear(photo.astype(np.float32) / np.float32(255))
    seen = expose([Layer(light, Plane(1.0), matte), Layer(light, Plane(0.0))], radius_px, 1.0, 1.0)
    truth = linear_to_srgb(seen.linear)
    away = cv2.distanceTransform((matte < 0.01).astype(np.uint8), cv2.DIST_L2, 3) > 6
    error = np.square(drawn / 255.0 - truth)[away].mean()
    assert -10 * np.log10(error) > 36
    within = cv2.erode((matte > 0.99).astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    assert np.array_equal(drawn[within], photo[within])


def test_lamps_in_the_corners_become_cat_s_eyes() -> None:
    """Optical vignetting cuts discs off away from the middle, as `defocus.blur` has it."""
    height, width = 240, 360
    light = np.full((height, width, 3), 0.01, np.float32)
    lamps = [(25, 25), (120, 180), (215, 335)]
    for row, column in lamps:
        light[row - 1 : row + 2, column - 1 : column + 2] = 0.7
    photo = np.rint(255 * linear_to_srgb(light)).astype(np.uint8)
    places = estimated_scene(photo, np.zeros((height, width), np.float32), np.full((height, width), -1, np.float32))
    aperture, radius_px = Aperture(vignette=0.7), 12.0
    drawn, round_ = (
        draw_scene(places, LensSettings(radius_px / height, aperture=shape, highlight_gain=1.0))
        for shape in (aperture, Aperture())
    )
    truth = linear_to_srgb(blur(light, np.full((height, width), radius_px, np.float32), aperture))
    error, without = (np.square(picture / 255 - truth).mean() for picture in (drawn, round_))
    assert error < 1e-5 and error < 0.15 * without
    sizes = [
        (srgb_to_linear(drawn[row - 20 : row + 21, column - 20 : column + 21, 0] / 255) > 0.015).sum()
        for row, column in lamps
    ]
    assert max(sizes[0], sizes[2]) < 0.75 * sizes[1]


def test_a_subject_s_parts_are_drawn_as_anything_else_of_their_disparity() -> None:
    """All is the subject, its parts told apart; or there is no subject, and all else has those disparities."""
    rng = np.random.default_rng(0)
    photo = rng.random((160, 240, 3)).astype(np.float32)
    relative = np.linspace(-0.8, 0.8, 240, dtype=np.float32)[None].repeat(160, 0)
    all_of_it, nothing = (np.full(relative.shape, opacity, np.float32) for opacity in (1, 0))
    lens = LensSettings(0.05, 0.2, highlight_gain=1.0)
    parts, kept = draw(photo, all_of_it, nothing - 1, lens, within=relative)
    rest, kept_of_rest = draw(photo, nothing, relative, lens)
    np.testing.assert_allclose(parts, rest, atol=0.02)
    assert np.abs(parts - rest).mean() < 1e-3 and np.abs(kept - kept_of_rest).mean() < 1e-3
    sharp = np.abs(relative - 0.2) * 0.05 * 160 < 0.4
    assert np.array_equal(parts[sharp], rest[sharp]) and np.abs(parts - photo)[sharp].max() < 1e-3


def test_what_is_blurred_in_front_of_the_focus_shows_what_lies_behind_it() -> None:
    """A black post before a white wall in focus, wider than its blur, that is no subject: a lens lets the wall through
    near its edges, as far as the disc reaches, and the post's sharp picture is nowhere."""
    height, width, radius_px = 160, 240, 20.0
    photo, relative = np.ones((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    photo[:, 95:145], relative[:, 95:145] = 0, 1
    nothing = np.zeros((height, width), np.float32)
    picture, kept = draw(photo, nothing, relative, LensSettings(radius_px / height, highlight_gain=1.0), continued=True)
    x = (np.arange(width) + 0.5)[None]
    t = np.stack([(95 - x) / radius_px, (145 - x) / radius_px]).clip(-1, 1)
    share = np.diff(0.5 + (t * np.sqrt(1 - t * t) + np.arcsin(t)) / np.pi, axis=0)[0, 0]
    seen = srgb_to_linear(picture)[height // 2, :, 0]
    assert np.abs(seen - (1 - share))[30:-30].max() < 0.06
    assert kept[height // 2, 97:143].max() < 0.01


def test_an_estimate_s_lens_blurs_by_its_map_as_it_blurs_the_scene() -> None:
    """The map's nearest is 1 and its farthest 0, whatever is nearer than the subject; a range keeps both its ends."""
    relative = np.linspace(-1, 0.6, 40, dtype=np.float32)[None].repeat(20, 0)
    scene = estimated_scene(np.zeros((20, 40, 3), np.uint8), np.zeros((20, 40), np.float32), relative)
    for lens in (LensSettings(0.05, 0.1), LensSettings(0.05, -0.6, focus_to=0.3, depth_of_field=0.07)):
        seen = estimated(scene, lens)
        assert seen.estimated and seen.depth.disparity.max() == pytest.approx(1.0)
        found, wanted = seen.lens.radius(seen.depth.disparity, 2000), lens.radius(relative, 2000)
        np.testing.assert_allclose(found, wanted, atol=1e-3)
