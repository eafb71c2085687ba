"""Small photos as other programs write them: Pillow, libheif, OpenCV, tifffile, libvips.

All show the same drawing, stored turned so that it is upright by the orientation they state.
"""

import io
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import pillow_heif
import pyvips
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageCms

HEIGHT, WIDTH = 64, 96
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
P3 = bytes(pyvips.Image.profile_load("p3"))
CMYK = bytes(pyvips.Image.profile_load("cmyk"))
STORED: dict[int, Callable[[NDArray], NDArray]] = {
    1: lambda image: image,
    2: np.fliplr,
    3: lambda image: np.rot90(image, 2),
    4: np.flipud,
    5: lambda image: np.swapaxes(image, 0, 1),
    6: lambda image: np.rot90(image, 1),
    7: lambda image: np.rot90(np.swapaxes(image, 0, 1), 2),
    8: lambda image: np.rot90(image, -1),
}
"""What takes an upright picture to the one that a file of that orientation stores."""


@dataclass(frozen=True)
class Case:
    """One file and what must be found in it."""

    name: str
    make: Callable[[], bytes]
    format: str
    written: str
    """Suffix that results are written with."""
    bits: int = 8
    kept_bits: int = 8
    """In what is written."""
    grey: bool = False
    alpha: bool = False
    icc: bytes = b""
    orientation: int = 1
    off: float = 0
    """Mean difference from the drawing allowed, of 255."""
    notice: str = ""

    def __str__(self) -> str:
        return self.name


def drawing(grey: bool = False) -> NDArray:
    """HxWx4 in [0, 1]: smooth colours, a marked corner, and a cover that falls to the right."""
    y, x = np.mgrid[:HEIGHT, :WIDTH] / WIDTH
    image = np.stack([0.2 + 0.6 * x, 0.8 - 0.9 * y, 0.3 + 0.5 * x * y, 1 - 0.7 * x], axis=2)
    image[:16, :24, :3] = 0.9, 0.6, 0.5
    if grey:
        image[..., :3] = image[..., :1]
    return image


def stored(channels: int, dtype: type = np.uint8, orientation: int = 1) -> NDArray:
    """HxW(xC), C = 1 .. 4 (2: grey and cover), as a file of that orientation holds the drawing."""
    image = drawing(channels <= 2)[..., {1: [0], 2: [0, 3], 3: [0, 1, 2], 4: [0, 1, 2, 3]}[channels]]
    values = np.rint(image * np.iinfo(dtype).max).astype(dtype)
    return np.ascontiguousarray(STORED[orientation](values).squeeze())


def exif(orientation: int) -> Image.Exif:
    """Tags of a camera."""
    tags = Image.Exif()
    tags[0x0112], tags[0x010F], tags[0x013B], tags[0x0131] = orientation, "Maker", "Ansel", "Firmware 1.02 of a camera"
    tags.get_ifd(0x8769).update({0x829A: 0.004, 0x9003: "2020:05:06 07:08:09", 0xA002: WIDTH, 0xA003: HEIGHT})
    tags.get_ifd(0x8825).update({1: "N", 2: (48.0, 8.0, 15.0)})
    return tags


def pillow(format: str, image: NDArray | Image.Image, orientation: int = 1, **options: Any) -> bytes:
    buffer = io.BytesIO()
    image = image if isinstance(image, Image.Image) else Image.fromarray(image)
    image.save(buffer, format, exif=exif(orientation), **options)
    return buffer.getvalue()


def heic(image: NDArray, orientation: int = 1, **options: Any) -> bytes:
    buffer = io.BytesIO()
    if image.dtype == np.uint16:
        mode = {2: "I;16", 3: "RGB;16"}[image.ndim]
        file = pillow_heif.from_bytes(mode, (image.shape[1], image.shape[0]), image.tobytes())
    else:
        file = pillow_heif.from_pillow(Image.fromarray(image))
    file.save(buffer, quality=95, exif=exif(orientation).tobytes(), **options)
    return buffer.getvalue()


def opencv(suffix: str, image: NDArray, *options: int) -> bytes:
    if image.ndim == 3:
        image = cv2.cvtColor(image, cv2.COLOR_RGB2BGR if image.shape[2] == 3 else cv2.COLOR_RGBA2BGRA)
    done, data = cv2.imencode(suffix, image, options)
    assert done
    return data.tobytes()


