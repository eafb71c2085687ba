"""Results are written whole or not at all, and never over a file unless asked.

They are written to `.wideopen-XXXX.part` beside where they go and renamed. A process holds a lock on its own part
files, so what one that was killed left behind can be told from what another is writing at this moment.
"""

import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import BinaryIO

from wideopen.errors import OutputError

try:
    import fcntl
except ModuleNotFoundError:  # Windows, where a file that is open cannot be removed anyway.
    fcntl = None  # type: ignore[assignment]

PART_PREFIX, PART_SUFFIX = ".wideopen-", ".part"
NEW_MODE = 0o644
STALE_S = 24 * 3600
"""Where files cannot be locked, part files older than this are nobody's."""


def check_output(path: Path, overwrite: bool = False) -> None:
    """Raise OutputError if a result cannot go there: the file exists, or its folder does not."""
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; give the name of a file")
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already; choose another name or overwrite it (overwrite=True)")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: no folder {path.parent}; make it first")


def write_output(path: Path, data: bytes | str, overwrite: bool = False) -> None:
    """Write a file through a temporary one beside it; text goes out as UTF-8.

    Raises OutputError: it exists and is not to be overwritten, or cannot be written; nothing partial is left.
    """
    check_output(path, overwrite)
    put = partial(_put, path=path, overwrite=overwrite)
    try:
        # What is replaced must not be gone after a power cut, either.
        with _part_of(path.parent, put, sync=overwrite, mode=_mode(path, overwrite)) as file:
            file.write(data.encode() if isinstance(data, str) else data)
    except FileExistsError:
        raise OutputError(f"{path}: exists already; choose another name or overwrite it (overwrite=True)") from None
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); free some space or choose another") from error


@contextmanager
def replacing(path: Path, previous: Path | None = None) -> Iterator[BinaryIO]:
    """A file to write that takes the place of `path` when all of it is on the disk, and not before.

    What was at `path` until then is kept as `previous`, if given. OSError comes out as it is; nothing partial is left.
    """
    with _part_of(path.parent, partial(_replace, path=path, previous=previous)) as file:
        yield file


@contextmanager
def _part_of(
    folder: Path, finish: Callable[[Path], None], sync: bool = True, mode: int = NEW_MODE
) -> Iterator[BinaryIO]:
    """A part file to write, which `finish` gives its name when all of it is written; gone if anything goes wrong.

    `sync`: it is on the disk by then.
    """
    handle, part = _open_part(folder)
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            if sync:
                os.fsync(file.fileno())
            os.chmod(part, mode)
            if fcntl is not None:
                finish(part)
        if fcntl is None:  # Windows renames closed files only.
            finish(part)
    finally:
        # Gone already when all went well; left over by an error, or by somebody's Ctrl-C.
        part.unlink(missing_ok=True)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, if it is not there; OutputError if no file can be made in it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        handle, part = _open_part(folder)
    except FileExistsError:
        raise OutputError(f"{folder}: is a file, not a folder; choose another") from None
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written to ({error.strerror}); choose another folder") from error
    os.close(handle)
    part.unlink(missing_ok=True)


def clear_leftovers(folder: Path) -> int:
    """Remove part files of processes that were killed; how many. Those of processes at work are left alone."""
    cleared = 0
    for part in folder.glob(f"{PART_PREFIX}*{PART_SUFFIX}"):
        with suppress(OSError):  # Held by its writer, removed by another process, or not ours to remove.
            _remove_if_nobodys(part)
            cleared += 1
    return cleared


def _mode(path: Path, overwrite: bool) -> int:
    """Permissions of the file that is replaced; those of a new one if there is none."""
    return path.stat().st_mode & 0o777 if overwrite and path.is_file() else NEW_MODE


def _open_part(folder: Path) -> tuple[int, Path]:
    """A new part file, open and locked."""
    while True:
        handle, name = tempfile.mkstemp(PART_SUFFIX, PART_PREFIX, folder)
        if fcntl is None:
            return handle, Path(name)
        with suppress(OSError):  # A file system that knows no locks; then nobody clears up in it either.
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Between making and locking it, a process that clears up may have taken it for a leftover.
        if os.path.exists(name) and os.path.samestat(os.stat(name), os.fstat(handle)):
            return handle, Path(name)
        os.close(handle)


def _remove_if_nobodys(part: Path) -> None:
    """Remove a part file; OSError if a process holds it."""
    if fcntl is None:
        if time.time() - part.stat().st_mtime < STALE_S:
            raise BlockingIOError
        part.unlink()
        return
    handle = os.open(part, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        part.unlink()  # While it is locked: its writer would notice.
    finally:
        os.close(handle)


def _replace(part: Path, path: Path, previous: Path | None) -> None:
    """Rename, and see to it that a power cut does not undo it."""
    if previous is not None and path.exists():
        os.replace(path, previous)
    os.replace(part, path)
    if fcntl is not None:
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _put(part: Path, path: Path, overwrite: bool) -> None:
    """Give a finished part file its name; FileExistsError if that is taken and not to be overwritten."""
    if overwrite:
        os.replace(part, path)
        return
    try:
        os.link(part, path)  # Unlike a rename it never replaces, whoever else writes there.
    except FileExistsError:
        raise
    except OSError:  # No hard links here.
        check_output(path)
        os.replace(part, path)
