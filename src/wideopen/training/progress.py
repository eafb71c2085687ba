"""Callbacks that watch a level being trained: how long the trainer waited for data, and a bar for a person."""

import time
from typing import Any

from lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn


class DataWait(Callback):
    """Share of the training time spent waiting for the next batch, logged as `train/data_wait` (0..1)."""

    def __init__(self) -> None:
        self.waited_s = self.worked_s = 0.0
        self._mark = 0.0

    @property
    def share(self) -> float:
        """Waiting time over all of it, so far."""
        return self.waited_s / max(self.waited_s + self.worked_s, 1e-9)

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # The first batch of an epoch starts the workers; what counts is whether they keep up.
        self._mark = 0.0

    def on_train_batch_start(self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int) -> None:
        now = time.perf_counter()
        if self._mark:
            self.waited_s += now - self._mark
        self._mark = now

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        now = time.perf_counter()
        self.worked_s += now - self._mark
        self._mark = now
        pl_module.log("train/data_wait", self.share)


class LevelBar(Callback):
    """A bar for one level: step, loss, PSNR of the last validation, samples a second, time left.

    Where the console is not a terminal, one plain line after every epoch.
    """

    def __init__(self, console: Console, level: int, batch: int) -> None:
        self.console, self.level, self.batch = console, level, batch
        self.wait = DataWait()
        self._started = (0.0, 0)
        self._progress = Progress(
            TextColumn("level {task.fields[level]}"), BarColumn(None), MofNCompleteColumn(),
            TextColumn("{task.fields[text]}"), TimeRemainingColumn(), console=console, disable=not console.is_terminal,
        )  # fmt: skip
        self._task = self._progress.add_task("", total=None, level=level, text="")

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._progress.start()

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._progress.stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._progress.stop()

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._started = (time.perf_counter(), trainer.global_step)
        self._progress.update(self._task, total=trainer.estimated_stepping_batches, completed=trainer.global_step)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        self._progress.update(self._task, completed=trainer.global_step, text=self._text(trainer))

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if not self.console.is_terminal:
            done = f"{trainer.global_step}/{int(trainer.estimated_stepping_batches)}"
            self.console.print(f"level {self.level}  {done}  {self._text(trainer)}", soft_wrap=True)

    def _text(self, trainer: Trainer) -> str:
        seen = trainer.callback_metrics
        start, step = self._started
        rate = (trainer.global_step - step) * self.batch / max(time.perf_counter() - start, 1e-9)
        parts = [f"loss {float(seen['train/total']):.4f}"] if "train/total" in seen else []
        if "val/psnr" in seen:
            photo = float(seen["val/psnr_of_photo"])
            parts.append(f"PSNR {float(seen['val/psnr']):.2f} dB (photo left as it is: {photo:.2f})")
        if "val/sharp_mae" in seen:
            parts.append(f"sharp MAE {float(seen['val/sharp_mae']):.3f}")
        if "train/data_wait" in seen:
            parts.append(f"waiting {100 * float(seen['train/data_wait']):.0f} %")
        return "  ".join([*parts, f"{rate:.1f} samples/s"])
