"""An exported model computes the same as a network again, and training starts from it."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from command import call
from lively import lively, shortened
from training_runs import write_recipe
from varied_photos import draw
from wideopen.errors import ModelError
from wideopen.export.onnx_export import Picture, export_onnx
from wideopen.network.checkpoint import load_weights, save_weights
from wideopen.network.pynet import PyNET
from wideopen.network.restore import read_export
from wideopen.options import PyNETConfig
from wideopen.scene.model import SHIPPED, Engine, NetworkScene
from wideopen.synthesis.options import SynthesizeOptions, VariedOptions
from wideopen.synthesis.synthesize import synthesize

pytestmark = pytest.mark.slow

FIRST = Path(__file__).parents[2] / "examples" / "models" / "first.onnx"
CONFIG = PyNETConfig(width=0.0625, blocks="cascade", head="lens", encoder="lite0", init="he")

Export = Callable[[PyNETConfig, int], tuple[PyNET, Path]]


@pytest.fixture(scope="module")
def export(tmp_path_factory: pytest.TempPathFactory) -> Export:
    """A network and its export, made once: an export takes seconds."""

    @cache
    def export(config: PyNETConfig, level: int) -> tuple[PyNET, Path]:
        network, folder = lively(config, level), tmp_path_factory.mktemp("export")
        save_weights(folder / "level.pt", network, recipe={"name": "tried"})
        export_onnx(folder / "level.pt", folder / "model.onnx")
        return network, folder / "model.onnx"

    return export


@pytest.fixture
def exported(export: Export) -> Iterator[Export]:
    """The same, of networks with few steps, for as long as a test runs."""
    with shortened():
        yield export


@pytest.mark.parametrize(("config", "level"), [(CONFIG, 7), (replace(CONFIG, encoder="pynet", blocks="parallel"), 7)])
def test_restored_it_computes_the_same(config: PyNETConfig, level: int, exported: Export) -> None:
    network, path = exported(config, level)
    restored, values = read_export(path)
    assert restored.config == network.config and restored.level == level
    assert values["recipe"] == {"name": "tried"}
    photo = torch.rand(2, 3, 64, 96)
    with torch.no_grad():
        for ours, theirs in zip(Picture(restored)(photo), Picture(network)(photo), strict=True):
            torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=0)


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (160, 64)])
def test_the_export_with_a_pretrained_encoder_draws_any_size(size: tuple[int, int], exported: Export) -> None:
    network, path = exported(CONFIG, 7)
    photo = np.random.default_rng(0).random((2, 3, *size), np.float32)
    theirs = onnxruntime.InferenceSession(path).run(None, {"photo": photo})
    with torch.no_grad():
        ours = Picture(network)(torch.from_numpy(photo))
    for found, wanted in zip(theirs, ours, strict=True):
        np.testing.assert_allclose(found, wanted.numpy(), atol=1e-3)


def test_the_export_of_a_lens_head_says_what_it_gives(exported: Export) -> None:
    engine = Engine(exported(CONFIG, 7)[1])
    assert not engine.draws and engine.metadata.scale == 1
    found = engine.run(np.random.default_rng(0).random((70, 90, 3), np.float32))
    assert isinstance(found, NetworkScene) and found.matte.shape == found.relative.shape == (70, 90)


def test_the_shipped_model_restored_computes_what_its_file_does() -> None:
    """All levels down to 3, a pretrained encoder and a saliency network, by another runtime."""
    network, _ = read_export(SHIPPED)
    photo = np.random.default_rng(0).random((2, 3, 96, 128), np.float32)
    wanted = onnxruntime.InferenceSession(SHIPPED).run(["matte", "relative"], {"photo": photo})
    with torch.no_grad():
        found = Picture(network)(torch.from_numpy(photo))
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-3)


def test_the_shipped_model_can_be_trained_on() -> None:
    network, values = read_export(SHIPPED)
    assert network.config.head == "lens" and network.level == 3 and values["name"] == "default"
    network.train()
    places = network(torch.rand(1, 3, 64, 64))
    (places.matte.mean() + places.relative.mean()).backward()  # type: ignore[union-attr]
    slopes = {name: parameter.grad for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert [name for name, slope in slopes.items() if slope is None] == []
    assert float(slopes["backbone.stem.0.weight"].abs().max()) > 0  # type: ignore[union-attr]


def test_training_starts_from_an_export(tmp_path: Path, exported: Export) -> None:
    _, path = exported(CONFIG, 7)
    draw(tmp_path, "a", 0, foot=0.8)
    options = SynthesizeOptions(varied=VariedOptions())
    synthesize(tmp_path / "photos", tmp_path / "mattes", tmp_path / "pairs", options, per_photo=4, workers=1)
    network = 'encoder = "lite0"'
    recipe = write_recipe(tmp_path / "r.toml", (6,), steps=1, epoch=1, head="lens", more="matte = 1.0", network=network)
    done = call("train", "--recipe", recipe, "--data", tmp_path / "pairs", "-o", tmp_path / "run", "--start", path)
    assert done.code == 0 and "wideopen: " not in done.error
    trained, given = load_weights(tmp_path / "run" / "level6.pt")[0].state_dict(), read_export(path)[0].state_dict()
    name = "level7.block1.k3.a.conv.weight"
    assert 0 < (trained[name] - given[name]).abs().max() < 0.01


def test_other_files_are_refused_in_a_line(tmp_path: Path, exported: Export) -> None:
    with pytest.raises(ModelError, match=r"missing\.onnx: no such file"):
        read_export(tmp_path / "missing.onnx")
    (tmp_path / "text.onnx").write_text("nothing")
    with pytest.raises(ModelError, match=r"text\.onnx: not a model of `wideopen export`"):
        read_export(tmp_path / "text.onnx")
    _, path = exported(CONFIG, 7)
    model = onnx.load(path)
    for node in model.graph.node:
        if node.op_type == "Conv" and node.input[1].endswith("level7.block1.k3.a.conv.weight"):
            node.input[1] = node.input[1].replace("block1", "block9")
    for held in model.graph.initializer:
        held.name = held.name.replace("level7.block1.k3.a.conv.weight", "level7.block9.k3.a.conv.weight")
    onnx.save(model, tmp_path / "odd.onnx")
    with pytest.raises(ModelError, match=r"odd\.onnx: does not hold the network that it says it is \(level7\.block1"):
        read_export(tmp_path / "odd.onnx")
    with pytest.raises(ModelError, match=r"first\.onnx: has a blend head"):
        read_export(FIRST)
