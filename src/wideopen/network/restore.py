"""An exported model as a network that can be trained again, the model inside the package among them.

An export folds what stands still: a batch norm into the convolution before it, a bias into the norm behind it.
Restored, the convolution holds both and the norm is the identity, so the network computes what the file does, and
trains on.
"""

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper

from wideopen.errors import ModelError
from wideopen.network.pynet import SMALLEST, PyNET
from wideopen.network.stored_weights import widened
from wideopen.options import PyNETConfig

PREFIX = "network."
LEVEL = re.compile(r"(?:level|fusion\.adds)(\d)\.(?!encoder)")
"""Names the level of a part; the published encoder goes on above the level that was exported."""

Weights = dict[str, NDArray[np.float32]]


def read_export(path: Path) -> tuple[PyNET, dict[str, Any]]:
    """The network of an ONNX file of `wideopen export`, on the CPU in eval mode, and what the file says of itself.

    Of models with a lens head only: the upper levels of others are rewritten to run faster
    (`wideopen.export.graph_rewrites`).

    Raises ModelError, naming the file, if it is missing, damaged, another program's, or of another head.
    """
    try:
        model = onnx.load_from_string(widened(path.read_bytes()))
        values = json.loads(next(prop.value for prop in model.metadata_props if prop.key == "wideopen"))
        config = PyNETConfig.from_file(values["config"])
    except FileNotFoundError as error:
        raise ModelError(f"{path}: no such file; give a model of `wideopen export`") from error
    except Exception as error:
        raise ModelError(f"{path}: not a model of `wideopen export`, or a damaged one") from error
    if config.head != "lens":
        raise ModelError(f"{path}: has a {config.head} head, so its weights are rewritten; give those it was made from")
    weights = _weights(model.graph)
    network = PyNET(config, min((int(match[1]) for name in weights if (match := LEVEL.match(name))), default=SMALLEST))
    state = {**_dropped(network), **{name: torch.from_numpy(value) for name, value in weights.items()}}
    wanted = network.state_dict()
    wrong = [name for name, value in wanted.items() if name not in state or state[name].shape != value.shape]
    if wrong or len(state) > len(wanted):
        found = (wrong + sorted(state.keys() - wanted.keys()))[0]
        raise ModelError(f"{path}: does not hold the network that it says it is ({found}); export it again")
    network.load_state_dict(state)
    return network.eval(), values


def _weights(graph: onnx.GraphProto) -> Weights:
    """Everything that has weights, by our names: convolutions, their biases, and the norms behind them."""
    held = {item.name: numpy_helper.to_array(item).copy() for item in graph.initializer}
    found: Weights = {}
    norm_of: dict[str, str] = {}
    for node in graph.node:
        if node.op_type in ("Conv", "ConvTranspose") and node.input[1].startswith(PREFIX):
            name = node.input[1].removeprefix(PREFIX)
            found[name] = held[node.input[1]]
            if len(node.input) > 2:
                found[_bias(name)] = held[node.input[2]]
            norm_of[node.output[0]] = name.removesuffix("conv.weight") + "norm"
        elif node.op_type == "InstanceNormalization" and node.input[0] in norm_of:
            for part, name in zip(("weight", "bias"), node.input[1:], strict=True):
                found[f"{norm_of[node.input[0]]}.{part}"] = held[name]
    return found


def _bias(weight: str) -> str:
    """Where a convolution's bias goes: in the pretrained encoder, which has none, to the batch norm behind it."""
    owner = weight.removesuffix(".weight")
    if not owner.startswith("backbone."):
        return f"{owner}.bias"
    home, _, conv = owner.rpartition(".")
    if home == "backbone.stem":
        return "backbone.stem.1.bias"
    first = {"_expand_conv": "_bn0", "_depthwise_conv": "_bn1", "_project_conv": "_bn2"}
    return f"{home}.{first[conv]}.bias"


def _dropped(network: PyNET) -> dict[str, torch.Tensor]:
    """What a file may no longer hold: batch norms that do nothing, biases that are 0 or that a norm takes out again."""
    state = {}
    for name, module in network.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            state[f"{name}.weight"] = torch.ones_like(module.weight)
            state[f"{name}.running_mean"] = torch.zeros_like(module.weight)
            state[f"{name}.running_var"] = torch.full_like(module.weight, 1.0 - module.eps)
            state[f"{name}.num_batches_tracked"] = torch.tensor(0)
        elif isinstance(module, torch.nn.Conv2d) and module.bias is not None:
            state[f"{name}.bias"] = torch.zeros_like(module.bias)
    return state
