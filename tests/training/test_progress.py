"""The line that a person watches while a level is trained."""

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from rich.console import Console

from wideopen.training.progress import LevelBar

pytestmark = pytest.mark.slow


def test_psnr_stands_beside_that_of_the_photo_left_as_it_is() -> None:
    seen = {"train/total": 0.25, "val/psnr": 12.34, "val/psnr_of_photo": 29.13, "train/data_wait": 0.02}
    metrics = {name: torch.tensor(value) for name, value in seen.items()}
    trainer: Any = SimpleNamespace(callback_metrics=metrics, global_step=10)
    text = LevelBar(Console(), level=7, batch=8)._text(trainer)
    assert text.startswith("loss 0.2500  PSNR 12.34 dB (photo left as it is: 29.13)  waiting 2 %  ")
    assert text.endswith(" samples/s")
