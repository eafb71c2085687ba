"""Many photos with one model: a few in flight at a time, and what became of each.

Workers read, decode, render and encode; files are written in the thread that asks for the outcomes. So whoever stops
asking (Ctrl-C) leaves whole results and nothing else.
"""

import errno
import os
import time
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, replace
from pathlib import Path
from threading import Condition, Lock
from typing import Literal

from wideopen.atomic_write import clear_leftovers
from wideopen.batch.discover import Job, comparison_path
from wideopen.batch.stores import Place, Url, exists, make_place, read, write
from wideopen.errors import ModelError, OutputError, StoreError, WideopenError
from wideopen.options import BatchOptions, RenderOptions
from wideopen.photo.files import decode, output_format, to_bytes
from wideopen.photo.photo import Photo
from wideopen.render.before_after import before_after
from wideopen.render.rendered import Rendered
from wideopen.render.renderer import Renderer
from wideopen.render.seeing import see

Status = Literal["done", "skipped", "failed", "left"]
Identity = tuple[int, int] | str
"""Device and inode of a file, or a URL."""
MOST_IN_FLIGHT = 4
"""More at a time bring no more photos per minute, and each needs memory."""
ROOM_BYTES = 200_000_000
"""No further photo is decoded while those in flight have this much of pixels."""
OPENVINO_PHOTOS = 12
"""So many photos are worth an engine that is slow to start and fast to run."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)


@dataclass(frozen=True)
class Outcome:
    """What became of one photo."""

    job: Job
    status: Status
    """`left`: not begun, because nothing could be written any more."""
    error: str | None = None
    """One line, where it failed."""
    notices: tuple[str, ...] = ()
    """What a person should know of the photo."""
    size: tuple[int, int] | None = None
    """Width and height in px."""
    seconds: float = 0.0
    comparison: Place | None = None
    """Where photo and result in one picture were written."""


@dataclass(frozen=True, eq=False)
class _Made:
    """A photo's results, encoded."""

    files: list[tuple[Place, bytes]]
    done: Rendered
    seconds: float
    beside: list[tuple[Path, bytes]]


