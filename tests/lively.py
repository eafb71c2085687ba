"""Networks whose parts all do something, as none does before it is trained."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from unittest.mock import patch

import torch
from efficientnet_lite_pytorch.utils import BlockArgs, GlobalParams, get_model_params

from wideopen.network.blocks import InstanceNorm
from wideopen.network.encoders import LiteEncoder
from wideopen.network.heads import HeadConv
from wideopen.network.pynet import LEVELS, PyNET
from wideopen.options import PyNETConfig


def lively(config: PyNETConfig, level: int = 1) -> PyNET:
    """A drawn network in eval mode; its heads and norms are not what training starts from."""
    torch.manual_seed(3)
    network = PyNET(config, level).eval()
    if network.backbone is not None:
        network.backbone.load_pretrained()
    for module in network.modules():
        if isinstance(module, HeadConv):
            torch.nn.init.normal_(module.weight, std=0.01)
        elif isinstance(module, InstanceNorm):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, std=0.3)
    return network


SHORT = {7: "3  3+", 6: "3  3+b", 5: "3eb", 4: "5eb", 3: "5be  3"}


@contextmanager
def shortened() -> Iterator[None]:
    """PyNET and its pretrained encoder (with drawn weights) with every kind of step, of each few.

    What one step of a kind shows of graphs, the next one shows again, and tracing takes as long as there are steps.
    """
    levels = {level: replace(LEVELS[level], steps=steps) for level, steps in SHORT.items()}
    with (
        patch.dict(LEVELS, levels),
        patch("efficientnet_lite_pytorch.model.get_model_params", _few_blocks),
        patch.object(LiteEncoder, "load_pretrained", _draw_norms),
    ):
        yield


def _few_blocks(name: str, given: dict[str, object]) -> tuple[list[BlockArgs], GlobalParams]:
    """One block for each halving, the first one, which expands nothing, and one that adds its input."""
    blocks, params = get_model_params(name, given)
    kept = [blocks[0], *(block for block in blocks if block.stride == [2])]
    chained = [kept[0]]
    for block in kept[1:]:
        inputs, repeats = chained[-1].output_filters, 2 if block is kept[-1] else 1
        chained.append(block._replace(input_filters=inputs, expand_ratio=2, num_repeat=repeats))
    return chained, params._replace(depth_coefficient=1.0)


def _draw_norms(encoder: LiteEncoder) -> None:
    """An export keeps equal values once only: these are all different, as trained ones are."""
    for norm in encoder.modules():
        if isinstance(norm, torch.nn.BatchNorm2d):
            for value in (norm.weight, norm.running_var):
                torch.nn.init.uniform_(value, 0.5, 1.5)
            for value in (norm.bias, norm.running_mean):
                torch.nn.init.normal_(value, std=0.3)
