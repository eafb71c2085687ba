"""`-` for a photo or its result: standard input and output."""

import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from wideopen.cli.options_of import hold_threads
from wideopen.cli.text import complain
from wideopen.errors import ModelError, OutputError, WideopenError
from wideopen.options import RenderOptions

if TYPE_CHECKING:
    from wideopen.render.renderer import Renderer

Make = Callable[["Renderer", bytes, str], tuple[bytes, Sequence[str]]]


def pipe(photo: str, output: str | None, options: RenderOptions, make: Make, overwrite: bool) -> int:
    """Make something of one photo, from standard input, to standard output, or both; the exit code.

    Args:
        photo: path, or `-`.
        output: path, or `-`; standard output if None.
        make: a renderer, the photo's bytes and its name -> the result's bytes, and what a person should know.

    Raises:
        OutputError: the result cannot go where it is to go.
        ModelError: the model cannot be loaded.
        typer.BadParameter: a terminal where a photo should be.
    """
    from wideopen.atomic_write import check_output, write_output
    from wideopen.photo.files import read_bytes
    from wideopen.render.renderer import Renderer

    target = None if output is None or output == "-" else Path(output)
    if target is not None:
        check_output(target, overwrite=True)
    if photo == "-" and sys.stdin.isatty():
        raise typer.BadParameter("- reads the photo from standard input, which is a terminal; use < photo.jpg")
    if target is None and sys.stdout.isatty():
        raise typer.BadParameter("the result would go to the terminal; use > out.jpg, or -o FILE")
    name = "standard input" if photo == "-" else photo
    try:
        if target is not None:
            check_output(target, overwrite)
        hold_threads(options)
        data = sys.stdin.buffer.read() if photo == "-" else read_bytes(Path(photo))
        made, notices = make(Renderer(options), data, name)
        for notice in notices:
            complain(f"{name}: {notice}")
        if target is None:
            _to_stdout(made)
        else:
            write_output(target, made, overwrite)
    except ModelError:
        raise
    except WideopenError as error:
        complain(error)
        return 1
    return 0


def _to_stdout(data: bytes) -> None:
    """Past Python's buffer, which would try again, and fail again, at exit."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(sys.stdout.fileno(), left) :]
    except OSError as error:
        raise OutputError(f"standard output: cannot be written ({error.strerror})") from error
