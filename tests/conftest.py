"""A tiny model that is real but for its size: ONNX Runtime runs it, its metadata is checked, it blurs.

What is red is its subject: sharp = sigmoid(40 (red - 0.5)) of the photo, blur is a box of 9 px.
"""

import ctypes
import gc
import json
import platform
import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper

import onnx_sessions
from skips import (  # noqa: F401  # Hooks of pytest.
    pytest_collectreport,
    pytest_runtest_logreport,
    pytest_sessionfinish,
    pytest_terminal_summary,
)

onnx_sessions.install()
gc.set_threshold(50_000, 20, 20)  # After each 700 objects, collections of garbage take a tenth of an export.

APART = re.compile(r"^pytestmark = .*\bmark\.(slow|cluster|release)\b", re.MULTILINE)


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Do not even import what is slow, or needs more than is installed, where that is not asked for."""
    apart = APART.search(collection_path.read_text(encoding="utf-8")) if collection_path.suffix == ".py" else None
    return True if apart and f"not {apart[1]}" in config.option.markexpr else None


LONGEST = (
    "web/test_application", "training/test_processes", "web/test_controls", "training/test_training_block",
    "export/test_onnx_export", "export/test_formats", "training/test_training_faults", "training/test_train",
    "network/test_restore", "web/test_alone", "lens/test_depth_lens", "web/test_serve", "network/test_convert",
    "scene/test_mattes", "release/test_distributions",
)  # fmt: skip
"""Files of tests that take longest, in that order: begun last, one would keep a single process busy at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files in the order of `LONGEST`, the others after them; the tests of a file stay together."""
    places = {f"{name}.py": number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get("/".join(item.path.parts[-2:]), len(places)))


def pytest_collection_finish() -> None:
    """What was imported stays: collections of garbage need not walk through its 400,000 objects."""
    gc.freeze()


METADATA = {
    "format": 1,
    "name": "tiny",
    "multiple": 32,
    "scale": 2,
    "working_side": 192,
    "config": {"width": 0.1},
}


def build_model(path: Path, sharp: bool = True, metadata: dict[str, object] | None = None, scale: float = 2.0) -> Path:
    """Write the tiny model; `metadata` replaces entries (None removes one), {"": 0} leaves all of it away."""
    node = helper.make_node
    nodes = [
        node("AveragePool", ["photo"], ["blurred"], kernel_shape=[9, 9], pads=[4] * 4, count_include_pad=0),
        node("Resize", ["photo", "", "scales"], ["sized"], mode="linear"),
        node("Resize", ["blurred", "", "scales"], ["soft"], mode="linear"),
        node("Slice", ["sized", "zero", "one", "axis"], ["red"]),
        node("Sub", ["red", "half"], ["centred"]),
        node("Mul", ["centred", "steep"], ["logit"]),
        node("Sigmoid", ["logit"], ["sharp"]),
        node("Sub", ["sized", "soft"], ["detail"]),
        node("Mul", ["sharp", "detail"], ["kept"]),
        node("Add", ["soft", "kept"], ["bokeh"]),
    ]
    constants = {
        "scales": np.array([1, 1, scale, scale], np.float32),
        "zero": np.array([0], np.int64),
        "one": np.array([1], np.int64),
        "axis": np.array([1], np.int64),
        "half": np.array(0.5, np.float32),
        "steep": np.array(40, np.float32),
    }
    picture = helper.make_tensor_value_info("photo", TensorProto.FLOAT, ["N", 3, "H", "W"])
    outputs = [helper.make_tensor_value_info("bokeh", TensorProto.FLOAT, None)]
    if sharp:
        outputs.append(helper.make_tensor_value_info("sharp", TensorProto.FLOAT, None))
    weights = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "tiny", [picture], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    if metadata != {"": 0}:
        entries = {key: value for key, value in {**METADATA, **(metadata or {})}.items() if value is not None}
        helper.set_model_props(model, {"wideopen": json.dumps(entries)})
    path.write_bytes(model.SerializeToString())
    return path


@pytest.fixture(scope="module", autouse=True)
def memory_given_back() -> Iterator[None]:
    """glibc keeps what a file of tests frees until its end: to fault pages in anew is an eighth of a rendering.

    Training has it keep them for ever, which would be gigabytes by the end of all tests.
    """
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    library = ctypes.CDLL(None)
    m_trim_threshold, m_mmap_max = -1, -4
    library.mallopt(m_mmap_max, 0)
    library.mallopt(m_trim_threshold, 2**31 - 1)
    yield
    library.malloc_trim(0)


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model with a sharp map."""
    return build_model(tmp_path_factory.mktemp("model") / "tiny.onnx")


@pytest.fixture(scope="session")
def plain_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tiny model without a sharp map."""
    return build_model(tmp_path_factory.mktemp("model") / "plain.onnx", sharp=False)


def draw_scene(height: int = 180, width: int = 240) -> NDArray[np.uint8]:
    """A red textured disc before grey-blue texture, HxWx3 uint8."""
    rng = np.random.default_rng(3)
    texture = rng.integers(0, 100, (height, width, 1), np.uint8)
    scene = np.concatenate([texture // 2, texture + 60, texture + 90], axis=2).astype(np.uint8)
    disc = np.zeros((height, width), np.uint8)
    cv2.circle(disc, (width // 2, height // 2), min(height, width) // 4, 1, -1)
    subject = np.concatenate([texture // 2 + 205, texture // 2, texture // 2], axis=2).astype(np.uint8)
    return np.where(disc[..., None] > 0, subject, scene)


@pytest.fixture(scope="session")
def scene() -> NDArray[np.uint8]:
    """`draw_scene` at 240x180."""
    return draw_scene()
