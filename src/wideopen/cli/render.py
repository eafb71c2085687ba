"""`wideopen render`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from wideopen.cli.options_of import build, takes
from wideopen.errors import OutputError, WideopenError
from wideopen.options import RenderOptions

MANY = 12
"""So many photos are worth an engine that is slow to start and fast to run."""


@takes(RenderOptions)
def render(
    photos: Annotated[list[Path], typer.Argument(metavar="PHOTO...", help="Photos to render.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="File or folder to write; if not given, NAME-bokeh beside each photo."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace results that are there.")] = False,
    save_depth: Annotated[
        Path | None,
        typer.Option(help="Write the depth map in use there (.png, .tif, .exr, .npy).", rich_help_panel="Depth"),
    ] = None,
    show_depth: Annotated[
        Path | None,
        typer.Option(help="Write a picture of it there, with what is in focus marked.", rich_help_panel="Depth"),
    ] = None,
    **values: Any,
) -> None:
    """Give photos the soft background of a fast lens wide open.

    Without a depth map the network does it. With one (yours, the phone's in the photo, or an estimated one) a lens
    does: f-number, focus and the shape of the aperture are in your hand.

    Exit code 0 if all are done, 1 if some failed, 2 if nothing could be done.

    Example: wideopen render photo.jpg -o soft.jpg

    Example: wideopen render photo.jpg --depth depth.png --focus 0.4,0.6 --aperture 1.4 --blades 7
    """
    options = build(RenderOptions, values)
    if len(photos) > 1 and (save_depth or show_depth):
        raise typer.BadParameter("--save-depth and --show-depth are for one photo")
    from wideopen.render import Renderer, output_path

    if output is not None and len(photos) > 1 and not output.is_dir():
        if output.exists() or output.suffix:
            raise typer.BadParameter(f"{output} is not a folder; several photos need one", param_hint="--output")
        try:
            output.mkdir(parents=True)
        except OSError as error:
            raise OutputError(f"{output}: cannot be made ({error.strerror}); choose another folder") from error
    renderer = Renderer(options, len(photos) >= MANY, lambda line: typer.echo(f"wideopen: {line}", err=True))
    failed = 0
    for photo in photos:
        try:
            written = renderer.render_file(photo, output_path(photo, output), overwrite, save_depth, show_depth)
        except WideopenError as error:
            if len(photos) == 1:
                raise
            failed += 1
            typer.echo(f"wideopen: {error}", err=True)
        else:
            typer.echo(str(written))
    if failed:
        raise typer.Exit(1)
