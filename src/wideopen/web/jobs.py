"""What a worker process does: photos in; scenes for a preview, pictures for the screen or whole files out."""

import io
import math
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from wideopen._types import Float
from wideopen.errors import PhotoError
from wideopen.image.resize import resize
from wideopen.lens.thin_lens import read_taken
from wideopen.option_texts import parse_focus
from wideopen.options import RenderOptions
from wideopen.photo.files import picture_size, read_bytes
from wideopen.photo.photo import Photo
from wideopen.render.remembering import Opened, Photos, shrunk
from wideopen.render.scene_rendering import seen_subject
from wideopen.scene.focus import find_focus
from wideopen.scene.network_scene import small
from wideopen.web.scene_planes import pack, planes_of_scene
from wideopen.web.settings import REMEMBERED_MB, SCREEN_PX, SHOWN_PX

JPEG_QUALITY = 90


class Worker:
    """One process's model, limits and memory.

    Its jobs take the path of a photo, and options that name the depth map, matte and strokes beside it. They raise
    WideopenError, a line for a person, or ValueError, a line to which the photo's name is to be added.
    """

    def __init__(self, model: Path | None, threads: int, megapixels: int) -> None:
        cv2.setNumThreads(threads)
        self._photos, self._megapixels = Photos(model, threads, SHOWN_PX, REMEMBERED_MB << 20), megapixels

    def warm(self) -> None:
        """Run the network once: its first picture takes longer than all further ones."""
        side = self._photos.engine.metadata.working_side // self._photos.engine.metadata.scale
        self._photos.engine.run(np.zeros((side * 3 // 4, side, 3), np.float32))

    def scene(self, path: Path, options: RenderOptions) -> bytes:
        """Where the things of a photo are, for a browser to draw a preview of, in the format of `scene_planes`."""
        self._check(path, options)
        opened = self._photos.open(path, options)
        taken = vars(read_taken(opened.photo.exif)).items()  # JSON has no word for infinity.
        taken_in_json = {name: value if value is None or math.isfinite(value) else None for name, value in taken}
        header: dict[str, Any] = {"name": path.name, "size": opened.size, "taken": taken_in_json}
        screen = shrunk(opened.photo, SCREEN_PX)
        if opened.depth is not None or options.matte == "none":
            return self._scene_of_map(opened, screen, options, header)
        if self._photos.engine.draws:
            drawn = self._photos.renderer(without_lens(options)).render_photo(screen)[0]
            return pack({"photo": _encoded(screen), "drawn": _encoded(drawn)}, **header, kind="picture", focus=0.0)
        looked, focus = self._photos.scene(path, options).focus_at(parse_focus(options.focus).start)
        return pack(planes_of_scene(replace(looked, pixels=screen.pixels)), **header, kind="subject", focus=focus)

    def _scene_of_map(self, opened: Opened, screen: Photo, options: RenderOptions, header: dict[str, Any]) -> bytes:
        pixels, curve = opened.photo.pixels, opened.photo.curve
        depth = self._photos.renderer(options).sources.scene(pixels, opened.depth, None, curve).depth_map
        start = parse_focus(options.focus).start
        subject = seen_subject(self._photos.engine, pixels, options, curve).kept if start == "auto" else None
        focus = find_focus(depth.disparity, start, opened.size[::-1], subject)
        planes = {"photo": _encoded(screen), "disparity": resize(depth.disparity, *screen.pixels.shape[:2])}
        return pack(planes, **header, kind="map", focus=focus, metric=depth.metric)

    def show(self, path: Path, options: RenderOptions, side: int) -> bytes:
        """Render a photo as a JPEG of that long side, at most `SHOWN_PX`."""
        self._check(path, options)
        pixels = self._photos.draw(path, options, min(side, SHOWN_PX))
        eight = cv2.convertScaleAbs(pixels, alpha=1 / 257) if pixels.dtype == np.uint16 else pixels
        buffer, profile = io.BytesIO(), self._photos.open(path, options).photo.icc
        Image.fromarray(eight).save(buffer, "JPEG", quality=JPEG_QUALITY, icc_profile=profile or None)
        return buffer.getvalue()

    def make(self, path: Path, options: RenderOptions, output: Path) -> None:
        """Render a photo's file into another, as the command line does."""
        self._check(path, options)
        self._photos.renderer(options).render_file(path, output, overwrite=True)

    def _check(self, path: Path, options: RenderOptions) -> None:
        """Refuse pictures larger than allowed before their pixels are read, by what their headers say."""
        for file in (path, Path(options.depth or path)):
            try:
                width, height = picture_size(read_bytes(file), file.name)
            except PhotoError:
                if file == path:
                    raise
                continue  # Maps in EXR and NumPy files: their own reader limits them.
            if width * height > self._megapixels * 10**6:
                allowed = f"the {self._megapixels} megapixels allowed here"
                raise PhotoError(f"{file.name}: {width}x{height} px is more than {allowed}; make it smaller")


def without_lens(options: RenderOptions) -> RenderOptions:
    """The same options without those that only a lens can do; `off` stays, which anything can."""
    plain: dict[str, Any] = {item.name: item.default for item in fields(options) if item.metadata["lens"]}
    return replace(options, **{**plain, "aperture": math.inf if options.aperture == math.inf else None})


def _encoded(photo: Photo) -> Float:
    """HxWx3 sRGB-encoded, float32 in [0, 1]."""
    return small(photo.pixels, max(photo.pixels.shape[:2]), photo.curve)
