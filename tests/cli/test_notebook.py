"""The notebook runs, cell by cell, and says what it should."""

import ast
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOK = json.loads((EXAMPLES / "wideopen.ipynb").read_text(encoding="utf-8"))
CODE = ["".join(cell["source"]) for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code"]


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, object]]:
    """What the cells share, in a folder with small copies of the example photos."""
    folder = tmp_path_factory.mktemp("examples")
    for path in EXAMPLES.glob("*.[jp][pn]g"):
        with Image.open(path) as picture:  # A quarter, for speed.
            picture.resize((picture.width // 2, picture.height // 2)).save(folder / path.name)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        yield {}


@pytest.mark.parametrize("number", range(len(CODE)))
def test_cell(names: dict[str, object], number: int, capsys: pytest.CaptureFixture[str]) -> None:
    before = set(Path().iterdir())
    *lines, last = ast.parse(CODE[number]).body
    exec(compile(ast.Module(lines, []), f"cell {number}", "exec"), names)
    shown = None
    if isinstance(last, ast.Expr):  # What a notebook shows below a cell.
        shown = eval(compile(ast.Expression(last.value), f"cell {number}", "eval"), names)
    else:
        exec(compile(ast.Module([last], []), f"cell {number}", "exec"), names)
    said = capsys.readouterr().out
    expected = [
        lambda: isinstance(shown, Image.Image) and shown.size == (256, 192),
        lambda: said.startswith("uint8 float64\n") and "bytes ->" in said,
        lambda: isinstance(shown, Image.Image) and shown.size == (512, 192),
        lambda: shown == [(512, 384), (384, 512)],
        lambda: said.startswith("photo: not a JPEG") and isinstance(shown, Image.Image),
    ]
    assert len(expected) == len(CODE) and expected[number]()
    assert set(Path().iterdir()) == before


def test_it_is_a_notebook() -> None:
    assert NOTEBOOK["nbformat"] == 4 and all(cell["cell_type"] in ("code", "markdown") for cell in NOTEBOOK["cells"])
    assert all(cell["outputs"] == [] for cell in NOTEBOOK["cells"] if cell["cell_type"] == "code")
