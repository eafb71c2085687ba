"""A tiny model that says where things are: what is red stands before the rest, a point of focus chooses."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

AWAY = 0.8
"""Disparity between the two, in units of the one in focus."""


def build_lens_model(path: Path) -> Path:
    """Write it. matte = sigmoid(40 (red - 0.5)); the rest's where the point of focus lies on what is not red."""
    node = helper.make_node
    nodes = [
        node("Slice", ["photo", "zero", "one", "axis"], ["red"]),
        node("Slice", ["photo", "three", "four", "axis"], ["spot"]),
        node("Sub", ["red", "half"], ["centred"]),
        node("Mul", ["centred", "steep"], ["logit"]),
        node("Sigmoid", ["logit"], ["near"]),
        node("Sub", ["whole", "near"], ["far"]),
        # Where the point lies: the mean of what is far, weighted by its spot; near if there is no spot.
        node("Mul", ["spot", "far"], ["there"]),
        node("ReduceSum", ["there", "sides"], ["sum"], keepdims=1),
        node("ReduceSum", ["spot", "sides"], ["weight"], keepdims=1),
        node("Mul", ["weight", "half"], ["middle"]),
        node("Greater", ["sum", "middle"], ["on_far"]),
        node("Where", ["on_far", "far", "near"], ["matte"]),
        node("Mul", ["near", "away"], ["nearer"]),
        node("Mul", ["far", "minus"], ["farther"]),
        node("Where", ["on_far", "nearer", "farther"], ["relative"]),
    ]
    numbers = {"half": 0.5, "steep": 40, "whole": 1, "away": AWAY, "minus": -AWAY}
    places = {"zero": 0, "one": 1, "three": 3, "four": 4, "axis": 1}
    constants = {
        **{name: np.array(value, np.float32) for name, value in numbers.items()},
        **{name: np.array([value], np.int64) for name, value in places.items()},
        "sides": np.array([2, 3], np.int64),
    }
    photo = helper.make_tensor_value_info("photo", TensorProto.FLOAT, ["N", 4, "H", "W"])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("matte", "relative")]
    weights = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "lens", [photo], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    about = {
        "format": 1, "name": "lens", "multiple": 32, "scale": 1, "working_side": 256, "conditions": ["focus"],
    }  # fmt: skip
    helper.set_model_props(model, {"wideopen": json.dumps(about)})
    path.write_bytes(model.SerializeToString())
    return path
