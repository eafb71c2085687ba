"""From what a person names (files, folders, globs, URLs) to photos and where their results go.

names -> found photos, each with its place below what was named -> jobs, no two of which write the same file
"""

import glob
import os
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePath
from string import Formatter

from wideopen.batch.stores import Place, Url, files_below, is_url, place
from wideopen.batch.stores import exists as exists_at
from wideopen.errors import OutputError, PhotoError
from wideopen.photo.files import kept_suffix, output_format, photo_suffixes
from wideopen.render.side_files import SideFiles

FIELDS = ("stem", "suffix", "folder")
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True)
class Product:
    """What is made of photos, and what it is called."""

    beside: str = "{stem}-bokeh{suffix}"
    """Names of results beside their photos."""
    into: str = "{stem}{suffix}"
    """Names of results in a folder of their own."""
    suffix: str | None = None
    """What {suffix} stands for where nothing is said; the photo's own if None."""
    check: Callable[[Path], object] = output_format
    """Raises OutputError for a name that no result can have."""
    files: Callable[[Path], SideFiles] = lambda output: SideFiles()
    """What is written beside a result, or in place of a picture."""


BOKEH = Product()
"""The photos with another background."""


@dataclass(frozen=True)
class Found:
    """A photo that was named, or found in what was named."""

    photo: Place
    below: Path
    """Its folder, relative to what was named: kept in the results' folder."""
    fault: str | None = None
    """Why it cannot be read, where that is known already (a folder in the tree that may not be opened)."""


@dataclass(frozen=True)
class Job:
    """A photo and where its results go."""

    photo: Place
    output: Place
    fault: str | None = None
    """Why it cannot be done, where that is known before it is tried."""
    beside: SideFiles = SideFiles()
    """What else is to be written, if anything."""

    @property
    def draws(self) -> bool:
        """Whether the photo is rendered: not if `output` itself is one of the files of what is where in it."""
        return self.output not in self.beside.paths


def find_photos(names: Sequence[str], recursive: bool = False, leave_out: Place | None = None) -> list[Found]:
    """The photos that names stand for, each once, in order of the names and of the alphabet below them.

    A file is taken whatever it is called; in a folder, and in those below it if `recursive`, what is called like a
    photo and not hidden. A name that is not there and has *, ? or [ in it is a pattern (** for any depth).

    `leave_out`: a folder of results, which is not searched.
    Raises PhotoError: names without any photo, in one line.
    """
    folders = [name for name in names if os.path.isdir(name)]
    stores = [name for name in names if is_url(name)]
    found: list[Found] = []
    for name in names:
        if is_url(name):
            found += _in_store(name, recursive, leave_out, several=len(folders) + len(stores) > 1)
            continue
        # With several folders each keeps its own name among the results.
        root = Path(os.path.abspath(name)) if len(folders) == 1 and not stores else Path(os.path.abspath(name)).parent
        found += _named(name, root, recursive, leave_out)
    faults = [item.fault for item in found if item.fault]
    if len(faults) == len(found):
        raise PhotoError(faults[0] if len(faults) == 1 else f"{faults[0]} (nor any of the other {len(faults) - 1})")
    once: dict[str, Found] = {}
    for item in found:
        once.setdefault(os.path.abspath(item.photo), item)
    return list(once.values())


def plan(
    found: Iterable[Found],
    output: Place | None = None,
    pattern: str | None = None,
    suffix: str | None = None,
    product: Product = BOKEH,
) -> list[Job]:
    """Where the results go.

    Args:
        output: folder in which the photos' own folders are kept; beside each photo if None.
        pattern: name of a result, with {stem}, {suffix} and {folder} (the name of the photo's folder); the
            product's own if None. Its ending decides the format.
        suffix: what {suffix} stands for; the product's if None.

    Returns a job for each photo, but for those that are another one's result, where results lie beside photos.
    Raises OutputError: a pattern that is none, two photos with one result, or results that would be the photos.
    """
    pattern = check_pattern(pattern or (product.beside if output is None else product.into), product)
    targets = [(item, _target(item, output, pattern, suffix or product.suffix)) for item in found]
    jobs = [Job(item.photo, path, item.fault, product.files(Path(path))) for item, path in targets]
    if output is None:
        results = {
            os.path.abspath(path): job.photo
            for job in jobs
            for path in (comparison_path(job.output), *job.beside.paths, job.output)
        }
        jobs = [job for job in jobs if results.get(os.path.abspath(job.photo), job.photo) == job.photo]
    for job in jobs:
        if (
            not job.fault
            and job.output.name == job.photo.name
            and os.path.realpath(job.output.parent) == os.path.realpath(job.photo.parent)
        ):
            raise OutputError(
                f"{job.output.parent}: is the folder that {job.photo.name} is in; choose another, or leave -o away"
            )
    takers: dict[str, Job] = {}
    for job in (job for job in jobs if not job.fault):
        other = takers.setdefault(os.path.normcase(os.path.abspath(job.output)), job)
        if other is not job:
            raise OutputError(
                f"{other.photo} and {job.photo} would both become {job.output}; name the folder that they are below "
                "(with --recursive), or give --name with {folder} in it"
            )
    return jobs


def called_like_results(jobs: Iterable[Job]) -> list[Place]:
    """Photos that are called like another one of them and more behind a hyphen, as results of an earlier run are."""
    photos = [job.photo for job in jobs]
    there = {(photo.parent, photo.stem) for photo in photos}
    return [
        photo
        for photo in photos
        if any((photo.parent, photo.stem[:at]) in there for at, letter in enumerate(photo.stem) if letter == "-")
    ]


