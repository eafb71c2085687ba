"""PyNET against the 2020 release's own outputs, and what each level may and may not touch."""

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch

from reference.release_checkpoints import drawn
from wideopen.network.blocks import space_to_depth
from wideopen.network.heads import HeadConv, resize_to_level
from wideopen.network.pynet import PyNET
from wideopen.options import PyNETConfig

pytestmark = pytest.mark.slow

GOLDEN = Path(__file__).parents[1] / "golden"
STYLES = [("parallel", "absolute"), ("cascade", "absolute"), ("parallel", "residual"), ("cascade", "blend")]


@pytest.fixture(scope="module")
def draw() -> Callable[..., np.ndarray]:
    """`drawn`, which draws a weight once for both networks: they are the same but for their first layer."""
    return cache(drawn)


def golden_state(table: Path, draw: Callable[..., np.ndarray]) -> dict[str, torch.Tensor]:
    """The drawn weights under our names and layouts."""
    state = {}
    for row in json.loads(table.read_text()):
        value = draw(row["index"], row["name"], row["kind"], tuple(row["shape"]))
        assert abs(float(value.sum(dtype=np.float64)) - row["sum"]) < 1e-2
        path = row["name"] if row["name"].endswith("head") else row["name"] + ".conv"
        if row["kind"] in ("kernel", "transposed_kernel"):
            order = (3, 2, 0, 1)
            state[f"{path}.weight"] = torch.from_numpy(value.transpose(order).copy())
        elif row["kind"] == "bias":
            state[f"{path}.bias"] = torch.from_numpy(value)
        else:
            end = {"scale": "weight", "shift": "bias"}[row["kind"]]
            state[f"{row['name']}.norm.{end}"] = torch.from_numpy(value)
    return state


@pytest.mark.parametrize(("kind", "in_channels", "parameters"), [("rgb", 3, 47_550_639), ("rgbd", 4, 47_551_791)])
def test_equals_the_release_at_every_level(
    kind: str, in_channels: int, parameters: int, draw: Callable[..., np.ndarray]
) -> None:
    with torch.device("meta"):  # No starting weights are drawn.
        network = PyNET(PyNETConfig(in_channels=in_channels), all_heads=True)
    assert sum(p.numel() for p in network.parameters()) == parameters
    network.load_state_dict(golden_state(GOLDEN / f"variables_{kind}.json", draw), assign=True)
    with np.load(GOLDEN / "pynet_reference.npz") as golden, torch.no_grad():
        photo = torch.from_numpy(golden[f"{kind}_input"].transpose(0, 3, 1, 2).copy())
        heads = network.pyramid(photo, network.look(photo))
        for level in range(1, 8):
            ours = heads[level].bokeh.permute(0, 2, 3, 1).numpy()
            np.testing.assert_allclose(ours, golden[f"{kind}_level{level}"], atol=1e-4)


def test_what_it_gives_is_its_own_levels_head() -> None:
    network, photo = PyNET(PyNETConfig(width=0.0625), all_heads=True), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(network(photo).bokeh, network.pyramid(photo, network.look(photo))[1].bokeh)


@cache
def names(head: str, encoder: str, level: int) -> set[str]:
    """Of a network's weights, none of which is drawn; with either kind of blocks they are the same."""
    with torch.device("meta"):
        network = PyNET(PyNETConfig(width=0.0625, head=head, encoder=encoder), level)
    return {name for name, _ in network.named_parameters()}


@pytest.mark.parametrize(("blocks", "head"), STYLES)
@pytest.mark.parametrize("encoder", ["pynet", "lite0"])
def test_gradients_reach_the_path_to_the_head_and_nothing_else(blocks: str, head: str, encoder: str) -> None:
    """Of every level in turn, back from what its head gave on one and the same way through the network."""
    config = PyNETConfig(width=0.0625, blocks=blocks, head=head, encoder=encoder, init="he")
    full = PyNET(config, level=1, all_heads=True).train()
    for module in full.modules():
        # At its zero start a head passes nothing on; any other weights do.
        if isinstance(module, HeadConv):
            torch.nn.init.normal_(module.weight, std=0.1)
    photo = torch.rand(1, 3, 64, 64)
    outputs = full.pyramid(photo, full.look(photo))
    for level, output in outputs.items():
        needed = names(head, encoder, level)
        full.zero_grad(set_to_none=True)
        (output.bokeh * torch.rand_like(output.bokeh)).sum().backward(retain_graph=True)
        reached = {name for name, p in full.named_parameters() if p.grad is not None}
        assert reached == needed, level
        # A bias before an instance norm has a gradient of rounding errors only; every weight must have a real one.
        still = [n for n, p in full.named_parameters() if n in needed and p.ndim > 1 and not p.grad.abs().sum() > 0]
        assert still == [], level
    assert list(outputs) == list(range(7, 0, -1))


@pytest.mark.parametrize("head", ["residual", "blend"])
@pytest.mark.parametrize("level", range(1, 8))
def test_heads_that_add_start_as_the_identity(head: str, level: int) -> None:
    photo = torch.rand(1, 3, 64, 96)
    network = PyNET(PyNETConfig(width=0.0625, head=head, init="he"), level=level)
    with torch.no_grad():
        output = network(photo)
    expected = resize_to_level(photo, level)
    assert output.bokeh.shape[2:] == (round(64 * 2.0 ** (2 - level)), round(96 * 2.0 ** (2 - level)))
    assert (output.bokeh - expected).abs().max() < (1e-6 if head == "residual" else 1e-2)


def test_any_multiple_of_32_and_nothing_else() -> None:
    network = PyNET(PyNETConfig(width=0.0625), level=1)
    with torch.no_grad():
        for height, width in ((32, 32), (32, 96), (160, 64)):
            assert network(torch.rand(1, 3, height, width)).bokeh.shape == (1, 3, 2 * height, 2 * width)
    with pytest.raises(ValueError, match="multiples of 32"):
        network(torch.rand(1, 3, 48, 64))
    with pytest.raises(ValueError, match=r"\[N, 3, H, W\]"):
        network(torch.rand(1, 4, 64, 64))


def test_a_level_starts_from_the_level_below() -> None:
    for encoder in ("pynet", "lite0"):
        for level in range(1, 7):
            above, below = (names("residual", encoder, number) for number in (level, level + 1))
            assert not {name for name in below - above if ".head." not in name}


def test_further_channels_change_the_picture_with_either_encoder() -> None:
    for encoder in ("pynet", "lite0"):
        network = PyNET(PyNETConfig(in_channels=5, width=0.0625, encoder=encoder, init="he"), level=3)
        photo = torch.rand(1, 5, 64, 64)
        other = photo.clone()
        other[:, 4] += 0.5
        with torch.no_grad():
            assert not torch.allclose(network(photo).bokeh, network(other).bokeh)


def test_space_to_depth_is_in_tensorflows_order() -> None:
    photo = torch.arange(2 * 3 * 4 * 6, dtype=torch.float32).reshape(2, 3, 4, 6)
    blocks = space_to_depth(photo)
    for row in range(2):
        for column in range(2):
            for channel in range(3):
                expected = photo[:, channel, row::2, column::2]
                assert torch.equal(blocks[:, (row * 2 + column) * 3 + channel], expected)
