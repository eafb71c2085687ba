"""What the lens is set to for a scene: its blur, and the disparity that it is focused on."""

from dataclasses import replace

from wideopen.lens.lens_settings import LensSettings, focused, settings_for_map, settings_for_scene
from wideopen.lens.thin_lens import Taken, read_taken
from wideopen.option_texts import parse_focus
from wideopen.options import RenderOptions
from wideopen.render.rendered import Seen
from wideopen.render.scene_rendering import seen_subject
from wideopen.render.scene_sources import SceneSources
from wideopen.scene.scene import Scene


def aim(scene: Scene, options: RenderOptions, taken: Taken | None = None) -> tuple[Scene, LensSettings, Seen | None]:
    """Aim a lens at a scene with a subject.

    Returns the scene as it is to be drawn, the lens, and the depth map, where the scene has one.
    Raises ValueError: options that make no sense for this photo, or a point outside it.
    """
    assert scene.matte is not None
    if scene.disparity.scale == "subject":
        lens = settings_for_scene(scene.pixels, options, taken, scene.curve)
        return *focused(scene, lens, options), None
    of_map = settings_for_map(scene.pixels, scene.depth_map, options, taken, scene.matte.opacity, scene.curve)
    # In a scene, disparity is relative to the subject's.
    lens = replace(of_map, blur=of_map.blur * scene.unit, depth_of_field=of_map.depth_of_field / scene.unit)
    return *focused(scene, lens, options), Seen(scene.disparity_at, of_map, scene.depth_map)


def aim_at_map(scene: Scene, sources: SceneSources, exif: bytes) -> Seen:
    """Aim a lens at a scene of a depth map alone: the map, lifted to the photo's edges, and what the lens will do.

    Raises ValueError: options that make no sense for this photo, or a point outside it.
    """
    options, subject = sources.options, None
    if parse_focus(options.focus).on_subject:
        subject = seen_subject(sources.engine, scene.pixels, options, scene.curve).kept
    lens = settings_for_map(scene.pixels, scene.depth_map, options, read_taken(exif), subject, scene.curve)
    return Seen(scene.disparity_at, lens, scene.depth_map)
