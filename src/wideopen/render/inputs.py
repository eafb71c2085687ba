"""Photos as programs hold them: Pillow images, a file's bytes, file objects, paths. The same kind comes back."""

import io
import os
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from PIL import Image

from wideopen.options import RenderOptions
from wideopen.photo.encode import FORMATS
from wideopen.photo.files import to_bytes
from wideopen.photo.photo import Photo
from wideopen.render.rendered import Rendered, Seen


class Renders(Protocol):
    """What is asked of a `Renderer` here."""

    options: RenderOptions

    def render_file(self, photo: Path, output: Path, *, depth: Any = None, matte: Any = None) -> Path: ...

    def render_bytes(self, data: bytes, name: str = "photo", depth: Any = None, *, matte: Any = None) -> Rendered: ...

    def render_photo(self, taken: Photo, depth: Any = None, matte: Any = None) -> tuple[Photo, Seen | None]: ...


def render_kind(renderer: Renders, image: Any, depth: Any = None, matte: Any = None) -> Any:
    """See `Renderer.render`, for anything but arrays."""
    if isinstance(image, Image.Image):
        return _render_pillow(renderer, image, depth, matte)
    if isinstance(image, (str, os.PathLike)):
        from wideopen.render.side_files import output_path

        path = Path(os.fspath(image))
        written = renderer.render_file(path, output_path(path), depth=depth, matte=matte)
        return str(written) if isinstance(image, str) else written
    if isinstance(image, (bytes, bytearray, memoryview)):
        return _render_bytes(renderer, bytes(image), "photo", depth, matte)
    if hasattr(image, "read"):
        data = image.read()
        if not isinstance(data, (bytes, bytearray, memoryview)):
            raise TypeError(f"a file object must give bytes, not {type(data).__name__}; open it with mode 'rb'")
        name = getattr(image, "name", "photo")
        name = name if isinstance(name, str) else "photo"
        return io.BytesIO(_render_bytes(renderer, bytes(data), name, depth, matte))
    raise TypeError(
        f"image must be an array, a Pillow image, bytes, a file object or a path, not {type(image).__name__}"
    )


def result_format(photo: Photo) -> str:
    """In which format a photo's result is written where no file name says: its own, if that can be written."""
    if photo.format in FORMATS:
        return photo.format
    return "TIFF" if photo.pixels.dtype == np.uint16 else "PNG"


def _render_bytes(renderer: Renders, data: bytes, name: str, depth: Any, matte: Any) -> bytes:
    result = renderer.render_bytes(data, name, depth, matte=matte).result
    return to_bytes(result, result_format(result), name, renderer.options.quality)


def _render_pillow(renderer: Renders, image: Image.Image, depth: Any, matte: Any) -> Image.Image:
    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        raise ValueError(f"a Pillow image of mode {image.mode} cannot be rendered; give an array of HxWx3")
    cover = np.asarray(image.convert("RGBA"))[..., 3] if image.has_transparency_data else None
    icc = image.info.get("icc_profile") or b""
    photo, _ = renderer.render_photo(Photo(np.asarray(image.convert("RGB")), alpha=cover, icc=icc), depth, matte)
    done = Image.fromarray(photo.pixels)
    if image.mode in ("L", "LA"):
        done = done.convert("L")
    if photo.alpha is not None:
        done.putalpha(Image.fromarray(photo.alpha))
    done.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return done
