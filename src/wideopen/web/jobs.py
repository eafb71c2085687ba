"""What a worker process does: photos in, pictures for the screen or whole files out.

A worker remembers what the network said of the photos last shown, so that a moved slider only draws anew.
"""

import hashlib
import io
import math
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from wideopen.errors import PhotoError
from wideopen.image.guided_upsampling import Lifted
from wideopen.image.resize import fit, resize
from wideopen.lens.lens_settings import make_glass
from wideopen.lens.thin_lens import read_taken
from wideopen.options import DEPTH, LENS, RenderOptions, in_pixels, parse_focus
from wideopen.photo.depth import check_shape, load_depth
from wideopen.photo.depth_map import DepthMap
from wideopen.photo.embedded_depth import embedded_depth
from wideopen.photo.files import decode, open_picture, read_bytes
from wideopen.photo.photo import Photo
from wideopen.render.rendered import IN_FOCUS_PX, Seen
from wideopen.render.renderer import Renderer
from wideopen.render.scene_rendering import draw_scene
from wideopen.scene.depth_view import depth_picture
from wideopen.scene.model import Engine, NetworkResult, NetworkScene
from wideopen.scene.network_scene import estimate_scene
from wideopen.scene.scene import Scene
from wideopen.web.settings import REMEMBERED_MB, SCREEN_PX

JPEG_QUALITY = 88
MARK = (255, 255, 255)


@dataclass(frozen=True)
class Shown:
    """What the page gets back: files of screen size."""

    before: Path
    after: Path
    marked: Path
    """The same with a mark where focus was put."""
    depth: Path | None
    size: tuple[int, int]
    """Width and height of the photo itself."""
    screen: tuple[int, int]
    """Width and height of what is shown."""
    lens: bool
    """Whether f-number and focus do anything."""
    seconds: float

    @property
    def files(self) -> set[Path]:
        return {path for path in (self.before, self.after, self.marked, self.depth) if path is not None}


@dataclass(frozen=True, eq=False)
class Opened:
    """A photo as a worker remembers it."""

    photo: Photo
    """Without alpha, at most `SCREEN_PX` on its long side."""
    size: tuple[int, int]
    """Width and height of the file's."""
    depth: DepthMap | None

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

    def show(self, photo: Path, depth: Path | None, options: RenderOptions, folder: Path) -> Shown:
        """Render a photo at screen size, and write what is to be seen into a folder.

        Raises:
            PhotoError, DepthError: one line for a person.
        """
        start = time.perf_counter()
        opened = self.open(photo, depth, options)
        lens = opened.depth is not None or not self.engine.draws
        options = options if lens else without_lens(options)
        try:
            result, seen = self._draw(photo, opened, options)
        except ValueError as error:
            raise PhotoError(f"{photo.name}: {error}") from error
        small, icc = opened.photo.pixels, opened.photo.icc
        return Shown(
            before=_write(folder, small, icc),
            after=_write(folder, result, icc),
            marked=_write(folder, mark(result, options.focus, opened.size), icc),
            depth=None if seen is None else _write(folder, _depth_view(seen)),
            size=opened.size,
            screen=(small.shape[1], small.shape[0]),
            lens=lens,
            seconds=time.perf_counter() - start,
        )

    def _draw(self, path: Path, opened: Opened, options: RenderOptions) -> tuple[NDArray[Any], Seen | None]:
        """What `Renderer.render_photo` does; where things are is found once for all sliders and taps."""
        photo = opened.photo
        if opened.depth is not None or options.matte is not None or self.engine.draws or options.aperture == math.inf:
            done, seen = SharingRenderer(options, self.engine).render_photo(photo, opened.depth)
            return done.pixels, seen
        scene: Scene = self._scenes.get(
            (path, options.working_side),
            lambda: estimate_scene(self.engine, photo.pixels, options, photo.curve),
            lambda found: 8 * found.pixels.nbytes,  # With the canvas and two maps in 32 bits.
        )
        glass = make_glass(photo.pixels, options, read_taken(photo.exif), photo.curve)
        looked, focus = scene.focus_at(options.focus)
        return draw_scene(looked, glass, focus), None

    def make(self, photo: Path, depth: Path | None, options: RenderOptions, output: Path, lenient: bool) -> Path:
        """Render a photo's file into another, as the command line does.

        Args:
            lenient: leave the lens's options away where there is no depth map, as `show` does.
        """
        data = read_bytes(photo)
        check_size(data, photo.name, self._megapixels)
        if depth is not None:
            options = replace(options, depth=str(depth))
        elif lenient and self.engine.draws and embedded_depth(data, photo.name) is None:
            options = without_lens(options)
        return SharingRenderer(options, self.engine).render_file(photo, output, overwrite=True)

    def open(self, photo: Path, depth: Path | None, options: RenderOptions) -> Opened:
        """A photo and its depth map, from memory or from their files."""
        how = (options.depth_kind, options.invert, options.depth_unit, options.depth)

        def make() -> Opened:
            data = read_bytes(photo)
            check_size(data, photo.name, self._megapixels)
            taken = decode(data, photo.name)
            height, width = taken.pixels.shape[:2]
            found = None
            if depth is not None:
                check_size(read_bytes(depth), depth.name, self._megapixels, picture_only=True)
                found = load_depth(depth, options.depth_kind, options.invert, options.depth_unit)
            elif options.depth is None:
                found = embedded_depth(data, photo.name)
            if found is not None:
                check_shape(found, height, width, "depth map" if depth is None else depth.name)
            small = resize(taken.pixels, *fit(height, width, min(SCREEN_PX, max(height, width))))
            small = np.ascontiguousarray(small)
            return Opened(replace(taken, pixels=small, alpha=None), (width, height), found and _lifted(found, small))

        key = (photo, depth, how if depth is not None else options.depth)
        found: Opened = self._opened.get(key, make, lambda opened: opened.bytes)
        return found


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
        with open_picture(data, name) as image:
            width, height = image.size
    except PhotoError:
        if picture_only:
            return
        raise
    if width * height > megapixels * 10**6:
        raise PhotoError(
            f"{name}: {width}x{height} px is more than the {megapixels} megapixels allowed here; make it smaller"
        )


