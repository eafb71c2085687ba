"""The worker processes, and the limits on what they do: time, memory, how many there are.

Pebble stops a worker whose job takes too long, and starts another in its place; so it does when one dies. What a
worker knows of a photo is read again from the photo's file then, so nothing is lost.
"""

import contextlib
import multiprocessing
import tempfile
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError, TimeoutError
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from wideopen.errors import OutputError, PhotoError, WideopenError
from wideopen.options import RenderOptions
from wideopen.photo.encode import FORMATS
from wideopen.render.destinations import output_path
from wideopen.web import jobs
from wideopen.web.settings import ServeOptions, Share

_worker: jobs.Worker | None = None
"""Of a worker process."""
START_S = 60.0
"""Longest that a worker may take to start."""


def _start(model: Path | None, threads: int, megapixels: int, memory_mb: int) -> None:
    """What a worker process does first."""
    global _worker
    _limit_memory(memory_mb)
    _worker = jobs.Worker(model, threads, megapixels)


def _limit_memory(memory_mb: int) -> None:
    """Let allocations fail above a limit, where the system can: one bad photo must not take the machine down."""
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        # Libraries and thread stacks claim addresses that they never fill; those are not counted as photos are.
        limit = (memory_mb << 20) + (1 << 30)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def _run(name: str, *values: Any) -> Any:
    """One job, in a worker."""
    if _worker is None:
        raise RuntimeError("the worker has not started")
    return getattr(_worker, name)(*values)


def _ready() -> bool:
    """Whether a worker has started, its model warm."""
    return _worker is not None and _worker.warm()


class Crew:
    """Workers of two kinds: those that draw what is shown, one for a session, and those that make files.

    Args:
        options: limits.
        share: how many of each, with how many threads and MB.
    """

    def __init__(self, options: ServeOptions, share: Share) -> None:
        self._seconds, self._batch = options.job_seconds, options.batch
        # Spawned: a fork of a process with threads may hang.
        context = multiprocessing.get_context("spawn")

        def pool(kind: str, workers: int) -> ProcessPool:
            memory_mb = share.worker_mb(kind, options.megapixels)
            values = (options.model, share.threads, options.megapixels, memory_mb)
            return ProcessPool(workers, initializer=_start, initargs=values, context=context)

        self._screen = [pool("screen", 1) for _ in range(share.screen)]
        self._full = pool("full", share.full)

    def start(self) -> None:
        """Start all workers and wait until they can work, so that nobody waits for that later."""
        pools = [*self._screen, self._full]
        for future in [pool.schedule(_ready, timeout=START_S) for pool in pools]:
            future.result()

    def stop(self) -> None:
        """Stop all workers, whatever they do."""
        for pool in (*self._screen, self._full):
            pool.stop()
        for pool in (*self._screen, self._full):
            pool.join()

    def healthy(self) -> bool:
        """Whether workers can be given work."""
        return all(pool.active for pool in (*self._screen, self._full))

    def show(self, session: str, photo: Path, depth: Path | None, options: RenderOptions, folder: Path) -> jobs.Shown:
        """Render at screen size; see `jobs.Worker.show`. A session's jobs go to one worker, which remembers it.

        Raises:
            WideopenError: one line for a person.
        """
        pool = self._screen[zlib.crc32(session.encode()) % len(self._screen)]
        shown: jobs.Shown = self._do(pool, photo.name, _run, "show", photo, depth, options, folder)
        return shown

    def make(
        self, photo: Path, depth: Path | None, options: RenderOptions, folder: Path, lenient: bool = False
    ) -> Path:
        """Render a whole file into a new folder below `folder`, by the name that the command line gives it."""
        home = Path(tempfile.mkdtemp(dir=folder))
        output = home / output_path(photo).name
        made: Path = self._do(self._full, photo.name, _run, "make", photo, depth, options, output, lenient)
        return made

    def make_all(
        self, photos: Sequence[Path], options: RenderOptions, folder: Path, progress: Callable[[int, int, str], None]
    ) -> tuple[Path, list[str]]:
        """Render several files into one zip.

        Returns:
            The zip, and one line for each photo that failed.

        Raises:
            PhotoError: none, too many, or all failed.
        """
        if not 0 < len(photos) <= self._batch:
            raise PhotoError(f"{len(photos)} photos: a batch takes from 1 to {self._batch}")
        home, failed = Path(tempfile.mkdtemp(dir=folder)), []
        names: set[str] = set()
        zipped = home / "wideopen.zip"
        with zipfile.ZipFile(zipped, "w", zipfile.ZIP_STORED) as bundle:  # Photos are compressed already.
            for index, photo in enumerate(photos):
                progress(index, len(photos), photo.name)
                try:
                    made = self.make(photo, None, options, home, lenient=True)
                except WideopenError as error:
                    failed.append(str(error))
                    continue
                name = _unused(made.name, names)
                bundle.write(made, name)
                made.unlink()
                made.parent.rmdir()
        if len(failed) == len(photos):
            zipped.unlink()
            raise PhotoError("; ".join(failed))
        return zipped, failed

    def _do(self, pool: ProcessPool, name: str, job: Callable[..., Any], *values: Any) -> Any:
        """One job in a worker, within its limits; what goes wrong is one line about the photo of that name."""
        try:
            return pool.schedule(job, args=values, timeout=self._seconds).result()
        except WideopenError as error:
            raise type(error)(plain(str(error), values)) from None
        except TimeoutError:
            raise PhotoError(f"{name}: took longer than {self._seconds} s, which is the limit here") from None
        except (ProcessExpired, CancelledError, MemoryError):
            raise PhotoError(f"{name}: took more memory than is allowed here, or broke its decoder") from None
        except ModuleNotFoundError as error:
            raise PhotoError(f"{name}: needs {error.name}, which is not installed here") from None


def plain(message: str, values: Sequence[Any] = ()) -> str:
    """A message for a browser: no folders of this machine, no options of the command line."""
    for value in values:
        if isinstance(value, Path):
            message = message.replace(f"{value.parent}/", "")
    return message.replace(" (--depth)", "").replace("; give one with --model", "")


def check_name(photo: Path) -> None:
    """Refuse a file whose name says that it is no photo, before anything reads it; OutputError."""
    known = [suffix for suffixes in FORMATS.values() for suffix in suffixes]
    if photo.suffix.lower() not in known:
        raise OutputError(f"{photo.name}: not a name of a photo; these are read: {', '.join(known)}")


def _unused(name: str, names: set[str]) -> str:
    """The name, or with a number if it is taken; kept in `names`."""
    path, count = Path(name), 1
    while name in names:
        count += 1
        name = f"{path.stem}-{count}{path.suffix}"
    names.add(name)
    return name


@contextlib.contextmanager
def working(options: ServeOptions, share: Share) -> Iterator[Crew]:
    """A crew that is stopped at the end."""
    crew = Crew(options, share)
    try:
        crew.start()
        yield crew
    finally:
        crew.stop()
