"""What is saved beside a result, read back by other programs; results in place of their photos."""

import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest
import tifffile
from PIL import Image

from command import call
from lens_models import build_lens_model
from wideopen import Renderer

pytestmark = pytest.mark.slow

SIZE = 240, 320


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_lens_model(tmp_path_factory.mktemp("model") / "lens.onnx")


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(40, 200, (*SIZE, 3)).astype(np.uint8)
    pixels[..., 0] = 20
    pixels[60:200, 100:220, 0] = 230
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    return tmp_path / "photo.png"


def test_the_matte_in_every_format(photo: Path, model: Path, tmp_path: Path) -> None:
    found = {}
    for suffix in ("png", "tif", "pfm", "exr", "npy"):
        path = tmp_path / f"matte.{suffix}"
        assert call("render", photo, "--save-matte", path, "--overwrite", "--model", model).code == 0
        found[suffix] = path
    values = np.load(found["npy"])
    assert values.shape == SIZE and values.dtype == np.float32 and 0 <= values.min() < values.max() <= 1
    assert values[80:180, 120:200].min() == 1 and values[:40].max() < 0.01
    assert np.array_equal(tifffile.imread(found["tif"]), values)
    assert np.array_equal(cv2.imread(str(found["pfm"]), cv2.IMREAD_UNCHANGED), values)
    assert np.array_equal(np.asarray(Image.open(found["pfm"])), values)
    assert np.array_equal(OpenEXR.File(str(found["exr"])).channels()["Y"].pixels, values)
    deep = cv2.imread(str(found["png"]), cv2.IMREAD_UNCHANGED)
    assert deep.dtype == np.uint16 and np.array_equal(deep, np.rint(values * 65535).astype(np.uint16))


def test_a_saved_matte_given_back_is_saved_the_same(photo: Path, model: Path, tmp_path: Path) -> None:
    first, second = tmp_path / "first.tif", tmp_path / "second.tif"
    assert call("render", photo, "--save-matte", first, "--model", model).code == 0
    done = call("render", photo, "--matte", first, "--save-matte", second, "--overwrite", "--model", model)
    assert done.code == 0 and np.array_equal(tifffile.imread(first), tifffile.imread(second))
    assert done.out.splitlines() == [str(tmp_path / "photo-bokeh.png"), str(second)]


def test_depth_as_pfm(photo: Path, model: Path, tmp_path: Path) -> None:
    for suffix in ("pfm", "npy"):
        assert (
            call("render", photo, "--save-depth", tmp_path / f"d.{suffix}", "--overwrite", "--model", model).code == 0
        )
    values = np.load(tmp_path / "d.npy")
    assert values.shape == SIZE and values[80:180, 120:200].min() > values[:40].max()
    assert np.array_equal(cv2.imread(str(tmp_path / "d.pfm"), cv2.IMREAD_UNCHANGED), values)
    assert np.array_equal(np.asarray(Image.open(tmp_path / "d.pfm")), values)
    again = call("render", photo, "--depth", tmp_path / "d.pfm", "--focus", "near", "--overwrite", "--model", model)
    assert (again.code, again.error) == (0, "")


def test_what_is_saved_of_an_upright_photo_is_upright(photo: Path, model: Path, tmp_path: Path) -> None:
    upright = tmp_path / "upright.png"
    Image.open(photo).transpose(Image.Transpose.ROTATE_90).save(upright)
    paths = [tmp_path / name for name in ("m.npy", "d.npy")]
    done = call("render", upright, "--save-matte", paths[0], "--save-depth", paths[1], "--model", model)
    assert done.code == 0 and done.out.splitlines() == [str(tmp_path / "upright-bokeh.png"), *map(str, paths[::-1])]
    matte, depth = map(np.load, paths)
    assert matte.shape == depth.shape == SIZE[::-1] and matte[120:200, 80:180].min() == 1
    assert depth[120:200, 80:180].min() > depth[:, :40].max()


def test_layers_make_the_photo_again(photo: Path, model: Path, tmp_path: Path) -> None:
    matte = np.zeros(SIZE, np.float32)
    matte[60:200, 100:220] = 1
    matte = cv2.GaussianBlur(matte, (0, 0), 2)
    np.save(tmp_path / "matte.npy", matte)
    words = photo, "--matte", tmp_path / "matte.npy", "--save-layers", tmp_path / "l.png", "--model", model, "--json"
    foretold, done = call("render", *words, "--dry-run"), call("render", *words)
    assert (foretold.code, done.code, done.error) == (0, 0, "")
    for told in (json.loads(foretold.out), json.loads(done.out.splitlines()[0])):
        assert told["layers"] == [str(tmp_path / f"l-{name}.png") for name in ("subject", "background")]
    pixels = np.asarray(Image.open(photo))
    subject, background = (np.asarray(Image.open(tmp_path / f"l-{name}.png")) for name in ("subject", "background"))
    assert subject.shape == (*SIZE, 4) and background.shape == (*SIZE, 3)
    assert np.array_equal(subject[..., 3], np.rint(matte * 255).astype(np.uint8))
    assert np.array_equal(subject[..., :3][matte == 1], pixels[matte == 1])
    assert np.array_equal(background[matte == 0], pixels[matte == 0])
    assert background[80:180, 120:200, 0].max() < 60, "the red subject is gone"


