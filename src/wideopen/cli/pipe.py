"""`-` for a photo or its result: standard input and output."""

import os
import sys
from pathlib import Path

import typer

from wideopen.cli.options_of import hold_threads
from wideopen.cli.text import complain
from wideopen.errors import OutputError
from wideopen.options import RenderOptions


def pipe(photo: str, output: str | None, options: RenderOptions, suffix: str | None, overwrite: bool) -> None:
    """Render one photo, from standard input, to standard output, or both.

    Args:
        photo: path, or `-`.
        output: path, or `-`; standard output if None.
        suffix: of the format on standard output; the photo's own format if None.

    Raises:
        WideopenError: one line.
        typer.BadParameter: a terminal where a photo should be.
    """
    if photo == "-" and sys.stdin.isatty():
        raise typer.BadParameter("- reads the photo from standard input, which is a terminal; use < photo.jpg")
    to_stdout = output is None or output == "-"
    if to_stdout and sys.stdout.isatty():
        raise typer.BadParameter("the photo would go to the terminal; use > out.jpg, or -o FILE")
    from wideopen.photo.files import output_format, read_bytes, save, to_bytes
    from wideopen.render.destinations import check_outputs
    from wideopen.render.inputs import result_format
    from wideopen.render.renderer import Renderer

    if not to_stdout:
        check_outputs(Path(str(output)), overwrite)
    hold_threads(options)
    data = sys.stdin.buffer.read() if photo == "-" else read_bytes(Path(photo))
    done = Renderer(options).render_bytes(data, "standard input" if photo == "-" else photo)
    format = result_format(done.result) if suffix is None else output_format(Path("x" + suffix))
    for notice in done.notices(format if to_stdout else output_format(Path(str(output)))):
        complain(f"{'standard input' if photo == '-' else photo}: {notice}")
    if to_stdout:
        _to_stdout(to_bytes(done.result, format, "standard output", options.quality))
    else:
        save(done.result, Path(str(output)), options.quality, overwrite)


def _to_stdout(data: bytes) -> None:
    """Past Python's buffer, which would try again, and fail again, at exit."""
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(sys.stdout.fileno(), left) :]
    except OSError as error:
        raise OutputError(f"standard output: cannot be written ({error.strerror})") from error
