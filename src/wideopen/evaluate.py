"""How good a model is on pairs it has not seen, measured on what its user gets: a rendered photo at full size.

Every figure comes twice: for the rendered photo, and for the photo left as it is. A bokeh target differs from its photo
only where it is blurred, so "output = input" scores high and a figure alone says little.
"""

import csv
import io
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen.augment import SHAPE_TOLERANCE
from wideopen.errors import PairsError
from wideopen.metrics import chroma_shift, psnr, psnr_gain_matched, ssim_gaussian11
from wideopen.options import RenderOptions
from wideopen.output import write_output
from wideopen.pairs import Pair, load_image, load_map
from wideopen.render import Renderer

Picture = NDArray[np.uint8]
Float = NDArray[np.float32]
RESAMPLES = 10_000


class Renders(Protocol):
    """Anything that makes a bokeh photo of a photo: HxWx3 RGB uint8 in and out, same size."""

    def render(self, image: Picture, /) -> Picture: ...


@dataclass(frozen=True)
class Scores:
    """One picture against the target; see `wideopen.metrics` for each. dB, but for ssim and chroma."""

    psnr: float
    psnr_gain_matched: float
    ssim_gaussian11: float
    chroma_shift: float
    """Against the target."""
    chroma_shift_from_photo: float
    """Against the photo: how far the model moves colours."""
    psnr_inside: float | None = None
    """PSNR weighted by the subject's matte; None without one (or with an empty one)."""
    psnr_outside: float | None = None
    """PSNR weighted by 1 - matte."""


METRICS = tuple(field.name for field in fields(Scores))


@dataclass(frozen=True)
class PairScores:
    """One pair's row."""

    name: str
    width: int
    height: int
    seconds: float
    """What rendering took."""
    ours: Scores
    photo: Scores
    """"Output = input"."""


