"""The fields of an options dataclass as options of a command, so that each is declared once."""

import inspect
from collections.abc import Callable, Collection
from dataclasses import Field, fields
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import typer

from wideopen.options import RenderOptions

Options = TypeVar("Options")
Command = Callable[..., None]


def takes(*options: type[Any], only: Collection[str] | None = None) -> Callable[[Command], Command]:
    """Decorator: a command with a last parameter `**values` gets an option for every field of these dataclasses that
    is declared as one (`options.option`).

    Args:
        only: names of the fields, if not all.
    """

    def decorate(command: Command) -> Command:
        hints = {name: hint for kind in options for name, hint in get_type_hints(kind).items()}
        own = [p for p in inspect.signature(command).parameters.values() if p.kind is not p.VAR_KEYWORD]
        added = [
            inspect.Parameter(
                field.name,
                inspect.Parameter.KEYWORD_ONLY,
                default=None if field.metadata["parser"] else field.default,
                annotation=Annotated[_kind(field, hints[field.name]), _option(field)],
            )
            for kind in options
            for field in fields(kind)
            if field.metadata and (only is None or field.name in only)
        ]
        own = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
        command.__signature__ = inspect.Signature(own + added)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in own + added}
        return command

    return decorate


def build(options: type[Options], values: dict[str, Any]) -> Options:
    """The options object out of a command's values; what its rules refuse is a usage error."""
    own = {field.name: values[field.name] for field in fields(options) if field.name in values}  # type: ignore[arg-type]
    try:
        return options(**own)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def hold_threads(options: RenderOptions) -> None:
    """Hold OpenCV to the threads asked for, too: a process renders with one number of them, so it is its own to set."""
    if options.threads is not None:
        import cv2

        cv2.setNumThreads(options.threads)


def with_preset(ctx: typer.Context, values: dict[str, Any], preset: str | None, file: Path | None) -> dict[str, Any]:
    """Values with those of a preset where nothing was given by hand."""
    if preset is None:
        return values
    from wideopen.presets import find_preset

    settings = find_preset(preset, file).settings
    by_hand = {name for name in values if is_given(ctx, name)}
    return {**values, **{name: value for name, value in settings.items() if name not in by_hand}}


def words_of(command: Command) -> dict[str, tuple[str, ...]]:
    """The words that parameters of a command take, by their names, of those that take no others."""
    hints = {name: get_args(hint)[0] for name, hint in command.__annotations__.items() if get_args(hint)}
    kinds = {name: {hint, *get_args(hint)} for name, hint in hints.items()}
    return {
        name: tuple(map(str, get_args(kind)))
        for name, found in kinds.items()
        for kind in found
        if get_origin(kind) is Literal
    }


def is_given(ctx: typer.Context, name: str) -> bool:
    """Whether an option was given by hand."""
    source = ctx.get_parameter_source(name)
    return source is not None and not source.name.startswith("DEFAULT")


def _kind(field: Field[Any], hint: Any) -> Any:
    return str | None if field.metadata["parser"] else hint


def _option(field: Field[Any]) -> Any:
    flag, parser = "--" + field.name.replace("_", "-"), field.metadata["parser"]

    def parse(value: str | None) -> Any:
        if value is None:
            return None
        try:
            return parser(value)
        except ValueError as error:
            raise typer.BadParameter(str(error)) from error

    return typer.Option(
        flag,
        help=field.metadata["help"],
        rich_help_panel=field.metadata["panel"] or None,
        callback=parse if parser else None,
        show_default=field.default not in (None, False),
    )
