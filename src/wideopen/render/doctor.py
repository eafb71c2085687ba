"""What this installation is and can do, and whether it computes what it should."""

import hashlib
import importlib.util
import json
import os
import platform
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import features

from wideopen.errors import WideopenError
from wideopen.extras import extras_of, missing_extra
from wideopen.options import RenderOptions
from wideopen.photo.encode import FORMATS
from wideopen.photo.files import decode, to_bytes
from wideopen.photo.photo import Photo
from wideopen.render.machine import cores, memory
from wideopen.render.renderer import Renderer
from wideopen.scene import model as engines
from wideopen.scene.runtimes import PROVIDERS, cache_folder, has_openvino

PACKAGES = ("numpy", "pillow", "opencv-python-headless", "onnxruntime", "openvino", "pillow-heif", "rawpy", "OpenEXR",
            "transformers", "torch", "lightning", "typer", "rich")  # fmt: skip
INSTRUCTIONS = ("sse4_2", "avx", "avx2", "fma", "avx512f", "avx512_vnni", "avx512_bf16", "amx_bf16", "asimd", "bf16")
"""Those that matter for speed, as Linux names them."""
EXPECTED = engines.SHIPPED.with_name("check.json")
"""What the shipped model, and the lens, make of the drawn photo: see `grid`, in 1/255."""
GRID = (6, 8)
TOLERANCE, MEAN_TOLERANCE = 6.0, 1.5
"""In 1/255, of the worst cell and of all: processors differ by far less, wrong kernels by far more."""
LEAST_DB = 30.0
"""Between a picture and itself from a file of a format that loses some."""


@dataclass(frozen=True)
class Finding:
    """One line of what was found."""

    topic: str
    name: str
    value: str
    fine: bool = True


def examine(options: RenderOptions | None = None) -> Iterator[Finding]:
    """Findings as they are made; some seconds in all.

    `options`: model, engine and threads to examine.
    """
    options = options or RenderOptions()
    yield from _versions()
    yield from _machine()
    yield from _formats()
    renderer = Renderer(options)
    yield from _model(renderer)
    yield from _cache()
    yield from self_test(renderer)


def self_test(renderer: Renderer) -> Iterator[Finding]:
    """Files written and read again, the network and the lens on a drawn photo, each against what is expected."""
    yield _tried("files", _files_come_back)
    yield _tried("network", lambda: _rendered(renderer))
    yield _tried("lens", lambda: _compared(grid(_through_lens()), "lens"))


