"""What a person sees: a bar on a terminal, plain lines elsewhere, no colours with NO_COLOR, completion, the manual."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from numpy.typing import NDArray
from PIL import Image

from command import call
from limits import HANG
from wideopen.cli.text import duration, shown
from wideopen.photo.files import load

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
MANUAL = ROOT / "docs" / "cli.md"
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def photos(tmp_path: Path, scene: NDArray) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(6):
        Image.fromarray(scene).save(folder / f"[red]{number}.jpg")
    (folder / "[red]bad.jpg").write_bytes(b"")
    return folder


def on_a_terminal(*arguments: object, **environment: str) -> tuple[int, str]:
    """Exit code and what a terminal is sent, standard output and error together."""
    pty = pytest.importorskip("pty")
    outer, inner = pty.openpty()
    command = [sys.executable, "-m", "wideopen", *map(str, arguments)]
    clean = {key: value for key, value in os.environ.items() if key not in ("NO_COLOR", "FORCE_COLOR")}
    started = subprocess.Popen(
        command, stdin=inner, stdout=inner, stderr=inner, env={**clean, "COLUMNS": "120", **environment}
    )
    os.close(inner)
    said = b""
    while True:
        try:
            part = os.read(outer, 65536)
        except OSError:  # The other side is closed.
            break
        if not part:
            break
        said += part
    os.close(outer)
    return started.wait(timeout=HANG), said.decode()


def test_a_bar_on_a_terminal(photos: Path, model: Path) -> None:
    code, said = on_a_terminal("render", photos, "-o", photos.parent / "out", "--model", model, TERM="xterm-256color")
    # Whichever photo comes last, its name stands in the bar as it is.
    assert code == 1 and re.search(r"7/7[^\n]*/min[^\n]*\[red\]", said) and COLOUR.search(said)
    assert "bad.jpg: is empty" in said and "6 done, 1 failed, of 7 photos" in said
    assert str(photos.parent / "out") not in said, "results are not listed where a person looks on"
    again = ("render", photos, "-o", photos.parent / "out", "--model", model, "--overwrite")
    code, said = on_a_terminal(*again, TERM="xterm-256color", NO_COLOR="1")
    assert code == 1 and "7/7" in said and not COLOUR.search(said)
    code, said = on_a_terminal(*again, TERM="dumb")
    assert code == 1 and "7/7" not in said and "\x1b" not in said and "6 done" in said


def test_a_photo_is_neither_read_from_nor_written_to_a_terminal(photos: Path) -> None:
    for arguments in (("render", "-"), ("render", photos / "[red]0.jpg", "-o", "-")):
        code, said = on_a_terminal(*arguments, TERM="dumb")
        assert code == 2 and "terminal" in said and "JFIF" not in said


def test_lines_of_json_where_there_is_no_terminal(photos: Path, model: Path) -> None:
    done = call("render", photos, "-o", photos.parent / "out", "--model", model, "--json")
    *lines, end = map(json.loads, done.out.splitlines())
    assert done.code == 1 and end["event"] == "end" and end["done"] == 6
    for line in lines:
        if line["status"] == "done":
            assert load(Path(line["output"])).pixels.shape == (line["height"], line["width"], 3)
            assert line["event"] == "photo" and line["seconds"] > 0
        else:
            assert line["photo"] == str(photos / "[red]bad.jpg") and "is empty" in line["error"]


def test_words_for_any_name() -> None:
    assert shown("a\nb\x1b[2J\x9b\x7f") == "a\\nb\\x1b[2J\\x9b\\x7f"
    assert shown("größer") == "größer"
    assert shown(os.fsdecode(b"\xff.jpg")) == "\\udcff.jpg" or shown(os.fsdecode(b"\xff.jpg")) == "\\xff.jpg"
    ascii_only = type("Stream", (), {"encoding": "ascii"})()
    assert shown("größer", ascii_only) == "gr\\xf6\\xdfer"
    assert [duration(s) for s in (0.31, 12.4, 75, 7500)] == ["0.3 s", "12 s", "1 min 15 s", "2 h 5 min"]


@pytest.mark.parametrize(
    ("words", "expected"), [("wideopen ren", "render"), ("wideopen render --skip", "--skip-existing")]
)
def test_completion(words: str, expected: str) -> None:
    code = "import sys; sys.argv = ['wideopen']; from wideopen.cli import main; main()"
    environment = {**os.environ, "_WIDEOPEN_COMPLETE": "complete_bash", "COMP_WORDS": words,
                   "COMP_CWORD": str(len(words.split()) - 1)}  # fmt: skip
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=HANG)
    assert done.stdout.split() == [expected]


def test_the_manual_is_what_the_command_says() -> None:
    """`make manual` writes it anew."""
    command = [sys.executable, "-m", "typer", "wideopen.cli", "utils", "docs", "--name", "wideopen"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=HANG)
    assert done.returncode == 0, done.stderr
    assert MANUAL.read_text(encoding="utf-8").strip() == done.stdout.strip()
