"""One photo in one call, by a renderer that is not kept."""

from os import PathLike
from pathlib import Path
from typing import Any

from wideopen.options import RenderOptions
from wideopen.render.renderer import Picture, Renderer


def render(image: Picture, options: RenderOptions | None = None, depth: Any = None, **settings: Any) -> Picture:
    """Render one photo: `render("photo.jpg", aperture=1.4, focus="near")`. For several keep a `Renderer`.

    Args:
        image: see `Renderer.render`, also for what is returned and raised.
        options: see `RenderOptions`.
        depth: as in `Renderer.render`, or text or a path as in `RenderOptions`.
        settings: fields of `RenderOptions` by name, in place of those of `options`.
    """
    depth, settings = _named_or_given(depth, settings)
    return Renderer(options, **settings).render(image, depth)


def render_file(
    photo: Path | str,
    output: Path | str,
    options: RenderOptions | None = None,
    overwrite: bool = False,
    depth: Any = None,
    **settings: Any,
) -> Path:
    """Render one file into another; see `Renderer.render_file` and, for `depth` and `settings`, `render`."""
    depth, settings = _named_or_given(depth, settings)
    return Renderer(options, **settings).render_file(Path(photo), Path(output), overwrite, depth=depth)


def _named_or_given(depth: Any, settings: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    """A depth map that is named is a setting; one that is given is not."""
    if isinstance(depth, (str, PathLike)):
        return None, {**settings, "depth": str(depth)}
    return depth, settings
