import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from pair_sets import make_set, save, save_pair, scene, wide_open
from wideopen.cli.inspect import inspect as inspect_command
from wideopen.errors import OutputError, PairsError
from wideopen.pairs.alignment import compare
from wideopen.pairs.inspect import Inspection, Limits, PairCheck, inspect_pairs
from wideopen.pairs.pairs import find_pairs
from wideopen.pairs.sample_options import PairsOptions


def faults(check: PairCheck) -> list[tuple[str, str]]:
    return [(fault.kind, fault.verdict) for fault in check.faults]


def check_one(root: Path, photo: np.ndarray, target: np.ndarray, **options: object) -> PairCheck:
    save_pair(root, "1", photo, target)
    (check,) = inspect_pairs(root, **options).checks  # type: ignore[arg-type]
    return check


# --- measuring


@pytest.mark.parametrize("shift", [(0.0, 0.0), (1.5, 0.0), (-3.0, 4.0), (0.0, -7.5), (12.0, 9.0), (-60.0, 40.0)])
@pytest.mark.parametrize("seed", [0, 1])
def test_shift_is_found_though_most_of_the_target_is_blurred(shift: tuple[float, float], seed: int) -> None:
    photo = scene(seed)
    found = compare(photo, wide_open(photo, shift=shift))
    assert found.shift is not None
    expected = float(np.hypot(*shift))
    assert abs(found.shift - expected) < (0.5 if expected < 30 else 4)


def test_shift_is_in_px_of_the_photo_whatever_its_size() -> None:
    photo = scene(0, 1200, 1600)
    assert compare(photo, wide_open(photo, shift=(6, 8))).shift == pytest.approx(10, abs=0.7)


def test_shift_survives_noise_and_jpeg(tmp_path: Path) -> None:
    photo = scene(0)
    target = wide_open(photo, shift=(3, 4))
    rng = np.random.default_rng(0)
    noisy = [np.clip(x + rng.normal(0, 8, x.shape), 0, 255).astype(np.uint8) for x in (photo, target)]
    check = check_one(tmp_path, *noisy)
    assert check.difference is not None
    assert check.difference.shift == pytest.approx(5, abs=0.5)
    assert faults(check) == [("misaligned", "unusable")]


@pytest.mark.parametrize("stops", [-1.5, -0.4, 0.0, 0.6])
def test_exposure_is_measured_in_stops_of_linear_light(stops: float) -> None:
    photo = (scene(0) * 0.6).astype(np.uint8)
    found = compare(photo, wide_open(photo, gain=2.0**stops))
    assert found.exposure == pytest.approx(stops, abs=0.1)
    assert found.shift == pytest.approx(0, abs=0.3)
    assert found.likeness > 0.95


def test_sharpness_tells_photo_from_target_through_noise() -> None:
    photo = scene(0)
    target = wide_open(photo)
    good, swapped = compare(photo, target), compare(target, photo)
    assert good.sharper < 0.05 < 0.4 < good.blurrier
    assert (swapped.sharper, swapped.blurrier) == (good.blurrier, good.sharper)
    rng = np.random.default_rng(0)
    grainy = np.clip(target + rng.normal(0, 10, target.shape), 0, 255).astype(np.uint8)
    seen = compare(photo, grainy)
    assert seen.sharper < seen.blurrier


def test_pictures_without_detail_give_no_false_alarm() -> None:
    flat = np.full((200, 300, 3), 128, np.uint8)
    black = np.zeros((200, 300, 3), np.uint8)
    for picture in (flat, black, flat[:20, :20]):
        found = compare(picture, picture)
        assert (found.sharper, found.blurrier, found.shift, found.likeness) == (0, 0, None, 1)
    assert compare(black, black).exposure is None


# --- verdicts


def test_good_pairs_are_ok(tmp_path: Path) -> None:
    make_set(tmp_path, ["1", "2", "3"], 360, 480)
    steps: list[tuple[int, int]] = []
    found = inspect_pairs(tmp_path, progress=lambda done, total: steps.append((done, total)))
    assert [faults(check) for check in found.checks] == [[], [], []]
    assert found.counts == {"ok": 3, "warning": 0, "unusable": 0}
    assert found.troubled == []
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_swapped_pair(tmp_path: Path) -> None:
    photo = scene(0)
    check = check_one(tmp_path, wide_open(photo), photo)
    assert faults(check) == [("target sharper", "unusable")]


def test_other_view(tmp_path: Path) -> None:
    check = check_one(tmp_path, scene(0), wide_open(scene(1)))
    assert ("other view", "unusable") in faults(check)


