"""`wideopen evaluate`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wideopen.cli.shared_options import ExcludeList, Pattern, Split, counted

if TYPE_CHECKING:
    from wideopen.evaluation.results import EvaluationReport

FILES = (".html", ".json", ".csv")


def evaluate(
    data: Annotated[Path, typer.Option(help="Folder, aperture stack or manifest of pairs.", show_default=False)],
    model: Annotated[
        list[Path] | None,
        typer.Option(
            help="Model file (.onnx), or a folder of results named as the pairs; the model in the package if not "
            "given. May be repeated: all are compared with the first."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="Folder for the whole report, gone on with if cut short; or a .html, .json or .csv."
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use the first so many pairs.")] = None,
    pattern: Pattern = None,
    split: Split = None,
    aperture: Annotated[float | None, typer.Option(help="Use targets of this f-number only.")] = None,
    exclude_list: ExcludeList = None,
    protocol: Annotated[
        str, typer.Option(help="ours, lanczos-1536x1024 (any size), border-20 (any width), or several joined with +.")
    ] = "ours",
    margin: Annotated[
        int, typer.Option(min=0, help="px that inside and outside of a matte keep away from its seam.")
    ] = 0,
    vgg_weights: Annotated[
        Path | None, typer.Option(help="Measure VGG distance with these weights (vgg16 or vgg19, .pth or .npz).")
    ] = None,
    lpips: Annotated[bool, typer.Option("--lpips", help="Measure LPIPS (AlexNet), if it can be had.")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the report.")] = False,
) -> None:
    """Measure models on pairs of photos, beside the photos left as they are.

    Example: `wideopen evaluate --data PAIRS -o report`
    """
    from wideopen.atomic_write import check_output, write_output
    from wideopen.evaluation.contenders import open_contenders
    from wideopen.evaluation.evaluate import evaluate_all
    from wideopen.evaluation.protocol import parse_protocol
    from wideopen.evaluation.report_page import report_page
    from wideopen.evaluation.results import table, to_json
    from wideopen.evaluation.review import check_folder, review
    from wideopen.evaluation.scores import make_measure
    from wideopen.pairs.pairs import at_aperture, find_pairs

    kind = output.suffix.lower() if output is not None and output.suffix.lower() in FILES else ""
    if output is not None:  # Before the work, not after it.
        (check_output if kind else check_folder)(output, overwrite)
    how = parse_protocol(protocol)
    pairs = find_pairs(data, pattern=pattern, split=split, exclude=exclude_list)
    pairs = (pairs if aperture is None else at_aperture(pairs, aperture, data))[:limit]
    measure = make_measure(margin, vgg_weights, lpips)
    contenders = open_contenders(model or [], pairs)
    with counted("evaluating") as progress:
        if output is not None and not kind:
            reports = review(
                pairs, contenders, output, protocol=how, measure=measure, overwrite=overwrite, progress=progress
            )
        else:
            reports = evaluate_all(pairs, contenders, how, measure, progress)
    if output is not None and kind == ".html":
        write_output(output, report_page(reports, pairs, contenders, how), overwrite)
    elif output is not None and kind:
        write_output(output, table(reports) if kind == ".csv" else to_json(reports), overwrite)
    _show(reports, measure.lpips_note)


def _show(reports: "Sequence[EvaluationReport]", note: str) -> None:
    """Print the means, and a line on the gain of each."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    columns = {
        "PSNR dB": ("psnr", 2), "gain- matched": ("psnr_gain_matched", 2), "SSIM 11x11": ("ssim_gaussian11", 4),
        "SSIM 7x7": ("ssim_uniform7", 4), "MS- SSIM": ("ms_ssim", 4), "inside": ("psnr_inside", 2),
        "outside": ("psnr_outside", 2), "chroma": ("chroma_shift", 2), "from photo": ("chroma_shift_from_photo", 2),
    }  # fmt: skip
    title = f"means over {len(reports[0].pairs)} pairs"
    table = Table(Column("", overflow="fold", min_width=8), title=title, padding=(0, 0), show_edge=False)
    for title in columns:
        table.add_column(title, justify="right", min_width=6)
    rows = [(report.model if len(reports) > 1 else "rendered", report.means()["ours"]) for report in reports]
    for label, means in (*rows, ("output = input", reports[0].means()["photo"])):
        values = [(means[name], digits) for name, digits in columns.values()]
        table.add_row(escape(label), *("-" if value is None else f"{value:.{digits}f}" for value, digits in values))
    console = Console()
    console.print(table)
    for report in reports:
        low, high = report.psnr_gain_interval
        took = "" if report.seconds is None else f", {report.seconds:.2f} s a photo"
        console.print(
            f"{report.model}: {report.psnr_gain:+.2f} dB over output = input "
            f"(95 % interval {low:+.2f} to {high:+.2f}){took}",
            highlight=False,
            markup=False,
        )
    console.print(note, highlight=False, markup=False)
