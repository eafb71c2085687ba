"""`wideopen synthesize`."""

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wideopen.cli.cluster import cluster_options
from wideopen.cli.shared_options import counted

if TYPE_CHECKING:
    from wideopen.synthesis.synthesize import SynthesizeOptions


class Style(StrEnum):
    """What kind of pairs."""

    varied = "varied"
    plain = "plain"


def synthesize(
    photos: Annotated[Path, typer.Option(metavar="DIR", help="Folder of photos, searched recursively.")],
    mattes: Annotated[Path, typer.Option(metavar="DIR", help="Their subjects' mattes: A/B.png for A/B.jpg.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="PAIRS", help="Folder of pairs to make.")],
    style: Annotated[Style, typer.Option(help="Layers under a random lens, or subject and ground.")] = Style.varied,
    only: Annotated[Path | None, typer.Option(help="Text file of photos to use, one A/B a line.")] = None,
    per_photo: Annotated[int, typer.Option(min=1, help="Pairs to make of each photo.")] = 1,
    limit: Annotated[int | None, typer.Option(min=1, help="Use at most this many photos.")] = None,
    highlight_gain: Annotated[float, typer.Option(help="Brightness given to clipped lamps.")] = 4.0,
    long_side: Annotated[int, typer.Option(help="Scale larger photos down to this many px.")] = 960,
    min_subject: Annotated[float, typer.Option(help="Skip photos whose subject is a smaller share of them.")] = 0.02,
    max_subject: Annotated[float, typer.Option(help="Or a larger one.")] = 0.65,
    max_doubt: Annotated[float, typer.Option(help="Or whose matte is in doubt on a larger share; 1 takes all.")] = 0.06,
    seed: Annotated[int, typer.Option(help="Of every random choice.")] = 0,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Processes, 2 if not given; with --cluster as many as it has cores. Results do not depend on it.",
            show_default=False,
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="[ADDRESS]",
            help="Work on a Ray cluster: its address, auto for the one this machine is in; if none is given, one is "
            "started here.",
        ),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Make pairs anew that exist.")] = False,
    sheet: Annotated[Path | None, typer.Option(help="Draw some of the pairs into this JPEG.")] = None,
    backgrounds: Annotated[Path | None, typer.Option(help="Varied: deep-focus photos to put behind some.")] = None,
    f_numbers: Annotated[
        tuple[float, float] | None, typer.Option(metavar="LOW HIGH", help="Varied: f-numbers drawn between these.")
    ] = None,
    elsewhere: Annotated[float | None, typer.Option(help="Varied: share focused off the subject.")] = None,
    second: Annotated[float | None, typer.Option(help="Varied: share with another photo's subject.")] = None,
    obstacles: Annotated[float | None, typer.Option(help="Varied: share with something close at the border.")] = None,
    swaps: Annotated[float | None, typer.Option(help="Varied: share with another background.")] = None,
    lamps: Annotated[float | None, typer.Option(help="Varied: share with small bright lamps.")] = None,
    landscapes: Annotated[
        bool | None, typer.Option("--landscapes/--no-landscapes", help="Varied: use photos without a subject.")
    ] = None,
    response: Annotated[float | None, typer.Option(help="Varied: other exposure and contrast; 1 is EBB!-like.")] = None,
    misalign: Annotated[float | None, typer.Option(help="Varied: px by which targets are moved at most.")] = None,
    grain: Annotated[float | None, typer.Option(help="Varied: share of the photo's grain kept where blurred.")] = None,
    blur: Annotated[float | None, typer.Option(help="Plain: blur radius at infinity, share of short side.")] = None,
    blur_jitter: Annotated[float | None, typer.Option(help="Plain: random stops either way on it.")] = None,
) -> None:
    """Make training pairs out of sharp photos and the mattes of their subjects.

    Pairs that exist are kept, so a run cut short goes on where it stopped.

    Example: `wideopen synthesize --photos photos --mattes mattes -o pairs --sheet pairs.jpg`
    """
    from wideopen.atomic_write import check_output
    from wideopen.synthesis.contact_sheet import contact_sheet
    from wideopen.synthesis.synthesize import synthesize as make_pairs

    varied = {
        "f_numbers": f_numbers, "elsewhere": elsewhere, "second": second, "obstacles": obstacles, "swaps": swaps,
        "lamps": lamps, "landscapes": landscapes, "response": response, "misalign": misalign, "grain": grain,
    }  # fmt: skip
    common = {
        "seed": seed, "highlight_gain": highlight_gain, "long_side": long_side, "min_subject": min_subject,
        "max_subject": max_subject, "max_doubt": max_doubt,
    }  # fmt: skip
    options = _options(style, common, varied, {"blur": blur, "blur_jitter": blur_jitter}, backgrounds)
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


def _options(
    style: Style,
    common: Mapping[str, object],
    varied: Mapping[str, object],
    plain: Mapping[str, object],
    backgrounds: Path | None,
) -> "SynthesizeOptions":
    from wideopen.synthesis.camera_sampling import VariedOptions
    from wideopen.synthesis.synthesize import SynthesizeOptions

    varied, plain = _given(varied), _given(plain)
    wrong = plain if style is Style.varied else {**varied, **({"backgrounds": backgrounds} if backgrounds else {})}
    if wrong:
        name = next(iter(wrong)).replace("_", "-")
        other = "plain" if style is Style.varied else "varied"
        raise typer.BadParameter(f"--{name} is of --style {other}, and this is {style.value}")
    try:
        chosen = VariedOptions(**varied) if style is Style.varied else None  # type: ignore[arg-type]
        return SynthesizeOptions(**common, **plain, varied=chosen)  # type: ignore[arg-type]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _given(options: Mapping[str, object]) -> dict[str, object]:
    return {name: value for name, value in options.items() if value is not None}
