"""Further subjects: the thing under a point or in a rectangle, and nothing else, stays sharp with the first."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

import wideopen
from command import call
from lens_models import build_lens_model
from wideopen import RenderOptions, Scene
from wideopen.option_texts import parse_subjects
from wideopen.scene.also import thing_in, thing_under
from wideopen.scene.closer import WHOLE, Part, View
from wideopen.scene.correction import begin, correct
from wideopen.scene.scene import Disparity, Matte
from wideopen.scene.stroke import Stroke
from wideopen.scene.stroke_file import decode_strokes

HEIGHT, WIDTH = 240, 320
FIRST, SECOND, THIRD = (70, 60, 30), (230, 120, 40), (300, 40, 12)
"""Discs in the made scene: x and y of their middle and their radius, in px."""


def disc(x: int, y: int, radius: int) -> NDArray[np.bool_]:
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.asarray(np.hypot(columns - x, rows - y) <= radius)


def draw_scene() -> Scene:
    """Three discs before a wall. The network takes the first for the subject; where it looks closer, all of them."""
    rng, opacity = np.random.default_rng(0), np.zeros((HEIGHT, WIDTH), np.float32)
    photo = np.full((HEIGHT, WIDTH, 3), (90, 110, 90), np.float64)
    for place, colour in ((FIRST, (200, 80, 60)), (SECOND, (60, 70, 200)), (THIRD, (60, 70, 200))):
        photo[disc(*place)] = colour
    photo = (photo + rng.normal(0, 6, photo.shape)).clip(0, 255).astype(np.uint8)
    opacity[disc(*FIRST)] = 1
    relative = np.full(opacity.shape, -0.5, np.float32)
    things = (disc(*FIRST) | disc(*SECOND) | disc(*THIRD)).astype(np.float32)

    def look(part: Part) -> View:
        rows, columns = part.of(HEIGHT, WIDTH)
        return View(part, (opacity if part == WHOLE else things)[rows, columns], relative[rows, columns])

    return Scene(photo, Matte(opacity, "made", 0.65), Disparity(relative, "subject", "made"), view=look)


def overlap(found: NDArray[np.float32], truth: NDArray[np.bool_]) -> float:
    """Intersection over union, of soft edges, too."""
    return float(np.minimum(found, truth).sum() / np.maximum(found, truth).sum())


def at(x: int, y: int) -> tuple[float, float]:
    return (x + 0.5) / WIDTH, (y + 0.5) / HEIGHT


def around(x: int, y: int, radius: int) -> tuple[tuple[float, float], tuple[float, float]]:
    return at(x + radius, y - radius), at(x - radius, y + radius)  # Any two opposite corners.


def test_a_point_takes_the_thing_under_it_and_no_other() -> None:
    scene = draw_scene()
    after = correct(scene, [Stroke("also", (at(*SECOND[:2]),))])
    assert after.matte is not None
    assert overlap(after.matte.opacity, disc(*FIRST) | disc(*SECOND)) > 0.95
    assert after.matte.opacity[disc(*THIRD)].max() < 0.05, "it is not connected with the point"
    assert after.focus_at("auto")[1] == 0 and after.is_subject(at(*SECOND[:2]))


@pytest.mark.parametrize("looks", [True, False], ids=["network", "colours"])
def test_a_rectangle_takes_what_is_in_it(looks: bool) -> None:
    scene = draw_scene() if looks else replace(draw_scene(), view=None)
    after = correct(scene, [Stroke("also", around(*SECOND))])
    assert after.matte is not None
    assert overlap(after.matte.opacity, disc(*FIRST) | disc(*SECOND)) > 0.93
    alone = thing_in(around(*SECOND), scene.pixels / np.float32(255), scene.view)
    reach = round((1 + 2 * 0.02) * SECOND[2]) + 1
    assert not alone[:, : SECOND[0] - reach].any() and not alone[SECOND[1] + reach :].any()


def test_a_point_that_the_network_sees_nothing_at_spreads() -> None:
    scene, point = draw_scene(), at(*SECOND[:2])
    blind = replace(scene, view=lambda part: View(part, np.zeros((24, 32), np.float32), np.zeros((24, 32), np.float32)))
    assert thing_under(point, scene.pixels / np.float32(255), blind.view) is None
    spread = correct(scene, [Stroke("keep", (point,), 0.012)])
    for other in (blind, replace(scene, view=None)):
        after = correct(other, [Stroke("also", (point,))])
        assert after.matte is not None and spread.matte is not None
        assert np.array_equal(after.matte.opacity, spread.matte.opacity)


def test_a_matte_of_the_photos_size_keeps_its_own_detail() -> None:
    fine = np.zeros((5 * HEIGHT, 5 * WIDTH), np.float32)
    fine[100:300, 100:300:2] = 1  # A comb that no matte of 1024 px could hold.
    large = cv2.resize(draw_scene().pixels, fine.shape[::-1], interpolation=cv2.INTER_NEAREST)
    after = correct(replace(draw_scene(), pixels=large, matte=Matte(fine, "file")), [Stroke("also", around(*SECOND))])
    found = after.opacity_at(slice(0, len(fine)), slice(0, fine.shape[1]), large)
    assert np.array_equal(found[:, :800], fine[:, :800])
    assert found[600, 1150] == 1


def test_later_strokes_win_and_scenes_without_it_stay() -> None:
    given = correct(draw_scene(), [Stroke("also", (at(*SECOND[:2]),)), Stroke("give", (at(*SECOND[:2]),), 0.05)])
    assert given.matte is not None and given.matte.opacity[SECOND[1], SECOND[0]] == 0
    whole = slice(0, HEIGHT), slice(0, WIDTH)
    before, begun = draw_scene(), begin(draw_scene())
    assert np.allclose(before.opacity_at(*whole, before.pixels), begun.opacity_at(*whole, before.pixels), atol=0.02)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.3,0.5", ((0.3, 0.5),)),
        ("600,400", ((600, 400),)),
        ("0.1,0,0.4,1", ((0.1, 0, 0.4, 1),)),
        ("0.3,0.5+10,20,300,200", ((0.3, 0.5), (10, 20, 300, 200))),
    ],
)
def test_places_are_read(text: str, expected: tuple[tuple[float, ...], ...]) -> None:
    assert parse_subjects(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "auto", "0.5", "0.1,0.2,0.3", "0.3,0.5+", "0.1,0.2,0,0.3", "-1,2", "1.5,3", "nan,0.1", "0,0,0.3,0.4,0.5"],
)
def test_other_places_are_refused_with_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="^also must ") as raised:
        RenderOptions(also=text)
    assert "\n" not in str(raised.value)


def test_lines_of_json_name_points_and_rectangles() -> None:
    first, second = decode_strokes(
        b'{"kind": "also", "points": [[0.7, 0.5]]}\n{"kind": "also", "points": [[0.9, 0.1], [0.6, 0.8]]}', "s.json"
    )
    assert (first.kind, first.points) == ("also", ((0.7, 0.5),))
    assert second.points == ((0.9, 0.1), (0.6, 0.8))


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_lens_model(tmp_path_factory.mktemp("model") / "lens.onnx")


Case = tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.bool_], NDArray[np.bool_]]


@pytest.fixture(scope="module")
def case() -> Case:
    """Fine texture with two things that the network sees, a matte that holds the left one; and both things."""
    photo = np.random.default_rng(0).integers(40, 200, (300, 400, 3)).astype(np.uint8)
    photo[..., 0] = 20
    left, right = np.zeros((2, 300, 400), bool)
    left[100:200, 40:140] = right[90:210, 260:360] = True
    photo[left | right, 0] = 220
    return photo, left.astype(np.float32), left, right


def test_both_subjects_are_the_photos_own_pixels(model: Path, case: Case) -> None:
    photo, matte, left, right = case
    renderer = wideopen.Renderer(model=model, threads=1)
    alone = renderer.render(photo, matte=matte)
    assert not np.array_equal(alone[right], photo[right])
    core = cv2.erode(right.astype(np.uint8), np.ones((9, 9))) > 0
    depth = np.tile(np.linspace(0, 1, 400, dtype=np.float32), (300, 1))
    ways: dict[str, Callable[[], NDArray[np.uint8]]] = {
        "point": lambda: wideopen.render(photo, model=model, threads=1, matte=matte, also=(0.775, 0.5)),
        "pixels": lambda: wideopen.render(photo, model=model, threads=1, matte=matte, also="310,150"),
        "rectangle": lambda: wideopen.render(photo, model=model, matte=matte, also=[(0.65, 0.3, 0.25, 0.4)]),
        "in strokes": lambda: renderer.render(
            photo, matte=matte, strokes=[{"kind": "also", "points": [[0.66, 0.31], [0.89, 0.69]]}]
        ),
        "beside a depth map": lambda: wideopen.render(photo, depth=depth, matte=matte, model=model, also="0.775,0.5"),
    }
    for name, make in ways.items():
        done = make()
        assert np.array_equal(done[core], photo[core]), name
        assert np.array_equal(done[left], photo[left]), name
        assert not np.array_equal(done[:40], photo[:40]), name


def test_on_the_command_line(model: Path, case: Case, tmp_path: Path) -> None:
    photo, matte = case[:2]
    Image.fromarray(photo).save(tmp_path / "a.png")
    Image.fromarray((matte * 255).astype(np.uint8)).save(tmp_path / "m.png")
    given = ("--model", model, "--matte", tmp_path / "m.png", "--threads", 1)
    call("render", tmp_path / "a.png", "-o", tmp_path / "b.png", *given, "--also", "0.775,0.5+5,5,20,20")
    ours = wideopen.render(photo, model=model, matte=matte, threads=1, also="0.775,0.5+5,5,20,20")
    assert np.array_equal(np.asarray(Image.open(tmp_path / "b.png")), ours)


def test_a_place_beyond_the_photo_and_no_subject(model: Path, case: Case) -> None:
    photo, matte = case[:2]
    for place in ("410,20", "0.5,0.5,0.6,0.2", "390,10,20,20"):
        with pytest.raises(ValueError, match="reaches beyond the photo of 400x300 px"):
            wideopen.render(photo, model=model, matte=matte, also=place)
    with pytest.raises(wideopen.StrokesError, match="leave out --matte none"):
        wideopen.render(photo, model=model, matte="none", also="0.5,0.5")


def test_what_is_looked_at_is_the_thing_and_two_fifths_of_it_around() -> None:
    asked: list[Part] = []
    scene = draw_scene()
    assert scene.view is not None
    look = scene.view
    thing_under(at(*SECOND[:2]), scene.pixels / np.float32(255), lambda part: asked.append(part) or look(part))
    (x, y, radius), last = SECOND, asked[-1]
    around = radius + 0.4 * (2 * radius + 1)  # Whole pixels, the last one with its far edge.
    ends = x - around, y - around, x + 1 + around, y + 1 + around
    found = last.left * WIDTH, last.top * HEIGHT, (last.left + last.width) * WIDTH, (last.top + last.height) * HEIGHT
    assert found == pytest.approx([max(ends[0], 0), max(ends[1], 0), min(ends[2], WIDTH), min(ends[3], HEIGHT)], abs=1)


@pytest.mark.parametrize(("share", "taken"), [(0.07, False), (0.13, True)])
def test_a_thing_fills_a_tenth_of_its_rectangle_or_colours_decide(share: float, taken: bool) -> None:
    colours, rows = draw_scene().pixels / np.float32(255), round(share * 96)
    x, y, radius = SECOND

    def look(part: Part) -> View:
        matte = np.zeros((HEIGHT, WIDTH), np.float32)
        matte[y : y + rows, x - 48 : x + 48] = 1
        seen = matte[part.of(HEIGHT, WIDTH)]
        return View(part, seen, seen * 0)

    found = thing_in((at(x - 48, y - 48), at(x + 48, y + 48)), colours, look)
    assert (overlap(found, disc(x, y, radius)) < 0.3) == taken
    if taken:
        assert found[y + 1 : y + rows - 1, x - 40 : x + 40].min() > 0.9 and found[: y - 4].max() == 0
