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
from wideopen.photo.depth_map import DepthMap
from wideopen.photo.files import picture_size, read_bytes
from wideopen.photo.formats.light import as_picture
from wideopen.photo.photo import Photo
from wideopen.render.renderer import Renderer
from wideopen.render.scene_rendering import draw_scene
from wideopen.render.seeing import read_sources
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


class Memory:
    """The values used last, as many as fit into so many bytes."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._values: OrderedDict[Any, Any] = OrderedDict()

    def get(self, key: Any, make: Callable[[], Any]) -> Any:
        """The value of that key, made if it is not remembered."""
        if key not in self._values:
            self._values[key] = make()
        self._values.move_to_end(key)
        while len(self._values) > 1 and array_bytes(tuple(self._values.values()), set()) > self._limit:
            self._values.popitem(last=False)
        return self._values[key]


def array_bytes(value: Any, counted: set[int]) -> int:
    """Bytes of all arrays in an object and in what it is made of, each counted once."""
    if id(value) in counted:
        return 0
    counted.add(id(value))
    if isinstance(value, np.ndarray):
        return value.nbytes
    parts = value if isinstance(value, (tuple, list)) else getattr(value, "__dict__", {}).values()
    return sum(array_bytes(part, counted) for part in parts)


class RememberingEngine(Engine):
    """An engine that runs the network once for each picture."""

    def __init__(self, memory: Memory, model: Path | None, threads: int) -> None:
        super().__init__(model, threads)
        self._memory = memory

    def run(self, photo: Any) -> NetworkResult | NetworkScene:
        digest = hashlib.blake2b(photo.tobytes(), digest_size=16).digest()
        found: NetworkResult | NetworkScene = self._memory.get((digest, photo.shape), partial(super().run, photo))
        return found


class SharingRenderer(Renderer):
    """A renderer for one set of options whose model is loaded already."""

    def __init__(self, options: RenderOptions, engine: Engine) -> None:
        super().__init__(options)
        self._engine = engine


class Worker:
    """One process's model, limits and memory.

    Its jobs take the path of a photo, and options that name the depth map, matte and strokes beside it. They raise
    WideopenError, a line for a person, or ValueError, a line to which the photo's name is to be added.
    """

    def __init__(self, model: Path | None, threads: int, megapixels: int) -> None:
        cv2.setNumThreads(threads)
        self._memory, self._megapixels = Memory(REMEMBERED_MB << 20), megapixels
        self.engine = RememberingEngine(self._memory, model, threads)

    def warm(self) -> None:
        """Run the network once: its first picture takes longer than all further ones."""
        side = self.engine.metadata.working_side // self.engine.metadata.scale
        self.engine.run(np.zeros((side * 3 // 4, side, 3), np.float32))

    def scene(self, path: Path, options: RenderOptions) -> bytes:
        """Where the things of a photo are, for a browser to draw a preview of; see `scene_planes`.

        The header's `kind` says what draws: `subject` a lens by matte and disparity, `map` a lens by a depth map,
        `picture` nothing: the model gives a picture of its own, the plane `drawn`.
        """
        opened = self._open(path, options)
        taken = vars(read_taken(opened.photo.exif)).items()  # JSON has no word for infinity.
        taken_in_json = {name: value if value is None or math.isfinite(value) else None for name, value in taken}
        header: dict[str, Any] = {"name": path.name, "size": opened.size, "taken": taken_in_json}
        screen = _shrunk(opened.photo, SCREEN_PX)
        if opened.depth is not None or options.matte == "none":
            return self._scene_of_map(opened, screen, options, header)
        if self.engine.draws:
            drawn = SharingRenderer(without_lens(options), self.engine).render_photo(screen)[0]
            return pack({"photo": _eight(screen), "drawn": _eight(drawn)}, **header, kind="picture", focus=0.0)
        looked, focus = self._scene(path, opened, options).focus_at(parse_focus(options.focus).start)
        return pack(planes_of_scene(replace(looked, pixels=screen.pixels)), **header, kind="subject", focus=focus)

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
        found: Scene = self._memory.get(
            key, lambda: replace(sources.scene(pixels, None, opened.matte, curve), hand=None)
        )
        strokes = sources.strokes(pixels)
        if not strokes:
            return found

        def correct_next(scene: Scene) -> Scene:
            """With what is remembered of the strokes before the last ones: only those are spread."""
            done: tuple[Any, ...] = (*key, options.focus)
            for stroke in strokes:
                done = (*done, stroke.key)
                scene = self._memory.get(done, partial(correct, scene, [stroke]))
            return scene

        return replace(found, hand=correct_next)

    def show(self, path: Path, options: RenderOptions, side: int) -> bytes:
        """Render a photo as a JPEG of that long side, at most `SHOWN_PX`."""
        opened = self._open(path, options)
        shown = _shrunk(opened.photo, min(side, SHOWN_PX))
        pixels = self._draw(path, opened, shown, options)
        eight = cv2.convertScaleAbs(pixels, alpha=1 / 257) if pixels.dtype == np.uint16 else pixels
        buffer = io.BytesIO()
        Image.fromarray(eight).save(buffer, "JPEG", quality=JPEG_QUALITY, icc_profile=opened.photo.icc or None)
        return buffer.getvalue()

    def _draw(self, path: Path, opened: Opened, shown: Photo, options: RenderOptions) -> NDArray[Any]:
        """What `Renderer.render_photo` does; where things are is found once for all f-numbers and points."""
        depth = opened.depth
        if depth is not None or self.engine.draws or options.aperture == math.inf or options.matte == "none":
            at_size = depth and DepthMap(resize(depth.disparity, *shown.pixels.shape[:2]), depth.metric)
            done: NDArray[Any] = (
                SharingRenderer(options, self.engine).render_photo(shown, at_size, opened.matte)[0].pixels
            )
            return done
        lens = settings_for_scene(shown.pixels, options, read_taken(shown.exif), shown.curve)
        looked, lens = focused(self._scene(path, opened, options), lens, options)
        return draw_scene(replace(looked, pixels=shown.pixels), lens)

    def make(self, path: Path, options: RenderOptions, output: Path) -> None:
        """Render a photo's file into another, as the command line does."""
        check_size(read_bytes(path), path.name, self._megapixels)
        SharingRenderer(options, self.engine).render_file(path, output, overwrite=True)

    def _open(self, path: Path, options: RenderOptions) -> Opened:
        """A photo, its depth map and its matte, from memory or from their files."""
        how = options.depth, options.depth_kind, options.invert, options.depth_unit
        found: Opened = self._memory.get(
            (path, *how, options.matte, options.invert_matte), lambda: self._read(path, options)
        )
        return found

    def _read(self, path: Path, options: RenderOptions) -> Opened:
        data = read_bytes(path)
        check_size(data, path.name, self._megapixels)
        if options.depth is not None:
            map_path = Path(options.depth)
            check_size(read_bytes(map_path), map_path.name, self._megapixels, picture_only=True)
        sources = SharingRenderer(options, self.engine).sources
        taken, depth, matte = read_sources(sources, data, path.name)
        taken = as_picture(replace(taken, alpha=None, depth=None))
        height, width = taken.pixels.shape[:2]
        photo = _shrunk(taken, SHOWN_PX)
        if depth is not None:  # Lifted to the edges of what is shown, once for all that is drawn of it.
            whole = slice(0, photo.pixels.shape[0]), slice(0, photo.pixels.shape[1])
            depth = DepthMap(Lifted(depth.disparity, photo.pixels).at(*whole, photo.pixels), depth.metric)
        return Opened(photo, (width, height), depth, matte)


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


def _shrunk(photo: Photo, side: int) -> Photo:
    """A photo at no more than that long side."""
    height, width = photo.pixels.shape[:2]
    if max(height, width) <= side:
        return photo
    return replace(photo, pixels=np.ascontiguousarray(resize(photo.pixels, *fit(height, width, side))))


def _eight(photo: Photo) -> NDArray[np.float32]:
    """HxWx3 sRGB-encoded, float32 in [0, 1]."""
    return small(photo.pixels, max(photo.pixels.shape[:2]), photo.curve)
