"""`benchmarks/default_model.py`: its measure of fine detail hears of what is there, and of nothing else."""

from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from scripts import load_script

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SIDE = 200


@pytest.fixture(scope="module")
def script() -> ModuleType:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        return load_script(BENCHMARKS / "default_model.py")


def grey(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    return np.repeat(values.round().clip(0, 255).astype(np.uint8)[..., None], 3, axis=2)


def waves(cycles_per_px: float) -> NDArray[np.uint8]:
    """Amplitude 100 of 255, along one side."""
    return grey(np.tile(128 + 100 * np.sin(2 * np.pi * cycles_per_px * np.arange(SIDE)), (SIDE, 1)))


@pytest.mark.parametrize(("cycles_per_px", "heard"), [(0.10, 0.0), (0.25, 0.25), (0.40, 1.0)])
def test_detail_is_what_lies_above_a_quarter_of_the_sampling_rate(
    script: ModuleType, cycles_per_px: float, heard: float
) -> None:
    """Half the amplitude is a quarter of the energy."""
    middle = script.fine(waves(cycles_per_px))[20:-20, 20:-20]
    assert middle.mean() / (0.5 * (100 / 255) ** 2) == pytest.approx(heard, abs=0.03)


def test_a_photo_that_is_dark_above_and_bright_below_has_no_detail_at_its_frame(script: ModuleType) -> None:
    """A Fourier transform by itself has the last row meet the first, an edge across the whole photo."""
    slope = np.tile(np.linspace(20, 235, SIDE)[:, None], (1, SIDE))
    edge = np.where(slope < 128, 20.0, 235.0)
    assert script.fine(grey(slope)).sum() < 1e-3 * script.fine(grey(edge)).sum()


def test_what_is_sharp_is_not_heard_of_far_away(script: ModuleType) -> None:
    subject = np.full((SIDE, SIDE), 128.0)
    subject[80:120, 80:120] = np.random.default_rng(3).choice([0, 255], (40, 40))
    found = script.fine(grey(subject))
    near = cv2.dilate((subject != 128).astype(np.uint8), np.ones((25, 25), np.uint8)) > 0
    assert found[~near].sum() < 1e-4 * found.sum()


def test_a_sharp_subject_before_what_is_blurred_away_keeps_all_and_leaves_nothing(script: ModuleType) -> None:
    rng = np.random.default_rng(4)
    photo = grey(rng.uniform(0, 255, (SIDE, SIDE)) * np.linspace(0.2, 1, SIDE)[:, None])
    seen = cv2.GaussianBlur(photo, (0, 0), 6)
    seen[60:140, 60:140] = photo[60:140, 60:140]
    inside, outside = np.zeros((2, SIDE, SIDE), bool)
    inside[70:130, 70:130], outside[:48] = True, True
    outside[152:] = outside[:, :48] = outside[:, 152:] = True
    before, after = script.fine(photo), script.fine(seen)
    assert script.share_kept(after, before, inside) == pytest.approx(1, abs=0.01)
    assert script.share_kept(after, before, outside) < 0.002