def mark(pixels: NDArray[Any], focus: str, size: tuple[int, int]) -> NDArray[Any]:
    """The picture with a ring where focus was put; as it is if focus finds its own place.

    Args:
        size: width and height of the photo in whose pixels focus may be.
    """
    chosen = parse_focus(focus)
    if isinstance(chosen, str):
        return pixels
    height, width = pixels.shape[:2]
    x, y = chosen
    if in_pixels(chosen):
        x, y = (x + 0.5) / size[0], (y + 0.5) / size[1]
    picture = _eight_bits(pixels).copy()
    radius = max(6, round(min(height, width) * 0.035))
    place = round(x * width - 0.5), round(y * height - 0.5)
    for color, wide in (((0, 0, 0), 6), (MARK, 2)):
        cv2.circle(picture, place, radius, color, wide, cv2.LINE_AA)
        cv2.circle(picture, place, 2, color, wide, cv2.LINE_AA)
    return picture


def _lifted(depth: DepthMap, pixels: NDArray[Any]) -> DepthMap:
    """A map lifted to the edges of what is shown, once for all that is drawn of it."""
    whole = slice(0, pixels.shape[0]), slice(0, pixels.shape[1])
    return DepthMap(Lifted(depth.disparity, pixels).at(*whole, pixels), depth.metric)


def _depth_view(seen: Seen) -> NDArray[np.uint8]:
    blur, disparity = seen.look.blur_px_per_disparity, seen.depth.disparity
    sharp = IN_FOCUS_PX / blur if blur > 0 else math.inf
    return depth_picture(disparity, seen.look.focus_disparity, min(sharp, float(np.ptp(disparity))))


def _eight_bits(pixels: NDArray[Any]) -> NDArray[np.uint8]:
    return cv2.convertScaleAbs(pixels, alpha=1 / 257) if pixels.dtype == np.uint16 else pixels  # type: ignore[return-value]


def _write(folder: Path, pixels: NDArray[Any], icc: bytes = b"") -> Path:
    """A picture as a JPEG named by what is in it."""
    buffer = io.BytesIO()
    Image.fromarray(_eight_bits(pixels)).save(buffer, "JPEG", quality=JPEG_QUALITY, icc_profile=icc or None)
    data = buffer.getvalue()
    path = folder / f"{hashlib.blake2b(data, digest_size=16).hexdigest()}.jpg"
    path.write_bytes(data)
    return path
