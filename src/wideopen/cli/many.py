"""Many photos, whatever is made of them: what is to be done, and telling of it as it is done."""

import os
import signal
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from threading import current_thread, main_thread

import typer

from wideopen.atomic_write import check_output, make_folder
from wideopen.batch.batch import Outcome, foresee, identities
from wideopen.batch.discover import BOKEH, Job, Product, called_like_results, find_photos, is_pattern, plan
from wideopen.batch.stores import Place, Url, place, what_is_there
from wideopen.cli import Stopped
from wideopen.cli.report import Report, planned
from wideopen.cli.text import complain
from wideopen.errors import OutputError
from wideopen.options import BatchOptions


def make_jobs(
    photos: list[str],
    output: str | None,
    name: str | None,
    suffix: str | None,
    recursive: bool,
    dry_run: bool,
    product: Product = BOKEH,
) -> list[Job]:
    """What is to be done; WideopenError or a usage error if that makes no sense as a whole."""
    if output is None:
        return plan(find_photos(photos, recursive), None, name, suffix, product)
    path = place(output)
    if isinstance(path, Url):
        return plan(find_photos(photos, recursive, leave_out=path), path, name, suffix, product)
    one = len(photos) == 1 and not os.path.isdir(photos[0]) and not is_pattern(photos[0])
    if one and not path.is_dir() and not output.endswith(("/", os.sep)):
        if name or suffix:
            raise typer.BadParameter("--name and --format are for results in folders; -o names this file")
        found = find_photos(photos)
        product.check(path)
        check_output(path, overwrite=True)
        if not dry_run:
            make_folder(path.parent)
        return [Job(found[0].photo, path, beside=product.files(path))]
    if path.suffix and not path.is_dir() and not output.endswith(("/", os.sep)) or path.is_file():
        raise typer.BadParameter(f"{path} is not a folder; several photos need one", param_hint="--output")
    jobs = plan(find_photos(photos, recursive, leave_out=path), path, name, suffix, product)
    if not dry_run:
        make_folder(path)
    return jobs


def tell_of_results(jobs: list[Job]) -> None:
    """Say which photos may be results of an earlier run under another name: nothing in a file tells them apart."""
    if found := called_like_results(jobs):
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        complain(f"{found[0]}{more}: called like an earlier result, and rendered as well; -o DIR keeps results apart")


def follow(outcomes: Generator[Outcome, None, None], report: Report, stop: "Stop", uncounted: str = "") -> int:
    """Tell of outcomes as they come; the exit code.

    Args:
        uncounted: what else may have been done when it is stopped.
    """
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


def foretell(jobs: list[Job], how: BatchOptions, as_json: bool, roots: list[str]) -> int:
    """Say what would be written where; the exit code it would have, as far as one knows."""
    taken, there = identities(jobs), already_there(roots)
    return planned(((job, foresee(job, how, taken, there)) for job in jobs), how, as_json)


def already_there(roots: list[str]) -> Callable[[Place], bool]:
    """Whether a result is there, where results go below these names."""
    return what_is_there(place(root) for root in roots if not is_pattern(root))


class _Terminated(KeyboardInterrupt):
    """SIGTERM, which is to be as clean as Ctrl-C."""


class Stop:
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
