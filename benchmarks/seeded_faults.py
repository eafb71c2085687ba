"""Faults seeded into the source, one at a time: how many of them do the tests notice?

    pip install coverage pytest-cov
    python benchmarks/seeded_faults.py [--faults 60] [--seed 0] [--rooms photo scene lens render] [--map FILE]
        [--tests tests/photo tests/scene ...] [--slow]

A fault is one operator, condition or number changed at random in a copy of the source: `<` becomes `>=`, `+` becomes
`-`, `and` becomes `or`, `min` becomes `max`, a condition is turned over, a number grows by one or to its double. Rooms
are drawn alike, lines within a room alike; messages, annotations and documentation are left alone. First, the tests of
`make test-fast` (`--tests`: of some folders alone; `--slow`: of `make test`) run once to record which of them reach
which line (`--map` keeps that in a file and reads it again).
Then each fault meets the tests that reach its line, the quick ones first, until one fails. One in a line that runs when
the module is imported meets those that reach anything in its file. What no test reaches is missed.
Prints a table of what was missed, the share that was caught, and the figures as JSON on the last line.
"""

import argparse
import ast
import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parent.parent
LIMIT_S = 600
"""For the tests of one fault: one that hangs is noticed, too."""
QUICK = 40
"""So many tests are tried before the rest of those that reach a line."""
COMPARED = {ast.Lt: ">=", ast.GtE: "<", ast.Gt: "<=", ast.LtE: ">", ast.Eq: "!=", ast.NotEq: "=="}
COMPARED |= {ast.In: "not in", ast.NotIn: "in", ast.Is: "is not", ast.IsNot: "is"}
CALCULATED = {ast.Add: "-", ast.Sub: "+", ast.Mult: "/", ast.Div: "*", ast.FloorDiv: "*", ast.Mod: "+"}


@dataclass(frozen=True)
class Fault:
    """`old` at a place in a file (line from 1, column from 0, both of the first character) becomes `new`."""

    path: str
    line: int
    column: int
    old: str
    new: str

    def seed(self, root: Path) -> None:
        """Put it into the copy of the source under `root`."""
        file = root / self.path
        lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
        start = sum(len(line) for line in lines[: self.line - 1]) + self.column
        text = "".join(lines)
        file.write_text(text[:start] + self.new + text[start + len(self.old) :], encoding="utf-8")


