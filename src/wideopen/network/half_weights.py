"""Weights kept in 16 bits in a model's file, computed with in 32."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

HALF = ".half"
"""Ends the name of a weight that `store_in_half` keeps in 16 bits."""
SMALL = 1024
"""Weights with fewer numbers (biases, norms) are not worth rounding."""


def store_in_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """Keep large weights in 16 bits, to be widened when the file is loaded; arithmetic stays in 32. In place."""
    graph, casts = model.graph, []
    for item in graph.initializer:
        if item.data_type != onnx.TensorProto.FLOAT or np.prod(item.dims) < SMALL:
            continue
        name, weight = item.name, numpy_helper.to_array(item)
        item.CopyFrom(numpy_helper.from_array(weight.astype(np.float16), f"{name}{HALF}"))
        casts.append(helper.make_node("Cast", [f"{name}{HALF}"], [name], f"{name}.widened", to=onnx.TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return model


def widened(data: bytes) -> bytes:
    """The graph with what `store_in_half` keeps in 16 bits in 32 again, and no casts: as other converters know it."""
    model = onnx.load_from_string(data)
    graph = model.graph
    names = {
        node.input[0]: node.output[0] for node in graph.node if node.op_type == "Cast" and node.input[0].endswith(HALF)
    }
    for item in graph.initializer:
        if item.name in names:
            weight = numpy_helper.to_array(item).astype(np.float32)
            item.CopyFrom(numpy_helper.from_array(weight, names[item.name]))
    nodes = [node for node in graph.node if not (node.op_type == "Cast" and node.input[0] in names)]
    del graph.node[:]
    graph.node.extend(nodes)
    return bytes(model.SerializeToString())
