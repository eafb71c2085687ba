"""HEIC photos, written and read by pillow-heif alone on the other side."""

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageCms

from wideopen import OutputError, PhotoError
from wideopen.photo.files import decode, load, save
from wideopen.photo.photo import Photo

ICC = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
XMP = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><b>sunset</b></x:xmpmeta>'


def draw(channels: int = 3, dtype: type = np.uint8) -> NDArray:
    y, x = np.mgrid[:96, :130] / 226
    image = np.stack([0.2 + 0.7 * x, 0.9 - 0.8 * y, 0.3 + 0.5 * x * y, 0.4 + 0.6 * y], axis=2)[..., :channels]
    return np.rint(image.squeeze() * np.iinfo(dtype).max).astype(dtype)


def tags(orientation: int = 1) -> Image.Exif:
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = orientation, "Maker"
    exif.get_ifd(0x8769).update({0x9003: "2020:05:06 07:08:09"})
    return exif


def by_pillow(pixels: NDArray, **options: object) -> bytes:
    file, buffer = pillow_heif.from_pillow(Image.fromarray(pixels)), io.BytesIO()
    file.save(buffer, quality=-1, chroma=444, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("orientation", range(1, 9))
def test_read_upright_with_all_that_belongs_to_it(tmp_path: Path, orientation: int) -> None:
    data = by_pillow(draw(), exif=tags(orientation).tobytes(), icc_profile=ICC, xmp=XMP)
    photo = decode(data)
    with Image.open(io.BytesIO(data)) as image:
        np.testing.assert_array_equal(photo.pixels, np.asarray(image), err_msg="turned by pillow-heif, once")
    assert (photo.pixels.shape[0] > photo.pixels.shape[1]) == (orientation > 4)
    save(photo, tmp_path / "out.heic")
    with Image.open(tmp_path / "out.heic") as image:
        assert image.info["icc_profile"] == ICC and b"sunset" in image.info["xmp"]
        assert image.getexif()[0x0112] == 1 and image.getexif()[0x010F] == "Maker"
        assert image.getexif().get_ifd(0x8769)[0x9003] == "2020:05:06 07:08:09"
        assert np.abs(np.asarray(image).astype(int) - photo.pixels).mean() < 2
    save(photo, tmp_path / "out.jpg")
    assert load(tmp_path / "out.jpg").pixels.shape == photo.pixels.shape


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_ten_bits_become_sixteen(tmp_path: Path, channels: int) -> None:
    mode = {1: "I;16", 3: "RGB;16", 4: "RGBA;16"}[channels]
    pixels, buffer = draw(channels, np.uint16), io.BytesIO()
    pixels[:8, :8] = 65535
    pillow_heif.from_bytes(mode, (130, 96), pixels.tobytes()).save(buffer, quality=-1, chroma=444)
    photo = decode(buffer.getvalue())
    assert photo.pixels.dtype == np.uint16 and photo.grey == (channels == 1)
    colour = pixels[..., :3] if channels > 1 else pixels[..., None]
    assert np.abs(photo.pixels.astype(int) - colour).max() <= 3 * 64
    assert photo.pixels[:8, :8].min() >= 65535 - 2 * 64
    assert (photo.alpha is None) == (channels < 4)
    save(photo, tmp_path / "out.heic", quality=100)
    again = load(tmp_path / "out.heic")
    assert again.pixels.dtype == np.uint16 and again.grey == photo.grey
    assert np.abs(again.pixels.astype(int) - photo.pixels).mean() < 256
    save(photo, tmp_path / "out.png")
    np.testing.assert_array_equal(load(tmp_path / "out.png").pixels, photo.pixels)


def test_grey_and_alpha(tmp_path: Path) -> None:
    grey = decode(by_pillow(draw(1)))
    assert grey.grey and np.abs(grey.pixels[..., 1].astype(int) - draw(1)).max() <= 1
    photo = Photo(draw(), alpha=draw(1))
    save(photo, tmp_path / "out.heif", quality=100)
    again = load(tmp_path / "out.heif")
    assert again.alpha is not None and np.abs(again.alpha.astype(int) - draw(1)).max() <= 3


def test_cut_anywhere() -> None:
    data = by_pillow(np.random.default_rng(0).integers(0, 256, (160, 160, 3), np.uint8))
    for part in range(1, 20):
        with pytest.raises(PhotoError) as caught:
            decode(data[: len(data) * part // 20])
        assert "\n" not in str(caught.value)


def test_other_containers_are_no_photos() -> None:
    film = b"\0\0\0\x18ftypisom" + bytes(40)
    with pytest.raises(PhotoError, match="not a JPEG, PNG, TIFF, WebP, AVIF, HEIF or JPEG XL photo"):
        decode(film)


def test_without_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photo.heic").write_bytes(by_pillow(draw()))
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(PhotoError, match=r'photo.heic: .* pip install "wideopen\[heif\]"'):
        load(tmp_path / "photo.heic")
    with pytest.raises(OutputError, match=r'out.heic: .* pip install "wideopen\[heif\]"'):
        save(Photo(draw()), tmp_path / "out.heic")


def test_not_imported_for_others() -> None:
    code = (
        "import io, sys\nfrom PIL import Image\nfrom wideopen.photo.files import decode\n"
        "buffer = io.BytesIO()\nImage.new('RGB', (8, 8)).save(buffer, 'PNG')\ndecode(buffer.getvalue())\n"
        "print('pillow_heif' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"
