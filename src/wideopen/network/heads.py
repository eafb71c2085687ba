"""What a level of PyNET gives, and the heads that read it from the level's last feature."""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wideopen.network.blocks import at_least_32

SOFT = 5


class Output(NamedTuple):
    """What a head gives: the picture [N, 3, h, w], and for `blend` the share of the photo kept [N, 1, h, w]."""

    bokeh: Tensor
    sharp: Tensor | None = None


class SceneMaps(NamedTuple):
    """What a lens head gives, for a lens to draw the picture from (`wideopen.training.differentiable_lens`)."""

    matte: Tensor
    """[N, 1, h, w] in [0, 1]: opacity of the subject."""
    relative: Tensor
    """[N, 1, h, w]: disparity of everything else, less the subject's; -1 is the farthest, positive is nearer."""


def resize_to_level(photo: Tensor, level: int) -> Tensor:
    """The network's input resized to the size of head `level`: side * 2**(2 - level)."""
    if level > 2:
        return F.avg_pool2d(photo, 2 ** (level - 2))
    return photo if level == 2 else F.interpolate(photo, scale_factor=2.0, mode="bilinear")


class HeadConv(nn.Conv2d):
    """3x3 convolution from a level's feature to a picture, and how that picture is read.

    absolute: 0.58 tanh(x) + 0.5, as published.  residual: photo + x; x starts at zero, so the head starts as the
    identity.  blend: sharp * photo + (1 - sharp) * (soft photo + x); starts within 1 % of the identity. The soft
    photo is the photo at level 5's size, about as soft as the bokeh of a 50 mm f/1.8, so the head need not cancel
    detail with numbers of its own. From level 5 up the blur is smaller than a pixel and soft is the photo itself.
    lens: adds to what the head of the level below said, enlarged, so that a level starts as good as the one below.
    """

    BLEND_START = 5.0
    """Logit of the share of photo kept at the start: 99.3 %."""
    LENS_START = (-1.5, -0.5)
    """Logit of the matte, and relative disparity, that level 7 starts from."""
    OUTPUTS = {"blend": 4, "lens": 2}

    def __init__(self, inputs: int, kind: str, level: int) -> None:
        super().__init__(inputs, self.OUTPUTS.get(kind, 3), 3, padding=1)
        self.kind, self.level = kind, level

    def places(self, x: Tensor, below: Tensor | None) -> Tensor:
        """[N, 2, h, w] matte logit and relative disparity: this convolution's output `x` added to the level below's."""
        if below is None:
            start = torch.tensor(self.LENS_START, device=x.device).view(1, 2, 1, 1)
            return at_least_32(x) + start
        return at_least_32(x) + F.interpolate(below, scale_factor=2.0, mode="bilinear")

    def read(self, x: Tensor, photo: Tensor) -> Output:
        """Picture from this convolution's own output `x` and the network's RGB input."""
        if self.kind == "absolute":
            return Output(0.58 * torch.tanh(at_least_32(x)) + 0.5)
        sized = resize_to_level(photo, self.level)
        if self.kind == "residual":
            return Output(sized + x)
        sharp = torch.sigmoid(at_least_32(x[:, :1]) + self.BLEND_START)
        soft = F.interpolate(resize_to_level(photo, max(SOFT, self.level)), size=sized.shape[2:], mode="bilinear")
        return Output(sharp * sized + (1 - sharp) * (soft + x[:, 1:]), sharp)


def read_scene_maps(x: Tensor) -> SceneMaps:
    """Matte logit and relative disparity [N, 2, h, w] as what they mean."""
    return SceneMaps(torch.sigmoid(x[:, :1]), x[:, 1:])
