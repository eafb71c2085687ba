"""From a photo to a bokeh photo: the one call that library, command line and evaluation share.

    photo -> working size -> network -> full size -> photo
    photo.py  padding.py    engine.py   fullsize.py  photo.py

What does the work is imported when it is first needed, so that `import wideopen` costs next to nothing.
"""

from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from wideopen.errors import OutputError
from wideopen.options import RenderOptions

if TYPE_CHECKING:
    from wideopen.engine import Engine

Picture = TypeVar("Picture")


class Renderer:
    """Renders any number of photos with one loaded model.

    Args:
        options: see `RenderOptions`.
    """

    def __init__(self, options: RenderOptions | None = None) -> None:
        self.options = options or RenderOptions()

    @cached_property
    def engine(self) -> "Engine":
        """The model, loaded when the first photo needs it. Raises ModelError."""
        from wideopen.engine import Engine

        return Engine(self.options.model, self.options.threads)

    def render(self, image: Picture) -> Picture:
        """Blur what the network holds for background; keep the rest as it is.

        Args:
            image: HxWx3 array, sRGB-encoded: uint8, uint16, or float in [0, 1]; or a Pillow image.

        Returns:
            The same kind of image, of the same size and type, a Pillow one with its `info`. L, LA, RGB and RGBA
            stay what they are, other modes become RGB or RGBA. Alpha is left alone.

        Raises:
            TypeError, ValueError: another kind of image, or another shape or type of array.
            ModelError: the model is missing or damaged.
        """
        import numpy as np

        if isinstance(image, np.ndarray):
            return self._render_array(image)  # type: ignore[return-value]
        from PIL import Image

        if isinstance(image, Image.Image):
            return _render_pillow(self, image)  # type: ignore[return-value]
        raise TypeError(f"image must be an array or a Pillow image, not {type(image).__name__}")

    def render_file(self, photo: Path, output: Path, overwrite: bool = False) -> Path:
        """Render a file into another one, with its metadata; return where it is.

        Raises:
            PhotoError, OutputError, ModelError: one line each; nothing partial is left behind.
        """
        from wideopen.output import check_output
        from wideopen.photo import load, output_format, save

        output_format(output)
        check_output(output, overwrite)  # Before the work, not after it.
        taken = load(photo)
        save(taken.with_pixels(self._render_array(taken.pixels)), output, self.options.quality, overwrite)
        return output

    def _render_array(self, pixels: Any) -> Any:
        import numpy as np

        from wideopen.fullsize import carry

        if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise ValueError(f"image must be HxWx3 with at least one pixel, not {pixels.shape}")
        if pixels.dtype.kind == "f":
            if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1:
                raise ValueError("a float image must lie in [0, 1]")
            result = carry(pixels.astype(np.float32), *self._see(pixels.astype(np.float32)))
            return result.astype(pixels.dtype)
        if pixels.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"image must be uint8, uint16 or float, not {pixels.dtype}")
        return carry(pixels, *self._see(pixels))

    def _see(self, pixels: Any) -> tuple[Any, Any, Any]:
        """What the network makes of the photo at working size: bokeh, sharp map, what it saw."""
        import numpy as np

        from wideopen.padding import fit, resize

        info = self.engine.metadata
        side = round((self.options.working_side or info.working_side) / info.scale)
        height, width = pixels.shape[:2]
        small = resize(pixels, *fit(height, width, max(1, side)))
        if small.dtype.kind == "u":
            small = small.astype(np.float32) / np.float32(np.iinfo(small.dtype).max)
        found = self.engine.run(small)
        return found.bokeh, found.sharp, found.seen


def render(image: Picture, options: RenderOptions | None = None) -> Picture:
    """Render one array or Pillow image; see `Renderer.render`. For several photos keep a `Renderer`."""
    return Renderer(options).render(image)


def render_file(
    photo: Path | str, output: Path | str, options: RenderOptions | None = None, overwrite: bool = False
) -> Path:
    """Render one file into another; see `Renderer.render_file`."""
    return Renderer(options).render_file(Path(photo), Path(output), overwrite)


def output_path(photo: Path, output: Path | None = None) -> Path:
    """Where the result of `photo` goes: `output`, or in it if it is a folder, or NAME-bokeh beside the photo."""
    if output is None:
        return photo.with_name(f"{photo.stem}-bokeh{photo.suffix}")
    if not output.is_dir():
        return output
    if photo.parent.resolve() == output.resolve():
        raise OutputError(f"{output}: is the folder that {photo.name} is in; choose another, or leave -o away")
    return output / photo.name


def _render_pillow(renderer: Renderer, image: Any) -> Any:
    import numpy as np
    from PIL import Image

    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        raise ValueError(f"a Pillow image of mode {image.mode} cannot be rendered; give an array of HxWx3")
    done = Image.fromarray(renderer.render(np.asarray(image.convert("RGB"))))
    if image.mode in ("L", "LA"):
        done = done.convert("L")
    if image.has_transparency_data:
        done.putalpha(image.convert("RGBA").getchannel("A"))
    done.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return done
