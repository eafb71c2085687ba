"""`wideopen render`."""

from dataclasses import fields
from pathlib import Path
from typing import Annotated

import typer

from wideopen.errors import OutputError, WideopenError
from wideopen.options import RenderOptions

_HELP = {field.name: field.metadata["help"] for field in fields(RenderOptions)}


def render(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Photos to render.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File or folder to write; if not given, NAME-bokeh beside each photo."),
    ] = None,
    model: Annotated[Path | None, typer.Option(help=_HELP["model"])] = None,
    working_side: Annotated[int | None, typer.Option(help=_HELP["working_side"])] = None,
    threads: Annotated[int | None, typer.Option(help=_HELP["threads"])] = None,
    quality: Annotated[int | None, typer.Option(help=_HELP["quality"])] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that are there.")] = False,
) -> None:
    """Give photos the soft background of a fast lens wide open.

    Exit code 0 if all are done, 1 if some failed, 2 if nothing could be done.

    Example: wideopen render photo.jpg -o soft.jpg
    """
    try:
        options = RenderOptions(model=model, working_side=working_side, threads=threads, quality=quality)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    from wideopen.render import Renderer, output_path

    if output is not None and len(photos) > 1 and not output.is_dir():
        if output.exists() or output.suffix:
            raise typer.BadParameter(f"{output} is not a folder; several photos need one", param_hint="--output")
        try:
            output.mkdir(parents=True)
        except OSError as error:
            raise OutputError(f"{output}: cannot be made ({error.strerror}); choose another folder") from error
    renderer = Renderer(options)
    failed = 0
    for photo in photos:
        try:
            written = renderer.render_file(photo, output_path(photo, output), overwrite=overwrite)
        except WideopenError as error:
            if len(photos) == 1:
                raise
            failed += 1
            typer.echo(f"wideopen: {error}", err=True)
        else:
            typer.echo(str(written))
    if failed:
        raise typer.Exit(1)
