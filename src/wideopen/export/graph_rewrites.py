"""Exact rewrites of an exported PyNET into a graph that is run faster: the same numbers but for rounding.

    fold_norms      an instance norm with its own scale and shift in place of reshapes, a norm, a product and a sum
    draw_in_blocks  level 1 as 2x2 blocks of pixels at level 2's size, put apart only once they are drawn

Each leaves a graph alone that is not as `wideopen.export.onnx_export` makes it. What else was tried is in docs/log.md.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import onnx
from onnx import NodeProto, helper, numpy_helper

from wideopen._types import Float32


def fold(model: onnx.ModelProto) -> onnx.ModelProto:
    """Both of them, in place."""
    graph = _Graph(model)
    fold_norms(graph)
    draw_in_blocks(graph)
    graph.store()
    return model


class _Graph:
    """A model's nodes and weights while they are changed."""

    def __init__(self, model: onnx.ModelProto) -> None:
        self._graph = model.graph
        self.nodes: list[NodeProto] = [NodeProto.FromString(node.SerializeToString()) for node in model.graph.node]
        self._weights = {item.name: item for item in model.graph.initializer}

    def weight(self, name: str) -> Float32:
        return np.asarray(numpy_helper.to_array(self._weights[name]))

    def add(self, values: Float32, name: str) -> str:
        """Keep new weights under a name like that of those they were made from."""
        while name in self._weights:
            name += "_"
        self._weights[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def readers(self, tensor: str) -> list[NodeProto]:
        return [node for node in self.nodes if tensor in node.input]

    def chain(self, node: NodeProto, *operators: str) -> list[NodeProto]:
        """The node and those that read it one after another, if they are such operators and nobody else reads."""
        found = [node]
        for operator in operators:
            readers = self.readers(found[-1].output[0])
            if len(readers) != 1 or readers[0].op_type != operator:
                return []
            found.append(readers[0])
        return found

    def replace(self, old: Sequence[NodeProto], new: Iterable[NodeProto]) -> None:
        """Put new nodes where the last of the old ones is."""
        last = next(i for i, node in enumerate(self.nodes) if node is old[-1])
        self.nodes[last : last + 1] = list(new)
        self.nodes = [node for node in self.nodes if not any(node is gone for gone in old)]

    def store(self) -> None:
        """Write nodes and weights back, less what nobody reads."""
        needed = {output.name for output in self._graph.output}
        kept: list[NodeProto] = []
        for node in reversed(self.nodes):
            if needed & set(node.output):
                needed.update(node.input)
                kept.append(node)
        del self._graph.node[:], self._graph.initializer[:]
        self._graph.node.extend(reversed(kept))
        self._graph.initializer.extend(item for name, item in self._weights.items() if name in needed)


def fold_norms(graph: _Graph) -> None:
    """Reshape, InstanceNormalization, Reshape, Mul, Add -> InstanceNormalization. A bias before it changes nothing."""
    for first in [node for node in graph.nodes if node.op_type == "Reshape"]:
        found = graph.chain(first, "InstanceNormalization", "Reshape", "Mul", "Add")
        if not found:
            continue
        _, norm, _, scaled, shifted = found
        scale, shift = (graph.weight(node.input[1]) for node in (scaled, shifted))
        inside = graph.weight(norm.input[1]), graph.weight(norm.input[2])
        if not (scale.size == shift.size == inside[0].size and (inside[0] == 1).all() and (inside[1] == 0).all()):
            continue
        names = [graph.add(scale.ravel(), scaled.input[1]), graph.add(shift.ravel(), shifted.input[1])]
        new = helper.make_node(
            "InstanceNormalization", [first.input[0], *names], [shifted.output[0]], norm.name or shifted.output[0]
        )
        new.attribute.extend(norm.attribute)
        graph.replace(found, [new])
        for conv in graph.nodes:
            if conv.op_type == "Conv" and conv.output[0] == first.input[0] and len(conv.input) == 3:
                del conv.input[2]


def draw_in_blocks(graph: _Graph) -> None:
    """Level 1: transposed convolution, LeakyReLU, head -> the same on 2x2 blocks, then DepthToSpace of few channels."""
    for up in [node for node in graph.nodes if node.op_type == "ConvTranspose" and "level1.up" in node.input[1]]:
        found = graph.chain(up, "Slice", "Slice", "LeakyRelu", "Conv")
        if not found:
            continue
        act, head = found[3:]
        weights = graph.weight(up.input[1]), graph.weight(head.input[1])
        if any(values.shape[2:] != (3, 3) for values in weights):
            continue
        blocks, drawn, name = act.output[0] + "_blocks", head.output[0] + "_blocks", head.output[0]
        kernel = graph.add(_up_to_blocks(weights[0]), up.input[1] + "_blocks")
        head_kernel = graph.add(_conv_of_blocks(weights[1]), head.input[1] + "_blocks")
        # A bias of zeros is left out by the exporter.
        bias = [graph.add(np.tile(graph.weight(name), 4), name + "_blocks") for name in list(head.input)[2:]]
        new = [
            helper.make_node("Conv", [up.input[0], kernel], [blocks + "_sum"], blocks + "_sum", pads=[1, 1, 0, 0]),
            helper.make_node("LeakyRelu", [blocks + "_sum"], [blocks], blocks),
            helper.make_node("Conv", [blocks, head_kernel, *bias], [drawn], drawn, pads=[1, 1, 1, 1]),
            helper.make_node("DepthToSpace", [drawn], [name], name + "_apart", blocksize=2, mode="DCR"),
        ]
        new[1].attribute.extend(act.attribute)
        graph.replace(found, new)


def _up_to_blocks(weight: Float32) -> Float32:
    """[I, O, 3, 3] of a transposed convolution, stride 2 -> [4 O, I, 2, 2] over the pixel before and the pixel itself.

    An even row of the result is row 0 of the kernel on the pixel and row 2 on the one before; an odd row is row 1.
    """
    inputs, outputs = weight.shape[:2]
    made = np.zeros((2, 2, outputs, inputs, 2, 2), np.float32)
    places = {0: ((1, 0), (0, 2)), 1: ((1, 1),)}
    for i in (0, 1):
        for j in (0, 1):
            for row, from_row in places[i]:
                for column, from_column in places[j]:
                    made[i, j, :, :, row, column] = weight[:, :, from_row, from_column].T
    return made.reshape(4 * outputs, inputs, 2, 2)


def _conv_of_blocks(weight: Float32) -> Float32:
    """[O, I, 3, 3] -> [4 O, 4 I, 3, 3] that takes and gives 2x2 blocks as channels (row, column, channel)."""
    outputs, inputs = weight.shape[:2]
    made = np.zeros((2, 2, outputs, 2, 2, inputs, 3, 3), np.float32)
    for i, j, p, q in np.ndindex(2, 2, 3, 3):
        (row, y), (column, x) = divmod(i + p - 1, 2), divmod(j + q - 1, 2)
        made[i, j, :, y, x, :, row + 1, column + 1] = weight[:, :, p, q]
    return made.reshape(4 * outputs, 4 * inputs, 3, 3)
