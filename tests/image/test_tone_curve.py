"""Light by a photo's own profile, compared with LittleCMS (through libvips)."""

import io
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import pyvips
from numpy.typing import NDArray
from PIL import Image, ImageCms

import icc
from conftest import draw_scene
from other_programs import heic, pillow, png_chunk, stored
from wideopen import Renderer, RenderOptions
from wideopen.image.color import srgb_to_linear
from wideopen.image.tone_curve import ToneCurve, gamma_curve, make_curve, profile_curve, to_light, to_pixels
from wideopen.photo import cicp
from wideopen.photo.files import decode, load, save
from wideopen.photo.photo import Photo

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
BENT = icc.table([round(65535 * (i / 1023) ** 1.8) for i in range(1024)])
PROFILES = {
    "gamma 1.8": icc.profile(icc.gamma(1.8)),
    "linear": icc.profile(icc.gamma(1.0)),
    "adobe": icc.profile(icc.gamma(2.19921875)),
    "table": icc.profile(BENT),
    "identity": icc.profile(icc.table([])),
    "para 0": icc.profile(icc.parametric(0, 2.4)),
    "para 1": icc.profile(icc.parametric(1, 2.2, 0.9, 0.1)),
    "para 2": icc.profile(icc.parametric(2, 2.0, 0.8, 0.1, 0.0)),
    "para 3": icc.profile(icc.parametric(3, 1 / 0.45, 1 / 1.099, 0.099 / 1.099, 1 / 4.5, 0.081)),
    "para 4": icc.profile(icc.parametric(4, 2.4, 0.9, 0.1, 0.2, 0.05, 0.0, 0.0)),
    "three": icc.profile(icc.gamma(1.8), icc.gamma(2.2), icc.gamma(2.6)),
    "grey": icc.profile(icc.gamma(1.8), space=b"GRAY"),
    "p3": bytes(pyvips.Image.profile_load("p3")),
    "sRGB": SRGB,
}


def decoded(pixels: NDArray, profile: bytes) -> NDArray:
    return to_light(pixels, profile_curve(profile))


def by_littlecms(grey: NDArray, profile: bytes) -> NDArray:
    """Luminance Y of uint16 greys, HxW."""
    one = profile[16:20] == b"GRAY"
    image = pyvips.Image.new_from_array(grey if one else np.dstack([grey] * 3))
    image = image.copy(interpretation="grey16" if one else "rgb16")
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", profile)
    return image.icc_import(embedded=True, intent="relative", pcs="xyz").numpy()[..., 1] / 100


@pytest.mark.parametrize("name", [name for name in PROFILES if name != "three"])
def test_as_littlecms_has_it(name: str) -> None:
    ramp = np.linspace(0, 65535, 512).astype(np.uint16).reshape(8, 64)
    found = decoded(np.dstack([ramp] * 3), PROFILES[name])[..., 1]
    expected = by_littlecms(ramp, PROFILES[name])
    np.testing.assert_allclose(found, expected / expected[-1, -1], atol=1.5e-3)


def test_channels_of_their_own() -> None:
    curve = profile_curve(PROFILES["three"])
    assert curve is not None
    pixels = np.random.default_rng(0).integers(0, 256, (9, 11, 3), np.uint8)
    expected = (pixels / 255) ** np.array([1.8, 2.2, 2.6])
    np.testing.assert_allclose(curve.decode(pixels), expected, atol=2e-3)
    np.testing.assert_array_equal(to_pixels(to_light(pixels, curve), np.uint8, curve), pixels)


@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_there_and_back(name: str, dtype: type) -> None:
    """8-bit values come back, but for a curve's flat ends; 16-bit ones too, or as the same light."""
    curve, top = profile_curve(PROFILES[name]), np.iinfo(dtype).max
    values = np.arange(top + 1, dtype=dtype)[:, None, None].repeat(3, axis=2)
    back = to_pixels(to_light(values, curve), dtype, curve)
    assert np.abs(to_light(back, curve) - to_light(values, curve)).max() < 4e-5
    upper = top // 4  # Above the flat part of some.
    assert np.abs(back.astype(int) - values)[upper:-upper].max() <= (0 if dtype == np.uint8 else 1)


def test_what_counts_as_srgb() -> None:
    """Its own profile, none, damaged ones, and profiles of other devices."""
    assert profile_curve(SRGB) is None and profile_curve(b"") is None
    rising = PROFILES["table"]
    for damaged in (rising[:100], rising[:300], b"\0" * 500, rising.replace(b"curv", b"vruc"), rising[:-2000]):
        assert profile_curve(damaged) is None
    assert profile_curve(bytes(pyvips.Image.profile_load("cmyk"))) is None
    assert profile_curve(icc.profile(icc.table([65535, 0]))) is None, "it falls"
    assert make_curve(np.full((65536, 1), np.nan)) is None and gamma_curve(0.0) is None


