"""The subject half taken out: no glow of it in the background, no more than half of a mistake."""

import cv2
import numpy as np

from wideopen.image.color import linear_to_srgb
from wideopen.lens.foreground_removal import remove_foreground
from wideopen.lens.lens_settings import LensSettings
from wideopen.lens.matte_lens import draw
from wideopen.render.scene_rendering import draw_on_canvas, draw_scene, on_canvas
from wideopen.scene.instances import SURE
from wideopen.scene.scene import estimated_scene

SIZE = HEIGHT, WIDTH = 200, 300
RED, GREEN = (0.8, 0.1, 0.1), (0.1, 0.5, 0.1)


def scene(tight_px: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Linear light of a red disc on green, and a matte that leaves out a rim of it."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    away = np.hypot(rows - 100, columns - 150)
    light = np.where((away < 50)[..., None], RED, GREEN).astype(np.float32)
    return light, (away < 50 - tight_px).astype(np.float32)


def test_half_of_what_lies_around_takes_its_place() -> None:
    light, matte = scene()
    found = remove_foreground(light, matte)
    half = 0.5 * (np.array(RED) + np.array(GREEN))
    assert np.allclose(found[100, 150], half, atol=0.02)
    away = cv2.dilate(matte, np.ones((2 * round(0.015 * HEIGHT) + 5,) * 2)) == 0
    assert np.array_equal(found[away], light[away])


def test_nothing_is_taken_out_where_the_matte_is_in_doubt() -> None:
    light, matte = scene()
    doubtful = remove_foreground(light, 0.8 * matte)
    assert np.array_equal(doubtful[80:120, 130:170], light[80:120, 130:170])
    assert remove_foreground(light, 0.6 * matte) is light


def test_a_rim_that_the_matte_left_outside_glows_less() -> None:
    light, matte = scene(tight_px=2)
    photo = np.rint(255 * linear_to_srgb(light)).astype(np.uint8)
    places, lens = estimated_scene(photo, matte, np.full(SIZE, -1, np.float32)), LensSettings(0.03, highlight_gain=1.0)
    canvas, lifted, relative = on_canvas(places)
    before, _ = draw(canvas, (lifted / np.float32(SURE)).clip(0, 1), relative, lens)
    after = draw_on_canvas(places, lens).picture
    beside = np.s_[100, 203:206, 0]
    background = linear_to_srgb(np.array(GREEN[0]))
    assert (after[beside] - background).mean() < 0.7 * (before[beside] - background).mean()
    assert np.array_equal(draw_scene(places, lens)[80:120, 130:170], photo[80:120, 130:170])
