"""Stand-ins for IS-Net, BiRefNet and U2-Net: ONNX files of the documented inputs and outputs, drawn here.

Each undoes its kind's preparation and gives sigmoid(40 (red - 0.5)), or those logits.
"""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper

MEAN, DEVIATION = 0.485, 0.229


def build_matte_network(path: Path, kind: str) -> Path:
    """Write one of `isnet`, `birefnet`, `birefnet-by-values` (its input has an odd name) and `u2net`."""
    side = 320 if kind == "u2net" else 1024
    name = {"isnet": "input", "birefnet": "input_image", "birefnet-by-values": "x", "u2net": "input.1"}[kind]
    # red = scale * input + shift; U2-Net is shown the photo over its maximum, which is 220 of 255 here.
    if kind == "isnet":
        scale, shift = 256 / 255, 128 / 255
    else:
        white = 220 / 255 if kind == "u2net" else 1.0
        scale, shift = DEVIATION * white, MEAN * white
    node = helper.make_node
    nodes = [
        node("Slice", [name, "zero", "one", "axis"], ["red"]),
        node("Mul", ["red", "scale"], ["scaled"]),
        node("Add", ["scaled", "shift"], ["logits"]),
    ]
    outputs = ["logits"]
    if not kind.startswith("birefnet"):
        nodes += [node("Sigmoid", ["logits"], ["matte"]), node("Sub", ["matte", "matte"], ["side_matte"])]
        outputs = ["matte", "side_matte"]
    constants = {
        "scale": np.array(40 * scale, np.float32),
        "shift": np.array(40 * (shift - 0.5), np.float32),
        **{key: np.array([value], np.int64) for key, value in {"zero": 0, "one": 1, "axis": 1}.items()},
    }
    picture = helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, side, side])
    planes = [helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, 1, side, side]) for output in outputs]
    weights = [onnx.numpy_helper.from_array(value, key) for key, value in constants.items()]
    graph = helper.make_graph(nodes, kind, [picture], planes, weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    path.write_bytes(model.SerializeToString())
    return path
