"""How a pair becomes a training sample."""

from dataclasses import dataclass


@dataclass(frozen=True)
class PairsOptions:
    """How a pair becomes a training sample. Lengths in px."""

    resize_width: int = 0
    """Resize both photos to this width first (EBB!: 1536); 0 leaves them."""
    crop: int = 0
    """Side of the random square cut from both photos (EBB!: 1024); 0 uses `crop_scale`."""
    crop_scale: tuple[float, float] = (1.0, 1.0)
    """Side of the square as a share of the shorter side, drawn between these two, if `crop` is 0."""
    input: int = 512
    """Side of the network's input, a multiple of 32; the target of level k is input * 2**(2-k)."""
    turns: bool = False
    """Turn by random multiples of 90 degrees (as published)."""
    flips: bool = False
    """Mirror left-right at random."""
    exposure: float = 0.0
    """Random gain of both photos alike, up to this many stops either way."""
    colour: float = 0.0
    """Strength of random changes of white balance and saturation of both photos alike; 1 is strong (`draw_crop`)."""
    validation: float = 0.05
    """Share of the pairs kept for choosing the best checkpoint, at least one."""
    workers: int = 2
    """Processes that decode and crop ahead of the trainer; 0 does it in the trainer's own."""
    resident: int = 0
    """Decode all pairs once, at most this long (px), and keep them on the accelerator, where samples are cut
    (`wideopen.training.gpu_dataset`); 0 decodes a pair whenever it is drawn."""

    def __post_init__(self) -> None:
        if self.input < 32 or self.input % 32:
            raise ValueError(f"input must be a multiple of 32, not {self.input}")
        low, high = self.crop_scale
        if not 0 < low <= high <= 1:
            raise ValueError(f"crop_scale must be two growing shares in (0, 1], not {list(self.crop_scale)}")
        if not 0 < self.validation < 1:
            raise ValueError(f"validation must be a share between 0 and 1, not {self.validation}")
        for name in ("resize_width", "crop", "workers", "exposure", "colour", "resident"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must not be negative, not {getattr(self, name)}")
