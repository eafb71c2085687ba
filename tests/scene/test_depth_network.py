"""Depth by ONNX files, without PyTorch: networks of the documented shapes, drawn here, of which the answer is known."""

import contextlib
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image

from command import call
from depth_networks import build_depth_network
from limits import HANG
from wideopen import ModelError
from wideopen.photo.depth import load_depth
from wideopen.scene import depth_model
from wideopen.scene.depth_model import DepthNetwork, TransformersModel, depth_estimator
from wideopen.scene.runtimes import Port


def draw_photo(height: int = 300, width: int = 400) -> np.ndarray:
    red = np.linspace(10, 240, width, dtype=np.float32)[None].repeat(height, 0)
    return np.dstack([red, red * 0 + 90, red[:, ::-1]]).round().astype(np.uint8)


def red_of(photo: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    red = cv2.resize(photo[..., 0].astype(np.float32), shape[::-1])
    return (red - red.min()) / (red.max() - red.min())


@pytest.mark.parametrize("side", [None, 140])
@pytest.mark.parametrize("size", [(300, 400), (400, 300), (700, 900), (40, 2000)])
def test_the_map_is_the_network_s(size: tuple[int, int], side: int | None, tmp_path: Path) -> None:
    photo = draw_photo(*size)
    network = DepthNetwork(build_depth_network(tmp_path / "depth.onnx", side))
    found = network.estimate(photo.astype(np.float32) / 255)
    assert not found.metric and found.disparity.shape[0] % 14 == found.disparity.shape[1] % 14 == 0
    if side is None:
        assert min(found.disparity.shape) == 518 and max(found.disparity.shape) <= 2072
    assert np.abs(found.disparity - red_of(photo, found.disparity.shape)).max() < 0.02


@pytest.mark.parametrize(
    ("sides", "shown"), [((None, 140), (518, 686)), ((140, None), (518, 686)), ((70, 140), (70, 140))]
)
def test_a_size_is_the_network_s_if_it_names_both_sides(
    sides: tuple[int | None, int | None], shown: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    network = DepthNetwork.__new__(DepthNetwork)
    network._graph = SimpleNamespace(inputs=[Port("photo", (1, 3, *sides))])
    assert network._size(300, 400) == shown


def test_distance_is_known_by_the_name_or_told(tmp_path: Path) -> None:
    photo = draw_photo().astype(np.float32) / 255
    distance = 3 + 5 * photo[..., 0]
    for name, how in (("depth-pro.onnx", ()), ("some.onnx", ("distance", 1.0))):
        path = build_depth_network(tmp_path / name)
        found = depth_estimator(f"onnx:{path}", *how).estimate(photo)
        assert found.metric
        assert np.abs(1 / cv2.resize(found.disparity, (400, 300)) - distance).max() < 0.1


def test_a_folder_with_an_onnx_file(tmp_path: Path) -> None:
    (tmp_path / "onnx").mkdir()
    build_depth_network(tmp_path / "onnx" / "model.onnx")
    assert isinstance(depth_estimator(str(tmp_path)), DepthNetwork)


def test_auto_without_torch(tmp_path: Path) -> None:
    """In a process that has neither PyTorch, nor Transformers, nor the hub's client; the default model is here."""
    (tmp_path / "models").mkdir()
    build_depth_network(tmp_path / "models" / "depth-anything-v2-small.onnx")
    Image.fromarray(draw_photo()).save(tmp_path / "photo.png")
    code = (
        "import sys\nfor name in ('torch', 'transformers', 'huggingface_hub'):\n    sys.modules[name] = None\n"
        "sys.argv[:] = 'wideopen render photo.png --depth auto --focus near --save-depth d.npy'.split()\n"
        "from wideopen.cli import main\nmain()\n"
    )
    here = {"WIDEOPEN_MODELS": str(tmp_path / "models"), "PYTHONPATH": ":".join(sys.path), "PATH": "/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=here, capture_output=True, text=True, timeout=HANG
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "photo-bokeh.png\nd.npy\n", "")
    found = np.load(tmp_path / "d.npy")
    assert np.abs(found - red_of(draw_photo(), found.shape)).max() < 0.05
    assert load_depth(tmp_path / "d.npy").disparity.shape == (300, 400)


def test_what_is_no_depth_model_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    Image.fromarray(draw_photo()).save(tmp_path / "photo.png")
    for name, line in {
        f"onnx:{tmp_path}/gone.onnx": "no such model file",
        f"onnx:{tmp_path}/text.onnx": "not an ONNX model, or damaged",
    }.items():  # fmt: skip
        with pytest.raises(ModelError, match=line):
            depth_estimator(name)
        done = call("render", tmp_path / "photo.png", "--depth", "auto", "--depth-model", name)
        assert done.code in (1, 2) and line in done.error and done.error.count("\n") == 1
    same = tmp_path / "flat.png"
    Image.fromarray(np.full((60, 80, 3), 90, np.uint8)).save(same)
    build_depth_network(tmp_path / "d.onnx")
    done = call("render", same, "--depth", "auto", "--depth-model", f"onnx:{tmp_path}/d.onnx")
    assert done.code == 1 and "same depth everywhere" in done.error


@pytest.mark.parametrize(("size", "shown"), [((60, 80), (60, 80)), ((1500, 2000), (768, 1024))])
def test_transformers_is_shown_1024_px_at_most(
    size: tuple[int, int], shown: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    model, asked = object.__new__(TransformersModel), []

    def pipeline(picture: Image.Image) -> dict[str, Any]:
        asked.append(picture.size[::-1])
        values = np.asarray(picture, np.float32)[..., 0]
        return {"predicted_depth": SimpleNamespace(squeeze=lambda: SimpleNamespace(numpy=lambda: values))}

    pipeline.model = SimpleNamespace(config=SimpleNamespace(model_type="dpt"))  # type: ignore[attr-defined]
    model.label, model._pipeline = "depth model drawn", pipeline
    monkeypatch.setattr("wideopen.scene.depth_model._quiet", contextlib.nullcontext)
    found = model.estimate(draw_photo(*size).astype(np.float32) / 255)
    assert asked == [shown] and not found.metric
    assert np.abs(found.disparity - red_of(draw_photo(*shown), shown)).max() < 0.02


def test_a_map_smaller_than_what_it_was_shown_is_enlarged(tmp_path: Path) -> None:
    network = DepthNetwork(build_depth_network(tmp_path / "depth.onnx", 140))
    ramp = np.linspace(0, 1, 70, dtype=np.float32)[None, None].repeat(35, axis=1)
    network._graph.run_on_photo = lambda output, batch: ramp  # type: ignore[method-assign]
    found = network.estimate(draw_photo().astype(np.float32) / 255).disparity
    assert found.shape == (140, 140) and np.abs(found - cv2.resize(ramp[0], (140, 140))).max() < 0.02


def test_the_name_of_a_file_or_of_a_repository_tells_distance(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not the folders around it: those are the user's own."""
    (tmp_path / "metric").mkdir()
    path = build_depth_network(tmp_path / "metric" / "some.onnx")
    assert depth_estimator(f"onnx:{path}")._kind == "disparity"  # type: ignore[attr-defined]
    monkeypatch.setattr(depth_model, "_of_hub", lambda name: path.parent)
    for name, unit in (("hf:Some/Metric-Depth", 1.0), ("hf:Metric/Small", 1.0), ("hf:some/DA3", None)):
        found = depth_estimator(name)
        assert (found._kind, found._unit) == ("distance", unit)  # type: ignore[attr-defined]
