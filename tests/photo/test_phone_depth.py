"""Depth in Samsung's and Huawei's own ways, in files made here from what other programs read of theirs."""

import json
import shutil
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from depth_photos import encoded, orientation
from wideopen.photo.embedded_depth import embedded_depth
from wideopen.photo.files import decode
from wideopen.photo.formats.phone_depth import phone_depth
from wideopen.photo.jpeg_parts import jpeg_parts

DOWN, ACROSS = np.mgrid[0:48, 0:64]
NEARNESS = (1.2 * (DOWN / 48) * (1 - 0.5 * ACROSS / 64) - 0.02).clip(0, 1).astype(np.float32)
"""Near at the lower left; both ends are no outliers."""
CODES = np.rint(255 * (1 - NEARNESS)).astype(np.uint8)
TURN = {1: lambda a: a, 3: lambda a: np.rot90(a, 2), 6: lambda a: np.rot90(a, -1), 8: np.rot90}


def photo(turn: int = 1) -> bytes:
    down, across = np.mgrid[0:192, 0:256]
    return encoded(np.dstack([down, across, 255 - down]).astype(np.uint8), "JPEG", exif=orientation(turn))


def samsung(jpeg: bytes, sides: tuple[int, ...], codes: NDArray[np.uint8] = CODES, mark: int = 32) -> bytes:
    """Blocks of a type, a name and data, and their directory, which counts backwards from itself."""
    said = bytearray(128)
    said[mark : mark + 4] = b"\1\0\xff\xff"
    said[mark + 4 : mark + 4 + 4 * len(sides)] = struct.pack(f"<{len(sides)}I", *sides)
    blocks = [
        (0x0001, b"DualShot_1", jpeg),
        (0x0AB1, b"DualShot_DepthMap_1", codes.tobytes()),
        (0x0AB1, b"DualShot_DepthMap_5", bytes(codes.size)),
        (0x0AB3, b"DualShot_Extra_Info", bytes(said)),
    ]
    stored = [struct.pack("<2xHI", kind, len(name)) + name + data for kind, name, data in blocks]
    entries = b""
    for index, (kind, *_) in enumerate(blocks):
        back = sum(len(each) for each in stored[index:])
        entries += struct.pack("<2xHII", kind, back, len(stored[index]))
    directory = b"SEFH" + struct.pack("<II", 101, len(blocks)) + entries
    return jpeg + b"".join(stored) + directory + struct.pack("<I", len(directory)) + b"SEFT"


def huawei(jpeg: bytes, turned: int = 0x10, codes: NDArray[np.uint8] = CODES) -> bytes:
    head = bytes([0, 0, 1, turned]) + bytes(8) + struct.pack("<HH", codes.shape[1], codes.shape[0]) + bytes(48)
    block = head + codes.tobytes()
    return jpeg + jpeg + struct.pack("<I", len(jpeg)) + b"edof" + bytes(4) + block + struct.pack(
        "<I", len(block)
    ) + b"DepthEn\0"  # fmt: skip


@pytest.mark.parametrize("turn", TURN)
@pytest.mark.parametrize(("sides", "mark"), [((64, 48), 32), ((64, 48), 60), ((48, 64), 72)])
def test_samsungs_map_lies_as_its_photo_does(turn: int, sides: tuple[int, int], mark: int) -> None:
    data = samsung(photo(turn), sides, mark=mark)
    found = embedded_depth(data)
    assert found is not None and not found.metric
    assert np.abs(found.disparity - TURN[turn](NEARNESS)).max() < 0.01
    assert found.disparity.shape == tuple(side // 4 for side in decode(data).pixels.shape[:2])


@pytest.mark.parametrize(("turned", "turn"), [(0x10, 1), (0x11, 8), (0x12, 3), (0x13, 6)])
def test_huaweis_map_says_how_it_lies(turned: int, turn: int) -> None:
    found = embedded_depth(huawei(photo(), turned))
    assert found is not None and np.abs(found.disparity - TURN[turn](NEARNESS)).max() < 0.01


@pytest.mark.parametrize(
    ("data", "maker"),
    [
        (samsung(photo(), (64, 47)), "Samsung"),
        (samsung(photo(), (64, 48))[:-1], "Samsung"),
        (samsung(photo(), (64, 48)).replace(b"SEFH", b"SEFX"), "Samsung"),
        (huawei(photo(), 0x20), "Huawei"),
        (huawei(photo())[:-400], "Huawei"),
        (photo() + b"PMPD\x02\0" + bytes(3000), "Xiaomi"),
    ],
)
def test_what_is_not_as_described_is_not_read_and_said(data: bytes, maker: str) -> None:
    assert embedded_depth(data) is None
    said = f"carries a depth map in a way of {maker}'s that is not known, which is not read"
    assert said in decode(data).notices


@pytest.mark.parametrize("side", [15, 16])
def test_maps_have_at_least_sixteen_pixels_a_side(side: int) -> None:
    codes = np.arange(side * 30, dtype=np.uint16).astype(np.uint8).reshape(side, 30)
    for data in (samsung(photo(), (30, side), codes), huawei(photo(), codes=codes)):
        found = phone_depth(data)
        assert (found is not None) == (side == 16)
        if found is not None:
            np.testing.assert_array_equal(found.codes, codes)


@pytest.mark.parametrize("make", [samsung, huawei])
def test_files_cut_anywhere_give_no_map_or_the_whole_one(make: Callable[..., bytes]) -> None:
    data = make(photo(), (64, 48)) if make is samsung else make(photo())
    behind = jpeg_parts(data)[-1].end if make is huawei else len(data) - 400
    for end in range(behind, len(data), 3):
        found = phone_depth(data[:end])
        assert found is None or found.codes.shape == (48, 64)


def test_what_is_read_is_not_said_to_be_left_out() -> None:
    for data in (samsung(photo(), (64, 48)), huawei(photo())):
        assert decode(data).notices == ("holds several pictures: the main one is used",)


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="exiftool is not installed")
@pytest.mark.parametrize("mark", [32, 64])
def test_exiftool_reads_the_files_made_here(mark: int, tmp_path: Path) -> None:
    path = tmp_path / "photo.jpg"
    path.write_bytes(samsung(photo(), (64, 48), mark=mark))
    told = subprocess.run(["exiftool", "-j", "-b", "-Samsung:all", path], capture_output=True, check=True)
    (tags,) = json.loads(told.stdout)
    assert (tags["DepthMapWidth"], tags["DepthMapHeight"]) == (64, 48)
    raw = subprocess.run(["exiftool", "-b", "-DepthMapData", path], capture_output=True, check=True).stdout
    assert raw == CODES.tobytes()
