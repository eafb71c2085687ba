"""Photos that clients may ask about again, and when they are removed.

An upload is known by a token that cannot be guessed, and lies in a folder of its own. It goes when its client says that
it has left, or some time after it was last used.
"""

import contextlib
import os
import secrets
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path, PurePath
from typing import BinaryIO

from wideopen.errors import WideopenError

LONGEST_NAME = 120
"""Characters of a file's name that are kept."""


class GoneError(WideopenError):
    """An upload that was removed, or never was."""


class Uploads:
    """A folder of uploads and results; each upload lies in a folder of its own, which changed last when it was used.

    Args:
        folder: all in it is removed sooner or later; nothing outside is touched.
        keep_s: how long an upload is kept after it was last used.
        limit: bytes from which on `full` says so.
    """

    def __init__(self, folder: Path, keep_s: float, limit: int, now: Callable[[], float] = time.time) -> None:
        self.folder, self._keep_s, self._limit, self._now = folder, keep_s, limit, now
        self._paths: dict[str, Path] = {}
        self._jobs: Counter[str] = Counter()
        """That read an upload now; it stays as long as there are any."""
        self._left: set[str] = set()
        """Uploads whose clients need them no more."""
        self._lock = threading.Lock()
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether the folder held more than its limit when it was last swept or added to."""
        return self._bytes >= self._limit

    def add(self, file: BinaryIO, name: str) -> str:
        """Store what a client sent; its token."""
        token = secrets.token_urlsafe(16)
        path = self.folder / token / plain_name(name)
        path.parent.mkdir()
        with path.open("wb") as target:
            shutil.copyfileobj(file, target, 1 << 20)
        self._paths[token] = path
        return token

    @contextlib.contextmanager
    def using(self, token: str) -> Iterator[Path]:
        """The upload's file, which stays until the block is left.

        Raises GoneError: there is none of that token; the client has to send it again.
        """
        with self._lock:
            path = self._paths.get(token)
            if path is None:
                raise GoneError("that upload is no longer here; send the photo again")
            self._jobs[token] += 1
        try:
            yield path
        finally:
            with self._lock:
                self._jobs[token] -= 1
                os.utime(path.parent)
            if token in self._left:
                self.sweep()

    def forget(self, token: str) -> None:
        """The client no longer needs it; what is not known is forgotten already."""
        self._left.add(token)
        self.sweep()

    def added(self, count: int) -> None:
        """So many bytes came in."""
        with self._lock:
            self._bytes += count

    def sweep(self) -> None:
        """Remove what nobody needs."""
        with self._lock:
            self._bytes = sum(map(self._swept, self.folder.iterdir()))
            self._left &= self._paths.keys()
            self._jobs += Counter()  # Without those that are 0.

    def _swept(self, home: Path) -> int:
        """Bytes of what lies there, after it was removed if nobody needs it."""
        with contextlib.suppress(OSError):  # Removed by somebody else meanwhile.
            old = self._now() - home.stat().st_mtime > self._keep_s
            if self._jobs[home.name] or not (home.name in self._left or old):
                files = home.rglob("*") if home.is_dir() else [home]
                return sum(path.stat().st_size for path in files if path.is_file())
            self._paths.pop(home.name, None)
            if home.is_dir():
                shutil.rmtree(home)
            else:
                home.unlink()
        return 0


def plain_name(name: str) -> str:
    """A client's name of a file without folders and without characters that mean something to a shell or a page."""
    last = name.replace("\\", "/").rpartition("/")[2]
    kept = "".join(letter if letter.isprintable() and letter not in '<>:"|?*&\0' else "_" for letter in last)
    path = PurePath(kept.strip(". "))
    return f"{path.stem[:LONGEST_NAME]}{path.suffix[:8]}" or "photo"
