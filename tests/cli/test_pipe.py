"""Standard input and output, odd names, folders that cannot take a file: bytes as a shell sees them."""

import contextlib
import io
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from command import call
from limits import HANG
from wideopen.options import RenderOptions
from wideopen.photo.files import decode, load
from wideopen.render.renderer import Renderer

pytestmark = pytest.mark.slow


def shell(command: str, folder: Path) -> "subprocess.CompletedProcess[bytes]":
    """A line of sh with `wideopen` in it, run in a folder."""
    environment = {**os.environ, "NO_COLOR": "1", "COLUMNS": "200", "PYTHON": sys.executable}
    line = f'wideopen() {{ "$PYTHON" -W error -m wideopen "$@"; }}; {command}'
    return subprocess.run(["sh", "-c", line], cwd=folder, env=environment, capture_output=True, timeout=HANG)


@pytest.fixture
def folder(tmp_path: Path, model: Path, scene: NDArray) -> Path:
    """With photo.jpg and model.onnx in it."""
    exif = Image.Exif()
    exif[0x010F] = "Maker"
    Image.fromarray(scene).save(tmp_path / "photo.jpg", quality=90, exif=exif)
    (tmp_path / "model.onnx").write_bytes(model.read_bytes())
    return tmp_path


@pytest.fixture
def expected(folder: Path) -> NDArray:
    """The pixels of the result, before it is a JPEG."""
    return Renderer(RenderOptions(model=folder / "model.onnx")).render(load(folder / "photo.jpg").pixels)


