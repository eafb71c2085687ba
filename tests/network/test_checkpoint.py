"""Weights files: what goes in comes out, and nothing else is taken for one."""

import stat
from pathlib import Path

import pytest
import torch

from wideopen.errors import ModelError, OutputError
from wideopen.network.checkpoint import load_weights, save_weights, start_from
from wideopen.network.pynet import PyNET
from wideopen.options import PyNETConfig

pytestmark = pytest.mark.slow

SMALL = PyNETConfig(width=0.0625, head="residual", init="he")


def test_round_trip(tmp_path: Path) -> None:
    network = PyNET(SMALL, level=3)
    path = tmp_path / "level3.pt"
    save_weights(path, network, metrics={"val/psnr": 30.5})
    loaded, kept = load_weights(path)
    assert (loaded.config, loaded.level, kept["metrics"]) == (SMALL, 3, {"val/psnr": 30.5})
    photo = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded(photo).bokeh, network.eval()(photo).bokeh)
    assert [p.name for p in path.parent.iterdir()] == ["level3.pt"]
    assert path.stat().st_mode & stat.S_IROTH


def test_what_is_no_weights_file(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        load_weights(tmp_path / "none.pt")
    text = tmp_path / "text.pt"
    text.write_text("hello")
    with pytest.raises(ModelError, match=r"text\.pt: not a weights file"):
        load_weights(text)
    torch.save({"other": 1}, tmp_path / "other.pt")
    with pytest.raises(ModelError, match=r"other\.pt: not wideopen weights"):
        load_weights(tmp_path / "other.pt")
    whole = tmp_path / "whole.pt"
    save_weights(whole, PyNET(SMALL, level=7))
    whole.write_bytes(whole.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"whole\.pt: not a weights file, or a damaged one"):
        load_weights(whole)


def test_an_unwritable_place_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(OutputError, match="no folder"):
        save_weights(file / "level7.pt", PyNET(SMALL, level=7))
    assert file.read_text() == ""


@pytest.mark.parametrize("level", range(1, 7))
def test_a_level_starts_where_the_one_below_ended(level: int) -> None:
    below, network = PyNET(SMALL, level + 1), PyNET(SMALL, level)
    drawn = {name: value.clone() for name, value in network.state_dict().items()}
    start_from(network, below)
    state, start = network.state_dict(), below.state_dict()
    shared = {name for name in start if ".head." not in name}
    assert shared and all(torch.equal(state[name], start[name]) for name in shared)
    assert all(torch.equal(state[name], drawn[name]) for name in drawn if name not in start)


def test_a_network_takes_its_part_of_a_longer_one() -> None:
    whole, network = PyNET(SMALL, 3), PyNET(SMALL, 5)
    start_from(network, whole)
    state = whole.state_dict()
    heads = {name for name in network.state_dict() if ".head." in name and name not in state}
    assert all(torch.equal(value, state[name]) for name, value in network.state_dict().items() if name not in heads)


def test_another_network_is_refused() -> None:
    with pytest.raises(ModelError, match="does not fit"):
        start_from(PyNET(SMALL, 6), PyNET(PyNETConfig(width=0.125), 7))
