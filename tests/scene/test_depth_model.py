"""Tiny random models, made from a configuration and saved: no download. What they see means nothing; that the
photo, the pipeline and the units are put together rightly can be checked against the model called by hand."""

import shutil
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from conftest import draw_scene
from wideopen import ModelError, hub
from wideopen.photo.depth_map import DepthMap
from wideopen.scene import depth_model
from wideopen.scene.depth_model import TransformersModel, depth_estimator

pytestmark = pytest.mark.slow


def save_model(folder: Path, kind: str, size: int = 56) -> Path:
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config, DPTImageProcessor

    torch.manual_seed(0)
    backbone = Dinov2Config(
        hidden_size=16,
        num_hidden_layers=4,
        num_attention_heads=2,
        mlp_ratio=2,
        image_size=size,
        patch_size=14,
        out_features=["stage1", "stage2", "stage3", "stage4"],
        reshape_hidden_states=False,
    )
    config = DepthAnythingConfig(
        backbone_config=backbone.to_dict(),
        reassemble_hidden_size=16,
        neck_hidden_sizes=[8, 8, 8, 8],
        fusion_hidden_size=8,
        head_hidden_size=8,
        depth_estimation_type=kind,
        max_depth=20,
    )
    model = DepthAnythingForDepthEstimation(config)
    for parameter in model.parameters():  # Large enough to see something.
        if parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.2)
    torch.nn.init.constant_(model.head.conv3.bias, 1.0)
    model.save_pretrained(folder)
    processor = DPTImageProcessor(size={"height": size, "width": size}, keep_aspect_ratio=True, ensure_multiple_of=14)
    processor.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def relative(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("relative"), "relative")


@pytest.fixture(scope="module")
def metric(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("metric"), "metric")


def by_hand(folder: Path, photo: np.ndarray) -> np.ndarray:
    from transformers import AutoImageProcessor, DepthAnythingForDepthEstimation

    processor, model = (
        AutoImageProcessor.from_pretrained(folder),
        DepthAnythingForDepthEstimation.from_pretrained(folder),
    )
    with torch.no_grad():
        found = model.eval()(**processor(images=photo, return_tensors="pt")).predicted_depth
    size = photo.shape[:2]
    return torch.nn.functional.interpolate(found[None], size, mode="bicubic", align_corners=False)[0, 0].numpy()


def seen(folder: Path, photo: np.ndarray | None = None) -> DepthMap:
    photo = draw_scene() if photo is None else photo
    return TransformersModel(folder, str(folder)).estimate(photo.astype(np.float32) / 255)


def test_relative_models_give_disparity(relative: Path) -> None:
    depth, expected = seen(relative), by_hand(relative, draw_scene())
    assert not depth.metric and depth.disparity.shape == (180, 240)
    assert (depth.disparity.min(), depth.disparity.max()) == (0, 1)
    assert np.corrcoef(depth.disparity.ravel(), expected.ravel())[0, 1] > 0.999


def test_metric_models_give_distance(metric: Path) -> None:
    depth = seen(metric)
    assert depth.metric
    np.testing.assert_allclose(1 / depth.disparity, by_hand(metric, draw_scene()), rtol=1e-3)


def test_large_photos_are_shown_smaller(relative: Path) -> None:
    large = cv2.resize(draw_scene(), (2400, 1800), interpolation=cv2.INTER_CUBIC)
    assert seen(relative, large).disparity.shape == (768, 1024)


def test_missing_and_damaged_models(relative: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    (tmp_path / "damaged").mkdir()
    for file in relative.iterdir():
        (tmp_path / "damaged" / file.name).write_bytes(file.read_bytes()[: 3000 if "safe" in file.name else None])
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "config.json").write_text('{"model_type": "bert"}')
    for name in ("no-such/model", str(tmp_path), *(str(tmp_path / x) for x in ("damaged", "other"))):
        with pytest.raises(ModelError, match="or a depth map") as caught:
            depth_estimator(name)
        assert "\n" not in str(caught.value) and str(caught.value).startswith("depth model ")
    with pytest.raises(ModelError, match="hf:no-such/model: cannot be had from the hub"):
        depth_estimator("hf:no-such/model")


@pytest.mark.parametrize(
    ("here", "offered", "asked"),
    [
        (["onnx"], [], []),
        (["safe"], [], []),
        (["onnx", "safe"], [], []),
        ([], ["onnx"], ["onnx"]),
        ([], ["safe"], ["onnx", "safe"]),
        ([], ["onnx", "safe"], ["onnx"]),
    ],
)
def test_of_a_repository_the_least_is_fetched(
    here: list[str], offered: list[str], asked: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its ONNX file, or if it has none what Transformers needs; and nothing where one of them is here."""
    files, seen = {"onnx": tmp_path / "onnx" / "model.onnx", "safe": tmp_path / "config.json"}, []
    (tmp_path / "onnx").mkdir()

    def kind(patterns: list[str]) -> str:
        return "safe" if patterns == ["*.json", "*.safetensors"] else "onnx"

    def fetch(name: str, patterns: list[str]) -> Path:
        seen.append(kind(patterns))
        if seen[-1] in offered:
            files[seen[-1]].touch()
        return tmp_path

    for name in here:
        files[name].touch()
    monkeypatch.setattr(hub, "held", lambda name, patterns: tmp_path if files[kind(patterns)].exists() else None)
    monkeypatch.setattr(hub, "fetch", fetch)
    assert depth_model._of_hub("hf:some/model") == tmp_path and seen == asked


def test_nothing_is_printed(relative: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """By the libraries that load it and look; capfd sees what C++ prints, too."""
    depth_estimator(str(relative)).estimate(draw_scene().astype(np.float32) / 255)
    assert capfd.readouterr() == ("", "")


def test_a_model_downloaded_before_needs_no_network(
    relative: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Laid out as the hub's cache is."""
    repository, commit = tmp_path / "models--some--model", "0" * 40
    (repository / "refs").mkdir(parents=True)
    (repository / "refs" / "main").write_text(commit)
    shutil.copytree(relative, repository / "snapshots" / commit)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))

    def refuse(*_: object) -> None:
        pytest.fail("asked the network")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    found = depth_estimator("hf:some/model").estimate(draw_scene().astype(np.float32) / 255)
    np.testing.assert_array_equal(found.disparity, seen(relative).disparity)
