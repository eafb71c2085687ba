"""From what a person sets to what the lens does, against the thin lens and by hand."""

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from wideopen.errors import PhotoError
from wideopen.lens.apertures import Aperture, kernel
from wideopen.lens.lens_settings import (
    choose_lens,
    make_aperture,
    settings_for_map,
    settings_for_scene,
)
from wideopen.lens.thin_lens import PRESETS, Lens, Taken
from wideopen.options import LENSES, RenderOptions
from wideopen.photo.depth_map import DepthMap
from wideopen.photo.files import save
from wideopen.photo.photo import Photo

PHOTO = np.full((1200, 1600, 3), 90, np.uint8)
RELATIVE = DepthMap(np.linspace(0, 1, 160, dtype=np.float32)[None].repeat(120, axis=0), metric=False)


def metric_map(*metres: float) -> DepthMap:
    """Upright stripes at these distances."""
    return DepthMap(np.repeat(1 / np.array(metres, np.float32), 40)[None].repeat(120, axis=0), metric=True)


def test_half_the_f_number_is_twice_the_blur() -> None:
    blurs = [
        settings_for_map(PHOTO, RELATIVE, RenderOptions(aperture=number, focus="near")).blur
        for number in (16.0, 8.0, 4.0, 2.0)
    ]
    np.testing.assert_allclose(np.divide(blurs[1:], blurs[:-1]), 2.0, rtol=1e-6)


@pytest.mark.parametrize("name", PRESETS)
def test_presets_are_lenses_by_name(name: str) -> None:
    assert choose_lens(RenderOptions(lens=name)) == PRESETS[name]
    assert choose_lens(RenderOptions(lens=name, aperture=5.6)) == replace(PRESETS[name], f_number=5.6)


@pytest.mark.parametrize("focused", [0.8, 2.0, 5.0])
@pytest.mark.parametrize("name", PRESETS)
def test_a_metric_map_gives_the_thin_lens(name: str, focused: float) -> None:
    distances = (0.8, 1.3, 2.0, 5.0, 30.0)
    depth = metric_map(*distances)
    point = f"{(distances.index(focused) + 0.5) / len(distances)},0.5"
    found = settings_for_map(PHOTO, depth, RenderOptions(lens=name, aperture=4.0, focus=point))
    lens = replace(PRESETS[name], f_number=4.0, focus_distance_m=focused)
    for distance in distances:
        expected = lens.blur_radius_px(distance, 1200)
        radius = float(found.radius(np.float32(1 / distance), 1200))
        assert abs(radius) == pytest.approx(expected, rel=1e-5, abs=1e-4)
        assert radius >= 0 if distance >= focused else radius < 0


def test_the_short_side_counts_whichever_way_the_photo_is_held() -> None:
    options = RenderOptions(aperture=4.0, focus="near")
    upright = DepthMap(np.ascontiguousarray(RELATIVE.disparity.T), metric=False)
    across = settings_for_map(PHOTO, RELATIVE, options)
    along = settings_for_map(np.ascontiguousarray(PHOTO.swapaxes(0, 1)), upright, options)
    assert along.blur == pytest.approx(across.blur)


@pytest.mark.parametrize("nearest", [0.5, 1.0, 3.0])
def test_without_a_scale_the_nearest_thing_sets_it(nearest: float) -> None:
    """Disparity 1 is `nearest` metres away, 0 infinitely far."""
    found = settings_for_map(PHOTO, RELATIVE, RenderOptions(aperture=5.6, nearest=nearest, focus="0.5,0.5"))
    assert found.focus == pytest.approx(0.5, abs=0.01)
    lens = replace(PRESETS["50mm"], f_number=5.6, focus_distance_m=nearest / found.focus)
    for disparity, distance in ((1.0, nearest), (0.25, 4 * nearest), (0.0, math.inf)):
        expected = lens.blur_radius_px(distance, 1200)
        assert abs(float(found.radius(np.float32(disparity), 1200))) == pytest.approx(expected, rel=1e-5)


