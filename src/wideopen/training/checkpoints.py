"""The checkpoints of a level at work: written whole, the one before kept, the newest that can be read found again.

    RUN/level{k}/best.ckpt       of the best validation so far
    RUN/level{k}/last.ckpt       after the last epoch
    RUN/level{k}/previous.ckpt   after the one before it

Any of them resumes to the same weights in the end, since a checkpoint falls on the end of an epoch and all that
follows is a function of it.
"""

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from wideopen.atomic_write import replacing
from wideopen.errors import ModelError, OutputError

BEST, LAST, PREVIOUS = "best.ckpt", "last.ckpt", "previous.ckpt"


class WholeCheckpoints(TorchCheckpointIO):
    """Writes a checkpoint to a part file, waits for the disk, renames; the last but one stays as `previous.ckpt`.

    `last_is_good`: whether a `last.ckpt` that is there already is worth keeping.
    """

    def __init__(self, last_is_good: bool) -> None:
        self.last_is_good = last_is_good

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write one checkpoint; OutputError if it cannot be, with the ones before left as they are."""
        path = Path(path)
        is_last = path.name == LAST
        # Straight into the file, torch would turn a full disk into an error that does not say so.
        buffer = io.BytesIO()
        torch.save(checkpoint, buffer)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path, path.with_name(PREVIOUS) if is_last and self.last_is_good else None) as file:
                file.write(buffer.getbuffer())
        except OSError as error:
            raise OutputError(
                f"{path}: cannot be written ({error.strerror}); the last good checkpoint is kept, "
                "make room and go on with --resume"
            ) from error
        self.last_is_good |= is_last


class Kept(ModelCheckpoint):
    """Keeps one checkpoint, under one name, at the end of epochs; its folder may be moved between two starts.

    `monitor`: a figure whose greatest value is the best; the last epoch's checkpoint is kept if None.
    """

    def __init__(self, folder: Path, name: str, monitor: str | None) -> None:
        super().__init__(
            folder, Path(name).stem, monitor=monitor, mode="max" if monitor else "min",
            enable_version_counter=False, save_on_train_epoch_end=True,
        )  # fmt: skip

    @property
    def state_key(self) -> str:
        """The plain callback's, which wrote the checkpoints of earlier versions."""
        return super().state_key.replace(type(self).__qualname__, ModelCheckpoint.__qualname__, 1)

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take the state of a checkpoint, its paths as they are here."""

        def here(path: str) -> str:
            return str(Path(str(self.dirpath)) / Path(path).name) if path else path

        paths = {name: here(state_dict[name]) for name in ("best_model_path", "kth_best_model_path", "last_model_path")}
        best = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict({**state_dict, **paths, "best_k_models": best, "dirpath": self.dirpath})


def find_checkpoint(folder: Path, tell: Callable[[str], None]) -> Path | None:
    """The newest checkpoint of a level that can be read, None if there is none; says which cannot.

    Raises ModelError if only damaged ones are left, or the best is damaged, which none of the others can replace.
    """
    there = [folder / name for name in (LAST, PREVIOUS) if (folder / name).exists()]
    found = next((path for path in there if _is_whole(path)), None)
    if there and found is None:
        raise ModelError(f"{there[0]}: damaged, and no good one before it; delete {folder} to train this level anew")
    if found is not None and not _is_whole(folder / BEST):
        raise ModelError(f"{folder / BEST}: damaged or gone; delete {folder} to train this level anew")
    if found is not None and found != there[0]:
        tell(f"{there[0]}: damaged; going on from the checkpoint before it")
    return found


def _is_whole(path: Path) -> bool:
    try:
        # A checkpoint holds the numbers and the paths of its callbacks, all of them ours.
        return "state_dict" in torch.load(path, map_location="cpu", weights_only=False)
    except Exception:
        return False
