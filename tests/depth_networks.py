"""Tiny networks of the shapes of Depth Anything as ONNX, of which the answer is known."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

MEAN, DEVIATION = 0.485, 0.229


def build_depth_network(path: Path, side: int | None = None, name: str = "pixel_values") -> Path:
    """Write it: predicted_depth, 1xHxW, is 3 + 5 times the red of what it is shown."""
    constants = {
        "scale": np.array(5 * DEVIATION, np.float32),
        "shift": np.array(3 + 5 * MEAN, np.float32),
        **{key: np.array([value], np.int64) for key, value in {"zero": 0, "one": 1, "axis": 1}.items()},
    }
    nodes = [
        helper.make_node("Slice", [name, "zero", "one", "axis"], ["red"]),
        helper.make_node("Squeeze", ["red", "axis"], ["plane"]),
        helper.make_node("Mul", ["plane", "scale"], ["scaled"]),
        helper.make_node("Add", ["scaled", "shift"], ["predicted_depth"]),
    ]
    sides = [side or "height", side or "width"]
    picture = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3, *sides])
    output = helper.make_tensor_value_info("predicted_depth", TensorProto.FLOAT, ["batch", *sides])
    weights = [onnx.numpy_helper.from_array(value, key) for key, value in constants.items()]
    graph = helper.make_graph(nodes, "depth", [picture], [output], weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path