@pytest.mark.parametrize(
    ("shift", "limit", "expected"),
    [(2.0, 3.0, [("misaligned", "warning")]), (2.0, 5.0, []), (2.0, 1.5, [("misaligned", "unusable")])],
)
def test_misaligned_pair(tmp_path: Path, shift: float, limit: float, expected: list) -> None:
    photo = scene(0)
    check = check_one(tmp_path, photo, wide_open(photo, shift=(shift, 0)), limits=Limits(shift=limit))
    assert faults(check) == expected


@pytest.mark.parametrize(("stops", "verdict"), [(0.75, "warning"), (-0.75, "warning"), (-1.4, "unusable")])
def test_exposure_apart(tmp_path: Path, stops: float, verdict: str) -> None:
    photo = (scene(0) * 0.6).astype(np.uint8)
    assert faults(check_one(tmp_path, photo, wide_open(photo, gain=2.0**stops))) == [("exposure", verdict)]


def test_nothing_in_focus_is_a_warning(tmp_path: Path) -> None:
    photo = scene(0)
    check = check_one(tmp_path, photo, cv2.GaussianBlur(photo, (0, 0), 12))
    assert faults(check) == [("misaligned", "warning")]
    assert check.verdict == "warning"


def test_sizes_that_differ(tmp_path: Path) -> None:
    photo = scene(0)
    target = wide_open(photo)
    check = check_one(tmp_path / "a", photo, cv2.resize(target, (240, 180), interpolation=cv2.INTER_AREA))
    assert ("sizes differ", "warning") in faults(check)
    assert check.verdict == "warning"
    assert faults(check_one(tmp_path / "b", photo, target[:, :400])) == [("sizes differ", "unusable")]
    save(tmp_path / "c" / "matte" / "1.png", np.zeros((100, 100), np.uint8))
    assert faults(check_one(tmp_path / "c", photo, target)) == [("sizes differ", "unusable")]


def test_too_small_for_the_recipe(tmp_path: Path) -> None:
    photo = scene(0)
    check = check_one(tmp_path, photo, wide_open(photo), options=PairsOptions(crop=361))
    assert faults(check) == [("too small", "unusable")]
    assert "480x360" in check.faults[0].text
    assert not inspect_pairs(tmp_path, options=PairsOptions(crop=360)).troubled


@pytest.mark.parametrize("broken", ["text", "empty", "cut", "map"])
def test_unreadable_pictures(tmp_path: Path, broken: str) -> None:
    make_set(tmp_path, ["1", "2"], 360, 480)
    path = tmp_path / "bokeh" / "2.jpg"
    if broken == "map":
        for name in ("1", "2"):
            path = save(tmp_path / "sharp" / f"{name}.png", np.zeros((360, 480), np.uint8))
    data = {"text": b"hello", "empty": b"", "cut": path.read_bytes()[:3000], "map": b"hello"}
    path.write_bytes(data[broken])
    good, bad = inspect_pairs(tmp_path).checks
    assert good.verdict == "ok"
    assert faults(bad) == [("unreadable", "unusable")]
    assert str(path) in bad.faults[0].text


def test_unmatched_names(tmp_path: Path) -> None:
    make_set(tmp_path, ["1", "2"], 360, 480)
    (tmp_path / "bokeh" / "2.jpg").unlink()
    save(tmp_path / "bokeh" / "3.jpg", scene(0))
    found = inspect_pairs(tmp_path)
    assert {check.name: faults(check) for check in found.checks} == {
        "1": [],
        "2": [("unmatched", "unusable")],
        "3": [("unmatched", "unusable")],
    }


def test_opencv_threads_are_left_as_they_were(tmp_path: Path) -> None:
    make_set(tmp_path, ["1"])
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    inspect_pairs(tmp_path, workers=1)
    assert cv2.getNumThreads() == 3
    cv2.setNumThreads(before)


def test_limits_must_be_above_zero() -> None:
    with pytest.raises(ValueError, match="above 0"):
        Limits(shift=0)


# --- what is written


@pytest.fixture(scope="module")
def troubled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """good, a warning (moved), and four unusable ones."""
    root = tmp_path_factory.mktemp("troubled")
    photo = scene(0)
    save_pair(root, "good", photo, wide_open(photo))
    save_pair(root, "moved", photo, wide_open(photo, shift=(2, 0)))
    save_pair(root, "swapped [1]", wide_open(photo), photo)
    save_pair(root, "far", photo, wide_open(photo, shift=(9, 0)))
    save_pair(root, "text", photo, photo)
    (root / "original" / "text.jpg").write_text("no picture")
    save(root / "original" / "alone.jpg", photo)
    return root