class _Places(ast.NodeVisitor):
    """Every fault that may be seeded into one file."""

    def __init__(self, path: str, text: str) -> None:
        self.path, self.text = path, text
        self.lines = text.splitlines()
        self.found: list[Fault] = []

    def _add(self, node: ast.expr, new: str) -> None:
        old = ast.get_source_segment(self.text, node)
        if old is not None and self.lines[node.lineno - 1].isascii():
            self.found.append(Fault(self.path, node.lineno, node.col_offset, old, new))

    def _between(self, left: ast.expr, right: ast.expr, whole: ast.expr, word: str) -> None:
        """The expression anew, with `word` for what stands between its two sides."""
        sides = [ast.get_source_segment(self.text, side) for side in (left, right)]
        self._add(whole, f"(({sides[0]}) {word} ({sides[1]}))")

    def visit_Compare(self, node: ast.Compare) -> None:  # noqa: N802
        if len(node.ops) == 1:
            self._between(node.left, node.comparators[0], node, COMPARED[type(node.ops[0])])
        self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> None:  # noqa: N802
        if type(node.op) in CALCULATED and not any(isinstance(n, ast.JoinedStr) for n in ast.walk(node)):
            self._between(node.left, node.right, node, CALCULATED[type(node.op)])
        self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> None:  # noqa: N802
        if len(node.values) == 2:
            self._between(node.values[0], node.values[1], node, "or" if isinstance(node.op, ast.And) else "and")
        self.generic_visit(node)

    def visit_IfExp(self, node: ast.IfExp) -> None:  # noqa: N802
        self._add(node.test, f"(not ({ast.get_source_segment(self.text, node.test)}))")
        self.generic_visit(node)

    def visit_If(self, node: ast.If) -> None:  # noqa: N802
        self._add(node.test, f"(not ({ast.get_source_segment(self.text, node.test)}))")
        self.generic_visit(node)

    def visit_Call(self, node: ast.Call) -> None:  # noqa: N802
        name = ast.unparse(node.func)
        for old, new in (("min", "max"), ("max", "min"), ("np.minimum", "np.maximum"), ("np.maximum", "np.minimum")):
            if name == old:
                self._add(node.func, new)
        self.generic_visit(node)

    def visit_Constant(self, node: ast.Constant) -> None:  # noqa: N802
        if type(node.value) is int:
            self._add(node, str(node.value + 1))
        elif type(node.value) is float:
            self._add(node, str(node.value * 2 or 1.0))

    def visit_JoinedStr(self, node: ast.JoinedStr) -> None:  # noqa: N802
        """What messages say is not a fault of this kind."""

    def visit_Raise(self, node: ast.Raise) -> None:  # noqa: N802
        """Nor are they here."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:  # noqa: N802
        if node.value is not None:
            self.visit(node.value)

    def visit_arguments(self, node: ast.arguments) -> None:
        for default in [*node.defaults, *(value for value in node.kw_defaults if value is not None)]:
            self.visit(default)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:  # noqa: N802
        self.visit(node.args)
        for statement in node.body:
            self.visit(statement)


def faults_of(room: str) -> list[Fault]:
    """All that may be seeded into a room, in the order of its lines."""
    found = []
    for file in sorted((ROOT / "src/wideopen" / room).rglob("*.py")):
        places = _Places(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8"))
        places.visit(ast.parse(places.text))
        found += places.found
    return found


def drawn(rooms: list[str], count: int, seed: int) -> list[Fault]:
    """So many faults in all, as many in each room, at most one a line; a line is drawn, then one of its faults."""
    rng, chosen = random.Random(seed), []
    for number, room in enumerate(rooms):
        by_line: dict[tuple[str, int], list[Fault]] = defaultdict(list)
        for fault in faults_of(room):
            by_line[fault.path, fault.line].append(fault)
        share = count // len(rooms) + (number < count % len(rooms))
        chosen += [rng.choice(by_line[line]) for line in sorted(rng.sample(sorted(by_line), share))]
    return chosen


def _pytest(arguments: list[str], source: Path, limit_s: float = LIMIT_S) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    search = os.pathsep.join([str(source), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": search, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=limit_s)


def tests_by_line(file: Path, tests: list[str], slow: bool) -> dict[str, dict[int, list[str]]]:
    """Path -> line (0: any of them) -> tests that reach it, the quickest first; `file` keeps what coverage recorded."""
    if not file.exists():
        os.environ["COVERAGE_FILE"], os.environ["COVERAGE_CORE"] = str(file.resolve()), "ctrace"
        report = file.with_suffix(".txt")
        arguments = ["--cov=wideopen", "--cov-context=test", "--cov-report=", "--durations=0", "--durations-min=0"]
        chosen = [*tests, "-m", "not cluster and not release" + " and not slow" * (not slow)]
        done = _pytest([*arguments, *chosen], ROOT / "src", limit_s=7200)
        report.write_text(done.stdout, encoding="utf-8")
        if done.returncode:
            sys.exit(f"The tests fail as they are:\n{done.stdout[-2000:]}")
    return _read_map(file)


def _read_map(file: Path) -> dict[str, dict[int, list[str]]]:
    from coverage.numbits import numbits_to_nums  # Not among what development needs.

    seconds: dict[str, float] = defaultdict(float)
    for line in file.with_suffix(".txt").read_text(encoding="utf-8").splitlines():
        words = line.split()
        if len(words) == 3 and words[0].endswith("s") and words[1] in ("call", "setup"):
            seconds[words[2]] += float(words[0][:-1])
    reached: dict[str, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    rows = sqlite3.connect(file).execute(
        "select file.path, context.context, numbits from line_bits join file on file.id = file_id "
        "join context on context.id = context_id where context.context != ''"
    )
    for path, context, bits in rows:
        if not Path(path).is_relative_to(ROOT):
            continue
        test = context.partition("|")[0]
        for line in numbits_to_nums(bits):
            reached[str(Path(path).relative_to(ROOT))][line].append(test)
    for lines in reached.values():
        lines[0] = [test for tests in lines.values() for test in tests]
        for line, tests in lines.items():
            lines[line] = sorted(set(tests), key=lambda test: (seconds[test], test))
    return reached


def is_caught(fault: Fault, tests: list[str]) -> bool:
    """Whether one of the tests fails, or hangs, with the fault in a copy of the source."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        shutil.copytree(ROOT / "src", copy / "src", ignore=shutil.ignore_patterns("__pycache__"))
        fault.seed(copy)
        try:
            rounds = [part for part in (tests[:QUICK], tests[QUICK:]) if part]
            return any(_pytest(["-x", *part], copy / "src").returncode != 0 for part in rounds)
        except subprocess.TimeoutExpired:
            return True


def check_map(tests: set[str]) -> None:
    """Exit if a test is no more: pytest would fail for that, and the fault would count as noticed."""
    if _pytest(["--collect-only", *sorted(tests)], ROOT / "src").returncode:
        sys.exit("Tests have changed since the map was recorded: delete it, and run again.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--faults", type=int, default=60)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--rooms", nargs="+", default=["photo", "scene", "lens", "render"])
    parser.add_argument("--tests", nargs="+", default=[], help="files or folders of tests")
    parser.add_argument("--slow", action="store_true", help="slow tests, too")
    parser.add_argument("--map", type=Path, default=Path(tempfile.gettempdir()) / "wideopen-tests-by-line")
    options = parser.parse_args()
    reached = tests_by_line(options.map, options.tests, options.slow)
    chosen = drawn(options.rooms, options.faults, options.seed)
    check_map({test for fault in chosen for test in reached.get(fault.path, {}).get(0, [])})
    missed, table = [], Table("missed", "was", "became", "tests that reach it")
    for number, fault in enumerate(chosen):
        lines = reached.get(fault.path, {})
        tests = lines.get(fault.line) or lines.get(0, [])
        caught = bool(tests) and is_caught(fault, tests)
        print(f"{number + 1}/{len(chosen)} {fault.path}:{fault.line} {'caught' if caught else 'MISSED'}", flush=True)
        if not caught:
            missed.append(fault)
            table.add_row(f"{fault.path}:{fault.line}", fault.old, fault.new, str(len(tests)))
    Console().print(table)
    caught_count = len(chosen) - len(missed)
    print(f"{caught_count} of {len(chosen)} seeded faults were noticed.")
    print(json.dumps({"faults": len(chosen), "caught": caught_count, "missed": [asdict(fault) for fault in missed]}))


if __name__ == "__main__":
    main()
