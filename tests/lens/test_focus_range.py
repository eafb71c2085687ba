"""A focus that is a range: sharp from end to end, and beyond each end blurred as by a lens focused on that end."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from test_depth_lens import at, flatten
from test_layered_lens import psnr, texture

import wideopen
from command import call
from reference.lens import trace
from wideopen.image.color import srgb_to_linear
from wideopen.image.tone_curve import to_pixels
from wideopen.lens.depth_lens import render_depth
from wideopen.lens.layered_lens import Layer
from wideopen.lens.lens_settings import LensSettings, settings_for_map
from wideopen.lens.matte_lens import draw
from wideopen.lens.thin_lens import PRESETS
from wideopen.options import RenderOptions
from wideopen.photo.depth_map import DepthMap
from wideopen.scene.background_depth import Plane

EXAMPLES = Path(__file__).parents[2] / "examples"
Float = NDArray[np.float32]
FAR, NEAR = 0.4, 0.8
STRIPS = (0.1, 0.4, 0.6, 0.8, 1.0)
"""Disparities, left to right: behind the range, its far end, within, its near end, before it."""
WIDE = 80
MIDDLES = [slice(index * WIDE + 20, (index + 1) * WIDE - 20) for index in range(len(STRIPS))]
BLUR = LensSettings(15.0 / 160, FAR, highlight_gain=1.0, focus_to=NEAR)


def strips() -> tuple[NDArray[np.uint8], Float]:
    """A photo of five textured walls side by side, and its map."""
    photo = to_pixels(texture(7, 160, WIDE * len(STRIPS)), np.uint8)
    return photo, np.repeat(np.array(STRIPS, np.float32), WIDE)[None].repeat(160, axis=0)


def test_radii_by_the_formula() -> None:
    """K (end - d) beyond the nearer end, 0 between: written out, value by value."""
    disparity = np.linspace(0, 1.5, 301, dtype=np.float32)[None]
    found = BLUR.radius(disparity, 160)[0]
    for value, radius in zip(disparity[0], found, strict=True):
        expected = 15 * (FAR - value) if value < FAR else 15 * (NEAR - value) if value > NEAR else 0.0
        assert radius == pytest.approx(expected, abs=1e-5)
    turned = replace(BLUR, focus=NEAR, focus_to=FAR)
    assert np.array_equal(turned.radius(disparity, 160), BLUR.radius(disparity, 160))


def test_a_range_of_no_length_is_a_point_bit_for_bit() -> None:
    disparity = np.random.default_rng(1).random((40, 50), dtype=np.float32)
    point = replace(BLUR, focus=0.37, focus_to=None)
    assert np.array_equal(replace(point, focus_to=0.37).radius(disparity, 160), point.radius(disparity, 160))
    photo, disparity = strips()
    whole = [wideopen.render(photo, depth=disparity, focus=focus) for focus in ("0.5,0.5", "0.5,0.5:0.5,0.5")]
    assert np.array_equal(*whole)


def test_detail_is_kept_at_both_ends_and_between_and_lost_beyond() -> None:
    photo, disparity = strips()
    seen = render_depth(photo, disparity, at(disparity), BLUR)
    for middle in MIDDLES[1:4]:
        assert np.array_equal(seen[:, middle], photo[:, middle])
    for middle, end in ((MIDDLES[0], FAR), (MIDDLES[4], NEAR)):
        alone = render_depth(photo, disparity, at(disparity), replace(BLUR, focus=end, focus_to=None))
        assert np.abs(seen[30:-30, middle].astype(int) - alone[30:-30, middle]).max() <= 1
        assert seen[:, middle].std() < 0.9 * photo[:, middle].std()


def layers() -> list[Layer]:
    """Two cards in the range, one before it, a wall behind it."""
    height, width = 96, 144
    cards = []
    for number, (disparity, left) in enumerate(((1.0, 12), (0.8, 40), (0.5, 84))):
        alpha = np.zeros((height, width), np.float32)
        alpha[20:70, left : left + 34] = 1
        cards.append(Layer(texture(number, height, width), Plane(disparity), alpha))
    return [*cards, Layer(texture(9, height, width), Plane(0.0))]


@pytest.mark.parametrize("ends", [(0.5, 0.8), (0.0, 0.5), (0.8, 1.0)])
def test_agrees_with_rays(ends: tuple[float, float]) -> None:
    """As well as single points do in `test_depth_lens`: what is hidden in the photo is guessed."""
    photo, disparity = flatten(layers())
    lens = LensSettings(10.0 / 96, ends[0], highlight_gain=1.0, focus_to=ends[1])
    seen = srgb_to_linear(render_depth(photo, disparity, at(disparity), lens))
    assert psnr(seen, trace(layers(), 10.0, ends, rays=400)) >= 29


@pytest.mark.parametrize("ends", [(-0.5, 0.2), (-0.3, -0.1)])
def test_a_scene_with_a_subject_agrees_with_rays(ends: tuple[float, float]) -> None:
    """The subject within the range or before it, and the rest behind it; disparities are less the subject's."""
    subject, wall = layers()[1], layers()[3]
    both = [replace(subject, plane=Plane(0.0)), replace(wall, plane=Plane(-1.0))]
    assert subject.alpha is not None
    photo, _ = flatten(both)
    lens = LensSettings(8.0 / 96, ends[0], highlight_gain=1.0, focus_to=ends[1])
    relative = np.full(subject.alpha.shape, -1.0, np.float32)
    picture, kept = draw(photo, subject.alpha, relative, lens, wall.color)
    assert psnr(srgb_to_linear(picture), trace(both, 8.0, ends, rays=400)) >= 29
    inside = slice(24, 66), slice(44, 70)
    assert (kept[inside].min() > 0.999) == (ends[0] <= 0 <= ends[1])


