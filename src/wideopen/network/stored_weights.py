"""Weights kept in 16 or 12 bits in a model's file, computed with in 32.

The file's own nodes widen them: operators that every runtime has, and works out once as it loads the file.
"""

from typing import Any

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper

PRIOR = "network.prior."
"""Begins the names of the saliency network's weights (`wideopen.network.saliency`)."""
SMALL = 1024
"""Weights with fewer numbers (biases, norms) are not worth rounding."""
LARGE = 2**16
"""From so many numbers on, a weight's layer is deep and sums over many: 12 bits hardly move its results."""

WIDENING = {"Add", "Cast", "Concat", "Mod", "Mul"}
"""Operators of the nodes that widen weights."""

Stored = tuple[dict[str, NDArray[Any]], list[NodeProto]]
"""What is kept of a weight, by name, and the nodes that make float32 of it again."""


def narrow(model: onnx.ModelProto, bits: int) -> onnx.ModelProto:
    """Keep large weights in 16 bits or, where `bits` is 12, the largest in 12 and the rest in 16. In place.

    A saliency network's stay in 16: what 12 do to them moves the matte by up to 0.13.
    """
    graph, kept, widening = model.graph, [], []
    for item in graph.initializer:
        count = np.prod(item.dims)
        if item.data_type != TensorProto.FLOAT or count < SMALL:
            kept.append(item)
            continue
        packs = bits == 12 and count >= LARGE and item.dims[0] % 2 == 0 and not item.name.startswith(PRIOR)
        held, nodes = (_in_12 if packs else _in_16)(item.name, numpy_helper.to_array(item))
        kept += [numpy_helper.from_array(value, name) for name, value in held.items()]
        widening += nodes
    nodes = [*widening, *graph.node]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(nodes)
    return model


def widened(data: bytes) -> bytes:
    """The graph with all weights in 32 bits and none of the nodes that widen them: as other converters know it."""
    model = onnx.load_from_string(data)
    graph = model.graph
    known = {item.name for item in graph.initializer}
    folded, left = [], []
    for node in graph.node:
        if node.op_type in WIDENING and known.issuperset(node.input):
            folded.append(node)
            known.update(node.output)
        else:
            left.append(node)
    if not folded:
        return data
    needed = {name for node in left for name in node.input} | {output.name for output in graph.output}
    made = sorted(needed & {name for node in folded for name in node.output})
    read = {name for node in folded for name in node.input}
    constants = helper.make_graph(
        folded, "constants", [], [onnx.ValueInfoProto(name=name) for name in made],
        [item for item in graph.initializer if item.name in read],
    )  # fmt: skip
    part = helper.make_model(constants, opset_imports=model.opset_import, ir_version=model.ir_version)
    session = onnxruntime.InferenceSession(part.SerializeToString(), providers=["CPUExecutionProvider"])
    values = zip(made, session.run(made, {}), strict=True)
    kept = [item for item in graph.initializer if item.name in needed]
    kept += [numpy_helper.from_array(value, name) for name, value in values]
    del graph.initializer[:], graph.node[:]
    graph.initializer.extend(kept)
    graph.node.extend(left)
    return bytes(model.SerializeToString())


def _in_16(name: str, weight: NDArray[np.float32]) -> Stored:
    cast = helper.make_node("Cast", [f"{name}.half"], [name], f"{name}.widened", to=TensorProto.FLOAT)
    return {f"{name}.half": weight.astype(np.float16)}, [cast]


def _in_12(name: str, weight: NDArray[np.float32]) -> Stored:
    """Whole numbers from -2048 to 2047, times a step for each index of the first axis.

    `high` has the upper 8 bits. A byte of `low` has the lower 4 of two numbers, one of each half of the first axis. The
    first half reads the byte as it is, in sixteenths, so the other's bits add less than 1 to its number, which is
    rounded with that in mind; the second half reads what is left of it by 16.
    """
    half, rest = len(weight) // 2, tuple(range(1, weight.ndim))
    step = np.abs(weight).max(rest, keepdims=True) / np.float32(2047)
    number = weight / np.where(step > 0, step, 1)
    second = np.rint(number[half:]).astype(np.int16)
    first = np.rint(number[:half] - (second & 15) / 16).astype(np.int16)
    low_step = np.concatenate([step[:half] / 16, step[half:]])
    held = {
        "high": (np.concatenate([first, second]) >> 4).astype(np.int8),
        "low": ((first & 15) << 4 | second & 15).astype(np.uint8),
        "sixteen": np.array(16, np.uint8),
        "high_step": 16 * step,
        "low_step": low_step,
    }
    operations: list[tuple[str, list[str], str, dict[str, Any]]] = [
        ("Mod", ["low", "sixteen"], "second", {}),
        ("Concat", ["low", "second"], "lows", {"axis": 0}),
        ("Cast", ["lows"], "low_number", {"to": TensorProto.FLOAT}),
        ("Mul", ["low_number", "low_step"], "low_part", {}),
        ("Cast", ["high"], "high_number", {"to": TensorProto.FLOAT}),
        ("Mul", ["high_number", "high_step"], "high_part", {}),
        ("Add", ["high_part", "low_part"], "", {}),
    ]
    nodes = [
        helper.make_node(
            kind,
            [f"{name}.{part}" for part in parts],
            [f"{name}.{made}" if made else name],
            f"{name}.{made or 'widened'}",
            **attributes,
        )  # fmt: skip
        for kind, parts, made, attributes in operations
    ]
    return {f"{name}.{part}": value for part, value in held.items()}, nodes
