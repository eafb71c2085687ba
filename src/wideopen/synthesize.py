"""Training pairs out of sharp photos and the mattes of their subjects.

For each photo the scene is taken apart (`wideopen.scene`) and seen through a wide lens (`wideopen.lens`). The input of
a pair is the photo itself. Files, all of one name: original/NAME.jpg, bokeh/NAME.jpg, matte/NAME.png (subject's
opacity), sharp/NAME.png (share of the photo's detail that the target keeps), and a line in manifest.jsonl.
"""

import io
import json
import multiprocessing
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from wideopen.errors import OutputError, PairsError, PhotoError
from wideopen.optics import PRESETS
from wideopen.output import write_output
from wideopen.scene import Scene, make_pair, take_apart

Progress = Callable[[int, int], None]
Bytes = NDArray[np.uint8]

PHOTO_SUFFIXES = {".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff"}
MEMBERS = {"original": ".jpg", "bokeh": ".jpg", "matte": ".png", "sharp": ".png"}
MANIFEST = "manifest.jsonl"
OPTIONS = "options.json"
SAVE_EVERY = 50


@dataclass(frozen=True)
class SynthesizeOptions:
    """How pairs are made of photos."""

    seed: int = 0
    blur: float = round(PRESETS["ebb"].blur_radius_px(float("inf"), 1000) / 1000, 4)
    """Blur radius at infinity as a share of the short side; the default is EBB!'s lens focused at 2 m."""
    blur_jitter: float = 0.0
    """Random factor on it, up to this many stops either way. 0 makes the target a function of the photo alone."""
    highlight_gain: float = 4.0
    """Brightness given to clipped lamps, in units of white."""
    horizon: float = 0.4
    """Row from which the background lies at infinity, as a share of the height."""
    long_side: int = 960
    """Larger photos are scaled down to this (px); smaller ones are left."""
    min_subject: float = 0.02
    max_subject: float = 0.65
    """Photos whose subject fills less or more of the frame are skipped."""
    max_doubt: float = 0.06
    """Photos whose matte is in doubt on more than this share of the frame, or on half the subject's, are skipped."""
    quality: int = 95
    """JPEG quality, always 4:4:4."""

    def __post_init__(self) -> None:
        if not 0 < self.blur <= 0.2:
            raise ValueError(f"blur must be a share of the short side in (0, 0.2], not {self.blur}")
        if self.blur_jitter < 0 or self.highlight_gain < 1:
            raise ValueError("blur_jitter must not be negative and highlight_gain at least 1")
        if not 0 <= self.horizon < 0.9:
            raise ValueError(f"horizon must be a share of the height in [0, 0.9), not {self.horizon}")
        if not 0 <= self.min_subject < self.max_subject <= 1:
            raise ValueError("min_subject and max_subject must be growing shares in [0, 1]")
        if self.long_side < 64 or not 1 <= self.quality <= 100 or not 0 <= self.max_doubt <= 1:
            raise ValueError("long_side must be at least 64, quality 1 to 100, max_doubt a share in [0, 1]")


@dataclass(frozen=True)
class Synthesized:
    """What a run did. `skipped` names photos and says why."""

    made: int = 0
    kept: int = 0
    """Pairs that existed and were left alone."""
    skipped: tuple[tuple[str, str], ...] = field(default=())


@dataclass(frozen=True)
class _Job:
    name: str
    photo: Path
    matte: Path
    output: Path
    options: SynthesizeOptions


