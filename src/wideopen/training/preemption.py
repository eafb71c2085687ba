"""SIGTERM as a note: a scheduler that takes a machine back asks first, and training stops between two steps."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopping:
    """Whether this process was asked to stop."""

    def __init__(self) -> None:
        self.asked = False

    def listen(self) -> None:
        """Take SIGTERM as a note from now on; again after anybody else took it."""
        if threading.current_thread() is threading.main_thread():  # No other can.
            signal.signal(signal.SIGTERM, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.asked = True


@contextmanager
def noting_sigterm() -> Iterator[Stopping]:
    """Take SIGTERM as a note, and give it back in the end."""
    stopping = Stopping()
    before = signal.getsignal(signal.SIGTERM)
    stopping.listen()
    try:
        yield stopping
    finally:
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, before)
