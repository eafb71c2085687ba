"""Where results go: the rendered picture, and beside it the depth map and the matte in use, and the photo's layers."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from wideopen.errors import DepthError, MatteError, OutputError, PhotoError
from wideopen.option_texts import parse_focus

if TYPE_CHECKING:
    from wideopen.render.rendered import Rendered
    from wideopen.render.scene_sources import SceneSources
    from wideopen.scene.scene import Scene


LAYERS = "subject", "background"
"""What is added to the name of a file of layers, for the two that are written."""
_WITH_ALPHA = ".png", ".tif", ".tiff", ".webp"


@dataclass(frozen=True)
class SideFiles:
    """Where they go, if they are wanted."""

    save_depth: Path | None = None
    show_depth: Path | None = None
    save_matte: Path | None = None
    save_layers: Path | None = None
    """`NAME.png` stands for NAME-subject.png and NAME-background.png."""
    matte_bits: int = 16
    """Of a matte in a PNG: 8 or 16."""

    def __bool__(self) -> bool:
        return bool(self.paths)

    @property
    def paths(self) -> list[Path]:
        """All that are to be written."""
        single = [path for path in (self.save_depth, self.show_depth, self.save_matte) if path is not None]
        return single + layer_paths(self.save_layers)

    def check(self) -> None:
        """Raise OutputError if one of them has a name of a format that it cannot be written in, ValueError for bits."""
        from wideopen.photo.depth import map_suffix
        from wideopen.photo.files import output_format
        from wideopen.scene.matte_file import matte_suffix, png_type

        if self.show_depth is not None:
            output_format(self.show_depth)
        if self.save_depth is not None:
            map_suffix(self.save_depth)
        if self.save_matte is not None:
            matte_suffix(self.save_matte)
            png_type(self.matte_bits)
        if self.save_layers is not None and self.save_layers.suffix.lower() not in _WITH_ALPHA:
            raise OutputError(f"{self.save_layers}: layers have transparency; use .png, .tif or .webp")

    def files(
        self, sources: "SceneSources", done: "Rendered", name: str
    ) -> "tuple[list[tuple[Path, bytes]], Rendered]":
        """Their names and bytes, and what was rendered with what was found out for them.

        Raises:
            DepthError, MatteError: the model says nothing of depth, or of a subject.
            PhotoError: options that make no sense for this photo.
        """
        found: list[tuple[Path, bytes]] = []
        if self.save_depth or self.show_depth:
            done = done if done.seen is not None else with_estimate(sources, done, name)
            found += self._of_depth(done)
        if self.save_matte or self.save_layers:
            scene = scene_of(sources, done, name)
            if scene.matte is None:
                raise MatteError(f"{name}: there is no matte beside a depth map alone; name one with --matte")
            found += self._of_matte(scene, done)
        return found, done

    def _of_depth(self, done: "Rendered") -> list[tuple[Path, bytes]]:
        import numpy as np

        from wideopen.photo.depth import depth_bytes
        from wideopen.photo.depth_map import DepthMap
        from wideopen.photo.files import output_format, to_bytes
        from wideopen.photo.photo import Photo
        from wideopen.render.rendered import IN_FOCUS_PX
        from wideopen.scene.depth_view import depth_picture

        seen, pixels, found = done.seen, done.taken.pixels, []
        assert seen is not None
        disparity = seen.at(slice(0, pixels.shape[0]), slice(0, pixels.shape[1]), pixels)
        if self.save_depth is not None:
            data = depth_bytes(DepthMap(disparity, seen.depth.metric), self.save_depth)
            found.append((self.save_depth, data))
        if self.show_depth is not None:
            lens, _ = seen.lens.for_colors()[0]
            picture = depth_picture(disparity, np.abs(lens.radius_in(disparity, pixels.shape)) <= IN_FOCUS_PX)
            data = to_bytes(Photo(picture), output_format(self.show_depth), str(self.show_depth))
            found.append((self.show_depth, data))
        return found

    def _of_matte(self, scene: "Scene", done: "Rendered") -> list[tuple[Path, bytes]]:
        from wideopen.scene.matte_file import encode_matte, matte_suffix

        pixels, found = scene.pixels, []
        opacity = scene.opacity_at(slice(0, pixels.shape[0]), slice(0, pixels.shape[1]), pixels)
        if self.save_matte is not None:
            found.append((self.save_matte, encode_matte(opacity, matte_suffix(self.save_matte), self.matte_bits)))
        if self.save_layers is not None:
            found += zip(layer_paths(self.save_layers), _layers(done, opacity, self.save_layers), strict=True)
        return found


def check_outputs(
    output: Path, overwrite: bool = False, beside: SideFiles | None = None, photo: Path | None = None
) -> None:
    """Raise OutputError if one of a photo's results cannot be written where it is to go, or is the photo itself."""
    from wideopen.atomic_write import check_output
    from wideopen.photo.files import output_format

    beside = beside or SideFiles()
    output_format(output)
    beside.check()
    written: set[Path] = set()
    for path in (output, *beside.paths):
        if photo is not None and overwrite and path.exists() and photo.exists() and path.samefile(photo):
            raise OutputError(f"{path}: is the photo itself; choose another name")
        check_output(path, overwrite)
        if path.resolve() in written:
            raise OutputError(f"{path}: is to be written twice; choose another name")
        written.add(path.resolve())


