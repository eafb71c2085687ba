"""U2-Netp, a pretrained salient-object network that the pyramid reads beside the photo.

Qin et al., "U^2-Net: Going deeper with nested U-structure for salient object detection", Pattern Recognition 2020; the
small variant, 1.1 M parameters, trained on the 10,553 photos of DUTS-TR. It stands where the paper's PyNET has its
depth map: a second opinion on what a photo is of, from a network that has seen other photos. Training level by level
leaves it as it is; `recipes/jointly.py` trains it on with all else.

    photo --> stage 1 --> stage 2 --> .. --> stage 6        stages 1..6 at strides 1, 2, 4, 8, 16, 32
                |            |                  |
              1d <---------- 2d <-- .. <--------'           each decoder stage ends in 64 channels
                |            |
             side 1       side 2 ..  --> fused              logits of the subject's opacity
"""

from collections.abc import Sequence
from pathlib import Path

import onnx
import torch
import torch.nn.functional as F
from onnx import numpy_helper
from torch import Tensor, nn

from wideopen.errors import WeightsError

CHANNELS = {7: 64, 6: 64, 5: 64, 4: 64, 3: 2, 2: 2}
"""Channels that each level of the pyramid reads: decoder features, from level 3 on the logits of the opacity alone."""
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
"""Of ImageNet's photos in [0, 1], by which the network's input is normalised."""
SHOWN = 10, 13
"""Size at which the network sees the photo, as a fraction of the pyramid's: 320 px where that has 416. At 416 px it
takes more of the background for subject."""
LOGIT_SCALE = 0.125
"""Logits reach some 10; features of the pyramid are of the order of 1."""


class _Stage(nn.Module):
    """A residual U-block: a U-Net of `depth` convolutions, added to its input; `flat` dilates instead of pooling."""

    def __init__(self, depth: int, inputs: int, flat: bool) -> None:
        super().__init__()
        self.depth, self.flat = depth, flat
        spread = [2**k if flat else 1 for k in range(depth)]
        if not flat:
            spread[-1] = 2
        self.first = _conv(inputs, 64)
        self.down = nn.ModuleList(_conv(64 if k == 0 else 16, 16, spread[k]) for k in range(depth))
        ups = reversed(range(depth - 1))
        self.up = nn.ModuleList(_conv(32, 64 if k == 0 else 16, spread[k] if flat else 1) for k in ups)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.first(x))
        y, kept = x, []
        for index, conv in enumerate(self.down):
            if 0 < index < self.depth - 1 and not self.flat:
                y = F.max_pool2d(y, 2)
            y = F.relu(conv(y))
            kept.append(y)
        y = kept.pop()
        for index, conv in enumerate(self.up):
            if index and not self.flat:
                y = _double(y)
            y = F.relu(conv(torch.cat([y, kept.pop()], 1)))
        return y + x