def test_a_profile_of_tables_is_measured() -> None:
    """A profile that says what colours are in a table only: its greys through LittleCMS."""
    xyz = ImageCms.createProfile("XYZ")
    assert profile_curve(ImageCms.ImageCmsProfile(xyz).tobytes()) is None  # Of no such kind.
    lut = b"mft1" + bytes(4) + bytes([3, 3, 2, 0])
    matrix = b"".join(int(v * 65536).to_bytes(4, "big") for v in (1, 0, 0, 0, 1, 0, 0, 0, 1))
    ramps = bytes(range(256)) * 3
    # Eight corners of Lab: L from the mean of the three, a and b neutral.
    corners = b"".join(bytes([round((r + g + b) / 3 * 255), 128, 128]) for r in (0, 1) for g in (0, 1) for b in (0, 1))
    table = lut + matrix + ramps + corners + ramps
    made = bytearray(icc.profile(icc.gamma(2.2)).replace(b"rTRC", b"A2B0").replace(b"gTRC", b"xxxx"))
    made[20:24] = b"Lab "
    at = len(made)
    index = bytes(made).index(b"A2B0")
    made[index + 4 : index + 12] = at.to_bytes(4, "big") + len(table).to_bytes(4, "big")
    made += table
    made[:4] = len(made).to_bytes(4, "big")
    curve = profile_curve(bytes(made))
    assert isinstance(curve, ToneCurve)
    lightness = np.linspace(0.05, 1, 20)
    expected = np.where(lightness > 0.08, ((lightness * 100 + 16) / 116) ** 3, lightness * 100 / 903.3)
    np.testing.assert_allclose(curve.decode(lightness.astype(np.float32)[:, None]), expected[:, None], atol=0.012)


def column(profile: bytes, tag: bytes) -> NDArray:
    """A tag's XYZ."""
    entry = profile.index(tag) + 4
    start = int.from_bytes(profile[entry : entry + 4], "big") + 8
    return np.frombuffer(profile[start : start + 12], ">i4") / 65536


def test_colours_stated_by_numbers(tmp_path: Path) -> None:
    """Display P3 that HEIC, AVIF and PNG state without a profile is the P3 of others, and is kept in any format."""
    made = cicp.make_profile(12, 13)
    for tag in (b"rXYZ", b"gXYZ", b"bXYZ"):
        np.testing.assert_allclose(column(made, tag), column(PROFILES["p3"], tag), atol=2e-3)
    assert ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(made))).strip() == "Display P3"
    assert profile_curve(made) is None, "sRGB's curve"
    linear = profile_curve(cicp.make_profile(9, 8))
    assert linear is not None and abs(linear.light[32768, 0] - 0.5) < 1e-3

    heif = heic(stored(3), save_nclx_profile=True, color_primaries=12, transfer_characteristic=13)
    srgb, p3 = (number.to_bytes(2, "big") + b"\0\x0d" for number in (1, 12))
    written = pillow("AVIF", stored(3))
    assert b"colrnclx" + srgb in written
    plain = pillow("PNG", stored(3))
    png = plain[:33] + png_chunk(b"cICP", bytes([12, 13, 0, 1])) + plain[33:]
    for data in (heif, written.replace(b"colrnclx" + srgb, b"colrnclx" + p3), png):
        photo = decode(data)
        assert photo.icc == made and not photo.notices
        save(photo, tmp_path / "out.jpg", overwrite=True)
        assert load(tmp_path / "out.jpg").icc == made
    hdr = decode(plain[:33] + png_chunk(b"cICP", bytes([9, 16, 0, 1])) + plain[33:])
    assert (hdr.notices, hdr.icc, hdr.hdr) == ((), b"", (9, 16))


def blurred_edge(profile: bytes, dtype: type, tmp_path: Path) -> NDArray:
    """The middle of an edge between black and white, seen through the lens far out of focus."""
    photo = np.zeros((240, 360, 3), dtype)
    photo[:, 180:] = np.iinfo(dtype).max
    save(Photo(photo, icc=profile), tmp_path / "edge.png", overwrite=True)
    options = RenderOptions(aperture=1.0, focus="near", grain=0.0, highlights=1.0)
    depth = np.ones((240, 360), np.float32)
    depth[:24] = 2.0  # Something is near, and far from the edge's middle.
    done, _ = Renderer(options).render_photo(load(tmp_path / "edge.png"), depth)
    return done.pixels[120:, 160:200].mean(axis=(0, 2)) / np.iinfo(dtype).max


@pytest.mark.parametrize("name", ["sRGB", "linear", "gamma 1.8", "p3"])
def test_the_lens_mixes_light(name: str, tmp_path: Path) -> None:
    """Whatever the encoding: the blurred edge holds the same light."""
    profile = PROFILES[name]
    found = blurred_edge(profile, np.uint16, tmp_path)
    light = decoded(np.rint(found * 65535).astype(np.uint16)[None, :, None].repeat(3, axis=2), profile)[0, :, 1]
    plain = srgb_to_linear(blurred_edge(b"", np.uint16, tmp_path))
    assert 0.1 < plain[15] < 0.45 and 0.55 < plain[24] < 0.9, "the edge is blurred"
    np.testing.assert_allclose(light, plain, atol=4e-3)


def test_the_network_sees_the_same_photo(model: Path) -> None:
    """A photo in linear light gives what the same photo in sRGB gives."""
    renderer = Renderer(RenderOptions(model=model, threads=1))
    photo = cv2.resize(draw_scene(360, 480), (480, 360)).astype(np.uint16) * 257
    linear = np.rint(to_light(photo) * 65535).astype(np.uint16)
    plain = Photo(photo)
    done = renderer.render_photo(plain)[0].pixels
    other = renderer.render_photo(replace(plain, pixels=linear, icc=PROFILES["linear"]))[0].pixels
    again = to_pixels((other / 65535).astype(np.float32), np.uint16)
    off = np.abs(again.astype(int) - done) / 257
    assert off.mean() < 0.6 and np.percentile(off, 99) < 6


def test_pillow_images_bring_their_profile(model: Path) -> None:
    renderer = Renderer(RenderOptions(model=model, threads=1))
    image = Image.fromarray(draw_scene())
    image.info["icc_profile"] = PROFILES["linear"]
    expected = renderer.render_photo(Photo(draw_scene(), icc=PROFILES["linear"]))[0].pixels
    np.testing.assert_array_equal(np.asarray(renderer.render(image)), expected)
