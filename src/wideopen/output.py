"""Results are written whole or not at all, and never over a file unless asked."""

import os
import tempfile
from pathlib import Path

from wideopen.errors import OutputError


def check_output(path: Path, overwrite: bool = False) -> None:
    """Raise OutputError if a result cannot go there: the file exists, or its folder does not."""
    if path.is_dir():
        raise OutputError(f"{path}: is a folder; give the name of a file")
    if path.exists() and not overwrite:
        raise OutputError(f"{path}: exists already; choose another name or overwrite it (--overwrite)")
    if not path.parent.is_dir():
        raise OutputError(f"{path}: no folder {path.parent}; make it first")


def write_output(path: Path, data: bytes | str, overwrite: bool = False) -> None:
    """Write a file through a temporary one beside it; text goes out as UTF-8.

    Raises:
        OutputError: it exists and is not to be overwritten, or cannot be written; nothing partial is left.
    """
    check_output(path, overwrite)
    part: str | None = None
    try:
        handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
        os.chmod(part, 0o644)
        os.replace(part, path)
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}); free some space or choose another") from error
    finally:
        # Gone already when all went well; left over by an error, or by somebody's Ctrl-C.
        if part is not None:
            Path(part).unlink(missing_ok=True)