def output_path(photo: Path, output: Path | None = None) -> Path:
    """Where the result of `photo` goes: `output`, or in it if it is a folder, or NAME-bokeh beside the photo."""
    from wideopen.photo.files import kept_suffix

    if output is None:
        return photo.with_name(f"{photo.stem}-bokeh{kept_suffix(photo)}")
    if not output.is_dir():
        return output
    if photo.parent.resolve() == output.resolve():
        raise OutputError(f"{output}: is the folder that {photo.name} is in; choose another, or leave -o away")
    return output / f"{photo.stem}{kept_suffix(photo)}"


def scene_of(sources: "SceneSources", done: "Rendered", name: str) -> "Scene":
    """What is where in a photo that was rendered, as it was drawn: with the subject that focus was put on.

    Raises:
        ModelError: the model gives pictures, and says nothing of a scene.
        PhotoError: options that make no sense for this photo.
    """
    from wideopen.render.alpha import visible

    try:
        scene = sources.scene(visible(done.taken), done.depth, done.matte, done.taken.curve)
        return scene if scene.matte is None else scene.focus_at(parse_focus(sources.options.focus).start)[0]
    except ValueError as error:
        raise PhotoError(f"{name}: {error}") from error


def with_estimate(sources: "SceneSources", done: "Rendered", name: str) -> "Rendered":
    """The same with the depth that is to be drawn by, or that the network itself estimates where there is no map.

    Raises:
        DepthError: the model gives pictures, and says nothing of depth.
        PhotoError: options that make no sense for this photo.
    """
    from wideopen.lens.thin_lens import read_taken
    from wideopen.render.aim import aim, aim_at_map
    from wideopen.render.alpha import visible
    from wideopen.render.rendered import estimated

    if done.depth is None and sources.engine.draws:
        raise DepthError(f"{name}: carries no depth map, and this model estimates none; give one with --depth")
    taken = done.taken
    try:
        scene = sources.scene(visible(taken), done.depth, done.matte, taken.curve)
        if scene.matte is None:
            return replace(done, seen=aim_at_map(scene, sources, taken.exif))
        scene, lens, seen = aim(scene, sources.options, read_taken(taken.exif))
    except ValueError as error:
        raise PhotoError(f"{name}: {error}") from error
    return replace(done, seen=seen or estimated(scene, lens))


def layer_paths(path: Path | None) -> list[Path]:
    """The files that a name for layers stands for."""
    return [] if path is None else [path.with_name(f"{path.stem}-{layer}{path.suffix}") for layer in LAYERS]


def _layers(done: "Rendered", opacity: Any, path: Path) -> list[bytes]:
    """The subject with transparency and clean colours, and the background filled in."""
    import numpy as np

    from wideopen.image.clean_layers import clean_layers
    from wideopen.image.tone_curve import to_light, to_pixels
    from wideopen.photo.files import output_format, to_bytes
    from wideopen.photo.formats.light import as_picture

    taken = as_picture(done.taken)
    pixels, curve = taken.pixels, taken.curve
    alpha = np.rint(opacity * np.float32(np.iinfo(pixels.dtype).max)).astype(pixels.dtype)
    front, back = (to_pixels(layer, pixels.dtype, curve) for layer in clean_layers(to_light(pixels, curve), opacity))
    front = np.where(opacity[..., None] == 1, pixels, front)
    back = np.where(opacity[..., None] == 0, pixels, back)
    photos = (replace(taken, pixels=front, alpha=alpha), replace(taken, pixels=back, alpha=None))
    format = output_format(path)
    return [to_bytes(replace(photo, grey=False, depth=None, gain=None), format, str(path)) for photo in photos]
