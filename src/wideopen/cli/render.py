"""`wideopen render`."""

import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wideopen.cli import Stopped
from wideopen.cli.cluster import cluster_options, seen_by_all
from wideopen.cli.options_of import build, hold_threads, takes, with_preset
from wideopen.cli.text import complain
from wideopen.errors import OutputError, WideopenError
from wideopen.options import BATCH, CLUSTER, RESULTS, SUBJECT, BatchOptions, RenderOptions
from wideopen.render.side_files import SideFiles

if TYPE_CHECKING:
    from wideopen.batch.batch import Outcome
    from wideopen.batch.cluster import ClusterOptions
    from wideopen.batch.discover import Job
    from wideopen.batch.stores import Place
    from wideopen.cli.report import Report


@takes(BatchOptions, RenderOptions)
def render(
    ctx: typer.Context,
    photos: Annotated[
        list[str],
        typer.Argument(metavar="PATH", help="Photos, folders, patterns, or - (standard input).", show_default=False),
    ],
    output: Annotated[
        str | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE|DIR",
            rich_help_panel=RESULTS,
            help="File to write, folder to write into, or - (standard output); beside each photo if not given.",
        ),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="PATTERN",
            rich_help_panel=RESULTS,
            help="What results are called, with {stem}, {suffix} and {folder} of the photo; {stem}-bokeh{suffix} "
            "beside photos, {stem}{suffix} in a folder, if not given.",
        ),
    ] = None,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT", rich_help_panel=RESULTS, help="jpg, png, tif, webp, ..; the photo's if not given."
        ),
    ] = None,
    recursive: Annotated[
        bool, typer.Option("-r", "--recursive", rich_help_panel=BATCH, help="Search the folders in folders, too.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", rich_help_panel=BATCH, help="Only say what would be written where.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", rich_help_panel=BATCH, help="A line of JSON for each photo, and one at the end.")
    ] = False,
    quiet: Annotated[
        bool, typer.Option("-q", "--quiet", rich_help_panel=BATCH, help="Say nothing but what failed.")
    ] = False,
    preset: Annotated[
        str | None, typer.Option(help="Look by name, see `wideopen presets`; options given by hand win.")
    ] = None,
    preset_file: Annotated[
        Path | None, typer.Option(help="TOML file of presets; your own, if not given (`wideopen presets` says where).")
    ] = None,
    save_depth: Annotated[
        Path | None,
        typer.Option(
            help="Write the depth map in use there (.png, .tif, .pfm, .exr, .npy); without one, the network's.",
            rich_help_panel="Depth",
        ),
    ] = None,
    show_depth: Annotated[
        Path | None,
        typer.Option(help="Write a picture of that map there, with what is in focus marked.", rich_help_panel="Depth"),
    ] = None,
    save_matte: Annotated[
        Path | None,
        typer.Option(
            help="Write the subject's matte there, at the photo's size (.png, .tif, .pfm, .exr, .npy).",
            rich_help_panel=SUBJECT,
        ),
    ] = None,
    save_layers: Annotated[
        Path | None,
        typer.Option(
            metavar="NAME.png",
            help="Write NAME-subject.png, with transparency, and NAME-background.png, filled in (also .tif, .webp).",
            rich_help_panel=SUBJECT,
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        typer.Option(
            metavar="[ADDRESS]",
            rich_help_panel=CLUSTER,
            help="Render on a Ray cluster: its address, auto for the one this machine is in; if none is given, one is "
            "started here.",
        ),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(
            min=1,
            rich_help_panel=CLUSTER,
            help="Renderers at most, a core each; as many as it has cores, if not given.",
        ),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(
            metavar="DIR", rich_help_panel=BATCH, help="Add what became of each photo to this table (Parquet)."
        ),
    ] = None,
    **values: Any,
) -> None:
    """Give photos the soft background of a fast lens wide open.

    A network says what the subject is and how far away all else is, a lens draws it: f-number, focus and the shape of
    the aperture are in your hand. A depth map (yours, the phone's in the photo, or an estimated one) is used instead.

    Results keep the photo's size, metadata and format, and never replace a file unless asked. In folders, what
    is called like a photo is rendered, results beside photos excepted; folders below a folder are kept under -o.

    Exit code 0 if all are done, 1 if photos failed, 2 if nothing was begun: wrong usage, no such photo, no such model.
    130 after Ctrl-C: no half file is left, and --skip-existing goes on from there.

    Example: `wideopen render photo.jpg`

    Example: `wideopen render photo.jpg --aperture 1.4 --focus 0.3,0.6`

    Example: `wideopen render photo.jpg -o soft.jpg --before-after split`

    Example: `wideopen render holiday -r -o soft --skip-existing`

    Example: `wideopen render 'raw/**/*.jpg' --name '{stem}-soft.png' --preset portrait`

    Example: `wideopen render photo.jpg --depth depth.png --focus 0.4,0.6 --aperture 1.4 --blades 7`

    Example: `wideopen render - < photo.jpg > soft.jpg`
    """
    how = build(BatchOptions, values)
    options = build(RenderOptions, with_preset(ctx, values, preset, preset_file))
    suffix, spread = _suffix(format), cluster_options(cluster, workers)
    if spread is not None and how.in_flight is not None:
        raise typer.BadParameter("--in-flight is for one machine; --workers says how many renderers a cluster has")
    beside = SideFiles(save_depth, show_depth, save_matte, save_layers)
    if "-" in (*photos, output):
        alone = (how.in_place, recursive, name, as_json, dry_run, beside, how.before_after, spread, table)
        if len(photos) > 1 or any(alone):
            raise typer.BadParameter("- is for one photo, and its result only")
        raise typer.Exit(_pipe(photos[0], output, options, suffix, how.overwrite))
    if spread is not None:
        photos = [seen_by_all(name) for name in photos]
        output = None if output is None else seen_by_all(output)
    if how.in_place and any((output, name, format, spread)):
        raise typer.BadParameter("--in-place writes over the photos themselves, on this machine; leave -o away")
    jobs = _in_place(photos, recursive) if how.in_place else _jobs(photos, output, name, suffix, recursive, dry_run)
    if beside:
        if len(jobs) > 1 or spread is not None or not isinstance(jobs[0].output, Path):
            raise typer.BadParameter("what is saved or shown beside the result is for one photo, on this machine")
        from wideopen.render.destinations import check_outputs

        check_outputs(jobs[0].output, how.overwrite or how.skip_existing or how.in_place, beside)
        jobs = [replace(job, beside=beside) for job in jobs]
    roots = photos if output is None else [output]
    if dry_run:
        raise typer.Exit(_foretell(jobs, how, as_json, roots))
    from wideopen.cli.report import Report

    report, stop = Report(len(jobs), as_json, quiet), _Stop()
    try:
        outcomes = _outcomes(jobs, options, how, roots, spread, stop.hold)
    except ValueError as error:
        complain(error)
        raise typer.Exit(2) from error
    if table is not None:
        from wideopen.batch.outcome_table import recorded
        from wideopen.batch.stores import place

        outcomes = recorded(outcomes, place(table if spread is None else seen_by_all(table)))
    # Of a task's photos a cluster tells when all of them are done.
    raise typer.Exit(_run(outcomes, report, stop, "" if spread is None else ", those of tasks in hand not counted"))


