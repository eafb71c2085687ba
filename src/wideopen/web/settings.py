"""What a deployer can set, and how much of the machine that takes."""

import re
from dataclasses import dataclass, replace
from pathlib import Path

from wideopen.options import check_spans, option
from wideopen.render import machine

STATIC = Path(__file__).parent / "static"
"""The application's files."""
SCREEN_PX = 960
"""Long side of the picture and the planes that a preview is drawn from."""
SHOWN_PX = 1600
"""Largest long side of a picture that is asked for with `side`; a file to download has the photo's own size."""
BASE_MB = 450
"""Of the process that answers requests."""
WORKER_MB = 420
"""Of a worker: the model, the libraries, what it remembers of open photos (`REMEMBERED_MB`)."""
REMEMBERED_MB = 192
BYTES_A_PIXEL = {"screen": 24, "full": 70}
"""Most that a job takes for each pixel of the photo: measured with 16 bits and alpha; 8-bit photos take half."""
MOST_MEGAPIXELS = 50
"""Of a photo where nothing is said."""
UNKNOWN_MB = 4000
"""Taken for free memory where a system does not tell."""


@dataclass(frozen=True)
class ServeOptions:
    """Where the application is served and what it allows."""

    host: str = option("127.0.0.1", "Address to listen on; 0.0.0.0 lets other machines in.")
    port: int = option(7860, "Port to listen on; 0 takes a free one.")
    model: Path | None = option(None, "Model file (.onnx); if not given, the one in the package.")
    embed_in: str = option(
        "", "Origin of another page that may show this one within it, as https://huggingface.co; none if not given."
    )
    upload_mb: int = option(150, "Largest upload in MB: photo, map, matte and strokes together.", "Limits")
    upload_seconds: int = option(120, "Longest that an upload may take.", "Limits")
    uploads: int = option(32, "Uploads at the same time.", "Limits")
    megapixels: int = option(0, "Largest photo; 0 is what memory allows, at most 50.", "Limits")
    queue: int = option(60, "Jobs that may wait; further ones are refused.", "Limits")
    job_seconds: int = option(120, "Longest that one photo may take; then its worker is stopped.", "Limits")
    memory_mb: int | None = option(
        None, "Memory to stay below; if not given, 3/4 of what is free at the start.", "Limits"
    )
    disk_mb: int = option(4000, "Most that uploads and results may take on disk.", "Limits")
    keep_minutes: float = option(
        15.0, "How long a photo that was opened is kept after it was last used; less if its page is closed.", "Limits"
    )

    def __post_init__(self) -> None:
        if self.embed_in and not re.fullmatch(r"https?://[\w.:-]+", self.embed_in):
            raise ValueError(f"embed in must be an origin, as https://example.org, not {self.embed_in!r}")
        check_spans(self)


@dataclass(frozen=True)
class Share:
    """How many workers draw what is shown and how many make files to download, and the CPU threads of each."""

    screen: int
    full: int
    threads: int


def worker_mb(kind: str, megapixels: int) -> int:
    """Most that a worker of that kind takes."""
    return WORKER_MB + (megapixels * BYTES_A_PIXEL[kind] * 10**6 >> 20)


def fitted(options: ServeOptions) -> ServeOptions:
    """The same with the memory and the largest photo set, where they were not."""
    memory = options.memory_mb or (machine.memory()[0] >> 20 or UNKNOWN_MB) * 3 // 4
    left = (memory - BASE_MB - 2 * WORKER_MB) << 20
    most = max(1, min(MOST_MEGAPIXELS, left // (sum(BYTES_A_PIXEL.values()) * 10**6)))
    return replace(options, memory_mb=memory, megapixels=options.megapixels or most)


def share_out(options: ServeOptions, cores: int | None = None) -> Share:
    """As many workers as cores and memory allow, at least one of each kind.

    `options`: as `fitted` gives them.
    Raises ValueError: the memory is not enough for one photo of the size allowed.
    """
    cores, memory = cores or machine.cores(), options.memory_mb or 0
    each_screen, each_full = (worker_mb(kind, options.megapixels) for kind in ("screen", "full"))
    left = memory - BASE_MB - each_screen - each_full
    if left < 0:
        need = memory - left
        raise ValueError(
            f"{memory} MB is too little memory for photos of {options.megapixels} megapixels, which take {need} MB; "
            "allow more (--memory-mb) or smaller photos (--megapixels)"
        )
    most = max(1, cores // 2) - 1
    screen = 1 + min(left // each_screen, most)
    full = 1 + min((left - (screen - 1) * each_screen) // each_full, most)
    return Share(screen, full, max(1, cores // screen))
