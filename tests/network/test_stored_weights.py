"""Weights kept in fewer bits: what a file holds, and what its own nodes make of it, beside plain arithmetic."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

from wideopen.network.stored_weights import narrow, widened
from wideopen.scene.model import SHIPPED

RNG = np.random.default_rng(0)
WEIGHTS = {
    "network.large": RNG.normal(size=(64, 1024, 1, 1)) * RNG.uniform(0.01, 3, (64, 1, 1, 1)),
    "network.small": RNG.normal(size=(32, 64, 1, 1)),
    "network.odd": RNG.normal(size=(65, 1024, 1, 1)),
    "network.prior.large": RNG.normal(size=(64, 1024, 1, 1)),
    "network.bias": RNG.normal(size=64),
}
WEIGHTS["network.large"][3] = 0
WEIGHTS = {name: weight.astype(np.float32) for name, weight in WEIGHTS.items()}


def model() -> onnx.ModelProto:
    """Gives each weight, plus a number that is not known before it runs."""
    names = list(WEIGHTS)
    graph = helper.make_graph(
        [helper.make_node("Add", [name, "nothing"], [f"{name}.given"]) for name in names],
        "weights", [helper.make_tensor_value_info("nothing", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info(f"{name}.given", TensorProto.FLOAT, None) for name in names],
        [numpy_helper.from_array(WEIGHTS[name], name) for name in names],
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def given(data: bytes) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(data)
    found = session.run([f"{name}.given" for name in WEIGHTS], {"nothing": np.zeros(1, np.float32)})
    return dict(zip(WEIGHTS, found, strict=True))


@pytest.mark.parametrize(("bits", "size"), [(16, 2.03), (12, 1.86)])
def test_a_file_of_fewer_bits_gives_the_weights_again(bits: int, size: float) -> None:
    data = narrow(model(), bits).SerializeToString()
    assert len(data) < size * sum(weight.size for weight in WEIGHTS.values())
    found = given(data)
    for name, weight in WEIGHTS.items():
        if bits == 12 and name == "network.large":
            half_step = np.abs(weight).max(axis=1, keepdims=True) / 2047 / 2
            assert (np.abs(found[name] - weight) <= half_step * 1.001).all()
        else:
            wanted = weight if name == "network.bias" else weight.astype(np.float16)
            np.testing.assert_array_equal(found[name], wanted)
    wide = onnx.load_from_string(widened(data))
    assert {node.op_type for node in wide.graph.node} == {"Add"} and len(wide.graph.node) == len(WEIGHTS)
    for item in wide.graph.initializer:
        np.testing.assert_array_equal(numpy_helper.to_array(item), found[item.name])


def test_the_file_holds_what_it_says_it_does() -> None:
    """The numbers read by shifts and masks, a weight at a time."""
    held = {item.name: numpy_helper.to_array(item) for item in narrow(model(), 12).graph.initializer}
    high, low, step = (held[f"network.large.{part}"] for part in ("high", "low", "high_step"))
    wanted = np.zeros(high.shape, np.float32)
    for row in range(64):
        for column in range(1024):
            byte = int(low[row % 32, column, 0, 0])
            lower = byte / 16 if row < 32 else byte & 15
            wanted[row, column] = (int(high[row, column, 0, 0]) * 16 + lower) * step[row, 0, 0, 0] / 16
    np.testing.assert_allclose(given(narrow(model(), 12).SerializeToString())["network.large"], wanted, atol=1e-6)


def test_the_shipped_file_is_below_14_mb_and_u2netp_in_it_as_published() -> None:
    assert SHIPPED.stat().st_size < 14_000_000
    kinds = {item.name: item.data_type for item in onnx.load(SHIPPED).graph.initializer}
    assert kinds["network.backbone.blocks.20._project_conv.weight.high"] == TensorProto.INT8
    assert not [name for name in kinds if name.startswith("network.prior.") and name.endswith(".high")]
