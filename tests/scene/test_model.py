"""Model files: checked when loaded, run at any size."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from conftest import build_model
from wideopen import ModelError
from wideopen.scene.model import Engine


def test_metadata(model: Path) -> None:
    info = Engine(model, threads=1).metadata
    assert (info.name, info.multiple, info.scale, info.working_side) == ("tiny", 32, 2, 192)
    assert info.details == {"config": {"width": 0.1}}


@pytest.mark.parametrize("size", [(1, 1), (31, 47), (64, 96)])
def test_run_gives_what_the_graph_says(model: Path, size: tuple[int, int]) -> None:
    photo = np.random.default_rng(0).random((*size, 3), np.float32)
    result = Engine(model, threads=1).run(photo)
    height, width = size
    padded = cv2.copyMakeBorder(photo, 0, -height % 32, 0, -width % 32, cv2.BORDER_REFLECT)
    twice = (2 * padded.shape[1], 2 * padded.shape[0])
    sized = cv2.resize(padded, twice, interpolation=cv2.INTER_LINEAR)
    count = cv2.boxFilter(np.ones_like(padded), -1, (9, 9), normalize=False, borderType=cv2.BORDER_CONSTANT)
    soft = cv2.boxFilter(padded, -1, (9, 9), normalize=False, borderType=cv2.BORDER_CONSTANT) / count
    soft = cv2.resize(soft, twice, interpolation=cv2.INTER_LINEAR)
    sharp = 1 / (1 + np.exp(-40 * (sized[..., :1] - 0.5)))
    bokeh = soft + sharp * (sized - soft)
    assert result.sharp is not None
    np.testing.assert_allclose(result.sharp, sharp[: 2 * height, : 2 * width, 0], atol=1e-4)
    np.testing.assert_allclose(result.bokeh, bokeh[: 2 * height, : 2 * width], atol=1e-4)
    np.testing.assert_allclose(result.seen, sized[: 2 * height, : 2 * width], atol=1e-6)


def test_run_without_a_sharp_map(plain_model: Path) -> None:
    assert Engine(plain_model, threads=1).run(np.zeros((32, 32, 3), np.float32)).sharp is None


@pytest.mark.parametrize("wrong", [np.zeros((8, 8), np.float32), np.zeros((8, 8, 3)), np.zeros((0, 8, 3), np.float32)])
def test_run_refuses_other_arrays(model: Path, wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="HxWx3 float32"):
        Engine(model, threads=1).run(wrong)


@pytest.mark.parametrize(
    ("metadata", "says"),
    [
        ({"": 0}, "no metadata"),
        ({"scale": None}, "metadata is wrong"),
        ({"working_side": "wide"}, "metadata is wrong"),
        ({"multiple": 0}, "metadata is wrong"),
        ({"format": 2}, "model format 2"),
    ],
)
def test_foreign_models(tmp_path: Path, metadata: dict[str, object], says: str) -> None:
    path = build_model(tmp_path / "foreign.onnx", metadata=metadata)
    with pytest.raises(ModelError, match=says) as caught:
        Engine(path)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)


def test_model_that_does_not_keep_its_word(tmp_path: Path) -> None:
    path = build_model(tmp_path / "thrice.onnx", scale=3.0)
    with pytest.raises(ModelError, match=r"gives \(1, 3, 96, 96\)"):
        Engine(path, threads=1).run(np.zeros((32, 32, 3), np.float32))


@pytest.mark.parametrize("damage", ["cut", "text", "empty", "missing", "folder"])
def test_damaged_models(model: Path, tmp_path: Path, damage: str, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "bad.onnx"
    if damage == "folder":
        path.mkdir()
    elif damage != "missing":
        whole = model.read_bytes()
        path.write_bytes({"cut": whole[: len(whole) // 2], "text": b"not a model\n", "empty": b""}[damage])
    with pytest.raises(ModelError) as caught:
        Engine(path)
    assert str(path) in str(caught.value) and "\n" not in str(caught.value)
    assert capfd.readouterr() == ("", "")  # ONNX Runtime must not talk beside us.
