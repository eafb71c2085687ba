"""Checkpoints that TensorFlow wrote, read into a PyNET that must then equal the 2020 release's own outputs."""

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
import typer
from typer.testing import CliRunner

from reference.release_checkpoints import drawn_network
from wideopen.cli.convert import convert as command
from wideopen.errors import ModelError, OutputError
from wideopen.extras import missing_extra
from wideopen.network.checkpoint import load_weights
from wideopen.network.convert import convert, read_release, release_order
from wideopen.network.pynet import PyNET
from wideopen.options import PyNETConfig

pytestmark = pytest.mark.slow

HERE = Path(__file__).parents[1]
GOLDEN = HERE / "golden"
WRITER = HERE / "reference" / "release_checkpoints.py"
# A run for a merge must never pass for want of TensorFlow.
needs_tensorflow = pytest.mark.skipif(
    importlib.util.find_spec("tensorflow") is None and not os.environ.get("CI"),
    reason='needs TensorFlow: pip install "wideopen[convert]"',
)


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("release")
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"}
    subprocess.run([sys.executable, WRITER, GOLDEN, folder], check=True, env=environment, capture_output=True)
    yield folder
    shutil.rmtree(folder)  # 200 MB that pytest would keep for three runs


@pytest.mark.parametrize("kind", ["rgb", "rgbd"])
def test_order_is_that_of_the_release(kind: str) -> None:
    with torch.device("meta"):
        network = PyNET(PyNETConfig(in_channels=len(kind)), all_heads=True)
    ends = {"shift": "norm.bias", "scale": "norm.weight", "bias": "bias", "kernel": "weight"}
    expected = []
    for row in json.loads((GOLDEN / f"variables_{kind}.json").read_text()):
        end = ends[row["kind"].removeprefix("transposed_")]
        inner = "" if row["name"].endswith("head") or end.startswith("norm") else "conv."
        expected.append(f"{row['name']}.{inner}{end}")
    assert release_order(network) == expected
    assert sorted(expected) == sorted(network.state_dict())


@needs_tensorflow
def test_converted_network_equals_the_release(checkpoints: Path, tmp_path: Path) -> None:
    name = "pynet_level_1_iteration_100000.ckpt"
    convert(checkpoints / name, tmp_path / "pynet.pt")
    network, info = load_weights(tmp_path / "pynet.pt")
    (tmp_path / "pynet.pt").unlink()
    assert info["source"]["checkpoint"] == name
    assert network.config == PyNETConfig()
    assert network.level == 1
    with np.load(GOLDEN / "pynet_reference.npz") as golden, torch.no_grad():
        photo = torch.from_numpy(golden["rgb_input"].transpose(0, 3, 1, 2).copy())
        heads = network.pyramid(photo, network.look(photo))
        for level in range(1, 8):
            ours = heads[level].bokeh.permute(0, 2, 3, 1).numpy()
            np.testing.assert_allclose(ours, golden[f"rgb_level{level}"], atol=1e-4)


@needs_tensorflow
def test_a_network_with_depth_is_converted_to_the_last_bit(checkpoints: Path) -> None:
    """With such weights it draws what the release draws: test_pynet.py."""
    network = read_release(checkpoints / "depth.ckpt")
    assert network.config == PyNETConfig(in_channels=4, width=1 / 8)
    table = json.loads((GOLDEN / "variables_rgbd.json").read_text())
    state = network.state_dict()
    assert len(state) == len(table)
    for row, value, name in zip(table, drawn_network(table, shrink=8), release_order(network), strict=True):
        assert name.startswith(row["name"])
        wanted = torch.from_numpy(value.transpose(3, 2, 0, 1).copy() if value.ndim == 4 else value)
        assert torch.equal(state[name], wanted), name


@needs_tensorflow
def test_width_is_found_and_optimiser_slots_are_left_out(checkpoints: Path) -> None:
    import tensorflow as tf

    held = {name for name, _ in tf.train.list_variables(str(checkpoints / "adam.ckpt"))}
    assert {"generator/Variable_3/Adam", "generator/Variable_3/Adam_1", "beta1_power", "global_step"} <= held
    plain, trained = (read_release(checkpoints / f"{name}.ckpt") for name in ("small", "adam"))
    assert plain.config == PyNETConfig(width=1 / 8)
    assert all(torch.equal(a, b) for a, b in zip(plain.parameters(), trained.parameters(), strict=True))


@needs_tensorflow
def test_level_is_the_last_one_trained(checkpoints: Path) -> None:
    whole, partly = (read_release(checkpoints / f"{name}.ckpt") for name in ("small", "level3"))
    assert (whole.level, partly.level) == (1, 3)
    photo = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(partly(photo).bokeh, whole.pyramid(photo, whole.look(photo))[3].bokeh)
    assert read_release(checkpoints / "level3.ckpt", level=5).level == 5
    with pytest.raises(ModelError, match="trained down to level 3 only"):
        read_release(checkpoints / "level3.ckpt", level=1)
    with pytest.raises(ModelError, match="no level of it has been trained"):
        read_release(checkpoints / "untrained.ckpt")


