"""How pairs are made, declared once for the library and `wideopen synthesize`."""

from dataclasses import asdict, dataclass, field
from typing import Any

from wideopen.options import option

VARIED, PLAIN = "Varied pairs", "Plain pairs"
"""Groups of options that one style alone has."""
MEMBERS = {"original": ".jpg", "bokeh": ".jpg", "matte": ".png", "sharp": ".png"}
VARIED_MEMBERS = MEMBERS | {"disparity": ".png"}


@dataclass(frozen=True)
class VariedOptions:
    """What varied pairs are made of. Shares are of the pairs, in 0..1."""

    f_numbers: tuple[float, float] = option((1.2, 16.0), "f-numbers, drawn log-uniformly between these two.", VARIED)
    max_blur: float = 0.09
    """Largest blur radius at infinity, as a share of the short side; larger ones are stopped down to it."""
    elsewhere: float = option(0.4, "Share focused on something other than the subject.", VARIED)
    second: float = option(0.2, "Share with another photo's subject standing at another depth.", VARIED)
    obstacles: float = option(0.2, "Share with something large close to the camera at the frame's border.", VARIED)
    swaps: float = option(0.1, "Share with another background, where there is a folder of them.", VARIED)
    lamps: float = option(0.25, "Share with small bright lamps; twice that in dark photos.", VARIED)
    landscapes: bool = option(
        False,
        "Use photos without a subject, too, blurred by distance alone. Half of those that a matting network finds "
        "nothing in are walls and close-ups in truth, so choose them first.",
        VARIED,
    )
    response: float = option(
        0.0, "Differences in exposure, contrast and white balance of input and target; 1 is EBB!-like.", VARIED
    )
    misalign: float = option(0.0, "px by which the target's corners move against the input, at most.", VARIED)
    grain: float = option(
        0.0,
        "Share of the photo's grain put back where it is blurred, as a real lens leaves it. A network trained on "
        "differences of pixels cannot learn it.",
        VARIED,
    )

    def __post_init__(self) -> None:
        low, high = self.f_numbers
        if not 0.5 <= low <= high <= 64:
            raise ValueError(f"f_numbers must be two growing numbers within 0.5 and 64, not {low} and {high}")
        for name in ("elsewhere", "second", "obstacles", "swaps", "lamps"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a share in [0, 1], not {getattr(self, name)}")
        if not 0 < self.max_blur <= 0.2:
            raise ValueError(f"max_blur must be a share of the short side in (0, 0.2], not {self.max_blur}")
        for name, most in (("response", 3), ("misalign", 20), ("grain", 1)):
            if not 0 <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be within 0 and {most}, not {getattr(self, name)}")


@dataclass(frozen=True)
class SynthesizeOptions:
    """How pairs are made of photos."""

    seed: int = option(0, "Of every random choice.")
    highlight_gain: float = option(4.0, "Brightness given to clipped lamps, in units of white.")
    long_side: int = option(960, "Scale larger photos down to this many px.")
    min_subject: float = option(0.02, "Skip photos whose subject is a smaller share of them.")
    max_subject: float = option(0.65, "Or a larger one.")
    max_doubt: float = option(
        0.06, "Or whose matte is in doubt on a larger share, or on half the subject's; 1 takes all, to teach doubt."
    )
    blur: float = option(
        0.0239, "Blur radius at infinity as a share of the short side; EBB!'s lens focused at 2 m, if not given.", PLAIN
    )
    blur_jitter: float = option(0.0, "Random stops either way on it.", PLAIN)
    horizon: float = 0.4
    """Plain pairs: row from which the background lies at infinity, as a share of the height."""
    quality: int = 95
    """JPEG quality, always 4:4:4."""
    varied: VariedOptions | None = field(default_factory=VariedOptions)
    """What varied pairs are made of; None makes plain ones."""

    def __post_init__(self) -> None:
        if not 0 < self.blur <= 0.2:
            raise ValueError(f"blur must be a share of the short side in (0, 0.2], not {self.blur}")
        if self.blur_jitter < 0 or self.highlight_gain < 1:
            raise ValueError("blur_jitter must not be negative and highlight_gain at least 1")
        if not 0 <= self.horizon < 0.9:
            raise ValueError(f"horizon must be a share of the height in [0, 0.9), not {self.horizon}")
        if not 0 <= self.min_subject < self.max_subject <= 1:
            raise ValueError("min_subject and max_subject must be growing shares in [0, 1]")
        if self.long_side < 64 or not 1 <= self.quality <= 100 or not 0 <= self.max_doubt <= 1:
            raise ValueError("long_side must be at least 64, quality 1 to 100, max_doubt a share in [0, 1]")

    @property
    def members(self) -> dict[str, str]:
        """Folder and suffix of each file of a pair."""
        return MEMBERS if self.varied is None else VARIED_MEMBERS

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what is of the other style is left out of plain pairs' options."""
        values = asdict(self)
        if self.varied is None:
            del values["varied"]
        return values
