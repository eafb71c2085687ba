"""`wideopen evaluate`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from wideopen.evaluate import EvaluationReport


def evaluate(
    data: Annotated[Path, typer.Option(help="Folder or manifest of pairs.", show_default=False)],
    model: Annotated[Path | None, typer.Option(help="Model file (.onnx); the one in the package if not given.")] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Report with a row for each pair: .json or .csv.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Use the first so many pairs.")] = None,
    pattern: Annotated[str | None, typer.Option(help="Regular expression that names a pair.")] = None,
    split: Annotated[str | None, typer.Option(help="train, test, val294 or train4400.")] = None,
    exclude_list: Annotated[
        Path | None, typer.Option(help="Names of pairs to leave out, as `wideopen inspect` writes them.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace the report.")] = False,
) -> None:
    """Measure a model on pairs of photos, beside the photos left as they are.

    Example: wideopen evaluate --data PAIRS -o report.json
    """
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    from wideopen.evaluate import evaluate as run
    from wideopen.output import check_output
    from wideopen.pairs import find_pairs

    if output is not None:  # Before the work, not after it.
        check_output(output, overwrite)
    pairs = find_pairs(data, pattern=pattern, split=split, exclude=exclude_list)
    with Progress(
        *Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn(),
        console=Console(stderr=True), transient=True,
    ) as bar:  # fmt: skip
        task = bar.add_task("evaluating", total=None)
        report = run(
            pairs, model, limit=limit, progress=lambda done, total: bar.update(task, completed=done, total=total)
        )
    if output is not None:
        report.write(output, overwrite)
    _show(report)


def _show(report: "EvaluationReport") -> None:
    """Print the means, and one line on the gain."""
    from rich.console import Console
    from rich.table import Table

    columns = {
        "PSNR dB": ("psnr", 2), "gain-matched": ("psnr_gain_matched", 2), "SSIM 11x11": ("ssim_gaussian11", 4),
        "inside": ("psnr_inside", 2), "outside": ("psnr_outside", 2), "chroma": ("chroma_shift", 2),
        "chroma from photo": ("chroma_shift_from_photo", 2),
    }  # fmt: skip
    means = report.means()
    table = Table("", title=f"means over {len(report.pairs)} pairs")
    for title in columns:
        table.add_column(title, justify="right")
    for label, who in (("rendered", "ours"), ("output = input", "photo")):
        values = [(means[who][name], digits) for name, digits in columns.values()]
        table.add_row(label, *("-" if value is None else f"{value:.{digits}f}" for value, digits in values))
    console = Console()
    console.print(table)
    low, high = report.psnr_gain_interval
    seconds = sum(row.seconds for row in report.pairs) / len(report.pairs)
    console.print(
        f"{report.model}: {report.psnr_gain:+.2f} dB over output = input "
        f"(95 % interval {low:+.2f} to {high:+.2f}), {seconds:.2f} s a photo",
        highlight=False,
    )
