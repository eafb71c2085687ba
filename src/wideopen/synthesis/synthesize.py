"""Training pairs out of sharp photos and the mattes of their subjects.

For each photo the scene is taken apart and seen through a wide lens (`wideopen.lens.layered_lens`), in one of two
styles: `varied`, scenes of several layers under a random lens (`wideopen.synthesis.varied`), or `plain`, the subject
in focus on a receding ground (`wideopen.synthesis.subject_layers`). Files, all of one name: original/NAME.jpg,
bokeh/NAME.jpg, matte/NAME.png (subject's opacity), sharp/NAME.png (share of the photo's detail that the target keeps),
for varied pairs disparity/NAME.png (16 bits), and a line in manifest.jsonl.
"""

import math
import multiprocessing
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from wideopen._types import Float32
from wideopen.batch.cluster import LOST, LOST_LINE, ClusterOptions, spread
from wideopen.errors import PairsError, PhotoError
from wideopen.pairs.pair_scene import NEAREST
from wideopen.synthesis.options import SynthesizeOptions
from wideopen.synthesis.pair_files import Line, is_complete, prepare_folder, resume_folder, write_lines, write_picture
from wideopen.synthesis.photo_layers import LANDSCAPE_AREA, is_landscape, prepare
from wideopen.synthesis.sources import Source, find_photos, find_sources, read_matte, read_photo
from wideopen.synthesis.subject_layers import Scene, make_pair, take_apart
from wideopen.synthesis.varied import Props, make_varied

Progress = Callable[[int, int], None]

SAVE_EVERY = 50


@dataclass(frozen=True)
class Synthesized:
    """What a run did. `skipped` names photos (or single pairs of them) and says why."""

    made: int = 0
    kept: int = 0
    """Pairs that existed and were left alone."""
    skipped: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True)
class _Job:
    """One photo and the pairs to make of it, by number."""

    source: Source
    indices: tuple[int, ...]
    output: Path
    options: SynthesizeOptions
    props: Props


@dataclass(frozen=True)
class _Done:
    """What came of a job."""

    count: int
    lines: dict[str, Line] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)


