"""Of what is written for TensorBoard."""

import errno
from pathlib import Path
from unittest.mock import patch

import pytest

from wideopen.training.event_log import EventLog

THEIRS = {"__module__": "tensorflow.python.framework.errors_impl"}


@pytest.mark.parametrize(
    ("name", "number"), [("ResourceExhaustedError", errno.ENOSPC), ("PermissionDeniedError", errno.EIO)]
)
def test_tensorflows_trouble_with_a_disk_is_an_os_error(tmp_path: Path, name: str, number: int) -> None:
    log = EventLog(tmp_path, "tensorboard", "level7")
    trouble = type(name, (Exception,), THEIRS)("events.out; No space left on device")
    with patch.object(log.experiment, "flush", side_effect=trouble), pytest.raises(OSError) as raised:
        log.save()
    assert raised.value.errno == number and "device" in raised.value.strerror
    with patch.object(log.experiment, "flush", side_effect=ValueError), pytest.raises(ValueError):
        log.save()
