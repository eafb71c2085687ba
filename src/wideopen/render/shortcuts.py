"""One photo in one call, by a renderer that is not kept."""

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
        depth, matte, strokes: see `Renderer.render`.
        settings: fields of `RenderOptions` by name, in place of those of `options`.
    """
    return Renderer(options, **settings).render(image, depth, matte, strokes)


def render_file(
    photo: str | Path,
    output: str | Path,
    options: RenderOptions | None = None,
    overwrite: bool = False,
    depth: Any = None,
    matte: Any = None,
    strokes: Any = None,
    **settings: Any,
) -> Path:
    """Render one file into another; see `Renderer.render_file` and, for all after `overwrite`, `render`."""
    return Renderer(options, **settings).render_file(
        photo, output, overwrite, depth=depth, matte=matte, strokes=strokes
    )
