"""Strokes: what they say spreads to the edges of the thing painted, what is painted is exact, and files are read."""

import io
import json
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
from wideopen import Scene, StrokesError
from wideopen.image.spreading import Ground
from wideopen.scene import correction
from wideopen.scene.correction import correct, window
from wideopen.scene.scene import Disparity, Matte
from wideopen.scene.stroke import Stroke
from wideopen.scene.stroke_file import as_strokes, decode_strokes, load_strokes, of_picture

HEIGHT, WIDTH = 240, 320
BODY, ARM, OTHER = (
    (slice(80, 230), slice(40, 110)),
    (slice(90, 120), slice(110, 210)),
    (slice(60, 200), slice(240, 290)),
)
"""What is in the made scene, in px: a body and its arm, of one colour, and something else of another."""
ALONG_ARM = Stroke("keep", ((0.40, 0.437), (0.63, 0.437)), 0.02)


def draw_scene(scale: int = 1, arm: float = 0.2, other: float = 0.0) -> Scene:
    """Layers on a noisy wall; a network's matte that has the body, and doubts the arm and the other thing as told."""
    rng = np.random.default_rng(0)
    photo = np.full((HEIGHT, WIDTH, 3), (90, 110, 90), np.float64)
    opacity = np.zeros((HEIGHT, WIDTH), np.float32)
    for part, colour, value in ((OTHER, (60, 70, 200), other), (BODY, (200, 80, 60), 1.0), (ARM, (200, 80, 60), arm)):
        photo[part], opacity[part] = colour, value
    photo = (photo + rng.normal(0, 6, photo.shape)).clip(0, 255).astype(np.uint8)
    photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_NEAREST)
    relative = np.full(opacity.shape, -0.5, np.float32)
    relative[:, WIDTH // 2 :] = -0.8
    return Scene(photo, Matte(opacity, "made", 0.65), Disparity(relative, "subject", "made"))


def opacity_of(scene: Scene) -> NDArray[np.float32]:
    height, width = scene.pixels.shape[:2]
    return scene.opacity_at(slice(0, height), slice(0, width), scene.pixels)


def test_a_stroke_spreads_to_the_edges_of_the_thing() -> None:
    scene = draw_scene()
    before, after = opacity_of(scene), opacity_of(correct(scene, [ALONG_ARM]))
    truth = np.zeros((HEIGHT, WIDTH), np.float32)
    truth[BODY] = truth[ARM] = 1
    assert np.abs(before - truth).mean() > 0.02
    assert np.abs(after - truth).mean() < 0.25 * np.abs(before - truth).mean()
    assert after[ARM].mean() > 0.97
    assert after[OTHER].max() < 0.05, "what is of another colour is let alone"


def test_what_is_given_away_is_as_far_as_what_lies_around() -> None:
    scene = draw_scene(other=1.0)
    scene.disparity.values[OTHER] = 0  # What a network says of what it holds for the subject.
    corrected = correct(scene, [Stroke("give", ((0.83, 0.35), (0.83, 0.75)), 0.03)])
    after = opacity_of(corrected)
    assert after[OTHER].mean() < 0.05
    assert after[BODY].min() > 0.95
    inner = corrected.relative[OTHER][10:-10, 10:-10]
    assert np.abs(inner + 0.8).max() < 0.05


def test_a_line_says_that_a_thing_lies_as_far_as_another() -> None:
    on_subject = correct(draw_scene(), [Stroke("depth", ((0.63, 0.437), (0.30, 0.437)), 0.02)])
    assert opacity_of(on_subject)[ARM].mean() > 0.97, "as far as the subject is the subject's"
    away = correct(draw_scene(), [Stroke("depth", ((0.83, 0.35), (0.83, 0.7), (0.40, 0.9)), 0.03)])
    assert np.median(away.relative[OTHER]) == pytest.approx(-0.5, abs=0.02)
    assert opacity_of(away)[OTHER].max() < 0.05


def test_what_is_painted_is_exact_at_full_size_whatever_the_tiling() -> None:
    scene = draw_scene(scale=5)
    assert max(scene.pixels.shape) > 1024
    strokes = [ALONG_ARM, Stroke("give", ((0.2, 0.5), (0.21, 0.72)), 0.007)]
    after = opacity_of(corrected := correct(scene, strokes))
    whole = slice(0, 5 * HEIGHT), slice(0, 5 * WIDTH)
    keeps, gives = (stroke.painted(*whole, scene.pixels.shape) for stroke in strokes)
    assert keeps.sum() > 1000 and gives.sum() > 1000
    assert (after[keeps & ~gives] == 1).all() and (after[gives] == 0).all()
    tile = slice(300, 777), slice(100, 1003)
    assert np.array_equal(corrected.opacity_at(*tile, scene.pixels[tile]), after[tile])


def test_a_matte_finer_than_strokes_stays_where_nothing_was_painted() -> None:
    scene = draw_scene(scale=5)
    fine = np.zeros(scene.pixels.shape[:2], np.float32)
    fine[100:300, 1300:1500:2] = 1  # A comb that no matte of 1024 px could hold.
    after = opacity_of(correct(replace(scene, matte=Matte(fine, "file")), [ALONG_ARM]))
    assert np.array_equal(after[:, 1250:], fine[:, 1250:])
    assert after[500:550, 700:950].min() == 1


def test_a_line_paints_what_lies_within_its_radius() -> None:
    points, radius = ((0.1, 0.2), (0.8, 0.3), (0.4, 0.9)), 0.05
    found = Stroke("keep", points, radius).painted(slice(0, 60), slice(0, 90), (60, 90))
    for row, column in np.ndindex(60, 90):
        place = np.array([column + 0.5, row + 0.5])
        corners = [np.array([x * 90, y * 60]) for x, y in points]
        if (row * 90 + column) % 37:
            continue
        nearest = min(
            np.linalg.norm(place - (start + share * (end - start)))
            for start, end in zip(corners, corners[1:], strict=False)
            for share in np.linspace(0, 1, 501)
        )
        if abs(nearest - 4.5) > 0.01:
            assert found[row, column] == (nearest < 4.5)


@pytest.mark.slow
def test_a_soft_brush_fades_out_at_full_size() -> None:
    scene, soft = draw_scene(scale=5), Stroke("keep", ((0.5, 0.2), (0.6, 0.2)), 0.04, softness=0.5)
    whole, shape = (slice(0, 5 * HEIGHT), slice(0, 5 * WIDTH)), scene.pixels.shape
    after, share = opacity_of(correct(scene, [soft])), soft.share(*whole, shape)
    inner = Stroke("keep", soft.points, 0.02).painted(*whole, shape)
    assert np.array_equal(soft.painted(*whole, shape), inner) and (after[inner] == 1).all()
    column = share[round(0.2 * 5 * HEIGHT) :, round(0.55 * 5 * WIDTH)]
    assert np.allclose(column[32:64], 1 - (np.arange(32) + 0.5) / 32, atol=0.02) and not column[65:].any()
    assert (after >= share - 1e-6).all() and (np.diff(column) <= 0).all()
    given = opacity_of(correct(correct(scene, [Stroke("keep", soft.points, 0.08)]), [replace(soft, kind="give")]))
    assert (given <= 1 - share + 1e-6).all()


def test_one_after_another_is_all_at_once() -> None:
    strokes = [ALONG_ARM, Stroke("give", ((0.5, 0.437), (0.6, 0.437)), 0.01), Stroke("keep", ((0.8, 0.5),), 0.02)]
    at_once, scene = correct(draw_scene(), strokes), draw_scene()
    for stroke in strokes:
        scene = correct(scene, [stroke])
    assert np.array_equal(opacity_of(at_once), opacity_of(scene))
    assert np.array_equal(at_once.relative, scene.relative)


def test_a_point_on_what_was_kept_is_the_subject_in_focus() -> None:
    scene = replace(draw_scene(arm=0.0), hand=lambda found: correct(found, [ALONG_ARM]))
    assert scene.focus_at("0.5,0.437")[1] == 0.0
    assert draw_scene(arm=0.0).focus_at("0.5,0.437")[1] < -0.3


def test_strokes_on_a_large_photo_cost_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work is counted, not timed: what is spread on is no larger, nor after many strokes before."""
    looked: list[tuple[int, ...]] = []

    def look(ground: Ground, radius: float, pixel: float) -> NDArray[np.float32]:
        looked.append(ground.painted.shape)
        return np.where(ground.painted, np.float32(1), ground.opacity)

    monkeypatch.setattr(correction, "spread", look)
    rng = np.random.default_rng(1)
    strokes = [Stroke("keep", tuple(map(tuple, rng.uniform(0.1, 0.9, (3, 2)))), 0.01) for _ in range(30)]
    for scale in (4, 18):
        scene = correct(draw_scene(scale=scale), strokes)
        assert scene.matte is not None and max(scene.matte.opacity.shape) == 1024
    assert scene.pixels.shape[0] * scene.pixels.shape[1] > 24e6
    assert len(looked) == 60 and looked[:30] == looked[30:]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_lens_model(tmp_path_factory.mktemp("model") / "lens.onnx")


def draw_photo() -> NDArray[np.uint8]:
    """Fine texture; the network takes its red left side for the subject."""
    photo = np.random.default_rng(0).integers(40, 200, (300, 400, 3)).astype(np.uint8)
    photo[:, :200, 0], photo[:, 200:, 0] = 220, 20
    return photo


LINES = b'{"kind": "keep", "points": [[0.7, 0.3], [0.8, 0.6]], "radius": 0.04}\n'


def painted_picture() -> NDArray[np.uint8]:
    picture = np.zeros((300, 400, 3), np.uint8)
    stroke = decode_strokes(LINES, "s.json")[0]
    picture[stroke.painted(slice(0, 300), slice(0, 400), (300, 400))] = (0, 255, 0)
    return picture


@pytest.mark.slow
def test_empty_strokes_are_nothing_and_others_keep_the_photo(model: Path, tmp_path: Path) -> None:
    photo, renderer = draw_photo(), wideopen.Renderer(model=model, threads=1)
    plain = renderer.render(photo)
    (tmp_path / "empty.json").write_text("\n")
    for nothing in ([], tmp_path / "empty.json", np.zeros((30, 40, 4), np.uint8)):
        assert np.array_equal(renderer.render(photo, strokes=nothing), plain)
    picture = painted_picture()
    (tmp_path / "lines.jsonl").write_bytes(LINES)
    Image.fromarray(picture).save(tmp_path / "picture.png")
    inside = picture[..., 1] > 0
    assert not np.array_equal(plain[inside], photo[inside])
    for strokes in (decode_strokes(LINES, "s.json"), [json.loads(LINES)], tmp_path / "lines.jsonl", picture,
                    Image.fromarray(picture), str(tmp_path / "picture.png")):  # fmt: skip
        assert np.array_equal(renderer.render(photo, strokes=strokes)[inside], photo[inside])
    named = wideopen.render(photo, model=model, threads=1, strokes=tmp_path / "lines.jsonl")
    assert np.array_equal(named, renderer.render(photo, strokes=[json.loads(LINES)]))


def test_strokes_on_the_command_line(model: Path, tmp_path: Path) -> None:
    photo, strokes, done, matte = (tmp_path / name for name in ("a.png", "s.png", "b.png", "m.png"))
    Image.fromarray(draw_photo()).save(photo)
    Image.fromarray(painted_picture()).resize((200, 150), Image.Resampling.NEAREST).save(strokes)
    call("render", photo, "-o", done, "--model", model, "--strokes", strokes, "--save-matte", matte)
    inside = cv2.erode(painted_picture()[..., 1], np.ones((5, 5))) > 0
    assert np.array_equal(np.asarray(Image.open(done))[inside], draw_photo()[inside])
    assert (np.asarray(Image.open(matte))[inside] == 65535).all()


def test_a_turned_picture_is_painted_upright(tmp_path: Path) -> None:
    upright = painted_picture()
    turned, exif = Image.fromarray(np.rot90(upright).copy()), Image.Exif()
    exif[0x0112] = 6
    turned.save(tmp_path / "s.png", exif=exif)
    found = load_strokes(tmp_path / "s.png", (300, 400))
    assert [stroke.kind for stroke in found] == ["keep"]
    assert found[0].area is not None and np.array_equal(found[0].area, upright[..., 1] > 0)


@pytest.mark.parametrize(
    ("data", "name", "said"),
    [
        (b"{", "s.json", "line 1: is no JSON"),
        (b"\xff\xfe\x00", "s.json", "is not text"),
        (LINES + b"[1]", "s.json", "line 2: a stroke has kind, points and radius"),
        (LINES.replace(b"keep", b"also"), "s.json", "one of kind also has points alone"),
        (b'{"kind": "also", "points": [[0.1, 0.2], [0.1, 0.4]]}', "s.json", "two opposite corners"),
        (LINES.replace(b"}", b', "softness": 2}'), "s.json", "softness must be"),
        (LINES.replace(b"keep", b"stay"), "s.json", "kind must be keep, give, depth or also"),
        (LINES.replace(b"0.04", b"0"), "s.json", "radius must be above 0"),
        (LINES.replace(b"0.04", b"NaN"), "s.json", "radius must be above 0"),
        (LINES.replace(b"0.8", b"8"), "s.json", "points must be"),
        (LINES.replace(b"0.8", b'"a"'), "s.json", "points must be"),
        (b'{"kind": "keep", "points": [], "radius": 1}', "s.json", "radius must be"),
        (b'{"kind": "keep", "points": [], "radius": 0.1}', "s.json", "points must be"),
        (LINES * 1001, "s.json", "more than 1000"),
        (b"no picture", "s.png", "green and red, or lines of JSON"),
    ],
)
def test_bad_files_of_strokes(data: bytes, name: str, said: str) -> None:
    with pytest.raises(StrokesError, match=said) as raised:
        decode_strokes(data, name, (300, 400))
    assert str(raised.value).startswith(name) and "\n" not in str(raised.value)


def test_bad_pictures_of_strokes() -> None:
    grey, buffer = np.full((30, 40, 3), 99, np.uint8), io.BytesIO()
    Image.fromarray(painted_picture()[:, :200]).save(buffer, "PNG")
    with pytest.raises(StrokesError, match="another shape than the photo's 400x300"):
        decode_strokes(buffer.getvalue(), "s.png", (300, 400))
    with pytest.raises(StrokesError, match="no green"):
        as_strokes(grey, (300, 400))
    line = json.loads(LINES)
    with pytest.raises(StrokesError, match="^strokes 2: kind must be"):
        as_strokes([line, {**line, "kind": "stay"}], (300, 400))
    for wrong in (grey[..., 0], grey.astype(np.float32), 7):
        with pytest.raises(StrokesError, match="strokes: "):
            as_strokes(wrong, (300, 400))


def test_without_a_matte_there_is_nothing_to_correct(model: Path) -> None:
    with pytest.raises(StrokesError, match="leave out --matte none"):
        wideopen.render(draw_photo(), model=model, matte="none", strokes=[json.loads(LINES)])
    # Beside a depth map the network says what the subject is.
    depth = np.tile(np.linspace(0, 1, 400, dtype=np.float32), (300, 1))
    done = wideopen.render(draw_photo(), depth=depth, model=model, strokes=[json.loads(LINES)])
    inside = painted_picture()[..., 1] > 0
    assert np.array_equal(done[inside], draw_photo()[inside])


@pytest.mark.parametrize(("count", "fine"), [(1000, True), (1001, False)])
def test_a_file_holds_a_thousand_strokes_of_ten_thousand_points(count: int, fine: bool) -> None:
    lines = b'{"kind": "keep", "points": [[0.5, 0.5]], "radius": 0.1}\n' * count
    point = [{"kind": "give", "points": [(0.5, 0.5)] * 10 * count, "radius": 0.5}]
    if fine:
        assert len(decode_strokes(lines, "s.json")) == count and len(as_strokes(point, (4, 4))[0].points) == 10_000
        return
    for read in (lambda: decode_strokes(lines, "s.json"), lambda: as_strokes(point, (4, 4))):
        with pytest.raises(StrokesError, match="more than 1000|1 to 10000 pairs"):
            read()


def test_a_picture_s_strokes_are_green_by_a_third_and_no_specks() -> None:
    picture = np.zeros((60, 200, 3), np.uint8)
    picture[2:4, 2:4] = (90, 170, 90)  # By 80 of 255, above 0.3.
    picture[2:4, 10:12] = (90, 164, 90)  # By 74.
    picture[2:4, 20:22] = (90, 170, 120)  # Blue counts, too.
    picture[2, 30:33] = (0, 255, 0)  # Three pixels.
    (only,) = of_picture(picture, None, "p", None)
    assert only.kind == "keep" and only.area is not None and only.area.sum() == 4 and only.area[2:4, 2:4].all()
    many = np.zeros((60, 200, 3), np.uint8)
    for number in range(32):
        many[2 : 5 + number, 6 * number : 6 * number + 3] = (255, 0, 0)
    areas = [stroke.area for stroke in of_picture(many, None, "p", None)]
    assert len(areas) == 31 and [area.sum() for area in areas[:2]] == [3 * 34, 3 * 33]
    assert areas[-1].sum() == 3 * (3 + 4), "the smallest two are one"


def test_strokes_that_are_equal_have_one_key() -> None:
    first, second = np.zeros((2, 4, 6), bool)
    second[0, 0] = True
    makes = [lambda area=area: Stroke("keep", area=area.copy()) for area in (first, second, first.reshape(6, 4))]
    makes += [lambda: Stroke("keep", ((0.1, 0.2),), 0.03), lambda: Stroke("keep", ((0.1, 0.2),), 0.04)]
    assert all(make().key == make().key for make in makes) and len({make().key for make in makes}) == len(makes)


def test_what_a_stroke_may_change_is_of_the_photo_s_rows_and_columns() -> None:
    for shape in ((240, 320), (240, 320, 3)):
        rows, columns = window(ALONG_ARM, shape)
        reach = max(0.15, 12 * ALONG_ARM.radius) * 320
        assert (rows.start, rows.stop) == pytest.approx((0.437 * 240 - reach, 0.437 * 240 + reach), abs=8)
        assert (columns.start, columns.stop) == pytest.approx((0.4 * 320 - reach, 0.63 * 320 + reach), abs=8)


def test_bounds_hold_all_that_is_painted() -> None:
    area = np.zeros((20, 40), bool)
    area[3:7, 10:30] = area[5, 35] = True
    assert Stroke("keep", area=area).bounds() == (10 / 40, 3 / 20, 36 / 40, 7 / 20)
    assert Stroke("keep", ((0.5, 0.7), (0.2, 0.8), (0.3, 0.1))).bounds() == (0.2, 0.1, 0.5, 0.8)


def stroke_of(**said: object) -> dict[str, object]:
    return {"kind": "keep", "points": [[0.2, 0.3]], "radius": 0.1, **said}


@pytest.mark.parametrize(
    ("said", "fine"),
    [
        ({"radius": 0.5}, True), ({"radius": 0.501}, False), ({"radius": 1e-9}, True), ({"radius": 0}, False),
        ({"radius": True}, False), ({"radius": float("nan")}, False), ({"radius": float("inf")}, False),
        ({"softness": 0}, True), ({"softness": 1}, True), ({"softness": 1.001}, False), ({"softness": -0.001}, False),
        ({"points": []}, False),
        ({"points": [[0, 1.001]]}, False), ({"points": [[-0.001, 1]]}, False), ({"points": [[0, 1, 0]]}, False),
        ({"points": "ab"}, False), ({"points": [[0, False]]}, False), ({"kind": "give"}, True),
        ({"kind": "get"}, False),
        ({"more": 1}, False),
    ],
    ids=lambda value: str(value)[:40],
)  # fmt: skip
def test_what_a_stroke_may_say(said: dict[str, object], fine: bool) -> None:
    if fine:
        (stroke,) = as_strokes([stroke_of(**said)], (40, 60))
        assert stroke.kind == said.get("kind", "keep") and stroke.radius == said.get("radius", 0.1)
        assert stroke.softness == said.get("softness", 0)
        return
    with pytest.raises(StrokesError, match="strokes 1: "):
        as_strokes([stroke_of(**said)], (40, 60))


@pytest.mark.parametrize(
    ("points", "fine"),
    [([[0, 1]], True), ([[0, 1], [1, 0]], True), ([[0, 1], [0, 0.5]], False), ([[0, 1], [1, 1]], False),
     ([[0, 1], [1, 0], [0.5, 0.5]], False)],
)  # fmt: skip
def test_what_a_further_subject_may_say(points: list[list[float]], fine: bool) -> None:
    if fine:
        assert as_strokes([{"kind": "also", "points": points}], (9, 9))[0].points == tuple(map(tuple, points))
        return
    with pytest.raises(StrokesError, match="one point, or two opposite corners"):
        as_strokes([{"kind": "also", "points": points}], (9, 9))


def test_what_is_paint_in_a_picture() -> None:
    """Greener or redder than all else by three tenths, opaque by half, and four pixels large."""
    picture = np.zeros((40, 60, 4), np.uint8)
    picture[..., 3] = 128
    picture[2:4, 2:4] = (20, 97, 0, 128)  # 77 of 255 more.
    picture[2:4, 10:12] = (20, 96, 0, 128)
    picture[2:4, 20:22] = (0, 97, 21, 128)
    picture[2:4, 30:32] = (0, 255, 0, 127)
    picture[10:11, 2:5] = (255, 0, 0, 255)
    picture[20:22, 2:4] = (177, 100, 100, 255)
    found = of_picture(picture[..., :3], picture[..., 3], "s", (80, 120))
    assert [(stroke.kind, stroke.bounds()) for stroke in found] == [
        ("keep", (2 / 60, 2 / 40, 4 / 60, 4 / 40)), ("give", (2 / 60, 20 / 40, 4 / 60, 22 / 40))
    ]  # fmt: skip
    assert [stroke.radius for stroke in found] == pytest.approx([1 / 60] * 2, abs=0.2 / 60)