def drawn_photo() -> NDArray[np.uint8]:
    """A disc before stripes that get finer, 360x480x3, the same everywhere."""
    rows, columns = np.mgrid[:360, :480]
    stripes = (rows * columns // (40 + rows // 8) % 16 * 8 + columns // 8).astype(np.uint8)
    photo = np.dstack([stripes, stripes + 40, 220 - stripes])
    inside = (rows - 200) ** 2 + (columns - 240) ** 2 < 110**2
    checks = ((rows // 6 + columns // 6) % 2 * 50).astype(np.uint8)
    photo[inside] = np.dstack([checks + 190, checks + 100, checks + 70])[inside]
    return photo


def grid(pixels: NDArray[np.uint8]) -> list[list[float]]:
    """A picture's fingerprint: mean colour and contrast (standard deviation of green) of 6x8 cells in reading order."""
    colours = pixels.astype(np.float64)
    colours = np.dstack([colours, colours[..., 1] ** 2])
    small = cv2.resize(colours, GRID[::-1], interpolation=cv2.INTER_AREA)
    small[..., 3] = np.sqrt((small[..., 3] - small[..., 1] ** 2).clip(0))
    return [[round(float(value), 2) for value in cell] for cell in small.reshape(-1, 4)]


def expectations(renderer: Renderer) -> dict[str, object]:
    """What `EXPECTED` holds, computed anew."""
    return {
        "sha256": hashlib.sha256(renderer.engine.path.read_bytes()).hexdigest(),
        "network": grid(renderer.render(drawn_photo())),
        "lens": grid(_through_lens()),
    }


def _versions() -> Iterator[Finding]:
    for name in ("wideopen", *PACKAGES):
        try:
            yield Finding("versions", name, metadata.version(name))
        except metadata.PackageNotFoundError:
            continue
    yield Finding("versions", "Python", f"{platform.python_version()}, {platform.platform()}")


def _machine() -> Iterator[Finding]:
    name, able = _processor()
    yield Finding("machine", "processor", f"{name}, {cores()} of {os.cpu_count()} cores for this program")
    yield Finding("machine", "instructions", able or "unknown")
    free, total = memory()
    if total:
        # 12 megapixels and their result take a third of this.
        yield Finding("machine", "memory", f"{free / 2**30:.1f} of {total / 2**30:.1f} GiB free", free > 2**30)


def _formats() -> Iterator[Finding]:
    built_in = {"JPEG": "jpg", "WEBP": "webp", "AVIF": "avif"}
    for name, needs in {**{name: codec.needs for name, codec in FORMATS.items()}, "RAW": "rawpy"}.items():
        if needs:
            there = importlib.util.find_spec(needs) is not None
            yield Finding("formats", name, "on" if there else f'off; pip install "wideopen[{extras_of(needs)[0]}]"')
        else:
            there = bool(features.check(built_in.get(name, "zlib")))
            yield Finding("formats", name, "on" if there else "off: this Pillow was built without it", there)


def _model(renderer: Renderer) -> Iterator[Finding]:
    import onnxruntime

    there = onnxruntime.get_available_providers()
    first = next(name for name in PROVIDERS if name in there).removesuffix("ExecutionProvider")
    for_many = "OpenVINO" if has_openvino() else "ONNX Runtime"
    chosen = renderer.options.engine
    said = f"ONNX Runtime, {for_many} for many photos" if chosen == "auto" else chosen
    yield Finding("model", "engine", f"{said}; ONNX Runtime computes on {first}")
    try:
        info, path = renderer.engine.metadata, renderer.engine.path
    except (WideopenError, ModuleNotFoundError) as error:
        missing = missing_extra(error) if isinstance(error, ModuleNotFoundError) else None
        yield Finding("model", "file", str(missing or error), False)
        return
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    yield Finding("model", "file", f"{path} ({path.stat().st_size / 1e6:.1f} MB, SHA-256 {digest[:12]}..)")
    yield Finding("model", "name", f"{info.name}, pictures of {info.working_side} px")


def _cache() -> Iterator[Finding]:
    if not has_openvino():
        return
    folder = cache_folder()
    blobs = [path.stat().st_size for path in folder.glob("*.blob")] if folder.is_dir() else []
    value = f"{folder}, {len(blobs)} compiled graphs, {sum(blobs) / 1e6:.0f} MB; may be deleted at any time"
    yield Finding("model", "cache", value)


def _tried(name: str, test: Callable[[], str]) -> Finding:
    started = time.perf_counter()
    try:
        said = test()
    except ModuleNotFoundError as error:
        return Finding("self-test", name, str(missing_extra(error) or error), False)
    except Exception as error:  # Whatever it is, a person has to be told, and the other tests go on.
        line = " ".join(str(error).split())
        return Finding("self-test", name, f"{type(error).__name__}: {line}", False)
    return Finding("self-test", name, f"{said}, {time.perf_counter() - started:.2f} s")


def _files_come_back() -> str:
    pixels, tried = cv2.GaussianBlur(drawn_photo(), (0, 0), 3), list[str]()
    for name, codec in FORMATS.items():
        if name == "EXR" or (codec.needs and importlib.util.find_spec(codec.needs) is None):
            continue  # An EXR holds light, not pixels.
        if name == "AVIF" and not features.check("avif"):
            continue
        found = decode(to_bytes(Photo(pixels), name), name).pixels.astype(np.float64)
        error = np.mean((found - pixels) ** 2) / 255**2
        close = 100.0 if error == 0 else -10 * np.log10(error)
        if close < (100 if codec.bits == 16 else LEAST_DB):
            raise ValueError(f"{name} comes back {close:.1f} dB from what was written")
        tried.append(name)
    return f"{', '.join(tried)} come back as written"


def _rendered(renderer: Renderer) -> str:
    photo = drawn_photo()
    done = renderer.render(photo)
    if renderer.options.model is not None:
        changed = np.abs(done.astype(int) - photo).mean()
        return (
            f"runs; it changes the drawn photo by {changed:.1f}/255 (what is right is known of the shipped model only)"
        )
    known = json.loads(EXPECTED.read_text())["sha256"]
    if hashlib.sha256(renderer.engine.path.read_bytes()).hexdigest() != known:
        raise ValueError(f"{renderer.engine.path.name} is not the model this version came with; install it again")
    return _compared(grid(done), "network")


def _through_lens() -> NDArray[np.uint8]:
    depth = np.tile(np.linspace(0, 1, 120, dtype=np.float32)[:, None], (1, 160))
    look = replace(RenderOptions(), aperture=1.4, focus="0.5,0.6", blades=7, grain=0.0)
    return Renderer(look).render(drawn_photo(), depth)


def _compared(found: list[list[float]], name: str) -> str:
    off = np.abs(np.array(found) - np.array(json.loads(EXPECTED.read_text())[name]))
    if off.max() > TOLERANCE or off.mean() > MEAN_TOLERANCE:
        raise ValueError(
            f"what comes out is off by up to {off.max():.1f}/255 (mean {off.mean():.2f}), more than {TOLERANCE:g} "
            f"({MEAN_TOLERANCE:g}); please report this, with all that is above"
        )
    return f"as expected, within {off.max():.2f}/255"


def _processor() -> tuple[str, str]:
    """Name, and those of `INSTRUCTIONS` it has."""
    try:
        lines = [line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines()]
    except OSError:
        return platform.processor() or platform.machine(), cv2.getCPUFeaturesLine()
    said = {key.strip(): value.strip() for key, _, value in lines}
    flags = (said.get("flags") or said.get("Features") or "").split()
    return said.get("model name", platform.machine()), " ".join(name for name in INSTRUCTIONS if name in flags)
