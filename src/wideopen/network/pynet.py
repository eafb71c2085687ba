"""PyNET: an inverted pyramid of seven levels (Ignatov et al., "Rendering Natural Camera Bokeh Effect with Deep
Learning", CVPRW 2020), drawn from one table.

    photo, side s
      | space to depth by 2
      e3 ------------------------------------> level 3 (s/2)  --> level 2 (s) --> level 1 (2s)
      | pool                                     ^ up_a, up_b        head 2         head 1
      e4 ----------------------> level 4 (s/4) --'  head 3
      | pool                       ^ up_a, up_b
      e5 --------> level 5 (s/8) --'  head 4
      | pool         ^ up_a, up_b
      e6 -> level 6 (s/16)  head 5
      | pool   ^ up_a, up_b
      level 7 (s/32)  head 6
      head 7

Levels carry the paper's numbers, 7 (smallest) to 1. Each is trained in turn, 7 first, through its own head.
Steps of `forward`: 1. encode the photo once, from level 3 to 7; 2. go down the pyramid from 7 to the level
asked for, each level reading its encoder feature `e` and the two up-samplings `a` and `b` of the level below;
3. the head turns the last feature into a picture.
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wideopen.network.blocks import Conv, space_to_depth
from wideopen.network.encoders import LiteEncoder
from wideopen.network.fusion import FusionHead
from wideopen.network.heads import HeadConv, Output, SceneMaps, read_scene_maps
from wideopen.network.saliency import U2Netp, resized
from wideopen.options import PyNETConfig

SMALLEST, LARGEST = 7, 1
SIDE_MULTIPLE = 32
"""Input sides must be multiples of this: one space-to-depth and four poolings."""


@dataclass(frozen=True)
class LevelSpec:
    """One row of the table.

    `steps` reads left to right, one block each: its largest kernel, `+` where the block's input is added to its
    output, then what is concatenated behind it (`e` encoder feature, `a` / `b` up-samplings of the level below).
    """

    channels: int
    norm: bool
    start: str
    steps: str


LEVELS = {
    7: LevelSpec(512, True, "e", "3  3+  3+  3"),
    6: LevelSpec(256, True, "ea", "3  3+  3+  3b  3"),
    5: LevelSpec(128, True, "ea", "5+  5+  5+  5eb  3"),
    4: LevelSpec(64, True, "ea", "5e  7+  7+  7+  7e  5b  3"),
    3: LevelSpec(32, False, "ea", "5e  7  9  9+  9+  9+  7e  5be  3"),
}
"""Levels 7 to 3; those of 2 and 1 are in `top_channels`, and where there is a prior in `fusion.WIDTHS`. Published
numbers stay as they are: `tests/network/test_pynet.py` counts them."""
ENCODED = (3, 4, 5, 6)
"""Levels whose feature the published encoder computes; level 7 reads the pooled feature of level 6."""


class Branch(nn.Module):
    """Two convolutions, the half of a block that one kernel size stands for."""

    def __init__(self, inputs: int, outputs: int, kernel: int, norm: bool) -> None:
        super().__init__()
        self.a = Conv(inputs, outputs, kernel, norm)
        self.b = Conv(outputs, outputs, kernel, norm)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.b(self.a(x))
        return y


class Block(nn.Module):
    """Branches for kernels 3, 5, .. largest, concatenated on channels.

    Parallel (as published): each branch reads the input with its own kernel size. Cascade: each branch reads the
    branch before it with 3x3 kernels, which gives the same receptive fields (5, 9, 13, 17).
    """

    def __init__(self, inputs: int, channels: int, largest: int, norm: bool, cascade: bool) -> None:
        super().__init__()
        self.cascade = cascade
        self.outputs = 0
        for kernel in range(3, largest + 1, 2):
            first = channels if cascade and kernel > 3 else inputs
            self.add_module(f"k{kernel}", Branch(first, channels, 3 if cascade else kernel, norm))
            self.outputs += channels

    def forward(self, x: Tensor) -> Tensor:
        taps: list[Tensor] = []
        for branch in self.children():
            taps.append(branch(taps[-1] if self.cascade and taps else x))
        return taps[0] if len(taps) == 1 else torch.cat(taps, 1)


class Up(nn.Module):
    """3x3 transposed convolution, stride 2, no bias, LeakyReLU(0.2), aligned as TensorFlow's 'SAME'."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose2d(inputs, outputs, 3, stride=2, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return F.leaky_relu(self.conv(x)[:, :, :-1, :-1], 0.2)