def make_renderer(options: RenderOptions, photos: int, in_flight: int | None = None) -> Renderer:
    """A renderer for so many photos, with its threads shared among those in flight."""
    many = photos >= OPENVINO_PHOTOS
    flights = flights_of(photos, in_flight)
    if options.threads is None and flights > 1 and not _through_openvino(options, many):
        # One photo on each core gets on faster than one photo on all cores, one after another.
        options = replace(options, threads=max(1, (os.cpu_count() or 1) // flights))
    return Renderer(options, many)


def flights_of(photos: int, in_flight: int | None = None) -> int:
    """How many of so many photos are worked on at a time."""
    return max(1, min(photos, in_flight or min(MOST_IN_FLIGHT, os.cpu_count() or 1)))


def outputs_of(job: Job, options: BatchOptions) -> list[Place]:
    """What a job is to write and may find there, its result last; files beside a picture are not among them."""
    if not job.draws:
        return [*(path for path in job.beside.paths if path != job.output), job.output]
    return [job.output] if options.before_after is None else [comparison_path(job.output), job.output]


def foresee(
    job: Job, options: BatchOptions, taken: frozenset[Identity], there: Callable[[Place], bool] = exists
) -> Outcome | None:
    """What is known of a job before any work: it fails, or is done already. None if it is to be tried.

    Args:
        taken: `identities` of all photos, on none of which a result may be written.
        there: whether a result is there already.
    """
    if job.fault:
        return Outcome(job, "failed", job.fault)
    outputs = outputs_of(job, options)
    try:
        for path in outputs:
            own = options.in_place and path == job.output
            if _identity(path) in taken and not own:
                raise OutputError(f"{path}: is a photo that is to be rendered; choose another name for the result")
        if options.skip_existing and all(map(there, outputs)):
            return Outcome(job, "skipped")
        job.beside.check()
        for path in outputs:
            if job.draws:
                output_format(path)
            own = options.in_place and path == job.output
            if not options.skip_existing and not options.overwrite and not own and there(path):
                raise OutputError(f"{path}: exists already; --skip-existing leaves it, --overwrite replaces it")
    except (OutputError, StoreError) as error:
        return Outcome(job, "failed", str(error))
    return None


def identities(jobs: Sequence[Job]) -> frozenset[Identity]:
    """Which file every photo is, of those that are there."""
    return frozenset(found for job in jobs if (found := _identity(job.photo)) is not None)


def render_batch(
    renderer: Renderer,
    jobs: Sequence[Job],
    options: BatchOptions,
    targets: "Targets | None" = None,
    hold: Callable[[bool], None] = lambda _: None,
) -> Generator[Outcome, None, None]:
    """Render photos, some at a time; their outcomes come as they are ready. Folders for results are made.

    Args:
        targets: what batches before this one found out about where results go.
        hold: called with True before a result is written, and with False once its outcome has been taken: who stops
            the batch by an exception in between would leave a result behind that nobody was told of.

    Raises:
        ModelError: the model cannot be loaded, so that no photo can be rendered.
        ModuleNotFoundError: an extra is missing that the options need.
    """
    flights = flights_of(len(jobs), options.in_flight)
    taken, room = identities(jobs), _Room()
    targets = Targets() if targets is None else targets
    waiting, running = iter(jobs), dict[Future[_Made | str | None], Job]()
    pool = ThreadPoolExecutor(flights)
    try:
        while True:
            for job in waiting:
                known = (
                    Outcome(job, "left")
                    if targets.full
                    else foresee(job, options, taken, targets.there) or targets.prepare(job)
                )
                if known is not None:
                    yield known
                    continue
                running[pool.submit(_attempt, renderer, job, options, room)] = job
                # One more than there are workers, so that none waits for us.
                if len(running) > flights:
                    break
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                made, job = future.result(), running.pop(future)
                if not isinstance(made, _Made):
                    yield Outcome(job, "failed", made) if made else Outcome(job, "skipped")
                    continue
                hold(True)
                outcome, no_room = _write(made, job, options)
                targets.full = targets.full or no_room
                yield outcome
                hold(False)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


class Targets:
    """Folders for results: each made, without what a killed process left in it, before the first photo needs it."""

    def __init__(self, there: Callable[[Place], bool] = exists) -> None:
        self.there = there
        """Whether a result is there, as far as is to be known before work."""
        self.full = False
        """Whether there is no room for any more results."""
        self._troubles: dict[Place, str | None] = {}

    def prepare(self, job: Job) -> Outcome | None:
        """The failure of a job whose folder cannot be written to; None if it can."""
        folder = job.output.parent
        if folder not in self._troubles:
            self._troubles[folder] = None
            try:
                make_place(folder)
                if isinstance(folder, Path):
                    clear_leftovers(folder)
            except OutputError as error:
                self._troubles[folder] = str(error)
        trouble = self._troubles[folder]
        return None if trouble is None else Outcome(job, "failed", trouble)


class _Room:
    """Memory for photos in flight: they are decoded one at a time, while those before them leave room."""

    def __init__(self) -> None:
        self._turn, self._changed, self._used = Lock(), Condition(), 0

    def take(self, decode: Callable[[], Photo]) -> tuple[Photo, int]:
        with self._turn:
            with self._changed:
                self._changed.wait_for(lambda: self._used < ROOM_BYTES)
            photo = decode()
            with self._changed:
                self._used += photo.pixels.nbytes
            return photo, photo.pixels.nbytes

    def give(self, size: int) -> None:
        with self._changed:
            self._used -= size
            self._changed.notify_all()


def _attempt(renderer: Renderer, job: Job, options: BatchOptions, room: _Room) -> _Made | str | None:
    """A photo's results, or one line that says why there are none; None if they are there already."""
    try:
        if options.skip_existing and all(map(exists, outputs_of(job, options))):
            return None  # Another process was faster.
        return _make(renderer, job, options, room)
    except ModelError as error:
        if not renderer.loaded:
            raise
        return str(error)
    except WideopenError as error:
        return str(error)
    except ModuleNotFoundError:
        raise
    except MemoryError:
        return f"{job.photo}: not enough memory for it; make it smaller, or have fewer in flight (--in-flight 1)"
    except Exception as error:  # One photo is no reason to lose the others.
        line = " ".join(str(error).split())
        return f"{job.photo}: failed in a way that it should not ({type(error).__name__}: {line}); please report it"


def _make(renderer: Renderer, job: Job, options: BatchOptions, room: _Room) -> _Made:
    started = time.perf_counter()
    data = read(job.photo)
    taken, size = room.take(lambda: decode(data, str(job.photo)))
    try:
        name = str(job.photo)
        if not job.draws:
            files, done = job.beside.files(renderer.sources, see(renderer.sources, data, name, taken), name)
            wanted = [file for file in files if not (options.skip_existing and exists(file[0]))]
            wanted.sort(key=lambda file: file[0] == job.output)  # The result last: where it is, the others are.
            return _Made([*wanted], done, time.perf_counter() - started, [])
        spend = not job.beside and options.before_after is None
        done = renderer.render_bytes(data, name, taken=taken, spend=spend)
        beside, done = job.beside.files(renderer.sources, done, name)
        return _Made(_files(renderer, job, options, done), done, time.perf_counter() - started, beside)
    finally:
        room.give(size)


def _files(renderer: Renderer, job: Job, options: BatchOptions, done: Rendered) -> list[tuple[Place, bytes]]:
    """The result comes last: where it is, the others are."""
    files, outputs = [], outputs_of(job, options)
    for path in outputs:
        if options.skip_existing and len(outputs) > 1 and exists(path):
            continue
        if path == job.output:
            files.append((path, to_bytes(done.result, output_format(path), str(path), renderer.options.quality)))
        elif options.before_after is not None:
            picture = before_after(done.taken, done.result, options.before_after)
            files.append((path, to_bytes(picture, "JPEG", str(path))))
    return files


def _write(made: _Made, job: Job, options: BatchOptions) -> tuple[Outcome, bool]:
    """Write a photo's results; also whether there is no room for any more."""
    pixels = made.done.taken.pixels
    if not made.files:
        return Outcome(job, "skipped"), False  # Another process was faster.
    try:
        for path, data in made.files:
            write(path, data, options.overwrite or (options.in_place and path == job.output))
        for path, data in made.beside:
            write(path, data, options.overwrite)
    except OutputError as error:
        if options.skip_existing and _is_there(job.output):
            return Outcome(job, "skipped"), False
        reason = error.__cause__.errno if isinstance(error.__cause__, OSError) else None
        return Outcome(job, "failed", str(error)), reason in _NO_ROOM
    notices = made.done.notices(output_format(job.output) if job.draws else None)
    size = (pixels.shape[1], pixels.shape[0])
    comparison = next((path for path, _ in made.files if path != job.output), None) if job.draws else None
    return Outcome(job, "done", None, notices, size, made.seconds, comparison), False


def _is_there(path: Place) -> bool:
    try:
        return exists(path)
    except StoreError:
        return False


def _identity(path: Place) -> Identity | None:
    if isinstance(path, Url):
        return str(path)
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _through_openvino(options: RenderOptions, many: bool) -> bool:
    from wideopen.scene.runtimes import has_openvino

    return options.engine == "openvino" or (options.engine == "auto" and many and has_openvino())
