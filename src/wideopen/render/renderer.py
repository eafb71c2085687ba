"""The one call that library, command line and evaluation share; what a photo goes through is in `render/pipeline.py`.

What does the work is imported when it is first needed, so that `import wideopen` costs next to nothing.
"""

import copy
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, TypeVar

from wideopen.errors import PhotoError
from wideopen.options import RenderOptions, with_settings
from wideopen.render.rendered import Rendered, Seen
from wideopen.render.side_files import SideFiles, check_outputs

if TYPE_CHECKING:
    from wideopen.image.tone_curve import ToneCurve
    from wideopen.photo.photo import Photo
    from wideopen.render.scene_sources import SceneSources
    from wideopen.scene.model import Engine
    from wideopen.scene.scene import Scene

Picture = TypeVar("Picture")
"""An array, a Pillow image, a file's bytes, a file object, or a path."""


class Renderer:
    """Renders any number of photos with one loaded model, from as many threads as you like.

    Args:
        options: see `RenderOptions`.
        many: many photos are to come, so that an engine that is slow to start and fast to run is worth it.
        notify: called by `render_file` with a line about each photo that is not taken, or not written, as it is: of
            several pictures the main one, CMYK converted, depth that the format has no place for.
        settings: fields of `RenderOptions` by name, in place of those of `options`.
    """

    def __init__(
        self,
        options: RenderOptions | None = None,
        many: bool = False,
        notify: Callable[[str], None] | None = None,
        **settings: Any,
    ) -> None:
        self.options, self.many, self.notify = with_settings(options, settings), many, notify
        self._engine: Engine | None = None
        self._sources: SceneSources | None = None
        self._loading = Lock()

    @classmethod
    def from_pretrained(cls, model: str | Path, **settings: Any) -> "Renderer":
        """A renderer with another model, an .onnx file or `hf:ORG/NAME[@REVISION]` (extra `hub`), or ModelError."""
        renderer = cls(model=model, **settings)
        renderer.engine  # noqa: B018
        return renderer

    @property
    def loaded(self) -> bool:
        """Whether the model has been loaded."""
        return self._engine is not None

    @property
    def engine(self) -> "Engine":
        """The model, loaded when the first photo needs it. Raises ModelError."""
        with self._loading:
            if self._engine is None:
                self._engine = self._load()
            return self._engine

    @property
    def sources(self) -> "SceneSources":
        """What says where things are in photos, by the options."""
        from wideopen.render.scene_sources import SceneSources

        with self._loading:
            if self._sources is None:
                self._sources = SceneSources(self.options, lambda: self.engine)
            return self._sources

    def _load(self) -> "Engine":
        from wideopen.scene.model import Engine
        from wideopen.scene.runtimes import has_openvino

        options, name = self.options, self.options.engine
        if name == "auto":
            name = "openvino" if self.many and has_openvino() else "onnxruntime"
        return Engine(options.model, options.threads, name, options.precision)

    def with_strokes(self, strokes: Any) -> "Renderer":
        """The same renderer, its model shared, for photos that such strokes correct; see `render`."""
        other = copy.copy(self)
        other._sources = self.sources.with_strokes(strokes)
        return other

    def _for(self, depth: Any, matte: Any, strokes: Any = None) -> "tuple[Renderer, Any, Any]":
        """The renderer whose options name what is given as text or a path, and the rest of what is given."""
        renderer = self if strokes is None else self.with_strokes(strokes)
        given = {"depth": depth, "matte": matte}
        named = {name: value for name, value in given.items() if isinstance(value, (str, PathLike))}
        if named:
            sources, renderer = renderer.sources, copy.copy(renderer)
            renderer.options = with_settings(self.options, named)
            renderer._sources = sources.with_options(renderer.options)
        depth, matte = (None if name in named else value for name, value in given.items())
        return renderer, depth, matte

    def render(self, image: Picture, depth: Any = None, matte: Any = None, strokes: Any = None) -> Picture:
        """Blur what the network holds for background; keep the rest as it is. With depth, see it through the lens.

        Args:
            image: HxWx3 array, sRGB-encoded: uint8, uint16, or float in [0, 1]; a Pillow image; a photo file's bytes;
                a file object opened for reading bytes; or the path of a photo.
            depth: a `DepthMap`, or an array hxw of disparity in any unit (larger is nearer), of the photo's shape
                and any size; or text or a path, as in the option `depth`. If None, the map that the options name, else
                the one in the photo's file; without one the network is used.
            matte: of the subject: an array hxw of opacities in [0, 1] (integers: of their type's range), or a Pillow
                picture, of the photo's shape and any size; or text or a path, as in the option `matte`. What it holds
                for the subject (1) keeps the photo's own pixels where the subject is in focus. If None, the matte that
                the options name, else the one in the photo's file.
            strokes: what a hand says where the matte is wrong: a picture of the photo's shape and any size (Pillow, or
                uint8 HxWx3 or HxWx4; green keeps, red gives to the background), the path of one or of lines of JSON,
                or a list of `scene.stroke.Stroke` or of dictionaries with `kind`, `points` and `radius`. If None,
                those that the options name.

        Returns:
            The same kind of image, of the same size and type, a Pillow one with its `info`. L, LA, RGB and RGBA
            stay what they are, other modes become RGB or RGBA. Alpha is blurred along. Bytes and file objects
            (`io.BytesIO`, at its start) hold a file of the same format with all its metadata. For a path, the path
            of the file written: NAME-bokeh beside the photo; `render_file` writes elsewhere.

        Raises:
            TypeError, ValueError: another kind of image, or another shape or type of array; options that need depth.
            PhotoError: a file that is not there, damaged, or no photo; options that need depth, for a file.
            DepthError, MatteError, StrokesError: the depth map, matte or strokes are of another shape, or none.
            OutputError: for a path, the result is there already or cannot be written.
            ModelError: the model is missing or damaged.
        """
        import numpy as np

        from wideopen.render.inputs import render_kind
        from wideopen.render.pipeline import render_array

        renderer, depth, matte = self._for(depth, matte, strokes)
        if isinstance(image, np.ndarray):
            return render_array(renderer.sources, image, depth, matte)  # type: ignore[no-any-return]
        return render_kind(renderer, image, depth, matte)  # type: ignore[no-any-return]

    def render_bytes(
        self,
        data: bytes,
        name: str = "photo",
        depth: Any = None,
        taken: "Photo | None" = None,
        matte: Any = None,
        spend: bool = False,
    ) -> Rendered:
        """Render a photo file's content; nothing is written.

        Args:
            data: the file's bytes.
            name: of the photo, which opens every error message.
            depth, matte: see `render`.
            taken: those bytes, if they have been decoded already.
            spend: the result may be written over the pixels of what was taken, which halves the memory of a large
                photo.

        Raises:
            PhotoError, DepthError, MatteError, ModelError: one line each.
        """
        from wideopen.render.pipeline import render_photo
        from wideopen.render.scene_sources import notices_of
        from wideopen.render.seeing import read_sources

        renderer, depth, matte = self._for(depth, matte)
        taken, depth, matte = read_sources(renderer.sources, data, name, taken, depth, matte)
        try:
            result, seen = render_photo(renderer.sources, taken, depth, matte, spend)
        except ValueError as error:
            raise PhotoError(f"{name}: {error}") from error
        return Rendered(taken, result, seen, depth, matte, notices_of(matte, self.options.best))

    def render_file(
        self,
        photo: str | Path,
        output: str | Path,
        overwrite: bool = False,
        save_depth: str | Path | None = None,
        show_depth: str | Path | None = None,
        depth: Any = None,
        matte: Any = None,
        save_matte: str | Path | None = None,
        save_layers: str | Path | None = None,
        matte_bits: int = 16,
        strokes: Any = None,
    ) -> Path:
        """Render a file into another one, with its metadata; return where it is.

        Args:
            photo, output: the suffix of `output` decides the format. Its folder is there.
            overwrite: replace what is there, `save_depth` and the others too; else that is an OutputError.
            save_depth: write the depth map in use there, at the photo's size (PNG, TIFF, PFM, EXR or .npy); without
                one, what the network itself makes of the photo, which `notify` is told.
            show_depth: write a picture of it there, with the focal plane marked.
            depth, matte, strokes: see `render`.
            save_matte: write the subject's matte there, at the photo's size (PNG, TIFF, PFM, EXR or .npy).
            save_layers: NAME.png writes the subject, with transparency and colours without the background's, to
                NAME-subject.png, and the background, filled in behind it, to NAME-background.png (also .tif, .webp).
            matte_bits: of a matte in a PNG, 8 or 16.

        Raises:
            ValueError: another number of bits.
            PhotoError, DepthError, MatteError, OutputError, ModelError: one line each; nothing partial is left behind.
        """
        from wideopen.atomic_write import write_output
        from wideopen.photo.files import output_format, read_bytes, save

        named = (save_depth, show_depth, save_matte, save_layers)
        depth_path, picture, matte_path, layers = (None if path is None else Path(path) for path in named)
        beside = SideFiles(depth_path, picture, matte_path, layers, matte_bits)
        photo, output = Path(photo), Path(output)
        check_outputs(output, overwrite, beside, photo)  # Before the work, not after it.
        renderer, depth, matte = self._for(depth, matte, strokes)
        done = renderer.render_bytes(read_bytes(photo), str(photo), depth, matte=matte, spend=not beside)
        files, done = beside.files(renderer.sources, done, str(photo))
        save(done.result, output, self.options.quality, overwrite)
        if self.notify is not None:
            for notice in done.notices(output_format(output)):
                self.notify(f"{photo}: {notice}")
        for path, data in files:
            write_output(path, data, overwrite)
        return output

    def check(self) -> None:
        """Raise what the options would raise for any photo, before there is one. The model is not loaded by it.

        Raises:
            ValueError: a picture of an aperture that is black all over.
            PhotoError, DepthError, MatteError, StrokesError: a file that the options name cannot be read.
            ModelError: a model that makes mattes cannot be had.
        """
        from wideopen.lens.lens_settings import make_aperture

        self.sources.check()
        if self.options.shape is not None:
            make_aperture(self.options)

    def render_photo(self, taken: "Photo", depth: Any = None, matte: Any = None) -> tuple["Photo", Seen | None]:
        """Render a photo that has been read, by its own profile's curve, alpha along with it.

        Args:
            depth, matte: as of `render`.

        Returns:
            The photo with other pixels and alpha, stripped if the options say so; the depth map it was rendered with.

        Raises:
            ValueError, DepthError, MatteError, ModelError: as of `render`.
        """
        from wideopen.render.pipeline import render_photo

        renderer, depth, matte = self._for(depth, matte)
        return render_photo(renderer.sources, taken, depth, matte)

    def estimate_scene(self, pixels: Any, curve: "ToneCurve | None" = None) -> "Scene":
        """What is where in a photo, for a lens to draw it, as often as wanted.

        Args:
            pixels: an array HxWx3, encoded by `curve`, sRGB's if None: uint8, uint16, or float32 in [0, 1].

        Raises:
            ModelError: the model gives pictures instead.
        """
        from wideopen.scene.network_scene import estimate_scene

        return estimate_scene(self.engine, pixels, self.options, curve)


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
