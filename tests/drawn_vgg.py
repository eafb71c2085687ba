"""VGG weight files with drawn values, so that tests need no download."""

from pathlib import Path

import numpy as np

# Table 1 of the paper, configurations D and E; "M" is a max pool.
TABLES = {
    "vgg16": [64, 64, "M", 128, 128, "M", 256, 256, 256, "M", 512, 512, 512, "M", 512, 512, 512],
    "vgg19": [64, 64, "M", 128, 128, "M", *[256] * 4, "M", *[512] * 4, "M", *[512] * 4],
}


def draw_weights(arch: str, dtype: str) -> list[tuple[np.ndarray, np.ndarray]]:
    """Weights that keep activations alive: scaled by fan-in. One block of noise, cut up, because drawing is slow."""
    noise = np.random.default_rng(7).standard_normal(512 * 512 * 9, np.float32)
    inside, layers = 3, []
    for outside in TABLES[arch]:
        if isinstance(outside, int):
            weight = noise[: outside * inside * 9].reshape(outside, inside, 3, 3) * np.sqrt(2 / (9 * inside))
            layers.append((weight.astype(dtype), (0.1 * noise[:outside]).astype(dtype)))
            inside = outside
    return layers


def write_npz(path: Path, arch: str = "vgg16") -> Path:
    layers = iter(draw_weights(arch, "float16"))
    arrays, block, conv = {}, 1, 1
    for item in TABLES[arch]:
        if item == "M":
            block, conv = block + 1, 1
            continue
        arrays[f"block{block}_conv{conv}_w"], arrays[f"block{block}_conv{conv}_b"] = next(layers)
        conv += 1
    np.savez(path, **arrays)  # type: ignore[arg-type]
    return path