@needs_tensorflow
def test_any_file_of_a_checkpoint_or_its_folder_names_it(checkpoints: Path, tmp_path: Path) -> None:
    for file in checkpoints.glob("small.ckpt.*"):
        shutil.copy(file, tmp_path)
    for name in ("small.ckpt", "small.ckpt.index", "small.ckpt.data-00000-of-00001", ""):
        assert read_release(tmp_path / name).config.width == 1 / 8
    with pytest.raises(ModelError, match=r"has 12 checkpoints .*give the name of one"):
        read_release(checkpoints)


@needs_tensorflow
@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("short.ckpt", r"has 437 variables of the network, expected 440 \(generator/Variable_437 is missing\)"),
        ("long.ckpt", r"has 441 variables of the network, expected 440 \(generator/Variable_440 is too many\)"),
        ("other_scope.ckpt", r"it has no generator/Variable, but 5 others, such as discriminator/Variable$"),
        ("other_shape.ckpt", r"Variable_100 has shape \[3, 3, 64, 48\], expected \[3, 3, 32, 32\] \(level6\."),
        ("other_first.ckpt", r"its first kernel is \[3\], its widest \[3, 3, 32, 64\]"),
        ("nan.ckpt", r"generator/Variable_200 \(level4\.block2\.k3\.a\.conv\.weight\) is not finite"),
    ],
)
def test_other_networks_are_refused(checkpoints: Path, tmp_path: Path, name: str, message: str) -> None:
    output = tmp_path / "out.pt"
    with pytest.raises(ModelError, match=message) as caught:
        convert(checkpoints / name, output)
    assert str(caught.value).startswith(str(checkpoints / name))
    assert "\n" not in str(caught.value)
    assert not list(tmp_path.iterdir())


@needs_tensorflow
@pytest.mark.parametrize("damage", ["data cut", "index cut", "index is text", "index empty", "no data"])
def test_damaged_files_are_one_line(checkpoints: Path, tmp_path: Path, damage: str) -> None:
    for file in checkpoints.glob("small.ckpt.*"):
        shutil.copy(file, tmp_path)
    index, data = tmp_path / "small.ckpt.index", tmp_path / "small.ckpt.data-00000-of-00001"
    match damage:
        case "data cut":
            data.write_bytes(data.read_bytes()[:100_000])
        case "index cut":
            index.write_bytes(index.read_bytes()[:-500])
        case "index is text":
            index.write_text("not a checkpoint at all\n" * 50)
        case "index empty":
            index.write_bytes(b"")
        case "no data":
            data.unlink()
    with pytest.raises(ModelError, match=r"small\.ckpt: (a damaged TensorFlow checkpoint|there is no)") as caught:
        read_release(tmp_path / "small.ckpt")
    assert "\n" not in str(caught.value)


def test_files_that_are_no_checkpoint_need_no_tensorflow_to_be_refused(tmp_path: Path) -> None:
    text = tmp_path / "notes.txt"
    text.write_text("hello\n")
    with pytest.raises(ModelError, match=r"notes\.txt: not a TensorFlow checkpoint"):
        read_release(text)
    with pytest.raises(ModelError, match=r"gone\.ckpt: no such checkpoint"):
        read_release(tmp_path / "gone.ckpt")
    with pytest.raises(ModelError, match=r"has 0 checkpoints"):
        read_release(tmp_path)


def test_missing_tensorflow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for end in ("index", "data-00000-of-00001"):
        (tmp_path / f"a.ckpt.{end}").write_bytes(b"")
    monkeypatch.setitem(sys.modules, "tensorflow", None)
    with pytest.raises(ModuleNotFoundError) as missing:
        read_release(tmp_path / "a.ckpt")
    assert 'pip install "wideopen[convert]"' in str(missing_extra(missing.value, "convert"))


def test_an_existing_output_is_kept(tmp_path: Path) -> None:
    output = tmp_path / "weights.pt"
    output.write_bytes(b"mine")
    with pytest.raises(OutputError, match="already exists"):
        convert(tmp_path / "any.ckpt", output)
    assert output.read_bytes() == b"mine"


@needs_tensorflow
def test_command_writes_weights_and_says_what_they_are(
    checkpoints: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = typer.Typer()
    app.command()(command)
    output = tmp_path / "weights.pt"
    result = CliRunner().invoke(app, [str(checkpoints / "level3.ckpt"), "-o", str(output)])
    assert result.exit_code == 0, result.output
    assert "level 3, 3 input channels, width 0.125" in result.output
    assert load_weights(output)[0].level == 3