def test_focus_at_infinity() -> None:
    depth = DepthMap(np.where(RELATIVE.disparity < 0.1, 0, RELATIVE.disparity), metric=False)
    found = settings_for_map(PHOTO, depth, RenderOptions(aperture=4.0, focus="far"))
    lens = replace(PRESETS["50mm"], f_number=4.0, focus_distance_m=math.inf)
    assert float(found.radius(np.float32(1), 1200)) == pytest.approx(-lens.blur_radius_px(1.0, 1200), rel=1e-5)


def test_the_lens_that_took_the_photo() -> None:
    taken = Taken(focal_length_mm=6.0, focal_length_35mm=26.0, f_number=1.7, subject_distance_m=0.7)
    options = RenderOptions(lens="photo")
    assert choose_lens(options, taken) == Lens(6.0, 1.7, 0.7, 24.0 * 6 / 26)
    assert choose_lens(replace(options, aperture=1.2), taken).f_number == 1.2
    found = settings_for_map(PHOTO, metric_map(1.0, 4.0), replace(options, focus="near"), taken)
    expected = Lens(6.0, 1.7, 1.0, 24.0 * 6 / 26).blur_radius_px(4.0, 1200)
    assert float(found.radius(np.float32(0.25), 1200)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("depth", "options", "taken", "says"),
    [
        (RELATIVE, RenderOptions(lens="photo"), None, "EXIF does not name"),
        (RELATIVE, RenderOptions(lens="photo"), Taken(focal_length_mm=5.0), "EXIF does not name"),
        (RELATIVE, RenderOptions(focus="2000,40"), None, "outside the photo of 1600x1200 px"),
        (metric_map(0.04, 3.0), RenderOptions(focus="near"), None, "cannot focus at 0.04 m"),
    ],
)
def test_what_makes_no_sense_is_refused_in_one_line(
    depth: DepthMap, options: RenderOptions, taken: Taken | None, says: str
) -> None:
    with pytest.raises(ValueError, match=says) as caught:
        settings_for_map(PHOTO, depth, options, taken)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong",
    [{"aperture": 0.0}, {"nearest": 0.0}, {"focus": "foo"}, {"lens": "35mm"}, {"blades": 2}, {"grain": math.nan}],
)
def test_options_that_no_photo_could_take(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must") as caught:
        RenderOptions(**wrong)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "least", "most", "step"),
    [
        ("aperture", 0.5, math.inf, 0.1), ("blades", 3, 11, 1), ("roundness", 0, 1, 0.1), ("squeeze", 0.25, 4, 0.1),
        ("ring", 0, 0.99, 0.01), ("vignette", 0, 1, 0.1), ("rim", -1, 1, 0.1), ("tilt", -45, 45, 1),
        ("highlights", 1, 50, 1), ("grain", 0, 1, 0.1), ("quality", 1, 100, 1), ("threads", 1, math.inf, 1),
        ("working_side", 64, math.inf, 1), ("axial", -1, 1, 0.1),
    ],
)  # fmt: skip
def test_ranges_are_checked_at_once_and_hold_their_ends(name: str, least: float, most: float, step: float) -> None:
    for value in (least, most):
        assert getattr(RenderOptions(**{name: value}), name) == value  # type: ignore[arg-type]
    for value in (least - step, most + step) if most < math.inf else (least - step,):
        with pytest.raises(ValueError, match=f"{name.replace('_', ' ')} must be"):
            RenderOptions(**{name: value})  # type: ignore[arg-type]


def test_every_lens_that_options_name_is_there() -> None:
    assert set(LENSES) == set(PRESETS)


