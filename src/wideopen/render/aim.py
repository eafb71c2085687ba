"""What the lens is set to for a scene: its blur, and the disparity that it is focused on."""

from wideopen.lens.compositor import Glass
from wideopen.lens.lens_settings import LARGEST_SHARE, make_glass, make_look
from wideopen.lens.thin_lens import Taken, read_taken
from wideopen.options import RenderOptions
from wideopen.render.rendered import Seen
from wideopen.render.scene_sources import SceneSources
from wideopen.render.through_network import seen_subject
from wideopen.scene.scene import Scene


def aim(scene: Scene, options: RenderOptions, taken: Taken | None = None) -> tuple[Scene, Glass, float, Seen | None]:
    """Aim a lens at a scene with a subject.

    Returns:
        The scene as it is to be drawn, the lens, the relative disparity in focus, and the depth map, where the scene
        has one.

    Raises:
        ValueError: options that make no sense for this photo, or a point outside it.
    """
    assert scene.matte is not None
    if scene.disparity.scale == "subject":
        glass = make_glass(scene.pixels, options, taken, scene.curve)
        return *_focused(scene, glass, options), None
    look = make_look(scene.pixels, scene.depth_map, options, taken, scene.matte.opacity, scene.curve)
    blur = look.blur_px_per_disparity * scene.unit / min(scene.pixels.shape[:2])
    glass = Glass(blur, look.aperture, look.highlight_gain, LARGEST_SHARE)
    return *_focused(scene, glass, options), Seen(scene.disparity_at, look, scene.depth_map)


def aim_at_map(scene: Scene, sources: SceneSources, exif: bytes) -> Seen:
    """Aim a lens at a scene of a depth map alone: the map, lifted to the photo's edges, and what the lens will do.

    Raises:
        ValueError: options that make no sense for this photo, or a point outside it.
    """
    options, subject = sources.options, None
    if options.focus == "auto":
        subject = seen_subject(sources.engine, scene.pixels, options, scene.curve).kept
    look = make_look(scene.pixels, scene.depth_map, options, read_taken(exif), subject, scene.curve)
    return Seen(scene.disparity_at, look, scene.depth_map)


def _focused(scene: Scene, glass: Glass, options: RenderOptions) -> tuple[Scene, Glass, float]:
    found, focus = scene.focus_at(options.focus)
    return found, glass, focus
