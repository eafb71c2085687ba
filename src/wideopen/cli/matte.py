"""`wideopen matte`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wideopen.cli.options_of import build, hold_threads, takes
from wideopen.cli.shared_options import (
    AsJson,
    DryRun,
    MatteBits,
    Output,
    Photos,
    Quiet,
    Recursive,
    check_bits,
    named,
    suffix_of,
)  # fmt: skip
from wideopen.cli.text import complain
from wideopen.options import RESULTS, BatchOptions, RenderOptions

if TYPE_CHECKING:
    from wideopen.batch.discover import Product
    from wideopen.render.renderer import Renderer

USED = {"model", "working_side", "engine", "precision", "threads", "matte", "invert_matte", "best", "depth",
        "depth_model", "depth_kind", "depth_unit", "invert", "strokes", "also", "focus", "overwrite", "skip_existing",
        "in_flight"}  # fmt: skip
"""Fields of the options that have a say in what is where."""


@takes(BatchOptions, RenderOptions, only=USED)
def matte(
    photos: Photos,
    output: Output = None,
    name: Annotated[str | None, named("mattes", "matte")] = None,
    format: Annotated[
        str | None,
        typer.Option(metavar="FORMAT", rich_help_panel=RESULTS, help="png, tif, pfm, exr or npy; png if not given."),
    ] = None,
    matte_bits: MatteBits = 16,
    with_depth: Annotated[
        bool,
        typer.Option(
            "--with-depth",
            rich_help_panel=RESULTS,
            help="Also write the depth map in use, or the network's, as NAME-depth, in the same format.",
        ),
    ] = False,
    recursive: Recursive = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
    **values: Any,
) -> None:
    """Write the mattes of photos, for other programs: how much of each pixel is the subject's, and nothing else.

    A matte has the photo's size and its edges: 16 or 8 bits in a PNG, numbers in [0, 1] in a TIFF, PFM, EXR or .npy
    file. It is the one that `wideopen render` goes by, from wherever --matte says.

    Exit codes and what is there already: as of `wideopen render`.

    Example: `wideopen matte photo.jpg`

    Example: `wideopen matte holiday -r -o mattes --skip-existing --best`

    Example: `wideopen matte photo.jpg --format tif --with-depth`

    Example: `wideopen matte - --matte-bits 8 < photo.jpg > matte.png`
    """
    from wideopen.scene.matte_file import matte_suffix

    how, options = build(BatchOptions, values), build(RenderOptions, values)
    if options.matte == "none":
        raise typer.BadParameter("none leaves no matte to write", param_hint="--matte")
    product, suffix = _product(check_bits(matte_bits), with_depth), suffix_of(format, matte_suffix)
    if "-" in (*photos, output):
        if len(photos) > 1 or any((recursive, name, as_json, dry_run, with_depth)):
            raise typer.BadParameter("- is for one photo, and its matte only")
        raise typer.Exit(_pipe(photos[0], output, options, suffix, product, how.overwrite))
    from wideopen.batch.batch import make_renderer, render_batch
    from wideopen.batch.stores import is_url
    from wideopen.cli.many import Stop, follow, foretell, make_jobs
    from wideopen.cli.report import Report

    if any(map(is_url, photos if output is None else [output])):
        raise typer.BadParameter("mattes are written on this machine; name a folder with -o", param_hint="--output")
    jobs = make_jobs(photos, output, name, suffix, recursive, dry_run, product)
    if dry_run:
        raise typer.Exit(foretell(jobs, how, as_json, photos if output is None else [output]))
    renderer = make_renderer(options, len(jobs), how.in_flight)
    try:
        renderer.check()
    except ValueError as error:
        complain(error)
        raise typer.Exit(2) from error
    hold_threads(options)
    stop = Stop()
    raise typer.Exit(follow(render_batch(renderer, jobs, how, hold=stop.hold), Report(len(jobs), as_json, quiet), stop))


def _product(bits: int, with_depth: bool) -> "Product":
    """Mattes, and depth maps beside them."""
    from wideopen.batch.discover import Product
    from wideopen.render.side_files import SideFiles
    from wideopen.scene.matte_file import matte_suffix

    def files(output: Path) -> SideFiles:
        depth = output.with_name(f"{output.stem.removesuffix('-matte')}-depth{output.suffix}") if with_depth else None
        return SideFiles(save_matte=output, save_depth=depth, matte_bits=bits)

    return Product("{stem}-matte{suffix}", "{stem}{suffix}", ".png", matte_suffix, files)


def _pipe(
    photo: str, output: str | None, options: RenderOptions, suffix: str | None, product: "Product", overwrite: bool
) -> int:
    from wideopen.cli.pipe import pipe
    from wideopen.render.seeing import see

    target = Path(f"matte{suffix or product.suffix}") if output in (None, "-") else Path(str(output))
    product.check(target)

    def make(renderer: "Renderer", data: bytes, name: str) -> tuple[bytes, tuple[str, ...]]:
        files, done = product.files(target).files(renderer.sources, see(renderer.sources, data, name), name)
        return files[0][1], done.notices(None)

    return pipe(photo, output, options, make, overwrite)