def synthesize(
    photos: Path,
    mattes: Path,
    output: Path,
    options: SynthesizeOptions | None = None,
    *,
    only: Path | None = None,
    backgrounds: Path | None = None,
    per_photo: int = 1,
    limit: int | None = None,
    workers: int = 2,
    cluster: ClusterOptions | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Synthesized:
    """Make a folder of pairs.

    Args:
        photos: folder of photos, searched recursively.
        mattes: folder with the matte of photos/A/B.jpg at mattes/A/B.png: 8-bit grey, any size, white is subject.
        output: folder to make or to go on with; pairs found there are kept unless `overwrite`.
        only: text file of photos to use, one a line, relative and without suffix (A/B). Second subjects and
            obstacles come from these photos too, and no others.
        backgrounds: folder of deep-focus photos without a subject, put behind some of the varied pairs' subjects.
        per_photo: pairs made of each photo, called A-B, A-B-1, A-B-2 and so on.
        limit: use at most this many photos, the first by name.
        workers: processes; the files do not depend on how many.
        cluster: work on it instead; all its machines must see the folders under the same absolute paths.
        progress: called with (done, total) pairs.

    Raises:
        PairsError: no photos, or `only` names one that is not there.
        OutputError: `output` cannot be written, or holds pairs made with other options.
        ClusterError: no cluster.
    """
    options = options or SynthesizeOptions()
    if cluster is not None:
        photos, mattes, output = (path.absolute() for path in (photos, mattes, output))
        backgrounds = backgrounds and backgrounds.absolute()
    sources = find_sources(photos, mattes, only)
    props = Props(sources, tuple(find_photos(backgrounds).values()) if backgrounds else (), options.long_side)
    sources = sources[:limit]
    names = [_pair_name(source, index) for source in sources for index in range(per_photo)]
    _check_names(photos, names)
    done = {} if overwrite else resume_folder(output, options.as_dict())
    prepare_folder(output, options.as_dict(), options.members)
    lines = {name: line for name, line in done.items() if is_complete(output, name, options.members)}
    kept, skipped = len(set(names) & lines.keys()), dict[str, str]()
    left = [
        (source, tuple(index for index in range(per_photo) if _pair_name(source, index) not in lines))
        for source in sources
    ]
    lent = props if options.varied else Props()
    jobs = [_Job(source, indices, output, options, lent) for source, indices in left if indices]
    made, count = 0, kept
    for number, result in enumerate(_on(cluster, jobs) if cluster else _work(jobs, workers), start=1):
        lines |= result.lines
        skipped |= result.skipped
        made, count = made + len(result.lines), count + result.count
        if number % SAVE_EVERY == 0:
            write_lines(output, lines)
        if progress:
            progress(count, len(names))
    write_lines(output, lines)
    return Synthesized(made, kept, tuple(sorted(skipped.items())))


def _pair_name(source: Source, index: int) -> str:
    return f"{source.name}-{index}" if index else source.name


def _check_names(photos: Path, names: list[str]) -> None:
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise PairsError(f"{photos}: two photos would both be called {twice!r}; rename one")


def _work(jobs: list[_Job], workers: int) -> Iterator[_Done]:
    if workers <= 1 or len(jobs) <= 1:
        yield from map(_make, jobs)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=cv2.setNumThreads, initargs=(1,))
    try:
        for future in as_completed([pool.submit(_make, job) for job in jobs]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _on(cluster: ClusterOptions, jobs: list[_Job]) -> Iterator[_Done]:
    if not jobs:
        return
    # What all jobs share goes to each worker once.
    bare = [replace(job, props=Props()) for job in jobs]
    for number, done in spread(partial(_make_all, jobs[0].props), bare, cluster):
        job = jobs[number]
        yield _Done(len(job.indices), {}, {job.source.name: LOST_LINE}) if done is LOST else done


def _make_all(props: Props) -> Callable[[list[_Job]], list[_Done]]:
    """What a worker of a cluster does."""
    cv2.setNumThreads(1)
    return lambda jobs: [_make(replace(job, props=props)) for job in jobs]


def _make(job: _Job) -> _Done:
    """Make the pairs of one photo, or say why not."""
    try:
        photo = read_photo(job.source.photo, job.options.long_side)
        matte = read_matte(job.source.matte, (photo.shape[0], photo.shape[1]))
        make = _plain(job, photo, matte) if job.options.varied is None else _varied(job, photo, matte)
        lines: dict[str, Line] = {}
        skipped: dict[str, str] = {}
        for index, name in ((index, _pair_name(job.source, index)) for index in job.indices):
            try:
                images, facts = make(index)
            except PhotoError as error:
                skipped[name] = str(error)
                continue
            lines[name] = _write_pair(job, name, images, facts)
    except PhotoError as error:
        return _Done(len(job.indices), {}, {job.source.name: str(error)})
    return _Done(len(job.indices), lines, skipped)


Make = Callable[[int], tuple[dict[str, Float32], Line]]


def _plain(job: _Job, photo: Float32, matte: Float32) -> Make:
    options = job.options
    scene = take_apart(photo, matte, options.horizon)
    _check_subject(scene, options)

    def make(index: int) -> tuple[dict[str, Float32], Line]:
        draw = _stream(job, index)
        blur = options.blur * 2.0 ** draw.uniform(-options.blur_jitter, options.blur_jitter)
        pair = make_pair(photo, scene, blur * min(photo.shape[:2]), options.highlight_gain)
        images = {"original": pair.photo, "bokeh": pair.target, "matte": pair.matte, "sharp": pair.sharp}
        return images, {"foot": round(scene.foot / photo.shape[0], 4), "blur": round(float(blur), 5)}

    return make


def _varied(job: _Job, photo: Float32, matte: Float32) -> Make:
    options, varied = job.options, job.options.varied
    assert varied is not None
    scene = take_apart(photo, matte)
    if not is_landscape(scene):
        _check_subject(scene, options)
    elif not varied.landscapes:
        raise PhotoError(f"no subject (less than {LANDSCAPE_AREA:.1%} of the frame); --landscapes uses such photos")
    host = prepare(photo, scene, _stream(job, 0), varied.grain > 0)
    others = tuple(source for source in job.props.sources if source != job.source)
    props = replace(job.props, sources=others)

    def make(index: int) -> tuple[dict[str, Float32], Line]:
        pair = make_varied(host, _stream(job, index, 1), varied, props, options.highlight_gain)
        images = {
            "original": pair.photo, "bokeh": pair.target, "matte": pair.matte, "sharp": pair.sharp,
            "disparity": pair.disparity / NEAREST,
        }  # fmt: skip
        return images, pair.facts | {"seed": options.seed, "index": index}

    return make


def _stream(job: _Job, index: int, *more: int) -> np.random.Generator:
    """Random numbers of seed, name and number only: the same whatever the order, the workers, or the limit."""
    words = [job.options.seed, zlib.crc32(job.source.name.encode()), *more]
    return np.random.default_rng([*words, index] if index or more else words)


def _write_pair(job: _Job, name: str, images: dict[str, Float32], facts: dict[str, Any]) -> Line:
    line: Line = {"name": name}
    for member, suffix in job.options.members.items():
        file = f"{member}/{name}{suffix}"
        write_picture(job.output / file, images[member], job.options.quality, 16 if member == "disparity" else 8)
        line["depth" if member == "disparity" else member] = file
    return line | facts


def _check_subject(scene: Scene, options: SynthesizeOptions) -> None:
    subject = float((scene.alpha > 0.9).mean())
    doubt = float(scene.doubt.mean())
    if subject < options.min_subject:
        raise PhotoError(
            f"subject too small ({subject:.1%} of the frame); --min-subject {_limit(subject, -1)} takes it"
        )
    if float(scene.alpha.mean()) > options.max_subject:
        whole = float(scene.alpha.mean())
        raise PhotoError(f"subject too large ({whole:.0%} of the frame); --max-subject {_limit(whole, 1)} takes it")
    if doubt > options.max_doubt or 0.5 * subject < doubt and options.max_doubt < 1:
        half = doubt > 0.5 * subject  # Of the subject's area: no limit but 1 lets that pass.
        limit = "1" if half else _limit(doubt, 1)
        why = f", more than half of the subject's {subject:.1%}" if half else ""
        raise PhotoError(f"matte in doubt on {doubt:.1%} of the frame{why}; --max-doubt {limit} takes it")


def _limit(share: float, way: int) -> str:
    """A share of the frame as a limit that lets it pass: rounded up (1) or down (-1) to a hundredth."""
    return f"{min(1.0, max(0.0, way * math.ceil(way * share * 100) / 100)):g}"
