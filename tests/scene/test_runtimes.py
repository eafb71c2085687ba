"""ONNX Runtime and OpenVINO: the same numbers, and a cache that cannot do harm."""

import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import pytest

from lens_models import build_lens_model
from limits import HANG
from wideopen import Renderer, RenderOptions
from wideopen.photo.files import load
from wideopen.scene.model import SHIPPED
from wideopen.scene.runtimes import OnnxGraph, OpenVino

pytestmark = pytest.mark.slow

openvino = pytest.importorskip("openvino")
EXAMPLES = Path(__file__).parents[2] / "examples"
WEIGHTS = SHIPPED.read_bytes()
OUTPUTS = ["matte", "relative"]


def small(name: str, size: tuple[int, int] = (128, 192)) -> np.ndarray:
    photo = cv2.resize(load(EXAMPLES / name).pixels, size[::-1], interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(photo.transpose(2, 0, 1)[None], np.float32) / 255


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of few nodes, as OpenVINO takes seconds to compile the shipped one."""
    return build_lens_model(tmp_path_factory.mktemp("tiny") / "tiny.onnx")


def test_engines_agree() -> None:
    ours, theirs = OpenVino(WEIGHTS, 1), OnnxGraph(WEIGHTS, 1)
    for name in ("dog.jpg", "statue.jpg"):
        for found, wanted in zip(*(engine.run(OUTPUTS, small(name)) for engine in (ours, theirs)), strict=True):
            assert np.abs(found - wanted).max() < 1 / 255 / 10
    (compiled,) = ours._compiled.values()
    assert compiled.get_property("INFERENCE_NUM_THREADS") == 1


def test_compiled_graphs_are_kept_and_damaged_ones_made_anew(tiny: Path, tmp_path: Path) -> None:
    weights, photo = tiny.read_bytes(), small("dog.jpg", (64, 96))
    first = OpenVino(weights, 1, cache=tmp_path / "cache").run(OUTPUTS, photo)
    (kept,) = (tmp_path / "cache").iterdir()
    written = kept.stat()
    again = OpenVino(weights, 1, cache=tmp_path / "cache").run(OUTPUTS, photo)
    assert kept.stat().st_mtime_ns == written.st_mtime_ns
    kept.write_bytes(kept.read_bytes()[: written.st_size // 2])
    mended = OpenVino(weights, 1, cache=tmp_path / "cache").run(OUTPUTS, photo)
    assert kept.stat().st_size == written.st_size
    for found in (again, mended):
        np.testing.assert_allclose(found[0], first[0], atol=1e-6)


def test_a_cache_that_cannot_be_written_is_no_harm(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    photo = small("dog.jpg", (32, 64))
    found = OpenVino(tiny.read_bytes(), 1, cache=tmp_path / "file" / "cache").run(OUTPUTS, photo)
    assert found[0].shape == (1, 1, 32, 64)


def test_two_processes_can_start_at_once(tiny: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\nimport numpy as np\nfrom wideopen.scene.runtimes import OpenVino\n"
        f"weights = Path({str(tiny)!r}).read_bytes()\n"
        "photo = np.full((1, 3, 64, 64), 0.5, np.float32)\n"
        "found = OpenVino(weights, 1, cache=Path(sys.argv[1])).run(['matte'], photo)\n"
        "print(float(found[0].mean()))"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=HANG)[0] for process in running]
    assert [process.returncode for process in running] == [0, 0]
    assert said[0] == said[1]
    assert len(list(tmp_path.iterdir())) == 1


def test_sizes_kept_in_memory_are_few(tiny: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wideopen.scene.runtimes.SHAPES_KEPT", 1)
    runtime = OpenVino(tiny.read_bytes(), 1)
    for width in (32, 64, 32):
        assert runtime.run(["matte"], np.zeros((1, 3, 32, width), np.float32))[0].shape == (1, 1, 32, width)
    assert len(runtime._compiled) == 1


def test_the_eight_sizes_seen_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    core = mock.MagicMock()
    monkeypatch.setattr(openvino, "Core", lambda: core)
    runtime, made = OpenVino(WEIGHTS, 1), core.compile_model
    for width in (*range(1, 9), 1, 9, 1):  # The ninth takes the place of the second: the first was just seen.
        runtime.run(["matte"], np.zeros((1, 3, 32, width), np.float32))
    assert made.call_count == 9
    runtime.run(["matte"], np.zeros((1, 3, 32, 2), np.float32))
    assert made.call_count == 10


def test_the_renderer_takes_it_for_many_photos(tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    photo = cv2.resize(load(EXAMPLES / "dog.jpg").pixels, (320, 240), interpolation=cv2.INTER_AREA)
    options = RenderOptions(model=tiny, threads=1, working_side=256)
    one, many = Renderer(options), Renderer(options, many=True)
    difference = np.abs(one.render(photo).astype(int) - many.render(photo))
    assert type(one.engine._runtime) is OnnxGraph and type(many.engine._runtime) is OpenVino
    assert difference.max() <= 1
    assert os.listdir(tmp_path / "wideopen")


def test_bf16_is_for_openvino_only() -> None:
    with pytest.raises(ValueError, match="openvino"):
        RenderOptions(precision="bf16")
    if "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"):
        with pytest.raises(ValueError, match="fp32"):
            OpenVino(WEIGHTS, 1, "bf16")


@pytest.mark.parametrize(
    ("able", "precision", "fine"), [([], "bf16", False), (["BF16"], "bf16", True), ([], "fp32", True)]
)
def test_bf16_is_for_processors_that_compute_in_it(
    able: list[str], precision: str, fine: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    core = mock.Mock()
    core.get_property.return_value = able
    monkeypatch.setattr(openvino, "Core", lambda: core)
    if not fine:
        with pytest.raises(ValueError, match="does not compute in bf16; take fp32"):
            OpenVino(WEIGHTS, 3, precision)
        return
    config = OpenVino(WEIGHTS, 3, precision)._config
    assert config["INFERENCE_PRECISION_HINT"] == {"bf16": "bf16", "fp32": "f32"}[precision]
    assert config["INFERENCE_NUM_THREADS"] == 3 and OpenVino(WEIGHTS, None)._config["INFERENCE_NUM_THREADS"] == 0
