"""`wideopen render`."""

import os
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from wideopen.cli.options_of import build, hold_threads, takes, with_preset
from wideopen.cli.shared_options import (
    AsJson,
    Cluster,
    DryRun,
    MatteBits,
    Output,
    Photos,
    Quiet,
    Recursive,
    check_bits,
    cluster_options,
    named,
    seen_by_all,
    suffix_of,
)  # fmt: skip
from wideopen.cli.text import complain
from wideopen.options import BATCH, CLUSTER, RESULTS, SUBJECT, BatchOptions, RenderOptions
from wideopen.render.side_files import SideFiles, check_outputs

if TYPE_CHECKING:
    from wideopen.batch.batch import Outcome
    from wideopen.batch.cluster import ClusterOptions
    from wideopen.batch.discover import Job
    from wideopen.render.renderer import Renderer


@takes(BatchOptions, RenderOptions)
def render(
    ctx: typer.Context,
    photos: Photos,
    output: Output = None,
    name: Annotated[str | None, named("results", "bokeh")] = None,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="FORMAT", rich_help_panel=RESULTS, help="jpg, png, tif, webp, ..; the photo's if not given."
        ),
    ] = None,
    recursive: Recursive = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
    quiet: Quiet = False,
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
    matte_bits: MatteBits = 16,
    save_layers: Annotated[
        Path | None,
        typer.Option(
            metavar="NAME.png",
            help="Write NAME-subject.png, with transparency, and NAME-background.png, filled in (also .tif, .webp).",
            rich_help_panel=SUBJECT,
        ),
    ] = None,
    cluster: Cluster = None,
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
    from wideopen.photo.files import output_format

    how = build(BatchOptions, values)
    options = build(RenderOptions, with_preset(ctx, values, preset, preset_file))
    suffix, spread = suffix_of(format, output_format), cluster_options(cluster, workers)
    if spread is not None and how.in_flight is not None:
        raise typer.BadParameter("--in-flight is for one machine; --workers says how many renderers a cluster has")
    beside = SideFiles(save_depth, show_depth, save_matte, save_layers, check_bits(matte_bits))
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
    from wideopen.cli.many import foretell, make_jobs, tell_of_results

    jobs = _in_place(photos, recursive) if how.in_place else make_jobs(photos, output, name, suffix, recursive, dry_run)
    if beside:
        if len(jobs) > 1 or spread is not None or not isinstance(jobs[0].output, Path):
            raise typer.BadParameter("what is saved or shown beside the result is for one photo, on this machine")
        check_outputs(jobs[0].output, how.overwrite or how.skip_existing or how.in_place, beside)
        jobs = [replace(job, beside=beside) for job in jobs]
    roots = photos if output is None else [output]
    if output is None and not quiet:
        tell_of_results(jobs)
    if dry_run:
        raise typer.Exit(foretell(jobs, how, as_json, roots))
    from wideopen.cli.many import Stop, follow
    from wideopen.cli.report import Report

    report, stop = Report(len(jobs), as_json, quiet), Stop()
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
    raise typer.Exit(follow(outcomes, report, stop, "" if spread is None else ", those of tasks in hand not counted"))


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
    from wideopen.cli.many import already_there

    return render_on_cluster(jobs, options, how, spread, already_there(roots))


def _pipe(photo: str, output: str | None, options: RenderOptions, suffix: str | None, overwrite: bool) -> int:
    from wideopen.cli.pipe import pipe
    from wideopen.photo.files import output_format, to_bytes
    from wideopen.render.inputs import result_format

    target = None if output in (None, "-") else Path(str(output))
    named = Path(f"x{suffix}") if target is None and suffix else target
    format = None if named is None else output_format(named)

    def make(renderer: "Renderer", data: bytes, name: str) -> tuple[bytes, tuple[str, ...]]:
        done = renderer.render_bytes(data, name)
        kind = format or result_format(done.result)
        said = "standard output" if target is None else str(target)
        return to_bytes(done.result, kind, said, options.quality), done.notices(kind)

    return pipe(photo, output, options, make, overwrite)


def _in_place(photos: list[str], recursive: bool) -> "list[Job]":
    """Each photo with itself for its result; a link stays one, and what it leads to is replaced."""
    from wideopen.batch.discover import Job, find_photos

    found = find_photos(photos, recursive)
    if not all(isinstance(item.photo, Path) for item in found):
        raise typer.BadParameter("--in-place is for photos on this machine")
    return [Job(item.photo, Path(os.path.realpath(item.photo)), item.fault) for item in found]
