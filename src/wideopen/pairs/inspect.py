"""Check a set of pairs before hours of training are spent on it.

Each pair is read as the loader would read it and its target is compared with its photo. What would stop or
mislead training makes a pair unusable; half as much is a warning. Names of unusable pairs go into a list that
training leaves out. Needs no torch.
"""

import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from wideopen.atomic_write import write_output
from wideopen.errors import PairsError
from wideopen.pairs.alignment import Difference, compare
from wideopen.pairs.augment import SHAPE_TOLERANCE, crop_size, one_cv2_thread
from wideopen.pairs.manifest import MAPS
from wideopen.pairs.pairs import Pair, load_image, load_map, scan_pairs
from wideopen.pairs.sample_options import PairsOptions

Verdict = Literal["ok", "warning", "unusable"]
Kind = Literal[
    "unmatched", "unreadable", "too small", "sizes differ", "target sharper", "other view", "misaligned", "exposure"
]


@dataclass(frozen=True)
class Limits:
    """From where on a pair is unusable; a warning is given from half of it."""

    shift: float = 3.0
    """px of the photo by which details in focus may have moved."""
    exposure: float = 1.0
    """Stops between target and photo."""
    likeness: float = 0.3
    """Correlation of thumbnails below which an alignment that cannot be told means two different views."""
    sharper: float = 0.1
    """Share of the textured area that may be sharper in the target, unless more of it is blurrier."""

    def __post_init__(self) -> None:
        if self.shift <= 0 or self.exposure <= 0:
            raise ValueError("the largest shift and exposure difference must be above 0")


@dataclass(frozen=True)
class Fault:
    """One thing wrong with a pair."""

    kind: Kind
    verdict: Verdict
    text: str


@dataclass(frozen=True)
class PairCheck:
    """What was found of one pair."""

    name: str
    faults: tuple[Fault, ...] = ()
    size: tuple[int, int] | None = None
    """Width and height of the photo in px."""
    difference: Difference | None = None

    @property
    def verdict(self) -> Verdict:
        """The worst of the faults."""
        verdicts = {fault.verdict for fault in self.faults}
        return "unusable" if "unusable" in verdicts else "warning" if verdicts else "ok"


@dataclass(frozen=True)
class Inspection:
    """What was found of a set."""

    root: Path
    limits: Limits
    checks: tuple[PairCheck, ...]
    counts: dict[Verdict, int] = field(init=False)

    def __post_init__(self) -> None:
        found = Counter(check.verdict for check in self.checks)
        verdicts: tuple[Verdict, ...] = ("ok", "warning", "unusable")
        object.__setattr__(self, "counts", {verdict: found[verdict] for verdict in verdicts})

    @property
    def troubled(self) -> list[PairCheck]:
        """Pairs with a fault, unusable ones first."""
        return sorted((c for c in self.checks if c.faults), key=lambda c: c.verdict != "unusable")

    def as_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        checks = [{**asdict(check), "verdict": check.verdict} for check in self.checks]
        return {"root": str(self.root), "limits": asdict(self.limits), "counts": self.counts, "pairs": checks}

    def write_json(self, path: Path, overwrite: bool = False) -> None:
        """Write everything found; OutputError if the file exists, unless `overwrite`."""
        write_output(path, json.dumps(self.as_dict(), indent=1) + "\n", overwrite)

    def write_exclude_list(self, path: Path, overwrite: bool = False) -> None:
        """Write the names of unusable pairs, with the reason as a comment, for `find_pairs(exclude=...)`."""
        lines = [f"# unusable pairs of {self.root}, found by wideopen inspect\n"]
        for check in self.checks:
            if check.verdict == "unusable":
                kinds = ", ".join(fault.kind for fault in check.faults if fault.verdict == "unusable")
                lines.append(f"{check.name}  # {kinds}\n")
        write_output(path, "".join(lines), overwrite)