def test_options_shape_the_aperture() -> None:
    options = RenderOptions(blades=7, roundness=0.3, rotate=20.0, ring=0.2, squeeze=1.5, vignette=0.4)
    expected = Aperture(blades=7, roundness=0.3, rotation_deg=20.0, ring=0.2, squeeze=1.5, vignette=0.4)
    assert settings_for_map(PHOTO, RELATIVE, options).aperture == expected


def test_a_picture_as_aperture(tmp_path: Path) -> None:
    heart = np.zeros((64, 64, 3), np.uint8)
    cv2.rectangle(heart, (8, 20), (56, 44), (255, 255, 255), -1)
    save(Photo(heart), tmp_path / "shape.png")
    drawn = kernel(20.0, make_aperture(RenderOptions(shape=tmp_path / "shape.png")))
    lit = np.argwhere(drawn > 0.5 * drawn.max())
    height, width = np.ptp(lit, axis=0) + 1
    assert width / height == pytest.approx(49 / 25, rel=0.1)
    with pytest.raises(PhotoError, match="no such file"):
        make_aperture(RenderOptions(shape=tmp_path / "none.png"))


def lamps(fraction: float) -> NDArray[np.uint8]:
    """A dark photo, a fraction of it small white spots."""
    photo = np.full((400, 500, 3), 30, np.uint8)
    places = [(row, column) for row in range(8, 388, 12) for column in range(8, 488, 12)]
    for row, column in places[: round(fraction * 400 * 500 / 16)]:
        photo[row : row + 4, column : column + 4] = 255
    return photo


def test_spots_that_cover_much_are_no_lamps() -> None:
    options = RenderOptions(focus="near")
    gains = [
        settings_for_map(lamps(share), RELATIVE, options).highlight_gain for share in (0.0, 0.005, 0.03, 0.06, 0.1)
    ]
    assert gains[0] == gains[1] == 4.0
    assert gains[1] > gains[2] > gains[3] > gains[4]
    assert gains[4] == 1.0


def test_a_gain_that_is_asked_for_is_given() -> None:
    for share in (0.0, 0.1):
        assert settings_for_map(lamps(share), RELATIVE, RenderOptions(highlights=9.0)).highlight_gain == 9.0


def test_no_disc_is_larger_than_a_share_of_the_short_side() -> None:
    for focus in ("near", "far", "0.5,0.5"):
        options = RenderOptions(aperture=0.5, lens="85mm", focus=focus)
        held = settings_for_map(PHOTO, RELATIVE, options)
        assert np.abs(held.radius(RELATIVE.disparity, 1200)).max() == pytest.approx(180, rel=1e-4)
    free = settings_for_map(PHOTO, RELATIVE, RenderOptions(aperture=16.0, focus="near"))
    assert np.abs(free.radius(RELATIVE.disparity, 1200)).max() < 90


def test_auto_focus_is_on_the_subject() -> None:
    subject = np.zeros((60, 80), np.float32)
    subject[20:50, 60:70] = 1.0
    found = settings_for_map(PHOTO, RELATIVE, RenderOptions(focus="auto"), None, subject)
    assert found.focus == pytest.approx(65 / 80, abs=0.02)


@pytest.mark.parametrize("scale", ["map", "subject"])
def test_no_disc_is_larger_than_fifteen_hundredths_of_the_short_side(scale: str) -> None:
    options = RenderOptions(aperture=0.5, lens="85mm", focus="near" if scale == "map" else "auto")
    found = settings_for_map(PHOTO, metric_map(0.5, 50.0), options) if scale == "map" else None
    radius = settings_for_scene(PHOTO, options).radius(np.float32(-1.0), 1200) if found is None else (
        found.radius_in(metric_map(0.5, 50.0).disparity, PHOTO.shape).max()
    )  # fmt: skip
    assert float(radius) == pytest.approx(180, rel=1e-4)


