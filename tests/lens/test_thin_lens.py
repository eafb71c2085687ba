import math

import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from wideopen.lens.thin_lens import PRESETS, Lens, Taken, read_taken


def test_blur_is_the_textbook_circle_of_confusion() -> None:
    # c = f^2 |d - s| / (N d (s - f)), all in mm: 85 mm f/1.4 focused at 1.5 m, a point at 4 m.
    lens = Lens(focal_length_mm=85, f_number=1.4, focus_distance_m=1.5, sensor_height_mm=24)
    expected_mm = 85**2 * (4000 - 1500) / (1.4 * 4000 * (1500 - 85))
    assert lens.blur_diameter_mm(4.0) == pytest.approx(expected_mm)
    assert lens.blur_radius_px(4.0, 1600) == pytest.approx(expected_mm / 2 * 1600 / 24)


def test_ebb_at_infinity_is_two_point_four_percent_of_the_short_side() -> None:
    lens = PRESETS["ebb"]
    assert lens.blur_diameter_mm(math.inf) == pytest.approx(2500 / (1.8 * 1950))
    assert lens.blur_radius_px(math.inf, 1000) == pytest.approx(23.9, abs=0.05)


def test_blur_is_linear_in_disparity() -> None:
    lens = PRESETS["ebb"]
    k = lens.blur_px_per_disparity(1024)
    for distance_m in (0.7, 1.0, 2.0, 5.0, 100.0):
        expected = k * abs(1 / distance_m - lens.focus_disparity_per_m)
        assert lens.blur_radius_px(distance_m, 1024) == pytest.approx(expected)
    assert lens.blur_radius_px(2.0, 1024) == 0.0


def test_halving_the_f_number_doubles_the_blur() -> None:
    wide, narrow = Lens(50, 1.8, 2.0, 14.9), Lens(50, 3.6, 2.0, 14.9)
    assert wide.blur_px_per_disparity(800) == pytest.approx(2 * narrow.blur_px_per_disparity(800))


@pytest.mark.parametrize("values", [(0, 1.8, 2, 14.9), (50, -1, 2, 14.9), (50, 1.8, 0.05, 14.9), (50, 1.8, 2, 0)])
def test_lenses_that_cannot_be(values: tuple[float, float, float, float]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Lens(*values)


def test_focused_at_infinity_the_hyperfocal_rule_holds() -> None:
    # A point at distance d is a disc of the entrance pupil's size, seen at d: c = f * (f / N) / d.
    lens = Lens(50, 2.0, math.inf, 24)
    assert lens.blur_diameter_mm(10.0) == pytest.approx(50 * 25 / 10_000)
    assert lens.blur_diameter_mm(math.inf) == 0


def test_presets_show_what_a_photographer_expects() -> None:
    """Focused at 2 m, the far background: 85 mm f/1.4 blurs most, a phone hardly at all."""
    far = {name: lens.blur_radius_px(math.inf, 1000) for name, lens in PRESETS.items()}
    assert far["85mm"] > 3 * far["50mm"] > 3 * far["phone"]
    assert far["phone"] < 2.5
    assert PRESETS["50mm"].blur_diameter_mm(10.0) == pytest.approx(2500 / (1.8 * 1950) * 8 / 10)


def exif(**tags: object) -> bytes:
    blob = Image.Exif()
    ids = {"focal": 0x920A, "equivalent": 0xA405, "number": 0x829D, "distance": 0x9206}
    blob.get_ifd(0x8769).update({ids[name]: value for name, value in tags.items()})
    return blob.tobytes()


def test_exif_gives_the_lens() -> None:
    taken = read_taken(exif(focal=IFDRational(68, 10), equivalent=26, number=IFDRational(18, 10), distance=2.5))
    assert taken == Taken(6.8, 26.0, 1.8, 2.5)
    lens = taken.lens()
    assert lens is not None
    assert lens.sensor_height_mm == pytest.approx(24 * 6.8 / 26)
    assert lens.focus_distance_m == 2.5


@pytest.mark.parametrize("blob", [b"", b"no exif", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff", exif(focal=IFDRational(0, 0))])
def test_exif_that_says_nothing(blob: bytes) -> None:
    assert read_taken(blob) == Taken()
    assert Taken().lens() is None


def test_a_subject_at_infinity() -> None:
    taken = read_taken(exif(focal=50, equivalent=50, number=2, distance=IFDRational(0xFFFFFFFF, 1)))
    assert taken.subject_distance_m == math.inf
    assert taken.lens() == Lens(50, 2, math.inf, 24)


def test_presets_are_the_lenses_they_are_named_after() -> None:
    """docs/lens.md: 50 mm on full frame (24 mm high), 85 mm, EBB!'s Canon 7D (14.9 mm high), a phone's main camera."""
    numbers = {name: (lens.focal_length_mm, lens.f_number, lens.sensor_height_mm) for name, lens in PRESETS.items()}
    assert numbers == {"50mm": (50, 1.8, 24), "85mm": (85, 1.4, 24), "ebb": (50, 1.8, 14.9), "phone": (6.8, 1.8, 6.3)}
    phone = PRESETS["phone"]
    assert phone.focal_length_mm * 24 / phone.sensor_height_mm == pytest.approx(26, abs=0.2), "as on 36 x 24 mm"
    assert all(lens.focus_distance_m == 2 for lens in PRESETS.values()), "as where nothing else is known"
