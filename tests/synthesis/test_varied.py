"""Varied pairs, from folder to folder: what the manifest says is what the pictures show."""

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from varied_photos import draw
from wideopen.cli import main
from wideopen.errors import OutputError, PairsError
from wideopen.pairs.pair_scene import NEAREST
from wideopen.pairs.pairs import find_pairs, load_image
from wideopen.synthesis.contact_sheet import contact_sheet
from wideopen.synthesis.options import VARIED_MEMBERS, SynthesizeOptions, VariedOptions
from wideopen.synthesis.photo_layers import prepare
from wideopen.synthesis.sources import find_sources
from wideopen.synthesis.subject_layers import take_apart
from wideopen.synthesis.synthesize import synthesize
from wideopen.synthesis.varied import Props, VariedPair, make_varied

pytestmark = pytest.mark.slow

Float = NDArray[np.float32]

BUSY = VariedOptions(
    f_numbers=(1.2, 5.0), second=0.7, obstacles=0.7, lamps=0.7, swaps=0.5, elsewhere=0.7, landscapes=True
)
CALM = VariedOptions(second=0, obstacles=0, lamps=0, swaps=0, elsewhere=0)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("varied")
    for seed in range(6):
        draw(folder, f"set/{'abcdef'[seed]}", seed, foot=0.8 + 0.04 * seed)
    draw(folder, "landscape", 9)
    Image.fromarray(np.zeros((80, 100), np.uint8)).save(folder / "mattes" / "landscape.png")
    (folder / "rooms").mkdir()
    room = np.random.default_rng(5).integers(0, 255, (150, 300, 3), np.uint8)
    Image.fromarray(cv2.blur(room, (3, 3))).save(folder / "rooms" / "room.png")
    return folder


