import json
import math
import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from plain_photos import OPTIONS, draw, files
from wideopen.cli import main
from wideopen.errors import OutputError, PairsError
from wideopen.lens.thin_lens import PRESETS
from wideopen.pairs.pairs import find_pairs
from wideopen.synthesis.contact_sheet import contact_sheet
from wideopen.synthesis.options import MEMBERS, SynthesizeOptions
from wideopen.synthesis.synthesize import synthesize

pytestmark = pytest.mark.slow


@pytest.fixture
def source(tmp_path: Path) -> Path:
    for seed, stem in enumerate(("first/a", "first/b", "second/a", "c")):
        draw(tmp_path, stem, seed)
    return tmp_path


def run(source: Path, output: str = "pairs", **arguments: object) -> object:
    options = arguments.pop("options", OPTIONS)
    defaults = {"workers": 1} | arguments
    return synthesize(source / "photos", source / "mattes", source / output, options, **defaults)  # type: ignore[arg-type]


def test_pairs_are_what_the_rest_of_the_package_reads(source: Path) -> None:
    done = run(source)
    assert (done.made, done.kept, done.skipped) == (4, 0, ())
    pairs = find_pairs(source / "pairs")
    assert [pair.name for pair in pairs] == ["c", "first-a", "first-b", "second-a"]
    for pair in pairs:
        with Image.open(pair.original) as a, Image.open(pair.bokeh) as b, Image.open(pair.sharp) as s:
            assert a.size == b.size == s.size == (200, 160)
            photo, target = np.asarray(a, np.float32), np.asarray(b, np.float32)
            sharp = np.asarray(s)
        assert sharp.dtype == np.uint8
        assert pair.matte is not None
        assert np.abs(photo - target)[sharp == 255].mean() < 2
        assert np.abs(photo - target)[:30].mean() > 10


def test_the_input_is_the_photo_itself(source: Path) -> None:
    run(source)
    with Image.open(source / "photos" / "c.jpg") as a, Image.open(source / "pairs" / "original" / "c.jpg") as b:
        assert np.abs(np.asarray(a, np.float32) - np.asarray(b, np.float32)).mean() < 3
        assert {layer[1:3] for layer in b.layer} == {(1, 1)}  # 4:4:4: no colour is halved.


def test_same_files_whatever_the_number_of_workers(source: Path) -> None:
    options = replace(OPTIONS, blur_jitter=0.5, seed=7)
    run(source, "one", options=options, workers=1)
    run(source, "two", options=options, workers=2)
    assert files(source / "one") == files(source / "two")
    lines = (source / "one" / "manifest.jsonl").read_text().splitlines()
    assert len({json.loads(line)["blur"] for line in lines}) == 4
    run(source, "other", options=replace(options, seed=8))
    assert files(source / "one") != files(source / "other")


def test_a_run_cut_short_goes_on_where_it_stopped(source: Path) -> None:
    assert run(source, limit=2).made == 2
    before = files(source / "pairs")
    (source / "pairs" / "sharp" / "c.png").unlink()
    calls: list[tuple[int, int]] = []
    done = run(source, progress=lambda *count: calls.append(count))
    assert (done.made, done.kept) == (3, 1)
    assert calls[-1] == (4, 4)
    after = files(source / "pairs")
    assert all(after[name] == data for name, data in before.items() if name != "manifest.jsonl")
    assert len(after["manifest.jsonl"].splitlines()) == 4


def test_other_options_in_the_same_folder_are_an_error_unless_overwritten(source: Path) -> None:
    run(source)
    other = replace(OPTIONS, blur=0.05)
    before = files(source / "pairs")
    with pytest.raises(OutputError, match="other options"):
        run(source, options=other)
    assert files(source / "pairs") == before
    assert run(source, options=other, overwrite=True).made == 4
    assert files(source / "pairs")["bokeh/c.jpg"] != before["bokeh/c.jpg"]


