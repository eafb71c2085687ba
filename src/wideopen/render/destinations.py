"""Where a photo's results go, and whether they can."""

from pathlib import Path

from wideopen.errors import OutputError
from wideopen.render.side_files import SideFiles


def check_outputs(
    output: Path, overwrite: bool = False, beside: SideFiles | None = None, photo: Path | None = None
) -> None:
    """Raise OutputError if one of a photo's results cannot be written where it is to go, or is the photo itself."""
    from wideopen.atomic_write import check_output
    from wideopen.photo.files import output_format

    beside = SideFiles() if beside is None else beside
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
