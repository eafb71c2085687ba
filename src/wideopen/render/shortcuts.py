"""One photo in one call, by a renderer that is not kept."""

from os import PathLike
from pathlib import Path
from typing import Any

from wideopen.options import RenderOptions
from wideopen.render.renderer import Picture, Renderer


def render(
    image: Picture,
    options: RenderOptions | None = None,
    depth: Any = None,
    matte: Any = None,
    strokes: Any = None,
    **settings: Any,
) -> Picture:
    """Render one photo: `render("photo.jpg", aperture=1.4, focus="near")`. For several keep a `Renderer`.

    Args:
        image: see `Renderer.render`, also for what is returned and raised.
        options: see `RenderOptions`.
        depth, matte, strokes: as in `Renderer.render`, or text or a path as in `RenderOptions`.
        settings: fields of `RenderOptions` by name, in place of those of `options`.
    """
    (depth, matte, strokes), settings = _named_or_given(settings, depth=depth, matte=matte, strokes=strokes)
    return Renderer(options, **settings).render(image, depth, matte, strokes)


def render_file(
    photo: Path | str,
    output: Path | str,
    options: RenderOptions | None = None,
    overwrite: bool = False,
    depth: Any = None,
    matte: Any = None,
    strokes: Any = None,
    **settings: Any,
) -> Path:
    """Render one file into another; see `Renderer.render_file` and, for all after `overwrite`, `render`."""
    (depth, matte, strokes), settings = _named_or_given(settings, depth=depth, matte=matte, strokes=strokes)
    return Renderer(options, **settings).render_file(
        Path(photo), Path(output), overwrite, depth=depth, matte=matte, strokes=strokes
    )


def _named_or_given(settings: dict[str, Any], **given: Any) -> tuple[list[Any], dict[str, Any]]:
    """A depth map, matte or file of strokes that is named is a setting; one that is given is not."""
    named = {name: str(value) for name, value in given.items() if isinstance(value, (str, PathLike))}
    return [None if name in named else value for name, value in given.items()], {**settings, **named}
