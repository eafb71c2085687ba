"""What a person can set, declared once for library, command line and web form.

Frozen dataclasses; the rules are checked when one is made. Field metadata carries the text shown by --help.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Blocks = Literal["parallel", "cascade"]
Head = Literal["absolute", "residual", "blend"]
Encoder = Literal["pynet", "lite0", "lite1", "lite2"]
Init = Literal["published", "he"]


def _doc(text: str) -> dict[str, str]:
    return {"help": text}


@dataclass(frozen=True)
class RenderOptions:
    """How one photo is rendered."""

    model: Path | None = field(default=None, metadata=_doc("Model file (.onnx); if not given, the one in the package."))
    working_side: int | None = field(
        default=None,
        metadata=_doc("Long side in px of the network's picture; if not given, the model's own."),
    )
    threads: int | None = field(default=None, metadata=_doc("CPU threads; if not given, one per core."))
    quality: int | None = field(
        default=None, metadata=_doc("JPEG or WebP quality 1-100; like the input's, else 95, if not given.")
    )

    def __post_init__(self) -> None:
        if self.working_side is not None and self.working_side < 64:
            raise ValueError(f"working side must be at least 64 px, not {self.working_side}")
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads must be at least 1, not {self.threads}")
        if self.quality is not None and not 1 <= self.quality <= 100:
            raise ValueError(f"quality must be 1 to 100, not {self.quality}")


@dataclass(frozen=True)
class PyNETConfig:
    """Which PyNET is built. The defaults are the published network (Ignatov et al., CVPRW 2020)."""

    in_channels: int = 3
    """RGB, plus condition channels (the paper's depth map is one)."""
    width: float = 1.0
    """Multiplies the channels of levels 3..7 (32, 64, 128, 256, 512)."""
    blocks: Blocks = "parallel"
    """`parallel`: a branch for each kernel size, as published. `cascade`: one chain of 3x3 convolutions,
    tapped after 2, 4, 6, 8, the same receptive fields at a quarter of the work."""
    head: Head = "absolute"
    """`absolute`: 0.58 tanh + 0.5, as published. `residual`: the photo plus what the network adds.
    `blend`: the photo and a picture of its own, mixed by a predicted share of sharpness."""
    encoder: Encoder = "pynet"
    """`pynet`: the published one. `lite0..2`: a pretrained EfficientNet-Lite feeds levels 3..7."""
    init: Init = "published"
    """Starting weights. `published`: truncated normal, std 0.01. `he`: He's normal for LeakyReLU(0.2)."""

    def __post_init__(self) -> None:
        if self.in_channels < 3:
            raise ValueError(f"in_channels must be at least 3 (RGB), not {self.in_channels}")
        if not 0.03125 <= self.width <= 4:
            raise ValueError(f"width must be between 1/32 and 4, not {self.width}")
        for name, value, known in (
            ("blocks", self.blocks, ("parallel", "cascade")),
            ("head", self.head, ("absolute", "residual", "blend")),
            ("encoder", self.encoder, ("pynet", "lite0", "lite1", "lite2")),
            ("init", self.init, ("published", "he")),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, not {value!r}")
