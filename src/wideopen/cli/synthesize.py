"""`wideopen synthesize`."""

from pathlib import Path
from typing import Annotated

import typer


def synthesize(
    photos: Annotated[Path, typer.Option(metavar="DIR", help="Folder of photos, searched recursively.")],
    mattes: Annotated[Path, typer.Option(metavar="DIR", help="Their subjects' mattes: A/B.png for A/B.jpg.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PAIRS", help="Folder of pairs to make.")],
    only: Annotated[Path | None, typer.Option(help="Text file of photos to use, one A/B a line.")] = None,
    blur: Annotated[float | None, typer.Option(help="Blur radius at infinity, share of the short side.")] = None,
    blur_jitter: Annotated[float, typer.Option(help="Random stops either way on it.")] = 0.0,
    highlight_gain: Annotated[float, typer.Option(help="Brightness given to clipped lamps.")] = 4.0,
    long_side: Annotated[int, typer.Option(help="Scale larger photos down to this many px.")] = 960,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    workers: Annotated[int, typer.Option(min=1, help="Processes; results do not depend on it.")] = 2,
    limit: Annotated[int | None, typer.Option(min=1, help="Use at most this many photos.")] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Make pairs anew that exist.")] = False,
    sheet: Annotated[Path | None, typer.Option(help="Draw some of the pairs into this JPEG.")] = None,
) -> None:
    """Make training pairs out of sharp photos and the mattes of their subjects.

    Pairs that exist are kept, so a run cut short goes on where it stopped.

    Example: wideopen synthesize --photos photos --mattes mattes -o pairs --sheet pairs.jpg
    """
    from dataclasses import replace

    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from wideopen.output import check_output
    from wideopen.synthesize import SynthesizeOptions, contact_sheet
    from wideopen.synthesize import synthesize as make_pairs

    try:
        options = SynthesizeOptions(
            seed=seed, blur_jitter=blur_jitter, highlight_gain=highlight_gain, long_side=long_side
        )
        options = options if blur is None else replace(options, blur=blur)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error
    if sheet is not None:  # Before the work, not after it.
        check_output(sheet, overwrite)
    console = Console(stderr=True)
    with Progress(
        *Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn(),
        console=console, transient=True, disable=not console.is_terminal,
    ) as bar:  # fmt: skip
        task = bar.add_task("making pairs", total=None)
        done = make_pairs(
            photos, mattes, output, options, only=only, limit=limit, workers=workers, overwrite=overwrite,
            progress=lambda count, total: bar.update(task, completed=count, total=total),
        )  # fmt: skip
    for name, reason in done.skipped:
        typer.echo(f"skipped {name}: {reason}")
    typer.echo(f"{done.made} pairs made, {done.kept} kept, {len(done.skipped)} photos skipped, in {output}")
    if sheet is not None:
        contact_sheet(output, sheet, overwrite=overwrite)