class Level(nn.Module):
    """Levels 7..3: an encoder (where the published one has it), the blocks of the table, up-samplings, a head."""

    def __init__(self, config: PyNETConfig, level: int, ups: bool, head: bool) -> None:
        super().__init__()
        spec = LEVELS[level]
        width = channels(config, level)
        reads = {"e": encoded_channels(config, level), "a": width, "b": width}
        cascade = config.blocks == "cascade"
        self.start, self.steps = spec.start, [(step[0], step[1:]) for step in spec.steps.split()]
        size = sum(reads[name] for name in spec.start)
        for number, (kernel, then) in enumerate(self.steps, 1):
            block = Block(size, width, int(kernel), spec.norm, cascade)
            self.add_module(f"block{number}", block)
            size = block.outputs + sum(reads[name] for name in then.strip("+"))
        self.outputs = size
        below = channels(config, level - 1) if level > 3 else 0
        self.up_a = Up(size, below) if ups and below else None
        self.up_b = Up(size, below) if ups and below else None
        self.head = HeadConv(size, config.head, level) if head else None

    def forward(self, reads: dict[str, Tensor]) -> Tensor:
        x = torch.cat([reads[name] for name in self.start], 1)
        for number, (_, then) in enumerate(self.steps, 1):
            y = getattr(self, f"block{number}")(x)
            if then.startswith("+"):
                y = y + x
            x = torch.cat([y, *(reads[name] for name in then.strip("+"))], 1) if then.strip("+") else y
        return x


class Top(nn.Module):
    """Levels 2 and 1: one up-sampling and a head."""

    def __init__(self, config: PyNETConfig, level: int, head: bool) -> None:
        super().__init__()
        self.outputs = top_channels(config, level)
        self.up = Up(top_inputs(config, level), self.outputs)
        self.head = HeadConv(self.outputs, config.head, level) if head else None


def channels(config: PyNETConfig, level: int) -> int:
    """Channels of one branch at levels 3..7."""
    return max(1, round(LEVELS[level].channels * config.width))


def encoded_channels(config: PyNETConfig, level: int) -> int:
    """Channels of the encoder feature that a level reads."""
    return channels(config, min(level, max(ENCODED)))


def top_channels(config: PyNETConfig, level: int) -> int:
    """Channels of levels 2 and 1: the published 8 and 3; 16 where the head adds to the photo, since 3 channels
    behind a picture are what lost the colours, and convolutions are no faster with fewer than 16."""
    return {2: 8, 1: 3}[level] if config.head == "absolute" else 16


def top_inputs(config: PyNETConfig, level: int) -> int:
    """Channels that level 2 or 1 reads. The published level 1 reads head 2's picture before its tanh."""
    if level == 2:
        return channels(config, 3)
    return 3 if config.head == "absolute" else top_channels(config, 2)


