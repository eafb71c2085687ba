"""Sets of training pairs on disk: which photo belongs to which target.

Four layouts are read, all below one root:

* `original/` + `bokeh/` (EBB!'s), files paired by name, optional `matte/`, `sharp/` and `depth/` beside them;
* `train/` and `test/`, each a set of its own (`train/` is read unless the split says `test`);
* a manifest, `manifest.jsonl` or `manifest.csv`, or any manifest given in place of a folder. Columns: `name`,
  `original`, `bokeh`, and optional `depth`, `matte`, `sharp` (paths relative to the manifest), `aperture`
  (f-number), `focus` (x and y in 0..1). Other columns are ignored;
* an aperture stack, f-numbers in the names of files or folders (`wideopen.pairs.stacks`).

Splits: `train` and `test` are folders; `val294` is EBB! ids 4400..4693, on which later papers report, and
`train4400` the rest. An exclude list holds one name a line; `#` starts a comment.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from wideopen.errors import PairsError
from wideopen.pairs.manifest import MAPS, Shot, read_manifest
from wideopen.pairs.stacks import SUFFIXES, stack_pairs

MANIFESTS = ("manifest.jsonl", "manifest.csv")
SPLITS = ("train", "test", "val294", "train4400")
VAL294 = range(4400, 4694)


@dataclass(frozen=True)
class Pair:
    """One photo, the same view through a wide open lens, and what else is known of it."""

    name: str
    original: Path
    """The photo with everything in focus."""
    bokeh: Path
    """The target: its subject sharp, its background blurred."""
    depth: Path | None = None
    matte: Path | None = None
    """8-bit subject alpha."""
    sharp: Path | None = None
    """8-bit; 255 where the target keeps all of the photo's detail."""
    aperture: float | None = None
    """f-number of the target."""
    focus: tuple[float, float] | None = None
    """x and y of the point in focus, as shares of width and height."""
    shot: Shot | None = None
    """What else is known of a made target (manifests of `wideopen synthesize`)."""
    photo: str = ""
    """Name of the photo that it and other pairs were made of; its own name if it is the only one."""


@dataclass(frozen=True)
class PairScan:
    """What a root holds, wrong things included."""

    pairs: list[Pair]
    unmatched: dict[str, str] = field(default_factory=dict)
    """Names with only one half of a pair, and what is missing."""


def find_pairs(
    root: Path, *, pattern: str | None = None, split: str | None = None, exclude: Path | None = None
) -> list[Pair]:
    """List the pairs below a folder or in a manifest.

    Args:
        root: folder in one of the layouts above, or a manifest file.
        pattern: regular expression searched for in each file name (folders only). Its first group, or the
            whole match if it has none, is the pair's name; files that do not match are left out. Without one
            the name is the file's, less its suffix.
        split: `train`, `test`, `val294`, `train4400`, or None for all.
        exclude: file of names to leave out, one a line (`wideopen inspect` writes one).

    Returns pairs sorted by name, numbers by value; at least one.
    Raises PairsError: nothing there, half of a pair missing, a damaged manifest, an unknown split.
    """
    scan = scan_pairs(root, pattern=pattern, split=split, exclude=exclude)
    if scan.unmatched:
        name, reason = next(iter(scan.unmatched.items()))
        more = f" (and {len(scan.unmatched) - 1} more)" if len(scan.unmatched) > 1 else ""
        raise PairsError(f"{root}: pair {name!r}: {reason}{more}; add what is missing or exclude the name")
    return scan.pairs


def scan_pairs(
    root: Path, *, pattern: str | None = None, split: str | None = None, exclude: Path | None = None
) -> PairScan:
    """Like `find_pairs`, but report half pairs in place of refusing them; at least one name must be left."""
    root = Path(root)
    if split is not None and split not in SPLITS:
        raise PairsError(f"unknown split {split!r}; known splits are {', '.join(SPLITS)}")
    if not root.exists():
        raise PairsError(f"{root}: no such folder or manifest")
    scan = _scan_root(root, pattern, split)
    left_out = read_exclude_list(exclude) if exclude is not None else frozenset()
    wanted = _wanted(split, scan)
    kept = (pair for pair in scan.pairs if wanted(pair.name) and pair.name not in left_out)
    pairs = sorted(kept, key=lambda pair: natural_key(pair.name))
    unmatched = {n: r for n, r in scan.unmatched.items() if wanted(n) and n not in left_out}
    if not pairs and not unmatched:
        said = "".join(f", {word} {value}" for word, value in (("split", split), ("exclude list", exclude)) if value)
        raise PairsError(f"{root}: no pairs are left here{said}; check the path, the pattern and the split")
    return PairScan(pairs, dict(sorted(unmatched.items(), key=lambda item: natural_key(item[0]))))


