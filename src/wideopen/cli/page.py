"""`wideopen page`."""

from pathlib import Path
from typing import Annotated

import typer


def page(
    output: Annotated[Path, typer.Argument(help="Folder for the files, made if it is not there; or one file, .html.")],
    model: Annotated[
        Path | None, typer.Option(help="Model file (.onnx) with a lens head; if not given, the one in the package.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Write into a folder that holds anything, or over the file.")
    ] = False,
) -> None:
    """Write the application as files for any web space, where it runs in the browser alone.

    Nothing is sent anywhere: the browser runs model and lens. Look at it with `python -m http.server -d FOLDER`; a
    single file opens from the disk, too.

    Example: wideopen page site

    Example: wideopen page wideopen.html
    """
    from wideopen.web.site import write_one_file, write_site

    if output.suffix == ".html":
        files, page_ = [write_one_file(output, model, overwrite)], output
    else:
        files, page_ = write_site(output, model, overwrite), output / "index.html"
    megabytes = sum(path.stat().st_size for path in files) / 1e6
    typer.echo(f"{page_}  ({len(files)} file{'s' * (len(files) > 1)}, {megabytes:.1f} MB)")
