"""`recipes/mean.py`: half the way from one network to what became of it."""

import sys
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import pytest
import torch

from lively import lively
from scripts import load_script
from wideopen.errors import ModelError
from wideopen.network.checkpoint import load_weights, save_weights
from wideopen.network.pynet import PyNET
from wideopen.options import PyNETConfig

pytestmark = pytest.mark.slow

SCRIPT = Path(__file__).parents[2] / "recipes" / "mean.py"
SMALL = PyNETConfig(width=0.0625, head="lens", init="he")


@pytest.fixture(scope="module")
def script() -> ModuleType:
    return load_script(SCRIPT)


def test_weights_lie_in_the_middle(script: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = lively(SMALL, 3)
    second = PyNET(SMALL, 3)
    for number, network in enumerate((first, second)):
        save_weights(tmp_path / f"{number}.pt", network, recipe={"name": str(number)})
    output = tmp_path / "mean.pt"
    monkeypatch.setattr(sys, "argv", ["mean.py", str(tmp_path / "0.pt"), str(tmp_path / "1.pt"), "-o", str(output)])
    script.main()
    made, kept = load_weights(output)
    assert kept["recipe"] == {"name": "1"} and kept["mean_of"] == ["0.pt", "1.pt"]
    one, other = first.state_dict(), second.state_dict()
    for name, value in made.state_dict().items():
        torch.testing.assert_close(value, (one[name] + other[name]) / 2)
    assert any(not torch.equal(one[name], other[name]) for name in one)


def test_other_networks_have_no_mean(script: ModuleType) -> None:
    for other in (PyNET(replace(SMALL, width=0.125), 3), PyNET(SMALL, 2)):
        with pytest.raises(ModelError, match="has parts that the first lacks"):
            script.mean(PyNET(SMALL, 3), other)


def test_levels_that_were_not_trained_on_stay(script: ModuleType) -> None:
    before, after = lively(SMALL, 3), PyNET(SMALL, 5)
    old, new = {name: value.clone() for name, value in before.state_dict().items()}, after.state_dict()
    made = script.mean(before, after).state_dict()
    for name, value in made.items():
        torch.testing.assert_close(value, (old[name] + new[name]) / 2 if name in new else old[name])
    assert any(name.startswith("level3.head") for name in made.keys() - new.keys())
