"""Photos rendered on a Ray cluster: the same options, the same files as on one machine."""

import tempfile
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from wideopen.atomic_write import clear_leftovers
from wideopen.batch.batch import OPENVINO_PHOTOS, Outcome, Targets, foresee, identities, render_batch
from wideopen.batch.cluster import LOST, LOST_LINE, ClusterOptions, spread
from wideopen.batch.discover import Job
from wideopen.batch.stores import Place, exists
from wideopen.options import BatchOptions, RenderOptions
from wideopen.photo.files import read_bytes


def render_on_cluster(
    jobs: Sequence[Job],
    options: RenderOptions,
    batch: BatchOptions,
    cluster: ClusterOptions,
    there: Callable[[Place], bool] = exists,
) -> Generator[Outcome, None, None]:
    """`batch.render_batch` on a cluster, by actors with a renderer of their own and `options.threads` cores (else 1).

    Local files must be seen under the same absolute paths by all machines; those that the options name are sent along.

    `there`: whether a result is there already, asked for every photo before the first is begun.
    Returns one outcome for each job, as they come.

    Raises:
        ClusterError: no cluster.
        ModelError: the model cannot be loaded, so that no photo can be rendered.
        ModuleNotFoundError: an extra is missing, here or on the cluster.
    """
    taken, tried = identities(jobs), list[Job]()
    for job in jobs:
        known = foresee(job, batch, taken, there)
        if known is None:
            tried.append(job)
        else:
            yield known
    if not tried:
        return
    options = replace(options, threads=options.threads or 1)
    # What appears from here on is an earlier try's, whose worker died before it could tell.
    again = batch if batch.overwrite else replace(batch, skip_existing=True)
    make = partial(make_work, _sent(options), replace(again, in_flight=1), many=len(jobs) >= OPENVINO_PHOTOS)
    try:
        for number, outcome in spread(make, tried, cluster, options.threads or 1):
            job = tried[number]
            if outcome is LOST:
                yield Outcome(job, "failed", f"{job.photo}: {LOST_LINE}")
            else:
                yield replace(outcome, job=job, status="done" if outcome.status == "skipped" else outcome.status)
    finally:
        for folder in {job.output.parent for job in tried}:
            if isinstance(folder, Path):
                clear_leftovers(folder)


@dataclass(frozen=True)
class Sent:
    """Options, and the content of the files that they name."""

    options: RenderOptions
    files: dict[str, tuple[str, bytes]]
    """Name and content by the option's name."""

    def unpack(self, folder: Path) -> RenderOptions:
        """The options with their files in a folder of this machine."""
        paths: dict[str, Any] = {}
        for option, (name, content) in self.files.items():
            path = folder / option / name
            path.parent.mkdir()
            path.write_bytes(content)
            paths[option] = str(path) if option == "depth" else path
        return replace(self.options, **paths)


def make_work(sent: Sent, batch: BatchOptions, many: bool) -> Callable[[list[Job]], list[Outcome]]:
    """What an actor does with jobs: `render_batch`, one photo at a time, with one renderer for all of them."""
    import cv2

    from wideopen.render.renderer import Renderer

    cv2.setNumThreads(sent.options.threads or 1)
    folder = tempfile.TemporaryDirectory(prefix="wideopen-")
    # What was there has been seen by who sends jobs; what an earlier try wrote is looked for with each photo.
    renderer, targets = Renderer(sent.unpack(Path(folder.name)), many), Targets(there=lambda place: False)

    def work(jobs: list[Job], _folder: object = folder) -> list[Outcome]:
        outcomes = {outcome.job: outcome for outcome in render_batch(renderer, jobs, batch, targets)}
        return [outcomes[job] for job in jobs]

    return work


def _sent(options: RenderOptions) -> Sent:
    named = {"model": options.model, "shape": options.shape, "depth": options.depth}
    if options.depth in ("auto", "none"):
        del named["depth"]
    paths = {option: Path(path) for option, path in named.items() if path is not None}
    # What cannot be read is complained about by who needs it.
    return Sent(options, {option: (path.name, read_bytes(path)) for option, path in paths.items() if path.is_file()})
