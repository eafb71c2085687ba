"""How good models are on pairs they have not seen, measured on what their user gets: a rendered photo at full size.

Every figure comes twice: for the rendered photo, and for the photo left as it is. A bokeh target differs from its photo
only where it is blurred, so "output = input" scores high and a figure alone says little.

    pairs/pairs.py -> evaluation/contenders.py -> evaluation/protocol.py -> evaluation/scores.py ->
    evaluation/results.py -> evaluation/report_page.py
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from wideopen._types import Float32, Uint8
from wideopen.errors import PairsError
from wideopen.evaluation.contenders import Contender, Model, Renders, open_model, timed
from wideopen.evaluation.protocol import Protocol, to_size
from wideopen.evaluation.results import EvaluationReport, PairScores
from wideopen.evaluation.scores import Measure, Scores
from wideopen.pairs.augment import check_shape
from wideopen.pairs.pairs import Pair, load_image, load_map

Progress = Callable[[int, int], None]


@dataclass(frozen=True, eq=False)
class Loaded:
    """A pair read and checked, everything at the photo's size."""

    photo: Uint8
    target: Float32
    matte: Float32 | None


def evaluate(
    pairs: Sequence[Pair],
    renderer: Renders | Path | None = None,
    *,
    limit: int | None = None,
    protocol: Protocol | None = None,
    measure: Measure | None = None,
    progress: Progress = lambda done, total: None,
) -> EvaluationReport:
    """Render the photo of every pair and compare it, and the photo itself, with the target.

    Args:
        pairs: what `find_pairs` gives; held out from training, if the figures are to mean anything.
        renderer: what renders, or a model file; the model in the package if None.
        limit: use the first so many pairs.
        protocol: sizes and borders; our own if None.
        measure: what else is measured; what needs no weights if None.
        progress: called with (pairs done, pairs in all).

    Raises:
        PairsError: no pairs, a picture that cannot be read, a target of another shape than its photo.
        ModelError: the model cannot be used.
    """
    if renderer is None or isinstance(renderer, Path):
        contender = open_model(renderer)
    else:
        contender = Model(type(renderer).__name__, renderer)
    chosen = pairs if limit is None else pairs[:limit]
    return evaluate_all(chosen, [contender], protocol, measure, progress)[0]


def evaluate_all(
    pairs: Sequence[Pair],
    contenders: Sequence[Contender],
    protocol: Protocol | None = None,
    measure: Measure | None = None,
    progress: Progress = lambda done, total: None,
    known: dict[str, list[PairScores]] | None = None,
    keep: Callable[[list[PairScores]], None] = lambda rows: None,
) -> list[EvaluationReport]:
    """A report for every contender, all of the same pairs; arguments and errors as `evaluate`.

    `known` are rows of an evaluation that was cut short, by pair; `keep` gets each new pair's, to be written down.
    """
    protocol, measure, known = protocol or Protocol(), measure or Measure(), known or {}
    if not pairs:
        raise PairsError("no pairs to evaluate on; check the folder and the limit")
    rows = []
    for done, pair in enumerate(pairs):
        progress(done, len(pairs))
        found = known.get(pair.name)
        if found is None:
            found = score_pair(pair, contenders, protocol, measure)
            keep(found)
        rows.append(found)
    progress(len(pairs), len(pairs))
    settings = {"protocol": protocol.name, **measure.settings}
    return [
        EvaluationReport(contender.name, tuple(row[number] for row in rows), settings)
        for number, contender in enumerate(contenders)
    ]


def score_pair(
    pair: Pair, contenders: Sequence[Contender], protocol: Protocol | None = None, measure: Measure | None = None
) -> list[PairScores]:
    """One pair's row for every contender. Everything is compared at the photo's size, less the protocol's border."""
    how, what = protocol or Protocol(), measure or Measure()
    loaded = load_pair(pair, how)
    height, width = loaded.photo.shape[:2]
    target, before = how.crop(loaded.target), how.crop(unit(loaded.photo))
    matte = None if loaded.matte is None else how.crop(loaded.matte)

    def scores(image: Uint8) -> Scores:
        return what.score(how.crop(to_size(unit(image), width, height)), target, before, matte)

    left_alone = scores(how.show(loaded.photo, lambda photo: photo))
    rows = []
    for contender in contenders:
        made, seconds = timed(contender, pair, loaded.photo, how)
        check_shape(made, loaded.photo, f"{contender.name}, pair {pair.name}")
        rows.append(PairScores(pair.name, width, height, seconds, scores(made), left_alone))
    return rows


def load_pair(pair: Pair, protocol: Protocol | None = None) -> Loaded:
    """Read a pair and check that it can be evaluated on; PairsError names the file."""
    photo, target = load_image(pair.original), load_image(pair.bokeh)
    check_shape(target, photo, str(pair.bokeh))
    height, width = photo.shape[:2]
    if min(height, width) - 2 * (protocol or Protocol()).border < 11:
        raise PairsError(f"{pair.original}: {width}x{height} px is too small to evaluate on; exclude the pair")
    matte = None if pair.matte is None else to_size(unit(load_map(pair.matte)), width, height)
    return Loaded(photo, to_size(unit(target), width, height), matte)


def unit(picture: Uint8) -> Float32:
    """8-bit values as float32 in 0..1."""
    return picture.astype(np.float32) / np.float32(255)