def test_what_the_exif_does_not_say_of_a_lens_is_a_50mm_s_and_two_metres() -> None:
    taken = Taken(focal_length_mm=6.0, focal_length_35mm=26.0)
    assert choose_lens(RenderOptions(lens="photo"), taken) == Lens(6.0, 1.8, 2.0, 24.0 * 6 / 26)
    near = replace(taken, f_number=2.4, subject_distance_m=0.5)
    assert choose_lens(RenderOptions(lens="photo"), near) == Lens(6.0, 2.4, 0.5, 24.0 * 6 / 26)
    with pytest.raises(ValueError, match="EXIF"):
        choose_lens(RenderOptions(lens="photo"), replace(taken, subject_distance_m=0.006))


def test_the_exif_s_distance_is_that_of_what_auto_focus_finds() -> None:
    """Of a map without a scale; a focus put by hand is somewhere else, and infinity says nothing."""
    for distance, focus, nearest in ((2.0, "auto", 2.0 * 0.75), (2.0, "0.75,0.5", 1.0), (math.inf, "auto", 1.0)):
        subject = np.zeros((60, 80), np.float32)
        subject[:, 59:61] = 1.0
        taken = Taken(focal_length_mm=50.0, subject_distance_m=distance)
        options = RenderOptions(aperture=5.6, focus=focus)
        found = settings_for_map(PHOTO, RELATIVE, options, taken, subject)
        assert found.focus == pytest.approx(0.75, abs=0.01)
        lens = replace(PRESETS["50mm"], f_number=5.6, focus_distance_m=nearest / found.focus)
        expected = lens.blur_radius_px(nearest, 1200)
        assert abs(float(found.radius(np.float32(1), 1200))) == pytest.approx(expected, rel=1e-2)


@pytest.mark.parametrize(
    ("focus", "pivot"),
    [("auto", (0.5, 0.5)), ("far", (0.5, 0.5)), ("0.25,0.75", (0.25, 0.75)), ("400,300", (0.25, 0.25))],
)
def test_a_tilted_lens_turns_about_what_was_tapped_or_the_middle(focus: str, pivot: tuple[float, float]) -> None:
    options = RenderOptions(aperture=5.6, focus=focus, tilt=5.0)
    assert settings_for_map(PHOTO, RELATIVE, options).pivot == pivot
    assert settings_for_scene(PHOTO, options).pivot == pivot


def test_an_aperture_that_is_off_blurs_and_shifts_nothing() -> None:
    options = RenderOptions(aperture=math.inf, tilt=5.0, axial=0.3, focus="0.5,0.5@f/8")
    for found in (settings_for_map(PHOTO, RELATIVE, options), settings_for_scene(PHOTO, options)):
        assert (found.blur, found.tilt, found.axial, found.depth_of_field) == (0, (0, 0), 0, 0)


def test_a_map_that_lies_in_focus_all_over_does_not_hold_the_lens_back() -> None:
    flat = DepthMap(np.full((12, 16), 0.5, np.float32), metric=True)
    found = settings_for_map(PHOTO, flat, RenderOptions(aperture=1.4))
    lens = replace(PRESETS["50mm"], f_number=1.4, focus_distance_m=2.0)
    assert found.blur == pytest.approx(lens.blur_px_per_disparity(1), rel=1e-6)


@pytest.mark.parametrize(("said", "meant"), [(None, 2.0), (0.2, 2.0), (0.201, 0.201), (7.0, 7.0), (math.inf, 2.0)])
def test_a_network_s_scene_lies_where_the_exif_says_if_a_50mm_lens_can_focus_there(
    said: float | None, meant: float
) -> None:
    """From four focal lengths on; two metres otherwise."""
    found = settings_for_scene(PHOTO, RenderOptions(aperture=16.0), Taken(subject_distance_m=said))
    lens = replace(PRESETS["50mm"], f_number=16.0, focus_distance_m=meant)
    assert found.blur == pytest.approx(min(lens.blur_radius_px(math.inf, 1), 0.15), rel=1e-6)
