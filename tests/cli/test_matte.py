"""`wideopen matte`: what `wideopen render` goes by, read back by other programs; folders, pipes, resuming."""

import io
import json
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import OpenEXR
import pytest
import tifffile
from PIL import Image

from command import call
from lens_models import build_lens_model

SIZE = 120, 160


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_lens_model(tmp_path_factory.mktemp("model") / "lens.onnx")


def draw(path: Path, left: int = 50) -> Path:
    pixels = np.random.default_rng(left).integers(40, 200, (*SIZE, 3)).astype(np.uint8)
    pixels[..., 0] = 20
    pixels[30:100, left : left + 60, 0] = 230
    Image.fromarray(pixels).save(path)
    return path


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    return draw(tmp_path / "photo.png")


@pytest.fixture
def saved(photo: Path, model: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[np.ndarray, np.ndarray]:
    """Matte and depth as `wideopen render` saves them."""
    folder = tmp_path_factory.mktemp("saved")
    files = "--save-matte", folder / "m.npy", "--save-depth", folder / "d.npy"
    assert call("render", photo, "-o", folder / "x.png", *files, "--model", model).code == 0
    return np.load(folder / "m.npy"), np.load(folder / "d.npy")


def test_every_format_holds_what_render_saves(photo: Path, model: Path, saved: tuple[np.ndarray, np.ndarray]) -> None:
    matte, depth = saved
    assert matte.shape == SIZE and matte[50:80, 60:100].min() == 1 and matte[:15].max() < 0.01
    for suffix in ("png", "tif", "pfm", "exr", "npy"):
        done = call("matte", photo, "--format", suffix, "--with-depth", "--model", model)
        paths = [photo.with_name(f"photo-{name}.{suffix}") for name in ("matte", "depth")]
        assert (done.code, done.out.split()) == (0, [str(path) for path in paths]), done.error
    read = {
        "tif": tifffile.imread,
        "pfm": lambda path: cv2.imread(str(path), cv2.IMREAD_UNCHANGED),
        "exr": lambda path: OpenEXR.File(str(path)).channels()["Y"].pixels,
        "npy": np.load,
    }
    for suffix, reader in read.items():
        assert np.array_equal(reader(photo.with_name(f"photo-matte.{suffix}")), matte), suffix
        assert np.array_equal(reader(photo.with_name(f"photo-depth.{suffix}")), depth), suffix
    for name, values in (("matte", matte), ("depth", depth)):
        deep = cv2.imread(str(photo.with_name(f"photo-{name}.png")), cv2.IMREAD_UNCHANGED)
        assert deep.dtype == np.uint16 and np.array_equal(deep, np.rint(values * np.float32(65535)).astype(np.uint16))


def test_eight_bits(photo: Path, model: Path, saved: tuple[np.ndarray, np.ndarray], tmp_path: Path) -> None:
    expected = np.rint(saved[0] * np.float32(255)).astype(np.uint8)
    assert call("matte", photo, "-o", tmp_path / "a.png", "--matte-bits", 8, "--model", model).code == 0
    beside = "--save-matte", tmp_path / "b.png", "--matte-bits", 8
    assert call("render", photo, "-o", tmp_path / "x.png", *beside, "--model", model).code == 0
    for name in ("a.png", "b.png"):
        found = cv2.imread(str(tmp_path / name), cv2.IMREAD_UNCHANGED)
        assert found.dtype == np.uint8 and np.array_equal(found, expected)
    for command in ("matte", "render"):
        done = call(command, photo, "-o", tmp_path / "c.png", "--matte-bits", 12, "--model", model)
        assert done.code == 2 and "8 or 16 bits, not 12" in done.error


def test_a_folder_is_gone_on_with(model: Path, tmp_path: Path) -> None:
    (tmp_path / "in" / "below").mkdir(parents=True)
    for number, name in enumerate(("a.png", "b.png", "below/c.png")):
        draw(tmp_path / "in" / name, 20 + 20 * number)
    (tmp_path / "in" / "bad.png").write_bytes(b"no photo")
    words = tmp_path / "in", "-r", "-o", tmp_path / "out", "--format", "npy", "--with-depth", "--model", model
    planned = call("matte", *words, "--dry-run")
    assert planned.code == 0 and planned.out.count("\n") == 4 and not (tmp_path / "out").exists()
    done = call("matte", *words)
    assert done.code == 1 and "bad.png" in done.error and "3 done, 1 failed, of 4 photos" in done.error
    names = sorted(path.relative_to(tmp_path / "out").as_posix() for path in (tmp_path / "out").rglob("*.*"))
    assert names == ["a-depth.npy", "a.npy", "b-depth.npy", "b.npy", "below/c-depth.npy", "below/c.npy"]
    stamps = {path: path.stat().st_mtime_ns for path in (tmp_path / "out").rglob("*.npy")}
    (tmp_path / "out" / "b.npy").unlink()
    (tmp_path / "in" / "bad.png").unlink()
    again = call("matte", *words, "--skip-existing", "--json")
    lines = [json.loads(line) for line in again.out.splitlines()]
    assert again.code == 0 and (lines[-1]["done"], lines[-1]["skipped"]) == (1, 2)
    (made,) = [line for line in lines if line.get("status") == "done"]
    assert made["output"].endswith("b.npy") and made["depth"].endswith("b-depth.npy") and made["width"] == SIZE[1]
    changed = [path.name for path, stamp in stamps.items() if path.stat().st_mtime_ns != stamp]
    assert changed == ["b.npy"], "the depth map that was there stays"
    refused = call("matte", *words)
    assert refused.code == 1 and refused.error.count("exists already") == 3
    assert call("matte", *words, "--overwrite").code == 0


def test_mattes_beside_photos_are_no_photos(photo: Path, model: Path, tmp_path: Path) -> None:
    words = tmp_path, "--with-depth", "--overwrite", "--model", model
    for _ in range(2):
        assert call("matte", *words).code == 0
        assert sorted(path.name for path in tmp_path.iterdir()) == ["photo-depth.png", "photo-matte.png", "photo.png"]


def test_through_a_pipe(photo: Path, model: Path, tmp_path: Path) -> None:
    call("matte", photo, "-o", tmp_path / "file.png", "--model", model)
    source = io.TextIOWrapper(io.BytesIO(photo.read_bytes()))
    with mock.patch("sys.stdin", source):
        done = call("matte", "-", "-o", tmp_path / "piped.png", "--model", model)
    assert (done.code, done.out, done.error) == (0, "", "")
    assert (tmp_path / "piped.png").read_bytes() == (tmp_path / "file.png").read_bytes()
    with mock.patch("wideopen.cli.pipe._to_stdout") as written:
        assert call("matte", photo, "-o", "-", "--format", "pfm", "--model", model).code == 0
    assert written.call_args[0][0].startswith(b"Pf\n160 120\n-1")


def test_with_a_depth_map_the_network_says_what_the_subject_is(photo: Path, model: Path, tmp_path: Path) -> None:
    ramp = np.linspace(0.1, 1, SIZE[0] * SIZE[1], dtype=np.float32).reshape(SIZE)
    np.save(tmp_path / "map.npy", ramp)
    words = "--depth", tmp_path / "map.npy", "--format", "npy", "--with-depth", "--model", model
    done = call("matte", photo, *words)
    assert (done.code, done.error) == (0, "")
    matte, depth = (np.load(tmp_path / f"photo-{name}.npy") for name in ("matte", "depth"))
    assert matte[50:80, 60:100].min() == 1 and matte[:15].max() < 0.01
    inside = depth[50:80, 60:100]
    assert inside.min() == inside.max() and np.abs(depth[-10:, :20] - (ramp[-10:, :20] - 0.1) / 0.9).max() < 0.02


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (("photo.png", "--format", "jpg"), "a matte cannot be written as .jpg; use .png, .tif, .pfm, .exr or .npy"),
        (("photo.png", "-o", "x.jpg"), "a matte cannot be written as .jpg"),
        (("photo.png", "--name", "{stem}.webp"), "a matte cannot be written as .webp"),
        (("photo.png", "--matte", "none"), "leaves no matte to write"),
        (("photo.png", "--matte", "rembg:withoutbg"), "sends the photo to another machine"),
        (("photo.png", "-o", "s3://bucket/mattes/"), "mattes are written on this machine"),
        (("gone.png",), "no such file"),
        (("-", "--with-depth"), "one photo, and its matte only"),
    ],
)
def test_what_makes_no_sense_is_one_line(
    words: tuple[str, ...], line: str, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photo.parent)
    done = call("matte", *words)
    assert done.code == 2 and line in " ".join(done.error.replace("│", " ").split()), done.error
    assert [path.name for path in photo.parent.iterdir()] == ["photo.png"]
