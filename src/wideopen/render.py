"""From a photo to a bokeh photo: the one call that library, command line and evaluation share.

    photo -> working size -> network -> full size -> photo
    photo.py  padding.py    engine.py   fullsize.py  photo.py

    photo + depth map -> photo's size -> lens -> photo
    photo.py  depth.py   lift.py         depth_lens.py

What does the work is imported when it is first needed, so that `import wideopen` costs next to nothing.
"""

import math
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from wideopen.errors import DepthError, ModelError, OutputError, PhotoError
from wideopen.options import RenderOptions

if TYPE_CHECKING:
    from wideopen.depth import DepthMap
    from wideopen.depth_lens import Look
    from wideopen.drawing import Places
    from wideopen.engine import Engine
    from wideopen.lift import Lifted

Picture = TypeVar("Picture")
IN_FOCUS_PX = 1.0
"""Blur radius up to which a picture of the depth map shows things as in focus."""


@dataclass(frozen=True, eq=False)
class Seen:
    """The depth that a photo was rendered with."""

    lifted: "Lifted"
    look: "Look"
    depth: "DepthMap"

    def write(self, pixels: Any, save: Path | None, show: Path | None, overwrite: bool) -> None:
        """Write the map, and a picture of it, at the photo's size; OutputError if that cannot be."""
        if save is None and show is None:
            return
        from wideopen.depth import DepthMap, save_depth
        from wideopen.depth_view import depth_picture
        from wideopen.photo import Photo
        from wideopen.photo import save as save_photo

        whole = slice(0, pixels.shape[0]), slice(0, pixels.shape[1])
        disparity = self.lifted.at(*whole, pixels)
        if save is not None:
            save_depth(DepthMap(disparity, self.depth.metric), save, overwrite)
        if show is not None:
            sharp = IN_FOCUS_PX / self.look.blur_px_per_disparity
            picture = depth_picture(disparity, self.look.focus_disparity, sharp)
            save_photo(Photo(picture), show, overwrite=overwrite)


