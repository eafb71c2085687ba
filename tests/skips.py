"""Hooks of pytest: which processor a run was on, and that under CI no test is skipped without a reason that we know.

A test that asks for a program or package which is not there is skipped, so that everybody can run the others. Where
`CI` is `true` everything is to be there: a skip for any reason that is not in `MAY_BE_SKIPPED` fails the run.
"""

import os
import platform
from pathlib import Path

import pytest

MAY_BE_SKIPPED = {
    "asked for by WIDEOPEN_FUZZ_MINUTES": "runs for as many minutes as a person gives it",
    "mounting is not allowed here": "containers seldom let even root mount a disk",
    "no mounting here": "the same",
    "only root mounts": "the same, as another user",
    "only root can mount": "the same",
    "no folder elsewhere in which even root cannot write": "Linux alone has such a folder",
    "memory is measured as Linux does": "Linux alone",
    "Windows allows no such names": "not on Windows",
    "needs /proc": "Linux alone",
    "GIMP 3 is not installed": "Debian 12 and Ubuntu 24.04 have GIMP 2.10, which has no Python 3",
    "could not import 'fcntl'": "not on Windows",
    "could not import 'pty'": "not on Windows",
}
"""How a reason begins, and why it is one under CI, too."""
INSTRUCTIONS = ("avx2", "fma", "f16c", "avx512f", "avx512_vnni", "avx512_bf16", "amx_tile", "amx_bf16", "neon", "asimd")

_unknown: list[str] = []


def processor() -> str:
    """Processor, instructions that kernels are chosen by, cores, and what forbids some of these."""
    model, flags = platform.processor() or platform.machine(), ""
    info = Path("/proc/cpuinfo")
    if info.exists():
        lines = [line.partition(":") for line in info.read_text().splitlines()]
        facts = {name.strip().lower(): value.strip() for name, _, value in reversed(lines)}
        model, flags = facts.get("model name", model), facts.get("flags", facts.get("features", ""))
    known = [name for name in INSTRUCTIONS if name in flags.split()]
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    limits = [f"{name}={os.environ[name]}" for name in ("OMP_NUM_THREADS", "ATEN_CPU_CAPABILITY") if name in os.environ]
    return f"processor: {'; '.join([model, ' '.join(known) or 'no instructions told', f'cores: {cores}', *limits])}"


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Under pytest-xdist this hears of every worker's tests."""
    _note(report)


def pytest_collectreport(report: pytest.CollectReport) -> None:
    """A whole file may be skipped."""
    _note(report)


def _note(report: pytest.TestReport | pytest.CollectReport) -> None:
    if not report.skipped or hasattr(report, "wasxfail") or not isinstance(report.longrepr, tuple):
        return
    reason = report.longrepr[2].removeprefix("Skipped: ")
    if not reason.startswith(tuple(MAY_BE_SKIPPED)):
        _unknown.append(f"{report.nodeid}: {reason}")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run."""
    if _fails(session.config) and session.exitstatus in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say which processor it was, which pytest's own header does not under -q, and which tests these are."""
    terminalreporter.line(processor())
    if _fails(config):
        terminalreporter.section("skipped, but must run where CI=true", red=True)
        for line in _unknown:
            terminalreporter.line(line)
        terminalreporter.line(f"What may be skipped stands in {Path(__file__).name}.")


def _fails(config: pytest.Config) -> bool:
    return bool(_unknown) and os.environ.get("CI") == "true" and not hasattr(config, "workerinput")
