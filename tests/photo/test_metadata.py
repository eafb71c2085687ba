"""What belongs to a photo, read by exiv2 and exiftool before and after: nothing lost, and nothing untrue."""

import base64
import io
import json
import shutil
import struct
import subprocess
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pyexiv2
import pytest
from PIL import ExifTags, Image

import icc
from other_programs import P3, heic, motion_photo, pillow, several, stored
from wideopen import Renderer, RenderOptions
from wideopen.photo import exif, iptc, xmp
from wideopen.photo.depth_map import DepthMap
from wideopen.photo.embedded_depth import embedded_depth
from wideopen.photo.encode import losses
from wideopen.photo.exif import take_orientation
from wideopen.photo.files import decode, load, save, to_bytes
from wideopen.photo.jpeg_parts import jpeg_parts
from wideopen.photo.photo import Photo

OFF = RenderOptions(aperture=float("inf"))
NOTE = "1 2 3 4 5 6 7 8 9 10"
EXIF = {
    "Exif.Image.Make": "Maker",
    "Exif.Image.Model": "Model X",
    "Exif.Image.ImageDescription": "a description",
    "Exif.Image.Software": "Firmware 1.02 of the camera",
    "Exif.Image.Copyright": "(c) Ansel",
    "Exif.Image.Artist": "Ansel",
    "Exif.Image.DateTime": "2020:05:06 07:08:09",
    "Exif.Image.Rating": "4",
    "Exif.Photo.ExposureTime": "1/250",
    "Exif.Photo.FNumber": "14/5",
    "Exif.Photo.LensModel": "50mm",
    "Exif.Photo.MakerNote": NOTE,
    "Exif.GPSInfo.GPSLatitudeRef": "N",
    "Exif.GPSInfo.GPSLatitude": "48/1 8/1 15/1",
    "Exif.GPSInfo.GPSAltitude": "500/1",
}
XMP = {
    "Xmp.dc.title": {'lang="x-default"': "Sunset"},
    "Xmp.dc.creator": ["Ansel"],
    "Xmp.dc.subject": ["sea", "ship"],
    "Xmp.xmp.Rating": "4",
    "Xmp.xmp.CreatorTool": "Camera",
    "Xmp.tiff.Orientation": "6",
    "Xmp.photoshop.City": "Ulm",
}
IPTC = {
    "Iptc.Application2.Caption": "Sünset",
    "Iptc.Application2.Keywords": ["sea", "ship"],
    "Iptc.Envelope.CharacterSet": "\x1b%G",
    "Iptc.Application2.City": "Ulm",
}
CHANGED = {"Exif.Image.Orientation", "Exif.Image.Software", "Xmp.tiff.Orientation", "Xmp.xmp.CreatorTool"}
LAYOUT = ("ImageWidth", "ImageLength", "StripOffsets", "StripByteCounts", "RowsPerStrip", "Compression", "Predictor",
          "BitsPerSample", "SamplesPerPixel", "PhotometricInterpretation", "PlanarConfiguration", "XResolution",
          "YResolution", "ResolutionUnit", "ExifTag", "GPSTag", "InterColorProfile", "XMLPacket",
          "IPTCNAA")  # fmt: skip


def tagged(path: Path, turn: int = 6) -> Path:
    """A photo with all kinds of metadata, put there by exiv2."""
    options = {".jpg": {"dpi": (300, 200), "quality": 92}, ".webp": {"lossless": True}}.get(
        path.suffix, {"dpi": (300, 200)}
    )
    Image.fromarray(stored(3, orientation=turn)).save(path, icc_profile=P3, **options)
    with pyexiv2.Image(str(path)) as image:
        image.modify_exif({**EXIF, "Exif.Image.Orientation": str(turn)})
        image.modify_xmp(XMP)
        if path.suffix != ".webp":
            image.modify_iptc(IPTC)
        if path.suffix == ".jpg":
            image.modify_comment("a comment")
    return path


