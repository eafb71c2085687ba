"""What TensorBoard draws of a training."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from lightning.pytorch.loggers import TensorBoardLogger


class EventLog(TensorBoardLogger):
    """Lightning's logger, whose trouble with a disk is an OSError: where TensorFlow is installed, TensorBoard writes
    through it, and TensorFlow has errors of its own."""

    def log_metrics(self, *args: Any, **named: Any) -> None:
        with _disk_errors():
            super().log_metrics(*args, **named)

    def save(self) -> None:
        with _disk_errors():
            super().save()

    def finalize(self, status: str) -> None:
        with _disk_errors():
            super().finalize(status)


@contextmanager
def _disk_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        if not type(error).__module__.startswith("tensorflow."):
            raise
        full = type(error).__name__ == "ResourceExhaustedError"
        reason = "No space left on device" if full else " ".join(str(error).split())
        raise OSError(errno.ENOSPC if full else errno.EIO, reason) from error
