"""The worker processes, and the limits on what they do: time, memory, how many jobs there are.

Pebble stops a worker whose job takes too long, and starts another in its place; so it does when one dies. What a
worker knows of a photo is read again from the photo's file then, so nothing is lost.
"""

import asyncio
import contextlib
import multiprocessing
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pebble import ProcessExpired, ProcessPool
from starlette.types import Receive

from wideopen.errors import PhotoError, WideopenError
from wideopen.web import jobs
from wideopen.web.settings import ServeOptions, Share, worker_mb

_worker: jobs.Worker | None = None
"""Of a worker process."""
START_S = 60.0
"""Longest that a worker may take to start."""


class BusyError(WideopenError):
    """As many jobs wait as may."""


class LeftError(WideopenError):
    """The client left before its job was begun."""


def _start(model: Path | None, threads: int, megapixels: int, memory_mb: int) -> None:
    """What a worker process does first."""
    global _worker
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource

        # Allocations fail above a limit, where the system can do that: one bad photo must not take the machine down.
        # Libraries and thread stacks claim addresses that they never fill; those are not counted as photos are.
        limit = (memory_mb << 20) + (1 << 30)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    _worker = jobs.Worker(model, threads, megapixels)


def _run(job: str, *values: Any) -> Any:
    """One job, in a worker."""
    assert _worker is not None, "it has started"
    return getattr(_worker, job)(*values)


class Crew:
    """Workers of two kinds: those that draw what is shown, one for a photo, and those that make files."""

    def __init__(self, options: ServeOptions, share: Share) -> None:
        self._seconds, self._workers = options.job_seconds, share.screen + share.full
        self._most, self._jobs = options.queue + self._workers, 0
        # Spawned: a fork of a process with threads may hang.
        context = multiprocessing.get_context("spawn")

        def pool(kind: str, workers: int) -> ProcessPool:
            values = (options.model, share.threads, options.megapixels, worker_mb(kind, options.megapixels))
            return ProcessPool(workers, initializer=_start, initargs=values, context=context)

        self._screen = [pool("screen", 1) for _ in range(share.screen)]
        self._full = pool("full", share.full)
        self._pools = [*self._screen, self._full]

    @contextlib.contextmanager
    def at_work(self) -> Iterator["Crew"]:
        """Start all, wait until they can work, so that nobody waits for that later, and stop them at the end."""
        try:
            for warm in [pool.schedule(_run, args=("warm",), timeout=START_S) for pool in self._pools]:
                warm.result()
            yield self
        finally:
            for pool in self._pools:
                pool.stop()
            for pool in self._pools:
                pool.join()

    @property
    def healthy(self) -> bool:
        """Whether workers can be given work."""
        return all(pool.active for pool in self._pools)

    @property
    def waiting(self) -> int:
        """Jobs beyond those that all workers do at once."""
        return max(0, self._jobs - self._workers)

    async def do(self, receive: Receive, job: str, photo: Path, *values: Any) -> Any:
        """One job of `jobs.Worker`, by its name; what is shown of a photo comes from one worker, which remembers it.

        Args:
            receive: of the request, which has nothing more to give; it says when the client leaves.

        Raises:
            BusyError, LeftError, WideopenError: one line for a person, about the photo.
        """
        screen = self._screen[zlib.crc32(str(photo).encode()) % len(self._screen)]
        return await self._do(self._full if job == "make" else screen, photo.name, receive, _run, job, photo, *values)

    async def _do(self, pool: ProcessPool, name: str, receive: Receive, job: Callable[..., Any], *values: Any) -> Any:
        if self._jobs >= self._most:
            raise BusyError("too much to do at the moment; try again in a minute")
        self._jobs += 1
        try:
            return await _result(pool.schedule(job, args=values, timeout=self._seconds), name, receive)
        except TimeoutError:
            raise PhotoError(f"{name}: took longer than {self._seconds} s, which is the limit here") from None
        except (ProcessExpired, MemoryError):
            raise PhotoError(f"{name}: took more memory than is allowed here, or broke its decoder") from None
        except ModuleNotFoundError as error:
            raise PhotoError(f"{name}: needs {error.name}, which is not installed here") from None
        except ValueError as error:
            raise PhotoError(f"{name}: {error}") from error
        finally:
            self._jobs -= 1


async def _result(future: Any, name: str, receive: Receive) -> Any:
    """The job's result; a job that has not begun when its client leaves is never begun."""

    async def left() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    job, leaving = asyncio.wrap_future(future), asyncio.ensure_future(left())
    try:
        await asyncio.wait([job, leaving], return_when=asyncio.FIRST_COMPLETED)
        if leaving.done() and not (job.done() or future.running()):
            raise LeftError(f"{name}: its client has left")
        await asyncio.wait([job])
        return job.result()
    finally:
        leaving.cancel()
        if not future.running():
            job.cancel()