def test_through_standard_input_and_output(folder: Path) -> None:
    done = shell("cat photo.jpg | wideopen render - -o - --model model.onnx > out.jpg", folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    file = shell("wideopen render photo.jpg -o file.jpg --model model.onnx", folder)
    assert file.returncode == 0
    assert (folder / "out.jpg").read_bytes() == (folder / "file.jpg").read_bytes()
    with Image.open(folder / "out.jpg") as result:
        assert result.getexif()[0x010F] == "Maker"


def test_only_one_of_the_two(folder: Path, expected: NDArray) -> None:
    done = shell("wideopen render - -o out.png --model model.onnx < photo.jpg", folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    np.testing.assert_array_equal(load(folder / "out.png").pixels, expected)
    done = shell("wideopen render photo.jpg -o - --format png --model model.onnx", folder)
    assert (done.returncode, done.stderr) == (0, b"")
    found = decode(done.stdout)
    np.testing.assert_array_equal(found.pixels, expected)
    assert found.format == "PNG"


@pytest.mark.parametrize(
    ("command", "code", "says"),
    [
        ("printf 'no photo' | wideopen render -", 1, "wideopen: standard input: not a JPEG"),
        ("wideopen render - < /dev/null", 1, "wideopen: standard input: is empty (0 bytes)"),
        ("wideopen render - -o out.xyz < photo.jpg", 2, "wideopen: out.xyz: cannot tell the format"),
        ("wideopen render - -o photo.jpg < photo.jpg", 1, "wideopen: photo.jpg: exists already"),
        ("wideopen render - --format bmpx < photo.jpg", 2, "'bmpx'"),
        ("wideopen render - photo.jpg -o out < photo.jpg", 2, "- is for one photo"),
        ("wideopen render - --json < photo.jpg", 2, "- is for one photo"),
        (
            "wideopen render photo.jpg -o - --model model.onnx > /dev/full",
            1,
            "standard output: cannot be written (No s",
        ),
        ("wideopen render none.jpg -o -", 1, "wideopen: none.jpg: no such file"),
        ("wideopen render ''", 2, "no such file"),
        ("wideopen render '*.heic'", 2, "nothing is called like that"),
    ],
)
def test_what_goes_wrong_is_one_line(folder: Path, command: str, code: int, says: str) -> None:
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    done = shell(command, folder)
    error = done.stderr.decode()
    assert (done.returncode, done.stdout) == (code, b"") and says in error and "Traceback" not in error
    assert error.count("\n") == 1 or "Usage: " in error
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows allows no such names")
def test_odd_names(folder: Path, expected: NDArray) -> None:
    names = [
        "with space.jpg",
        "Mädchen – größer.jpg",
        "two\nlines.jpg",
        "-o.jpg",
        "*.jpg",
        os.fsdecode(b"\xff\xfe.jpg"),
    ]
    for name in names:
        os.link(folder / "photo.jpg", folder / name)
    done = shell("wideopen render --model model.onnx -o out --name '{stem}.png' -- *.jpg", folder)
    assert done.returncode == 0, done.stderr
    assert {path.name for path in (folder / "out").iterdir()} == {name[:-4] + ".png" for name in [*names, "photo.jpg"]}
    for path in (folder / "out").iterdir():
        np.testing.assert_array_equal(load(path).pixels, expected)
    lines = done.stdout.decode().splitlines()
    assert len(lines) == 7 and "out/two\\nlines.png" in lines and "out/Mädchen – größer.png" in lines
    (folder / "two\nlines.jpg").unlink()
    (folder / "two\nlines.jpg").write_bytes(b"")
    done = shell("wideopen render two*", folder)
    assert done.returncode == 1
    assert done.stderr == b"wideopen: two\\nlines.jpg: is empty (0 bytes); get a whole copy\n"


def test_a_pattern_of_one_character_is_a_pattern(folder: Path) -> None:
    for name in ("1.jpg", "2.jpg"):
        os.link(folder / "photo.jpg", folder / name)
    done = call("render", folder / "?.jpg", "-o", folder / "out.jpg", "--model", folder / "model.onnx")
    said = " ".join(done.error.replace("│", " ").split())  # However long the folder is: a frame of text is wrapped.
    assert done.code == 2 and "several photos need one" in said and not (folder / "out.jpg").exists()


def test_a_name_longer_than_part_files_may_be(folder: Path) -> None:
    name = "n" * 245 + ".jpg"
    (folder / "photo.jpg").rename(folder / name)
    assert call("render", folder / name, "-o", folder / "out").code == 2, "a file, not a folder"
    done = call("render", folder / name, "-o", f"{folder / 'out'}/", "--model", folder / "model.onnx")
    assert done.code == 0 and [path.name for path in (folder / "out").iterdir()] == [name]


def test_an_output_that_is_its_input_by_another_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder)
    os.link(folder / "photo.jpg", folder / "hard.jpg")
    (folder / "soft.jpg").symlink_to("photo.jpg")
    before = (folder / "photo.jpg").read_bytes()
    for output in ("photo.jpg", "./photo.jpg", "hard.jpg", "soft.jpg"):
        done = call("render", "photo.jpg", "-o", output, "--overwrite", "--model", "model.onnx")
        assert done.code == 1 and "is a photo that is to be rendered" in done.error
        assert done.error.count("\n") == 1 and (folder / "photo.jpg").read_bytes() == before
    done = call("render", ".", "-o", ".", "--overwrite")
    assert done.code == 2 and "is the folder that" in done.error and done.error.count("\n") == 1
    assert (folder / "photo.jpg").read_bytes() == before


@contextlib.contextmanager
def mounted(point: Path, *options: str) -> Iterator[Path]:
    """A file system of its own, where mounting is allowed."""
    point.mkdir()
    if not sys.platform.startswith("linux") or os.geteuid() != 0:
        pytest.skip("only root mounts")
    tried = subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", point], capture_output=True)
    if tried.returncode != 0:
        pytest.skip(f"no mounting here: {tried.stderr.decode().strip()}")
    try:
        yield point
    finally:
        subprocess.run(["umount", point], check=True)


def test_a_full_disk(folder: Path) -> None:
    """Room for some of the results: those that fit are whole, the rest is said to be left, nothing partial stays."""
    pixels = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)
    (folder / "photos").mkdir()
    for number in range(8):
        Image.fromarray(pixels).save(folder / "photos" / f"{number}.png")  # 57 kB each.
    with mounted(folder / "small", "size=300k") as small:
        done = shell("wideopen render photos -o small --in-flight 1 --model model.onnx", folder)
        error = done.stderr.decode()
        assert done.returncode == 1 and "No space left on device" in error and "Traceback" not in error
        assert "not begun" in error.splitlines()[-1]
        there = sorted(path.name for path in small.iterdir())
        assert 1 <= len(there) <= 5 and not any("part" in name for name in there)
        for name in there:
            load(small / name)
        assert done.stdout.decode().split() == [f"small/{name}" for name in there]


def test_a_read_only_folder(folder: Path) -> None:
    with mounted(folder / "frozen", "size=1m") as frozen:
        (frozen / "photo.jpg").write_bytes((folder / "photo.jpg").read_bytes())
        subprocess.run(["mount", "-o", "remount,ro", frozen], check=True)
        beside = call("render", frozen / "photo.jpg", "--model", folder / "model.onnx")
        into = call("render", folder / "photo.jpg", "-o", frozen, "--model", folder / "model.onnx")
        for done, code in ((beside, 1), (into, 2)):
            assert done.code == code and done.error.count("\n") == 1
            assert done.error.startswith(f"wideopen: {frozen}: cannot be written to (Read-only file system)")
        assert [path.name for path in frozen.iterdir()] == ["photo.jpg"]


def test_bytes_of_a_pipe_are_those_of_the_library(folder: Path) -> None:
    done = shell("wideopen render - --model model.onnx < photo.jpg", folder)
    renderer = Renderer(RenderOptions(model=folder / "model.onnx"))
    data = (folder / "photo.jpg").read_bytes()
    assert done.stdout == renderer.render(data) == renderer.render(io.BytesIO(data)).read()
