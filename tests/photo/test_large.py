"""Large files: JPEG and HEIC read without Pillow, JPEG written in strips; the same picture as by it at once."""

import io
from pathlib import Path
from unittest import mock

import numpy as np
import pillow_heif
import pytest
from PIL import Image, JpegImagePlugin

from wideopen import PhotoError, Renderer, RenderOptions
from wideopen.photo import channels, files
from wideopen.photo.files import decode, to_bytes
from wideopen.photo.formats.jpeg_strips import encode_in_strips
from wideopen.photo.photo import Photo

pillow_heif.register_heif_opener()


def draw(height: int, width: int, grey: bool = False) -> np.ndarray:
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width] / (height + width)
    image = np.stack([x, y, x * y], axis=2) * 200 + rng.integers(0, 40, (height, width, 3))
    return image[..., 0].astype(np.uint8) if grey else image.astype(np.uint8)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize(("height", "width"), [(200, 3000), (37, 50), (1000, 16), (16, 16)])
@pytest.mark.parametrize("grey", [False, True])
def test_strips(height: int, width: int, subsampling: int, grey: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pixel for pixel as coded at once: with the same tables, and intervals of few blocks, so that there are many."""
    monkeypatch.setattr("wideopen.photo.formats.jpeg_strips._LONGEST", 400)
    pixels, options = draw(height, width, grey), {"quality": 90, "subsampling": subsampling, "comment": b"hello"}
    file = encode_in_strips(pixels, options)
    whole = io.BytesIO()
    Image.fromarray(pixels).save(whole, "JPEG", **options)
    with Image.open(io.BytesIO(file)) as found, Image.open(whole) as expected:
        np.testing.assert_array_equal(np.asarray(found), np.asarray(expected))
        assert isinstance(found, JpegImagePlugin.JpegImageFile) and found.info["comment"] == b"hello"
        assert found.quantization == expected.quantization  # type: ignore[attr-defined]


@pytest.mark.parametrize("orientation", [1, 6])
def test_large_heic(orientation: int, monkeypatch: pytest.MonkeyPatch) -> None:
    tags, buffer = Image.Exif(), io.BytesIO()
    tags[0x0112] = orientation
    Image.fromarray(draw(120, 200)).save(buffer, "HEIF", quality=95, exif=tags.tobytes())
    small = decode(buffer.getvalue())
    monkeypatch.setattr(channels, "LARGE", 1000)
    np.testing.assert_array_equal(decode(buffer.getvalue()).pixels, small.pixels)
    assert decode(to_bytes(small, "HEIF")).pixels.shape == small.pixels.shape


def test_read_and_written_so(monkeypatch: pytest.MonkeyPatch) -> None:
    """The photo of a large file is that of a small one, and what belongs to it too."""
    tags = Image.Exif()
    tags[0x010F], tags[0x0112] = "Maker", 6
    buffer = io.BytesIO()
    Image.fromarray(draw(120, 200)).save(buffer, "JPEG", quality=93, subsampling=0, exif=tags, dpi=(300, 300))
    small = decode(buffer.getvalue())
    once = to_bytes(small, "JPEG")
    monkeypatch.setattr(channels, "LARGE", 1000)
    large = decode(buffer.getvalue())
    assert np.abs(large.pixels.astype(int) - small.pixels).max() <= 1  # OpenCV brings a libjpeg of its own.
    assert (large.exif, large.tables, large.subsampling) == (small.exif, small.tables, small.subsampling)
    np.testing.assert_array_equal(decode(to_bytes(small, "JPEG")).pixels, decode(once).pixels)
    with Image.open(io.BytesIO(to_bytes(large, "JPEG"))) as image:
        assert image.getexif()[0x010F] == "Maker" and image.info["dpi"] == (300, 300)
    assert decode(to_bytes(Photo(draw(64, 80)), "JPEG", quality=80)).pixels.shape == (64, 80, 3)


def test_more_than_pillow_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow's limit stands as it was, for who else uses it in the process."""
    buffer = io.BytesIO()
    Image.fromarray(draw(100, 100)).save(buffer, "JPEG")
    monkeypatch.setattr(channels, "STRIP_PX", 1000)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 100 * 100 // 3)
    with pytest.raises(Image.DecompressionBombError):
        Image.open(buffer)
    assert decode(buffer.getvalue()).pixels.shape == (100, 100, 3)
    assert Image.MAX_IMAGE_PIXELS == 100 * 100 // 3


def test_result_written_over_the_photo(model: Path) -> None:
    """The same result, in the photo's own memory."""
    renderer = Renderer(RenderOptions(model=model))
    data = to_bytes(Photo(draw(300, 400)), "PNG")
    apart, over = (renderer.render_bytes(data, spend=spend) for spend in (False, True))
    np.testing.assert_array_equal(apart.taken.pixels, draw(300, 400))
    np.testing.assert_array_equal(over.result.pixels, apart.result.pixels)
    assert over.result.pixels is over.taken.pixels and apart.result.pixels is not apart.taken.pixels


@pytest.mark.parametrize(
    ("pixels", "length", "said"),
    [
        (250_000_000, 2_500_000, None), (250_000_001, 10**9, "is more than 250 megapixels"),
        (40_000_000, 1, None), (40_000_001, 400_000, "which no photo is"), (40_000_001, 400_001, None),
    ],
)  # fmt: skip
def test_a_file_claims_what_its_bytes_can_hold(pixels: int, length: int, said: str | None) -> None:
    """The limits of docs/photos.md, by the numbers that a header gives."""
    if said is None:
        files._check_size(pixels, 1, "photo", length)
    else:
        with pytest.raises(PhotoError, match=f"^photo: .*{pixels}x1 px.*{said}"):
            files._check_size(pixels, 1, "photo", length)


@pytest.mark.parametrize(
    ("mode", "raw", "most", "bits"),
    [
        ("RGB", "RGB", 770_000_000 // 3, 8),
        ("RGBA", "RGBA", 770_000_000 // 4, 8),
        ("RGB", "RGB;16B", 770_000_000 // 6, 16),
    ],
)
def test_pixels_take_770_mb_at_most(mode: str, raw: str, most: int, bits: int) -> None:
    class LoadedError(Exception):
        """It was let in."""

    for count, error in ((most, LoadedError), (most + 1, PhotoError)):
        image = mock.Mock(
            width=count, height=1, mode=mode, info={}, format="PNG", tile=[("zip", (0, 0, 1, 1), 0, raw)],
            load=mock.Mock(side_effect=LoadedError),
        )  # fmt: skip
        with pytest.raises(error) as caught:
            channels.read_channels(image, b"", channels.Decoder())
        assert error is LoadedError or f"{count}x1 px in {bits} bits is too large" in str(caught.value)
