"""What a pyramid with a lens head and a saliency network agree on: one matte of both, at the photo's own size.

Each has seen other photos, and each errs by itself. Two that judge independently multiply their odds, so a weighted sum
of their logits is where this head starts; what it adds to that it learns, from what both have found on the way:

    features of the pyramid 7 .. 3, decoder features of the saliency network, both logits, and from level 3 on the photo
      level 7 -> 6 -> 5 -> 4 -> 3 -> 2      each reads the level below, enlarged
          |    |    |    |    |    |
          +----+----+----+----+----+--> logit of the subject's opacity, the sum enlarged from level to level

It is cheap to train: all that it reads stands still and can be kept on disk (`recipes/fusion.py`).
"""

import torch
from torch import Tensor, nn

from wideopen.network.blocks import Conv, space_to_depth
from wideopen.network.saliency import CHANNELS, LOGIT_SCALE, fused_logit, halved, resized

WIDTHS = {7: 32, 6: 32, 5: 32, 4: 24, 3: 16, 2: 12}
"""Channels of each level."""
TRUST = 1.2, 0.8
"""Weights of the pyramid's logit and of the saliency network's."""
PHOTO_CHANNELS = {3: 12, 2: 3}


class FusionHead(nn.Module):
    """A matte from a pyramid's features and a saliency network's.

    Args:
        features: channels of the pyramid's last features, by level, 7 to 3.
        finest: level to go down to, 7 to 2.
    """

    def __init__(self, features: dict[int, int], finest: int = 2) -> None:
        super().__init__()
        self.levels = range(7, finest - 1, -1)
        below = 0
        for level in self.levels:
            width = WIDTHS[level]
            reads = CHANNELS[level] + features.get(level, 0) + PHOTO_CHANNELS.get(level, 0) + 2 + below
            self.add_module(f"first{level}", Conv(reads, width, 3, level > 3))
            self.add_module(f"second{level}", Conv(width, width, 3, level > 3))
            self.add_module(f"adds{level}", nn.Conv2d(width, 1, 3, padding=1))
            below = width

    def forward(
        self, photo: Tensor, features: dict[int, Tensor], prior: dict[int, Tensor], own: Tensor
    ) -> dict[int, Tensor]:
        """Logits of the subject's opacity at every level, [N, 1, h, w].

        Args:
            photo: [N, 3, H, W], sRGB-encoded, [0, 1].
            features: of the pyramid's levels, [N, C, h, w].
            prior: what the saliency network gives, see `saliency.CHANNELS`.
            own: the pyramid's own logit of the opacity at its finest level, [N, 1, h, w].
        """
        logits: dict[int, Tensor] = {}
        x = added = None
        finest = min(features)
        for level in self.levels:
            size = [side // 2 ** (level - 2) for side in photo.shape[2:]]
            both = resized(halved(own, max(0, level - finest)), size), fused_logit(prior, level, size)
            reads = [resized(prior[level], size), *(LOGIT_SCALE * logit for logit in both)]
            if level in features:
                reads.append(features[level])
            if level in PHOTO_CHANNELS:
                reads.append(photo if level == 2 else space_to_depth(photo))
            if x is not None and added is not None:
                reads.append(resized(x, size))
                added = resized(added, size)
            y = getattr(self, f"first{level}")(torch.cat(reads, 1))
            x = y + getattr(self, f"second{level}")(y)
            new = getattr(self, f"adds{level}")(x)
            added = new if added is None else new + added
            logits[level] = TRUST[0] * both[0] + TRUST[1] * both[1] + added
        return logits
