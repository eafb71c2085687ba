"""Numbers that were stored when what they stand for was last looked at, in tests/golden/FILE.npz."""

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

GOLDEN = Path(__file__).parent / "golden"


def stored(file: str) -> dict[str, NDArray[Any]]:
    path = GOLDEN / f"{file}.npz"
    return dict(np.load(path)) if path.exists() else {}


def check_as_stored(file: str, name: str, now: NDArray[Any], near: float, share: float) -> None:
    """At least `share` of the numbers differ by at most `near`. With WIDEOPEN_UPDATE_GOLDEN=1 they are stored anew."""
    kept = stored(file)
    if os.environ.get("WIDEOPEN_UPDATE_GOLDEN"):
        kept[name] = now
        np.savez_compressed(GOLDEN / f"{file}.npz", **dict(sorted(kept.items())))
    assert now.shape == kept[name].shape
    difference = np.abs(now - kept[name].astype(np.float64))
    assert (difference <= near).mean() >= share, (difference.mean(), difference.max())