def test_a_depth_of_field_is_that_of_its_f_number() -> None:
    """A 50 mm at f/8 focused at 2 m, circle of confusion 0.029 mm: about 1.68 to 2.47 m."""
    metres = np.linspace(0.8, 8, 100, dtype=np.float32)[None].repeat(40, axis=0)
    depth = DepthMap(1 / metres, metric=True)
    photo, where = np.zeros((40, 100, 3), np.uint8), "16,20"  # 1.96 m.
    at_focus = float(metres[0, 16])
    for aperture in (1.4, 2.8):
        found = settings_for_map(photo, depth, RenderOptions(aperture=aperture, focus=f"{where}@f/8"))
        far, near = (1 / end for end in found.ends)
        hyperfocal = 50**2 / (8 * math.hypot(36, 24) / 1500) / 1000 + 0.05
        assert near == pytest.approx(at_focus * (hyperfocal - 0.05) / (hyperfocal + at_focus - 0.1), rel=0.01)
        assert far == pytest.approx(at_focus * (hyperfocal - 0.05) / (hyperfocal - at_focus), rel=0.01)
        plain = settings_for_map(photo, depth, RenderOptions(aperture=aperture, focus=where))
        assert plain.depth_of_field == 0 and plain.focus == found.focus


def test_the_lens_is_focused_in_the_middle_of_a_range() -> None:
    metres = np.linspace(1, 4, 100, dtype=np.float32)[None].repeat(40, axis=0)
    depth, photo = DepthMap(1 / metres, metric=True), np.zeros((40, 100, 3), np.uint8)
    found = settings_for_map(photo, depth, RenderOptions(lens="50mm", focus="10,20:60,20"))
    ends = [1 / float(metres[0, column]) for column in (60, 10)]
    assert found.ends == pytest.approx(ends, rel=0.01)
    lens = replace(PRESETS["50mm"], focus_distance_m=2 / sum(ends))
    assert found.blur == pytest.approx(lens.blur_px_per_disparity(1), rel=0.01)


def test_library_and_command_line_agree(tmp_path: Path) -> None:
    photo, disparity = strips()
    Image.fromarray(photo).save(tmp_path / "photo.png")
    np.save(tmp_path / "depth.npy", disparity)
    given = {"depth": disparity, "aperture": 1.4, "nearest": 0.5}
    seen = wideopen.render(photo, focus=((120, 80), (280, 80)), **given)
    for middle in MIDDLES[1:4]:
        assert np.array_equal(seen[:, middle], photo[:, middle])
    assert not np.array_equal(seen[:, MIDDLES[0]], photo[:, MIDDLES[0]])
    command = ["render", tmp_path / "photo.png", "-o", tmp_path / "soft.png", "--depth", tmp_path / "depth.npy",
               "--aperture", "1.4", "--nearest", "0.5"]  # fmt: skip
    assert call(*command, "--focus", "120,80:280,80").code == 0
    assert np.array_equal(np.asarray(Image.open(tmp_path / "soft.png")), seen)
    ran = call(*command, "--overwrite", "--focus", "120,80:280,800")
    assert ran.code == 1 and "the point of focus 280,800 lies outside the photo of 400x160 px" in ran.error
    ran = call(*command, "--overwrite", "--focus", "near:")
    assert ran.code == 2 and "focus must be auto, near, far or X,Y" in ran.error


def test_without_a_map_the_network_says_what_lies_between() -> None:
    """From the subject to the far end nothing is blurred, beyond the subject something is if it alone is in focus."""
    photo = np.asarray(Image.open(EXAMPLES / "dog.jpg").resize((320, 240)))
    far, subject = (wideopen.render(photo, focus=focus, aperture=1.4, grain=0.0) for focus in ("auto:far", "auto"))
    off = [np.abs(seen.astype(int) - photo).mean() for seen in (far, subject)]
    assert off[0] < 0.5 * off[1]
