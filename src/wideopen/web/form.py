"""The options of library and command line as fields of an HTTP form, by their names."""

import inspect
from collections.abc import Callable, Mapping
from dataclasses import Field, fields
from typing import Annotated, Any, get_args, get_type_hints

from fastapi import Form

from wideopen.options import RenderOptions

LEFT_OUT = ("model", "engine", "precision", "threads", "best", "depth", "depth_model", "shape", "strokes")
"""The deployer's business, and paths on the server."""
MATTES = (None, "auto", "none", "photo")
"""Sources of mattes that name nothing of the server's."""


def option_fields() -> list["Field[Any]"]:
    """Those fields of `RenderOptions` that a client may set."""
    return [item for item in fields(RenderOptions) if item.name not in LEFT_OUT]


def with_options(endpoint: Callable[..., Any]) -> Callable[..., Any]:
    """The endpoint whose last parameter, `given`, holds the options that came, with one form field for each of them:
    FastAPI reads and describes them by the signature. A field that it does not know is a ValueError."""
    hints = get_type_hints(RenderOptions)
    own = [part for name, part in inspect.signature(endpoint).parameters.items() if name != "given"]
    kept = [part.replace(kind=inspect.Parameter.KEYWORD_ONLY) for part in own]
    names = [item.name for item in option_fields()]
    added = []
    for item in option_fields():
        kind: Any = str if item.metadata["parser"] else hints[item.name]
        field = Annotated[kind | None, Form(description=item.metadata["help"])]
        added.append(inspect.Parameter(item.name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=field))

    known = {*names, *(part.name for part in own)}

    async def run(**values: Any) -> Any:
        for name in await values["request"].form():
            if name not in known:
                raise ValueError(f"there is no field {name!r} here; /openapi.json lists those that there are")
        given = {name: value for name in names if (value := values.pop(name)) is not None}
        return await endpoint(**values, given=given)

    run.__name__, run.__doc__ = endpoint.__name__, endpoint.__doc__
    run.__signature__ = inspect.Signature([*kept, *added])  # type: ignore[attr-defined]
    run.__annotations__ = {part.name: part.annotation for part in (*kept, *added)}
    return run


def make_options(given: Mapping[str, Any]) -> RenderOptions:
    """Options from a form's values, texts parsed as the command line parses them.

    Raises:
        ValueError: what the options' rules refuse; a matte that is a file, a session or a model of the server's.
    """
    if given.get("matte") not in MATTES:
        raise ValueError("matte must be auto, none or photo here; a picture of it is given as matte_file")
    parsers = {item.name: item.metadata["parser"] for item in fields(RenderOptions)}
    values = {name: parsers[name](str(value)) if parsers[name] else value for name, value in given.items()}
    return RenderOptions(**values)


def kind_of(item: "Field[Any]") -> tuple[str, list[str]]:
    """What a control for an option is to be, and its choices: `number`, `whole`, `switch`, `choice` or `text`."""
    hint = get_type_hints(RenderOptions)[item.name]
    parts = [part for part in get_args(hint) if part is not type(None)] if get_args(hint) else [hint]
    if all(isinstance(part, str) for part in parts):
        return "choice", list(parts)
    return {int: "whole", float: "number", bool: "switch"}.get(parts[0], "text"), []
