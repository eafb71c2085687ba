"""What an installation without extras can do, and what importing costs."""

import subprocess
import sys
from pathlib import Path

import pytest

import wideopen
from limits import HANG
from wideopen.extras import extras_of

pytestmark = pytest.mark.slow

BLOCKER = """
import sys
from importlib.machinery import PathFinder
there = PathFinder.find_spec
def find_spec(name, path=None, target=None):
    if name.partition(".")[0] not in {"torch", "lightning", "torchmetrics", "onnx", "onnxscript", "tensorflow",
                                      "tensorboard", "skimage", "scipy", "efficientnet_lite_pytorch",
                                      "pillow_heif", "pillow_jxl", "OpenEXR", "transformers", "ray", "pyarrow",
                                      "fsspec"}:
        return there(name, path, target)
PathFinder.find_spec = find_spec
"""
"""Python that finds what extras bring no more than where they are not installed."""
NEED_AN_EXTRA = ("network", "training", "export", "web")
"""Rooms; of these, some modules need none, and the cores of others import them lazily."""


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=HANG)


def test_public_names() -> None:
    assert wideopen.__all__ == sorted(wideopen.__all__)
    assert all(hasattr(wideopen, name) for name in wideopen.__all__)
    public = {name for name, value in vars(wideopen).items() if not name.startswith("_") and callable(value)}
    # These come when they are asked for.
    later = {"DepthMap", "Scene", "find_preset", "load_presets"}
    assert public == set(wideopen.__all__) - {"__version__", *later}


def test_core_needs_no_extra() -> None:
    folder = Path(wideopen.__file__).parent
    paths = [path.relative_to(folder).with_suffix("") for path in folder.rglob("*.py") if path.stem[0] != "_"]
    core = sorted(".".join(path.parts) for path in paths if path.parts[0] not in NEED_AN_EXTRA)
    assert {"render.renderer", "evaluation.evaluate", "synthesis.synthesize", "pairs.inspect", "batch.cluster"} <= set(
        core
    )
    done = python(BLOCKER + "".join(f"import wideopen.{name}\n" for name in core) + "import wideopen.cli")
    assert done.returncode == 0, done.stderr


def test_render_without_extras(model: Path, tmp_path: Path) -> None:
    code = BLOCKER + (
        "import numpy, wideopen\n"
        f"options = wideopen.RenderOptions(model={str(model)!r}, threads=1)\n"
        "print(wideopen.render(numpy.zeros((40, 50, 3), numpy.uint8), options).shape)\n"
    )
    done = python(code)
    assert (done.returncode, done.stdout) == (0, "(40, 50, 3)\n"), done.stderr


def test_missing_extra_is_one_line(tmp_path: Path) -> None:
    recipe = tmp_path / "recipe.toml"
    recipe.write_text('name = "x"\n[[level]]\nlevel = 7\nbatch = 1\nsteps = 1\n')
    arguments = ["wideopen", "train", "--recipe", str(recipe), "--data", "none", "-o", str(tmp_path / "run")]
    done = python(BLOCKER + f"sys.argv = {arguments!r}\nfrom wideopen.cli import main\nmain()\n")
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.endswith('pip install "wideopen[train]"\n')


HEAVY = ("numpy", "cv2", "PIL", "onnxruntime", "torch")


def test_import_stays_light() -> None:
    code = f"import sys, wideopen\nprint([name for name in {(*HEAVY, 'typer')} if name in sys.modules])"
    assert python(code).stdout == "[]\n"


def test_help_stays_light() -> None:
    """Modules are counted and not seconds, which depend on what else the machine does."""
    code = (
        "import sys\nsys.argv = ['wideopen', '--help']\nfrom wideopen.cli import main\n"
        f"try:\n    main()\nfinally:\n    print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = python(code)
    assert (done.returncode, done.stderr) == (0, "[]\n")


def test_function_is_not_hidden_by_its_module() -> None:
    code = (
        "import wideopen, wideopen.lens.full_resolution\nfrom wideopen.render.renderer import Renderer\n"
        "print(callable(wideopen.render))"
    )
    assert python(code).stdout == "True\n"


def test_missing_exr_is_named(tmp_path: Path) -> None:
    (tmp_path / "map.exr").write_bytes(b"\x76\x2f\x31\x01" + bytes(40))
    path = str(tmp_path / "map.exr")
    code = f"from pathlib import Path\nfrom wideopen.photo.depth import load_depth\nload_depth(Path({path!r}))"
    done = python(BLOCKER + code)
    assert done.stderr.endswith("ModuleNotFoundError: No module named 'OpenEXR'\n")
    assert extras_of("OpenEXR") == ["exr"]
