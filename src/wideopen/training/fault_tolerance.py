"""One bad file among thousands does not end a run: another pair takes its place, always the same one.

The sample in its place is that of the next pair that can be read, with the crop and the gain of the number drawn: a
function of (seed, level, number, which files are bad), so a resumed run sees it too.
"""

from collections.abc import Callable

import torch
from torch.utils.data import Dataset

from wideopen.errors import PairsError
from wideopen.training.loader import PairDataset, Sample

TRIES = 4
ALLOWED = 0.01
"""Share of the pairs that may be unreadable; beyond it, something else is wrong. One may be in any case."""
BAD = "unreadable"


class SpareDataset(Dataset[Sample]):
    """A training `PairDataset` whose samples also say which pair could not be read: `unreadable`, its index or -1."""

    def __init__(self, dataset: PairDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: tuple[int, int]) -> Sample:
        index, draw = key
        try:
            return self.dataset[key] | {BAD: torch.tensor(-1)}
        except PairsError as error:
            for place in range(1, TRIES):
                try:
                    return self.dataset[(index + place) % len(self), draw] | {BAD: torch.tensor(index)}
                except PairsError:
                    continue
            raise error from None


class Unreadable:
    """Keeps count of the pairs that could not be read, and says each once.

    Args:
        dataset: the pairs.
        tell: takes one line.
    """

    def __init__(self, dataset: PairDataset, tell: Callable[[str], None]) -> None:
        self.dataset, self.tell = dataset, tell
        self.known: set[int] = set()

    def __call__(self, batch: Sample) -> Sample:
        """Take `unreadable` out of a batch; PairsError if it is too much."""
        for index in batch.pop(BAD).tolist():
            if index >= 0 and index not in self.known:
                self.known.add(index)
                self._say(index)
        return batch

    def _say(self, index: int) -> None:
        reason, total = self._reason(index), len(self.dataset)
        if len(self.known) > max(1, ALLOWED * total):
            raise PairsError(f"{reason} ({len(self.known)} of {total} pairs cannot be read, too many to do without)")
        self.tell(f"{reason}; another pair takes its place until then")

    def _reason(self, index: int) -> str:
        try:
            self.dataset[index, 0]
        except PairsError as error:
            return str(error)
        return f"{self.dataset.pairs[index].original}: could not be read a moment ago"


class CountedDataset(Dataset[Sample]):
    """A validation `PairDataset` whose samples also say whether they count: `counted`, 1 or 0.

    An element is asked for by (index, whether it counts); see `validation_share`.
    """

    def __init__(self, dataset: PairDataset) -> None:
        self.dataset = dataset

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: tuple[int, bool]) -> Sample:
        index, counts = key
        return self.dataset[index, index] | {"counted": torch.tensor(float(counts))}


def validation_share(n_pairs: int, rank: int, world: int) -> list[tuple[int, bool]]:
    """(index, whether it counts) of the pairs that process `rank` of `world` validates on.

    Every pair counts once among them all; pairs that do not count make the shares equally long, as processes that
    compute together have to take the same number of steps.
    """
    length = -(-n_pairs // world)
    numbers = range(rank, rank + length * world, world)
    return [(number % n_pairs, number < n_pairs) for number in numbers]
