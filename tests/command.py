"""The command line in this process, for tests that need no process of their own."""

import contextlib
import io
import sys
from typing import NamedTuple
from unittest import mock

from wideopen.cli import main


class Ran(NamedTuple):
    code: int
    out: str
    error: str


def call(*arguments: object) -> Ran:
    """Run `wideopen` with these arguments; its exit code and what it said."""
    out, error = io.StringIO(), io.StringIO()
    code = 0
    plain = {"NO_COLOR": "1", "COLUMNS": "160", "TERM": "dumb"}
    with (
        mock.patch.object(sys, "argv", ["wideopen", *map(str, arguments)]),
        mock.patch.dict("os.environ", plain),
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(error),
    ):
        try:
            main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
    return Ran(code, out.getvalue(), error.getvalue())
