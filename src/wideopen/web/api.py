"""The HTTP API: two calls, with the options of library and command line by their names."""

import inspect
from collections.abc import Callable
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_type_hints

import gradio as gr
from gradio import FileData

from wideopen.errors import WideopenError
from wideopen.options import RenderOptions
from wideopen.web.session_files import Keeper
from wideopen.web.worker_pool import Crew

LEFT_OUT = ("model", "engine", "precision", "threads", "depth", "depth_model", "shape")
"""The deployer's business, and paths on the server."""


WORDS = (None, "auto", "none", "photo")
"""Sources of mattes that name nothing of the server's."""


def add_api(crew: Crew, keeper: Keeper, limits: dict[str, Any]) -> None:
    """Add the calls `render` and `preview` to the page that is being made."""

    def render(photo: Path, depth: Path | None, options: RenderOptions, session: str) -> Any:
        return _file(keeper, session, crew.make(photo, depth, options, keeper.folder))

    def preview(photo: Path, depth: Path | None, options: RenderOptions, session: str) -> Any:
        shown = crew.show(session, photo, depth, options, keeper.folder)
        keeper.hold(session, shown.before, shown.marked, shown.depth)
        return _file(keeper, session, shown.after)

    texts = {
        render: "Render a photo at its own size: a file of the same format, with its metadata.",
        preview: "Render a photo at screen size: a JPEG, sooner.",
    }
    for call, kind in ((render, "full"), (preview, "screen")):
        gr.api(
            _endpoint(call, keeper), api_name=call.__name__, api_description=texts[call],
            concurrency_id=kind, concurrency_limit=limits[kind],
        )  # fmt: skip


def _file(keeper: Keeper, session: str, path: Path) -> Any:
    keeper.hold(session, path)
    return FileData(path=str(path), orig_name=path.name, mime_type=None)


def _endpoint(call: Callable[..., Any], keeper: Keeper) -> Callable[..., Any]:
    """A function of a photo, a depth map, a matte and every option by its name, as Gradio reads its signature."""

    def run(request: Any, photo: Any, depth_map: Any, matte_map: Any, *values: Any) -> Any:
        given = dict(zip(hints, values, strict=True))
        session = request.session_hash or ""
        if photo is None:
            raise gr.Error("no photo was given", print_exception=False)
        paths = [None if file is None else Path(_path(file)) for file in (photo, depth_map)]
        matte = None if matte_map is None else Path(_path(matte_map))
        keeper.hold(session, *paths, matte)
        try:
            return call(*paths, with_matte(make_options(given), matte), session)
        except (ValueError, WideopenError) as error:
            raise gr.Error(str(error), print_exception=False) from None

    hints = {
        item.name: (str | None if item.metadata["parser"] else get_type_hints(RenderOptions)[item.name])
        for item in fields(RenderOptions)
        if item.name not in LEFT_OUT
    }
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    parameters = [
        inspect.Parameter("request", kind, annotation=gr.Request),
        inspect.Parameter("photo", kind, annotation=FileData),
        inspect.Parameter("depth_map", kind, default=None, annotation=FileData | None),
        inspect.Parameter("matte_map", kind, default=None, annotation=FileData | None),
        *(
            inspect.Parameter(name, kind, default=getattr(RenderOptions, name), annotation=hint)
            for name, hint in hints.items()
        ),
    ]
    run.__name__ = call.__name__
    run.__signature__ = inspect.Signature(parameters, return_annotation=FileData)  # type: ignore[attr-defined]
    run.__annotations__ = {part.name: part.annotation for part in parameters} | {"return": FileData}
    return run


def with_matte(options: RenderOptions, matte: Path | None) -> RenderOptions:
    """Options with an uploaded matte, if there is one.

    Raises:
        ValueError: the options themselves name a file, a session or a model of the server's.
    """
    if options.matte not in WORDS:
        raise ValueError("matte must be auto, none or photo here; a picture of it is given as matte_map")
    return options if matte is None else replace(options, matte=str(matte))


def make_options(given: dict[str, Any]) -> RenderOptions:
    """Options from JSON values, texts parsed as the command line parses them.

    Raises:
        ValueError: what the options' rules refuse.
    """
    parsers = {item.name: item.metadata["parser"] for item in fields(RenderOptions)}
    values = {}
    for name, value in given.items():
        values[name] = parsers[name](str(value)) if parsers[name] and value is not None else value
    try:
        return RenderOptions(**values)
    except TypeError as error:
        raise ValueError(f"an option has a value of the wrong kind ({error})") from None


def _path(file: Any) -> str:
    found = file.get("path") if isinstance(file, dict) else getattr(file, "path", None)
    if not isinstance(found, str):
        raise gr.Error(
            'a photo is given as {"path": "..", "meta": {"_type": "gradio.FileData"}}', print_exception=False
        )
    return found
