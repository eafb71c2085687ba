"""Photos that are looked at again and again, as in an editor: what is where in them is found once for all f-numbers.

A renderer has each photo seen anew, as most photos are rendered once.
"""

import hashlib
import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from wideopen._types import Pixels
from wideopen.image.guided_upsampling import lift
from wideopen.image.resize import fit, resize
from wideopen.lens.lens_settings import focused, settings_for_scene
from wideopen.lens.thin_lens import read_taken
from wideopen.options import RenderOptions
from wideopen.photo.depth_map import DepthMap
from wideopen.photo.files import read_bytes
from wideopen.photo.formats.light import as_picture
from wideopen.photo.photo import Photo
from wideopen.render.renderer import Renderer
from wideopen.render.scene_rendering import draw_scene
from wideopen.render.seeing import read_sources
from wideopen.scene.correction import correct
from wideopen.scene.model import Engine, NetworkResult, NetworkScene
from wideopen.scene.scene import Matte, Scene


@dataclass(frozen=True, eq=False)
class Opened:
    """A photo as it is remembered."""

    photo: Photo
    """Without alpha, as small as it was asked for."""
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
        while len(self._values) > 1 and _array_bytes(tuple(self._values.values()), set()) > self._limit:
            self._values.popitem(last=False)
        return self._values[key]


def _array_bytes(value: Any, counted: set[int]) -> int:
    """Bytes of all arrays in an object and in what it is made of, each counted once."""
    if id(value) in counted:
        return 0
    counted.add(id(value))
    if isinstance(value, np.ndarray):
        return value.nbytes
    parts = value if isinstance(value, (tuple, list)) else getattr(value, "__dict__", {}).values()
    return sum(_array_bytes(part, counted) for part in parts)


class RememberingEngine(Engine):
    """An engine that runs the network once for each picture, as long as that is remembered."""

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


class Photos:
    """Photos at the size of a screen, remembered by their paths and what is to be read with them.

    Args:
        model, threads: as of `Engine`.
        side: long side in px that larger photos are reduced to.
        limit: bytes that all that is remembered may take.
    """

    def __init__(self, model: Path | None, threads: int, side: int, limit: int) -> None:
        self._memory, self._side = Memory(limit), side
        self.engine = RememberingEngine(self._memory, model, threads)

    def renderer(self, options: RenderOptions) -> Renderer:
        """A renderer by these options, but for the model, which is that of all."""
        return SharingRenderer(options, self.engine)

    def open(self, path: Path, options: RenderOptions) -> Opened:
        """A photo, its depth map and its matte. Raises as of `Renderer.render_bytes`."""
        how = options.depth, options.depth_kind, options.invert, options.depth_unit
        key = path, *how, options.matte, options.invert_matte
        found: Opened = self._memory.get(key, partial(self._read, path, options))
        return found

    def _read(self, path: Path, options: RenderOptions) -> Opened:
        taken, depth, matte = read_sources(self.renderer(options).sources, read_bytes(path), path.name)
        taken = as_picture(replace(taken, alpha=None, depth=None))
        height, width = taken.pixels.shape[:2]
        photo = shrunk(taken, self._side)
        if depth is not None:  # Lifted to the edges of what is shown, once for all that is drawn of it.
            depth = DepthMap(lift(depth.disparity, photo.pixels), depth.metric)
        return Opened(photo, (width, height), depth, matte)

    def scene(self, path: Path, options: RenderOptions) -> Scene:
        """What is where in a photo without a depth map, in focus nowhere yet. Raises as of `SceneSources.scene`."""
        opened, sources = self.open(path, options), self.renderer(options).sources
        pixels, curve = opened.photo.pixels, opened.photo.curve
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

    def draw(self, path: Path, options: RenderOptions, side: int) -> Pixels:
        """What `Renderer.render_photo` makes of a photo reduced to a long side of `side` px."""
        opened = self.open(path, options)
        shown, depth = shrunk(opened.photo, side), opened.depth
        if depth is not None or self.engine.draws or options.aperture == math.inf or options.matte == "none":
            at_size = depth and DepthMap(resize(depth.disparity, *shown.pixels.shape[:2]), depth.metric)
            return self.renderer(options).render_photo(shown, at_size, opened.matte)[0].pixels
        lens = settings_for_scene(shown.pixels, options, read_taken(shown.exif), shown.curve)
        looked, lens = focused(self.scene(path, options), lens, options)
        return draw_scene(replace(looked, pixels=shown.pixels), lens)


def shrunk(photo: Photo, side: int) -> Photo:
    """A photo at no more than that long side."""
    height, width = photo.pixels.shape[:2]
    if max(height, width) <= side:
        return photo
    return replace(photo, pixels=np.ascontiguousarray(resize(photo.pixels, *fit(height, width, side))))
