"""Options that several commands share."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wideopen.errors import OutputError
from wideopen.options import BATCH, CLUSTER, RESULTS, SUBJECT

if TYPE_CHECKING:
    from wideopen.batch.cluster import ClusterOptions

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


def named(what: str, ending: str) -> Any:
    """The option for the pattern of results' names."""
    return typer.Option(
        metavar="PATTERN",
        rich_help_panel=RESULTS,
        help=f"What {what} are called, with {{stem}}, {{suffix}} and {{folder}} of the photo; "
        f"{{stem}}-{ending}{{suffix}} beside photos, {{stem}}{{suffix}} in a folder, if not given.",
    )


Recursive = Annotated[
    bool, typer.Option("-r", "--recursive", rich_help_panel=BATCH, help="Search the folders in folders, too.")
]
DryRun = Annotated[bool, typer.Option("--dry-run", rich_help_panel=BATCH, help="Only say what would be written where.")]
AsJson = Annotated[
    bool, typer.Option("--json", rich_help_panel=BATCH, help="A line of JSON for each photo, and one at the end.")
]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", rich_help_panel=BATCH, help="Say nothing but what failed.")]
Pattern = Annotated[str | None, typer.Option(help="Regular expression that names a pair.")]
Split = Annotated[str | None, typer.Option(help="train or test (folders); val294 or train4400 (EBB!'s numbers).")]
ExcludeList = Annotated[
    Path | None, typer.Option(help="Names of pairs to leave out, as `wideopen inspect` writes them.")
]
MatteBits = Annotated[int, typer.Option(rich_help_panel=SUBJECT, help="Bits of a matte in a PNG: 8 or 16.")]

Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="[ADDRESS]",
        rich_help_panel=CLUSTER,
        help="Work on a Ray cluster: its address, auto for the one this machine is in; if none is given, one is "
        "started here.",
    ),
]


def cluster_options(address: str | None, workers: int | None) -> "ClusterOptions | None":
    """What the options of a command say of a cluster; None if the work is for this machine alone."""
    if address is None:
        if workers is not None:
            raise typer.BadParameter("--workers goes with --cluster")
        return None
    from wideopen.batch.cluster import ClusterOptions

    return ClusterOptions(address, workers)


def seen_by_all(name: str) -> str:
    """A name as all machines of a cluster understand it: a URL, or an absolute path."""
    from wideopen.batch.stores import is_url

    if is_url(name):
        return name
    return os.path.abspath(name.removeprefix("file://")) + ("/" if name.endswith("/") else "")


def check_bits(bits: int) -> int:
    """The number of bits; a usage error if mattes have no such number."""
    if bits not in (8, 16):
        raise typer.BadParameter(f"a matte in a PNG has 8 or 16 bits, not {bits}", param_hint="--matte-bits")
    return bits


def suffix_of(format: str | None, check: Callable[[Path], object]) -> str | None:
    """The suffix of a format's name; a usage error if `check` refuses a file of that suffix."""
    if format is None:
        return None
    suffix = "." + format.lower().lstrip(".")
    suffix = {".jpeg": ".jpg", ".tiff": ".tif", ".heif": ".heic"}.get(suffix, suffix)
    try:
        check(Path("x" + suffix))
    except OutputError as error:
        reason = str(error).partition(": ")[2]
        raise typer.BadParameter(f"{format!r}: {reason}", param_hint="--format") from error
    return suffix


@contextmanager
def counted(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on standard error, where that is a terminal; what it gives is told how many are done, and of how many."""
    from rich.console import Console
    from rich.progress import MofNCompleteColumn, Progress, TimeRemainingColumn

    console = Console(stderr=True)
    columns = *Progress.get_default_columns()[:2], MofNCompleteColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
