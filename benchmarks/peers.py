"""Other networks' layers, with drawn weights: what they compute, not what they draw.

Stacked DMSHN (Dutta et al.: Stacked Deep Multi-Scale Hierarchical Network for Fast Bokeh Effect Rendering from a Single
Image, CVPRW 2021), shapes as in its public code: two DMSHN one after another; each is three encoders and decoders of
the same shape, at the photo's size, half and a quarter of it, the coarser one's features and result added to the
finer one's. 10.8 million parameters.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

WIDTHS = (32, 64, 128)
"""Channels of an encoder's three sizes; the decoder goes back through them."""
SCALES = 3


class Residual(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.a, self.b = (nn.Conv2d(channels, channels, 3, padding=1) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = x + self.b(F.relu(self.a(x)))
        return y


def encoder() -> nn.Sequential:
    layers: list[nn.Module] = []
    for before, width in zip((3, *WIDTHS), WIDTHS, strict=False):
        layers += [nn.Conv2d(before, width, 3, 1 if before == 3 else 2, 1), Residual(width), Residual(width)]
    return nn.Sequential(*layers)


def decoder() -> nn.Sequential:
    layers: list[nn.Module] = []
    for width, after in zip(WIDTHS[::-1], (*WIDTHS[-2::-1], 0), strict=True):
        layers += [Residual(width), Residual(width)]
        layers.append(nn.ConvTranspose2d(width, after, 4, 2, 1) if after else nn.Conv2d(width, 3, 3, padding=1))
    return nn.Sequential(*layers)


class Hierarchy(nn.Module):
    """One DMSHN: [N, 3, H, W] -> the same, sides multiples of 16."""

    def __init__(self) -> None:
        super().__init__()
        self.encoders = nn.ModuleList(encoder() for _ in range(SCALES))
        self.decoders = nn.ModuleList(decoder() for _ in range(SCALES))

    def forward(self, photo: Tensor) -> Tensor:
        photos = [photo]
        for _ in range(SCALES - 1):
            photos.append(F.interpolate(photos[-1], scale_factor=0.5, mode="bilinear"))
        features: Tensor | float = 0.0
        result: Tensor | float = 0.0
        for seen, encode, decode in zip(reversed(photos), self.encoders, self.decoders, strict=True):
            if isinstance(result, Tensor) and isinstance(features, Tensor):
                result, features = (F.interpolate(x, scale_factor=2.0, mode="bilinear") for x in (result, features))
            own = encode(seen + result)
            result = decode(own + features)
            features = own
        assert isinstance(result, Tensor)
        return result


def stacked_dmshn() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(Hierarchy(), Hierarchy()).eval()
