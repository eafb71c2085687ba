"""What the parts of a network are built of: convolutions, and how many bits values are computed in."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def at_least_32(x: Tensor) -> Tensor:
    """The same values in float32, or in float64 if they have it: a loss in bf16 would drown in rounding."""
    return x.to(torch.promote_types(x.dtype, torch.float32))


def space_to_depth(photo: Tensor) -> Tensor:
    """[N, C, H, W] -> [N, 4C, H/2, W/2], channels in TensorFlow's order: block row, block column, channel."""
    n, c, h, w = photo.shape
    blocks = photo.reshape(n, c, h // 2, 2, w // 2, 2)
    return blocks.permute(0, 3, 5, 1, 2, 4).reshape(n, 4 * c, h // 2, w // 2)


class InstanceNorm(nn.Module):
    """Per photo and channel over height and width, epsilon 1e-3, learned scale and shift; 1x1 features are legal."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))

    def forward(self, x: Tensor) -> Tensor:
        # Groups of one channel are instance norm; this kernel keeps channels_last and takes a single pixel.
        return torch.group_norm(x, self.weight.shape[0], self.weight, self.bias, 1e-3)


class Conv(nn.Module):
    """k x k convolution with bias, optional instance norm, LeakyReLU(0.2)."""

    def __init__(self, inputs: int, outputs: int, kernel: int, norm: bool) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
        self.norm = InstanceNorm(outputs) if norm else None

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        if self.norm is not None:
            x = self.norm(x)
        return F.leaky_relu(x, 0.2)
