"""`--show-depth` and `--save-depth` where there is no map: what the shipped network makes of the photo."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command import call
from wideopen import Renderer
from wideopen.image.resize import resize
from wideopen.photo.depth import load_depth
from wideopen.photo.files import load

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
SAYS = "carries no depth map; what is saved or shown is the network's own estimate"


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    with Image.open(EXAMPLES / "path.jpg") as picture:
        picture.resize((256, 192)).save(tmp_path / "path.png")
    return tmp_path / "path.png"


def test_the_estimate_is_written_and_said_to_be_one(photo: Path) -> None:
    """Held against the map of this photo that was made by hand: pixels in the same order of distance."""
    saved, shown = photo.with_name("depth.npy"), photo.with_name("depth.png")
    done = call("render", photo, "--save-depth", saved, "--show-depth", shown)
    assert (done.code, done.out.splitlines()) == (0, [str(photo.with_name("path-bokeh.png")), str(saved), str(shown)])
    assert done.error.startswith(f"wideopen: {photo}: {SAYS}") and done.error.count("\n") == 1
    found = np.load(saved)
    assert found.shape == (192, 256) and found.dtype == np.float32 and found.min() >= 0 and found.max() <= 1 + 1e-6
    wanted = resize(load_depth(EXAMPLES / "path-depth.png").disparity, 192, 256)
    ranks = [values.ravel().argsort().argsort() for values in (found, wanted)]
    assert np.corrcoef(*ranks)[0, 1] > 0.6
    assert load(shown).pixels.shape == (192, 256, 3)


def test_what_is_in_focus_is_marked(photo: Path) -> None:
    pictures = []
    for focus in ("auto", "far"):
        shown = photo.with_name(f"{focus}.png")
        assert call("render", photo, "--overwrite", "--focus", focus, "--show-depth", shown).code == 0
        pictures.append(load(shown).pixels)
    hatched = [(picture == (0, 140, 255)).all(axis=2) for picture in pictures]
    near = resize(load_depth(EXAMPLES / "path-depth.png").disparity, 192, 256) > 0.8
    assert hatched[0][near].mean() > 0.1 > hatched[1][near].mean()
    assert hatched[1].mean() > 0.01


def test_a_map_that_was_given_is_no_estimate(photo: Path) -> None:
    done = call("render", photo, "--depth", EXAMPLES / "path-depth.png", "--save-depth", photo.with_name("depth.png"))
    assert (done.code, done.error) == (0, "")


def test_the_library_does_the_same_and_tells(photo: Path, tmp_path: Path) -> None:
    told: list[str] = []
    saved = tmp_path / "library.tif"
    Renderer(notify=told.append).render_file(photo, tmp_path / "out.png", save_depth=saved)
    assert len(told) == 1 and told[0].startswith(f"{photo}: {SAYS}")
    assert call("render", photo, "--save-depth", tmp_path / "shell.tif").code == 0
    np.testing.assert_array_equal(load_depth(saved).disparity, load_depth(tmp_path / "shell.tif").disparity)


@pytest.mark.parametrize("kind", ["off", "transparent"])
def test_photos_of_other_kinds(photo: Path, kind: str) -> None:
    arguments: tuple[object, ...] = ()
    if kind == "off":
        arguments = ("--aperture", "off")
    elif kind == "transparent":
        with Image.open(photo) as picture:
            cover = np.full((192, 256), 255, np.uint8)
            cover[:20] = 0
            picture.putalpha(Image.fromarray(cover))
            picture.save(photo)
    saved, shown = photo.with_name("depth.npy"), photo.with_name("depth.png")
    done = call("render", photo, *arguments, "--save-depth", saved, "--show-depth", shown)
    assert done.code == 0 and SAYS in done.error
    assert np.load(saved).std() > 0.05 and load(shown).pixels.shape == (192, 256, 3)


def test_a_point_outside_is_one_line(photo: Path) -> None:
    done = call("render", photo, "--aperture", "off", "--focus", "900,20", "--save-depth", photo.with_name("a.npy"))
    assert done.code == 1 and "outside the photo of 256x192 px" in done.error and done.error.count("\n") == 1


def test_a_model_without_depth_says_so(photo: Path, model: Path) -> None:
    done = call("render", photo, "--model", model, "--save-depth", photo.with_name("depth.png"))
    assert done.code == 1 and "this model estimates none; give one with --depth" in done.error
    assert {path.name for path in photo.parent.iterdir()} == {"path.png"}