def tiff(image: NDArray, orientation: int = 1, **options: Any) -> bytes:
    buffer = io.BytesIO()
    tag = [(0x0112, 3, 1, orientation, True)]
    tifffile.imwrite(buffer, image, extratags=tag, **{"photometric": "rgb", **options})
    return buffer.getvalue()


def vips(saver: str, image: NDArray, orientation: int = 1, icc: bytes = b"", **options: Any) -> bytes:
    made = pyvips.Image.new_from_array(image)
    kinds = ("b-w", "b-w", "srgb", "srgb") if image.dtype == np.uint8 else ("grey16", "grey16", "rgb16", "rgb16")
    made = made.copy(interpretation=kinds[made.bands - 1])
    return vips_save(made, saver, orientation, icc, **options)


def vips_save(made: Any, saver: str, orientation: int = 1, icc: bytes = b"", **options: Any) -> bytes:
    made = made.copy()
    made.set_type(pyvips.GValue.gint_type, "orientation", orientation)
    if icc:
        made.set_type(pyvips.GValue.blob_type, "icc-profile-data", icc)
    return bytes(getattr(made, f"{saver}save_buffer")(**options))


def vips_cmyk(saver: str, deep: bool = False, **options: Any) -> bytes:
    made = pyvips.Image.new_from_array(stored(3)).copy(interpretation="srgb")
    made = made.icc_transform("cmyk", input_profile="srgb", depth=16 if deep else 8)
    return vips_save(made, saver, 1, CMYK, **options)


def dng(orientation: int = 1) -> bytes:
    """A camera's RAW: the drawing's light through a Bayer pattern, 12 bits, with a black level and a white balance."""
    light = drawing()[..., :3] ** 2.2 / np.array([2.0, 1.0, 1.5])  # As the sensor sees it, less red and blue.
    light = np.ascontiguousarray(STORED[orientation](light))
    mosaic = light[..., 1].copy()
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = light[0::2, 0::2, 0], light[1::2, 1::2, 2]
    xyz_to_srgb = (3.2406, -1.5372, -0.4986, -0.9689, 1.8758, 0.0415, 0.0557, -0.204, 1.057)
    seen = np.array(xyz_to_srgb).reshape(3, 3) / np.array([[2.0], [1.0], [1.5]])
    tags = [
        (0x0112, 3, 1, orientation, True),
        (0x010F, 2, 0, "Maker", True),
        (33421, 3, 2, (2, 2), True),  # CFARepeatPatternDim
        (33422, 1, 4, bytes([0, 1, 1, 2]), True),  # CFAPattern
        (50706, 1, 4, bytes([1, 4, 0, 0]), True),  # DNGVersion
        (50708, 2, 0, "Maker Camera", True),  # UniqueCameraModel
        (50714, 3, 1, 64, True),  # BlackLevel
        (50717, 3, 1, 4095, True),  # WhiteLevel
        (50721, 10, 9, [number for v in seen.ravel() for number in (round(v * 10000), 10000)], True),  # ColorMatrix1
        (50728, 5, 3, (1, 2, 1, 1, 2, 3), True),  # AsShotNeutral
        (50778, 3, 1, 21, True),  # CalibrationIlluminant1: D65
    ]
    buffer = io.BytesIO()
    tifffile.imwrite(buffer, np.rint(64 + mosaic * 4031).astype(np.uint16), photometric=32803, extratags=tags)
    return buffer.getvalue()


def motion_photo() -> bytes:
    """A JPEG with a film behind it, as phones write them."""
    packet = (
        b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        b'<rdf:Description rdf:about="" xmlns:GCamera="http://ns.google.com/photos/1.0/camera/" '
        b'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4" GCamera:MotionPhoto="1" '
        b'GCamera:MotionPhotoVersion="1"/></rdf:RDF></x:xmpmeta>'
    )
    film = b"\0\0\0\x18ftypmp42" + bytes(2000)
    return pillow("JPEG", stored(3), quality=95, xmp=packet) + film


def cases() -> Iterator[Case]:
    yield from _by_pillow()
    yield from _by_libheif()
    yield from _by_opencv()
    yield from _by_tifffile()
    yield from _by_vips()
    for orientation in (1, 6):
        yield Case(f"dng-{orientation}", lambda o=orientation: dng(o), "RAW", ".tif", 16, 16, orientation=orientation,
                   off=6, notice="developed")  # fmt: skip