class Renderer:
    """Renders any number of photos with one loaded model.

    Args:
        options: see `RenderOptions`.
        many: many photos are to come, so that an engine that is slow to start and fast to run is worth it.
    """

    def __init__(self, options: RenderOptions | None = None, many: bool = False) -> None:
        self.options, self.many = options or RenderOptions(), many

    @cached_property
    def engine(self) -> "Engine":
        """The model, loaded when the first photo needs it. Raises ModelError."""
        from wideopen.engine import Engine
        from wideopen.runtimes import has_openvino

        options = self.options
        name = options.engine
        if name == "auto":
            name = "openvino" if self.many and has_openvino() else "onnxruntime"
        return Engine(options.model, options.threads, name, options.precision)

    def render(self, image: Picture, depth: Any = None) -> Picture:
        """Blur what the network holds for background; keep the rest as it is. With depth, see it through the lens.

        Args:
            image: HxWx3 array, sRGB-encoded: uint8, uint16, or float in [0, 1]; or a Pillow image.
            depth: a `DepthMap`, or an array hxw of disparity in any unit (larger is nearer), of the photo's shape
                and any size. If None, the map that the options name; without one the network is used.

        Returns:
            The same kind of image, of the same size and type, a Pillow one with its `info`. L, LA, RGB and RGBA
            stay what they are, other modes become RGB or RGBA. Alpha is left alone.

        Raises:
            TypeError, ValueError: another kind of image, or another shape or type of array; options that need depth.
            DepthError: the depth map is of another shape, or none.
            ModelError: the model is missing or damaged.
        """
        import numpy as np

        if isinstance(image, np.ndarray):
            return self._render_array(image, depth)[0]  # type: ignore[return-value]
        from PIL import Image

        if isinstance(image, Image.Image):
            return _render_pillow(self, image, depth)  # type: ignore[return-value]
        raise TypeError(f"image must be an array or a Pillow image, not {type(image).__name__}")

    def render_file(
        self,
        photo: Path,
        output: Path,
        overwrite: bool = False,
        save_depth: Path | None = None,
        show_depth: Path | None = None,
    ) -> Path:
        """Render a file into another one, with its metadata; return where it is.

        Args:
            save_depth: write the depth map in use there, at the photo's size (PNG, TIFF, EXR or .npy).
            show_depth: write a picture of it there, with the focal plane marked.

        Raises:
            PhotoError, DepthError, OutputError, ModelError: one line each; nothing partial is left behind.
        """
        from wideopen.depth import map_suffix
        from wideopen.output import check_output
        from wideopen.photo import decode, output_format, read_bytes, save

        # Before the work, not after it.
        for path in (output, show_depth):
            if path is not None:
                output_format(path)
        if save_depth is not None:
            map_suffix(save_depth)
        written: set[Path] = set()
        for path in (output, save_depth, show_depth):
            if path is not None:
                check_output(path, overwrite)
                if path.resolve() in written:
                    raise OutputError(f"{path}: is to be written twice; choose another name")
                written.add(path.resolve())
        data = read_bytes(photo)
        taken = decode(data, str(photo))
        try:
            rendered, seen = self._render_array(taken.pixels, self._find_depth(data, photo, taken), taken.exif)
        except ValueError as error:
            raise PhotoError(f"{photo}: {error}") from error
        if seen is None and (save_depth or show_depth):
            raise DepthError(f"{photo}: carries no depth map; give one with --depth")
        save(taken.with_pixels(rendered), output, self.options.quality, overwrite)
        if seen is not None:
            seen.write(taken.pixels, save_depth, show_depth, overwrite)
        return output

    def _find_depth(self, data: bytes, photo: Path, taken: Any) -> Any:
        """The depth map that the photo brings or the options name, or None."""
        if self.options.depth is None:
            from wideopen.embedded import embedded_depth

            return embedded_depth(data, str(photo))
        return self._named_depth(taken.pixels)

    def _named_depth(self, pixels: Any) -> Any:
        """The depth map that the options name, or None."""
        options = self.options
        if options.depth is None or options.depth == "none":
            return None
        if options.depth == "auto":
            from wideopen.depth_auto import estimate_depth

            return estimate_depth(pixels, options.depth_model)
        from wideopen.depth import load_depth

        return load_depth(Path(options.depth), options.depth_kind, options.invert, options.depth_unit)

    def _render_array(self, pixels: Any, depth: Any = None, exif: bytes = b"") -> tuple[Any, "Seen | None"]:
        import numpy as np

        if pixels.ndim != 3 or pixels.shape[2] != 3 or 0 in pixels.shape:
            raise ValueError(f"image must be HxWx3 with at least one pixel, not {pixels.shape}")
        if pixels.dtype.kind == "f":
            if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 1:
                raise ValueError("a float image must lie in [0, 1]")
            result, seen = self._render_pixels(pixels.astype(np.float32), depth, exif)
            return result.astype(pixels.dtype), seen
        if pixels.dtype not in (np.uint8, np.uint16):
            raise ValueError(f"image must be uint8, uint16 or float, not {pixels.dtype}")
        return self._render_pixels(pixels, depth, exif)

    def _render_pixels(self, pixels: Any, depth: Any, exif: bytes) -> tuple[Any, "Seen | None"]:
        depth = self._named_depth(pixels) if depth is None else depth
        if self.options.aperture == math.inf:
            return pixels.copy(), None if depth is None else self._through_lens(pixels, depth, exif)[1]
        if depth is not None:
            return self._through_lens(pixels, depth, exif)
        if not self.engine.draws:
            return self._drawn(pixels, exif), None
        from wideopen.fullsize import carry

        told = self.engine.metadata.conditions
        options = self.options
        if options.asks_for_a_lens(beside=told):
            raise ValueError(
                f"the model's look is fixed{' but for ' + ' and '.join(told) if told else ''}; aperture, focus and the "
                "lens's options need a depth map (--depth)"
            )
        if not told:
            return carry(pixels, *self._see(pixels)), None
        return carry(pixels, *self._conditioned(pixels, exif)), None

    def _conditioned(self, pixels: Any, exif: bytes) -> tuple[Any, Any, Any]:
        """What a network that is told aperture or focus makes of the photo at working size."""
        from wideopen.engine import NetworkResult
        from wideopen.focus import point_of
        from wideopen.look import make_glass
        from wideopen.optics import read_taken

        blur = make_glass(pixels, self.options, read_taken(exif)).blur
        point = point_of(self.options.focus, pixels.shape[:2])
        found = self.engine.run(self._working(pixels), blur=blur, point=point)
        assert isinstance(found, NetworkResult)
        return found.bokeh, found.sharp, found.seen

    def find_places(self, pixels: Any) -> "Places":
        """Where the things of a photo are, for a lens to draw it, as often as wanted.

        Args:
            pixels: HxWx3 sRGB-encoded: uint8, uint16, or float32 in [0, 1].

        Raises ModelError if the model gives pictures instead.
        """
        from wideopen.drawing import Places
        from wideopen.engine import NetworkPlaces

        found = self.engine.run(self._working(pixels))
        if not isinstance(found, NetworkPlaces):
            raise ModelError(f"{self.engine.path}: gives pictures, not places; train one with a lens head")
        return Places(pixels, found.matte, found.relative)

    def _drawn(self, pixels: Any, exif: bytes) -> Any:
        """What a lens makes of the places that a lens head gives."""
        from wideopen.look import make_glass
        from wideopen.optics import read_taken

        glass = make_glass(pixels, self.options, read_taken(exif))
        places = self.find_places(pixels)
        return places.draw(glass, places.focus(self.options.focus))

    def _through_lens(self, pixels: Any, depth: Any, exif: bytes) -> tuple[Any, "Seen"]:
        """See a photo with depth through the lens."""
        import numpy as np

        from wideopen.depth import DepthMap, check_shape, from_disparity
        from wideopen.depth_lens import render_depth
        from wideopen.grain import measure_grain
        from wideopen.lift import Lifted
        from wideopen.look import make_look
        from wideopen.optics import read_taken

        if not isinstance(depth, DepthMap):
            depth = from_disparity(np.asarray(depth), "depth")
        height, width = pixels.shape[:2]
        check_shape(depth, height, width, self.options.depth or "depth map")
        subject = self._see(pixels)[1] if self.options.focus == "auto" else None
        look = make_look(pixels, depth, self.options, read_taken(exif), subject)
        lifted = Lifted(depth.disparity, pixels)
        seen = Seen(lifted, look, depth)
        if self.options.aperture == math.inf:
            return pixels, seen
        grain = measure_grain(pixels) if self.options.grain > 0 else None
        if grain is not None:
            grain = replace(grain, strength=grain.strength * self.options.grain)
        return render_depth(pixels, depth.disparity, lifted.at, look, grain), seen

    def _see(self, pixels: Any) -> tuple[Any, Any, Any]:
        """What the network makes of the photo at working size: bokeh, sharp map, what it saw."""
        from wideopen.engine import NetworkPlaces

        small = self._working(pixels)
        found = self.engine.run(small)
        if isinstance(found, NetworkPlaces):
            # Only asked for the subject here: what is in focus is what is sharp.
            return small, found.matte, small
        return found.bokeh, found.sharp, found.seen

    def _working(self, pixels: Any) -> Any:
        """The photo as the network is shown it."""
        from wideopen.drawing import small

        info = self.engine.metadata
        return small(pixels, round((self.options.working_side or info.working_side) / info.scale))


def render(image: Picture, options: RenderOptions | None = None, depth: Any = None) -> Picture:
    """Render one array or Pillow image; see `Renderer.render`. For several photos keep a `Renderer`."""
    return Renderer(options).render(image, depth)


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


def _render_pillow(renderer: Renderer, image: Any, depth: Any) -> Any:
    import numpy as np
    from PIL import Image

    if image.mode in ("I", "F") or image.mode.startswith("I;"):
        raise ValueError(f"a Pillow image of mode {image.mode} cannot be rendered; give an array of HxWx3")
    done = Image.fromarray(renderer.render(np.asarray(image.convert("RGB")), depth))
    if image.mode in ("L", "LA"):
        done = done.convert("L")
    if image.has_transparency_data:
        done.putalpha(image.convert("RGBA").getchannel("A"))
    done.info = {key: value for key, value in image.info.items() if key != "transparency"}
    return done