def test_unfit_photos_are_skipped_with_the_reason(source: Path) -> None:
    draw(source, "tiny", 9, radius=8)
    draw(source, "large", 9, radius=130)
    draw(source, "doubt", 9)
    Image.fromarray(np.full((80, 100), 120, np.uint8)).save(source / "mattes" / "doubt.png")
    draw(source, "unmatted", 9)
    (source / "mattes" / "unmatted.png").unlink()
    draw(source, "text", 9)
    (source / "photos" / "text.jpg").write_text("no photo")
    draw(source, "cut", 9)
    data = (source / "photos" / "cut.jpg").read_bytes()
    (source / "photos" / "cut.jpg").write_bytes(data[: len(data) // 2])
    done = run(source)
    assert done.made == 4
    reasons = dict(done.skipped)
    assert set(reasons) == {"tiny", "large", "doubt", "unmatted", "text", "cut"}
    for name, word in {
        "tiny": "too small", "large": "too large", "unmatted": "no matte", "text": "cannot be read", "cut": "truncated",
    }.items():  # fmt: skip
        assert word in reasons[name]
        assert "\n" not in reasons[name]
    assert not [name for name in files(source / "pairs") if "tmp" in name or "tiny" in name]


@pytest.mark.parametrize("kind", ["tiny", "large", "doubt"])
def test_the_reason_names_what_would_take_the_photo(source: Path, kind: str) -> None:
    """Followed as often as one is given, it ends in a pair."""
    draw(source, kind, 9, radius={"tiny": 8, "large": 130, "doubt": 60}[kind])
    if kind == "doubt":
        Image.fromarray(np.full((80, 100), 120, np.uint8)).save(source / "mattes" / "doubt.png")
    options, given = OPTIONS, list[str]()
    for number in range(4):
        reasons = dict(run(source, f"pairs{number}", options=options).skipped)
        if kind not in reasons:
            break
        found = re.search(r"; --([a-z-]+) ([0-9.]+) takes it$", reasons[kind])
        assert found is not None, reasons[kind]
        given.append(found[1])
        options = replace(options, **{found[1].replace("-", "_"): float(found[2])})
    assert given and len(set(given)) == len(given) and kind not in reasons


def test_all_doubt_is_taken_where_it_is_asked_for(source: Path) -> None:
    faint = np.zeros((80, 100), np.uint8)
    faint[30:50, 40:60] = 120
    Image.fromarray(faint).save(source / "mattes" / "c.png")
    for most, made in ((0.99, 3), (1.0, 4)):
        done = run(source, f"pairs{most}", options=replace(OPTIONS, max_doubt=most, min_subject=0.0))
        assert done.made == made, done.skipped


def test_only_a_list(source: Path) -> None:
    (source / "list.txt").write_text("first/b\nc\n\n")
    assert run(source, only=source / "list.txt").made == 2
    (source / "list.txt").write_text("first/b\nfirst/z\n")
    with pytest.raises(PairsError, match="first/z"):
        run(source, only=source / "list.txt")
    with pytest.raises(PairsError, match="cannot read"):
        run(source, only=source / "nowhere.txt")


def test_large_photos_are_scaled_down_and_turned_upright(tmp_path: Path) -> None:
    draw(tmp_path, "wide", 1, size=(160, 200))
    photo = tmp_path / "photos" / "wide.jpg"
    with Image.open(photo) as image:
        exif = image.getexif()
        exif[0x0112] = 6
        image.save(photo, exif=exif)
    with Image.open(tmp_path / "mattes" / "wide.png") as matte:
        matte.transpose(Image.Transpose.ROTATE_270).save(tmp_path / "mattes" / "wide.png")
    assert run(tmp_path, options=replace(OPTIONS, long_side=100)).skipped == ()
    for member, suffix in MEMBERS.items():
        with Image.open(tmp_path / "pairs" / member / f"wide{suffix}") as image:
            assert image.size == (80, 100)


def test_folders_without_photos_or_with_names_that_clash(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    with pytest.raises(PairsError, match="no photos"):
        run(tmp_path)
    draw(tmp_path, "a/b", 1)
    draw(tmp_path, "a-b", 1)
    with pytest.raises(PairsError, match="'a-b'"):
        run(tmp_path)
    assert not (tmp_path / "pairs").exists()


def test_a_damaged_manifest_is_one_clear_line(source: Path) -> None:
    run(source)
    (source / "pairs" / "manifest.jsonl").write_text('{"name": "a"}\n{"na')
    with pytest.raises(PairsError, match="manifest.jsonl"):
        run(source)


@pytest.mark.parametrize(
    "values",
    [{"blur": 0.0}, {"highlight_gain": 0.5}, {"horizon": 1.0}, {"min_subject": 0.7}, {"long_side": 10}, {"quality": 0}],
)
def test_options_are_checked(values: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="must"):
        SynthesizeOptions(**values)  # type: ignore[arg-type]


def test_plain_pairs_are_blurred_as_by_ebbs_lens() -> None:
    assert SynthesizeOptions().blur == pytest.approx(PRESETS["ebb"].blur_radius_px(math.inf, 1), abs=5e-5)


def test_contact_sheet(source: Path) -> None:
    run(source)
    contact_sheet(source / "pairs", source / "sheet.jpg", rows=2, columns=2, width=100)
    with Image.open(source / "sheet.jpg") as sheet:
        assert sheet.format == "JPEG"
        assert sheet.size == (2 * 212, 2 * 83)
        # The ball's colour is on both sides of the first row.
        for column in (50, 152):
            assert sheet.getpixel((column, 38))[0] > 180
    with pytest.raises(OutputError, match="exists"):
        contact_sheet(source / "pairs", source / "sheet.jpg")
    with pytest.raises(PairsError, match="no pairs"):
        contact_sheet(source, source / "other.jpg")


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["wideopen", "synthesize", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


def test_command(source: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (source / "mattes" / "c.png").unlink()
    inputs = ["--photos", str(source / "photos"), "--mattes", str(source / "mattes"), "-o", str(source / "pairs")]
    common = [*inputs, "--workers", "1", "--long-side", "200", "--style", "plain"]
    assert command(monkeypatch, *common, "--sheet", str(source / "sheet.jpg")) == 0
    out = capsys.readouterr().out
    assert "skipped c: no matte" in out
    assert "3 pairs made, 0 kept, 1 photos skipped" in out
    assert (source / "sheet.jpg").stat().st_size > 1000
    assert command(monkeypatch, *common, "--seed", "3") == 2
    error = capsys.readouterr().err
    assert error.startswith("wideopen: ")
    assert error.count("\n") == 1
    for wrong in (["--blur", "3"], ["--lamps", "0.5"], ["--backgrounds", str(source / "photos")]):
        assert command(monkeypatch, *common, *wrong, "--overwrite") == 2
