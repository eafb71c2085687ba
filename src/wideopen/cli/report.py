"""What a person, or a script, is told of a batch: a bar while it runs, lines or JSON, what failed at the end."""

import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from wideopen.batch.batch import Outcome, outputs_of
from wideopen.batch.stores import Place
from wideopen.cli.text import complain, duration, in_options, shown
from wideopen.options import BatchOptions
from wideopen.render.side_files import layer_paths


@dataclass
class Report:
    """Outcomes as they come.

    Args:
        total: how many photos there are.
        as_json: a line of JSON for each on standard output, and one for all at the end.
        quiet: nothing but what failed.
    """

    total: int
    as_json: bool = False
    quiet: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    failed: list[Outcome] = field(default_factory=list)
    notices: dict[str, list[Outcome]] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)

    def follow(self, outcomes: Iterable[Outcome]) -> None:
        """Tell of all outcomes, with a bar on standard error if that is a terminal."""
        bar = self._bar()
        if bar is None:
            for outcome in outcomes:
                self.take(outcome, lines=True)
            return
        with bar:
            task = bar.add_task("", total=self.total, photo="", rate="")
            for outcome in outcomes:
                self.take(outcome, lines=not sys.stdout.isatty())
                rate = 60 * self.counts["done"] / max(time.perf_counter() - self.started, 1e-9)
                name = shown(outcome.job.photo.name, sys.stderr)
                bar.update(task, advance=1, photo=name[-40:], rate=f"{rate:.0f}/min" if rate else "")

    def take(self, outcome: Outcome, lines: bool) -> None:
        """Count an outcome and, if `lines`, say where its result is."""
        self.counts[outcome.status] += 1
        if outcome.status == "failed":
            self.failed.append(outcome)
        for notice in outcome.notices:
            self.notices.setdefault(notice, []).append(outcome)
        if self.as_json:
            _line(_described(outcome))
        elif lines and not self.quiet and outcome.status == "done":
            for path in (outcome.job.output, *_others(outcome)):
                sys.stdout.write(shown(path) + "\n")
            sys.stdout.flush()

    def end(self) -> int:
        """Say what failed and how many are done; the exit code."""
        seconds, counts = time.perf_counter() - self.started, self.counts
        if self.as_json:
            _line({"event": "end", **{name: counts[name] for name in ("done", "skipped", "failed", "left")},
                   "seconds": round(seconds, 3)})  # fmt: skip
        self._tell_notices()
        if self.total == 1:
            for outcome in self.failed:
                complain(outcome.error)
            if counts["skipped"] and not self.quiet and not self.as_json:
                complain("the result is there already")
        else:
            self._tell_failures()
            if not self.quiet:
                complain(f"{self._counted()} in {duration(seconds)}")
        return 1 if counts["failed"] or counts["left"] else 0

    def stopped(self, but: str = "") -> None:
        """Say that it was stopped and how to go on; `but`: what is not counted."""
        self._tell_failures()
        how = f"; {self._counted()}{but}; --skip-existing goes on from here" if self.total > 1 else ""
        complain(f"stopped{how}")

    def _tell_failures(self) -> None:
        for outcome in sorted(self.failed, key=lambda outcome: outcome.job.photo.parts):
            error, photo = str(outcome.error), str(outcome.job.photo)
            complain(error if photo in error else f"{photo}: {error}")

    def _tell_notices(self) -> None:
        if self.quiet:
            return
        for notice, outcomes in self.notices.items():
            more = f" (and {len(outcomes) - 1} more)" if len(outcomes) > 1 else ""
            complain(f"{outcomes[0].job.photo}{more}: {notice}")

    def _counted(self) -> str:
        words = {"done": "done", "skipped": "there already", "failed": "failed", "left": "not begun"}
        said = [f"{self.counts[name]} {word}" for name, word in words.items() if self.counts[name]]
        return f"{', '.join(said) or 'none done'}, of {self.total} photos"

    def _bar(self) -> Any:
        """A progress bar, where there is a terminal for it and something to wait for."""
        if self.quiet or self.total < 2 or not sys.stderr.isatty():
            return None
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        if console.is_dumb_terminal:
            return None
        return Progress(
            BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[rate]}", markup=False), TimeRemainingColumn(),
            TextColumn("{task.fields[photo]}", markup=False), console=console, transient=True,
        )  # fmt: skip


def planned(outcomes: Iterator[tuple[Any, Outcome | None]], options: BatchOptions, as_json: bool) -> int:
    """Tell what a batch would do (`--dry-run`); the exit code it would have as far as one knows."""
    code = 0
    for job, known in outcomes:
        comparison = next((path for path in outputs_of(job, options) if path != job.output and job.draws), None)
        status = "planned" if known is None else known.status
        code = max(code, int(status == "failed"))
        foreseen = replace(known or Outcome(job, "left"), comparison=comparison)
        if as_json:
            _line(_described(foreseen, status))
        elif status == "failed":
            complain(known.error if known else "")
        else:
            note = " (there already)" if status == "skipped" else ""
            written = ", ".join(shown(path) for path in (job.output, *_others(foreseen)))
            sys.stdout.write(f"{shown(job.photo)} -> {written}{note}\n")
    return code


def _others(outcome: Outcome) -> list[Place]:
    """What was written and is worth a line, beside the result itself."""
    beside: list[Place] = [path for path in outcome.job.beside.paths if path != outcome.job.output]
    return beside if outcome.comparison is None else [outcome.comparison, *beside]


def _described(outcome: Outcome, status: str | None = None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "event": "photo",
        "photo": str(outcome.job.photo),
        "output": str(outcome.job.output),
        "status": status or outcome.status,
    }
    if outcome.comparison is not None:
        found["before_after"] = str(outcome.comparison)
    beside = outcome.job.beside
    paths = {"depth": beside.save_depth, "depth_picture": beside.show_depth, "matte": beside.save_matte}
    for name, path in paths.items():
        if path is not None and path != outcome.job.output:
            found[name] = str(path)
    if beside.save_layers is not None:
        found["layers"] = [str(path) for path in layer_paths(beside.save_layers)]
    if outcome.error:
        found["error"] = in_options(outcome.error)
    if outcome.notices:
        found["notices"] = list(outcome.notices)
    if outcome.size:
        found.update(width=outcome.size[0], height=outcome.size[1], seconds=round(outcome.seconds, 3))
    return found


def _line(found: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(found) + "\n")
    sys.stdout.flush()
