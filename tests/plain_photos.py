"""Small photos with mattes to make plain pairs from, and what a folder holds."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from wideopen.synthesis.options import SynthesizeOptions

OPTIONS = SynthesizeOptions(long_side=200, varied=None)
"""Plain pairs; `test_varied.py` makes the others."""


def draw(folder: Path, stem: str, seed: int, size: tuple[int, int] = (160, 200), radius: float = 40) -> None:
    """A photo (JPEG) with a bright ball on a noisy ground, and its matte at half size."""
    height, width = size
    y, x = np.mgrid[:height, :width]
    alpha = np.clip(radius - np.hypot(y - height * 0.5, x - width * 0.5) + 0.5, 0, 1)[..., None]
    noise = np.random.default_rng(seed).random((height, width, 3)) * 120 + 40
    photo = (alpha * (230, 120, 60) + (1 - alpha) * noise).astype(np.uint8)
    for kind in ("photos", "mattes"):
        (folder / kind / stem).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photo).save(folder / "photos" / f"{stem}.jpg", quality=95)
    matte = cv2.resize((alpha[..., 0] * 255).astype(np.uint8), (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    Image.fromarray(matte).save(folder / "mattes" / f"{stem}.png")


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
