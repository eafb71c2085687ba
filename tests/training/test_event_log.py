"""Of what is written for TensorBoard."""

from pathlib import Path

import pytest
import tensorboard.compat
from lightning.pytorch.loggers import TensorBoardLogger
from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

import wideopen.training.train  # noqa: F401 (chooses TensorBoard's own writer)

pytestmark = pytest.mark.slow


def test_events_are_written_without_tensorflow(tmp_path: Path) -> None:
    log = TensorBoardLogger(tmp_path, "tensorboard", "level7")
    log.log_metrics({"loss": 0.5}, 3)
    log.finalize("success")
    assert tensorboard.compat.tf.__version__ == "stub"
    (path,) = Path(log.log_dir).glob("events.out.tfevents*")
    events = [event for event in EventFileLoader(str(path)).Load() if event.HasField("summary")]
    assert [(event.step, [value.tag for value in event.summary.value]) for event in events] == [(3, ["loss"])]
