"""The command line as a person sees it: exit code, one line, no litter."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from command import Ran, call
from conftest import draw_scene
from limits import HANG
from wideopen.cli import COMMANDS
from wideopen.photo.files import load, save
from wideopen.photo.photo import Photo

pytestmark = pytest.mark.slow


def run(*arguments: object) -> Ran:
    """In a process of its own, where a warning is an error as it is in this one."""
    command = [sys.executable, "-W", "error", "-m", "wideopen", *map(str, arguments)]
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "160", "TERM": "dumb"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=HANG)
    return Ran(done.returncode, done.stdout, done.stderr)


def files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


@pytest.fixture
def photo(tmp_path: Path, scene: NDArray) -> Path:
    path = tmp_path / "photo.jpg"
    Image.fromarray(scene).save(path, quality=90)
    return path


def test_render_beside_the_photo(photo: Path, model: Path) -> None:
    done = run("render", photo, "--model", model, "--threads", 1)
    out = photo.with_name("photo-bokeh.jpg")
    assert (done.code, done.error, done.out.strip()) == (0, "", str(out))
    assert load(out).pixels.shape == load(photo).pixels.shape
    assert files(photo.parent) == {"photo.jpg", "photo-bokeh.jpg"}


@pytest.mark.parametrize("piped", [False, True])
def test_threads_hold_opencv(photo: Path, model: Path, piped: bool) -> None:
    out = "-" if piped else str(photo.with_name("out.jpg"))
    arguments = ["render", str(photo), "-o", out, "--model", str(model), "--threads", "1"]
    program = (
        "import sys, cv2, wideopen.cli; cv2.setNumThreads(3)\n"
        f"try: sys.argv[1:] = {arguments}; wideopen.cli.main()\n"
        "finally: print(cv2.getNumThreads(), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=HANG)
    assert (done.returncode, done.stderr.split()[-1]) == (0, b"1")


def test_several_photos_one_of_them_bad(photo: Path, model: Path) -> None:
    folder = photo.parent / "new" / "out"
    (photo.parent / "bad.jpg").write_bytes(b"text")
    save(Photo(draw_scene(50, 60)), photo.parent / "last.png")
    names = [photo.parent / name for name in ("photo.jpg", "bad.jpg", "last.png")]
    done = call("render", *names, "-o", folder, "--model", model)
    assert done.code == 1 and files(folder) == {"photo.jpg", "last.png"}
    failed, summary = done.error.splitlines()
    assert failed.startswith(f"wideopen: {names[1]}: not a JPEG") and "2 done, 1 failed, of 3 photos" in summary
    assert sorted(done.out.split()) == [str(folder / "last.png"), str(folder / "photo.jpg")]


@pytest.mark.parametrize(
    ("bad", "says", "code"),
    [
        ("missing", "no such file", 2),
        ("text", "not a JPEG", 1),
        ("empty", "0 bytes", 1),
        ("truncated", "cut short", 1),
        ("folder", "no photos in it", 2),
    ],
)
def test_bad_photo(photo: Path, model: Path, bad: str, says: str, code: int) -> None:
    """2 if there is no photo at all, 1 if there is one and it cannot be rendered."""
    path = photo.parent / "bad.jpg"
    if bad == "folder":
        path.mkdir()
    elif bad != "missing":
        path.write_bytes({"text": b"This is text.\n", "empty": b"", "truncated": photo.read_bytes()[:-2000]}[bad])
    before = files(photo.parent)
    done = call("render", path, "--model", model)
    assert done.code == code and done.out == "" and done.error.count("\n") == 1
    assert done.error.startswith(f"wideopen: {path}: ") and says in done.error
    assert files(photo.parent) == before


@pytest.mark.parametrize(
    ("output", "says", "code"),
    [
        ("photo.jpg", "is a photo that is to be rendered", 1),
        ("photo.jpg/out.jpg", "no folder", 2),
        ("out.xyz", "end it in one of", 2),
        ("none/out.jpg", "no folder", 2),
    ],
)
def test_bad_output(photo: Path, model: Path, output: str, says: str, code: int) -> None:
    content = photo.read_bytes()
    done = call("render", photo, "-o", photo.parent / output, "--model", model, "--overwrite")
    assert done.code == code and done.error.count("\n") == 1 and says in done.error
    assert files(photo.parent) == {"photo.jpg"} and photo.read_bytes() == content


def test_overwrite(photo: Path, model: Path) -> None:
    out = photo.parent / "out.png"
    out.write_bytes(b"old")
    done = call("render", photo, "-o", out, "--model", model, "--overwrite")
    assert done.code == 0 and load(out).pixels.dtype == np.uint8


@pytest.mark.skipif(sys.platform != "linux", reason="no folder elsewhere in which even root cannot write")
def test_unwritable_folder(photo: Path, model: Path) -> None:
    done = call("render", photo, "-o", "/proc/out.jpg", "--model", model)
    assert done.code == 2 and done.error.startswith("wideopen: /proc: cannot be written to (")
    assert done.error.count("\n") == 1


def test_bad_model(photo: Path) -> None:
    done = run("render", photo, "--model", photo)
    assert done.code == 2 and done.error.count("\n") == 1 and "not an ONNX model" in done.error
    assert files(photo.parent) == {"photo.jpg"}


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["render"], "PATH"),
        (["render", "a.jpg", "--quality", "0"], "quality must be 1 to 100"),
        (["render", "a.jpg", "b.jpg", "-o", "c.jpg"], "not a folder"),
        (["render", "a.jpg", "--unknown"], "--unknown"),
        (["nonsense"], "No such command 'nonsense'; there are render, "),
        (["photo.jpg", "--aperture", "2"], "did you mean: wideopen render photo.jpg --aperture 2"),
        (["a folder/*.png"], "did you mean: wideopen render 'a folder/*.png'"),
        (["rendr", "a.jpg"], "did you mean: wideopen render a.jpg"),
        (["render", "a.jpg", "--before-after"], "'--before-after' requires an argument: side or split"),
        (["render", "a.jpg", "--before-after", "both"], "'side', 'split'"),
        (["export", "a.pt", "-o", "b.onnx", "--precision"], "requires an argument: fp32, fp16 or int8"),
        (
            ["render", "a.jpg", "--focus", "1.5,3"],
            "two shares of width and height, each at most 1, or two whole numbers",
        ),
    ],
)
def test_wrong_usage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], says: str) -> None:
    monkeypatch.chdir(tmp_path)
    done = call(*arguments)
    words = " ".join(done.error.replace("│", " ").split())
    assert done.code == 2 and says in words and files(tmp_path) == set()


def test_both_pictures_are_named(photo: Path, model: Path) -> None:
    folder, arguments = photo.parent, ("--model", model, "--before-after", "split")
    both = [folder / "out.png", folder / "out-before-after.jpg"]
    foretold = call("render", photo, "-o", both[0], "--dry-run", *arguments)
    assert foretold.out == f"{photo} -> {both[0]}, {both[1]}\n"
    done = call("render", photo, "-o", both[0], *arguments)
    assert (done.code, done.out.splitlines()) == (0, list(map(str, both)))
    assert files(folder) == {"photo.jpg", *(path.name for path in both)}
    told = json.loads(call("render", photo, "-o", both[0], "--overwrite", "--json", *arguments).out.splitlines()[0])
    assert (told["output"], told["before_after"]) == tuple(map(str, both))


def test_help_lists_every_command() -> None:
    done = call("--help")
    assert done.code == 0 and all(f" {name} " in done.out for name in COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_of_every_command(command: str) -> None:
    done = call(command, "--help")
    assert done.code == 0 and "Usage: " in done.out and "Example: " in done.out


def test_version() -> None:
    from wideopen import __version__

    assert run("--version").out == f"wideopen {__version__}\n"
