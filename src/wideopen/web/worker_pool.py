"""The worker processes, and the limits on what they do: time, memory, how many jobs there are.

Pebble stops a worker whose job takes too long, and starts another in its place; so it does when one dies. What a
worker knows of a photo is read again from the photo's file then, so nothing is lost.
"""

import asyncio
import contextlib
import multiprocessing
import zlib
from collections.abc import Awaitable, Callable, Iterator, Sequence
from concurrent.futures import CancelledError, TimeoutError
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool

from wideopen.errors import PhotoError, WideopenError
from wideopen.options import RenderOptions
from wideopen.render.destinations import output_path
from wideopen.web import jobs
from wideopen.web.settings import ServeOptions, Share

_worker: jobs.Worker | None = None
"""Of a worker process."""
START_S = 60.0
"""Longest that a worker may take to start."""
LOOK_S = 0.25
"""How often it is looked whether the client of a waiting job is still there."""

Gone = Callable[[], Awaitable[bool]]
"""Whether the client has left."""


class BusyError(WideopenError):
    """As many jobs wait as may."""


class LeftError(WideopenError):
    """The client left before its job was begun."""


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
    """Workers of two kinds: those that draw what is shown, one for a photo, and those that make files.

    Args:
        options: limits.
        share: how many of each, with how many threads and MB.
    """

    def __init__(self, options: ServeOptions, share: Share) -> None:
        self._seconds, self._most = options.job_seconds, options.queue + share.screen + share.full
        self._jobs = 0
        # Spawned: a fork of a process with threads may hang.
        context = multiprocessing.get_context("spawn")

        def pool(kind: str, workers: int) -> ProcessPool:
            memory_mb = share.worker_mb(kind, options.megapixels)
            values = (options.model, share.threads, options.megapixels, memory_mb)
            return ProcessPool(workers, initializer=_start, initargs=values, context=context)

        self._screen = [pool("screen", 1) for _ in range(share.screen)]
        self._full = pool("full", share.full)
        self._workers = share.screen + share.full

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

    @property
    def waiting(self) -> int:
        """Jobs beyond those that all workers do at once."""
        return max(0, self._jobs - self._workers)

    async def scene(self, photo: Path, depth: Path | None, options: RenderOptions, gone: Gone) -> bytes:
        """See `jobs.Worker.scene`. A photo's jobs go to one worker, which remembers it."""
        return bytes(await self._do(self._of(photo), photo.name, gone, _run, "scene", photo, depth, options))

    async def show(self, photo: Path, depth: Path | None, options: RenderOptions, side: int, gone: Gone) -> bytes:
        """See `jobs.Worker.show`."""
        return bytes(await self._do(self._of(photo), photo.name, gone, _run, "show", photo, depth, options, side))

    async def make(self, photo: Path, depth: Path | None, options: RenderOptions, folder: Path, gone: Gone) -> Path:
        """Render a whole file into a folder, by the name that the command line gives it."""
        output = folder / output_path(photo).name
        return Path(await self._do(self._full, photo.name, gone, _run, "make", photo, depth, options, output))

    def _of(self, photo: Path) -> ProcessPool:
        return self._screen[zlib.crc32(str(photo).encode()) % len(self._screen)]

    async def _do(self, pool: ProcessPool, name: str, gone: Gone, job: Callable[..., Any], *values: Any) -> Any:
        """One job in a worker, within its limits; what goes wrong is one line about the photo of that name.

        Raises:
            BusyError, LeftError, WideopenError: one line for a person.
        """
        if self._jobs >= self._most:
            raise BusyError("too much to do at the moment; try again in a minute")
        self._jobs += 1
        try:
            return await self._wait(pool.schedule(job, args=values, timeout=self._seconds), name, gone)
        except WideopenError as error:
            raise type(error)(plain(str(error), values)) from None
        except TimeoutError:
            raise PhotoError(f"{name}: took longer than {self._seconds} s, which is the limit here") from None
        except (ProcessExpired, CancelledError, MemoryError):
            raise PhotoError(f"{name}: took more memory than is allowed here, or broke its decoder") from None
        except ModuleNotFoundError as error:
            raise PhotoError(f"{name}: needs {error.name}, which is not installed here") from None
        finally:
            self._jobs -= 1

    async def _wait(self, future: Any, name: str, gone: Gone) -> Any:
        """The job's result; a job that has not begun when its client leaves is never begun."""
        done, loop = asyncio.Event(), asyncio.get_running_loop()
        future.add_done_callback(lambda _: loop.call_soon_threadsafe(done.set))
        try:
            while not done.is_set():
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(done.wait(), LOOK_S)
                if not done.is_set() and not future.running() and await gone():
                    future.cancel()
                    raise LeftError(f"{name}: its client has left")
        except asyncio.CancelledError:
            if not future.running():
                future.cancel()
            raise
        return future.result()


def plain(message: str, values: Sequence[Any] = ()) -> str:
    """A message for a browser: no folders of this machine, no options of the command line."""
    for value in values:
        if isinstance(value, Path):
            message = message.replace(f"{value.parent}/", "")
    return message.replace(" (--depth)", "").replace("; give one with --model", "")


@contextlib.contextmanager
def working(options: ServeOptions, share: Share) -> Iterator[Crew]:
    """A crew that is stopped at the end."""
    crew = Crew(options, share)
    try:
        crew.start()
        yield crew
    finally:
        crew.stop()
