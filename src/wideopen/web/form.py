"""The forms that clients send: a photo and what lies beside it, and the options of library and command line by name."""

import io
from dataclasses import Field, fields
from typing import Any, Literal, get_type_hints

import pydantic
from fastapi import UploadFile

from wideopen.options import RenderOptions, with_settings

LEFT_OUT = ("model", "engine", "precision", "threads", "best", "depth", "depth_model", "shape", "strokes")
"""The deployer's business, and paths on the server."""
MATTES = Literal["auto", "none", "photo"]
"""Sources of mattes that name nothing of the server's; a picture comes as `matte_file`."""


def option_fields() -> list["Field[Any]"]:
    """Those fields of `RenderOptions` that a client may set."""
    return [item for item in fields(RenderOptions) if item.name not in LEFT_OUT]


def of_form(text: str, **limits: Any) -> Any:
    """A field of a form, which need not be there."""
    return pydantic.Field(None, description=text, **limits)


def _kind(item: "Field[Any]") -> Any:
    """What comes for an option; texts that have a parser come as they are."""
    kind = MATTES if item.name == "matte" else get_type_hints(RenderOptions)[item.name]
    return (str if item.metadata["parser"] else kind) | None


Options: Any = pydantic.create_model(
    "Options",
    __config__=pydantic.ConfigDict(extra="forbid"),
    **{item.name: (_kind(item), of_form(item.metadata["help"])) for item in option_fields()},  # type: ignore[call-overload]
)


class SceneForm(Options):  # type: ignore[misc]
    """What `/scene` takes."""

    photo: UploadFile | None = of_form("The photo's file; or `photo_id`.")
    photo_id: str | None = of_form("The `id` that /scene gave for this photo, in place of the file.")
    depth: UploadFile | None = of_form("A depth map for it: PNG, TIFF, EXR or .npy.")
    depth_id: str | None = of_form("The `depth_id` that /scene gave.")
    strokes: str | None = of_form("What a hand says of the matte: JSON, one stroke a line.")
    strokes_file: UploadFile | None = of_form("The same as a file, or as a picture in green and red.")

    def options(self) -> RenderOptions:
        """The options that came, texts understood as on the command line. Raises ValueError."""
        given = {item.name: getattr(self, item.name) for item in option_fields()}
        return with_settings(None, {name: value for name, value in given.items() if value is not None})

    def files(self) -> dict[str, UploadFile]:
        """The files that came, by what they are: `photo` or an option."""
        lines = self.strokes and UploadFile(io.BytesIO(self.strokes.encode()), filename="strokes.json")
        found = {"photo": self.photo, "depth": self.depth, "strokes": self.strokes_file or lines}
        return {name: file for name, file in found.items() if file}


class RenderForm(SceneForm):
    """What `/render` takes."""

    matte_file: UploadFile | None = of_form("A picture of the subject's opacity.")
    side: int | None = of_form("Long side in px of a JPEG for the screen; a whole file if not given.", ge=64)

    def files(self) -> dict[str, UploadFile]:
        return super().files() | ({"matte": self.matte_file} if self.matte_file else {})