@pytest.fixture(scope="module")
def inspection(troubled: Path) -> Inspection:
    return inspect_pairs(troubled)


def test_json_holds_all_that_was_found(inspection: Inspection, tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    inspection.write_json(path)
    found = json.loads(path.read_text())
    assert found["counts"] == {"ok": 1, "warning": 1, "unusable": 4}
    pairs = {pair["name"]: pair for pair in found["pairs"]}
    assert pairs["far"]["verdict"] == "unusable"
    assert pairs["far"]["difference"]["shift"] == pytest.approx(9, abs=0.5)
    assert pairs["far"]["faults"][0]["kind"] == "misaligned"
    assert pairs["good"]["size"] == [480, 360]
    assert list(tmp_path.iterdir()) == [path]


def test_training_reads_the_exclude_list(inspection: Inspection, troubled: Path, tmp_path: Path) -> None:
    path = tmp_path / "bad.txt"
    inspection.write_exclude_list(path)
    assert "far  # misaligned\n" in path.read_text()
    with pytest.raises(PairsError):
        find_pairs(troubled)
    assert [pair.name for pair in find_pairs(troubled, exclude=path)] == ["good", "moved"]


def test_files_are_not_overwritten_unasked(inspection: Inspection, tmp_path: Path) -> None:
    path = tmp_path / "found.json"
    path.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        inspection.write_json(path)
    assert path.read_text() == "mine"
    inspection.write_json(path, overwrite=True)
    assert path.read_text().startswith("{")
    with pytest.raises(OutputError, match="no folder"):
        inspection.write_json(tmp_path / "none" / "found.json")


# --- the command

app = typer.Typer()
app.command()(inspect_command)


def run(*words: object) -> tuple[int, str, BaseException | None]:
    result = CliRunner().invoke(app, [str(word) for word in words], env={"COLUMNS": "200"})
    return result.exit_code, result.output, result.exception


def test_command_on_a_troubled_set(troubled: Path, tmp_path: Path) -> None:
    code, output, _ = run(
        troubled, "--json", tmp_path / "f.json", "--write-exclude-list", tmp_path / "bad.txt", "--max-shift", 3
    )
    assert code == 1
    assert "6 pairs: 1 ok, 1 with a warning, 4 unusable" in output
    for name in ("moved", "swapped [1]", "far", "text", "alone"):
        assert name in output
    assert "good" not in output
    code, output, _ = run(troubled, "--exclude-list", tmp_path / "bad.txt")
    assert (code, "2 pairs: 1 ok, 1 with a warning, 0 unusable" in output) == (0, True)
    code, _, error = run(troubled, "--json", tmp_path / "f.json")
    assert isinstance(error, OutputError)


def test_command_on_a_good_set(tmp_path: Path) -> None:
    make_set(tmp_path, ["4400", "17"], 360, 480)
    assert run(tmp_path)[0] == 0
    code, output, _ = run(tmp_path, "--split", "val294", "--pattern", r"(\d+)\.jpg")
    assert (code, output.strip()) == (0, "1 pairs: 1 ok, 0 with a warning, 0 unusable")
    code, output, _ = run(tmp_path, "--crop", 512)
    assert (code, "too small" in output) == (1, True)
    recipe = tmp_path / "r.toml"
    recipe.write_text('name = "r"\n[pairs]\ncrop = 512\n[[level]]\nlevel = 7\nbatch = 1\nsteps = 1\n')
    assert run(tmp_path, "--recipe", recipe)[0] == 1


@pytest.mark.parametrize(
    "words",
    [["--max-shift", "0"], ["--max-exposure", "-1"], ["--crop", "0"], ["--crop", "9", "--recipe", "r.toml"], ["--no"]],
)
def test_wrong_usage_is_exit_2(tmp_path: Path, words: list[str]) -> None:
    make_set(tmp_path, ["1"])
    assert run(tmp_path, *words)[0] == 2


def test_no_set_is_a_pairs_error(tmp_path: Path) -> None:
    assert isinstance(run(tmp_path / "none")[2], PairsError)


def test_inspecting_needs_no_torch(tmp_path: Path) -> None:
    make_set(tmp_path, ["1"])
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from pathlib import Path; from wideopen.pairs.inspect import inspect_pairs\n"
        f"assert len(inspect_pairs(Path({str(tmp_path)!r})).checks) == 1"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
