"""The forms that clients send: a photo and what lies beside it, and the options of library and command line by name."""

from collections.abc import Mapping
from dataclasses import Field, fields
from typing import Annotated, Any, get_args, get_type_hints

import pydantic
from fastapi import UploadFile

from wideopen.options import RenderOptions, with_settings

LEFT_OUT = ("model", "engine", "precision", "threads", "best", "depth", "depth_model", "shape", "strokes")
"""The deployer's business, and paths on the server."""
MATTES = (None, "auto", "none", "photo")
"""Sources of mattes that name nothing of the server's."""


def option_fields() -> list["Field[Any]"]:
    """Those fields of `RenderOptions` that a client may set."""
    return [item for item in fields(RenderOptions) if item.name not in LEFT_OUT]


def _of_form(item: "Field[Any]") -> tuple[Any, Any]:
    """An option as a field of a form, which need not be there; texts that have a parser come as they are."""
    kind = str if item.metadata["parser"] else get_type_hints(RenderOptions)[item.name]
    return kind | None, pydantic.Field(None, description=item.metadata["help"])


Options: Any = pydantic.create_model(
    "Options",
    __config__=pydantic.ConfigDict(extra="forbid"),
    **{item.name: _of_form(item) for item in option_fields()},  # type: ignore[call-overload]
)


class SceneForm(Options):  # type: ignore[misc]
    """What `/scene` takes."""

    photo: Annotated[UploadFile | None, pydantic.Field(description="The photo's file; or `photo_id`.")] = None
    photo_id: str | None = pydantic.Field(None, description="The `id` that /scene gave, in place of the file.")
    depth: Annotated[UploadFile | None, pydantic.Field(description="A depth map for it: PNG, TIFF, EXR or .npy.")] = (
        None
    )
    depth_id: str | None = pydantic.Field(None, description="The `depth_id` that /scene gave.")
    strokes: str | None = pydantic.Field(None, description="What a hand says of the matte: JSON, one stroke a line.")
    strokes_file: Annotated[
        UploadFile | None, pydantic.Field(description="The same as a file, or as a picture in green and red.")
    ] = None

    def options(self) -> RenderOptions:
        """The options that came; see `make_options`."""
        values = {item.name: getattr(self, item.name) for item in option_fields()}
        return make_options({name: value for name, value in values.items() if value is not None})


class RenderForm(SceneForm):
    """What `/render` takes."""

    matte_file: Annotated[UploadFile | None, pydantic.Field(description="A picture of the subject's opacity.")] = None
    side: int | None = pydantic.Field(
        None, ge=64, description="Long side in px of a JPEG for the screen; a whole file if not given."
    )


def make_options(given: Mapping[str, Any]) -> RenderOptions:
    """Options from a form's values, texts understood as the command line does.

    Raises:
        ValueError: what the options' rules refuse; a matte that is a file, a session or a model of the server's.
    """
    if given.get("matte") not in MATTES:
        raise ValueError("matte must be auto, none or photo here; a picture of it is given as matte_file")
    return with_settings(None, given)


def kind_of(item: "Field[Any]") -> tuple[str, list[str]]:
    """What a control for an option is to be, and its choices: `number`, `whole`, `switch`, `choice` or `text`."""
    hint = get_type_hints(RenderOptions)[item.name]
    parts = [part for part in get_args(hint) if part is not type(None)] if get_args(hint) else [hint]
    if all(isinstance(part, str) for part in parts):
        return "choice", list(parts)
    return {int: "whole", float: "number", bool: "switch"}.get(parts[0], "text"), []
