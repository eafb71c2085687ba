"""Captions where writers put them, against bytes laid out by hand from the specification."""

import io
import struct

import numpy as np
import pytest
import tifffile
from PIL import Image, PngImagePlugin

from wideopen.photo.iptc import _blocks, _with_captions, captions, raw_profile, read_resources, without_captions

CAPTION = b"\x1c\x02\x78\x00\x0bA red apple"
RESOLUTION, THUMBNAIL = b"\0\1" * 8, bytes(28)


def block(number: int, body: bytes, name: bytes = b"") -> bytes:
    label = bytes([len(name)]) + name
    return b"8BIM" + struct.pack(">H", number) + label + bytes(len(label) % 2) + struct.pack(">I", len(body)) + body + (
        bytes(len(body) % 2)
    )  # fmt: skip


def tiff(tag: int, kind: str, value: bytes) -> bytes:
    out = io.BytesIO()
    items = tuple(struct.unpack(f"<{len(value) // 4}I", value)) if kind == "I" else value
    tifffile.imwrite(out, np.zeros((4, 4, 3), np.uint8), extratags=[(tag, kind, len(items), items, True)])
    return out.getvalue()


def read(data: bytes) -> bytes:
    with Image.open(io.BytesIO(data)) as image:
        image.load()
        return read_resources(image, data)


@pytest.mark.parametrize("turned", [False, True])
def test_captions_that_a_tiff_says_are_numbers_of_four_bytes(turned: bool) -> None:
    padded = CAPTION + bytes(-len(CAPTION) % 4)
    stored = b"".join(padded[at : at + 4][::-1] for at in range(0, len(padded), 4)) if turned else padded
    assert captions(read(tiff(33723, "I", stored))) == padded


def test_resources_of_a_tiff_come_without_thumbnails_and_captions_once() -> None:
    whole = block(0x03ED, RESOLUTION) + block(0x0409, THUMBNAIL) + block(0x0404, CAPTION, b"named")
    found = read(tiff(34377, "B", whole))
    assert found == block(0x03ED, RESOLUTION) + block(0x0404, CAPTION, b"named")
    assert captions(found) == CAPTION and without_captions(found) == block(0x03ED, RESOLUTION)


def test_what_is_cut_short_is_left_out_with_all_behind_it() -> None:
    whole = block(0x03ED, RESOLUTION) + block(0x0404, CAPTION)
    assert captions(read(tiff(34377, "B", whole[:-4]))) == b""
    assert without_captions(read(tiff(34377, "B", whole[:-4]))) == block(0x03ED, RESOLUTION)


def test_a_text_of_a_png_is_read_as_it_is_written() -> None:
    text, out = PngImagePlugin.PngInfo(), io.BytesIO()
    text.add_text(*raw_profile(CAPTION))
    Image.new("RGB", (4, 4)).save(out, "PNG", pnginfo=text)
    assert captions(read(out.getvalue())) == CAPTION


def test_captions_of_the_file_are_added_where_resources_hold_none() -> None:
    found_there, others = b"\x1c\x02\x78\0\3abc", b"8BIM\x03\xed\0\0\0\0\0\2ab"
    block = b"8BIM\x04\x04\0\0\0\0\0\x08" + found_there
    held = block.replace(b"abc", b"own")
    for resources, found, expected in (
        (others, found_there, others + block), (b"", found_there, block), (others, b"", others), (held, b"", held),
        (held, found_there, held), (others + held, found_there, others + held), (b"", b"", b""), (others, held, held),
    ):  # fmt: skip
        assert _with_captions(resources, found) == expected


def test_resources_cut_anywhere_are_those_before() -> None:
    blocks = [b"8BIM\x03\xed\0\0\0\0\0\2ab", b"8BIM\x04\x04\3own\0\0\0\3xyz\0", b"8BIM\x03\xee\0\0\0\0\0\0"]
    whole, ends = b"".join(blocks), np.cumsum([len(block) for block in blocks])
    assert [block for _, _, block in _blocks(whole)] == blocks and [body for _, body, _ in _blocks(whole)][1] == b"xyz"
    for length in range(len(whole)):
        there = [block for block, end in zip(blocks, ends, strict=True) if end <= length + (length == ends[1] - 1)]
        assert [block for _, _, block in _blocks(whole[:length])] == there