def by_exiv2(path: Path) -> dict[str, object]:
    with pyexiv2.Image(str(path)) as image:
        found = {**image.read_exif(), **image.read_xmp(), **image.read_iptc(), "comment": image.read_comment()}
    return {key: value for key, value in found.items() if key.rpartition(".")[2] not in LAYOUT}


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_exiv2_finds_the_same(suffix: str, tmp_path: Path) -> None:
    path = tagged(tmp_path / f"photo{suffix}")
    out = Renderer(OFF).render_file(path, tmp_path / f"out{suffix}")
    before, after = by_exiv2(path), by_exiv2(out)
    assert set(EXIF) | set(XMP) <= set(before) and (suffix == ".webp" or set(IPTC) <= set(before))
    assert {key: after.get(key) for key in before if key not in CHANGED} == {
        key: value for key, value in before.items() if key not in CHANGED
    }
    assert set(after) <= set(before)
    assert after["Exif.Image.Software"] == after["Xmp.xmp.CreatorTool"] == "wideopen"
    assert after.get("Exif.Image.Orientation", "1") == after.get("Xmp.tiff.Orientation", "1") == "1"
    if suffix != ".webp":
        assert load(out).dpi == pytest.approx((200, 300), rel=1e-3), "turned with the photo"
    with Image.open(out) as image:
        assert image.info["icc_profile"] == P3


@pytest.mark.parametrize(("source", "target"), [(".jpg", ".png"), (".png", ".tif"), (".tif", ".jpg"), (".jpg", ".tif")])
def test_kept_in_another_format(source: str, target: str, tmp_path: Path) -> None:
    path = tagged(tmp_path / f"photo{source}")
    out = Renderer(OFF).render_file(path, tmp_path / f"out{target}")
    before, after = by_exiv2(path), by_exiv2(out)
    kept = (set(EXIF) | set(XMP) | set(IPTC)) - CHANGED
    assert {key: after.get(key) for key in kept} == {key: before.get(key) for key in kept}


EXIFTOOL = shutil.which("exiftool")
UNTRUE = {"Orientation", "Software", "CreatorTool", "Rotation", "ExifImageWidth", "ExifImageHeight", "ThumbnailImage",
          "ThumbnailLength", "ThumbnailOffset"}  # fmt: skip
STORED = {"ImageWidth", "ImageHeight", "ImageSize", "Megapixels", "XResolution", "YResolution", "PixelsPerUnitX",
          "PixelsPerUnitY", "Compression", "Predictor", "RowsPerStrip", "StripByteCounts", "StripOffsets",
          "ImageSpatialExtent", "MediaDataOffset", "MediaDataSize", "SourceFile"}  # fmt: skip


def by_exiftool(path: Path) -> dict[str, object]:
    command = ["exiftool", "-json", "-G1", "-a", "-s", str(path)]
    (found,) = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
    groups = ("System", "File", "ExifTool")
    return {key: value for key, value in found.items() if key.partition(":")[0] not in groups}


@pytest.mark.skipif(EXIFTOOL is None, reason="exiftool is not installed (Debian: libimage-exiftool-perl)")
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp", ".heic", ".avif"])
def test_exiftool_finds_the_same(suffix: str, tmp_path: Path) -> None:
    """All groups and tags but those that are meant to change and those that say how the file is laid out."""
    path = tmp_path / f"photo{suffix}"
    if suffix == ".heic":
        path.write_bytes(heic(stored(3, orientation=6), 6, icc_profile=P3))
    elif suffix == ".avif":
        path.write_bytes(pillow("AVIF", stored(3, orientation=6), 6, quality=90, icc_profile=P3))
    else:
        tagged(path)
    out = Renderer(OFF).render_file(path, tmp_path / f"out{suffix}")
    before, after = by_exiftool(path), by_exiftool(out)
    names = {key for key in {*before, *after} if before.get(key) != after.get(key)}
    assert {key for key in names if key.rpartition(":")[2] not in UNTRUE | STORED} == set()
    assert len(before) > 40 and after["IFD0:Software"] == "wideopen"


