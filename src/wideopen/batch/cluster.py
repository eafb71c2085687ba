"""Work spread over a Ray cluster: a pool of actors, fed by Ray Data, and what became of each item.

    items -> tasks of a few -> actors, a core each -> results, as they are ready

Ray Data has the pool, the back-pressure, and the retries of a task whose actor died. Ours is what is left to do where
they end: an item whose task was given up is tried alone, so that one that kills its worker takes no other along.
"""

import logging
import os
import pickle
import signal
import socket
import sys
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import current_thread, main_thread
from typing import TYPE_CHECKING, Any

from wideopen.errors import ClusterError, one_line

if TYPE_CHECKING:
    import pyarrow

Work = Callable[[list[Any]], list[Any]]
"""Does items, one after another: a result for each, in their order."""

OWN = "local"
"""Address of a cluster on this machine, started for one call and stopped after it."""
TASK_ITEMS, TASKS_EACH = 16, 4
"""Items of a task at most, and tasks for each worker that all items left make at least."""
RETRIES = 3
"""Of a task whose actor died, before its items are tried alone."""
REACH_S = 20.0
"""For a cluster's first answer."""
CURRENT = Path("/tmp/ray/ray_current_cluster")
"""Where Ray keeps the address of the cluster last started on this machine, as `ray.init` documents."""
STORE_BYTES = 200_000_000
"""For what goes between Ray's processes: names and outcomes, no photos."""


@dataclass(frozen=True)
class ClusterOptions:
    """Where work is spread."""

    address: str = OWN
    """`local`; `auto`, the cluster that this machine is part of; or HOST:PORT."""
    workers: int | None = None
    """Actors at most; as many as the cluster has cores for if None."""

    def __post_init__(self) -> None:
        if self.workers is not None and not 1 <= self.workers <= 100_000:
            raise ValueError(f"workers must be 1 to 100000, not {self.workers}")


class _Lost:
    """In place of a result: every worker that tried the item died."""


LOST = _Lost()
LOST_LINE = "every worker that began it died (killed, or out of memory); try it alone, or a smaller one"


def spread(
    make: Callable[[], Work], items: Sequence[Any], options: ClusterOptions, threads: int = 1
) -> Iterator[tuple[int, Any]]:
    """Do items on a cluster.

    Args:
        make: called once in every actor; items, results and it are pickled.
        threads: cores that each actor asks for.

    Returns the number of each item and its result, as they come, once each; `LOST` where there is none.

    Raises:
        ClusterError: no cluster, or no worker on it can begin.
        Exception: what `make` or its work raised; it ends everything.
        ModuleNotFoundError: no Ray.
    """
    with connected(options, threads):
        left = dict.fromkeys(range(len(items)))
        for most in (TASK_ITEMS, 1):
            for number, result in _one_pass(make, {number: items[number] for number in left}, options, threads, most):
                if number in left:
                    del left[number]
                    yield number, result
            if not left:
                return
        yield from ((number, LOST) for number in left)