@pytest.mark.parametrize(
    ("option", "name", "line"),
    [
        ("--save-matte", "x.jpg", "a matte cannot be written as .jpg; use .png, .tif, .pfm, .exr or .npy"),
        ("--save-layers", "x.jpg", "layers have transparency; use .png, .tif or .webp"),
        ("--save-matte", "photo.png", "exists already"),
        ("--save-depth", "x.bmp", "depth cannot be written as .bmp"),
    ],
)
def test_wrong_names_are_said_before_the_work(option: str, name: str, line: str, photo: Path, model: Path) -> None:
    done = call("render", photo, option, photo.with_name(name), "--model", model)
    assert done.code == 2 and line in " ".join(done.error.split())
    assert [path.name for path in photo.parent.iterdir()] == ["photo.png"]


def test_a_map_alone_has_no_matte(photo: Path, model: Path, tmp_path: Path) -> None:
    np.save(tmp_path / "d.npy", np.linspace(0, 1, SIZE[0] * SIZE[1], dtype=np.float32).reshape(SIZE))
    done = call("render", photo, "--depth", tmp_path / "d.npy", "--save-matte", tmp_path / "m.png", "--model", model)
    assert done.code == 1 and "there is no matte beside a depth map alone; name one with --matte" in done.error
    assert not (tmp_path / "m.png").exists() and not (tmp_path / "photo-bokeh.png").exists()


def test_in_place(photo: Path, model: Path, tmp_path: Path) -> None:
    expected = Renderer(model=model).render(np.asarray(Image.open(photo)))
    photo.chmod(0o640)
    link = tmp_path / "link.png"
    link.symlink_to(photo)
    done = call("render", link, "--in-place", "--model", model)
    assert (done.code, done.out) == (0, f"{photo}\n")
    assert np.array_equal(np.asarray(Image.open(photo)), expected)
    assert photo.stat().st_mode & 0o777 == 0o640 and link.is_symlink()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.png", "photo.png"]
    for more in (("-o", tmp_path / "x.png"), ("--name", "x.png"), ("--skip-existing",)):
        assert call("render", photo, "--in-place", *more, "--model", model).code == 2
    (tmp_path / "x.gif").write_bytes(b"GIF89a")
    assert call("render", tmp_path / "x.gif", "--in-place", "--model", model).code == 1


KILLED = """
import sys
from pathlib import Path
from wideopen.atomic_write import write_output
photo, new = Path(sys.argv[1]), Path(sys.argv[2]).read_bytes()
old = photo.read_bytes()
print("ready", flush=True)
while True:
    for data in (new, old):
        write_output(photo, data, overwrite=True)
"""


KILLS = r"""
import json, random, signal, subprocess, sys, time
from pathlib import Path
program, photo, other = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
old, new = photo.read_bytes(), other.read_bytes()
seen, chance = set(), random.Random(0)
for _ in range(30):
    photo.write_bytes(old)
    process = subprocess.Popen([sys.executable, "-c", program, photo, other], stdout=subprocess.PIPE)
    assert process.stdout.readline() == b"ready\n"
    time.sleep(chance.random() * 0.05)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    found = photo.read_bytes()
    assert found in (old, new), "neither the old photo nor the new one"
    seen.add(len(found))
print(json.dumps(sorted(seen)))
"""
"""In a process of its own: that of the tests, long-lived and large, has died three times while it killed these."""


@pytest.mark.skipif(sys.platform == "win32", reason="kills by a signal")
def test_killed_at_any_moment_the_old_photo_or_the_new_one(tmp_path: Path) -> None:
    """The step that --in-place ends with, over and over, killed 30 times: what lies there is always whole."""
    rng, photo, other = np.random.default_rng(0), tmp_path / "photo.png", tmp_path / "new"
    photo.write_bytes(rng.bytes(3_000_000))
    other.write_bytes(rng.bytes(2_000_000))
    done = subprocess.run([sys.executable, "-c", KILLS, KILLED, photo, other], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [2_000_000, 3_000_000], "both were met"
    assert os.path.exists(photo)
