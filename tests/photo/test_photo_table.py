"""Photos of other programs: opened, rendered, written, and looked at by other programs again."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from other_programs import CASES, HEIGHT, WIDTH, Case, drawing
from wideopen import Renderer, RenderOptions
from wideopen.photo.files import decode, load
from wideopen.render.side_files import output_path

pytestmark = pytest.mark.slow

KEPT = (0x010F, 0x013B), (0x829A, 0x9003), (1, 2)
"""Tags of the first, the EXIF and the GPS directory."""


@pytest.fixture(scope="module")
def renderer(model: Path) -> Renderer:
    return Renderer(RenderOptions(model=model, threads=1))


def facts(path: Path) -> dict[str, object]:
    """What Pillow finds in a file."""
    with Image.open(path) as image:
        tags = image.getexif()
        found = [tags, tags.get_ifd(0x8769), tags.get_ifd(0x8825)]
        values = [[part.get(tag) for tag in names] for part, names in zip(found, KEPT, strict=True)]
        values = [[tuple(map(float, v)) if isinstance(v, tuple) else v for v in part] for part in values]
        return {
            "icc": image.info.get("icc_profile") or b"",
            "alpha": image.has_transparency_data,
            "grey": image.mode in ("L", "LA", "1") or image.mode.startswith("I;16"),
            "tags": values,
            "orientation": tags.get(0x0112, 1),
            "exif": 0x0112 in tags or any(value is not None for part in values for value in part),
            "software": tags.get(0x0131),
            "size": image.size,
            "frames": getattr(image, "n_frames", 1),
        }


def bits(path: Path) -> int:
    """What OpenCV finds, and for HEIC libheif."""
    if path.suffix == ".heic":
        with Image.open(path) as image:
            return 16 if image.info["bit_depth"] > 8 else 8
    found = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), cv2.IMREAD_UNCHANGED)
    assert found is not None
    return found.dtype.itemsize * 8


def off(pixels: NDArray, expected: NDArray) -> float:
    """Mean difference, of 255."""
    return float(np.abs(pixels / np.iinfo(pixels.dtype).max - expected).mean() * 255)


def test_there_are_enough_of_them() -> None:
    assert len({str(case) for case in CASES}) == len(CASES) >= 60
    assert {case.orientation for case in CASES} == set(range(1, 9))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_opened_rendered_and_written(case: Case, tmp_path: Path, renderer: Renderer) -> None:
    path = tmp_path / f"photo{'.dng' if case.format == 'RAW' else case.written if case.format != 'GIF' else '.gif'}"
    path.write_bytes(case.make())
    photo = load(path)
    expected = drawing(case.grey)
    assert (photo.format, photo.pixels.shape) == (case.format, (HEIGHT, WIDTH, 3))
    assert (photo.pixels.dtype.itemsize * 8, photo.grey, photo.alpha is not None) == (case.bits, case.grey, case.alpha)
    rounding = 0.3 if case.bits == 8 else 0.002
    if case.format == "RAW":  # Its brightness is LibRaw's choice.
        expected[..., :3] *= np.median(photo.pixels / 65535) / np.median(expected[..., :3])
    assert off(photo.pixels, expected[..., :3].clip(0, 1)) <= max(case.off, rounding)
    if photo.alpha is not None and "-PA-" not in case.name:
        assert off(photo.alpha, expected[..., 3]) <= max(case.off, rounding)
    assert photo.icc == case.icc
    assert (case.notice in " ".join(photo.notices)) if case.notice else not photo.notices

    said: list[str] = []
    renderer.notify = said.append
    written = renderer.render_file(path, output_path(path))
    assert written.name == f"photo-bokeh{case.written}"
    assert [line.removeprefix(f"{path}: ") for line in said][: len(photo.notices)] == list(photo.notices)
    done = facts(written)
    assert (done["size"], done["orientation"], done["frames"]) == ((WIDTH, HEIGHT), 1, 1)
    assert (done["icc"], bits(written)) == (case.icc, case.kept_bits)
    no_grey = case.written in (".webp", ".avif") or (case.grey and case.alpha and case.bits == 16)
    assert (done["grey"], done["alpha"]) == (case.grey and not no_grey, case.alpha)
    if case.format not in ("GIF", "BMP", "RAW"):
        before = facts(path)
        assert done["tags"] == before["tags"]
        assert done["software"] == ("wideopen" if before["exif"] else None)
    again = decode(written.read_bytes(), str(written))
    assert not again.notices or case.written == ".png", "what was left out is not spoken of any more"
    assert np.abs(again.pixels.astype(int) - photo.pixels).mean() < 0.2 * np.iinfo(photo.pixels.dtype).max


@pytest.mark.parametrize("case", [case for case in CASES if case.format in ("JPEG", "PNG", "TIFF")], ids=str)
def test_effect_off(case: Case, tmp_path: Path, model: Path) -> None:
    """Nothing is lost that the format does not lose; of JPEG nothing that shows, in a file of equal quality."""
    path, out = tmp_path / f"photo{case.written}", tmp_path / f"out{case.written}"
    path.write_bytes(case.make())
    Renderer(RenderOptions(model=model, aperture=float("inf"))).render_file(path, out)
    before, after = load(path), load(out)
    if case.format != "JPEG":
        np.testing.assert_array_equal(after.pixels, before.pixels)
        if before.alpha is not None:
            np.testing.assert_array_equal(after.alpha, before.alpha)
        return
    error = np.mean((after.pixels.astype(float) - before.pixels) ** 2)
    assert 10 * np.log10(255**2 / max(error, 1e-9)) >= 45
    if before.tables is not None:
        kept = ("tables", "subsampling", "progressive")
        assert [getattr(after, name) for name in kept] == [getattr(before, name) for name in kept]
        with Image.open(path) as first, Image.open(out) as second:
            pairs = zip(first.quantization.values(), second.quantization.values(), strict=True)
            assert all(sorted(one) == sorted(other) for one, other in pairs), "equal quality"


def test_stripped(tmp_path: Path, model: Path) -> None:
    """Nothing but the colour profile and the resolution is left, and what was cannot be found in the bytes."""
    options = RenderOptions(model=model, aperture=float("inf"), strip=True)
    for case in (case for case in CASES if case.name in ("pillow-jpeg-5", "pillow-png-RGBA-2", "heic-6", "vips-avif")):
        path, out = tmp_path / f"in{case.written}", tmp_path / f"out{case.written}"
        path.write_bytes(case.make())
        Renderer(options).render_file(path, out)
        done = facts(out)
        assert (done["icc"], done["size"], done["orientation"]) == (case.icc, (WIDTH, HEIGHT), 1)
        assert done["tags"] == [[None, None]] * 3 and done["software"] is None
        assert b"Ansel" not in out.read_bytes()


def test_stripping_is_asked_for() -> None:
    assert not RenderOptions().strip and replace(RenderOptions(), strip=True).strip


@pytest.mark.parametrize("name", ["dog", "statue"])
@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("quality", [60, 90, 98])
def test_effect_off_on_photographs(name: str, subsampling: int, quality: int, tmp_path: Path, model: Path) -> None:
    """JPEG written again with its own tables: at least 45 dB."""
    with Image.open(Path(__file__).parents[2] / "examples" / f"{name}.jpg") as photo:
        photo.crop((100, 100, 612, 484)).save(tmp_path / "in.jpg", quality=quality, subsampling=subsampling)
    options = RenderOptions(model=model, aperture=float("inf"))
    Renderer(options).render_file(tmp_path / "in.jpg", tmp_path / "out.jpg")
    before, after = load(tmp_path / "in.jpg"), load(tmp_path / "out.jpg")
    error = np.mean((after.pixels.astype(float) - before.pixels) ** 2)
    assert 10 * np.log10(255**2 / error) >= 45
    assert (after.tables, after.subsampling) == (before.tables, subsampling)
