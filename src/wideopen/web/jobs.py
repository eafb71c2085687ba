"""What a worker process does: photos in; scenes for a preview, pictures for the screen or whole files out.

A worker remembers what the network said of the photos last shown, so that another f-number is only drawn anew.
"""

import hashlib
import io
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wideopen.errors import PhotoError
from wideopen.image.guided_upsampling import Lifted
from wideopen.image.resize import fit, resize
from wideopen.lens.lens_settings import focused, settings_for_scene
from wideopen.lens.thin_lens import read_taken
from wideopen.option_texts import parse_focus
from wideopen.options import DEPTH, LENS, RenderOptions
from wideopen.photo.depth import check_shape, load_depth
from wideopen.photo.depth_map import DepthMap
from wideopen.photo.embedded_depth import embedded_depth
from wideopen.photo.files import decode, picture_size, read_bytes
from wideopen.photo.formats.light import as_picture
from wideopen.photo.photo import Photo
from wideopen.render.renderer import Renderer
from wideopen.render.scene_rendering import draw_scene
from wideopen.render.through_network import seen_subject
from wideopen.scene.correction import correct
from wideopen.scene.focus import find_focus
from wideopen.scene.model import Engine, NetworkResult, NetworkScene
from wideopen.scene.network_scene import small
from wideopen.scene.scene import Matte, Scene
from wideopen.web.scene_planes import pack, planes_of_scene
from wideopen.web.settings import REMEMBERED_MB, SCREEN_PX, SHOWN_PX

JPEG_QUALITY = 90


@dataclass(frozen=True, eq=False)
class Opened:
    """A photo as a worker remembers it."""

    photo: Photo
    """Without alpha, at most `SHOWN_PX` on its long side."""
    size: tuple[int, int]
    """Width and height of the file's."""
    depth: DepthMap | None
    matte: Matte | None
    """What is given, named or carried; None where the network says what the subject is."""

    @property
    def bytes(self) -> int:
        return self.photo.pixels.nbytes + (0 if self.depth is None else self.depth.disparity.nbytes)


class Memory:
    """The values made last, as many as fit into so many bytes."""

    def __init__(self, limit: int) -> None:
        self._limit, self._held = limit, 0
        self._values: OrderedDict[Any, tuple[Any, int]] = OrderedDict()

    def get(self, key: Any, make: Callable[[], Any], size: Callable[[Any], int]) -> Any:
        """The value of that key, made if it is not remembered."""
        if key in self._values:
            self._values.move_to_end(key)
            return self._values[key][0]
        value = make()
        self._values[key] = value, size(value)
        self._held += size(value)
        while self._held > self._limit and len(self._values) > 1:
            self._held -= self._values.popitem(last=False)[1][1]
        return value


class RememberingEngine(Engine):
    """An engine that runs the network once for each picture."""

    def __init__(self, *args: Any, limit: int = REMEMBERED_MB << 19, **values: Any) -> None:
        super().__init__(*args, **values)
        self._remembered = Memory(limit)

    def run(self, photo: Any) -> NetworkResult | NetworkScene:
        digest = hashlib.blake2b(photo.tobytes(), digest_size=16).digest()
        found: NetworkResult | NetworkScene = self._remembered.get(
            (digest, photo.shape),
            lambda: super(RememberingEngine, self).run(photo),
            lambda result: sum(part.nbytes for part in vars(result).values() if part is not None),
        )
        return found


class SharingRenderer(Renderer):
    """A renderer for one set of options whose model is loaded already."""

    def __init__(self, options: RenderOptions, engine: Engine) -> None:
        super().__init__(options)
        self._shared = engine

    @property
    def engine(self) -> Engine:  # type: ignore[override]
        return self._shared


