"""`wideopen doctor`: true of this installation, and not deaf to what is wrong."""

import json
import os
import platform
import re
import sys
from pathlib import Path
from unittest import mock

import cv2
import numpy as np
import onnxruntime
import pytest
from numpy._core._multiarray_umath import __cpu_features__ as cpu_features  # type: ignore[attr-defined]

from command import call
from wideopen import Renderer, RenderOptions, __version__
from wideopen.render import doctor
from wideopen.render.machine import memory

pytestmark = pytest.mark.slow


def findings(*arguments: object) -> tuple[int, dict[tuple[str, str], dict[str, object]]]:
    done = call("doctor", "--json", *arguments)
    assert done.error == ""
    return done.code, {(found["topic"], found["name"]): found for found in map(json.loads, done.out.splitlines())}


def test_all_is_well_here() -> None:
    code, found = findings()
    assert code == 0 and all(one["fine"] for one in found.values())
    assert found["versions", "wideopen"]["value"] == __version__
    assert found["versions", "onnxruntime"]["value"] == onnxruntime.__version__
    assert str(found["versions", "Python"]["value"]).startswith(sys.version.split()[0])
    assert "default.onnx" in str(found["model", "file"]["value"])
    for name in ("files", "network", "lens"):
        assert "as" in str(found["self-test", name]["value"])
    if sys.platform == "linux":
        has = cpu_features.get("AVX2", False)  # NumPy asks the processor itself.
        assert ("avx2" in str(found["machine", "instructions"]["value"]).split()) == has
        assert re.fullmatch(r"[\d.]+ of [\d.]+ GiB free", str(found["machine", "memory"]["value"]))


def test_what_is_expected_is_what_the_shipped_model_makes() -> None:
    """To be written anew with each new model: WIDEOPEN_UPDATE_GOLDEN=1 pytest tests/render/test_doctor.py."""
    if os.environ.get("WIDEOPEN_UPDATE_GOLDEN"):
        doctor.EXPECTED.write_text(json.dumps(doctor.expectations(Renderer())) + "\n")
    known, now = json.loads(doctor.EXPECTED.read_text()), doctor.expectations(Renderer(RenderOptions(threads=1)))
    assert known["sha256"] == now["sha256"]
    for name, near in (("network", 1), ("lens", 0.1)):  # What networks compute differs from processor to processor.
        assert np.abs(np.array(known[name]) - np.array(now[name])).max() < near
        assert np.abs(np.array(known[name]) - np.array(doctor.grid(doctor.drawn_photo()))).max() > doctor.TOLERANCE


