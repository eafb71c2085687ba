"""The command line: one module a command, each a thin door to one library call.

Commands are imported when they are asked for, so that `wideopen --help` answers at once.
"""

import os
import re
import shlex
import sys
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from wideopen._version import __version__
from wideopen.cli.options_of import words_of
from wideopen.cli.text import complain
from wideopen.errors import WideopenError
from wideopen.extras import missing_extra

COMMANDS = (
    "render", "matte", "serve", "page", "presets", "models", "doctor",
    "synthesize", "inspect", "train", "evaluate", "export", "convert",
)  # fmt: skip
"""Names in the order --help lists them; `wideopen.cli.NAME` holds the function NAME."""

_ADDRESS = re.compile(r"local|auto|[^/\\]+:\d+")
"""Of a Ray cluster."""
_UsageError: Any = typer.BadParameter.__mro__[1]
"""Typer does not name it in public, and where it is from depends on Typer's version."""


class Stopped(BaseException):
    """Ctrl-C, carried past Typer, which would end with code 1.

    Args:
        code: to exit with.
        at_once: nothing is left to clean up, and threads are not to be waited for.
    """

    def __init__(self, code: int = 130, at_once: bool = False) -> None:
        self.code, self.at_once = code, at_once


class Command(TyperCommand):
    """A command of which `--cluster` may stand alone, which Typer's options cannot: then it is `--cluster local`.

    What is not installed is named with the extra that brings it, and an option without its value with what it takes.
    """

    words: Mapping[str, Sequence[str]] = {}
    """The words that parameters take, by the parameters' names."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except ModuleNotFoundError as error:
            if (missing := missing_extra(error, self.name)) is None:
                raise
            raise missing from error

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        filled = [
            word
            for arg, following in zip(args, [*args[1:], ""], strict=False)
            for word in ([arg, "local"] if arg == "--cluster" and not _ADDRESS.fullmatch(following) else [arg])
        ]
        try:
            return super().parse_args(ctx, filled)
        except _UsageError as error:
            if takes := self._values_of(getattr(error, "option_name", None)):
                error.message = f"{error.message.rstrip('.')}: {takes}"
            raise

    def _values_of(self, option: str | None) -> str:
        """The words that an option takes, where they are few; nothing for any other option."""
        for parameter in self.params:
            if option in parameter.opts:
                *others, last = self.words.get(parameter.name or "", ("",))
                return f"{', '.join(others)} or {last}" if others else last
        return ""


class LazyGroup(TyperGroup):
    """Commands by name, each imported when it is first asked for."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise Stopped from stop

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        word = args[0]
        if word not in COMMANDS and not word.startswith("--"):
            raise _UsageError(f"No such command {word!r}; {_meant(args)}", ctx)
        return super().resolve_command(ctx, args)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in self.commands:
            single = typer.Typer(add_completion=False, rich_markup_mode="markdown")
            function = getattr(import_module(f"{__name__}.{cmd_name}"), cmd_name)
            single.command(cmd_name, cls=Command)(function)
            command: Any = typer.main.get_command(single)
            command.words = words_of(function)
            self.commands[cmd_name] = command
        return self.commands[cmd_name]


def _meant(args: list[str]) -> str:
    """What to type in place of words whose first is no command."""
    word = args[0]
    if os.path.exists(word) or any(mark in word for mark in "./*") or word == "-":  # A photo, a folder, a pattern.
        return f"did you mean: wideopen render {shlex.join(args)}"
    if near := get_close_matches(word, COMMANDS, 1):
        return f"did you mean: {shlex.join(['wideopen', *near, *args[1:]])}"
    return f"there are {', '.join(COMMANDS)}"


app = typer.Typer(
    cls=LazyGroup,
    no_args_is_help=True,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"wideopen {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Give it a sharp photo, and it gives back the one that a fast lens, wide open, would have taken."""


def main() -> None:
    """Run the command line. What a person can mend is one line on stderr and exit code 2, never a traceback."""
    # `scene/runtimes.py` turns ONNX Runtime's reports off; this keeps it from setting them up at all.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # Ray: no usage reports, no lines of its core on standard error, and none on standard output, among the results, of
    # workers that died; what matters comes as an error.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "^")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
    # TensorBoard imports TensorFlow where it is installed, which says on standard error what processor it has found.
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")
    try:
        app()
    except Stopped as stop:
        sys.stdout.flush()
        sys.stderr.flush()
        if stop.at_once:
            os._exit(stop.code)
        sys.exit(stop.code)
    except WideopenError as error:
        _fail(str(error))


def _fail(message: str) -> None:
    complain(message)
    sys.exit(2)
