"""Networks whose parts all do something, as none does before it is trained."""

import torch

from wideopen.network.blocks import InstanceNorm
from wideopen.network.heads import HeadConv
from wideopen.network.pynet import PyNET
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