def run(source: Path, output: Path, varied: VariedOptions = BUSY, **arguments: Any) -> Any:
    options = SynthesizeOptions(seed=arguments.pop("seed", 3), long_side=200, quality=100, varied=varied)
    return synthesize(
        source / "photos",
        source / "mattes",
        output,
        options,
        **{"workers": 1, "backgrounds": source / "rooms"} | arguments,
    )


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def lines(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(text) for text in (folder / "manifest.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def made(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Thirty-five busy pairs."""
    output = tmp_path_factory.mktemp("made") / "pairs"
    done = run(source, output, per_photo=5, workers=2)
    assert (done.made, done.kept) == (35 - len(done.skipped), 0)
    assert len(done.skipped) < 3
    return output


def test_same_files_whatever_the_number_of_workers_and_resumed(source: Path, made: Path, tmp_path: Path) -> None:
    assert run(source, tmp_path / "one", per_photo=2, limit=3).made == 6
    (tmp_path / "one" / "disparity" / "landscape.png").unlink()
    done = run(source, tmp_path / "one", per_photo=5)
    assert done.kept == 5
    assert files(tmp_path / "one") == files(made)
    with pytest.raises(OutputError, match="other options"):
        run(source, tmp_path / "one", replace(BUSY, lamps=0.1))
    other = run(source, tmp_path / "other", seed=4, limit=1)
    assert other.made == 1
    assert files(tmp_path / "other")["bokeh/landscape.jpg"] != files(made)["bokeh/landscape.jpg"]


def test_every_kind_of_scene_and_of_focus_is_made(made: Path) -> None:
    found = lines(made)
    for word in ("subject", "second", "obstacle", "lamps", "landscape"):
        assert any(word in line["kind"] for line in found), word
    assert {line["in_focus"] for line in found} == {"subject", "second", "obstacle", "background"}
    assert len({line["surface"] for line in found}) >= 2
    assert len({line["aperture"] for line in found}) == len(found)
    assert any("room" in line["lent"] for line in found)
    assert all(line["lent"] for line in found if "second" in line["kind"] or "obstacle" in line["kind"])
    # The photos of one landscape have one depth.
    assert len({line["surface"] for line in found if line["name"].startswith("landscape")}) == 1


def test_the_rest_of_the_package_reads_them(made: Path) -> None:
    pairs = find_pairs(made)
    assert len(pairs) == len(lines(made))
    for pair in pairs:
        assert pair.depth is not None
        assert pair.matte is not None
        assert pair.sharp is not None
        assert pair.aperture is not None
        assert pair.focus is not None
    for member, suffix in VARIED_MEMBERS.items():
        with Image.open(made / member / f"landscape{suffix}") as image:
            assert image.size == (200, 160)
            assert (np.asarray(image).dtype == np.int32 or image.mode == "I;16") == (member == "disparity")


def test_the_recorded_focus_is_sharp_and_at_the_recorded_disparity(made: Path) -> None:
    for line in lines(made):
        photo, target = (load_image(made / line[m]).astype(int) for m in ("original", "bokeh"))
        height, width = photo.shape[:2]
        column, row = int(line["focus"][0] * width), int(line["focus"][1] * height)
        near = slice(max(row - 1, 0), row + 2), slice(max(column - 1, 0), column + 2)
        # JPEG's rounding of blocks that are not sharp throughout.
        assert np.abs(photo[near] - target[near]).mean() < 8, line["name"]
        with Image.open(made / line["sharp"]) as sharp, Image.open(made / line["depth"]) as depth:
            assert np.asarray(sharp)[row, column] >= 250
            there = float(np.asarray(depth)[row, column]) / 65535
        assert there == pytest.approx(line["focus_disparity"], abs=2e-3)


def test_blur_follows_the_recorded_f_number_and_disparity(made: Path) -> None:
    for line in lines(made):
        if line["focus_distance_m"] is None:  # Infinity.
            assert line["blur"] == line["focus_disparity"] == 0
            continue
        focal, number, distance = line["focal_length_mm"], line["aperture"], line["focus_distance_m"] * 1000
        # c = f^2 / (N (s - f)) at infinity, of a lens focused at s.
        at_infinity = 0.5 * focal**2 / (number * (distance - focal)) / line["sensor_height_mm"]
        assert line["blur"] == pytest.approx(at_infinity, rel=0.01, abs=1e-5)
        assert line["blur"] == pytest.approx(line["blur_per_disparity"] * line["focus_disparity"], rel=0.01, abs=1e-5)


def test_sharpness_and_disparity_maps_agree_with_the_formula(made: Path) -> None:
    """Where the maps say that nothing is blurred, the blur radius by manifest and disparity is below 2 px."""
    for line in lines(made):
        with Image.open(made / line["sharp"]) as image:
            sharp = np.asarray(image) == 255
        with Image.open(made / line["depth"]) as image:
            disparity = np.asarray(image).astype(np.float64) / 65535
        radius = line["blur_per_disparity"] * 160 * np.abs(disparity - line["focus_disparity"])
        assert np.percentile(radius[sharp], 99) < 1.0
        assert not (sharp & (radius > 2.5)).any(), line["name"]


def photo_and_matte(source: Path, stem: str = "set/a") -> tuple[Float, Float]:
    photo = np.asarray(Image.open(source / "photos" / f"{stem}.png"), np.float32) / 255
    matte = np.asarray(Image.open(source / "mattes" / f"{stem}.png").resize((200, 160)), np.float32) / 255
    return photo, matte


def calm_pair(source: Path, seed: int = 1, **changes: Any) -> tuple[Float, VariedPair]:
    photo, matte = photo_and_matte(source)
    host = prepare(photo, take_apart(photo, matte), np.random.default_rng(0))
    return photo, make_varied(host, np.random.default_rng(seed), replace(CALM, **changes), Props())


def test_an_unmodified_photo_is_its_own_input_bit_for_bit(source: Path) -> None:
    photo, pair = calm_pair(source)
    np.testing.assert_array_equal(pair.photo, photo)
    inside = cv2.erode(pair.matte, np.ones((7, 7), np.uint8)) > 0.99
    assert inside.sum() > 500
    np.testing.assert_array_equal(pair.target[inside], photo[inside])


def test_blur_grows_as_the_lens_opens(source: Path) -> None:
    lost = []
    for number in (16.0, 5.6, 2.0):
        photo, pair = calm_pair(source, f_numbers=(number, number))
        assert pair.facts["aperture"] >= number
        lost.append(float(np.abs(pair.target - photo)[:60].mean()))
    assert lost == sorted(lost)
    assert lost[2] > 3 * lost[0]


def test_lamps_leave_the_lens_and_the_scene_alone(source: Path) -> None:
    """Streams are apart: the same pair with and without lamps has the same camera, focus kind and disparity."""
    _, without = calm_pair(source)
    _, lit = calm_pair(source, lamps=1.0)
    assert lit.facts["kind"] == "subject+lamps"
    for key in ("aperture", "focal_length_mm", "shape", "in_focus", "surface"):
        assert lit.facts[key] == without.facts[key]
    np.testing.assert_array_equal(lit.disparity, without.disparity)
    assert (lit.photo > without.photo + 0.1).any(axis=2).sum() < 0.05 * lit.matte.size
    np.testing.assert_array_equal(lit.photo[lit.matte > 0.999], without.photo[lit.matte > 0.999])


def test_a_blurred_subject_lets_the_background_through(source: Path) -> None:
    photo, matte = photo_and_matte(source)
    host = prepare(photo, take_apart(photo, matte), np.random.default_rng(0))
    options = replace(CALM, elsewhere=1.0, f_numbers=(1.2, 1.2))
    pair = make_varied(host, np.random.default_rng(2), options, Props())
    assert pair.facts["in_focus"] == "background"
    edge = (pair.matte > 0.9) & (cv2.erode(pair.matte, np.ones((5, 5), np.uint8)) < 0.5)
    inside = cv2.erode(pair.matte, np.ones((31, 31), np.uint8)) > 0.9
    # Half the light at the edge is the subject's red-orange, the rest the grey behind it.
    red = pair.target[..., 0] - pair.target[..., 2]
    assert red[edge].mean() < 0.75 * red[inside].mean()
    assert pair.sharp[inside].max() < 0.05


def test_response_and_misalignment_are_applied_and_recorded(source: Path) -> None:
    _, still = calm_pair(source)
    _, moved = calm_pair(source, response=1.0, misalign=3.0)
    np.testing.assert_array_equal(moved.photo, still.photo)
    np.testing.assert_array_equal(moved.disparity, still.disparity)
    response = moved.facts["response"]
    assert response["stops"] != 0
    assert still.facts["response"] == {
        "stops": 0.0, "contrast": 1.0, "balance": (1.0, 1.0, 1.0),
        "shift_px": (0.0, 0.0), "rotation_deg": 0.0, "scale": 1.0,
    }  # fmt: skip
    inside = cv2.erode(moved.matte, np.ones((15, 15), np.uint8)) > 0.99
    ratio = np.log2(np.median(moved.target[inside]) / np.median(still.target[inside])) * 2.2
    assert ratio == pytest.approx(response["stops"], abs=0.2)


def test_grain_is_put_back_only_where_it_was_lost() -> None:
    noise = np.random.default_rng(0).standard_normal((320, 400, 3)).astype(np.float32)
    y, x = np.mgrid[:320, :400]
    matte = np.clip(70 - np.hypot(y - 200, x - 200) + 0.5, 0, 1).astype(np.float32)
    photo = 0.45 + 0.2 * matte[..., None] + 0.012 * noise
    photo = photo.astype(np.float32)
    host = prepare(photo, take_apart(photo, matte), np.random.default_rng(0))
    options = replace(CALM, f_numbers=(1.2, 1.2))
    pair, smooth = (
        make_varied(host, np.random.default_rng(1), replace(options, grain=grain), Props()) for grain in (1.0, 0.0)
    )
    np.testing.assert_array_equal(pair.target[pair.sharp == 1], smooth.target[pair.sharp == 1])
    far = pair.sharp == 0
    assert far.sum() > 10000
    assert smooth.target[far].std(axis=0).mean() < 0.5 * photo[far].std(axis=0).mean()
    assert pair.target[far].std(axis=0).mean() == pytest.approx(photo[far].std(axis=0).mean(), rel=0.2)
    assert pair.facts["grain"] == pytest.approx(0.012, rel=0.2)


def test_no_landscapes_and_no_cut_outs_from_outside_the_list(source: Path, tmp_path: Path) -> None:
    done = run(source, tmp_path / "a", replace(BUSY, landscapes=False))
    assert dict(done.skipped)["landscape"].startswith("no subject")
    (tmp_path / "list.txt").write_text("set/a\nset/b\n")
    run(source, tmp_path / "b", only=tmp_path / "list.txt", per_photo=6)
    assert {name for line in lines(tmp_path / "b") for name in line["lent"]} <= {"set/a", "set/b", "room"}
    assert len(find_sources(source / "photos", source / "mattes")) == 7


def test_names_of_several_pairs_must_not_clash(tmp_path: Path) -> None:
    draw(tmp_path, "a", 1)
    draw(tmp_path, "a-1", 2)
    assert run_in(tmp_path, 1).made == 2
    with pytest.raises(PairsError, match="'a-1'"):
        run_in(tmp_path, 2)
    with pytest.raises(PairsError, match="no photos"):
        run(tmp_path, tmp_path / "other", backgrounds=tmp_path / "nowhere")


def run_in(folder: Path, per_photo: int) -> Any:
    return run(folder, folder / "pairs", CALM, backgrounds=None, per_photo=per_photo)


def test_contact_sheet_says_how_pairs_were_taken(made: Path, tmp_path: Path) -> None:
    contact_sheet(made, tmp_path / "sheet.jpg", rows=3, columns=2, width=200)
    with Image.open(tmp_path / "sheet.jpg") as sheet:
        assert sheet.size == (2 * 412, 3 * (150 + 22))
        band = np.asarray(sheet.convert("L"))[160:172, :200]
    assert band.min() < 90  # Letters.


def test_command(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    words = [
        "--photos",
        str(source / "photos"),
        "--mattes",
        str(source / "mattes"),
        "--workers",
        "1",
        "--long-side",
        "200",
    ]
    words += [
        "-o",
        str(tmp_path / "pairs"),
        "--f-numbers",
        "2",
        "4",
        "--limit",
        "2",
        "--per-photo",
        "2",
        "--landscapes",
    ]
    assert command(monkeypatch, *words, "--misalign", "2") == 0
    assert "4 pairs made" in capsys.readouterr().out
    for wrong in (["--f-numbers", "4", "2"], ["--lamps", "2"], ["--blur", "0.02"], ["--grain", "-1"]):
        assert command(monkeypatch, *words, *wrong, "--overwrite") == 2
        assert "Traceback" not in capsys.readouterr().err


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["wideopen", "synthesize", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_disparity_files_hold_the_map(made: Path) -> None:
    assert NEAREST == 4.0
    line = next(line for line in lines(made) if line["kind"].startswith("subject"))
    with Image.open(made / line["depth"]) as depth, Image.open(made / line["matte"]) as matte:
        subject = np.asarray(depth)[np.asarray(matte) > 200]
    np.testing.assert_array_equal(subject, round(65535 / NEAREST))
