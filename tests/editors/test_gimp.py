"""The plug-in of examples/gimp, run by GIMP itself in batch mode."""

import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import wideopen

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAM = shlex.join([sys.executable, "-m", "wideopen"])
SCRIPT = """
from gi.repository import Gimp, Gio
image = Gimp.file_load(Gimp.RunMode.NONINTERACTIVE, Gio.File.new_for_path({photo!r}))
{before}
plug_in = Gimp.get_pdb().lookup_procedure("wideopen-bokeh")
settings = plug_in.create_config()
settings.set_core_object_array("drawables", image.get_layers())
for name, value in dict(image=image, aperture=1.4, program={program!r}, **{settings!r}).items():
    settings.set_property(name, value)
print("RAN", plug_in.run(settings).index(0).value_nick, Gimp.get_pdb().get_last_error())
print("LAYERS", [layer.get_name() for layer in image.get_layers()])
Gimp.file_save(Gimp.RunMode.NONINTERACTIVE, image, Gio.File.new_for_path({output!r}), None)
"""


@pytest.fixture(scope="module")
def gimp() -> str:
    """GIMP 3 without a window."""
    for name in ("gimp-console-3.0", "gimp-console-3", "gimp-console"):
        path = shutil.which(name)
        if path and " 3." in subprocess.run([path, "--version"], capture_output=True, text=True).stdout:
            return path
    pytest.skip("GIMP 3 is not installed")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With a photo of 256x192 px, and GIMP's own folder with the plug-in in it."""
    Image.open(EXAMPLES / "dog.jpg").resize((256, 192)).save(tmp_path / "dog.png")
    shutil.copytree(EXAMPLES / "gimp", tmp_path / "gimp" / "plug-ins")
    return tmp_path


def run(gimp: str, folder: Path, before: str = "", program: str = PROGRAM, **settings: object) -> str:
    """Run the plug-in on dog.png and save what GIMP then shows as soft.png; what was printed of it."""
    script = SCRIPT.format(
        photo=str(folder / "dog.png"), output=str(folder / "soft.png"), program=program, before=before,
        settings=settings,
    )  # fmt: skip
    command = [gimp, "--no-interface", "--no-data", "--no-fonts", "--quit", "--batch-interpreter", "python-fu-eval",
               "--batch", script]  # fmt: skip
    # GIMP's own plug-ins look for a python3 that has gi, which an environment of ours does not.
    paths = [path for path in os.get_exec_path() if Path(path) != Path(sys.executable).parent]
    own = os.environ | {"GIMP3_DIRECTORY": str(folder / "gimp"), "PATH": os.pathsep.join(paths)}
    done = subprocess.run(command, env=own, capture_output=True, text=True, timeout=280)
    assert "RAN" in done.stdout, done.stderr
    return done.stdout


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path).convert("RGB"))


def test_the_result_is_a_layer_above_the_photo(gimp: str, folder: Path) -> None:
    said = run(gimp, folder, more="--blades 5 --lens 85mm")
    assert "RAN success" in said and "LAYERS ['wide open, f/1.4', 'Background']" in said
    photo = pixels(folder / "dog.png")
    assert np.array_equal(pixels(folder / "soft.png"), wideopen.render(photo, aperture=1.4, blades=5, lens="85mm"))


def test_what_is_selected_is_the_subject(gimp: str, folder: Path) -> None:
    said = run(gimp, folder, "image.select_rectangle(Gimp.ChannelOps.REPLACE, 60, 40, 140, 110)")
    assert "RAN success" in said
    matte = np.zeros((192, 256), np.uint8)
    matte[40:150, 60:200] = 255
    photo, soft = pixels(folder / "dog.png"), pixels(folder / "soft.png")
    assert np.array_equal(soft, wideopen.render(photo, matte=matte, aperture=1.4)) and not np.array_equal(soft, photo)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"program": "/no/such/wideopen"}, "/no/such/wideopen is not there; give its whole path in the field Program"),
        ({"focus": "somewhere"}, "focus must be auto, near, far"),
    ],
)
def test_a_fault_is_said_in_one_line(gimp: str, folder: Path, settings: dict[str, str], words: str) -> None:
    said = run(gimp, folder, **settings)
    assert "RAN execution-error" in said and words in said and "LAYERS ['Background']" in said
