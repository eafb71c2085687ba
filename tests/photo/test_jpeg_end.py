"""JPEG files that lack their end: shown with what is there, and what is missing is counted."""

import io

import numpy as np
import pytest
from PIL import Image

from wideopen import PhotoError
from wideopen.photo.files import decode

HEIGHT, WIDTH = 640, 320


def jpeg(mode: str = "RGB", **options: object) -> bytes:
    """Noise on a ramp, so that each block has its share of the bytes."""
    rng = np.random.default_rng(1)
    ramp = np.linspace(60, 180, HEIGHT)[:, None, None]
    pixels = (ramp + rng.normal(0, 25, (HEIGHT, WIDTH, 3))).clip(0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(buffer, "JPEG", quality=90, **options)
    return buffer.getvalue()


KINDS = {
    "4:2:0": jpeg(subsampling=2),
    "4:4:4": jpeg(subsampling=0),
    "grey": jpeg("L"),
    "CMYK": jpeg("CMYK"),
    "restarts": jpeg(restart_marker_rows=1),
    "restarts everywhere": jpeg(restart_marker_blocks=2),
}


@pytest.mark.parametrize("kind", [*KINDS, "progressive"])
def test_without_its_end_alone(kind: str) -> None:
    """Every pixel is there, and none is another."""
    whole = KINDS.get(kind) or jpeg(progressive=True)
    found = decode(whole[:-2])
    np.testing.assert_array_equal(found.pixels, decode(whole).pixels)
    assert "is cut short: no row is missing" in found.notices
    np.testing.assert_array_equal(decode(whole[:-1]).pixels, found.pixels)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("percent", [1, 2, 4])
def test_rows_that_are_there(kind: str, percent: int) -> None:
    """The notice counts rows' worth of pixels; above them, pixels are the whole photo's; below, they are grey."""
    whole = KINDS[kind]
    found, expected = decode(whole[: len(whole) * (100 - percent) // 100]), decode(whole).pixels
    (notice,) = [remark for remark in found.notices if "cut short" in remark]
    missing = int(notice.split()[5])
    assert notice == f"is cut short: the last {missing} of its {HEIGHT} rows are missing and stay grey"
    assert missing == pytest.approx(HEIGHT * percent / 100, abs=3.5)
    differs = (found.pixels != expected).any(axis=2)
    # Rows are coded in bands of up to 16; of one cut through, the left part is there. Colour is smoothed by a row.
    assert not differs[: HEIGHT - missing - 17].any()
    assert differs.sum() / WIDTH == pytest.approx(missing, abs=3.5)
    assert np.ptp(found.pixels[-1, -8:], axis=0).max() == 0


@pytest.mark.parametrize("kind", [*KINDS, "progressive"])
@pytest.mark.parametrize("percent", [8, 30, 60, 99])
def test_too_little_is_refused(kind: str, percent: int) -> None:
    whole = KINDS.get(kind) or jpeg(progressive=True)
    with pytest.raises(PhotoError, match="damaged|cut short") as caught:
        decode(whole[: len(whole) * (100 - percent) // 100], "p.jpg")
    text = str(caught.value)
    assert text.startswith("p.jpg: ") and text.endswith("; get a whole copy") and "bytes not processed" not in text


def test_progressive_lacks_the_last_details_alone() -> None:
    """Its last scan refines brightness: where that is missing, the picture is there, less fine."""
    whole = jpeg(progressive=True)
    found, expected = decode(whole[: len(whole) * 99 // 100]), decode(whole).pixels
    assert any("rows lack their finest details" in remark for remark in found.notices)
    assert 0 < np.abs(found.pixels.astype(int) - expected).mean(axis=(1, 2)).max() < 12


def test_headers_cut_or_false() -> None:
    """Lengths that are not true are refused like any damage."""
    whole = KINDS["4:2:0"]
    for end in range(2, whole.index(b"\xff\xda") + 12):
        with pytest.raises(PhotoError):
            decode(whole[:end])
    at = whole.index(b"\xff\xda")
    with pytest.raises(PhotoError):
        decode(whole[:at] + b"\xff\xda\0\x02" + whole[at + 14 : -2])
