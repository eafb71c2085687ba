"""Photos with mattes, for tests that make varied pairs of them."""

from pathlib import Path

import cv2
import numpy as np
from PIL import Image


def draw(folder: Path, stem: str, seed: int, foot: float = 0.85) -> None:
    """A photo with a ball that stands on noisy grass below a plain wall, and its matte at half size."""
    height, width, radius = 160, 200, 34
    y, x = np.mgrid[:height, :width]
    alpha = np.clip(radius - np.hypot(y - foot * height + radius, x - width * 0.45) + 0.5, 0, 1)[..., None]
    noise = np.random.default_rng(seed).random((height, width, 3)) * 120 + 20
    stripes = 40 * np.sign(np.sin(x / 3.0))[..., None]
    photo = alpha * (np.array((200, 120, 60)) + 0.5 * stripes) + (1 - alpha) * noise
    for kind in ("photos", "mattes"):
        (folder / kind / stem).parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.clip(photo, 0, 255).astype(np.uint8)).save(folder / "photos" / f"{stem}.png")
    matte = cv2.resize((alpha[..., 0] * 255).astype(np.uint8), (width // 2, height // 2), interpolation=cv2.INTER_AREA)
    Image.fromarray(matte).save(folder / "mattes" / f"{stem}.png")
