"""Camera RAW: a DNG of our own making, developed by LibRaw."""

import struct
import subprocess
import sys
from pathlib import Path
from unittest import mock

import numpy as np
import pytest
import rawpy
from PIL import Image

from other_programs import dng, drawing, pillow, stored, tiff
from wideopen import PhotoError, Renderer, RenderOptions
from wideopen.photo.files import decode, kept_suffix, load, photo_suffixes
from wideopen.photo.raw import develop, is_raw
from wideopen.render.side_files import output_path


def test_developed_with_the_cameras_white_balance() -> None:
    """Greys are grey although the sensor saw little red and blue, in 16 bits with sRGB's curve."""
    photo = decode(dng())
    expected = drawing()[..., :3] ** 2.2
    light = np.where(
        photo.pixels / 65535 <= 0.04045, photo.pixels / 65535 / 12.92, ((photo.pixels / 65535 + 0.055) / 1.055) ** 2.4
    )
    inner = np.s_[20:-4, 28:-4]  # Away from the corner that may be clipped, and the frame.
    ratio = light[inner] / expected[inner]
    assert np.abs(np.median(ratio, axis=(0, 1)) / np.median(ratio) - 1).max() < 0.03, "no channel is stronger"
    assert ratio.std() / ratio.mean() < 0.1
    assert len(np.unique(photo.pixels)) > 1000 and photo.curve is None
    assert photo.notices == ("is a camera RAW: developed with the camera's white balance",)


def test_tags_are_kept(tmp_path: Path, model: Path) -> None:
    (tmp_path / "photo.dng").write_bytes(dng(8))
    written = Renderer(RenderOptions(model=model)).render_file(
        tmp_path / "photo.dng", output_path(tmp_path / "photo.dng")
    )
    assert written.name == "photo-bokeh.tif" and load(written).pixels.dtype == np.uint16
    with Image.open(written) as image:
        assert (image.getexif()[0x010F], image.getexif().get(0x0112, 1)) == ("Maker", 1)
        assert image.size == (96, 64) and 50706 not in image.getexif()


@pytest.mark.parametrize("part", range(1, 20))
def test_cut_short(part: int) -> None:
    data = dng()
    with pytest.raises(PhotoError) as caught:
        decode(data[: len(data) * part // 20], "photo.dng")
    assert str(caught.value).startswith("photo.dng: ") and "\n" not in str(caught.value)


def directory(*tags: tuple[int, int, int, int]) -> bytes:
    entries = b"".join(struct.pack("<HHII", *tag) for tag in tags)
    return b"II*\0" + struct.pack("<IH", 8, len(tags)) + entries + bytes(200)


def test_told_from_others() -> None:
    preview, below = (254, 4, 1, 1), (330, 4, 1, 150)
    starts = (b"FUJIFILMCCD-RAW ", b"IIU\0", b"\0\0\0\x18ftypcrx ", b"II*\0\x10\0\0\0CR\x02\0")
    told = (dng(), directory(preview, below), directory((262, 3, 1, 32803)))
    for data in (*told, *(start + bytes(99) for start in starts)):
        assert is_raw(data)
    layered = directory((254, 4, 1, 0), below)  # A TIFF of several sizes is no RAW, unless its name says so.
    assert not is_raw(layered, ".tif") and is_raw(layered, ".NEF")
    for data in (
        tiff(stored(3)),
        pillow("JPEG", stored(3)),
        pillow("PNG", stored(3)),
        b"",
        b"II*\0",
        directory(preview),
    ):
        assert not is_raw(data, ".nef")


def test_where_results_go() -> None:
    names = {"a.dng": ".tif", "b.NEF": ".tif", "c.gif": ".png", "d.bmp": ".png", "e.JPG": ".JPG", "f.avif": ".avif"}
    assert {name: kept_suffix(Path(name)) for name in names} == names


def test_what_photos_are_called(monkeypatch: pytest.MonkeyPatch) -> None:
    common = {".jpg", ".jpeg", ".png", ".tif", ".webp", ".avif", ".heic", ".gif", ".bmp"}
    assert common | {".dng", ".nef", ".cr3"} <= photo_suffixes()
    monkeypatch.setattr("wideopen.photo.raw.is_readable", lambda: False)
    assert common <= photo_suffixes() and ".nef" not in photo_suffixes()


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "rawpy", None)
    with pytest.raises(PhotoError, match=r'photo\.dng: is a camera RAW.* pip install "wideopen\[raw\]"'):
        decode(dng(), "photo.dng")


def test_not_imported_for_others() -> None:
    code = (
        "import io, sys\nfrom PIL import Image\nfrom wideopen.photo.files import decode\n"
        "buffer = io.BytesIO()\nImage.new('RGB', (8, 8)).save(buffer, 'TIFF')\ndecode(buffer.getvalue())\n"
        "print('rawpy' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_raw_is_developed_into_srgb_of_sixteen_bits() -> None:
    """By IEC 61966-2-1: the 2.4th power, and a line of 12.92 in the shadows; as the camera balanced white."""
    opened = mock.Mock()
    assert develop(opened) is opened.postprocess.return_value
    (how,) = (call.kwargs for call in opened.postprocess.call_args_list)
    assert how == {
        "use_camera_wb": True, "output_bps": 16, "output_color": rawpy.ColorSpace.sRGB, "gamma": (2.4, 12.92),
        "auto_bright_thr": 0.001,
    }  # fmt: skip
