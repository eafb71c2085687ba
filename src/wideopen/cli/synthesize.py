"""`wideopen synthesize`."""

from dataclasses import fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from wideopen.cli.options_of import build, is_given, takes
from wideopen.cli.shared_options import Cluster, cluster_options, counted
from wideopen.synthesis.options import PLAIN, VARIED, SynthesizeOptions, VariedOptions


class Style(StrEnum):
    """What kind of pairs."""

    varied = "varied"
    plain = "plain"


@takes(SynthesizeOptions, VariedOptions)
def synthesize(
    ctx: typer.Context,
    photos: Annotated[Path, typer.Option(metavar="DIR", help="Folder of photos, searched recursively.")],
    mattes: Annotated[Path, typer.Option(metavar="DIR", help="Their subjects' mattes: A/B.png for A/B.jpg.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PAIRS", help="Folder of pairs to make.")],
    style: Annotated[Style, typer.Option(help="Layers under a random lens, or subject and ground.")] = Style.varied,
    only: Annotated[Path | None, typer.Option(help="Text file of photos to use, one A/B a line.")] = None,
    per_photo: Annotated[int, typer.Option(min=1, help="Pairs to make of each photo.")] = 1,
    limit: Annotated[int | None, typer.Option(min=1, help="Use at most this many photos.")] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes, 2 if not given; with --cluster as many as it has cores. Results do not depend on it.",
            show_default=False,
        ),
    ] = None,
    cluster: Cluster = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Make pairs anew that exist.")] = False,
    sheet: Annotated[Path | None, typer.Option(help="Draw some of the pairs into this JPEG.")] = None,
    backgrounds: Annotated[
        Path | None, typer.Option(help="Deep-focus photos to put behind some.", rich_help_panel=VARIED)
    ] = None,
    **values: Any,
) -> None:
    """Make training pairs out of sharp photos and the mattes of their subjects.

    Pairs that exist are kept, so a run cut short goes on where it stopped. --backgrounds and --f-numbers to --grain are
    for varied pairs, --blur and --blur-jitter for plain ones.

    Example: `wideopen synthesize --photos photos --mattes mattes -o pairs --sheet pairs.jpg`
    """
    from wideopen.atomic_write import check_output
    from wideopen.synthesis.contact_sheet import contact_sheet
    from wideopen.synthesis.synthesize import synthesize as make_pairs

    options = _options(ctx, style, values)
    if sheet is not None:  # Before the work, not after it.
        check_output(sheet, overwrite)
    with counted("making pairs") as progress:
        done = make_pairs(
            photos, mattes, output, options, only=only, backgrounds=backgrounds, per_photo=per_photo, limit=limit,
            workers=workers or 2, cluster=None if cluster is None else cluster_options(cluster, workers),
            overwrite=overwrite, progress=progress,
        )  # fmt: skip
    for name, reason in done.skipped:
        typer.echo(f"skipped {name}: {reason}")
    typer.echo(f"{done.made} pairs made, {done.kept} kept, {len(done.skipped)} photos skipped, in {output}")
    if sheet is not None:
        contact_sheet(output, sheet, overwrite=overwrite)


def _options(ctx: typer.Context, style: Style, values: dict[str, Any]) -> SynthesizeOptions:
    """What was asked for; what only the other style takes is a usage error."""
    other, panel = (Style.plain, PLAIN) if style is Style.varied else (Style.varied, VARIED)
    declared = (*fields(SynthesizeOptions), *fields(VariedOptions))
    foreign = [item.name for item in declared if item.metadata.get("panel") == panel]
    for name in foreign if other is Style.plain else [*foreign, "backgrounds"]:
        if is_given(ctx, name):
            flag = name.replace("_", "-")
            raise typer.BadParameter(f"--{flag} is of --style {other.value}, and this is {style.value}")
    varied = build(VariedOptions, values) if style is Style.varied else None
    return replace(build(SynthesizeOptions, values), varied=varied)