def _outcomes(
    jobs: "list[Job]",
    options: RenderOptions,
    how: BatchOptions,
    roots: list[str],
    spread: "ClusterOptions | None",
    hold: Callable[[bool], None],
) -> "Generator[Outcome, None, None]":
    """Render all; ValueError for options that no photo can be rendered with."""
    from wideopen.batch.batch import make_renderer, render_batch

    renderer = make_renderer(options, len(jobs), how.in_flight)
    renderer.check()
    if spread is None:
        hold_threads(options)
        return render_batch(renderer, jobs, how, hold=hold)
    from wideopen.batch.cluster_render import render_on_cluster

    return render_on_cluster(jobs, options, how, spread, _there(roots))


def _run(outcomes: "Generator[Outcome, None, None]", report: "Report", stop: "_Stop", uncounted: str) -> int:
    with stop.listening():
        try:
            report.follow(outcomes)
        except KeyboardInterrupt as asked:
            outcomes.close()
            report.stopped(uncounted)
            # Photos in hand are dropped, not waited for: none of them has a file open.
            raise Stopped(143 if isinstance(asked, _Terminated) else 130, at_once=True) from asked
        except OutputError:  # Of the table.
            report.end()
            raise
    return report.end()


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which is to be as clean as Ctrl-C."""


class _Stop:
    """SIGINT and SIGTERM stop a batch, but not between a result's last step and the line that tells of it."""

    def __init__(self) -> None:
        self._held = False
        self._asked: type[KeyboardInterrupt] | None = None

    def hold(self, held: bool) -> None:
        """Put a stop off from now on; or no longer, and stop if that was asked for meanwhile."""
        self._held = held
        if self._asked is not None and not held:
            raise self._asked

    def ask(self, number: int, _: object) -> None:
        """The signals' handler."""
        self._asked = _Terminated if number == signal.SIGTERM else KeyboardInterrupt
        self.hold(self._held)

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle both signals."""
        if current_thread() is not main_thread():  # Signals are the main thread's.
            yield
            return
        before = {number: signal.signal(number, self.ask) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)


def _foretell(jobs: "list[Job]", how: BatchOptions, as_json: bool, roots: list[str]) -> int:
    from wideopen.batch.batch import foresee, identities
    from wideopen.cli.report import foretell

    taken, there = identities(jobs), _there(roots)
    return foretell(((job, foresee(job, how, taken, there)) for job in jobs), how, as_json)


def _there(roots: list[str]) -> "Callable[[Place], bool]":
    from wideopen.batch.discover import is_pattern
    from wideopen.batch.stores import place, what_is_there

    return what_is_there(place(root) for root in roots if not is_pattern(root))


def _pipe(photo: str, output: str | None, options: RenderOptions, suffix: str | None, overwrite: bool) -> int:
    from wideopen.atomic_write import check_output
    from wideopen.cli.pipe import pipe
    from wideopen.errors import ModelError
    from wideopen.photo.files import output_format

    if output not in (None, "-"):
        output_format(Path(str(output)))
        check_output(Path(str(output)), overwrite=True)
    try:
        pipe(photo, output, options, suffix, overwrite)
    except ModelError:
        raise
    except WideopenError as error:
        complain(error)
        return 1
    return 0


def _suffix(format: str | None) -> str | None:
    """The suffix of a format's name; a usage error if there is no such format."""
    if format is None:
        return None
    from wideopen.photo.files import output_format

    suffix = {"jpeg": ".jpg", "tiff": ".tif", "heif": ".heic"}.get(format.lower(), f".{format.lower().lstrip('.')}")
    try:
        output_format(Path("x" + suffix))
    except OutputError as error:
        reason = str(error).partition(": ")[2]
        raise typer.BadParameter(f"{format!r}: {reason}", param_hint="--format") from error
    return suffix