def _by_pillow() -> Iterator[Case]:
    for turn in range(1, 9):
        icc, grey = (b"", SRGB, P3)[turn % 3], turn == 4
        options: dict[str, Any] = {"quality": 92, "progressive": turn == 2, "icc_profile": icc or None}
        if not grey:
            options["subsampling"] = turn % 3
        channels = 1 if grey else 3
        yield Case(f"pillow-jpeg-{turn}", lambda t=turn, c=channels, o=options: pillow("JPEG", stored(c, orientation=t),
                   t, **o), "JPEG", ".jpg", grey=grey, icc=icc, orientation=turn, off=3)  # fmt: skip
    for turn, mode in enumerate(("RGB", "RGBA", "L", "LA", "P", "PA", "1", "RGB"), start=1):
        yield _pillow_mode("PNG", ".png", turn, mode, icc_profile=(P3, None)[turn % 2])
    for turn, (mode, compression) in enumerate(
        (("RGB", "raw"), ("RGB", "tiff_lzw"), ("RGBA", "tiff_adobe_deflate"), ("L", "packbits"), ("P", "raw"),
         ("1", "group4"), ("RGB", "jpeg"), ("I;16", "tiff_lzw")), start=1,
    ):  # fmt: skip
        yield _pillow_mode("TIFF", ".tif", turn, mode, compression=compression, icc_profile=(P3, None)[turn % 2])
    yield _pillow_mode("WEBP", ".webp", 1, "RGB", icc_profile=P3, quality=95)
    yield _pillow_mode("WEBP", ".webp", 8, "RGBA", icc_profile=None, quality=95)
    yield _pillow_mode("WEBP", ".webp", 5, "RGB", icc_profile=None, lossless=True)
    yield _pillow_mode("AVIF", ".avif", 1, "RGB", icc_profile=P3, quality=95, subsampling="4:4:4")
    yield _pillow_mode("AVIF", ".avif", 7, "RGB", icc_profile=None, quality=95)
    yield _pillow_mode("AVIF", ".avif", 2, "RGBA", icc_profile=None, quality=95)
    yield Case("pillow-mpo", lambda: pillow("MPO", stored(3), quality=95, **several()), "JPEG", ".jpg", off=3,
               notice="holds several pictures: the main one")  # fmt: skip
    yield Case("pillow-pages", lambda: _pillow_pages(), "TIFF", ".tif", notice="holds several pictures: the first")
    yield Case("pillow-apng", lambda: pillow("PNG", stored(3), **several()), "PNG", ".png", notice="holds 2 pictures")
    yield Case("pillow-film", lambda: pillow("WEBP", stored(3), lossless=True, **several()), "WEBP", ".webp",
               notice="holds 2 pictures")  # fmt: skip
    yield Case(
        "pillow-gif", lambda: _pillow_gif(), "GIF", ".png", off=6, notice="holds several pictures: the first one"
    )
    yield Case("pillow-bmp", lambda: pillow("BMP", stored(3)), "BMP", ".png", notice="is a BMP")
    yield Case("pillow-cmyk", lambda: pillow("JPEG", Image.fromarray(stored(3)).convert("CMYK"), quality=98), "JPEG",
               ".jpg", off=4, notice="CMYK without")  # fmt: skip
    yield Case("motion-photo", motion_photo, "JPEG", ".jpg", off=3, notice="is a motion photo: the film is left out")


def _pillow_mode(format: str, suffix: str, turn: int, mode: str, **options: Any) -> Case:
    grey = mode in ("1", "L", "LA", "I;16")
    alpha = mode in ("RGBA", "LA", "PA")
    deep = mode == "I;16"

    def make() -> bytes:
        channels = (2 if alpha else 1) if grey else (4 if alpha else 3)
        if deep:
            return pillow(format, stored(1, np.uint16, turn), turn, **options)
        if mode == "P":
            return pillow(format, Image.fromarray(stored(3, orientation=turn)).quantize(200), turn, **options)
        if mode == "PA":
            image = Image.fromarray(stored(3, orientation=turn)).quantize(200)
            return pillow(format, image, turn, transparency=bytes([128] * 200), **options)
        image = Image.fromarray(stored(channels, orientation=turn))
        return pillow(format, image.convert("1") if mode == "1" else image, turn, **options)

    lossy = format in ("WEBP", "AVIF") and "lossless" not in options or options.get("compression") == "jpeg"
    off = {"P": 4, "PA": 4, "1": 130}.get(mode, 4 if lossy else 0)
    bits = 16 if deep else 8
    return Case(f"pillow-{format.lower()}-{mode}-{turn}", make, format, suffix, bits, bits, grey, alpha,
                options["icc_profile"] or b"", turn, off)  # fmt: skip


