"""Options that commands about many photos share."""

from typing import Annotated

import typer

from wideopen.options import BATCH, RESULTS, SUBJECT

Photos = Annotated[
    list[str],
    typer.Argument(metavar="PATH", help="Photos, folders, patterns, or - (standard input).", show_default=False),
]
Output = Annotated[
    str | None,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE|DIR",
        rich_help_panel=RESULTS,
        help="File to write, folder to write into (for one photo: there already, or with / at its end), or - (standard "
        "output); beside each photo if not given.",
    ),
]
Recursive = Annotated[
    bool, typer.Option("-r", "--recursive", rich_help_panel=BATCH, help="Search the folders in folders, too.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", rich_help_panel=BATCH, help="Only say what would be written where.")]
AsJson = Annotated[
    bool, typer.Option("--json", rich_help_panel=BATCH, help="A line of JSON for each photo, and one at the end.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", rich_help_panel=BATCH, help="Say nothing but what failed.")]
MatteBits = Annotated[int, typer.Option(rich_help_panel=SUBJECT, help="Bits of a matte in a PNG: 8 or 16.")]


def check_bits(bits: int) -> int:
    """The number of bits; a usage error if mattes have no such number."""
    if bits not in (8, 16):
        raise typer.BadParameter(f"a matte in a PNG has 8 or 16 bits, not {bits}", param_hint="--matte-bits")
    return bits
