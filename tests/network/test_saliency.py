"""The pretrained saliency network that the pyramid reads, with drawn weights: the published are not at hand."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from PIL import Image

from lively import lively
from scripts import load_script
from wideopen.errors import WeightsError
from wideopen.export.quantise import prior_nodes
from wideopen.network.fusion import TRUST
from wideopen.network.heads import SceneMaps
from wideopen.network.pynet import PyNET
from wideopen.network.saliency import CHANNELS, U2Netp, fused_logit
from wideopen.options import PyNETConfig

pytestmark = pytest.mark.slow

SMALL = PyNETConfig(width=0.125, blocks="cascade", head="lens", encoder="lite0", init="he")


def drawn() -> U2Netp:
    network = U2Netp()
    torch.manual_seed(5)
    for parameter in network.parameters():
        scale = 0.3 if parameter.ndim == 1 else parameter[0].numel() ** -0.5
        parameter.copy_((torch.randn_like(parameter) * scale).half())  # As they are kept.
    return network


def published(network: U2Netp, path: Path) -> Path:
    """A file laid out as the published one is: its first 112 convolutions unnamed, in the order they are computed."""
    convs = [module for module in network.modules() if isinstance(module, torch.nn.Conv2d)]
    names = [f"{100 + k}" for k in range(len(convs) - 7)] + [f"side{k}.weight" for k in range(1, 7)]
    nodes, held = [], []
    for conv, name in zip(convs, [*names, "outconv.weight"], strict=True):
        bias = name.replace("weight", "bias") if name.endswith("weight") else f"{name}b"
        nodes.append(helper.make_node("Conv", ["x", name, bias], [f"out{name}"]))
        held += [numpy_helper.from_array(conv.weight.numpy(), name), numpy_helper.from_array(conv.bias.numpy(), bias)]
    # The published file computes the sides last to first in places; only their names tell them.
    graph = helper.make_graph(nodes[:-7] + nodes[-7:][::-1], "u2netp", [], [], held)
    onnx.save(helper.make_model(graph), path)
    return path


def test_published_weights_are_read_by_order_and_name(tmp_path: Path) -> None:
    there, here = drawn(), U2Netp()
    here.load_pretrained(published(there, tmp_path / "u2netp.onnx"))
    photo = torch.rand(1, 3, 64, 96)
    for level, feature in there(photo).items():
        assert torch.equal(here(photo)[level], feature)


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.onnx"
    path.write_bytes(b"no network")
    with pytest.raises(WeightsError, match=r"other\.onnx: does not hold the weights of U2-Netp"):
        U2Netp().load_pretrained(path)


def test_what_levels_read() -> None:
    photo = torch.rand(2, 3, 416, 288)  # Seen at 320x224.
    reads = drawn()(photo)
    assert {level: feature.shape[1] for level, feature in reads.items()} == CHANNELS
    assert {level: tuple(feature.shape[2:]) for level, feature in reads.items()} == {
        level: (320 // 2 ** (level - 2), 224 // 2 ** (level - 2)) for level in range(2, 8)
    }
    mean = fused_logit(reads, 5, [52, 36]).mean()
    assert torch.allclose(mean, fused_logit(reads, 2, [416, 288]).mean(), rtol=0.05), "a smaller logit is a mean"


def test_a_network_made_to_read_it_weighs_odds_at_first(tmp_path: Path) -> None:
    torch.manual_seed(3)
    start = PyNET(SMALL, 3)
    for module in start.modules():
        if isinstance(module, torch.nn.Conv2d) and module.out_channels == 2:
            torch.nn.init.normal_(module.weight, std=0.05)
    start.eval()
    path = published(drawn(), tmp_path / "u2netp.onnx")
    network = load_script(Path(__file__).parents[2] / "recipes" / "with_prior.py").with_prior(start, path).eval()
    photo = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        before, after = start(photo), network(photo)
        assert isinstance(before, SceneMaps) and isinstance(after, SceneMaps)
        there = fused_logit(network.prior(photo), 3, [32, 48])
        wanted = torch.sigmoid(TRUST[0] * torch.logit(before.matte) + TRUST[1] * there)
    np.testing.assert_allclose(after.matte, wanted, atol=1e-5)
    np.testing.assert_allclose(after.relative, before.relative, atol=1e-5)


def test_a_prior_needs_a_pretrained_encoder_and_a_lens_head() -> None:
    for config in ({}, {"head": "lens"}, {"encoder": "lite0"}):
        with pytest.raises(ValueError, match="a prior needs a pretrained encoder and a lens head"):
            PyNETConfig(prior="u2netp", **config)


def test_the_two_are_joined_at_every_level_down_to_the_photos_size() -> None:
    network = PyNET(replace(SMALL, prior="u2netp"), 2).eval()
    photo = torch.rand(1, 3, 64, 96)
    with torch.no_grad():
        found = network.pyramid(photo, network.look(photo))
    for level, maps in found.items():
        assert isinstance(maps, SceneMaps)
        assert maps.matte.shape == maps.relative.shape == (1, 1, 64 // 2 ** (level - 2), 96 // 2 ** (level - 2))
    assert sorted(found) == [2, 3, 4, 5, 6, 7]
    with pytest.raises(ValueError, match="ends at level 2"):
        PyNET(replace(SMALL, prior="u2netp"), 1)


@pytest.fixture
def discs(tmp_path: Path) -> list[str]:
    """Six drawn scenes, bright discs, as photos/set/N.png and mattes/set/N.png under tmp_path: their names."""
    draw = np.random.default_rng(4)
    for number in range(6):
        rows, columns = np.mgrid[:96, :128]
        disc = np.hypot(rows - draw.uniform(30, 66), columns - draw.uniform(40, 88)) < draw.uniform(14, 26)
        photo = draw.integers(0, 90, (96, 128, 3), np.uint8) + np.uint8(140) * disc[..., None].astype(np.uint8)
        for folder, picture in (("photos", photo), ("mattes", disc.astype(np.uint8) * 255)):
            (tmp_path / folder / "set").mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture).save(tmp_path / folder / "set" / f"{number}.png")
    return [f"set/{number}" for number in range(6)]


def test_all_of_it_learns_together(discs: list[str], tmp_path: Path) -> None:
    """What its mattes are off by falls, in two runs of which the second goes on; first layers stay as they were."""
    recipe = load_script(Path(__file__).parents[2] / "recipes" / "jointly.py")
    network = lively(replace(SMALL, prior="u2netp"), 3)
    assert network.prior is not None
    network.prior.load_state_dict(drawn().state_dict())
    before = {name: x.clone() for name, x in network.state_dict().items()}
    rates, kept = {part: 5e-3 for part in recipe.RATES}, tmp_path / "run.kept"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe, "BATCH", 3)
        patch.setattr(recipe, "SHAPES", [(64, 64)])
        patch.setattr(recipe, "RATES", rates)
        patch.setattr(recipe, "KEPT_EVERY", 4)
        samples = recipe.batches(tmp_path / "photos", tmp_path / "mattes", discs, random.Random(3))
        photo, true = next(samples)

        def error() -> float:
            with torch.no_grad():
                return float(recipe.loss(recipe.look(network, photo), true))

        untrained = error()
        recipe.train(network, samples, 4, kept)
        halfway = error()
        recipe.train(network, samples, 8, kept)
        assert torch.load(kept, weights_only=True)["step"] == 8
        assert error() < halfway < untrained
    after = network.state_dict()
    for part in ("prior.decoder.4.first", "prior.fuse", "backbone.blocks.7", "level7", "level3", "fusion"):
        assert any(name.startswith(part) and not torch.equal(x, after[name]) for name, x in before.items()), part
    for name, x in before.items():
        stands = name.startswith(("prior.encoder.0", "backbone.stem", "backbone.blocks.6"))
        assert not stands or torch.equal(x, after[name]), name


def test_a_trained_subject_is_made_narrower() -> None:
    """By a constant of the logit at every level, and U2-Netp's weights become those that a file holds."""
    recipe = load_script(Path(__file__).parents[2] / "recipes" / "jointly.py")
    network = lively(replace(SMALL, prior="u2netp"), 3)
    assert network.prior is not None
    network.prior.load_state_dict({name: x.half().float() for name, x in drawn().state_dict().items()})
    photo = torch.rand(1, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        before = recipe.look(network, photo).joined
        network.prior.side[0].weight.add_(1e-6)
        recipe.finish(network, 0.5)
        after = recipe.look(network, photo).joined
    for level, logit in before.items():
        assert torch.allclose(after[level], logit - 0.5, atol=1e-4), level
    weight = network.prior.side[0].weight
    assert torch.equal(weight, weight.half().float())


def test_the_head_that_joins_them_learns(discs: list[str], tmp_path: Path) -> None:
    """The recipe on six drawn scenes: its error on them falls, all else stands still, and a run goes on from what is
    kept."""
    recipe = load_script(Path(__file__).parents[2] / "recipes" / "fusion.py")
    torch.manual_seed(2)
    network = PyNET(replace(SMALL, prior="u2netp"), 2).eval().requires_grad_(False)
    assert network.fusion is not None
    reads = (network, tmp_path / "photos", tmp_path / "mattes", discs, tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recipe, "SIDE", 64)
        files = recipe.fill(*reads)
        made = files[0].stat().st_mtime_ns
        assert recipe.fill(*reads) == files and files[0].stat().st_mtime_ns == made

    def error() -> float:
        sample = next(recipe.batches(files, random.Random(1)))
        with torch.no_grad():
            return float((torch.sigmoid(recipe.joined(network, sample)[2]) - sample["matte"]).abs().mean())

    before, still = error(), {name: x.clone() for name, x in network.state_dict().items() if "fusion" not in name}
    recipe.train(network, files, steps=45)
    assert error() < 0.6 * before
    assert all(torch.equal(x, network.state_dict()[name]) for name, x in still.items())


def test_its_arithmetic_stays_in_32_bits() -> None:
    chain = ["network.level3.weight", "network.prior.a.weight", "", "network.prior.a.weight", "network.level3.weight"]
    nodes = [
        helper.make_node("Conv" if weight else "Relu", [f"x{k}", *filter(None, [weight])], [f"x{k + 1}"], f"node{k}")
        for k, weight in enumerate(chain)
    ]
    graph = helper.make_graph(nodes, "two", [], [])
    assert prior_nodes(graph) == ["node1", "node2", "node3"]
