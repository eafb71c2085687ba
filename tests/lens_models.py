"""A tiny model that says where things are: what is red is the subject and stands before the rest."""

import json
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

AWAY = 0.8
"""Disparity between the two, in units of the subject's."""


def build_lens_model(path: Path) -> Path:
    """Write it. matte = sigmoid(40 (red - 0.5)); what is not red lies `AWAY` behind."""
    node = helper.make_node
    nodes = [
        node("Slice", ["photo", "zero", "one", "axis"], ["red"]),
        node("Sub", ["red", "half"], ["centred"]),
        node("Mul", ["centred", "steep"], ["logit"]),
        node("Sigmoid", ["logit"], ["matte"]),
        node("Sub", ["whole", "matte"], ["far"]),
        node("Mul", ["far", "minus"], ["relative"]),
    ]
    numbers = {"half": 0.5, "steep": 40, "whole": 1, "minus": -AWAY}
    constants = {
        **{name: np.array(value, np.float32) for name, value in numbers.items()},
        **{name: np.array([value], np.int64) for name, value in {"zero": 0, "one": 1, "axis": 1}.items()},
    }
    photo = helper.make_tensor_value_info("photo", TensorProto.FLOAT, ["N", 3, "H", "W"])
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in ("matte", "relative")]
    weights = [onnx.numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph(nodes, "lens", [photo], outputs, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    about = {"format": 1, "name": "lens", "multiple": 32, "scale": 1, "working_side": 256}
    helper.set_model_props(model, {"wideopen": json.dumps(about)})
    path.write_bytes(model.SerializeToString())
    return path
