"""`wideopen inspect`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from wideopen.cli.shared_options import ExcludeList, Pattern, Split, counted

if TYPE_CHECKING:
    from wideopen.pairs.inspect import Inspection


def inspect(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="Folder or manifest of pairs.", show_default=False)],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write all that was found here.")] = None,
    write_exclude_list: Annotated[
        Path | None,
        typer.Option(help="Write the names of unusable pairs here, for --exclude-list of `wideopen train`."),
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace these two files.")] = False,
    pattern: Pattern = None,
    split: Split = None,
    exclude_list: ExcludeList = None,
    recipe: Annotated[Path | None, typer.Option(help="Recipe whose crop the photos must be fit for.")] = None,
    crop: Annotated[int | None, typer.Option(min=1, help="Side in px of that crop, if no recipe.")] = None,
    max_shift: Annotated[float, typer.Option(help="px by which details in focus may have moved.")] = 3.0,
    max_exposure: Annotated[float, typer.Option(help="Stops by which exposures may differ.")] = 1.0,
) -> None:
    """Check a set of pairs before hours of training are spent on it.

    Exit code 1 if a pair is unusable, 2 if the check could not be made.

    Example: `wideopen inspect PAIRS --json found.json --write-exclude-list bad.txt`
    """
    from wideopen.atomic_write import check_output
    from wideopen.pairs.inspect import Limits, inspect_pairs
    from wideopen.pairs.sample_options import PairsOptions
    from wideopen.training.recipe import load_recipe

    if max_shift <= 0 or max_exposure <= 0:
        raise typer.BadParameter("--max-shift and --max-exposure must be above 0")
    if recipe is not None and crop is not None:
        raise typer.BadParameter("give --recipe or --crop, not both")
    for path in (json_file, write_exclude_list):  # Before the work, not after it.
        if path is not None:
            check_output(path, overwrite)
    options = load_recipe(recipe).pairs if recipe is not None else PairsOptions(crop=crop or 0)
    with counted("inspecting") as progress:
        found = inspect_pairs(
            directory, options=options, limits=Limits(max_shift, max_exposure),
            pattern=pattern, split=split, exclude=exclude_list, progress=progress,
        )  # fmt: skip
    if json_file is not None:
        found.write_json(json_file, overwrite)
    if write_exclude_list is not None:
        found.write_exclude_list(write_exclude_list, overwrite)
    _show(found)
    if found.counts["unusable"]:
        raise typer.Exit(1)


def _show(found: "Inspection") -> None:
    """Print the pairs with faults, then one line of counts."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    console = Console()
    troubled = found.troubled
    if troubled:
        table = Table("pair", "verdict", "what", "details", title=None, highlight=False)
        for check in troubled:
            for i, fault in enumerate(check.faults):
                colour = "red" if fault.verdict == "unusable" else "yellow"
                name = "" if i else escape(check.name)
                table.add_row(name, f"[{colour}]{fault.verdict}[/]", fault.kind, escape(fault.text))
        console.print(table)
    counts = found.counts
    console.print(
        f"{len(found.checks)} pairs: {counts['ok']} ok, {counts['warning']} with a warning, "
        f"{counts['unusable']} unusable",
        highlight=False,
    )