def task_sizes(items: int, workers: int, most: int = TASK_ITEMS) -> list[int]:
    """How many items each task has, in the order they go out: fewer to the end, so that all are busy until it."""
    sizes: list[int] = []
    while items > 0:
        sizes.append(max(1, min(most, items // (workers * TASKS_EACH))))
        items -= sizes[-1]
    return sizes


def _one_pass(
    make: Callable[[], Work], items: dict[int, Any], options: ClusterOptions, threads: int, most: int
) -> Iterator[tuple[int, Any]]:
    import pyarrow as pa
    import ray
    from ray.data import ActorPoolStrategy, from_arrow

    workers = options.workers or max(1, int(ray.cluster_resources().get("CPU", 1)) // threads)
    numbers = iter(items)
    tables = [
        pa.table({"number": part, "item": [pickle.dumps(items[number]) for number in part]})
        for part in (list(islice(numbers, size)) for size in task_sizes(len(items), workers, most))
    ]
    with warnings.catch_warnings():
        # Of the number of retries, for which Ray Data has no parameter of its own yet.
        warnings.simplefilter("ignore", DeprecationWarning)
        done = from_arrow(tables).map_batches(
            _Actor,
            fn_constructor_args=(make,),
            batch_size=None,
            batch_format="pyarrow",
            compute=ActorPoolStrategy(min_size=1, max_size=workers, initial_size=min(workers, len(tables))),
            num_cpus=threads,
            ray_remote_args_fn=_remote_args,
        )
    try:
        for table in done.iter_batches(batch_size=None, batch_format="pyarrow"):
            for number, packed in zip(table["number"].to_pylist(), table["result"].to_pylist(), strict=True):
                result = pickle.loads(packed)
                if isinstance(result, _Raised):
                    raise result.error
                yield number, result
    except ray.exceptions.RayError as error:
        raise ClusterError(f"the cluster's workers cannot begin ({one_line(error, 300)})") from error


def _remote_args() -> dict[str, Any]:
    return {"max_task_retries": RETRIES}


@dataclass(frozen=True)
class _Raised:
    """An error that ends everything, on its way to who started it."""

    error: Exception


class _Actor:
    """A worker of Ray Data's pool."""

    def __init__(self, make: Callable[[], Work]) -> None:
        self._make = make
        self._work: Work | None = None

    def __call__(self, table: "pyarrow.Table") -> "pyarrow.Table":
        import pyarrow as pa

        items = [pickle.loads(packed) for packed in table["item"].to_pylist()]
        results: list[Any]
        try:
            if self._work is None:
                self._work = self._make()
            results = self._work(items)
        except Exception as error:  # What one machine would end with, too.
            results = [_Raised(error)] * len(items)
        return pa.table({"number": table["number"], "result": [pickle.dumps(result) for result in results]})


@contextmanager
def connected(options: ClusterOptions, threads: int = 1) -> Iterator[None]:
    """A connection to the cluster, unless the program that calls has one."""
    import ray

    with _quiet():
        if ray.is_initialized():
            yield
            return
        own: dict[str, Any] = {}
        if options.address == OWN:
            # No dashboard; Ray itself leaves usage reports off for a cluster that a program starts.
            own = {"include_dashboard": False, "object_store_memory": STORE_BYTES}
            own["num_cpus"] = None if options.workers is None else options.workers * threads
        try:
            _reach(options.address)
            with _signals_kept(), _core_unheard():
                ray.init(options.address, log_to_driver=False, logging_level=logging.ERROR, **own)
        except Exception as error:  # ConnectionError, ValueError, RuntimeError, by the kind of address.
            token = "; it asks for Ray's token (RAY_AUTH_MODE=token)" if "AuthToken" in str(error.__cause__) else ""
            raise ClusterError(f"no Ray cluster at {options.address} ({one_line(error, 300)}){token}") from error
        try:
            yield
        finally:
            ray.shutdown()


def _reach(address: str) -> None:
    """OSError if nothing answers at HOST:PORT, or where `auto` leads (a cluster that died left its address behind): Ray
    would wait many minutes for it."""
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS") or _text(CURRENT)
    host, _, port = address.rpartition(":")
    if host and "/" not in address and port.isdigit():
        socket.create_connection((host.strip("[]"), int(port)), REACH_S).close()


def _text(path: Path) -> str:
    """What is in a file; nothing if it is not there."""
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""


@contextmanager
def _signals_kept() -> Iterator[None]:
    """Ray takes SIGTERM for itself."""
    before = signal.getsignal(signal.SIGTERM)
    try:
        yield
    finally:
        if current_thread() is main_thread():
            signal.signal(signal.SIGTERM, before)


@contextmanager
def _core_unheard() -> Iterator[None]:
    """Told by its environment how much to say, Ray's core says that it was, on standard error, past Python."""
    if "RAY_BACKEND_LOG_LEVEL" not in os.environ or sys.stderr is None:
        yield
        return
    sys.stderr.flush()
    kept = os.dup(2)
    try:
        with open(os.devnull, "wb") as nothing:
            os.dup2(nothing.fileno(), 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep Ray Data's bars and logs off this process's output: outcomes say what a person should know.

    What Ray itself says of workers that died is the program's own to leave out, by `RAY_DEDUP_LOGS_SKIP_REGEX`.
    """
    from ray.data import DataContext

    context, log = DataContext.get_current(), logging.getLogger("ray.data")
    wanted = {"enable_progress_bars": False, "print_on_execution_start": False, "max_errored_blocks": -1}
    before, level = {name: getattr(context, name) for name in wanted}, log.level
    vars(context).update(wanted)
    log.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        vars(context).update(before)
        log.setLevel(level)