def is_pattern(name: str) -> bool:
    """Whether a name stands for others: nothing is called so, and it has *, ? or [ in it."""
    if is_url(name):
        return _MAGIC.search(name) is not None
    return not os.path.lexists(name) and _MAGIC.search(name) is not None


def check_pattern(pattern: str, product: Product = BOKEH) -> str:
    """The pattern; OutputError if it is none."""
    try:
        parts = list(Formatter().parse(pattern))
    except ValueError as error:
        raise OutputError(f"--name {pattern}: {error}; write it like {product.beside}") from None
    for _, field, form, conversion in parts:
        if field is not None and (field not in FIELDS or form or conversion):
            raise OutputError(f"--name {pattern}: knows {{stem}}, {{suffix}} and {{folder}}, not {{{field}}}")
    if "/" in pattern or os.sep in pattern or not any(field for _, field, _, _ in parts):
        raise OutputError(f"--name {pattern}: must be the name of a file with {{stem}} in it, not a path")
    try:
        product.check(Path(pattern.format(stem="x", suffix=".png", folder="x")))
    except OutputError as error:
        raise OutputError(f"--name {pattern}: {str(error).partition(': ')[2]}") from None
    return pattern


def comparison_path(output: Place) -> Place:
    """Where a photo and its result go as one picture."""
    return output.with_name(f"{output.stem}-before-after.jpg")


def _target(item: Found, output: Place | None, pattern: str, suffix: str | None) -> Place:
    photo = item.photo
    folder = os.path.basename(os.path.abspath(photo.parent))
    name = pattern.format(stem=photo.stem, suffix=suffix or kept_suffix(photo), folder=folder)
    return photo.with_name(name) if output is None else output / item.below / name


def _named(name: str, root: Path, recursive: bool, leave_out: Place | None) -> list[Found]:
    """What one name stands for: at least one, if only to say why there is none."""
    path = Path(name)
    if os.path.isdir(name):
        there = list(_in_folder(path, root, recursive, leave_out))
        deeper = "" if recursive else "; the folders in it are searched with --recursive"
        return there or [Found(path, Path(), f"{name}: no photos in it{deeper}")]
    if os.path.lexists(name):
        return [Found(path, Path())]
    if is_pattern(name):
        return list(_matching(name, leave_out)) or [Found(path, Path(), f"{name}: nothing is called like that")]
    return [Found(path, Path(), f"{name}: no such file")]


def _in_folder(folder: Path, root: Path, recursive: bool, leave_out: Place | None) -> Iterable[Found]:
    troubles: list[OSError] = []
    for here, below, files in os.walk(folder, onerror=troubles.append):
        below[:] = sorted(name for name in below if recursive and _searched(Path(here, name), leave_out))
        kept = Path(os.path.relpath(os.path.abspath(here), os.path.abspath(root)))
        yield from (Found(Path(here, name), kept) for name in sorted(files) if _is_photo(Path(here, name)))
    for trouble in troubles:
        yield Found(Path(trouble.filename), Path(), f"{trouble.filename}: cannot be read ({trouble.strerror})")


def _matching(name: str, leave_out: Place | None) -> Iterable[Found]:
    parts = Path(name).parts
    fixed = Path(*parts[: next(i for i, part in enumerate(parts) if _MAGIC.search(part))])
    for match in sorted(glob.iglob(name, recursive=True)):
        path = Path(match)
        if not path.is_dir() and _is_photo(path) and _searched(path, leave_out):
            yield Found(path, path.parent.relative_to(fixed))


def _in_store(name: str, recursive: bool, leave_out: Place | None, several: bool) -> list[Found]:
    """What a URL stands for: a photo, those below it, or a pattern's."""
    url = place(name)
    assert isinstance(url, Url)
    magic = next((i for i, part in enumerate(url.parts) if _MAGIC.search(part)), None)
    if magic is None:
        there, root = files_below(url, recursive), url.parent if several else url
        if not there and exists_at(url) and url.suffix.lower() in photo_suffixes():
            return [Found(url, Path())]
    else:
        root = Url(*url.parts[:magic])
        there = [item for item in files_below(root) if _fits(item.relative_to(root), url.relative_to(root))]
    apart = f"{leave_out}/" if isinstance(leave_out, Url) else None
    found = [
        Found(item, Path(*item.parent.relative_to(root).parts))
        for item in there
        if item.suffix.lower() in photo_suffixes()
        and not any(part.startswith(".") for part in item.relative_to(root).parts)
        and not (apart and str(item).startswith(apart))
    ]
    if found:
        return found
    deeper = "" if recursive or magic else "; the folders in it are searched with --recursive"
    return [Found(url, Path(), f"{name}: {'nothing is called like that' if magic else 'no photos in it' + deeper}")]


def _fits(name: PurePath, pattern: PurePath) -> bool:
    """Whether a path matches a pattern, part by part; ** stands for any number of parts."""
    if not pattern.parts or not name.parts:
        return not name.parts and all(part == "**" for part in pattern.parts)
    rest = PurePath(*pattern.parts[1:])
    if pattern.parts[0] == "**":
        return _fits(name, rest) or _fits(PurePath(*name.parts[1:]), pattern)
    return fnmatchcase(name.parts[0], pattern.parts[0]) and _fits(PurePath(*name.parts[1:]), rest)


def _searched(path: Path, leave_out: Place | None) -> bool:
    if path.name.startswith("."):
        return False
    if leave_out is None:
        return True
    here, out = os.path.realpath(path), os.path.realpath(leave_out)
    return here != out and not here.startswith(out + os.sep)


def _is_photo(path: Path) -> bool:
    """Whether it is called like a photo: a file, or a link that leads nowhere, which is worth a word."""
    if path.name.startswith(".") or path.suffix.lower() not in photo_suffixes():
        return False
    return path.is_file() or not path.exists()