def inspect_pairs(
    root: Path,
    *,
    options: PairsOptions | None = None,
    limits: Limits | None = None,
    pattern: str | None = None,
    split: str | None = None,
    exclude: Path | None = None,
    workers: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Inspection:
    """Check every pair of a set.

    Args:
        root, pattern, split, exclude: as `wideopen.pairs.pairs.find_pairs` takes them.
        options: how training will cut the pairs, to find photos too small for it.
        limits: what is unusable.
        workers: threads; as many as there are cores if None.
        progress: called with (done, total) after each pair, from the calling thread.

    Raises PairsError: the set as a whole cannot be read (no such folder, a damaged manifest, nothing in it).
    """
    options, limits = options or PairsOptions(), limits or Limits()
    scan = scan_pairs(root, pattern=pattern, split=split, exclude=exclude)
    checks = [PairCheck(name, (Fault("unmatched", "unusable", reason),)) for name, reason in scan.unmatched.items()]
    total = len(scan.pairs) + len(checks)
    with one_cv2_thread(), ThreadPoolExecutor(workers or os.cpu_count()) as pool:
        for check in pool.map(lambda pair: check_pair(pair, options, limits), scan.pairs):
            checks.append(check)
            if progress is not None:
                progress(len(checks), total)
    return Inspection(Path(root), limits, tuple(checks))


def check_pair(pair: Pair, options: PairsOptions, limits: Limits) -> PairCheck:
    """Read and compare one pair."""
    try:
        photo, target = load_image(pair.original), load_image(pair.bokeh)
        maps = [load_map(path) for path in (getattr(pair, name) for name in MAPS) if path is not None]
    except PairsError as error:
        return PairCheck(pair.name, (Fault("unreadable", "unusable", str(error)),))
    height, width = photo.shape[:2]
    faults = [_check_size((height, width), picture.shape[:2]) for picture in (target, *maps)]
    try:
        crop_size(height, width, options)
    except PairsError as error:
        faults.append(Fault("too small", "unusable", str(error)))
    difference = None
    if not any(fault is not None and fault.kind == "sizes differ" and fault.verdict == "unusable" for fault in faults):
        difference = compare(photo, target)
        faults += _check_difference(difference, limits)
    return PairCheck(pair.name, tuple(f for f in faults if f is not None), (width, height), difference)


def _check_size(photo: tuple[int, ...], other: tuple[int, ...]) -> Fault | None:
    if photo == other:
        return None
    verdict: Verdict = "warning"
    if abs(photo[0] * other[1] / (photo[1] * other[0]) - 1) > SHAPE_TOLERANCE:
        verdict = "unusable"
    return Fault("sizes differ", verdict, f"photo {photo[1]}x{photo[0]}, other {other[1]}x{other[0]} px")


def _check_difference(found: Difference, limits: Limits) -> Iterator[Fault]:
    if found.sharper > max(limits.sharper, found.blurrier):
        yield Fault(
            "target sharper", "unusable",
            f"target sharper in {100 * found.sharper:.0f} %, blurrier in {100 * found.blurrier:.0f} %: swapped?",
        )  # fmt: skip
    if found.shift is None and found.likeness < limits.likeness:
        yield Fault("other view", "unusable", f"photo and target show different things ({found.likeness:.2f})")
    elif found.shift is None:
        yield Fault("misaligned", "warning", "too little in focus to tell the alignment")
    elif found.shift > limits.shift / 2:
        yield Fault("misaligned", _verdict(found.shift, limits.shift), f"details moved by {found.shift:.1f} px")
    if found.exposure is not None and abs(found.exposure) > limits.exposure / 2:
        verdict = _verdict(abs(found.exposure), limits.exposure)
        yield Fault("exposure", verdict, f"target {found.exposure:+.1f} stops from its photo")


def _verdict(value: float, limit: float) -> Verdict:
    return "unusable" if value > limit else "warning"