class PyNET(nn.Module):
    """PyNET built down to one level.

    Args:
        config: which PyNET; the defaults are the published one.
        level: the level whose head `forward` returns, 7 .. 1. Only what it needs is made.
        all_heads: also make the heads of the levels below it (7..level), for `pyramid`.
    """

    def __init__(self, config: PyNETConfig | None = None, level: int = 1, all_heads: bool = False) -> None:
        super().__init__()
        self.config = config = config or PyNETConfig()
        if not LARGEST <= level <= SMALLEST:
            raise ValueError(f"level must be {LARGEST} to {SMALLEST}, not {level}")
        if config.prior != "none" and level < 2:
            raise ValueError("a network with a prior ends at level 2, which is of the photo's own size")
        self.level, self.all_heads = level, all_heads
        self.backbone = LiteEncoder(config.encoder) if config.encoder != "pynet" else None
        self.prior = U2Netp() if config.prior != "none" else None
        # Each lens head adds to the one below it.
        chained = all_heads or config.head == "lens"
        for number in range(SMALLEST, max(level, 3) - 1, -1):
            row = Level(config, number, ups=number > level, head=chained or number == level)
            self.add_module(f"level{number}", row)
        self.fusion = self._fusion() if self.prior is not None else None
        for number in (2, 1):
            if number >= level and self.prior is None:
                # The published level 1 grows from head 2, which is then on its path.
                head = chained or number == level or config.head == "absolute"
                self.add_module(f"level{number}", Top(config, number, head))
        self._add_encoders()
        initialise(self)

    def _add_encoders(self) -> None:
        config = self.config
        if self.backbone is None:
            inputs = 4 * config.in_channels
            for number in ENCODED:
                block = Block(inputs, channels(config, number), 3, LEVELS[number].norm, cascade=False)
                self._encoder_home(number).add_module("encoder", block)
                inputs = block.outputs
            return
        for number in range(SMALLEST, max(self.level, 3) - 1, -1):
            # Level 3 reads the photo's own pixels, too, and whatever channels there are beside RGB.
            extra = 4 * config.in_channels if number == 3 else 0
            inputs = self.backbone.channels[number] + extra
            adapter = Conv(inputs, encoded_channels(config, number), 3 if number == 3 else 1, number > 3)
            self._encoder_home(number).add_module("encoder", adapter)

    def _fusion(self) -> FusionHead:
        """The head that reads pyramid and prior, down to the finest level."""
        rows = range(SMALLEST, max(self.level, 3) - 1, -1)
        return FusionHead({number: getattr(self, f"level{number}").outputs for number in rows}, self.level)

    def _encoder_home(self, number: int) -> nn.Module:
        """The level that an encoder belongs to, made if the pyramid was not built down to it."""
        name = f"level{number}"
        if not hasattr(self, name):
            self.add_module(name, nn.Module())
        home: nn.Module = getattr(self, name)
        return home

    def look(self, photo: Tensor) -> dict[str, dict[int, Tensor]]:
        """What the pretrained networks make of a photo, by level: features of the `backbone`, and the `prior`'s."""
        looked: dict[str, dict[int, Tensor]] = {}
        if self.backbone is not None:
            looked["backbone"] = self.backbone(photo[:, :3])
        if self.prior is not None:
            looked["prior"] = self.prior(photo[:, :3])
        return looked

    def encode(self, photo: Tensor, looked: dict[str, dict[int, Tensor]]) -> dict[int, Tensor]:
        """Step 1: encoder features of the levels that are built (with the published encoder: all from 3 on)."""
        blocks = space_to_depth(photo)
        features: dict[int, Tensor] = {}
        if self.backbone is None:
            x = blocks
            for number in ENCODED:
                x = features[number] = self._encoder_home(number).encoder(x)  # type: ignore[operator]
                x = F.max_pool2d(x, 2)
            features[SMALLEST] = x
            return features
        for number, x in looked["backbone"].items():
            if number >= self.level:
                read = torch.cat([x, blocks], 1) if number == 3 else x
                features[number] = getattr(self, f"level{number}").encoder(read)
        return features

    def _check(self, photo: Tensor) -> None:
        if photo.ndim != 4 or photo.shape[1] != self.config.in_channels:
            raise ValueError(f"photo must be [N, {self.config.in_channels}, H, W], not {list(photo.shape)}")
        if photo.shape[2] % SIDE_MULTIPLE or photo.shape[3] % SIDE_MULTIPLE:
            raise ValueError(f"sides must be multiples of {SIDE_MULTIPLE}, not {list(photo.shape[2:])}")

    def forward(self, photo: Tensor) -> Output | SceneMaps:
        """sRGB-encoded photo in [0, 1], [N, C, H, W], sides multiples of 32 -> what head `level` gives.

        Raises ValueError on another shape. The picture's sides are H, W times 2**(2 - level).
        """
        return self.pyramid(photo, self.look(photo))[self.level]

    def pyramid(self, photo: Tensor, looked: dict[str, dict[int, Tensor]]) -> dict[int, Output | SceneMaps]:
        """What the heads give, from what `look` found; where that does not change it can be kept between steps."""
        self._check(photo)
        rgb = photo[:, :3]
        features = self.encode(photo, looked)
        outputs: dict[int, Output | SceneMaps] = {}
        places: Tensor | None = None
        reads: dict[str, Tensor] = {}
        x = photo
        found: dict[int, Tensor] = {}
        for number in range(SMALLEST, max(self.level, 3) - 1, -1):
            level: Level = getattr(self, f"level{number}")
            x = found[number] = level({**reads, "e": features[number]})
            if level.head is not None and level.head.kind == "lens":
                places = level.head.places(level.head(x), places)
                outputs[number] = read_scene_maps(places)
            elif level.head is not None:
                outputs[number] = level.head.read(level.head(x), rgb)
            if level.up_a is not None and level.up_b is not None:
                reads = {"a": level.up_a(x), "b": level.up_b(x)}
        if self.fusion is not None and places is not None:
            for number, logit in self.fusion(rgb, found, looked["prior"], places[:, :1]).items():
                own = outputs.get(number)
                relative = own.relative if isinstance(own, SceneMaps) else resized(places[:, 1:], logit.shape[2:])
                outputs[number] = SceneMaps(torch.sigmoid(logit), relative)
            return outputs
        for number in (2, 1):
            if number < self.level:
                break
            top: Top = getattr(self, f"level{number}")
            x = top.up(x)
            if top.head is not None and top.head.kind == "lens":
                places = top.head.places(top.head(x), places)
                outputs[number] = read_scene_maps(places)
            elif top.head is not None:
                picture = top.head(x)
                outputs[number] = top.head.read(picture, rgb)
                if self.config.head == "absolute":
                    x = picture
        return outputs


def initialise(network: PyNET) -> None:
    """Draw starting weights. Heads that add to the photo start at zero, so the network starts as the identity.

    `published` draws every kernel from a truncated normal of std 0.01, biases 0.01; `he` from He's normal for
    LeakyReLU(0.2), which keeps signals alive through level 3, where no norm mends a small start.
    """
    for name, module in network.named_modules():
        if name.startswith(("backbone", "prior")) or not isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            continue
        if network.config.init == "published":
            nn.init.trunc_normal_(module.weight, std=0.01, a=-0.02, b=0.02)
        elif isinstance(module, nn.ConvTranspose2d):
            # Stride 2: each output pixel gathers a quarter of the kernel on average.
            fan = module.weight.shape[0] * module.weight[0, 0].numel() / 4
            nn.init.normal_(module.weight, std=(2 / (1.04 * fan)) ** 0.5)
        else:
            nn.init.kaiming_normal_(module.weight, a=0.2)
        if module.bias is not None:
            nn.init.constant_(module.bias, 0.01)
        if (isinstance(module, HeadConv) and module.kind != "absolute") or name.startswith("fusion.adds"):
            nn.init.zeros_(module.weight)
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