@dataclass(frozen=True)
class EvaluationReport:
    """Rows of an evaluation and what they come to."""

    model: str
    pairs: tuple[PairScores, ...]

    def means(self) -> dict[str, dict[str, float | None]]:
        """{"ours" and "photo": {metric: mean over the pairs that have it, None if none has}}."""
        return {which: {name: self._mean(which, name) for name in METRICS} for which in ("ours", "photo")}

    @property
    def psnr_gain(self) -> float:
        """Mean of PSNR - PSNR of "output = input", in dB."""
        return float(self._gains().mean())

    @property
    def psnr_gain_interval(self) -> tuple[float, float]:
        """95 % bootstrap interval of the mean gain: percentiles of 10,000 resamples of the pairs, seed 0."""
        gains, rng = self._gains(), np.random.default_rng(0)
        # A hundred at a time: all at once would take 80 kB a pair.
        means = [gains[rng.integers(len(gains), size=(100, len(gains)))].mean(axis=1) for _ in range(RESAMPLES // 100)]
        low, high = np.percentile(np.concatenate(means), (2.5, 97.5))
        return float(low), float(high)

    def as_dict(self) -> dict[str, Any]:
        """Plain values: model, number of pairs, means, gain with its interval, rows."""
        return {
            "model": self.model,
            "count": len(self.pairs),
            "means": self.means(),
            "psnr_gain": self.psnr_gain,
            "psnr_gain_interval_95": list(self.psnr_gain_interval),
            "pairs": [asdict(row) for row in self.pairs],
        }

    def to_json(self) -> str:
        """`as_dict` as text."""
        return json.dumps(self.as_dict(), indent=1, allow_nan=False) + "\n"

    def to_csv(self) -> str:
        """One line a pair: name, width, height, seconds, ours_METRIC ..., photo_METRIC ...; empty where not known."""
        text = io.StringIO()
        write = csv.writer(text, lineterminator="\n")
        write.writerow(
            ["name", "width", "height", "seconds", *(f"{who}_{name}" for who in ("ours", "photo") for name in METRICS)]
        )
        for row in self.pairs:
            values = [getattr(scores, name) for scores in (row.ours, row.photo) for name in METRICS]
            write.writerow([row.name, row.width, row.height, row.seconds, *values])
        return text.getvalue()

    def write(self, path: Path, overwrite: bool = False) -> None:
        """Write the CSV if the file is called .csv, else the JSON; OutputError as `write_output`."""
        write_output(path, self.to_csv() if path.suffix.lower() == ".csv" else self.to_json(), overwrite)

    def _gains(self) -> NDArray[np.float64]:
        return np.array([row.ours.psnr - row.photo.psnr for row in self.pairs])

    def _mean(self, which: str, name: str) -> float | None:
        values = [getattr(getattr(row, which), name) for row in self.pairs]
        known = [value for value in values if value is not None]
        return float(np.mean(known)) if known else None


def evaluate(
    pairs: Sequence[Pair],
    renderer: Renders | Path | None = None,
    *,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> EvaluationReport:
    """Render the photo of every pair and compare it, and the photo itself, with the target.

    Args:
        pairs: what `find_pairs` gives; held out from training, if the figures are to mean anything.
        renderer: what renders, or a model file; the model in the package if None.
        limit: use the first so many pairs.
        progress: called with (pairs done, pairs in all).

    Raises:
        PairsError: no pairs, a picture that cannot be read, a target of another shape than its photo.
        ModelError: the model cannot be used.
    """
    chosen = list(pairs if limit is None else pairs[:limit])
    if not chosen:
        raise PairsError("no pairs to evaluate on; check the folder and the limit")
    made, name = _prepare(renderer)
    rows = []
    for done, pair in enumerate(chosen):
        progress(done, len(chosen))
        rows.append(score_pair(pair, made))
    progress(len(chosen), len(chosen))
    return EvaluationReport(name, tuple(rows))


def _prepare(renderer: Renders | Path | None) -> tuple[Renders, str]:
    """What renders, ready to go, and what to call it."""
    if renderer is not None and not isinstance(renderer, Path):
        return renderer, type(renderer).__name__
    made = Renderer(RenderOptions(model=renderer))
    # Loads the model now, so that a bad one is known at once and the first photo's time is the photo's.
    shipped = f"shipped model {made.engine.metadata.name}"
    return made, shipped if renderer is None else str(renderer)


def score_pair(pair: Pair, renderer: Renders) -> PairScores:
    """One pair's row. Everything is compared at the photo's size; a target of another size is resized to it."""
    photo = load_image(pair.original)
    height, width = photo.shape[:2]
    target = load_image(pair.bokeh)
    rows, columns = target.shape[:2]
    if abs(height * columns / (width * rows) - 1) > SHAPE_TOLERANCE:
        raise PairsError(f"{pair.bokeh}: {columns}x{rows} px, but its photo is {width}x{height}; exclude the pair")
    if min(height, width) < 11:
        raise PairsError(f"{pair.original}: {width}x{height} px is too small to evaluate on; exclude the pair")
    matte = _resize(_unit(load_map(pair.matte)), width, height) if pair.matte is not None else None
    start = time.perf_counter()
    ours = renderer.render(photo)
    seconds = time.perf_counter() - start
    wanted = _resize(_unit(target), width, height)
    return PairScores(
        pair.name,
        width,
        height,
        round(seconds, 3),
        *(score(_unit(image), wanted, _unit(photo), matte) for image in (ours, photo)),
    )


def score(image: Float, target: Float, photo: Float, matte: Float | None = None) -> Scores:
    """All metrics of one picture: HxWx3 sRGB-encoded in 0..1, matte HxW in 0..1."""
    inside = outside = None
    if matte is not None:
        inside, outside = (_known(psnr(image, target, weights)) for weights in (matte, 1 - matte))
    return Scores(
        psnr(image, target),
        psnr_gain_matched(image, target),
        ssim_gaussian11(image, target),
        chroma_shift(image, target),
        chroma_shift(image, photo),
        inside,
        outside,
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else value


def _unit(picture: Picture) -> Float:
    return picture.astype(np.float32) / np.float32(255)


def _resize(image: Float, width: int, height: int) -> Float:
    if image.shape[:2] == (height, width):
        return image
    shrinks = image.shape[1] > width
    kind = cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC
    return np.clip(cv2.resize(image, (width, height), interpolation=kind), 0, 1)