def test_the_thumbnail_shows_the_new_picture(tmp_path: Path) -> None:
    """And what it showed before is not left anywhere in the file."""
    old = io.BytesIO()
    Image.new("RGB", (32, 24), (250, 0, 0)).save(old, "JPEG", comment=b"the old thumbnail")
    tags = exif_with_thumbnail(old.getvalue())
    data = pillow_with(tags)
    assert b"the old thumbnail" in data and by_pillow_thumbnail(data) is not None
    photo = decode(data)
    assert photo.thumbnail
    save(photo, tmp_path / "out.jpg")
    written = (tmp_path / "out.jpg").read_bytes()
    assert b"the old thumbnail" not in written
    found = by_pillow_thumbnail(written)
    assert found is not None and max(found.size) == 160
    whole = photo.pixels.reshape(-1, 3).mean(axis=0)
    assert np.abs(np.asarray(found.convert("RGB")).reshape(-1, 3).mean(axis=0) - whole).max() < 4
    again = decode(written)
    save(again, tmp_path / "again.jpg")
    assert (tmp_path / "again.jpg").stat().st_size < len(written) + 1000, "it does not grow from one time to the next"
    save(photo, tmp_path / "out.png")
    assert b"the old thumbnail" not in (tmp_path / "out.png").read_bytes()


def exif_with_thumbnail(picture: bytes) -> bytes:
    return exif.sign(
        b"II*\0\x08\0\0\0\x01\0" + b"\x0f\x01\x02\0\x06\0\0\0\x1a\0\0\0" + bytes(4) + b"Maker\0", "Camera", picture
    )


def pillow_with(blob: bytes) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(stored(3)).save(buffer, "JPEG", exif=exif.PREFIX + blob, quality=92)
    return buffer.getvalue()


def by_pillow_thumbnail(data: bytes) -> Image.Image | None:
    with Image.open(io.BytesIO(data)) as image:
        below = image.getexif().get_ifd(ExifTags.IFD.IFD1)
        start, length = below.get(0x0201), below.get(0x0202)
        blob = image.info["exif"].removeprefix(exif.PREFIX)
    return None if start is None else Image.open(io.BytesIO(blob[start : start + length]))


@pytest.mark.parametrize("order", ["<", ">"])
def test_signing_moves_nothing(order: str) -> None:
    """Whatever a maker note points at stays where it is; only the first directory is written anew."""
    tags = Image.Exif()
    tags.endian = order
    tags[0x010F], tags[0x0112] = "Maker", 1
    tags.get_ifd(0x8769).update({0x927C: b"note at an offset", 0x9003: "2020:05:06 07:08:09"})
    blob = tags.tobytes().removeprefix(exif.PREFIX)
    signed = exif.sign(blob, "wideopen")
    assert signed[8 : len(blob)] == blob[8:] and signed.index(b"note at an offset") == blob.index(b"note at an offset")
    found = Image.Exif()
    found.load(exif.PREFIX + signed)
    assert (found[0x0131], found[0x010F], found.get_ifd(0x8769)[0x9003]) == ("wideopen", "Maker", "2020:05:06 07:08:09")
    assert len(exif.sign(signed, "wideopen")) == len(signed), "it fits where it was"
    for damaged in (b"", b"II*\0", b"rubbish" * 9, blob[:12]):
        assert exif.sign(damaged, "wideopen") == damaged


