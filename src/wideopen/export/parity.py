"""How far an exported file is from the network it was made of, each run by its own runtime on the same photos."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from wideopen._types import Float32
from wideopen.errors import ModelError
from wideopen.image.resize import fit, pad, resize

_GIVES = {
    "bokeh": "bokeh [N, 3, sH, sW] the same",
    "sharp": "sharp [N, 1, sH, sW] share of the photo's own pixels, 0..1",
    "matte": "matte [N, 1, H, W] opacity of the subject, 0..1",
    "relative": (
        "relative [N, 1, H, W] disparity of everything else less the subject's, in units of the subject's: -1 is the "
        "farthest, 0 as far as the subject, more is nearer"
    ),
}
Run = Callable[[Float32], Sequence[Float32]]
"""[1, 3, H, W] photo, sRGB-encoded in 0..1 -> bokeh [1, 3, h, w] and, of some networks, sharp [1, 1, h, w]."""

Tell = Callable[[int, int, str], None]
"""Called before each step of an export: its number from 1 on, how many there are, and what is done in it."""
WEIGHTS_STEPS = 4
"""Of an export of weights to ONNX, as they are told."""


@dataclass(frozen=True)
class Tolerance:
    """Largest and mean difference that is still the same network, in 0..1; of the picture and of the sharp map."""

    bokeh: float
    bokeh_mean: float
    sharp: float
    sharp_mean: float


TOLERANCES = {
    "fp32": Tolerance(1e-3, 1e-4, 1e-3, 1e-4),
    "fp16": Tolerance(0.03, 0.001, 0.1, 0.005),
    "int8": Tolerance(0.25, 0.01, 0.6, 0.05),
}
"""By precision. int8 has to hold on held-out pairs too: see `wideopen.export.formats`."""


@dataclass(frozen=True)
class Agreement:
    """What a comparison found: differences in 0..1 over all photos, and seconds a photo after the first run."""

    bokeh: float
    bokeh_mean: float
    sharp: float
    sharp_mean: float
    seconds: float
    photos: int

    def check(self, what: str, precision: str, picture: bool = True) -> None:
        """ModelError, saying by how much, unless all is within tolerance.

        `picture`: whether the first output is one. A lens head gives a matte: of what that is off by, as of the map
        `sharp`, the drawn picture is off only as far as blur changes the pixel, so it has that map's bound.
        """
        allowed = TOLERANCES[precision]
        if not picture:
            allowed = replace(allowed, bokeh=allowed.sharp, bokeh_mean=allowed.sharp_mean)
        for name in ("bokeh", "bokeh_mean", "sharp", "sharp_mean"):
            found, most = getattr(self, name), getattr(allowed, name)
            if not found <= most:  # nan is over any tolerance
                raise ModelError(
                    f"{what}: not kept, its {name.replace('_', ' ')} differs by {found:.4f} where {most:g} is allowed"
                )


def network_input(photo: NDArray[np.uint8], long_side: int, multiple: int) -> Float32:
    """An HxWx3 photo as the network is shown it: [1, 3, H, W] in 0..1, sides multiples of `multiple`."""
    height, width = photo.shape[:2]
    small = resize(photo, *fit(height, width, long_side)).astype(np.float32) / np.float32(255)
    return np.ascontiguousarray(pad(small, multiple).transpose(2, 0, 1)[None])


def compare(reference: Run, candidate: Run, inputs: Sequence[Float32]) -> Agreement:
    """Run both on every input. ModelError if one gives more outputs, or other sizes, than the other."""
    candidate(inputs[0])  # Loads and compiles what it needs.
    worst, means, seconds = np.zeros(2), np.zeros(2), 0.0
    for photo in inputs:
        start = time.perf_counter()
        found = candidate(photo)
        seconds += time.perf_counter() - start
        wanted = reference(photo)
        if [a.shape for a in found] != [b.shape for b in wanted]:
            raise ModelError(f"the export gives {[a.shape for a in found]}, not {[b.shape for b in wanted]}")
        for number, (a, b) in enumerate(zip(found, wanted, strict=True)):
            gap = np.abs(np.asarray(a, np.float32) - b)
            worst[number] = np.maximum(worst[number], gap.max())  # keeps nan
            means[number] += float(gap.mean(dtype=np.float64)) / len(inputs)
    return Agreement(
        float(worst[0]), float(means[0]), float(worst[1]), float(means[1]), seconds / len(inputs), len(inputs)
    )


def ranges(outputs: Sequence[str]) -> str:
    """What goes into a model and comes out, in words: shapes, ranges, units; s is the model's `scale`."""
    return (
        f"photo [N, 3, H, W] RGB, sRGB-encoded, 0..1 -> {'; '.join(_GIVES[name] for name in outputs if name in _GIVES)}"
    )