def at_aperture(pairs: list[Pair], aperture: float, where: Path) -> list[Pair]:
    """The pairs whose target was taken at that f-number; PairsError, naming what they came from, if there are none."""
    found = [pair for pair in pairs if pair.aperture == aperture]
    if not found:
        known = sorted({pair.aperture for pair in pairs if pair.aperture is not None})
        said = ", ".join(f"f/{number:g}" for number in known) or "no f-numbers"
        raise PairsError(f"{where}: no target at f/{aperture:g}, but {said}; choose one of these")
    return found


def read_exclude_list(path: Path) -> frozenset[str]:
    """Names in a list of pairs to leave out: one a line, `#` (first, or after a space) starts a comment."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise PairsError(f"{path}: cannot read this exclude list; give a text file with one name a line") from error
    names = (re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip() for line in text.splitlines())
    return frozenset(name for name in names if name)


def split_pairs(pairs: list[Pair], share: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Set aside pairs that choose the best checkpoint: whole photos, with all pairs made of them.

    Args:
        pairs: at least two.
        share: share of their photos for validation, above 0 and below 1; at least one stays on each side.
        seed: the same pairs and seed give the same split, in whatever order they come.

    Returns (training, validation), both in the order given.
    """
    if len(pairs) < 2:
        raise PairsError(f"{len(pairs)} pair(s) cannot be split into training and validation; give at least two")
    if not 0 < share < 1:
        raise ValueError(f"share must be above 0 and below 1, not {share}")
    group = {pair.name: pair.photo or pair.name for pair in pairs}
    if len(set(group.values())) < 2:  # All of one photo.
        group = {name: name for name in group}
    photos = sorted(set(group.values()))
    count = min(max(round(share * len(photos)), 1), len(photos) - 1)
    order = np.random.default_rng((seed % 2**63, len(photos))).permutation(len(photos))
    held = {photos[i] for i in order[:count]}
    return [p for p in pairs if group[p.name] not in held], [p for p in pairs if group[p.name] in held]


def load_image(path: Path) -> NDArray[np.uint8]:
    """Decode a picture to HxWx3 RGB uint8 (sRGB-encoded), turned upright by its EXIF orientation.

    Deeper files lose their low bits, alpha is dropped. PairsError names a file that is no picture or is cut
    short.
    """
    picture = _decode(path, cv2.IMREAD_COLOR)
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, dst=picture)  # type: ignore[return-value]


def load_map(path: Path) -> NDArray[np.uint8]:
    """Decode a grey picture (matte, sharpness, depth) to HxW uint8, upright; errors as `load_image`."""
    return _decode(path, cv2.IMREAD_GRAYSCALE)


def load_depth_map(path: Path) -> NDArray[np.uint16]:
    """Decode a grey depth map to HxW uint16, 8 bits widened to 16; errors as `load_image`."""
    picture = _decode(path, cv2.IMREAD_GRAYSCALE | cv2.IMREAD_ANYDEPTH)
    return picture if picture.dtype == np.uint16 else picture.astype(np.uint16) * np.uint16(257)  # type: ignore[return-value]


def _decode(path: Path, flags: int) -> NDArray[np.uint8]:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise PairsError(f"{path}: cannot read this picture ({error.strerror}); exclude the pair") from error
    if not data:
        raise PairsError(f"{path}: the file is empty; replace it or exclude the pair")
    if _cut_short(data):
        raise PairsError(f"{path}: the picture is cut short; copy it again or exclude the pair")
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    except cv2.error:
        picture = None
    if picture is None:
        raise PairsError(f"{path}: not a picture that can be decoded; replace it or exclude the pair")
    return picture  # type: ignore[return-value]


