"""What sessions leave on disk, and when it is removed.

Uploads lie in one folder, named by what is in them, so two sessions that give the same photo share a file. It goes when
the last of them has gone. A session is gone some time after its page was closed, or, for HTTP clients, which
open none, some time after their last job. Gradio's own `delete_cache` goes by age alone.
"""

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

GRACE_S = 60.0
"""How long a closed page may come back, as after a moment without network."""


@dataclass
class _Session:
    used: float
    pages: int = 0
    """Pages that are open now."""
    paged: bool = False
    files: dict[Path, float] = field(default_factory=dict)
    """When each was last used."""
    room: Path | None = None


class Keeper:
    """A folder, and who still needs what in it.

    Args:
        folder: all in it is removed sooner or later; nothing outside is touched.
        keep_s: how long files of sessions without a page, and of nobody, are kept.
        limit: bytes from which on `full` says so.
    """

    def __init__(
        self, folder: Path, keep_s: float, limit: int, grace_s: float = GRACE_S, now: Callable[[], float] = time.time
    ) -> None:
        self.folder, self._keep_s, self._limit, self._grace_s, self._now = folder, keep_s, limit, grace_s, now
        self._sessions: dict[str, _Session] = {}
        self._lock = threading.Lock()
        self._bytes = 0

    @property
    def full(self) -> bool:
        """Whether the folder held more than its limit when it was last swept or added to."""
        return self._bytes >= self._limit

    def enter(self, session: str) -> None:
        """A page was opened."""
        with self._lock:
            found = self._sessions.setdefault(session, _Session(self._now()))
            found.pages, found.paged, found.used = found.pages + 1, True, self._now()

    def leave(self, session: str) -> None:
        """A page was closed."""
        with self._lock:
            if session in self._sessions:
                found = self._sessions[session]
                found.pages, found.used = found.pages - 1, self._now()

    def hold(self, session: str, *paths: Path | None) -> None:
        """A session needs these files."""
        with self._lock:
            found = self._sessions.setdefault(session, _Session(self._now()))
            found.used = self._now()
            for path in paths:
                if path is not None:
                    found.files[path] = found.used

    def drop(self, session: str, *paths: Path) -> None:
        """A session no longer needs these files, which are its alone."""
        with self._lock:
            held = self._sessions[session].files if session in self._sessions else {}
            for path in paths:
                held.pop(path, None)
        for path in paths:
            path.unlink(missing_ok=True)

    def room(self, session: str) -> Path:
        """A session's own folder for results, whose name tells nobody else's."""
        with self._lock:
            found = self._sessions.setdefault(session, _Session(self._now()))
            if found.room is None or not found.room.is_dir():
                found.room = Path(tempfile.mkdtemp(dir=self.folder, prefix="session-"))
            return found.room

    def added(self, count: int) -> None:
        """So many bytes came in."""
        with self._lock:
            self._bytes += count

    def sweep(self) -> list[str]:
        """Remove what nobody needs; return the sessions that have gone."""
        now = self._now()
        with self._lock:
            gone = {name: session for name, session in self._sessions.items() if self._is_gone(session, now)}
            for name in gone:
                del self._sessions[name]
            held = {path for session in self._sessions.values() for path in session.files}
            left = {path: used for session in gone.values() for path, used in session.files.items()}
        total = 0
        for path in self._files():
            with contextlib.suppress(OSError):  # Removed by somebody else meanwhile.
                found = path.stat()
                ours = path in left and found.st_mtime <= left[path]
                if path not in held and (ours or now - found.st_mtime > self._keep_s):
                    path.unlink()
                    if path.parent != self.folder:
                        path.parent.rmdir()
                else:
                    total += found.st_size
        with self._lock:
            self._bytes = total
        return list(gone)

    def _is_gone(self, session: _Session, now: float) -> bool:
        wait = self._grace_s if session.paged else self._keep_s
        return session.pages <= 0 and now - session.used > wait

    def _files(self) -> list[Path]:
        return [Path(folder) / name for folder, _, names in os.walk(self.folder) for name in names]
