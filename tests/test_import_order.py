"""Rooms import only from the rooms below them, lazily or not, and stay small enough to be read."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

import wideopen

ROOT = Path(wideopen.__file__).parent
ALLOWED = {
    "image": "",
    "gain": "image",
    "photo": "image gain",
    "scene": "image gain photo",
    "lens": "image gain photo scene",
    "render": "image gain photo scene lens",
    "batch": "image gain photo scene lens render",
    "pairs": "image gain photo scene lens",
    "synthesis": "image gain photo scene lens batch pairs",
    "network": "image",
    "training": "image gain photo scene lens pairs network",
    "evaluation": "image gain photo scene lens render pairs network",
    "export": "image gain photo scene lens render pairs network evaluation",
    "web": "image gain photo scene lens render batch",
    "cli": "image gain photo scene lens render batch pairs synthesis network training evaluation export web",
}
"""What each room may import beside itself and the modules at the top, which import nothing else of ours."""
TOP = {"options", "option_texts", "errors", "extras", "hub", "atomic_write", "presets", "quiet", "_types", "_version"}


def modules() -> dict[str, tuple[str, ast.Module]]:
    """Dotted name below `wideopen` -> room and syntax tree; the facade `__init__` and `__main__` stand above all."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(part for part in parts if part != "__init__")
        if name and name != "__main__":
            found[name] = (parts[0] if len(parts) > 1 else "", ast.parse(path.read_text(encoding="utf-8")))
    return found


def imported(tree: ast.Module, known: set[str]) -> set[str]:
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            names |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return {name.removeprefix("wideopen.") for name in names} & known


def test_rooms_import_only_from_below_and_without_cycles() -> None:
    found = modules()
    graph = {name: imported(tree, set(found)) - {name} for name, (_, tree) in found.items()}
    assert {name for name, (room, _) in found.items() if not room} == TOP
    assert {room for room, _ in found.values()} == {"", *ALLOWED}
    wrong = [
        f"{name} imports {other}"
        for name, others in graph.items()
        for other in others
        if found[other][0] not in {"", found[name][0], *ALLOWED.get(found[name][0], "").split()}
    ]
    assert not wrong, "\n".join(wrong)
    TopologicalSorter(graph).prepare()  # CycleError names the modules of a cycle.


def test_rooms_files_and_functions_stay_small() -> None:
    for room in ALLOWED:
        assert len([path for path in (ROOT / room).glob("*.py") if path.name != "__init__.py"]) <= 20, room
    for path in ROOT.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        assert text.count("\n") <= 400, path
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                # From the first statement: the parameters of a command are the table of its options.
                assert (node.end_lineno or 0) - node.body[0].lineno < 80, f"{path}: {node.name}"