def test_a_motion_photo_does_not_speak_of_its_film(tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(motion_photo())
    photo = load(tmp_path / "photo.jpg")
    assert b"MotionPhoto" not in photo.xmp and b'xmp:Rating="4"' in photo.xmp
    ElementTree.fromstring(photo.xmp)
    save(replace(photo, film=b""), tmp_path / "out.jpg")  # As a renderer does, unless it is to be kept.
    assert b"ftyp" not in (tmp_path / "out.jpg").read_bytes()


PACKETS = {
    "attributes": b'<rdf:Description rdf:about="" xmlns:hdrgm="http://ns.adobe.com/hdr-gain-map/1.0/" '
    b'hdrgm:Version="1.0" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/>',
    "elements": b'<rdf:Description rdf:about="" xmlns:C="http://ns.google.com/photos/1.0/container/" '
    b'xmlns:I="http://ns.google.com/photos/1.0/container/item/" xmlns:xmp="http://ns.adobe.com/xap/1.0/" '
    b'xmp:Rating="4"><C:Directory><rdf:Seq><rdf:li rdf:parseType="Resource"><C:Item I:Semantic="Primary"/></rdf:li>'
    b'<rdf:li><C:Item I:Semantic="MotionPhoto" I:Length="9"/></rdf:li></rdf:Seq></C:Directory></rdf:Description>',
    "thumbnails": b'<rdf:Description xmlns:xmp="http://ns.adobe.com/xap/1.0/" rdf:about=""><xmp:Rating>4</xmp:Rating>'
    b"<xmp:Thumbnails><rdf:Alt><rdf:li>/9j/</rdf:li></rdf:Alt></xmp:Thumbnails></rdf:Description>",
    "sides": b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:ImageWidth="96" '
    b'tiff:ImageLength="64" tiff:Orientation="6" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:Rating="4"/>',
}
RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"


@pytest.mark.parametrize("name", PACKETS)
def test_packets_made_true(name: str) -> None:
    head = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    packet = head + PACKETS[name] + b"</rdf:RDF></x:xmpmeta>"
    made = xmp.make_true(packet, 6)
    tree = ElementTree.fromstring(made)
    (said,) = tree.iter(f"{RDF}Description")
    left = {key for element in said.iter() for key in [*element.attrib, element.tag]} - {f"{RDF}Description"}
    rating, sides = "{http://ns.adobe.com/xap/1.0/}Rating", "{http://ns.adobe.com/tiff/1.0/}"
    if name == "sides":
        found = [said.get(f"{sides}{key}") for key in ("ImageWidth", "ImageLength", "Orientation")]
        assert found == ["64", "96", "1"]
        left -= {f"{sides}{key}" for key in ("ImageWidth", "ImageLength", "Orientation")}
    assert left == {f"{RDF}about", rating}
    assert xmp.says_anything(made)
    assert name == "sides" or not xmp.says_anything(
        made.replace(b'xmp:Rating="4"', b"").replace(b"<xmp:Rating>4</xmp:Rating>", b"")
    )


def test_a_long_packet_goes_on_in_a_second_one(tmp_path: Path) -> None:
    """The extension of a JPEG's packet, but for the depth and the pictures in it, is kept and linked."""
    head = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    history = b"step " * 30_000
    extension = head + b'<rdf:Description xmlns:d="urn:d" d:History="' + history + b'" xmlns:GImage="http://ns.google.com/photos/1.0/image/" GImage:Data="' + b"QUJD" * 9000 + b'"/></rdf:RDF></x:xmpmeta>'  # fmt: skip # noqa: E501
    guid = xmp.extension_guid(extension)
    from wideopen.photo.jpeg_parts import with_segments, xmp_segments

    packet = xmp.with_properties(b"", "xmpNote", "http://ns.adobe.com/xmp/note/", {"HasExtendedXMP": guid})
    (tmp_path / "photo.jpg").write_bytes(
        with_segments(pillow("JPEG", stored(3)), xmp_segments(packet, extension, guid))
    )
    photo = load(tmp_path / "photo.jpg")
    assert history in photo.xmp_more and b"QUJD" not in photo.xmp_more and b"HasExtended" not in photo.xmp
    save(photo, tmp_path / "out.jpg")
    with pyexiv2.Image(str(tmp_path / "out.jpg")) as image:
        assert "xmpNote:HasExtendedXMP" in image.read_raw_xmp()
    packets = jpeg_parts((tmp_path / "out.jpg").read_bytes())[0].packets
    assert len(packets) == 2 and any(history.decode() in str(element.attrib) for element in packets[1].iter())


def ramp(height: int = 48, width: int = 72) -> DepthMap:
    return DepthMap(np.linspace(1, 0.25, height * width, dtype=np.float32).reshape(height, width), metric=True)


@pytest.mark.parametrize("metric", [True, False])
def test_depth_is_kept_in_jpeg(metric: bool, tmp_path: Path) -> None:
    depth = DepthMap(ramp().disparity, metric)
    save(Photo(stored(3), depth=depth, format="JPEG"), tmp_path / "photo.jpg")
    for turn in range(3):  # Written again, and again.
        data = (tmp_path / "photo.jpg").read_bytes()
        found = embedded_depth(data)
        assert found is not None and found.metric == metric
        scale = 1 if metric else found.disparity.max() / depth.disparity.max()
        off = np.abs(found.disparity - depth.disparity * scale)
        if metric:
            assert off.max() < 1e-3
        else:  # Without a scale the farthest is taken for infinity, unless a range is said.
            assert np.corrcoef(found.disparity.ravel(), depth.disparity.ravel())[0, 1] > 0.999
        Renderer(RenderOptions(aperture=float("inf"), focus="near")).render_file(
            tmp_path / "photo.jpg", tmp_path / f"{turn}.jpg"
        )
        (tmp_path / "photo.jpg").write_bytes((tmp_path / f"{turn}.jpg").read_bytes())


def test_depth_turns_with_the_photo(tmp_path: Path) -> None:
    """A photo that was turned upright keeps its map upright, in GDepth's own range."""
    upright = ramp(64, 96).disparity
    values = np.rint((upright.max() - upright) / (upright.max() - upright.min()) * 255).astype(np.uint8)
    turned = np.ascontiguousarray(np.rot90(values, 1))
    picture = base64.b64encode(cv2.imencode(".png", turned)[1].tobytes()).decode()
    said = {"Format": "RangeInverse", "Near": "1", "Far": "4", "Units": "m", "Mime": "image/png", "Data": picture}
    packet = xmp.with_properties(b"", "GDepth", "http://ns.google.com/photos/1.0/depthmap/", said)
    (tmp_path / "photo.jpg").write_bytes(pillow("JPEG", stored(3, orientation=6), 6, xmp=packet))
    options = RenderOptions(aperture=float("inf"), focus="near")
    Renderer(options).render_file(tmp_path / "photo.jpg", tmp_path / "out.jpg")
    found = embedded_depth((tmp_path / "out.jpg").read_bytes())
    assert found is not None and found.metric and found.disparity.shape == (64, 96)
    np.testing.assert_allclose(found.disparity, upright, atol=4e-3)
    stripped = RenderOptions(aperture=float("inf"), focus="near", strip=True)
    Renderer(stripped).render_file(tmp_path / "photo.jpg", tmp_path / "bare.jpg")
    assert embedded_depth((tmp_path / "bare.jpg").read_bytes()) is None


def test_what_has_no_place_is_said() -> None:
    captions = iptc._with_captions(b"", b"\x1c\x02\x78\0\3abc")
    photo = Photo(stored(3, np.uint16), alpha=stored(1, np.uint16), resources=captions, depth=ramp())
    assert [len(losses(photo, format)) for format in ("JPEG", "PNG", "TIFF", "WEBP", "HEIF")] == [2, 1, 1, 3, 3]
    assert not losses(Photo(stored(3, np.uint16), format="AVIF"), "AVIF"), "it had no more"
    assert all("no place" in line or "bits" in line or "white" in line for line in losses(photo, "WEBP"))


def test_chunks_and_texts_of_png(tmp_path: Path) -> None:
    """Gamma, primaries, and texts of a PNG; the gamma is how its values stand for light."""
    from PIL.PngImagePlugin import PngInfo

    from other_programs import png_chunk

    info = PngInfo()
    info.add_text("Title", "Sunset")
    info.add_itxt("Description", "Sünset — ☀")
    info.add_text("Software", "Camera")
    buffer = io.BytesIO()
    Image.fromarray(stored(3)).save(buffer, "PNG", pnginfo=info)
    data = buffer.getvalue()
    colour = png_chunk(b"gAMA", (100_000).to_bytes(4, "big")) + png_chunk(b"cHRM", bytes(range(32)))
    photo = decode(data[:33] + colour + data[33:])
    assert photo.curve is not None, "gamma 1.0"
    np.testing.assert_allclose(photo.curve.decode(photo.pixels), photo.pixels / 255, atol=1e-3)
    save(photo, tmp_path / "out.png")
    written = (tmp_path / "out.png").read_bytes()
    assert colour in written
    with Image.open(tmp_path / "out.png") as image:
        image.load()
        assert image.text == {"Title": "Sunset", "Description": "Sünset — ☀", "Software": "wideopen"}


def test_a_grey_profile_goes_with_grey_only(tmp_path: Path) -> None:
    """A format without grey gets the colours and no profile that does not fit them."""
    profile = icc.profile(icc.gamma(1.0), space=b"GRAY")
    photo = decode(pillow("PNG", stored(1), icc_profile=profile))
    assert photo.grey and photo.icc == profile
    save(photo, tmp_path / "out.png")
    assert load(tmp_path / "out.png").icc == profile
    save(Photo(**{**vars(photo), "lossless": True}), tmp_path / "out.webp")
    again = load(tmp_path / "out.webp")
    assert again.icc == b""
    expected = photo.curve.to_srgb(photo.pixels) if photo.curve else photo.pixels
    np.testing.assert_array_equal(again.pixels, expected)


@pytest.mark.parametrize("format", ["MPO", "GIF", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("count", [1, 3])
def test_one_picture_is_one_and_more_are_said_to_be(format: str, count: int) -> None:
    frames = [Image.fromarray(np.full((16, 24, 3), 60 * number, np.uint8)) for number in range(1, count + 1)]
    more = {"save_all": True, "append_images": frames[1:]} if count > 1 else {}
    frames[0].save(out := io.BytesIO(), format, **more)
    told = any("pictures" in notice for notice in decode(out.getvalue(), "x").notices)
    assert told == (count > 1)


def test_comments_and_several_pictures(tmp_path: Path) -> None:
    data = pillow("MPO", stored(3), quality=92, comment=b"a comment", **several())
    photo = decode(data)
    assert photo.comment == b"a comment" and len(jpeg_parts(data)) == 2
    save(photo, tmp_path / "out.jpg")
    written = (tmp_path / "out.jpg").read_bytes()
    assert len(jpeg_parts(written)) == 1 and b"MPF\0" not in written
    assert load(tmp_path / "out.jpg").comment == b"a comment"


def test_what_is_too_long_for_a_segment_of_jpeg(tmp_path: Path) -> None:
    """A packet of 200 kB goes into a second one, resources into several segments, a long maker note is left out."""
    head = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    history = b"step " * 40_000
    packet = (
        b'<?xpacket begin=""?>' + head + b'<rdf:Description xmlns:dc="http://purl.org/dc/elements/1.1/" dc:format="'
    )
    packet += history + b'"/></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    captions = iptc._with_captions(b"", b"\x1c\x02\x78\0\3abc")
    other = b"8BIM" + (0x0BB7).to_bytes(2, "big") + b"\0\0" + (150_000).to_bytes(4, "big") + bytes(150_000)
    tags = Image.Exif()
    tags[0x010F] = "Maker"
    tags.get_ifd(0x8769).update({0x927C: bytes(100_000), 0x9003: "2020:05:06 07:08:09"})
    blob = tags.tobytes().removeprefix(exif.PREFIX)
    save(Photo(stored(3), exif=blob, xmp=packet, resources=other + captions), tmp_path / "out.jpg")
    with pyexiv2.Image(str(tmp_path / "out.jpg")) as image:
        assert image.read_iptc()["Iptc.Application2.Caption"] == "abc"
        found = image.read_exif()
    assert found["Exif.Image.Make"] == "Maker" and found["Exif.Photo.DateTimeOriginal"] == "2020:05:06 07:08:09"
    assert "Exif.Photo.MakerNote" not in found
    again = load(tmp_path / "out.jpg")
    assert again.resources == other + captions and history in again.xmp_more
    if EXIFTOOL is not None:
        assert by_exiftool(tmp_path / "out.jpg")["XMP-dc:Format"] == history.decode()


def test_adobe_rgb_without_a_profile() -> None:
    """As cameras write it: by a tag of the interoperability directory alone."""
    tags = exif_of_adobe()
    photo = decode(pillow_with(tags))
    assert photo.icc == b"" and photo.curve is not None
    np.testing.assert_allclose(photo.curve.decode(photo.pixels), (photo.pixels / 255) ** 2.19921875, atol=1e-4)
    assert decode(pillow_with(tags.replace(b"R03", b"R98"))).curve is None


def exif_of_adobe() -> bytes:
    tags = Image.Exif()
    tags[0x010F] = "Maker"
    tags.get_ifd(0x8769).update({0x9003: "2020:05:06 07:08:09", 0xA005: {1: "R03"}})
    return tags.tobytes().removeprefix(exif.PREFIX)


def test_the_depth_of_heic_goes_into_jpeg(tmp_path: Path) -> None:
    """Also where another map, or none, is used."""
    from depth_photos import heic as heic_with_depth

    values = np.rint(np.linspace(0, 255, 64 * 96).reshape(64, 96)).astype(np.uint8)
    (tmp_path / "photo.heic").write_bytes(heic_with_depth(stored(3), values))
    expected = embedded_depth((tmp_path / "photo.heic").read_bytes())
    assert expected is not None
    for depth in (None, "none"):
        options = RenderOptions(aperture=float("inf"), focus="near", depth=depth)
        out = Renderer(options).render_file(tmp_path / "photo.heic", tmp_path / f"{depth}.jpg")
        found = embedded_depth(out.read_bytes())
        assert found is not None
        off = np.abs(found.disparity / found.disparity.max() - expected.disparity / expected.disparity.max())
        assert off.mean() < 0.02


LOSSY = {"JPEG": 8, "WEBP": 8, "JXL": 8, "AVIF": 10, "HEIF": 10}
"""Formats with a quality, and the most bits that they hold (docs/photos.md)."""


@pytest.mark.parametrize("format", LOSSY)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_formats_are_written_at_a_quality_of_95_and_lose_what_their_bits_cannot_hold(format: str, dtype: type) -> None:
    photo = Photo(np.random.default_rng(0).integers(0, np.iinfo(dtype).max, (32, 32, 3), dtype))
    files = [to_bytes(photo, format, quality=quality) for quality in (None, 95, 85)]
    assert files[0] == files[1] != files[2]
    lost = losses(photo, format)
    assert len(lost) == (dtype is np.uint16) and all(f" {LOSSY[format]} bits" in line for line in lost)


@pytest.mark.parametrize("order", ["<", ">"])
def test_an_exif_cut_anywhere_says_its_orientation_or_none(order: str) -> None:
    entries = struct.pack(order + "HHIHH", 0x0112, 3, 1, 6, 0) + struct.pack(order + "HHII", 0x0100, 4, 1, 40)
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(order + "IH", 8, 2)
    whole = head + entries + bytes(4)
    assert take_orientation(whole)[0] == 6
    for length in range(len(whole)):
        assert take_orientation(whole[:length])[0] in ((1,) if length < len(head) + 12 else (1, 6))
