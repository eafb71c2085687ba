"""A real Chromium, driven by Playwright; tests that need one say why they were skipped where there is none."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from limits import HANG

EXAMPLES = Path(__file__).parents[1] / "examples"

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@contextmanager
def chromium_page(width: int = 1240, height: int = 900, flags: tuple[str, ...] = ()) -> Iterator[Any]:
    """A page of a fresh profile; `flags`: of Chromium, beside the usual ones."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs the Python package playwright")
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if chromium is None:
        pytest.skip("needs a Chromium on the path (apt install chromium)")
    with tempfile.TemporaryDirectory() as profile, playwright.sync_playwright() as driver:
        context = driver.chromium.launch_persistent_context(
            profile,
            executable_path=chromium,
            headless=True,
            args=[*FLAGS, *flags],
            viewport={"width": width, "height": height},
        )
        context.set_default_timeout(1000 * HANG)
        context.on("page", _looked_at_seldom)
        try:
            yield _looked_at_seldom(context.pages[0]) if context.pages else context.new_page()
        finally:
            context.close()


def _looked_at_seldom(page: Any) -> Any:
    """What a test waits for is asked for 20 times a second, not at every frame, which costs a fifth of a processor."""
    page.wait_for_function = partial(page.wait_for_function, polling=50)
    return page


def small_copies(folder: Path, width: int, *names: str) -> list[Path]:
    """Example photos, with all that they carry, and their maps, so many px wide: without a graphics card whole ones
    take seconds."""
    copies = [folder / name for name in names]
    for copy in copies:
        with Image.open(EXAMPLES / copy.name) as picture:
            size = width, round(width * picture.height / picture.width)
            picture.resize(size).save(copy, exif=picture.getexif(), icc_profile=picture.info.get("icc_profile"))
    return copies
