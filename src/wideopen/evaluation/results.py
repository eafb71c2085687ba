"""What an evaluation came to: rows, means with their intervals, paired differences, as CSV and JSON."""

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from wideopen._types import Float64
from wideopen.evaluation.scores import LESS_IS_BETTER, METRICS, Scores

RESAMPLES = 10_000


@dataclass(frozen=True)
class PairScores:
    """One pair's row."""

    name: str
    width: int
    height: int
    seconds: float | None
    """What rendering took; None of pictures that another program made."""
    ours: Scores
    photo: Scores
    """"Output = input"."""


@dataclass(frozen=True)
class EvaluationReport:
    """Rows of an evaluation and what they come to."""

    model: str
    pairs: tuple[PairScores, ...]
    settings: dict[str, Any] = field(default_factory=dict)
    """Protocol, margin of the matte, what is said of LPIPS: plain values."""

    def values(self, which: str, name: str) -> Float64:
        """A metric of every pair, of "ours" or "photo"; nan where it is not known."""
        found = [getattr(getattr(row, which), name) for row in self.pairs]
        return np.array([np.nan if value is None else value for value in found], np.float64)

    def means(self) -> dict[str, dict[str, float | None]]:
        """{"ours" and "photo": {metric: mean over the pairs that have it, None if none has}}."""
        return {which: {name: _mean(self.values(which, name)) for name in METRICS} for which in ("ours", "photo")}

    def intervals(self) -> dict[str, dict[str, list[float] | None]]:
        """95 % bootstrap intervals of `means`."""
        found: dict[str, dict[str, list[float] | None]] = {}
        for which in ("ours", "photo"):
            known = {name: _known(self.values(which, name)) for name in METRICS}
            found[which] = {name: list(bootstrap_interval(v)) if v.size else None for name, v in known.items()}
        return found

    @property
    def psnr_gain(self) -> float:
        """Mean of PSNR - PSNR of "output = input", in dB."""
        return float(self._gains().mean())

    @property
    def psnr_gain_interval(self) -> tuple[float, float]:
        """95 % bootstrap interval of the mean gain; see `bootstrap_interval`."""
        return bootstrap_interval(self._gains())

    @property
    def seconds(self) -> float | None:
        """Mean of what rendering took; None of pictures that another program made."""
        known = [row.seconds for row in self.pairs if row.seconds is not None]
        return float(np.mean(known)) if known else None

    def as_dict(self) -> dict[str, Any]:
        """Plain values: model, number of pairs, settings, means, intervals, gain, rows."""
        return {
            "model": self.model,
            "count": len(self.pairs),
            "settings": self.settings,
            "means": self.means(),
            "intervals_95": self.intervals(),
            "psnr_gain": self.psnr_gain,
            "psnr_gain_interval_95": list(self.psnr_gain_interval),
            "pairs": [asdict(row) for row in self.pairs],
        }

    def _gains(self) -> Float64:
        return self.values("ours", "psnr") - self.values("photo", "psnr")


@dataclass(frozen=True)
class Difference:
    """One metric of one report less that of the first, pair by pair."""

    model: str
    metric: str
    mean: float
    low: float
    high: float
    """95 % bootstrap interval of the mean: one that holds 0 says that the two may be alike."""
    better: float
    """Share of pairs on which it is better than the first."""
    count: int


def differences(reports: Sequence[EvaluationReport]) -> list[Difference]:
    """Every metric of every report after the first against the first; all must be of the same pairs in order."""
    found = []
    for report in reports[1:]:
        for name in METRICS:
            values = _known(report.values("ours", name) - reports[0].values("ours", name))
            if values.size:
                wins = float(np.mean(values < 0 if name in LESS_IS_BETTER else values > 0))
                interval = bootstrap_interval(values)
                found.append(Difference(report.model, name, float(values.mean()), *interval, wins, values.size))
    return found


def bootstrap_interval(values: Float64) -> tuple[float, float]:
    """95 % bootstrap interval of the mean: percentiles of 10,000 resamples, seed 0."""
    rng = np.random.default_rng(0)
    # A hundred at a time: all at once would take 80 kB a pair.
    means = [values[rng.integers(len(values), size=(100, len(values)))].mean(axis=1) for _ in range(RESAMPLES // 100)]
    low, high = np.percentile(np.concatenate(means), (2.5, 97.5))
    return float(low), float(high)


def table(reports: Sequence[EvaluationReport]) -> str:
    """CSV, one line a pair: name, width, height, seconds, ours_METRIC ..., photo_METRIC ...; empty where not known. Of
    several reports with MODEL_seconds and MODEL_METRIC."""
    names = ["ours"] if len(reports) == 1 else [report.model for report in reports]
    seconds = ["seconds"] if len(reports) == 1 else [f"{name}_seconds" for name in names]
    text = io.StringIO()
    write = csv.writer(text, lineterminator="\n")
    write.writerow(
        ["name", "width", "height", *seconds, *(f"{name}_{metric}" for name in (*names, "photo") for metric in METRICS)]
    )
    for rows in zip(*(report.pairs for report in reports), strict=True):
        scores = (*(row.ours for row in rows), rows[0].photo)
        values = [getattr(score, metric) for score in scores for metric in METRICS]
        write.writerow([rows[0].name, rows[0].width, rows[0].height, *(row.seconds for row in rows), *values])
    return text.getvalue()


def to_json(reports: Sequence[EvaluationReport]) -> str:
    """JSON: of one report its `as_dict`; of several {"reports": [...], "differences": [...]}."""
    values = reports[0].as_dict()
    if len(reports) > 1:
        found = [asdict(difference) for difference in differences(reports)]
        values = {"reports": [report.as_dict() for report in reports], "differences": found}
    return json.dumps(values, indent=1, allow_nan=False) + "\n"


def _known(values: Float64) -> Float64:
    return values[~np.isnan(values)]


def _mean(values: Float64) -> float | None:
    known = _known(values)
    return float(np.mean(known)) if known.size else None