class Worker:
    """One process's model, limits and memory."""

    def __init__(self, model: Path | None, threads: int, megapixels: int) -> None:
        cv2.setNumThreads(threads)
        self.engine = RememberingEngine(model, threads)
        self._megapixels = megapixels
        self._opened, self._scenes = Memory(REMEMBERED_MB << 19), Memory(REMEMBERED_MB << 19)

    def warm(self) -> bool:
        """Run the network once: its first picture takes longer than all further ones."""
        side = self.engine.metadata.working_side // self.engine.metadata.scale
        self.engine.run(np.zeros((side * 3 // 4, side, 3), np.float32))
        return True

    def scene(self, photo: Path, depth: Path | None, options: RenderOptions) -> bytes:
        """Where the things of a photo are, for a browser to draw a preview of; see `scene_planes`.

        The header's `kind` says what draws: `subject` a lens by matte and disparity, `map` a lens by a depth map,
        `picture` nothing: the model gives a picture of its own, the plane `drawn`.

        Raises:
            PhotoError, DepthError: one line for a person.
        """
        opened = self.open(photo, depth, options)
        taken = read_taken(opened.photo.exif)
        header: dict[str, Any] = {"name": photo.name, "size": opened.size, "taken": _json(vars(taken))}
        screen = _shrunk(opened, SCREEN_PX)
        try:
            if opened.depth is not None or options.matte == "none":
                return self._scene_of_map(opened, screen, options, header)
            if self.engine.draws:
                drawn = SharingRenderer(without_lens(options), self.engine).render_photo(screen)[0]
                planes = {"photo": _eight(screen), "drawn": _eight(drawn)}
                return pack(planes, **header, kind="picture", focus=0.0)
            looked, focus = self._scene(photo, opened, options).focus_at(parse_focus(options.focus).start)
        except ValueError as error:
            raise PhotoError(f"{photo.name}: {error}") from error
        planes = planes_of_scene(replace(looked, pixels=screen.pixels))
        return pack(planes, **header, kind="subject", focus=focus)

    def _scene_of_map(self, opened: Opened, screen: Photo, options: RenderOptions, header: dict[str, Any]) -> bytes:
        pixels, curve = opened.photo.pixels, opened.photo.curve
        depth = SharingRenderer(options, self.engine).sources.scene(pixels, opened.depth, None, curve).depth_map
        start = parse_focus(options.focus).start
        subject = seen_subject(self.engine, pixels, options, curve).kept if start == "auto" else None
        focus = find_focus(depth.disparity, start, opened.size[::-1], subject)
        planes = {"photo": _eight(screen), "disparity": resize(depth.disparity, *screen.pixels.shape[:2])}
        return pack(planes, **header, kind="map", focus=focus, metric=depth.metric)

    def _scene(self, path: Path, opened: Opened, options: RenderOptions) -> Scene:
        pixels, curve = opened.photo.pixels, opened.photo.curve
        sources = SharingRenderer(options, self.engine).sources
        key = path, options.working_side, options.matte, options.invert_matte
        found: Scene = self._scenes.get(
            key,
            lambda: replace(sources.scene(pixels, None, opened.matte, curve), hand=None),
            lambda scene: 8 * scene.pixels.nbytes,  # With the canvas and two maps in 32 bits.
        )
        strokes = sources.strokes(pixels)
        if not strokes:
            return found

        def correct_next(scene: Scene) -> Scene:
            """With what is remembered of the strokes before the last ones: only those are spread."""
            done: tuple[Any, ...] = (*key, options.focus)
            for stroke in strokes:
                done = (*done, stroke.key)
                scene = self._scenes.get(done, partial(correct, scene, [stroke]), _bytes_of_correction)
            return scene

        return replace(found, hand=correct_next)

    def show(self, photo: Path, depth: Path | None, options: RenderOptions, side: int) -> bytes:
        """Render a photo as a JPEG of that long side, at most `SHOWN_PX`.

        Raises:
            PhotoError, DepthError: one line for a person.
        """
        opened = self.open(photo, depth, options)
        shown = _shrunk(opened, min(side, SHOWN_PX))
        buffer = io.BytesIO()
        try:
            pixels = self._draw(photo, opened, shown, options)
        except ValueError as error:
            raise PhotoError(f"{photo.name}: {error}") from error
        eight = cv2.convertScaleAbs(pixels, alpha=1 / 257) if pixels.dtype == np.uint16 else pixels
        Image.fromarray(eight).save(buffer, "JPEG", quality=JPEG_QUALITY, icc_profile=opened.photo.icc or None)
        return buffer.getvalue()

    def _draw(self, path: Path, opened: Opened, shown: Photo, options: RenderOptions) -> NDArray[Any]:
        """What `Renderer.render_photo` does; where things are is found once for all f-numbers and points."""
        if opened.depth is not None or self.engine.draws or options.aperture == math.inf or options.matte == "none":
            renderer = SharingRenderer(options, self.engine)
            done: NDArray[Any] = renderer.render_photo(shown, _at_size(opened.depth, shown), opened.matte)[0].pixels
            return done
        lens = settings_for_scene(shown.pixels, options, read_taken(shown.exif), shown.curve)
        looked, lens = focused(self._scene(path, opened, options), lens, options)
        return draw_scene(replace(looked, pixels=shown.pixels), lens)

    def make(self, photo: Path, depth: Path | None, options: RenderOptions, output: Path) -> Path:
        """Render a photo's file into another, as the command line does."""
        check_size(read_bytes(photo), photo.name, self._megapixels)
        if depth is not None:
            options = replace(options, depth=str(depth))
        return SharingRenderer(options, self.engine).render_file(photo, output, overwrite=True)

    def open(self, photo: Path, depth: Path | None, options: RenderOptions) -> Opened:
        """A photo and its depth map, from memory or from their files."""
        how = (options.depth_kind, options.invert, options.depth_unit, options.depth)

        def make() -> Opened:
            data = read_bytes(photo)
            check_size(data, photo.name, self._megapixels)
            taken = as_picture(decode(data, photo.name))
            height, width = taken.pixels.shape[:2]
            found = None
            if depth is not None:
                check_size(read_bytes(depth), depth.name, self._megapixels, picture_only=True)
                found = load_depth(depth, options.depth_kind, options.invert, options.depth_unit)
            elif options.depth is None:
                found = embedded_depth(data, photo.name)
            if found is not None:
                check_shape(found, height, width, "depth map" if depth is None else depth.name)
            small = resize(taken.pixels, *fit(height, width, min(SHOWN_PX, max(height, width))))
            small = np.ascontiguousarray(small)
            sources = SharingRenderer(options, self.engine).sources
            matte = sources.matte(small, None, taken.curve) or sources.carried_matte(data, photo.name, None)
            photo_ = replace(taken, pixels=small, alpha=None)
            return Opened(photo_, (width, height), found and _lifted(found, small), matte)

        key = (photo, depth, how if depth is not None else options.depth, options.matte, options.invert_matte)
        found: Opened = self._opened.get(key, make, lambda opened: opened.bytes)
        return found


def _bytes_of_correction(scene: Scene) -> int:
    assert scene.matte is not None
    return scene.matte.opacity.nbytes + scene.disparity.values.nbytes


def without_lens(options: RenderOptions) -> RenderOptions:
    """The same options without those that only a lens can do; `off` stays, which anything can."""
    kept = math.inf if options.aperture == math.inf else None
    plain: dict[str, Any] = {
        item.name: item.default for item in fields(options) if item.metadata["panel"] in (LENS, DEPTH)
    }
    return replace(options, **{**plain, "depth": options.depth, "aperture": kept, "grain": options.grain})


def check_size(data: bytes, name: str, megapixels: int, picture_only: bool = False) -> None:
    """Refuse a picture larger than allowed before its pixels are read, by what its header says.

    Args:
        picture_only: files of other kinds (maps in EXR and NumPy files) pass; their own reader limits them.
    """
    try:
        width, height = picture_size(data, name)
    except PhotoError:
        if picture_only:
            return
        raise
    if width * height > megapixels * 10**6:
        raise PhotoError(
            f"{name}: {width}x{height} px is more than the {megapixels} megapixels allowed here; make it smaller"
        )


def _shrunk(opened: Opened, side: int) -> Photo:
    """The photo at no more than that long side."""
    height, width = opened.photo.pixels.shape[:2]
    if max(height, width) <= side:
        return opened.photo
    return replace(opened.photo, pixels=np.ascontiguousarray(resize(opened.photo.pixels, *fit(height, width, side))))


def _eight(photo: Photo) -> NDArray[np.float32]:
    """HxWx3 sRGB-encoded, float32 in [0, 1]."""
    return small(photo.pixels, max(photo.pixels.shape[:2]), photo.curve)


def _at_size(depth: DepthMap | None, shown: Photo) -> DepthMap | None:
    """A map at a photo's size; none stays none."""
    return depth and DepthMap(resize(depth.disparity, *shown.pixels.shape[:2]), depth.metric)


def _json(values: dict[str, Any]) -> dict[str, Any]:
    """The same with None for what JSON has no word for."""
    return {name: value if value is None or math.isfinite(value) else None for name, value in values.items()}


def _lifted(depth: DepthMap, pixels: NDArray[Any]) -> DepthMap:
    """A map lifted to the edges of what is shown, once for all that is drawn of it."""
    whole = slice(0, pixels.shape[0]), slice(0, pixels.shape[1])
    return DepthMap(Lifted(depth.disparity, pixels).at(*whole, pixels), depth.metric)
