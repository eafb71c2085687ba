"""What is published: the wheel and the sdist are whole, small and alike, and the wheel alone renders."""

import re
import sys
import sysconfig
import tarfile
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path

import pytest
from PIL import Image

from published import PHOTO, ROOT, build, fresh, packages_of, run
from wideopen import __version__

pytestmark = pytest.mark.slow

LARGEST_WHEEL = 25_000_000
"""Bytes."""


@pytest.fixture(scope="module")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("build", reason="needs the extra dev")
    return build(tmp_path_factory.mktemp("dist"))


@pytest.fixture(scope="module")
def wheel(dist: Path) -> Path:
    (path,) = dist.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def sdist(dist: Path) -> Path:
    (path,) = dist.glob("*.tar.gz")
    return path


@pytest.fixture(scope="module")
def facts(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as file:
        return Parser().parsestr(file.read(f"wideopen-{__version__}.dist-info/METADATA").decode())


def test_the_version_is_one(facts: Message, wheel: Path, sdist: Path) -> None:
    assert facts["Version"] == __version__
    assert wheel.name == f"wideopen-{__version__}-py3-none-any.whl" and sdist.name == f"wideopen-{__version__}.tar.gz"
    assert f"\nversion: {__version__}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert f"## {__version__}" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_index_accepts_it(dist: Path) -> None:
    pytest.importorskip("twine", reason="needs the extra dev")
    assert run([sys.executable, "-m", "twine", "check", "--strict", *map(str, dist.iterdir())]).count("PASSED") == 2


def test_the_page_of_the_index_points_at_whole_addresses(facts: Message) -> None:
    """Shown apart from the repository, a relative address leads nowhere."""
    page = facts.get_payload()
    assert isinstance(page, str) and page.startswith("# wideopen")
    addresses = re.findall(r"\]\(([^)]+)\)", page)
    assert len(addresses) > 10 and all(address.startswith(("https://", "#")) for address in addresses)
    assert 'pip install "wideopen[' in page and 'pip install ".' not in page
    for address in addresses:
        _, found, path = address.partition(f"/v{__version__}/")
        assert not found or (ROOT / path.partition("#")[0]).exists(), address


def test_the_wheel_holds_the_package_and_nothing_else(wheel: Path) -> None:
    assert wheel.stat().st_size < LARGEST_WHEEL
    package = ROOT / "src" / "wideopen"
    here = {f"wideopen/{path.relative_to(package).as_posix()}" for path in package.rglob("*") if path.is_file()}
    here = {name for name in here if "__pycache__" not in name}
    with zipfile.ZipFile(wheel) as file:
        inside = {name for name in file.namelist() if ".dist-info/" not in name}
        assert file.read("wideopen/models/default.onnx") == (package / "models" / "default.onnx").read_bytes()
    added = {name for name in inside - here if not name.startswith("wideopen/web/")}
    assert here <= inside and not added


def test_the_sdist_holds_what_a_packager_needs(sdist: Path) -> None:
    with tarfile.open(sdist) as file:
        names = {name.partition("/")[2] for name in file.getnames()}
    assert {
        "LICENSE",
        "NOTICE",
        "README.md",
        "CHANGELOG.md",
        "pyproject.toml",
        "src/wideopen/models/default.onnx",
    } <= names
    assert not [name for name in names if name.startswith(("docs/", "tests/", "examples/training", "examples/models"))]


def test_the_wheel_renders_alone(wheel: Path, tmp_path: Path) -> None:
    """In an environment of its own, which reads what it depends on from here; test_installers.py fetches that.

    `build` made the wheel of what the sdist holds, as an installation from the sdist does.
    """
    programs = fresh(tmp_path / "env", with_pip=False)
    pip = [sys.executable, "-m", "pip", "--python", str(programs / "python")]
    run([*pip, "install", "-q", "--no-deps", str(wheel)], tmp_path)
    (packages_of(programs) / "others.pth").write_text(sysconfig.get_path("purelib"))
    assert run([str(programs / "wideopen"), "--version"]) == f"wideopen {__version__}\n"
    with Image.open(PHOTO) as photo:
        photo.resize((photo.width // 4, photo.height // 4)).save(tmp_path / "photo.png")
    run([str(programs / "wideopen"), "render", "photo.png", "-o", "out.png"], tmp_path)
    place = run([str(programs / "python"), "-c", "import wideopen; print(wideopen.__file__)"], tmp_path)
    assert Path(place.strip()).is_relative_to(packages_of(programs))
    with Image.open(tmp_path / "photo.png") as before, Image.open(tmp_path / "out.png") as after:
        assert before.size == after.size and before.tobytes() != after.tobytes()
