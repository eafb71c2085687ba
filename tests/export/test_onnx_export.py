"""The exported file draws what the network draws, at any size, and says what it is."""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

import wideopen.export.onnx_export as export_module
from lively import lively, shortened
from wideopen.errors import ModelError, OutputError
from wideopen.export.graph_rewrites import fold
from wideopen.export.onnx_export import Picture, export_onnx
from wideopen.network.checkpoint import save_weights
from wideopen.network.pynet import PyNET
from wideopen.options import PyNETConfig

pytestmark = pytest.mark.slow

CONFIG = PyNETConfig(width=0.0625, blocks="cascade", head="blend", init="he")
"""With the published encoder; test_restore.py has a pretrained one."""


@pytest.fixture(scope="module", autouse=True)
def short() -> Iterator[None]:
    """Of all levels, yet of few nodes, as tracing takes seconds a hundred."""
    with shortened():
        yield


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[PyNET, Path]:
    folder = tmp_path_factory.mktemp("export")
    network = lively(CONFIG)
    save_weights(folder / "level1.pt", network, recipe={"name": "tried", "pairs": {"input": 256}}, metrics={"a": 1})
    told: list[tuple[int, int, str]] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export_module, "fold", lambda model: (onnx.save(model, folder / "plain.onnx"), fold(model))[1])
        difference = export_onnx(
            folder / "level1.pt", folder / "model.onnx", info={"licence": "Apache-2.0"},
            tell=lambda *step: told.append(step),
        )  # fmt: skip
    assert [step[:2] for step in told] == [(1, 4), (2, 4), (3, 4), (4, 4)] and "tracing" in told[1][2]
    assert 0 < difference < export_module.TOLERANCE
    return network, folder / "model.onnx"


@pytest.mark.parametrize("size", [(32, 32), (64, 96), (160, 64)])
def test_any_size_draws_what_the_network_draws(exported: tuple[PyNET, Path], size: tuple[int, int]) -> None:
    network, path = exported
    photo = np.random.default_rng(0).random((2, 3, *size), np.float32)
    theirs = onnxruntime.InferenceSession(path).run(None, {"photo": photo})
    with torch.no_grad():
        ours = network(torch.from_numpy(photo))
    assert theirs[0].shape == (2, 3, 2 * size[0], 2 * size[1])
    np.testing.assert_allclose(theirs[0], ours.bokeh.clamp(0, 1).numpy(), atol=export_module.TOLERANCE)
    np.testing.assert_allclose(theirs[1], ours.sharp.numpy(), atol=export_module.TOLERANCE)


def test_a_head_without_a_map_gives_a_picture_alone() -> None:
    network = lively(PyNETConfig(width=0.0625, blocks="cascade", head="residual", init="he"))
    with torch.no_grad():
        (picture,) = Picture(network)(torch.rand(1, 3, 32, 32))
    assert picture.shape == (1, 3, 64, 64) and picture.min() >= 0 and picture.max() <= 1


def test_the_graph_is_folded(exported: tuple[PyNET, Path]) -> None:
    """Against the graph as PyTorch exports it; that the numbers are the network's is tested above."""
    _, path = exported
    plain, folded = onnx.load(path.with_name("plain.onnx")), onnx.load(path)
    before, after = (Counter(node.op_type for node in model.graph.node) for model in (plain, folded))
    assert after["InstanceNormalization"] == before["InstanceNormalization"] > 10
    assert after["Reshape"] <= before["Reshape"] - 2 * before["InstanceNormalization"]
    assert after["DepthToSpace"] == before["DepthToSpace"] + 1
    assert after["ConvTranspose"] == before["ConvTranspose"] - 1
    assert any(item.name.endswith("_blocks") for item in folded.graph.initializer)
    assert len({node.name for node in folded.graph.node}) == len(folded.graph.node)
    photo = np.random.default_rng(1).random((1, 3, 96, 64), np.float32)
    both = [
        onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"photo": photo}) for model in (plain, folded)
    ]
    for ours, theirs in zip(both[1], both[0], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-4)
    again = fold(onnx.load(path))
    assert [node.op_type for node in again.graph.node] == [node.op_type for node in folded.graph.node]


def test_the_file_describes_itself(exported: tuple[PyNET, Path]) -> None:
    network, path = exported
    model = onnx.load(path)
    onnx.checker.check_model(model)
    facts = json.loads({entry.key: entry.value for entry in model.metadata_props}["wideopen"])
    assert facts["format"] == 1 and facts["multiple"] == 32 and facts["scale"] == 2
    assert (facts["name"], facts["licence"], facts["metrics"]) == ("tried", "Apache-2.0", {"a": 1})
    assert facts["working_side"] == 704
    assert PyNETConfig(**facts["config"]) == network.config


def test_weights_may_be_kept_in_half_the_bits(
    exported: tuple[PyNET, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, path = exported
    # Tracing takes long and has been done: here is what it gave.
    monkeypatch.setattr(export_module, "trace", lambda network: onnx.load(path.with_name("plain.onnx")))
    small = tmp_path / "small.onnx"
    difference = export_onnx(path.with_name("level1.pt"), small, weight_bits=16)
    assert small.stat().st_size < 0.7 * path.stat().st_size
    assert 0 < difference < export_module.ROUNDED_TOLERANCE
    photo = np.random.default_rng(0).random((1, 3, 64, 96), np.float32)
    whole, half = (onnxruntime.InferenceSession(file).run(None, {"photo": photo})[0] for file in (path, small))
    assert half.dtype == np.float32 and 0 < np.abs(whole - half).mean() < 2e-3


def test_too_large_a_difference_is_refused(
    exported: tuple[PyNET, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, path = exported
    monkeypatch.setattr(export_module, "trace", lambda network: onnx.load(path.with_name("plain.onnx")))
    monkeypatch.setattr(export_module, "TOLERANCE", 0.0)
    with pytest.raises(ModelError, match=r"model\.onnx: not kept, it differs"):
        export_onnx(path.with_name("level1.pt"), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_other_levels_and_existing_files_are_refused(tmp_path: Path) -> None:
    save_weights(tmp_path / "level3.pt", PyNET(CONFIG, level=3))
    with pytest.raises(ModelError, match=r"level3\.pt: holds level 3"):
        export_onnx(tmp_path / "level3.pt", tmp_path / "model.onnx")
    (tmp_path / "model.onnx").write_bytes(b"mine")
    with pytest.raises(OutputError, match="exists"):
        export_onnx(tmp_path / "level3.pt", tmp_path / "model.onnx")
    assert (tmp_path / "model.onnx").read_bytes() == b"mine"
