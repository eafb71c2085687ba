"""Of what is written for TensorBoard."""

import errno
import threading
from pathlib import Path
from typing import Any

import pytest
import tensorboard.compat
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
from tensorboard.summary.writer.event_file_writer import _AsyncWriter

from wideopen.training.train import writers_told_once  # Importing it chooses TensorBoard's own writer.

pytestmark = pytest.mark.slow


def test_events_are_written_without_tensorflow(tmp_path: Path) -> None:
    log = TensorBoardLogger(tmp_path, "tensorboard", "level7")
    log.log_metrics({"loss": 0.5}, 3)
    log.finalize("success")
    assert tensorboard.compat.tf.__version__ == "stub"
    (path,) = Path(log.log_dir).glob("events.out.tfevents*")
    events = [event for event in EventFileLoader(str(path)).Load() if event.HasField("summary")]
    assert [(event.step, [value.tag for value in event.summary.value]) for event in events] == [(3, ["loss"])]


class FullDisk:
    def write(self, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the run, and not by the thread that writes for TensorBoard, which once showed a traceback beside it."""
    told: list[Any] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    with writers_told_once():
        writer = _AsyncWriter(FullDisk())
        writer.write(b"one")
        writer._worker.join(timeout=30)
        with pytest.raises(OSError, match="No space left"):
            writer.write(b"two")
        assert told == []
        other = threading.Thread(target=FullDisk().write, args=(b"",))
        other.start()
        other.join()
    assert [said.thread for said in told] == [other] and threading.excepthook == told.append