def _in_place(photos: list[str], recursive: bool) -> "list[Job]":
    """Each photo with itself for its result; a link stays one, and what it leads to is replaced."""
    from wideopen.batch.discover import Job, find_photos

    found = find_photos(photos, recursive)
    if not all(isinstance(item.photo, Path) for item in found):
        raise typer.BadParameter("--in-place is for photos on this machine")
    return [Job(item.photo, Path(os.path.realpath(item.photo)), item.fault) for item in found]


def _jobs(
    photos: list[str], output: str | None, name: str | None, suffix: str | None, recursive: bool, dry_run: bool
) -> "list[Job]":
    """What is to be done; WideopenError or a usage error if that makes no sense as a whole."""
    from wideopen.atomic_write import check_output, make_folder
    from wideopen.batch.discover import Job, find_photos, is_pattern, plan
    from wideopen.batch.stores import Url, place
    from wideopen.photo.files import output_format

    if output is None:
        return plan(find_photos(photos, recursive), None, name, suffix)
    path = place(output)
    if isinstance(path, Url):
        return plan(find_photos(photos, recursive, leave_out=path), path, name, suffix)
    one = len(photos) == 1 and not os.path.isdir(photos[0]) and not is_pattern(photos[0])
    if one and not path.is_dir() and not output.endswith(("/", os.sep)):
        if name or suffix:
            raise typer.BadParameter("--name and --format are for results in folders; -o names this file")
        found = find_photos(photos)
        output_format(path)
        check_output(path, overwrite=True)
        if not dry_run:
            make_folder(path.parent)
        return [Job(found[0].photo, path)]
    if path.suffix and not path.is_dir() and not output.endswith(("/", os.sep)) or path.is_file():
        raise typer.BadParameter(f"{path} is not a folder; several photos need one", param_hint="--output")
    jobs = plan(find_photos(photos, recursive, leave_out=path), path, name, suffix)
    if not dry_run:
        make_folder(path)
    return jobs
