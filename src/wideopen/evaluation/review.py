"""A whole report in a folder, which goes on where it was cut short.

REPORT/report.html   for reading, needs nothing else
REPORT/report.json   everything      REPORT/pairs.csv   a row a pair
REPORT/rows.jsonl    the rows as they are found: what a run that was killed goes on from
"""

import json
import os
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from wideopen._version import __version__
from wideopen.atomic_write import write_output
from wideopen.errors import OutputError, PairsError
from wideopen.evaluation.contenders import Contender
from wideopen.evaluation.evaluate import evaluate_all
from wideopen.evaluation.protocol import Protocol
from wideopen.evaluation.report_page import report_page
from wideopen.evaluation.results import EvaluationReport, PairScores, table, to_json
from wideopen.evaluation.scores import Measure, Scores
from wideopen.pairs.pairs import Pair

FILES = ("report.html", "report.json", "pairs.csv")
"""In the order they are written; the last one says that a report is finished."""
ROWS = "rows.jsonl"


def review(
    pairs: Sequence[Pair],
    contenders: Sequence[Contender],
    folder: Path,
    *,
    protocol: Protocol | None = None,
    measure: Measure | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[EvaluationReport]:
    """Evaluate into a folder. One with rows of the same evaluation is gone on with, in the end to the same report.

    Raises:
        OutputError: the folder holds a finished report, or rows of other pairs, models or settings, and is not to be
            overwritten; or it cannot be written.
        PairsError, ModelError: as `wideopen.evaluation.evaluate.evaluate`. Rows found until then are kept.
    """
    protocol, measure = protocol or Protocol(), measure or Measure()
    check_folder(folder, overwrite)
    heading = _heading(pairs, contenders, protocol, measure)
    rows_file = folder / ROWS
    try:
        folder.mkdir(exist_ok=True)
        if overwrite:
            for name in (*FILES, ROWS):
                (folder / name).unlink(missing_ok=True)
        known = _read_rows(rows_file, heading)
        with rows_file.open("a", encoding="utf-8") as file:
            if rows_file.stat().st_size == 0:
                _append(file, heading)
            reports = evaluate_all(
                pairs, contenders, protocol, measure, progress, known,
                lambda rows: _append(file, [asdict(row) for row in rows]),
            )  # fmt: skip
    except OSError as error:
        reason = error.strerror or error
        raise OutputError(f"{folder}: cannot be written ({reason}); free some space or choose another") from error
    page = report_page(reports, pairs, contenders, protocol)
    for name, text in zip(FILES, (page, to_json(reports), table(reports)), strict=True):
        write_output(folder / name, text, overwrite=True)
    return reports


def check_folder(folder: Path, overwrite: bool) -> None:
    """OutputError if a report cannot go there."""
    if folder.exists() and not folder.is_dir():
        raise OutputError(f"{folder}: is a file; give a folder, or a name that ends in .html, .json or .csv")
    if not folder.absolute().parent.is_dir():
        raise OutputError(f"{folder}: no folder {folder.parent}; make it first")
    if overwrite:
        return
    if (folder / FILES[-1]).exists() and (folder / ROWS).exists():
        raise OutputError(f"{folder}: holds a finished report; choose another folder or overwrite it (overwrite=True)")
    taken = next((name for name in FILES if (folder / name).exists()), None)
    if taken is not None and not (folder / ROWS).exists():
        raise OutputError(f"{folder / taken}: exists already; choose another folder or overwrite it (overwrite=True)")


def _heading(pairs: Sequence[Pair], contenders: Sequence[Contender], protocol: Protocol, measure: Measure) -> Any:
    """What has to be the same for rows to be of the same evaluation."""
    values = {
        "wideopen": __version__,
        "pairs": [[pair.name, *map(_file, (pair.original, pair.bokeh, pair.matte))] for pair in pairs],
        "contenders": [[contender.name, contender.identity] for contender in contenders],
        "protocol": protocol.name,
        "measure": [measure.settings, measure.vgg is not None, measure.lpips is not None],
    }
    return json.loads(json.dumps(values))


def _file(path: Path | None) -> list[Any] | None:
    """A file and what changes when it is replaced."""
    if path is None:
        return None
    try:
        found = path.stat()
    except OSError as error:
        raise PairsError(f"{path}: cannot read this picture ({error.strerror}); exclude the pair") from error
    return [str(path), found.st_size, found.st_mtime_ns]


def _read_rows(path: Path, heading: Any) -> dict[str, list[PairScores]]:
    """Rows of an evaluation that was cut short; a last line that was cut is taken off the file."""
    if not path.exists():
        return {}
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        os.truncate(path, len(whole))
    if not whole:
        return {}
    try:
        first, *rows = [json.loads(line) for line in whole.decode("utf-8").splitlines()]
        found = [[_row(values) for values in row] for row in rows] if first == heading else None
    except (ValueError, TypeError, KeyError) as error:
        raise OutputError(f"{path}: is damaged; delete it, or start again (overwrite=True)") from error
    if found is None:
        raise OutputError(
            f"{path}: is of other pairs, models or settings; choose another folder or start again (overwrite=True)"
        )
    return {row[0].name: row for row in found}


def _row(values: dict[str, Any]) -> PairScores:
    return PairScores(**{**values, "ours": Scores(**values["ours"]), "photo": Scores(**values["photo"])})


def _append(file: Any, values: Any) -> None:
    file.write(json.dumps(values) + "\n")
    file.flush()
    os.fsync(file.fileno())
