"""A folder of a hundred photos as one finds it: the right files, the right report, gone on with after a kill."""

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from command import call
from conftest import draw_scene
from limits import HANG
from wideopen.cli.many import Stop, _Terminated
from wideopen.options import RenderOptions
from wideopen.photo.files import load, save
from wideopen.photo.photo import Photo
from wideopen.render.renderer import Renderer

pytestmark = pytest.mark.slow

GOOD, FOLDERS = 92, ("", "summer", "summer/Bäche und Wälder", "winter/new\nline", "winter/.hidden")
"""What is in the hidden folder is no business of ours."""


def wideopen(*arguments: object, **more: object) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "wideopen", *map(str, arguments)]
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "160", "TERM": "dumb"}
    # A suite run in the background ignores Ctrl-C, and its children would inherit that.
    more.setdefault("preexec_fn", lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, **more)  # type: ignore[call-overload, no-any-return]


def run(*arguments: object) -> tuple[int, str, str]:
    started = wideopen(*arguments)
    out, error = started.communicate(timeout=HANG)
    return started.returncode, out, error


def huge_png() -> bytes:
    """The header of 60,000 x 60,000 px."""
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header))


def broken(jpeg: bytes, png: bytes) -> dict[str, bytes]:
    """Seven files that are no photos, each in its own way."""
    return {
        "empty.jpg": b"",
        "text.jpg": b"Dear photo,\n",
        "cut.jpg": jpeg[: len(jpeg) // 2],
        "header.jpg": jpeg[:200],
        "cut.png": png[: len(png) * 2 // 3],
        "huge.png": huge_png(),
        "nan.tif": cv2.imencode(".tiff", np.full((20, 30), np.nan, np.float32))[1].tobytes(),
    }


def fill(folder: Path, count: int) -> list[Path]:
    """Write tiny photos into nested folders, JPEG and PNG in turns; their paths relative to it."""
    pixels, names = draw_scene(36, 48), []
    for name in FOLDERS:
        (folder / name).mkdir(parents=True, exist_ok=True)
    content = {suffix: cv2.imencode(suffix, pixels)[1].tobytes() for suffix in (".jpg", ".png")}
    for number in range(count):
        suffix = ".jpg" if number % 3 else ".png"
        names.append(Path(FOLDERS[number % 4]) / f"photo {number:03}{suffix}")
        (folder / names[-1]).write_bytes(content[suffix])
    (folder / FOLDERS[4] / "not-mine.jpg").write_bytes(content[".jpg"])
    (folder / "notes.txt").write_text("no photo")
    return names


def below(folder: Path) -> set[Path]:
    return {path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()}


def test_a_hundred_photos(tmp_path: Path, model: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    names = fill(photos, GOOD)
    bad = broken((photos / names[1]).read_bytes(), (photos / names[0]).read_bytes())
    for number, (name, content) in enumerate(bad.items()):
        (photos / FOLDERS[number % 4] / name).write_bytes(content)
    (photos / "unreadable.jpg").symlink_to("unreadable.jpg")  # Also for root, who may read all else.
    (out / "summer").mkdir(parents=True)
    (out / names[1]).write_bytes(b"done by hand")
    before = {path: path.lstat().st_mtime_ns for path in sorted(photos.rglob("*"))}

    code, output, error = run("render", photos, "-r", "-o", out, "--skip-existing", "--json", "--model", model)

    assert code == 1 and "Traceback" not in error
    assert below(out) == set(names) and (out / names[1]).read_bytes() == b"done by hand"
    assert {path: path.lstat().st_mtime_ns for path in sorted(photos.rglob("*"))} == before
    *lines, end = map(json.loads, output.splitlines())
    assert {name: end[name] for name in ("event", "done", "skipped", "failed", "left")} == {
        "event": "end", "done": 91, "skipped": 1, "failed": 8, "left": 0,
    }  # fmt: skip
    assert {line["photo"] for line in lines} == {str(photos / name) for name in below(photos)} - {
        str(photos / "notes.txt"), str(photos / FOLDERS[4] / "not-mine.jpg"),
    }  # fmt: skip
    failed = {Path(line["photo"]).name: line["error"] for line in lines if line["status"] == "failed"}
    assert set(failed) == {*bad, "unreadable.jpg"}
    told = [line for line in error.splitlines() if line.startswith(f"wideopen: {photos}")]
    assert len(told) == 8 and all(any(name in line for line in told) for name in failed)
    assert "91 done, 1 there already, 8 failed, of 100 photos" in error.splitlines()[-1]
    expected = Renderer(RenderOptions(model=model)).render(load(photos / names[0]).pixels)
    np.testing.assert_array_equal(load(out / names[0]).pixels, expected)
    for name in names[2:]:
        assert load(out / name).pixels.shape == (36, 48, 3)


@pytest.fixture
def leftovers(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Part files: one of a process that is no more, one that this process holds."""
    out = tmp_path / "out"
    out.mkdir()
    dead, alive = out / ".wideopen-dead.part", out / ".wideopen-alive.part"
    dead.write_bytes(b"half a photo")
    with alive.open("wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield dead, alive


def test_killed_and_run_again(tmp_path: Path, model: Path, leftovers: tuple[Path, Path]) -> None:
    photos, out, (dead, alive) = tmp_path / "photos", tmp_path / "out", leftovers
    names = fill(photos, 120)
    command = ("render", photos, "-r", "-o", out, "--skip-existing", "--model", model)
    started = wideopen(*command)
    while len(list(out.rglob("photo *"))) < 10:
        assert started.poll() is None
        time.sleep(0.002)
    started.kill()
    started.communicate()
    done = {path: path.stat().st_mtime_ns for path in out.rglob("photo *")}
    assert 10 <= len(done) < 120
    dead.write_bytes(b"half a photo")
    code, output, error = run(*command)
    assert code == 0 and output.count("\n") == 120 - len(done)
    assert f"{120 - len(done)} done, {len(done)} there already" in error
    assert below(out) == {*names, Path(alive.name)}, "what another process writes is left alone"
    assert {path: path.stat().st_mtime_ns for path in done} == done
    for name in names:
        assert load(out / name).pixels.shape == (36, 48, 3)


def test_two_runs_share_a_folder(tmp_path: Path, model: Path) -> None:
    names = fill(tmp_path / "photos", 60)
    command = (
        "render",
        tmp_path / "photos",
        "-r",
        "-o",
        tmp_path / "out",
        "--skip-existing",
        "--json",
        "--model",
        model,
    )
    both = [wideopen(*command), wideopen(*command)]
    ends = []
    for started in both:
        out, error = started.communicate(timeout=HANG)
        assert started.returncode == 0, error
        ends.append(json.loads(out.splitlines()[-1]))
    assert below(tmp_path / "out") == set(names)
    assert sum(end["done"] for end in ends) == 60 == sum(end["skipped"] for end in ends)
    for name in names:
        assert load(tmp_path / "out" / name).pixels.shape == (36, 48, 3)


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_by_a_signal(tmp_path: Path, model: Path, stop: signal.Signals, code: int) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    fill(photos, 80)
    started = wideopen("render", photos, "-r", "-o", out, "--model", model)
    while len(list(out.rglob("photo *"))) < 10:
        assert started.poll() is None
        time.sleep(0.002)
    started.send_signal(stop)
    output, error = started.communicate(timeout=HANG)
    assert started.returncode == code and "Traceback" not in error
    written = below(out)
    assert 10 <= len(written) < 80 and all(path.name.startswith("photo ") for path in written)
    assert output.count("\n") == len(written)
    assert f"stopped; {len(written)} done, of 80 photos; --skip-existing goes on from here" in error
    for path in written:
        load(out / path)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_waits_until_a_result_that_is_being_written_has_been_told_of(number: signal.Signals) -> None:
    stop = Stop()
    with stop.listening():
        stop.hold(True)
        signal.raise_signal(number)
        with pytest.raises(_Terminated if number == signal.SIGTERM else KeyboardInterrupt):
            stop.hold(False)
    stop = Stop()
    with stop.listening(), pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


def test_results_beside_photos_are_not_rendered_again(tmp_path: Path, model: Path) -> None:
    names = fill(tmp_path, 8)
    first = call("render", tmp_path, "-r", "--before-after", "side", "--model", model)
    assert first[0] == 0
    there = below(tmp_path)
    assert len(there) == 2 + 3 * len(names)
    again = call("render", tmp_path, "-r", "--before-after", "side", "--model", model, "--skip-existing")
    assert again[0] == 0 and below(tmp_path) == there and "8 there already" in again[2]
    exists = call("render", tmp_path, "-r", "--model", model)
    assert exists[0] == 1 and exists[2].count("exists already") == 8 and below(tmp_path) == there


def test_a_missing_picture_beside_a_result_is_made_up_for(tmp_path: Path, model: Path) -> None:
    photo = tmp_path / "photo.png"
    save(Photo(draw_scene(36, 48)), photo)
    (tmp_path / "photo-bokeh.png").write_bytes(b"mine")
    assert call("render", photo, "--skip-existing", "--before-after", "split", "--model", model)[0] == 0
    assert (tmp_path / "photo-bokeh.png").read_bytes() == b"mine"
    with Image.open(tmp_path / "photo-bokeh-before-after.jpg") as picture:
        assert picture.size == (48, 36)


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    photos, out = tmp_path / "photos", tmp_path / "out"
    names = fill(photos, 8)
    (out / names[0]).parent.mkdir(parents=True, exist_ok=True)
    (out / names[0]).write_bytes(b"")
    before = below(tmp_path)
    code, output, error = call(
        "render", photos, "-r", "-o", out, "--dry-run", "--model", "none.onnx", "--skip-existing"
    )
    assert (code, error) == (0, "") and below(tmp_path) == before
    lines = output.splitlines()
    assert len(lines) == 8 and f"{photos / names[1]} -> {out / names[1]}" in lines
    assert f"{photos / names[0]} -> {out / names[0]} (there already)" in lines
    code, output, error = call("render", photos, "-r", "-o", out, "--dry-run", "--json")
    found = {line["photo"]: line["status"] for line in map(json.loads, output.splitlines())}
    assert code == 1 and found.pop(str(photos / names[0])) == "failed" and set(found.values()) == {"planned"}


def test_a_model_that_is_none_stops_all(tmp_path: Path) -> None:
    fill(tmp_path, 8)
    code, output, error = call("render", tmp_path, "-r", "--model", tmp_path / "none.onnx")
    assert (code, output) == (2, "") and error.count("no such model file") == 1 and error.count("\n") == 1


def test_quiet_says_nothing_but_what_failed(tmp_path: Path, model: Path) -> None:
    names = fill(tmp_path, 4)
    (tmp_path / names[1]).write_bytes(b"")
    code, output, error = call("render", tmp_path, "-r", "--quiet", "--model", model)
    assert (code, output) == (1, "") and error.count("\n") == 1 and names[1].name in error
