"""`wideopen render` with depth: one picture from all kinds of maps, focus where it is put, one-line errors."""

import sys
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
import OpenEXR
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image

import wideopen
from depth_photos import encoded, heic
from wideopen import RenderOptions
from wideopen.cli import main
from wideopen.photo.depth import load_depth
from wideopen.photo.files import load, save
from wideopen.photo.photo import Photo

pytestmark = pytest.mark.slow

Float = NDArray[np.float32]
HEIGHT, WIDTH = 180, 240
STRIPES = {"far": (slice(0, 80), 0.0), "middle": (slice(80, 160), 0.5), "near": (slice(160, 240), 1.0)}
"""Columns of the photo, and their disparity."""


def draw() -> tuple[NDArray[np.uint8], Float]:
    """Three upright stripes of one texture, the middle one red (the model's subject), and the map, half as large."""
    texture = np.random.default_rng(3).integers(0, 100, (HEIGHT, WIDTH, 1)).astype(np.float32)
    texture = cv2.GaussianBlur(texture, (0, 0), 0.7)[..., None] * 1.4
    photo = np.dstack([texture * 0.5, texture + 60, texture + 90])
    disparity = np.zeros((HEIGHT // 2, WIDTH // 2), np.float32)
    for columns, near in STRIPES.values():
        disparity[:, columns.start // 2 : columns.stop // 2] = near
    red = STRIPES["middle"][0]
    photo[:, red] = np.dstack([texture * 0.3 + 205, texture * 0.5, texture * 0.5])[:, red]
    ground = 0.06 * np.linspace(0, 1, HEIGHT // 2, dtype=np.float32)[:, None]
    return photo.clip(0, 255).astype(np.uint8), np.where(disparity == 0, ground, disparity).astype(np.float32)


class Ran(NamedTuple):
    code: int
    out: str
    error: str


BESIDE = "--save-depth", "--show-depth"
"""What is written beside a picture, and named below it."""


class Shell:
    """A folder with `photo.png` and `map.npy` in which commands are run, the tiny model at hand."""

    def __init__(self, folder: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
        self.folder, self.model, self._patch, self._capsys = folder, model, monkeypatch, capsys
        self.photo, self.map = draw()
        save(Photo(self.photo), folder / "photo.png")
        np.save(folder / "map.npy", self.map)
        monkeypatch.chdir(folder)
        for name, value in (("NO_COLOR", "1"), ("COLUMNS", "160"), ("TERM", "dumb")):
            monkeypatch.setenv(name, value)

    def run(self, *arguments: object) -> Ran:
        command = ["wideopen", "render", *map(str, arguments), "--model", str(self.model), "--threads", "1"]
        self._patch.setattr(sys, "argv", command)
        code = 0
        try:
            main()
        except SystemExit as stopped:
            code = int(stopped.code or 0)
        return Ran(code, *self._capsys.readouterr())

    def picture(self, *arguments: object, photo: str = "photo.png") -> NDArray[np.uint8]:
        """What is written for these options."""
        done = self.run(photo, "-o", "out.png", "--overwrite", *arguments)
        carried = photo.endswith(".heic")
        notice = f"wideopen: {photo}: its depth map has no place in PNG; write .jpg to keep it\n" if carried else ""
        told, *beside = done.out.splitlines()
        assert (done.code, done.error, told) == (0, notice, "out.png")
        assert beside == [str(arguments[at + 1]) for at, word in enumerate(arguments) if word in BESIDE]
        return load(self.folder / "out.png").pixels

    def names(self) -> set[str]:
        return {path.name for path in self.folder.iterdir()}


@pytest.fixture
def shell(tmp_path: Path, model: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    return Shell(tmp_path, model, monkeypatch, capsys)


LENS = ("--aperture", "0.9", "--focus", "near", "--grain", 0)
MAP = ("--depth", "map.npy")


def test_every_kind_of_map_gives_the_same_picture(shell: Shell) -> None:
    values = shell.map
    eight, sixteen = np.rint(values * 255).astype(np.uint8), np.rint(values * 65535).astype(np.uint16)
    Path("8.png").write_bytes(encoded(eight, "PNG"))
    Path("16.png").write_bytes(encoded(sixteen, "PNG"))
    tifffile.imwrite("float.tif", values)
    OpenEXR.File({"type": OpenEXR.scanlineimage}, {"Z": values}).write("float.exr")
    Path("photo.heic").write_bytes(heic(shell.photo, eight))
    # HEIC turns colours into others and back: the same pixels for all.
    save(Photo(load(Path("photo.heic")).pixels), Path("photo.png"), overwrite=True)
    expected = shell.picture(*MAP, *LENS).astype(int)
    assert np.abs(expected - load(Path("photo.png")).pixels).mean() > 3, "it is blurred"
    for name in ("8.png", "16.png", "float.tif", "float.exr", "photo.heic"):
        given = () if name == "photo.heic" else ("--depth", name)
        found = shell.picture(*given, *LENS, photo="photo.heic" if name == "photo.heic" else "photo.png")
        off = np.abs(found - expected)
        assert off.mean() < 0.5, name
        assert (off <= 3).mean() >= 0.999, name
        if "float" in name:
            np.testing.assert_array_equal(found, expected)


def test_the_map_in_the_photo_is_used_unless_told_otherwise(shell: Shell) -> None:
    Path("photo.heic").write_bytes(heic(shell.photo, np.rint(shell.map * 255).astype(np.uint8)))
    flipped = 1 - shell.map
    np.save("flipped.npy", flipped)
    embedded = shell.picture(*LENS, photo="photo.heic")
    other = shell.picture("--depth", "flipped.npy", *LENS, photo="photo.heic")
    network = shell.picture("--depth", "none", photo="photo.heic")
    for one, two in ((embedded, other), (embedded, network), (other, network)):
        assert np.abs(one.astype(int) - two).mean() > 2


def test_maps_of_distance_and_the_other_way_round(shell: Shell) -> None:
    values = shell.map.copy()
    expected = shell.picture(*MAP, *LENS).astype(int)
    np.save("inverted.npy", 1 - values)
    assert np.abs(shell.picture("--depth", "inverted.npy", "--invert", *LENS) - expected).max() <= 1
    with np.errstate(divide="ignore"):
        np.save("distance.npy", 1 / values)
    found = shell.picture("--depth", "distance.npy", "--depth-kind", "distance", *LENS)
    assert np.abs(found - expected).max() <= 1
    np.save("millimetres.npy", np.where(values > 0, 1000 / np.maximum(values, 1e-6), 1e9))
    found = shell.picture("--depth", "millimetres.npy", "--depth-kind", "distance", "--depth-unit", 0.001, *LENS)
    assert np.abs(found - expected).max() <= 1, "the nearest thing is 1 m away, as it is if nothing is said"


def sharpness(seen: NDArray[np.uint8], photo: NDArray[np.uint8]) -> dict[str, float]:
    """Energy of the Laplacian in the middle of each stripe, as a share of the photo's."""

    def energy(pixels: NDArray[np.uint8], columns: slice) -> float:
        grey = cv2.cvtColor(pixels, cv2.COLOR_RGB2GRAY).astype(np.float32)
        return float((cv2.Laplacian(grey, cv2.CV_32F) ** 2)[20:-20, columns.start + 16 : columns.stop - 16].sum())

    return {name: energy(seen, columns) / energy(photo, columns) for name, (columns, _) in STRIPES.items()}


@pytest.mark.parametrize(
    ("focus", "sharp"),
    [
        ("near", "near"),
        ("far", "far"),
        ("auto", "middle"),
        ("0.15,0.05", "far"),
        ("0.5,0.5", "middle"),
        ("0.9,0.3", "near"),
        ("30,10", "far"),
        ("120,90", "middle"),
        ("200,150", "near"),
    ],
)
def test_focus_is_where_it_is_put(shell: Shell, focus: str, sharp: str) -> None:
    found = sharpness(shell.picture(*MAP, "--aperture", "0.9", "--grain", 0, "--focus", focus), shell.photo)
    assert max(found, key=lambda name: found[name]) == sharp
    assert found[sharp] > 0.8
    assert all(share < 0.3 for name, share in found.items() if name != sharp)


def test_a_smaller_opening_keeps_more_sharp(shell: Shell) -> None:
    far = [
        sharpness(shell.picture(*MAP, "--grain", 0, "--focus", "near", "--aperture", aperture), shell.photo)["far"]
        for aperture in ("f/8", "4", "F2", "f/1.2")
    ]
    assert (np.diff(far) < 0).all()


def test_options_of_the_lens_change_the_picture(shell: Shell) -> None:
    plain = shell.picture(*MAP, *LENS).astype(int)
    (shell.folder / "shape.png").write_bytes(encoded(np.eye(32, dtype=np.uint8) * 255, "PNG"))
    for more in (
        ("--blades", 5),
        ("--blades", 5, "--rotate", 36),
        ("--squeeze", 2),
        ("--ring", 0.6),
        ("--vignette", 0.8),
        ("--shape", "shape.png"),
        ("--nearest", 3),
        ("--lens", "phone"),
    ):
        assert (shell.picture(*MAP, *LENS, *more) != plain).any(), more


@pytest.mark.parametrize("given", [MAP, ()])
def test_an_aperture_that_is_off_leaves_the_photo(shell: Shell, given: tuple[str, ...]) -> None:
    np.testing.assert_array_equal(shell.picture(*given, "--aperture", "off"), shell.photo)


def test_the_library_gives_the_pixels_of_the_command_line(shell: Shell) -> None:
    options = RenderOptions(model=shell.model, threads=1, aperture=0.9, focus="auto", blades=6, vignette=0.3)
    expected = shell.picture(*MAP, "--aperture", "0.9", "--blades", 6, "--vignette", 0.3)
    np.testing.assert_array_equal(wideopen.render(shell.photo, options, depth=shell.map), expected)
    image = wideopen.render(Image.fromarray(shell.photo), options, depth=shell.map)
    np.testing.assert_array_equal(np.asarray(image), expected)
    named = RenderOptions(
        model=shell.model, threads=1, aperture=0.9, blades=6, vignette=0.3, depth=str(shell.folder / "map.npy")
    )
    np.testing.assert_array_equal(wideopen.render(shell.photo, named), expected)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".exr", ".npy"])
def test_the_saved_map_gives_the_same_picture_again(shell: Shell, suffix: str) -> None:
    first = shell.picture(*MAP, *LENS, "--save-depth", f"saved{suffix}").astype(int)
    saved = load_depth(Path(f"saved{suffix}")).disparity
    assert saved.shape == (HEIGHT, WIDTH)
    for columns, near in STRIPES.values():
        if near:
            np.testing.assert_allclose(saved[:, columns.start + 8 : columns.stop - 8], near, atol=0.02)
    again = shell.picture("--depth", f"saved{suffix}", *LENS)
    # A map of the photo's own size has harder edges than one half as large.
    assert np.abs(again - first).mean() < 1


def test_the_depth_that_is_shown_marks_what_is_in_focus(shell: Shell) -> None:
    shown = []
    for focus in ("near", "far"):
        shell.picture(*MAP, "--aperture", "0.9", "--focus", focus, "--show-depth", f"{focus}.png")
        shown.append(load(Path(f"{focus}.png")).pixels.astype(int))
    assert shown[0].shape == (HEIGHT, WIDTH, 3)
    differs = (shown[0] != shown[1]).any(axis=2).mean(axis=0)
    assert differs[STRIPES["near"][0]].mean() > 0.2
    assert differs[STRIPES["middle"][0]][8:-8].mean() < 0.05


def test_the_depth_that_is_shown_marks_the_tilted_plane_of_focus(shell: Shell) -> None:
    shown = []
    for tilt in ("0", "20"):
        options = "--aperture", "0.9", "--focus", "0.5,0.5", "--tilt", tilt, "--show-depth", f"{tilt}.png"
        shell.picture(*MAP, *options)
        shown.append(load(Path(f"{tilt}.png")).pixels[:, WIDTH // 2 - 20 : WIDTH // 2 + 20].astype(int))
    differs = (shown[0] != shown[1]).any(axis=(1, 2))
    middle = HEIGHT // 2
    assert not differs[middle - 2 : middle + 2].any()
    assert differs[: middle - 30].mean() > 0.5 and differs[middle + 30 :].mean() > 0.5


def refused(shell: Shell, done: Ran, says: str, before: set[str], code: int = 2) -> None:
    assert done.code == code and done.out == ""
    assert says in done.error and "Traceback" not in done.error
    assert shell.names() == before


def bad_map(kind: str) -> NDArray:
    good = draw()[1]
    if kind == "NaN":
        good[5, 5] = np.nan
    return {"constant": np.full_like(good, 0.5), "turned": good.T, "cropped": good[:, :60], "no pixels": good[:0]}.get(
        kind, good
    )


@pytest.mark.parametrize(
    ("kind", "says", "code"),
    [
        ("constant", "same depth everywhere", 2),
        ("NaN", "NaN", 2),
        ("turned", "turn the map by 90 degrees", 1),
        ("cropped", "another shape than the photo's 240x180", 1),
        ("no pixels", "no pixels", 2),
    ],
)
def test_a_map_that_is_none_gets_one_line(shell: Shell, kind: str, says: str, code: int) -> None:
    """1 where it is the photo that it does not go with."""
    np.save("bad.npy", bad_map(kind))
    before = shell.names()
    done = shell.run("photo.png", "-o", "out.png", "--depth", "bad.npy", "--save-depth", "saved.png")
    refused(shell, done, says, before, code)
    assert done.error.startswith("wideopen: bad.npy: ") and done.error.count("\n") == 1


@pytest.mark.parametrize(("content", "says"), [(b"", "empty (0 bytes)"), (b"text", "not a"), (None, "no such file")])
def test_a_file_that_is_no_map_gets_one_line(shell: Shell, content: bytes | None, says: str) -> None:
    if content is not None:
        Path("bad.png").write_bytes(content)
    before = shell.names()
    done = shell.run("photo.png", "-o", "out.png", "--depth", "bad.png")
    refused(shell, done, says, before)
    assert done.error.startswith("wideopen: bad.png: ") and done.error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says", "code"),
    [
        (("--aperture", "1.4"), "need a depth map (--depth)", 1),
        (("--focus", "near"), "need a depth map (--depth)", 1),
        ((*MAP, "--lens", "photo"), "EXIF does not name its lens", 1),
        ((*MAP, "--focus", "500,20"), "outside the photo of 240x180 px", 1),
        ((*MAP, "--shape", "none.png"), "none.png: no such file", 2),
        (("--save-depth", "depth.png"), "carries no depth map", 1),
        ((*MAP, "--save-depth", "depth.jpg"), "depth.jpg", 2),
        ((*MAP, "--save-depth", "map.npy"), "exists already", 2),
        ((*MAP, "--show-depth", "depth.xyz"), "depth.xyz", 2),
        ((*MAP, "--save-depth", "out.png"), "out.png: is to be written twice", 2),
        ((*MAP, "--save-depth", "depth.png", "--show-depth", "./depth.png"), "depth.png: is to be written twice", 2),
    ],
)
def test_what_cannot_be_done_with_this_photo_gets_one_line(
    shell: Shell, arguments: tuple[object, ...], says: str, code: int
) -> None:
    before = shell.names()
    done = shell.run("photo.png", "-o", "out.png", *arguments)
    refused(shell, done, says, before, code)
    assert done.error.startswith("wideopen: ") and done.error.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--focus", "foo"), "focus must be auto, near, far or X,Y"),
        (("--aperture", "wide"), "is no f-number"),
        (("--aperture", "0"), "is no f-number"),
        (("--depth-kind", "height"), "height"),
        (("--highlights", 0), "highlights must be 1 to 50"),
        (("--blades", 2), "blades must be 3 to 11"),
        (("--lens", "35mm"), "lens must be one of"),
        (("--grain", 2), "grain must be 0 to 1"),
        (("--depth-unit", -1), "depth unit must be above 0"),
    ],
)
def test_wrong_use_is_explained(shell: Shell, arguments: tuple[object, ...], says: str) -> None:
    before = shell.names()
    done = shell.run("photo.png", "-o", "out.png", *MAP, *arguments)
    refused(shell, done, says, before)
    assert "Usage: " in done.error
