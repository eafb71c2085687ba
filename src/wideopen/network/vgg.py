"""Features of a VGG classifier, for the perceptual term of the loss.

Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image Recognition", ICLR 2015, table 1,
configurations D (VGG-16) and E (VGG-19), up to the last convolution's ReLU. Torchvision's published weights are
fetched when no file is given; torchvision itself is not needed.
"""

import pickle
import zipfile
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wideopen.errors import WeightsError, one_line

Arch = Literal["vgg16", "vgg19"]
Layers = list[tuple[Tensor, Tensor]]

CHANNELS = (64, 128, 256, 512, 512)
"""Channels of the five blocks; a 2x2 max pool stands between one block and the next."""
DEPTHS: dict[str, tuple[int, ...]] = {"vgg16": (2, 2, 3, 3, 3), "vgg19": (2, 2, 4, 4, 4)}
"""How many 3x3 convolutions each block has."""
URLS = {
    "vgg16": "https://download.pytorch.org/models/vgg16-397923af.pth",
    "vgg19": "https://download.pytorch.org/models/vgg19-dcbb9e9d.pth",
}
# RGB mean and standard deviation of values in 0..1 that each family of weights was trained with.
TORCHVISION_INPUT = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
CAFFE_INPUT = ((123.68 / 255, 116.779 / 255, 103.939 / 255), (1 / 255,) * 3)


class VGGFeatures(nn.Module):
    """relu5_4 of VGG-19 or relu5_3 of VGG-16.

    `forward` takes sRGB-encoded RGB [N, 3, H, W] in 0..1, H and W at least 16, and gives [N, 512, H//16, W//16].
    Gradients reach the input. The weights are buffers outside the state dict: nothing can train them, they follow
    `.to(device)`, and no checkpoint grows by them.

    Args:
        arch: `vgg19` or `vgg16`.
        weights: a torchvision state dict (.pth), or a Caffe-style .npz (`block1_conv1_w` [out, in, 3, 3] and
            `block1_conv1_b` [out], and so on; for input in BGR order, 0..255 less (103.939, 116.779, 123.68)).
            None fetches torchvision's file into torch.hub's cache.

    Raises WeightsError: the weights cannot be fetched, or the file is missing, damaged or of another network.
    """

    def __init__(self, arch: Arch = "vgg19", weights: Path | None = None) -> None:
        super().__init__()
        if arch not in DEPTHS:
            raise ValueError(f"arch must be one of {', '.join(DEPTHS)}, not {arch!r}")
        self.arch = arch
        caffe = weights is not None and weights.suffix == ".npz"
        layers = _load_npz(arch, weights) if caffe and weights else _load_torchvision(arch, weights)
        for index, (weight, bias) in enumerate(layers):
            self.register_buffer(
                f"weight{index}", weight.contiguous(memory_format=torch.channels_last), persistent=False
            )
            self.register_buffer(f"bias{index}", bias, persistent=False)
        for name, value in zip(("mean", "std"), CAFFE_INPUT if caffe else TORCHVISION_INPUT, strict=True):
            self.register_buffer(name, torch.tensor(value).view(1, 3, 1, 1), persistent=False)

    def forward(self, rgb: Tensor) -> Tensor:
        x = (rgb - self.get_buffer("mean")) / self.get_buffer("std")
        index = 0
        for block, depth in enumerate(DEPTHS[self.arch]):
            if block:
                x = F.max_pool2d(x, 2)
            for _ in range(depth):
                weight, bias = self.get_buffer(f"weight{index}"), self.get_buffer(f"bias{index}")
                x = F.relu(F.conv2d(x, weight, bias, padding=1))
                index += 1
        return x


def _load_torchvision(arch: Arch, file: Path | None) -> Layers:
    if file is None:
        where = URLS[arch]
        try:
            # The hash is part of the file's name; a download cut short fails here rather than later.
            state = torch.hub.load_state_dict_from_url(
                where, map_location="cpu", progress=False, check_hash=True, weights_only=True
            )
        except (OSError, RuntimeError, pickle.UnpicklingError) as error:  # URLError is an OSError
            raise WeightsError(
                f"cannot fetch {arch} weights from {where} ({one_line(error)}); give a weights file "
                f"(torchvision's {arch} .pth, or .npz), or set the recipe's vgg weights to 0"
            ) from error
    else:
        where = str(file)
        try:
            state = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as error:  # the unpickler meets a file that is no pickle with whatever it trips over
            raise _unreadable(file, arch, error) from error
        if not isinstance(state, dict):
            raise WeightsError(f"{where}: holds no state dict; give torchvision's {arch} .pth file")
    names: list[str] = []
    place = 0
    for depth in DEPTHS[arch]:
        for _ in range(depth):
            names.append(f"features.{place}")
            place += 2  # the convolution and its ReLU
        place += 1  # the pool after a block
    keys = [(f"{name}.weight", f"{name}.bias") for name in names]
    return _pick(state, keys, arch, where)


def _load_npz(arch: Arch, file: Path) -> Layers:
    keys = [
        (f"block{block}_conv{conv}_w", f"block{block}_conv{conv}_b")
        for block, depth in enumerate(DEPTHS[arch], 1)
        for conv in range(1, depth + 1)
    ]
    try:
        # Opened here because numpy leaves a file that is no archive open.
        with file.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            wanted = [key for pair in keys for key in pair if key in arrays.files]
            state = {key: torch.from_numpy(arrays[key]) for key in wanted}
    except (OSError, ValueError, TypeError, EOFError, AttributeError, zipfile.BadZipFile) as error:
        raise _unreadable(file, arch, error) from error
    layers = _pick(state, keys, arch, str(file))
    layers[0] = (layers[0][0].flip(1), layers[0][1])  # BGR weights applied to RGB
    return layers


def _pick(state: dict[str, Tensor], keys: list[tuple[str, str]], arch: Arch, where: str) -> Layers:
    """Take the convolutions out of a file in order, checking every name and shape."""
    layers: Layers = []
    channels = [c for c, depth in zip(CHANNELS, DEPTHS[arch], strict=True) for _ in range(depth)]
    shapes = zip([3, *channels], channels, strict=False)
    for (weight_key, bias_key), (inside, outside) in zip(keys, shapes, strict=True):
        for key, shape in ((weight_key, (outside, inside, 3, 3)), (bias_key, (outside,))):
            found = state.get(key)
            if not isinstance(found, Tensor) or tuple(found.shape) != shape:
                what = tuple(found.shape) if isinstance(found, Tensor) else "nothing"
                raise WeightsError(
                    f"{where}: not {arch} weights: {key} should be {shape} and is {what}; give a file made for "
                    f"{arch}, or set the recipe's vgg_arch to the file's"
                )
        layers.append((state[weight_key].float(), state[bias_key].float()))
    return layers


def _unreadable(file: Path, arch: Arch, error: Exception) -> WeightsError:
    reason = "no such file" if isinstance(error, FileNotFoundError) else one_line(error)
    return WeightsError(f"{file}: cannot read {arch} weights ({reason}); give torchvision's .pth or an .npz file")