class U2Netp(nn.Module):
    """U2-Netp with its batch norms folded into the convolutions. Made without weights; `load_pretrained` reads them."""

    def __init__(self) -> None:
        super().__init__()
        depths, flat = (7, 6, 5, 4, 4, 4), (False, False, False, False, True, True)
        self.encoder = nn.ModuleList(
            _Stage(depth, 64 if k else 3, dilated) for k, (depth, dilated) in enumerate(zip(depths, flat, strict=True))
        )
        self.decoder = nn.ModuleList(
            _Stage(depth, 128, dilated) for depth, dilated in zip(depths[-2::-1], flat[-2::-1], strict=True)
        )
        self.side = nn.ModuleList(nn.Conv2d(64, 1, 3, padding=1) for _ in depths)
        self.fuse = nn.Conv2d(len(depths), 1, 1)
        self.requires_grad_(False)

    def load_pretrained(self, path: Path) -> None:
        """Load published weights from `u2netp.onnx`, as rembg distributes it; WeightsError if they are not in it.

        They are rounded to 16 bits once, here, so that what is trained beside them reads what a model's file will hold.
        """
        try:
            graph = onnx.load(path).graph
            held = {item.name: numpy_helper.to_array(item) for item in graph.initializer}
            convs = [node.input for node in graph.node if node.op_type == "Conv"]
            # The file names only its last seven convolutions; the others follow one another as they are computed.
            named = {reads[1]: reads for reads in convs if reads[1].endswith(".weight")}
            unnamed = [reads for reads in convs if reads[1] not in named]
            stages = [
                conv
                for stage in (*self.encoder, *self.decoder)
                for conv in stage.modules()
                if isinstance(conv, nn.Conv2d)
            ]
            last = [named[f"side{k}.weight"] for k in range(1, 7)] + [named["outconv.weight"]]
            pairs = list(zip([*stages, *self.side, self.fuse], [*unnamed, *last], strict=True))
            for conv, (_, weight, bias) in pairs:
                conv.weight.copy_(torch.from_numpy(held[weight].copy()).half())  # type: ignore[operator, union-attr]
                conv.bias.copy_(torch.from_numpy(held[bias].copy()))  # type: ignore[operator, union-attr]
        except Exception as error:
            raise WeightsError(f"{path}: does not hold the weights of U2-Netp ({type(error).__name__})") from error

    def forward(self, photo: Tensor) -> dict[int, Tensor]:
        """sRGB-encoded RGB in [0, 1], [N, 3, H, W], sides multiples of 32 -> what levels 7 .. 2 read, see CHANNELS.

        The network sees the photo at the size that it was trained at, so its maps are smaller than those of the levels.
        """
        shown = F.interpolate(photo, size=[_smaller(side) for side in photo.shape[2:]], mode="bilinear")
        found = self._decoded(shown)
        fused, sides = self._logits(found)
        reads = {7 - index: feature for index, feature in enumerate(found[:4])}
        reads[3] = LOGIT_SCALE * torch.cat([sides[1], F.avg_pool2d(fused, 2)], 1)
        reads[2] = LOGIT_SCALE * torch.cat([sides[0], fused], 1)
        return reads

    def _decoded(self, shown: Tensor) -> list[Tensor]:
        """Features of stage 6 and of the decoder's stages 5 to 1."""
        mean, deviation = (torch.tensor(v, device=shown.device).view(1, 3, 1, 1) for v in (MEAN, DEVIATION))
        x, kept = (shown - mean) / deviation, []
        for index, stage in enumerate(self.encoder):
            x = stage(F.max_pool2d(x, 2) if index else x)
            kept.append(x)
        found = [kept.pop()]
        for stage in self.decoder:
            found.append(stage(torch.cat([_double(found[-1]), kept.pop()], 1)))
        return found

    def _logits(self, found: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        sides = [side(feature) for side, feature in zip(self.side, reversed(found), strict=True)]
        whole = sides[0].shape[2:]
        return self.fuse(torch.cat([sides[0], *(resized(side, whole) for side in sides[1:])], 1)), sides


def fused_logit(reads: dict[int, Tensor], level: int, size: Sequence[int]) -> Tensor:
    """Logit of the subject's opacity, [N, 1, h, w], from what `U2Netp` gave, at the size of a level, 7 to 2."""
    # SHOWN is over a half, so it is less than two levels' widths after these halvings.
    return resized(halved(reads[2][:, 1:], max(0, level - 3)), size) / LOGIT_SCALE


def halved(x: Tensor, times: int) -> Tensor:
    """[N, C, h, w] with both sides halved so many times, by means."""
    return F.avg_pool2d(x, 2**times) if times else x


def resized(x: Tensor, size: Sequence[int]) -> Tensor:
    """[N, C, h, w] of another height and width, bilinear."""
    return F.interpolate(x, size=list(size), mode="bilinear")


def _smaller(side: int) -> int:
    """SHOWN of a side, to the nearest multiple of 32, which the poolings want."""
    return (side * SHOWN[0] // SHOWN[1] + 16) // 32 * 32


def _conv(inputs: int, outputs: int, spread: int = 1) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=spread, dilation=spread)


def _double(x: Tensor) -> Tensor:
    return F.interpolate(x, scale_factor=2.0, mode="bilinear")
