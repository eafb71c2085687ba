"""Other ways to install, from an index on loopback: uvx, pipx, other Pythons, the lowest and newest dependencies.

Each fetches what wideopen asks for, some 150 MB: `make test-release`, not part of `make test`.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from published import PHOTO, build, fresh, run, served
from wideopen import __version__

pytestmark = pytest.mark.release

ENTRY = ("wideopen", "--version")
BESIDE = Path(sys.executable).parent
"""Where uv and pipx are, if they came with the extra `release`."""


def program(name: str) -> str:
    """Where it is; the test is skipped without it."""
    found = shutil.which(name, path=str(BESIDE)) or shutil.which(name)
    if found is None:
        pytest.skip(f"needs {name}, of the extra release")
    return found


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("build", reason="needs the extra dev")
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def index(dist: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(dist, tmp_path_factory.mktemp("index")) as address:
        yield address


def test_uvx(index: str, tmp_path: Path) -> None:
    called = [program("uv"), "tool", "run", "--no-config", "--python", sys.executable, "--index", index]
    told = run([*called, "--from", f"wideopen=={__version__}", *ENTRY], tmp_path, UV_TOOL_DIR=str(tmp_path / "tools"))
    assert told == f"wideopen {__version__}\n"


def test_pipx_run(index: str, tmp_path: Path) -> None:
    called = [program("pipx"), "run", "--no-cache", "--python", sys.executable, f"--pip-args=--extra-index-url {index}"]
    told = run([*called, "--spec", f"wideopen=={__version__}", *ENTRY], tmp_path, PIPX_HOME=str(tmp_path / "pipx"))
    assert told == f"wideopen {__version__}\n"


@pytest.mark.parametrize("resolution", ["lowest-direct", "highest"])
def test_lowest_and_newest_dependencies(index: str, tmp_path: Path, resolution: str) -> None:
    """The ranges of pyproject.toml hold from end to end: doctor's self-test passes with both."""
    programs = fresh(tmp_path / "env")
    called = [program("uv"), "pip", "install", "--no-config", "--resolution", resolution, "--index", index]
    run([*called, "--python", str(programs / "python"), f"wideopen=={__version__}"], tmp_path)
    check_rendering(programs, tmp_path)


@pytest.mark.parametrize("version", ["3.12", "3.13"])
def test_other_pythons(index: str, tmp_path: Path, version: str) -> None:
    """Where one is installed, or uv can fetch one."""
    uv, folder = program("uv"), tmp_path / "env"
    made = subprocess.run([uv, "venv", "--no-config", "--python", version, str(folder)], capture_output=True, text=True)
    if made.returncode != 0:
        pytest.skip(f"no Python {version} here, and uv can fetch none")
    programs = folder / "bin"
    run([uv, "pip", "install", "--no-config", "--index", index, "--python", str(programs / "python"),
         f"wideopen=={__version__}"], tmp_path)  # fmt: skip
    check_rendering(programs, tmp_path)


def check_rendering(programs: Path, folder: Path) -> None:
    """The command renders, and doctor finds all in order."""
    run([str(programs / "wideopen"), "render", str(PHOTO), "-o", str(folder / "out.jpg")], folder)
    assert (folder / "out.jpg").stat().st_size > 10_000
    found = [json.loads(line) for line in run([str(programs / "wideopen"), "doctor", "--json"], folder).splitlines()]
    assert {"torch", "fastapi"}.isdisjoint(finding["name"] for finding in found)
    assert all(finding["fine"] for finding in found if finding["topic"] == "self-test"), found
