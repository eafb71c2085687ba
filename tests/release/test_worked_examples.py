"""The changes that CONTRIBUTING.md works through: their places exist, and the first of them is made."""

import ast
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from published import ROOT
from wideopen.lens.apertures import Aperture, kernel, second_moments
from wideopen.lens.layered_lens import Layer, expose
from wideopen.scene.background_depth import Plane

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").partition("## Three changes, worked\n")[2]
PLACES = re.findall(r"`((?:src|tests|docs)/[\w/.-]+)`(?: `([\w.]+)`)?", TEXT)


def names_in(path: Path) -> set[str]:
    """What a module defines or imports at its top, and what its classes define, as `Class.name`."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.ClassDef):
            found |= {f"{node.name}.{part.name}" for part in node.body if isinstance(part, ast.FunctionDef)}
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            found.add(node.name)
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        found |= {target.id for target in targets if isinstance(target, ast.Name)}
    return found


def test_there_are_three() -> None:
    assert len(re.findall(r"^\*\*Another ", TEXT, re.M)) == 3 and len(PLACES) >= 12


@pytest.mark.parametrize(("path", "name"), PLACES, ids=lambda text: text.rpartition("/")[2])
def test_the_place_is_there(path: str, name: str) -> None:
    assert (ROOT / path).is_file()
    assert not name or name in names_in(ROOT / path)


class Heart(Aperture):
    """Point down."""

    def transmission(self, u: Any, v: Any, place: tuple[float, float] = (0.0, 0.0)) -> Any:
        x, y = 1.25 * u, 1.25 * v + 0.1
        return ((x * x + y * y - 1) ** 3 - x * x * y**3 <= 0).astype(np.float32)


def test_a_heart_takes_one_file() -> None:
    """Its light is kept, and it stands on its head before the focus."""
    heart = Heart()
    drawn = kernel(24.0, heart)
    assert drawn.sum() == pytest.approx(1, abs=1e-5) and not np.array_equal(drawn, kernel(24.0, Aperture()))
    np.testing.assert_allclose(drawn, drawn[:, ::-1], atol=1e-6)
    below, above = drawn[-12:].sum(), drawn[:12].sum()
    assert above > 1.5 * below
    assert second_moments(heart)[1] == pytest.approx(0, abs=1e-3)
    point = np.zeros((61, 61, 3), np.float32)
    point[30, 30] = 1.0
    behind, front = (expose([Layer(point, Plane(at))], 20.0, 1.0, 1.0, heart).linear for at in (0.0, 2.0))
    np.testing.assert_allclose(front, behind[::-1, ::-1], atol=1e-6)
    assert behind[..., 0].sum() == pytest.approx(1, abs=1e-4) and not np.allclose(front, behind, atol=1e-4)