def _cut_short(data: bytes) -> bool:
    """Whether a JPEG or PNG lacks its end: OpenCV before 5 fills what is missing with grey and is silent."""
    if data.startswith(b"\x89PNG"):
        return b"IEND" not in data[-65536:]
    if not data.startswith(b"\xff\xd8"):
        return False
    at = 2  # Step over the header's segments: a thumbnail in one of them has an end marker of its own.
    while at + 4 <= len(data) and data[at] == 0xFF and data[at + 1] != 0xDA:
        at += 1 if data[at + 1] == 0xFF else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return data.rfind(b"\xff\xd9", at) < 0


def natural_key(name: str) -> list[tuple[int, int, str]]:
    """Sort key that puts `9` before `10` and `a9` before `a10`."""
    return [(0, int(part), part) if part.isdecimal() else (1, 0, part) for part in re.split(r"(\d+)", name) if part]


def _scan_root(root: Path, pattern: str | None, split: str | None) -> PairScan:
    if root.is_file():
        return _scan_manifest(root)
    if split in ("train", "test"):
        if not (root / split).is_dir():
            raise PairsError(f"{root}: no folder {split}/ here for split {split!r}; leave the split out or add it")
        root = root / split
    elif not _is_set(root) and _is_set(root / "train"):
        root = root / "train"
    for name in MANIFESTS:
        if (root / name).is_file():
            return _scan_manifest(root / name)
    return _scan_folders(root, pattern)


def _is_set(folder: Path) -> bool:
    return any((folder / name).exists() for name in ("original", "bokeh", *MANIFESTS))


def _wanted(split: str | None, scan: PairScan) -> Callable[[str], bool]:
    if split not in ("val294", "train4400"):
        return lambda name: True
    odd = next((n for n in (*(p.name for p in scan.pairs), *scan.unmatched) if not n.isdecimal()), None)
    if odd is not None:
        raise PairsError(
            f"split {split!r} goes by EBB! ids, but {odd!r} is no number; give a pattern whose group is the id"
        )
    return lambda name: (int(name) in VAL294) == (split == "val294")


def _scan_folders(root: Path, pattern: str | None) -> PairScan:
    for name in ("original", "bokeh"):
        if not (root / name).is_dir():
            stacks, lonely = stack_pairs(root)
            if stacks or lonely:
                return PairScan([Pair(**fields) for fields in stacks], lonely)
            raise PairsError(f"{root}: no folder {name}/ here; pairs need original/ and bokeh/, or a {MANIFESTS[0]}")
    try:
        regex = re.compile(pattern) if pattern is not None else None
    except re.error as error:
        raise PairsError(f"pattern {pattern!r} is not a regular expression: {error}") from error
    originals, targets = (_files_by_key(root / name, regex) for name in ("original", "bokeh"))
    maps = {name: _files_by_key(root / name, regex) for name in MAPS if (root / name).is_dir()}
    pairs = [
        Pair(key, path, targets[key], **{name: files.get(key) for name, files in maps.items()})  # type: ignore[arg-type]
        for key, path in originals.items()
        if key in targets
    ]
    unmatched = {key: f"no file in {root / 'bokeh'}" for key in originals if key not in targets}
    unmatched |= {key: f"no file in {root / 'original'}" for key in targets if key not in originals}
    return PairScan(pairs, unmatched)


def _files_by_key(folder: Path, regex: re.Pattern[str] | None) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in SUFFIXES or path.name.startswith("."):
            continue
        key: str | None = path.stem
        if regex is not None:
            match = regex.search(path.name)
            key = match and (match.group(1) if regex.groups else match.group())
        if not key:
            continue
        if key in found:
            raise PairsError(f"{folder}: {found[key].name} and {path.name} are both pair {key!r}; keep one of them")
        found[key] = path
    return found


def _scan_manifest(path: Path) -> PairScan:
    pairs: dict[str, Pair] = {}
    unmatched: dict[str, str] = {}
    for where, row in read_manifest(path):
        pair = Pair(**row)
        if pair.name in pairs or pair.name in unmatched:
            raise PairsError(f"{where}: a second pair named {pair.name!r}; names must differ")
        files = [getattr(pair, name) for name in ("original", "bokeh", *MAPS)]
        missing = next((file for file in files if file is not None and not file.is_file()), None)
        if missing is None:
            pairs[pair.name] = pair
        else:
            unmatched[pair.name] = f"no file {missing}"
    return PairScan(list(pairs.values()), unmatched)
