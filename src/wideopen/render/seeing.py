"""What is where in a photo file, without a picture drawn of it: what its matte and depth are written from."""

from dataclasses import replace
from typing import Any

from wideopen.errors import PhotoError
from wideopen.gain.gain_map import GainMap
from wideopen.options import Hdr
from wideopen.photo.depth_map import DepthMap
from wideopen.photo.files import decode
from wideopen.photo.photo import Photo
from wideopen.render.alpha import visible
from wideopen.render.rendered import Rendered
from wideopen.render.scene_sources import SceneSources, notices_of
from wideopen.scene.network_scene import estimate_scene
from wideopen.scene.scene import Matte


def read_sources(
    sources: SceneSources, data: bytes, name: str, taken: Photo | None = None, depth: Any = None, matte: Any = None
) -> tuple[Photo, DepthMap | None, Matte | None]:
    """A photo file's content, with the depth map that it carries, and the map and the matte to go by.

    `data`, `name`, `taken`, `depth`, `matte`: as of `Renderer.render_bytes`.
    Returns None for map or matte where the network is to say.
    Raises PhotoError, DepthError, MatteError, ModelError: one line each.
    """
    taken = decode(data, name) if taken is None else taken
    # Kept, whatever it is rendered with.
    taken = replace(taken, depth=sources.carried_depth(data, name, depth), gain=_gain(taken, sources.options.hdr))
    if depth is None and sources.options.depth is None:
        depth = taken.depth
    try:
        carried = sources.carried_matte(data, name, matte)
        found = carried or sources.matte(taken.pixels, matte, taken.curve)
        return taken, sources.depth(taken.pixels, depth, taken.curve), found
    except ValueError as error:
        raise PhotoError(f"{name}: {error}") from error


def _gain(taken: Photo, hdr: Hdr) -> GainMap | None:
    """The photo's gain map, as far as the options want it."""
    if taken.gain is None or hdr == "drop":
        return None
    return replace(taken.gain, required=hdr == "keep")


def see(sources: SceneSources, data: bytes, name: str, taken: Photo | None = None) -> Rendered:
    """What is where in a photo file. There is a subject, also beside a depth map: if nothing else says what it is, the
    network does.

    `data`, `name`, `taken`: as of `Renderer.render_bytes`.
    Returns the photo as its own result.
    Raises PhotoError, DepthError, MatteError, ModelError: one line each.
    """
    taken, depth, matte = read_sources(sources, data, name, taken)
    if depth is not None and matte is None and sources.options.matte is None:
        matte = estimate_scene(sources.engine, visible(taken), sources.options, taken.curve).matte
    return Rendered(taken, taken, None, depth, matte, notices_of(matte, sources.options.best))
