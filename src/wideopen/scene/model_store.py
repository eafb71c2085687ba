"""Models that are known to serve, and where they are kept: fetched once into the user's cache, whole or not at all.

One table (`KNOWN`) says what there is, how large it is, under which licence, and what its bytes hash to. A process that
fetches holds a lock; another that wants the same waits for it, and finds the file.
"""

import hashlib
import os
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import BinaryIO, Literal

from wideopen.atomic_write import clear_leftovers, replacing
from wideopen.errors import ModelError

try:
    import fcntl
except ModuleNotFoundError:  # Windows; there two processes may both fetch, and the last one's file stays.
    fcntl = None  # type: ignore[assignment]

TIMEOUT_S = 60.0
PIECE = 1 << 20
_DEPTH_ANYTHING = (
    "https://huggingface.co/onnx-community/depth-anything-v2-small/resolve/4472b7362082ad9968fee890ca0f1e5aca36b93d"
)
_REMBG = "https://github.com/danielgatis/rembg/releases/download/v0.0.0"


@dataclass(frozen=True)
class KnownModel:
    """A model that anybody may fetch."""

    name: str
    purpose: Literal["matte", "depth"]
    url: str
    size: int
    """In bytes."""
    sha256: str
    licence: str

    @property
    def path(self) -> Path:
        """Where it is kept, whether it is there or not."""
        return cache_folder() / f"{self.name}.onnx"

    @property
    def here(self) -> bool:
        """Whether it is on this machine."""
        return self.path.is_file()


KNOWN = {
    model.name: model
    for model in (
        KnownModel(
            "depth-anything-v2-small", "depth", f"{_DEPTH_ANYTHING}/onnx/model.onnx", 99_060_839,
            "afb6a5c28f3b6bf1618c6e43f02073ef9dfdc70e937502d51603e57b0a1df10c", "Apache-2.0",
        ),
        KnownModel(
            "birefnet-general-lite", "matte", f"{_REMBG}/BiRefNet-general-bb_swin_v1_tiny-epoch_232.onnx", 224_005_088,
            "5600024376f572a557870a5eb0afb1e5961636bef4e1e22132025467d0f03333", "MIT",
        ),
        KnownModel(
            "isnet-general-use", "matte", f"{_REMBG}/isnet-general-use.onnx", 178_648_008,
            "60920e99c45464f2ba57bee2ad08c919a52bbf852739e96947fbb4358c0d964a", "Apache-2.0",
        ),
        KnownModel(
            "u2net", "matte", f"{_REMBG}/u2net.onnx", 175_997_641,
            "8d10d2f3bb75ae3b6d527c77944fc5e7dcd94b29809d47a739a7a728a912b491", "Apache-2.0",
        ),
    )
}  # fmt: skip
"""By name, the best of a purpose first. Hashes are those that other projects pin for the same addresses, several for
each model and all agreed. BiRefNet and IS-Net are shown the photo at 1024 px, U2-Net at 320."""


def cache_folder() -> Path:
    """The folder of this user's models; WIDEOPEN_MODELS names another one."""
    if own := os.environ.get("WIDEOPEN_MODELS"):
        return Path(own)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "wideopen" / "models"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "wideopen" / "models"
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "wideopen" / "models"


def find_model(name: str) -> KnownModel:
    """The model of that name; ModelError if none is known."""
    if name not in KNOWN:
        raise ModelError(f"there is no model {name!r}; there are {', '.join(KNOWN)}")
    return KNOWN[name]


def best_here(purpose: Literal["matte", "depth"]) -> KnownModel | None:
    """The best model of a purpose that is on this machine; None if there is none."""
    return next((model for model in KNOWN.values() if model.purpose == purpose and model.here), None)


def fetch(model: KnownModel, file: Path | None = None) -> Path:
    """Have a model on this machine; where it is.

    `file`: take it from this file, for a machine that is offline.
    Raises ModelError: it cannot be had, is cut short, or has another hash; nothing half is left there.
    """
    if model.here and file is None:
        return model.path
    try:
        model.path.parent.mkdir(parents=True, exist_ok=True)
        with _alone(model.path):
            if not model.here or file is not None:  # Another process may just have fetched it.
                clear_leftovers(model.path.parent)
                with replacing(model.path) as part:
                    _copy(model, file, part)
    except (OSError, HTTPException) as error:
        raise ModelError(
            f"model {model.name}: {_reason(error)}; try again, or fetch {model.url} elsewhere and give it: "
            f"wideopen models get {model.name} --file FILE"
        ) from error
    return model.path


def _copy(model: KnownModel, file: Path | None, part: BinaryIO) -> None:
    """Write the model's bytes into a file; OSError if they are not what they should be."""
    digest, size = hashlib.sha256(), 0
    with _opened(model.url) if file is None else file.open("rb") as source:
        while piece := source.read(PIECE):
            part.write(piece)
            digest.update(piece)
            size += len(piece)
    if size < model.size:
        raise OSError(f"only {size} of its {model.size} bytes {'came' if file is None else 'are there'}")
    if digest.hexdigest() != model.sha256:
        raise OSError(f"what {'came' if file is None else 'is there'} is another file (SHA-256 {digest.hexdigest()})")


@contextmanager
def _opened(url: str) -> Iterator[BinaryIO]:
    """What an address answers; URLError, closed, if it refuses."""
    request = urllib.request.Request(url, headers={"User-Agent": "wideopen"})
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
            yield answer
    except urllib.error.HTTPError as error:
        error.close()
        raise urllib.error.URLError(f"{error.code} {error.reason}") from error


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Hold the lock on a model's file, waiting for whoever has it."""
    with path.with_name(f".{path.name}.lock").open("w") as handle:
        with suppress(OSError):  # A file system that knows no locks.
            while fcntl is not None:
                try:
                    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    time.sleep(0.1)  # So that Ctrl-C is heard.
        yield


def _reason(error: OSError | HTTPException) -> str:
    if isinstance(error, urllib.error.URLError):
        return f"cannot be fetched ({error.reason})"
    if isinstance(error, HTTPException):
        return f"cannot be fetched (no answer in HTTP: {type(error).__name__})"
    return error.strerror or str(error) or type(error).__name__