def synthesize(
    photos: Path,
    mattes: Path,
    output: Path,
    options: SynthesizeOptions | None = None,
    *,
    only: Path | None = None,
    limit: int | None = None,
    workers: int = 2,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Synthesized:
    """Make a folder of pairs.

    Args:
        photos: folder of photos, searched recursively.
        mattes: folder with the matte of photos/A/B.jpg at mattes/A/B.png: 8-bit grey, any size, white is subject.
        output: folder to make or to go on with; pairs found there are kept unless `overwrite`.
        only: text file of photos to use, one a line, relative and without suffix (A/B).
        limit: use at most this many photos, the first by name.
        workers: processes; the files do not depend on how many.
        progress: called with (done, total).

    Raises:
        PairsError: no photos, or `only` names one that is not there.
        OutputError: `output` cannot be written, or holds pairs made with other options.
    """
    options = options or SynthesizeOptions()
    jobs = _jobs(photos, mattes, output, options, only)[:limit]
    done = {} if overwrite else _resume(output, options)
    _prepare(output, options)
    wanted = {job.name for job in jobs}
    lines = {name: line for name, line in done.items() if _complete(output, name)}
    kept = len(wanted & lines.keys())
    todo = [job for job in jobs if job.name not in lines]
    skipped: dict[str, str] = {}
    for count, (name, line, reason) in enumerate(_work(todo, workers), start=1):
        if line is None:
            skipped[name] = reason
        else:
            lines[name] = line
        if count % SAVE_EVERY == 0:
            _write_manifest(output, lines)
        if progress:
            progress(kept + count, len(jobs))
    _write_manifest(output, lines)
    return Synthesized(len(todo) - len(skipped), kept, tuple(sorted(skipped.items())))


def contact_sheet(
    pairs: Path, sheet: Path, rows: int = 6, columns: int = 2, width: int = 320, overwrite: bool = False
) -> None:
    """Draw evenly spaced pairs of a folder, input left and target right, `columns` pairs a row, as a JPEG.

    Raises PairsError if the folder holds no pairs.
    """
    lines = list(_read_manifest(pairs).values())
    if not lines:
        raise PairsError(f"{pairs}: no pairs to draw; make some first")
    chosen = [lines[i] for i in np.unique(np.linspace(0, len(lines) - 1, rows * columns).round().astype(int))]
    cell = (width, width * 3 // 4)
    board = Image.new("RGB", (columns * (2 * width + 12), -(-len(chosen) // columns) * (cell[1] + 8)), "white")
    for index, line in enumerate(chosen):
        top, left = index // columns * (cell[1] + 8), index % columns * (2 * width + 12)
        for side, member in enumerate(("original", "bokeh")):
            with Image.open(pairs / line[member]) as image:
                small = ImageOps.contain(image.convert("RGB"), cell, Image.Resampling.LANCZOS)
            board.paste(small, (left + side * (width + 2) + (width - small.width) // 2, top))
    buffer = io.BytesIO()
    board.save(buffer, "JPEG", quality=88, optimize=True)
    write_output(sheet, buffer.getvalue(), overwrite)


def _jobs(photos: Path, mattes: Path, output: Path, options: SynthesizeOptions, only: Path | None) -> list[_Job]:
    found = {
        path.relative_to(photos).with_suffix("").as_posix(): path
        for path in sorted(photos.rglob("*"))
        if path.suffix.lower() in PHOTO_SUFFIXES
    }
    if not found:
        raise PairsError(f"{photos}: no photos in this folder; give one that holds JPEG, PNG, WebP or TIFF files")
    stems = sorted(found)
    if only is not None:
        try:
            stems = sorted({line.strip() for line in only.read_text(encoding="utf-8").splitlines()} - {""})
        except (OSError, UnicodeDecodeError) as error:
            raise PairsError(f"{only}: cannot read this list of photos; give a text file, one name a line") from error
        missing = [stem for stem in stems if stem not in found]
        if missing:
            raise PairsError(f"{only}: names {missing[0]!r}, which is not in {photos} (names have no suffix)")
    names = [stem.replace("/", "-") for stem in stems]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise PairsError(f"{photos}: two photos would both be called {twice!r}; rename one")
    return [
        _Job(name, found[stem], mattes / f"{stem}.png", output, options)
        for name, stem in zip(names, stems, strict=True)
    ]


def _work(jobs: list[_Job], workers: int) -> Iterator[tuple[str, dict[str, Any] | None, str]]:
    if workers <= 1 or len(jobs) <= 1:
        yield from map(_make, jobs)
        return
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, mp_context=context, initializer=cv2.setNumThreads, initargs=(1,))
    try:
        for future in as_completed([pool.submit(_make, job) for job in jobs]):
            yield future.result()
    finally:
        pool.shutdown(cancel_futures=True)


def _make(job: _Job) -> tuple[str, dict[str, Any] | None, str]:
    """Make one pair: its name and manifest line, or None and the reason why not."""
    options = job.options
    try:
        photo, matte = _read(job)
    except PhotoError as error:
        return job.name, None, str(error)
    scene = take_apart(photo, matte, options.horizon)
    reason = _unfit(scene, options)
    if reason:
        return job.name, None, reason
    # Of seed and name only: the same whatever the order, the workers, or what else is in the folder.
    draw = np.random.default_rng([options.seed, zlib.crc32(job.name.encode())])
    blur = options.blur * 2.0 ** draw.uniform(-options.blur_jitter, options.blur_jitter)
    pair = make_pair(photo, scene, blur * min(photo.shape[:2]), options.highlight_gain)
    images = {"original": pair.photo, "bokeh": pair.target, "matte": pair.matte, "sharp": pair.sharp}
    for member, image in images.items():
        _write(job.output / member / (job.name + MEMBERS[member]), image, options.quality)
    line: dict[str, Any] = {"name": job.name}
    line |= {member: f"{member}/{job.name}{suffix}" for member, suffix in MEMBERS.items()}
    line["foot"] = round(scene.foot / photo.shape[0], 4)
    line["blur"] = round(float(blur), 5)
    return job.name, line, ""


def _read(job: _Job) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if not job.matte.exists():
        raise PhotoError(f"no matte at {job.matte}")
    try:
        with Image.open(job.photo) as image:
            photo = ImageOps.exif_transpose(image).convert("RGB")
        with Image.open(job.matte) as image:
            matte = image.convert("L")
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise PhotoError(f"cannot be read: {error}".splitlines()[0]) from error
    pixels = np.asarray(photo)
    scale = job.options.long_side / max(photo.size)
    if scale < 1:
        size = (max(round(photo.width * scale), 1), max(round(photo.height * scale), 1))
        pixels = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    if min(pixels.shape[:2]) < 64:
        raise PhotoError(f"smaller than 64 px: {pixels.shape[1]}x{pixels.shape[0]}")
    opacity = cv2.resize(np.asarray(matte), pixels.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return pixels.astype(np.float32) / 255.0, opacity.astype(np.float32) / 255.0


def _unfit(scene: Scene, options: SynthesizeOptions) -> str:
    subject = float((scene.alpha > 0.9).mean())
    doubt = float(scene.doubt.mean())
    if subject < options.min_subject:
        return f"subject too small ({subject:.1%} of the frame)"
    if float(scene.alpha.mean()) > options.max_subject:
        return f"subject too large ({scene.alpha.mean():.0%} of the frame)"
    if doubt > options.max_doubt or doubt > 0.5 * subject:
        return f"matte in doubt on {doubt:.1%} of the frame"
    return ""


def _write(path: Path, image: NDArray[np.float32], quality: int) -> None:
    pixels: Bytes = np.rint(np.clip(image, 0.0, 1.0) * 255.0).astype(np.uint8)
    buffer = io.BytesIO()
    if path.suffix == ".jpg":
        Image.fromarray(pixels).save(buffer, "JPEG", quality=quality, subsampling=0)
    else:
        Image.fromarray(pixels).save(buffer, "PNG", compress_level=4)
    write_output(path, buffer.getvalue(), overwrite=True)


def _prepare(output: Path, options: SynthesizeOptions) -> None:
    try:
        for member in MEMBERS:
            (output / member).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{output}: cannot make this folder ({error.strerror})") from error
    write_output(output / OPTIONS, json.dumps(asdict(options), indent=1) + "\n", overwrite=True)


def _resume(output: Path, options: SynthesizeOptions) -> dict[str, dict[str, Any]]:
    if (output / OPTIONS).exists():
        try:
            same = json.loads((output / OPTIONS).read_text(encoding="utf-8")) == asdict(options)
        except ValueError:
            same = False
        if not same:
            raise OutputError(f"{output}: holds pairs made with other options; overwrite them or name another folder")
    return _read_manifest(output)


def _read_manifest(folder: Path) -> dict[str, dict[str, Any]]:
    path = folder / MANIFEST
    if not path.exists():
        return {}
    try:
        lines = [json.loads(text) for text in path.read_text(encoding="utf-8").splitlines() if text.strip()]
        return {line["name"]: line for line in lines}
    except (ValueError, KeyError, TypeError) as error:
        raise PairsError(f"{path}: not a manifest of pairs ({error}); overwrite it or name another folder") from error


def _write_manifest(output: Path, lines: dict[str, dict[str, Any]]) -> None:
    text = "".join(json.dumps(lines[name]) + "\n" for name in sorted(lines))
    write_output(output / MANIFEST, text, overwrite=True)


def _complete(output: Path, name: str) -> bool:
    return all((output / member / (name + suffix)).exists() for member, suffix in MEMBERS.items())
