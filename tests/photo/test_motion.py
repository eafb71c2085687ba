"""What lies beside a JPEG's picture: the film of a motion photo, and FLIR's thermal data."""

import io
import struct
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from wideopen import Renderer, RenderOptions
from wideopen.gain.gain_map import GainMap, GainRange
from wideopen.photo.encode import losses
from wideopen.photo.files import decode, to_bytes
from wideopen.photo.formats.motion import LEFT_OUT
from wideopen.photo.photo import Photo

CAMERA = "http://ns.google.com/photos/1.0/camera/"
CONTAINER = "http://ns.google.com/photos/1.0/container/"
OLD = '<rdf:Description xmlns:GCamera="%s" GCamera:MicroVideo="1" GCamera:MicroVideoPresentationTimestampUs="1234567"/>'


def box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


FILM = (
    box(b"ftyp", b"mp42" + bytes(4))
    + box(b"moov", bytes(300))
    + struct.pack(">I4sQ", 1, b"mdat", 16 + 2000)
    + bytes(2000)
)


def motion_photo(trailer: bytes = b"") -> bytes:
    """As older phones write them: the film's length in an offset of theirs; Samsung's put a list behind it."""
    rdf = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
    packet = f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{rdf}">{OLD % CAMERA}</rdf:RDF></x:xmpmeta>'
    buffer = io.BytesIO()
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(buffer, "JPEG", xmp=packet.encode())
    return buffer.getvalue() + FILM + trailer


def items(packet: bytes) -> list[dict[str, str]]:
    tree = ElementTree.fromstring(packet)
    found = tree.iter(f"{{{CONTAINER}}}Item")
    return [{key.rpartition("}")[2]: value for key, value in item.attrib.items()} for item in found]


@pytest.mark.parametrize("trailer", [b"", b"\0\0\x30\x0aMotionPhoto_Data and more SEFT"])
def test_film_is_kept(trailer: bytes) -> None:
    photo = decode(motion_photo(trailer))
    assert photo.film == FILM and photo.film_us == 1234567
    file = to_bytes(photo, "JPEG")
    assert file.endswith(FILM)
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        packet = image.info["xmp"]
    (said,) = [
        element for element in ElementTree.fromstring(packet).iter() if f"{{{CAMERA}}}MotionPhoto" in element.attrib
    ]
    assert said.get(f"{{{CAMERA}}}MotionPhotoPresentationTimestampUs") == "1234567"
    assert [item["Semantic"] for item in items(packet)] == ["Primary", "MotionPhoto"]
    assert items(packet)[1]["Length"] == str(len(FILM)) and b"MicroVideo" not in packet
    again = decode(file)
    assert (again.film, again.film_us) == (FILM, 1234567)


def test_options(model: object) -> None:
    """Kept if that is asked for and the format has a place for it; else, and with --strip, left out and said."""
    for settings, kept in (({}, False), ({"keep_motion": True}, True), ({"keep_motion": True, "strip": True}, False)):
        renderer = Renderer(RenderOptions(model=model, **settings))  # type: ignore[arg-type]
        done = renderer.render_bytes(motion_photo())
        assert (done.result.film == FILM) == kept
        assert (LEFT_OUT in done.notices("JPEG")) == (not kept)
        assert any("no place in PNG" in line for line in done.notices("PNG")) == kept
    assert not to_bytes(Photo(np.zeros((8, 8, 3), np.uint8)), "JPEG").count(b"ftyp")


def test_behind_a_gain_map() -> None:
    """An Ultra HDR motion photo lists photo, map and film, in this order, and the map is still found."""
    gain = GainMap(np.full((12, 16, 1), 128, np.uint8), GainRange())
    photo = Photo(np.full((48, 64, 3), 90, np.uint8), gain=gain, film=FILM)
    file = to_bytes(photo, "JPEG")
    again = decode(file)
    assert again.film == FILM and again.gain is not None
    assert again.gain.pixels.shape == gain.pixels.shape
    with Image.open(io.BytesIO(file)) as image:
        listed = items(image.info["xmp"])
    assert [item["Semantic"] for item in listed] == ["Primary", "GainMap", "MotionPhoto"]
    assert file.endswith(FILM) and listed[2]["Length"] == str(len(FILM))


def test_a_heic_film_is_kept_in_heic_and_jpeg() -> None:
    """In a box of its own behind the picture, whose head the XMP counts; exiftool and libheif read the file."""
    plain = Photo(np.full((48, 64, 3), 90, np.uint8), film=FILM, film_us=77)
    file = to_bytes(plain, "HEIF")
    assert file.endswith(box(b"mpvd", FILM)) and losses(plain, "HEIF") == ()
    photo = decode(file)
    assert (photo.film, photo.film_us) == (FILM, 77) and photo.notices == (LEFT_OUT,)
    with Image.open(io.BytesIO(file)) as image:
        image.load()
        first, second = items(image.info["xmp"])
    assert (first["Mime"], first["Padding"]) == ("image/heic", "8")
    assert (second["Semantic"], second["Length"]) == ("MotionPhoto", str(len(FILM)))
    again = decode(to_bytes(photo, "JPEG"))
    assert (again.film, again.film_us) == (FILM, 77)
    assert decode(file[: -len(FILM) // 2]).film == b""


def test_damaged_films() -> None:
    for film in (FILM[:-1], FILM[:20], b"\0\0\0\0ftyp", b"\0\0\0\x07ftyp" + bytes(50)):
        data = motion_photo()[: -len(FILM)] + film
        assert decode(data).pixels.shape == (48, 64, 3)


def test_thermal_data_is_kept() -> None:
    """FLIR's segments, each with its number among all, stay in their order and byte for byte."""
    bodies = tuple(b"FLIR\0\x01" + bytes([index, 2]) + bytes([index + 1] * (60_000 - index)) for index in range(3))
    buffer = io.BytesIO()
    Image.fromarray(np.full((48, 64, 3), 90, np.uint8)).save(buffer, "JPEG")
    data = buffer.getvalue()
    segments = b"".join(struct.pack(">BBH", 0xFF, 0xE1, len(body) + 2) + body for body in bodies)
    photo = decode(data[:20] + segments + data[20:])
    assert photo.thermal == bodies
    again = decode(to_bytes(photo, "JPEG"))
    assert again.thermal == bodies
    assert photo.stripped().thermal == () and any("FLIR" in line for line in losses(photo, "PNG"))