def several() -> dict[str, Any]:
    """What makes Pillow write a second picture behind the first."""
    return {"save_all": True, "append_images": [Image.fromarray(255 - stored(3))]}


def _pillow_pages() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(stored(3)).save(buffer, "TIFF", **several())
    return buffer.getvalue()


def _pillow_gif() -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(stored(3)).quantize(200).save(buffer, "GIF", **several())
    return buffer.getvalue()


def _by_libheif() -> Iterator[Case]:
    for turn in (1, 6, 4):
        yield Case(f"heic-{turn}", lambda t=turn: heic(stored(3, orientation=t), t, icc_profile=P3), "HEIF", ".heic",
                   icc=P3, orientation=turn, off=3)  # fmt: skip
    yield Case("heic-ten-bits", lambda: heic(stored(3, np.uint16)), "HEIF", ".heic", 16, 16, off=3)
    yield Case("heic-alpha", lambda: heic(stored(4)), "HEIF", ".heic", alpha=True, off=4)
    yield Case("heic-grey", lambda: heic(stored(1)), "HEIF", ".heic", grey=True, off=3)


def _by_opencv() -> Iterator[Case]:
    deep = np.uint16
    yield Case("opencv-jpeg", lambda: opencv(".jpg", stored(3), cv2.IMWRITE_JPEG_QUALITY, 95), "JPEG", ".jpg", off=3)
    yield Case("opencv-webp", lambda: opencv(".webp", stored(3), cv2.IMWRITE_WEBP_QUALITY, 95), "WEBP", ".webp", off=4)
    yield Case("opencv-bmp", lambda: opencv(".bmp", stored(3)), "BMP", ".png", notice="is a BMP")
    for channels, grey, alpha in ((1, True, False), (3, False, False), (4, False, True)):
        for suffix, format in ((".png", "PNG"), (".tif", "TIFF")):
            yield Case(f"opencv-16{suffix}-{channels}", lambda s=suffix, c=channels: opencv(s, stored(c, deep)), format,
                       suffix, 16, 16, grey, alpha)  # fmt: skip
    for bits in (10, 12):
        yield Case(f"opencv-avif-{bits}", lambda b=bits: opencv(".avif", stored(3, deep) >> (16 - b),
                   cv2.IMWRITE_AVIF_DEPTH, b, cv2.IMWRITE_AVIF_QUALITY, 95), "AVIF", ".avif", 16, 16,
                   off=2)  # fmt: skip


def _by_tifffile() -> Iterator[Case]:
    deep = np.uint16
    yield Case("tifffile-planes", lambda: tiff(np.moveaxis(stored(3, deep), 2, 0), planarconfig="separate"), "TIFF",
               ".tif", 16, 16)  # fmt: skip
    yield Case("tifffile-planes-big-endian", lambda: tiff(np.moveaxis(stored(4, deep), 2, 0), planarconfig="separate",
               byteorder=">", rowsperstrip=16, extrasamples=[2]), "TIFF", ".tif", 16, 16, alpha=True)  # fmt: skip
    yield Case("tifffile-big-endian", lambda: tiff(stored(3, deep, 6), 6, byteorder=">"), "TIFF", ".tif", 16, 16,
               orientation=6)  # fmt: skip
    yield Case(
        "tifffile-tiles", lambda: tiff(stored(3, deep), tile=(32, 32), compression="zlib"), "TIFF", ".tif", 16, 16
    )
    yield Case("tifffile-profile", lambda: tiff(stored(3, deep), iccprofile=P3), "TIFF", ".tif", 16, 16, icc=P3)
    yield Case("tifffile-white-is-zero", lambda: tiff(65535 - stored(1, deep), photometric="miniswhite"), "TIFF",
               ".tif", 16, 16, grey=True)  # fmt: skip
    yield Case("tifffile-white-is-zero-8", lambda: tiff(255 - stored(1), photometric="miniswhite"), "TIFF", ".tif",
               grey=True)  # fmt: skip
    yield Case("tifffile-big", lambda: tiff(stored(3), bigtiff=True), "TIFF", ".tif")


