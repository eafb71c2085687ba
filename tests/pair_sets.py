"""Small sets of pairs on disk, for tests: textured scenes with a sharp subject before a blurred background."""

from pathlib import Path

import cv2
import numpy as np

from wideopen.image.color import linear_to_srgb, srgb_to_linear


def scene(seed: int, height: int = 360, width: int = 480) -> np.ndarray:
    """A picture with detail at every scale, HxWx3 RGB uint8."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for octave in range(7):
        side = 3 * 2**octave
        noise = rng.standard_normal((side, side * 4 // 3, 3)).astype(np.float32)
        total += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC) * 0.75**octave
    return np.clip(120 + 38 * total, 0, 255).astype(np.uint8)


def wide_open(photo: np.ndarray, shift: tuple[float, float] = (0, 0), gain: float = 1.0) -> np.ndarray:
    """The photo with all but a central subject blurred; moved by `shift` px, `gain` in linear light."""
    height, width = photo.shape[:2]
    y, x = np.mgrid[:height, :width]
    inside = np.hypot((x - width / 2) / width, (y - height / 2) / height) < 0.27
    alpha = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), 2)[..., None]
    blurred = cv2.GaussianBlur(photo.astype(np.float32), (0, 0), 6)
    out = alpha * photo + (1 - alpha) * blurred
    if gain != 1:
        out = 255 * linear_to_srgb(gain * srgb_to_linear(np.clip(out / 255, 0, 1)))
    move = np.array([[1, 0, shift[0]], [0, 1, shift[1]]], np.float64)
    out = cv2.warpAffine(out, move, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.clip(np.rint(out), 0, 255).astype(np.uint8)


def save(path: Path, picture: np.ndarray, quality: int = 95) -> Path:
    """Write an RGB or grey picture, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR) if picture.ndim == 3 else picture
    options = [cv2.IMWRITE_JPEG_QUALITY, quality] if path.suffix == ".jpg" else []
    assert cv2.imwrite(str(path), data, options)
    return path


def save_pair(root: Path, name: str, photo: np.ndarray, target: np.ndarray, suffix: str = ".jpg") -> None:
    """Write one pair in EBB!'s layout."""
    save(root / "original" / f"{name}{suffix}", photo)
    save(root / "bokeh" / f"{name}{suffix}", target)


def make_set(root: Path, names: list[str], height: int = 96, width: int = 128) -> Path:
    """Write a set of good pairs."""
    for seed, name in enumerate(names):
        photo = scene(seed, height, width)
        save_pair(root, name, photo, wide_open(photo))
    return root
