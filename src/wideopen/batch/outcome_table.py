"""What became of each photo, as a table in Parquet: a folder of part files, each written whole as a batch goes on.

Any reader of Parquet takes the folder for one table (`pandas.read_parquet(folder)`). Runs add to it; `run` tells them
apart.
"""

import io
import time
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from wideopen.batch.batch import Outcome
from wideopen.batch.stores import Place, make_place, write
from wideopen.errors import OutputError

PART_ROWS, PART_S = 5000, 60.0
"""A part is written when it has so many rows, or its first is so old."""


def recorded(outcomes: Generator[Outcome, None, None], folder: Place) -> Generator[Outcome, None, None]:
    """Outcomes as they come, each noted in the table; what was noted is written when they end or are given up.

    Raises:
        OutputError: the table cannot be written; at the end, where it could be at the beginning.
        ModuleNotFoundError: no pyarrow.
    """
    import pyarrow  # noqa: F401  Before the work, not after it.

    make_place(folder)
    run = datetime.now(UTC)
    rows, parts, since = list[dict[str, Any]](), 0, time.monotonic()
    trouble: OutputError | None = None

    def flush() -> None:
        nonlocal parts, since, trouble
        try:
            if rows:
                write(folder / f"{run:%Y%m%dT%H%M%S%f}-{parts:05}.parquet", _packed(rows), overwrite=True)
        except OutputError as error:
            trouble = error
        rows.clear()
        parts, since = parts + 1, time.monotonic()

    with closing(outcomes):
        try:
            for outcome in outcomes:
                rows.append(_row(outcome, run))
                if len(rows) >= PART_ROWS or time.monotonic() - since > PART_S:
                    flush()
                yield outcome
        finally:
            flush()
    if trouble is not None:
        raise trouble


def _row(outcome: Outcome, run: datetime) -> dict[str, Any]:
    width, height = outcome.size or (None, None)
    return {
        "run": run,
        "source": str(outcome.job.photo),
        "output": str(outcome.job.output),
        "status": outcome.status,
        "error": outcome.error,
        "notices": list(outcome.notices),
        "width": width,
        "height": height,
        "seconds": outcome.seconds if outcome.size else None,
    }


def _packed(rows: list[dict[str, Any]]) -> bytes:
    import pyarrow as pa
    from pyarrow import parquet

    text = pa.string()
    schema = pa.schema(
        [("run", pa.timestamp("us", "UTC")), ("source", text), ("output", text), ("status", text), ("error", text),
         ("notices", pa.list_(text)), ("width", pa.int32()), ("height", pa.int32()), ("seconds", pa.float64())]
    )  # fmt: skip
    content = io.BytesIO()
    parquet.write_table(pa.Table.from_pylist(rows, schema=schema), content)
    return content.getvalue()
