"""The README and the docs tell the truth: files, commands, options, the lines of Python."""

import re
import shlex
from pathlib import Path

import pytest
import typer
from PIL import Image

from command import call
from wideopen.cli import COMMANDS, app

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = [
    ROOT / "README.md",
    ROOT / "docs" / "training.md",
    ROOT / "docs" / "lens.md",
    ROOT / "docs" / "evaluation.md",
    ROOT / "docs" / "export.md",
    ROOT / "docs" / "command-line.md",
    ROOT / "docs" / "fullsize.md",
    ROOT / "docs" / "scene.md",
    ROOT / "docs" / "serve.md",
    ROOT / "docs" / "embed.md",
    ROOT / "docs" / "deploy.md",
]


def commands() -> list[tuple[str, str]]:
    """(page, line) of every wideopen command shown in a code block."""
    found = []
    for page in PAGES:
        for block in re.findall(r"```\w*\n(.*?)```", page.read_text(encoding="utf-8"), re.S):
            lines = (line.split("  #")[0].strip() for line in block.splitlines())
            found += [(page.name, line) for line in lines if line.startswith("wideopen ")]
    return found


def test_the_map_names_every_room() -> None:
    table = README[README.index("| room | what |") :]
    named = set(re.findall(r"`([a-z]+)/`", table))
    assert named == {path.parent.name for path in (ROOT / "src" / "wideopen").glob("*/__init__.py")}


@pytest.mark.parametrize(("page", "line"), commands())
def test_commands_and_options_exist(page: str, line: str) -> None:
    words = shlex.split(line)
    assert words[1] in COMMANDS
    group = typer.main.get_command(app)
    command = group.get_command(typer.Context(group), words[1])  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
    assert {word for word in words[2:] if re.match(r"--?[a-z]", word)} <= known


def test_every_command_is_shown() -> None:
    assert {shlex.split(line)[1] for _, line in commands()} | {"convert"} == set(COMMANDS)
    assert "wideopen convert" in README


def small_copies(folder: str, root: Path, most: int | None = None) -> None:
    """Of the photos in a folder of this checkout, or so many of them, into the same folder elsewhere."""
    (root / folder).mkdir(parents=True, exist_ok=True)
    for path in sorted((ROOT / folder).iterdir())[:most]:
        if path.suffix in (".jpg", ".png"):
            with Image.open(path) as picture:
                picture.resize((picture.width // 4, picture.height // 4)).save(root / folder / path.name)


def test_the_commands_for_photos_run_one_after_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As they stand in the README, in a fresh checkout; photos are small copies, which is quicker."""
    small_copies("examples", tmp_path)
    small_copies("examples/training/heldout/photos", tmp_path, most=2)
    monkeypatch.chdir(tmp_path)
    photos_only = README.partition("## Train it")[0]  # test_training_block.py runs what comes after.
    lines = [line for page, line in commands() if page == "README.md" and line.startswith("wideopen render ")]
    lines = [line for line in lines if line in photos_only]
    assert len(lines) == 5
    for line in lines:
        done = call(*shlex.split(line)[1:])
        assert done.code == 0, (line, done.error)
    photos = {path.name for path in (tmp_path / "examples/training/heldout/photos").iterdir()}
    assert {path.name for path in (tmp_path / "rendered").iterdir()} == photos
    pictures = {"dog.jpg", "dog-far.jpg", "bushes.jpg", "dog-map.jpg", "dog-depth.png"}
    assert {path.name for path in tmp_path.iterdir() if path.is_file()} == pictures


def test_the_lines_of_python_of_the_lens_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"```python\n(.*?)```", (ROOT / "docs" / "lens.md").read_text(encoding="utf-8"), re.S)
    assert code is not None
    small_copies("examples", tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(code.group(1), "lens.md", "exec"), {})
    with Image.open("examples/path.jpg") as photo, Image.open("bushes.jpg") as bokeh:
        assert photo.size == bokeh.size


def test_the_lines_of_python_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = re.search(r"```python\n(.*?)```", README, re.S)
    assert code is not None
    small_copies("examples", tmp_path)
    monkeypatch.chdir(tmp_path)
    exec(compile(code.group(1), "README.md", "exec"), {})
    with Image.open("examples/scooter.jpg") as photo, Image.open("scooter-bokeh.jpg") as bokeh:
        assert photo.size == bokeh.size


def test_links_lead_somewhere() -> None:
    for page in (*PAGES, ROOT / "MODEL_CARD.md", ROOT / "CONTRIBUTING.md"):
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
