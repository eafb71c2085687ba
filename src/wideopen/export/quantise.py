"""An ONNX model in 16 and in 8 bits, by ONNX Runtime's own converters. Needs the extra `export`."""

import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import onnx

from wideopen._types import Float32
from wideopen.network.stored_weights import PRIOR

KEPT_FLOAT = ("backbone.", "prior.", ".head.", ".up")
"""Weights whose layers stay in 32 bits. The encoder's depthwise layers have ranges too unequal for one scale: quantised
they move the sharpness map by 0.05 on average, all other layers together by 0.017. Up-sampling and head draw the
picture."""


def to_fp16(data: bytes) -> bytes:
    """Weights and arithmetic in 16 bits, input and outputs in 32. Norms, resizing and a saliency network stay in 32."""
    from onnxruntime.transformers.float16 import convert_float_to_float16

    model = onnx.load_from_string(data)
    half = convert_float_to_float16(
        model,
        keep_io_types=True,
        op_block_list=["Resize", "InstanceNormalization"],
        node_block_list=prior_nodes(model.graph),
        min_positive_val=1e-7,
    )
    return bytes(half.SerializeToString())


def prior_nodes(graph: onnx.GraphProto) -> list[str]:
    """Names of all nodes from the first convolution of a saliency network to its last: its sums over many scales lose
    too much in 16 bits (0.1 of the matte where it is in doubt)."""
    own = [index for index, node in enumerate(graph.node) if any(name.startswith(PRIOR) for name in node.input)]
    return [node.name for node in graph.node[own[0] : own[-1] + 1]] if own else []


def to_int8(data: bytes, inputs: Sequence[Float32]) -> bytes:
    """Convolutions in 8 bits (QDQ, weights by channel), ranges found on `inputs` ([1, 3, H, W] in 0..1)."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static

    class Photos(CalibrationDataReader):
        def __init__(self) -> None:
            self.left = iter(inputs)

        def get_next(self) -> dict[str, Float32] | None:
            photo = next(self.left, None)
            return None if photo is None else {"photo": photo}

    model = onnx.load_from_string(data)
    kept = [
        node.name
        for node in model.graph.node
        if node.op_type == "Conv" and any(part in node.input[1] for part in KEPT_FLOAT)
    ]
    logger, level = logging.getLogger(), logging.getLogger().level
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "source.onnx", Path(folder) / "int8.onnx"
        source.write_bytes(data)
        try:
            logger.setLevel(logging.ERROR)  # It advises to pre-process, which these graphs do not need.
            quantize_static(
                source, target, Photos(), quant_format=QuantFormat.QDQ, op_types_to_quantize=["Conv"],
                per_channel=True, activation_type=QuantType.QUInt8, weight_type=QuantType.QInt8, nodes_to_exclude=kept,
            )  # fmt: skip
        finally:
            logger.setLevel(level)
        return target.read_bytes()