def test_the_drawn_photo_is_the_same_everywhere() -> None:
    photo = doctor.drawn_photo()
    for row, column in np.random.default_rng(0).integers((360, 480), size=(400, 2)).tolist():
        if (row - 200) ** 2 + (column - 240) ** 2 < 110**2:
            check = 50 * ((row // 6 + column // 6) % 2)
            assert photo[row, column].tolist() == [190 + check, 100 + check, 70 + check]
        else:
            stripe = 8 * (row * column // (40 + row // 8) % 16) + column // 8
            assert photo[row, column].tolist() == [stripe, stripe + 40, 220 - stripe]


def test_a_processor_that_computes_wrongly_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    render = Renderer.render
    monkeypatch.setattr(Renderer, "render", lambda self, *given: 255 - render(self, *given))
    found = {one.name: one for one in doctor.self_test(Renderer())}
    assert found["files"].fine and not found["network"].fine and not found["lens"].fine
    assert "please report this" in found["lens"].value


def test_another_model(model: Path, tmp_path: Path) -> None:
    code, found = findings("--model", model)
    assert code == 0 and "runs" in str(found["self-test", "network"]["value"])
    code, found = findings("--model", tmp_path / "none.onnx")
    assert code == 1 and "none.onnx: no such model" in str(found["model", "file"]["value"])
    assert not found["model", "file"]["fine"] and not found["self-test", "network"]["fine"]
    assert found["self-test", "lens"]["fine"]


def test_a_model_that_was_swapped_is_told(model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("wideopen.scene.model.SHIPPED", model)
    done = call("doctor")
    assert done.code == 1 and "! network" in done.out and "not the model this version came with" in done.out
    assert done.out.endswith("1 of these need mending.\n")


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
def test_memory_is_told_the_same_in_two_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    free, total = memory()
    said = dict(line.split(":") for line in Path("/proc/meminfo").read_text().splitlines())
    container = Path("/sys/fs/cgroup/memory.max")
    limit = container.read_text().strip() if container.exists() else "max"
    most = int(limit) if limit.isdigit() else 1 << 60
    assert total == min(int(said["MemTotal"].split()[0]) * 1024, most) and 0 < free <= total
    monkeypatch.setattr(Path, "read_text", mock.Mock(side_effect=OSError))
    free, other = memory()
    assert other == pytest.approx(total, rel=0.02) and 1 << 20 < free <= other


def test_a_container_s_memory_counts_where_it_is_less(monkeypatch: pytest.MonkeyPatch) -> None:
    said = {
        "meminfo": "MemTotal: 8000 kB\nMemAvailable: 5000 kB\n",
        "memory.max": "6000000",
        "memory.current": "1500000",
    }
    monkeypatch.setattr(Path, "read_text", lambda path: said[path.name])
    assert memory() == (4_500_000, 6_000_000)
    said |= {"memory.max": "9000000"}
    assert memory() == (5_120_000, 8_192_000)
    said |= {"memory.max": "max"}
    assert memory() == (5_120_000, 8_192_000)


def test_machines_that_tell_less(monkeypatch: pytest.MonkeyPatch) -> None:
    """No /proc, and no sysconf: OpenCV names the instructions, and of memory nothing is said."""
    monkeypatch.setattr(Path, "read_text", mock.Mock(side_effect=OSError))
    monkeypatch.setattr(os, "sysconf", mock.Mock(side_effect=ValueError))
    for name, expected in (("A14", "A14"), ("", platform.machine())):
        monkeypatch.setattr(platform, "processor", lambda name=name: name)
        assert doctor._processor() == (expected, cv2.getCPUFeaturesLine())
    assert memory() == (0, 0)
    assert [one.name for one in doctor._machine()] == ["processor", "instructions"]


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (ModuleNotFoundError("No module named 'rawpy'", name="rawpy"), 'run: pip install "wideopen[raw]"'),
        (ModuleNotFoundError("No module named 'foo'", name="foo"), "No module named 'foo'"),
        (ValueError("two\nlines"), "ValueError: two lines"),
    ],
)
def test_what_is_missing_or_fails_is_one_line(error: Exception, line: str) -> None:
    found = doctor._tried("files", mock.Mock(side_effect=error))
    assert (found.topic, found.name, found.fine) == ("self-test", "files", False) and found.value.endswith(line)


@pytest.mark.parametrize("there", [True, False])
def test_formats_that_are_not_there_are_told(there: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """What Pillow should have is a fault; of what is installed beside it, how."""
    monkeypatch.setattr("PIL.features.check", lambda name: there)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name if there else None)
    found = {one.name: (one.value, one.fine) for one in doctor._formats()}
    assert found["AVIF"] == (("on", True) if there else ("off: this Pillow was built without it", False))
    assert found["RAW"] == ("on" if there else 'off; pip install "wideopen[raw]"', True)


@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("auto", "ONNX Runtime, OpenVINO for many photos; "),
        ("openvino", "openvino; "),
        ("onnxruntime", "onnxruntime; "),
    ],
)
def test_the_engine_is_told(engine: str, said: str, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "has_openvino", lambda: True)
    first = next(doctor._model(Renderer(model=model, engine=engine)))
    assert first.name == "engine" and first.value == f"{said}ONNX Runtime computes on CPU"


@pytest.mark.parametrize(
    ("most", "rest", "fine"), [(5.9, 1.3, True), (6.1, 0.0, False), (1.6, 1.6, False), (1.4, 1.4, True)]
)
def test_what_is_off_by_more_than_rounding_is_told(most: float, rest: float, fine: bool) -> None:
    """Six of 255 somewhere, or one and a half everywhere."""
    found = np.array(json.loads(doctor.EXPECTED.read_text())["lens"]) + rest
    found.flat[7] += most - rest
    if fine:
        assert doctor._compared(found.tolist(), "lens") == f"as expected, within {most:.2f}/255"
        return
    with pytest.raises(ValueError, match=rf"off by up to {most:.1f}/255 .*more than 6 \(1.5\); please report this"):
        doctor._compared(found.tolist(), "lens")