def _by_vips() -> Iterator[Case]:
    deep = np.uint16
    yield Case("vips-jpeg-p3", lambda: vips("jpeg", stored(3, orientation=3), 3, P3, Q=95, subsample_mode="off"),
               "JPEG", ".jpg", icc=P3, orientation=3, off=3)  # fmt: skip
    yield Case("vips-jpeg-progressive", lambda: vips("jpeg", stored(3), Q=85, interlace=True, restart_interval=4),
               "JPEG", ".jpg", off=4)  # fmt: skip
    yield Case("vips-jpeg-grey", lambda: vips("jpeg", stored(1), Q=95), "JPEG", ".jpg", grey=True, off=3)
    yield Case("vips-jpeg-cmyk", lambda: vips_cmyk("jpeg", Q=95), "JPEG", ".jpg", off=8, notice="through its profile")
    yield Case("vips-tiff-cmyk", lambda: vips_cmyk("tiff"), "TIFF", ".tif", off=8, notice="through its profile")
    yield Case(
        "vips-tiff-cmyk-16", lambda: vips_cmyk("tiff", deep=True), "TIFF", ".tif", off=8, notice="16 bits of CMYK"
    )
    yield Case("vips-png-16", lambda: vips("png", stored(3, deep), 1, P3), "PNG", ".png", 16, 16, icc=P3)
    yield Case("vips-png-grey-alpha-16", lambda: vips("png", stored(2, deep)), "PNG", ".png", 16, 16, True, True)
    yield Case("vips-png-palette", lambda: vips("png", stored(3), palette=True, Q=100), "PNG", ".png", off=5)
    yield Case("vips-png-interlaced", lambda: vips("png", stored(4), interlace=True), "PNG", ".png", alpha=True)
    yield Case("vips-tiff-16", lambda: vips("tiff", stored(3, deep), 1, P3, compression="lzw", predictor="horizontal"),
               "TIFF", ".tif", 16, 16, icc=P3)  # fmt: skip
    yield Case("vips-tiff-tiles", lambda: vips("tiff", stored(4), tile=True, tile_width=32, tile_height=32), "TIFF",
               ".tif", alpha=True)  # fmt: skip
    yield Case("vips-tiff-premultiplied", lambda: vips("tiff", stored(4), premultiply=True), "TIFF", ".tif", alpha=True,
               off=2)  # fmt: skip
    yield Case("vips-tiff-premultiplied-16", lambda: vips("tiff", stored(4, deep), premultiply=True), "TIFF", ".tif",
               16, 16, alpha=True, off=0.1)  # fmt: skip
    yield Case("vips-tiff-jpeg", lambda: vips("tiff", stored(3), compression="jpeg", Q=95), "TIFF", ".tif", off=4)
    yield Case("vips-tiff-pyramid", lambda: vips("tiff", stored(3), pyramid=True, tile=True, tile_width=32,
               tile_height=32), "TIFF", ".tif", notice="holds")  # fmt: skip
    yield Case("vips-webp-lossless", lambda: vips("webp", stored(3, orientation=6), 6, P3, lossless=True), "WEBP",
               ".webp", icc=P3, orientation=6)  # fmt: skip
    yield Case("vips-webp-alpha", lambda: vips("webp", stored(4), Q=95), "WEBP", ".webp", alpha=True, off=4)
    yield Case("vips-avif", lambda: vips("heif", stored(3, orientation=8), 8, P3, compression="av1", Q=95), "AVIF",
               ".avif", icc=P3, orientation=8, off=4)  # fmt: skip
    yield Case("vips-avif-10", lambda: vips("heif", stored(3, deep), compression="av1", bitdepth=10, Q=95), "AVIF",
               ".avif", off=4, notice="10 bits are read as 8")  # fmt: skip
    yield Case("vips-gif", lambda: vips("gif", stored(3)), "GIF", ".png", off=8, notice="is a GIF")


def png_chunk(kind: bytes, body: bytes) -> bytes:
    import zlib

    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


CASES = list(cases())
