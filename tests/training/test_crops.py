"""`recipes/crops.py`: crops of photos, and what a matting network says of each."""

import json
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from PIL import Image

from scripts import load_script

SCRIPT = Path(__file__).parents[2] / "recipes" / "crops.py"


@pytest.fixture(scope="module")
def crops() -> ModuleType:
    return load_script(SCRIPT)


def network() -> bytes:
    """A stand-in for IS-Net: the red channel is the subject's opacity."""
    shape = [1, 3, 1024, 1024]
    nodes = [
        helper.make_node("Slice", ["photo", "zero", "one", "channel"], ["red"]),
        helper.make_node("Mul", ["red", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "half"], ["matte"]),
    ]
    whole = {"zero": [0], "one": [1], "channel": [1]}
    parts = {"scale": [256 / 255], "half": [128 / 255]}
    known = [helper.make_tensor(n, TensorProto.INT64, [1], v) for n, v in whole.items()]
    known += [helper.make_tensor(n, TensorProto.FLOAT, [1], v) for n, v in parts.items()]
    graph = helper.make_graph(
        nodes,
        "red",
        [helper.make_tensor_value_info("photo", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("matte", TensorProto.FLOAT, [1, 1, *shape[2:]])],
        known,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    return bytes(model.SerializeToString())


def draw(folder: Path, name: str, size: tuple[int, int]) -> np.ndarray:
    """A photo whose red grows to the right, and whose green tells rows apart."""
    height, width = size
    photo = np.zeros((height, width, 3), np.uint8)
    photo[..., 0] = np.linspace(0, 255, width)
    photo[..., 1] = np.linspace(0, 255, height)[:, None]
    path = folder / f"{name}.jpg"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo).save(path, quality=100)
    return photo


def test_a_crop_is_a_part_of_the_photo_and_depends_on_its_name(crops: ModuleType, tmp_path: Path) -> None:
    photo = draw(tmp_path, "a", (150, 200))
    several = [crops.cut(photo, "set/a", number) for number in range(20)]
    for crop in several:
        height, width = crop.shape[:2]
        row, column = np.argwhere((photo == crop[0, 0]).all(2))[0]
        np.testing.assert_array_equal(crop, photo[row : row + height, column : column + width])
        assert 0.4 * 0.8**0.5 * 150 - 1 <= height <= 150 and 0.4 / 1.25**0.5 * 200 - 1 <= width <= 200
    assert len({crop.shape for crop in several}) > 15
    np.testing.assert_array_equal(several[3], crops.cut(photo, "set/a", 3))
    assert crops.cut(photo, "set/b", 3).shape != several[3].shape


def test_every_photo_is_cut_and_labelled_once(
    crops: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("first/a", "second/b"):
        draw(tmp_path / "photos", name, (900, 1400))
    pieces = tmp_path / "dist"
    pieces.mkdir()
    data = network()
    halves = {"x": data[:100], "y": data[100:]}
    for name, piece in halves.items():
        (pieces / name).write_bytes(piece)
    index = {"/models/medium": {"chunks": [{"hash": name} for name in halves]}}
    (pieces / "resources.json").write_text(json.dumps(index))
    (tmp_path / "list.txt").write_text("first/a\nsecond/b\n")
    arguments = [tmp_path / "photos", tmp_path / "list.txt", pieces, tmp_path / "out", "--per-photo", "2"]
    monkeypatch.setattr(sys, "argv", ["crops.py", *map(str, arguments)])
    crops.main()
    names = {f"{name}~{number}" for name in ("first/a", "second/b") for number in (0, 1)}
    for name in names:
        photo = np.asarray(Image.open(tmp_path / "out" / "photos" / f"{name}.jpg"))
        matte = np.asarray(Image.open(tmp_path / "out" / "mattes" / f"{name}.png"))
        assert matte.ndim == 2 and max(matte.shape) == min(512, max(photo.shape[:2]))
        red = np.asarray(Image.fromarray(photo).resize(matte.shape[::-1], Image.Resampling.BOX))[..., 0]
        assert np.abs(red.astype(float) - matte).max() <= 8  # JPEG's, and of two ways to shrink.
    written = sorted(path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert len(written) == 2 * len(names)
    kept, gone = (tmp_path / "out" / "mattes" / f"{name}.png" for name in ("first/a~1", "second/b~0"))
    kept.write_bytes(b"kept")
    gone.unlink()
    crops.main()
    assert kept.read_bytes() == b"kept" and gone.exists()


def test_the_stand_in_is_a_model(crops: ModuleType) -> None:
    onnx.checker.check_model(onnx.load_from_string(network()))
    even = np.full((64, 96, 3), 200, np.uint8)
    np.testing.assert_array_equal(crops.matting(network())(even), np.full((64, 96), 200, np.uint8))
