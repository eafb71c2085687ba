"""Exports beside the model they were made of, each run by its own runtime here, apart from the check in the export."""

import hashlib
import json
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from typer.testing import CliRunner

import wideopen.export.formats as formats
from conftest import build_model
from lens_models import build_lens_model
from lively import lively, shortened
from pair_sets import make_set, save
from wideopen.cli import app
from wideopen.errors import ModelError, OutputError
from wideopen.export.formats import export_model, photos_below
from wideopen.export.onnx_export import Picture
from wideopen.export.parity import TOLERANCES, Agreement, compare, network_input
from wideopen.network.checkpoint import save_weights
from wideopen.network.stored_weights import widened
from wideopen.options import PyNETConfig
from wideopen.pairs.pairs import find_pairs, load_image
from wideopen.scene.model import Engine

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
FIRST = EXAMPLES / "models" / "first.onnx"
WIDE_SIZE = len(widened(FIRST.read_bytes()))
"""Of the model with weights in 32 bits; its file holds them in 16."""
DOG = load_image(EXAMPLES / "dog.jpg")[200:320]
"""A strip: the network sees it 352 px long, and a fifth as high as a whole photo."""


def shipped_on(photo: np.ndarray) -> tuple[np.ndarray, list[np.ndarray]]:
    planes = network_input(photo, 352, 32)
    return planes, onnxruntime.InferenceSession(FIRST.read_bytes()).run(None, {"photo": planes})


def facts(text: str, precision: str) -> None:
    values = json.loads(text)
    assert (values["format"], values["multiple"], values["scale"]) == (1, 32, 2)
    assert values["precision"] == precision and values["licence"] and "0..1" in values["ranges"]
    assert values["source_sha256"] == hashlib.sha256(FIRST.read_bytes()).hexdigest()


def onnx_facts(path: Path, precision: str) -> None:
    facts({entry.key: entry.value for entry in onnx.load(path).metadata_props}["wideopen"], precision)


def test_fp16_is_half_as_large_and_the_engine_takes_it(tmp_path: Path) -> None:
    output = tmp_path / "half.onnx"
    done = export_model(FIRST, output, precision="fp16", photos=[DOG])
    assert done.size == output.stat().st_size < 0.52 * WIDE_SIZE
    planes, wanted = shipped_on(DOG)
    found = onnxruntime.InferenceSession(output).run(None, {"photo": planes})
    assert done.agreement.bokeh == pytest.approx(np.abs(found[0] - wanted[0]).max(), abs=1e-6)
    assert 0 < done.agreement.bokeh < TOLERANCES["fp16"].bokeh
    assert done.agreement.sharp_mean == pytest.approx(np.abs(found[1] - wanted[1]).mean(), abs=1e-6)
    onnx_facts(output, "fp16")
    assert Engine(output).metadata.working_side == Engine(FIRST).metadata.working_side


def test_weights_in_16_bits_are_widened_to_the_same_network() -> None:
    model = onnx.load_from_string(widened(FIRST.read_bytes()))
    assert not any(item.data_type == onnx.TensorProto.FLOAT16 for item in model.graph.initializer)
    planes, wanted = shipped_on(DOG)
    found = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"photo": planes})
    for ours, theirs in zip(found, wanted, strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_openvino(tmp_path: Path) -> None:
    """In fp16; test_export_told.py has one in fp32."""
    openvino = pytest.importorskip("openvino")
    done = export_model(FIRST, tmp_path / "model.xml", precision="fp16", photos=[DOG])
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model.bin", "model.xml"]
    assert done.size == sum(path.stat().st_size for path in tmp_path.iterdir())
    model = openvino.Core().read_model(tmp_path / "model.xml")
    facts(model.get_rt_info(["wideopen"]).astype(str), "fp16")
    planes, wanted = shipped_on(DOG)
    found = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([planes])
    tolerance = TOLERANCES["fp16"]
    assert np.abs(found["bokeh"] - wanted[0]).max() < tolerance.bokeh
    assert np.abs(found["sharp"] - wanted[1]).max() < tolerance.sharp


def test_int8_and_what_it_must_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = find_pairs(make_set(tmp_path / "pairs", ["1", "2"], 64, 256))
    photos = [load_image(EXAMPLES / f"{name}.jpg")[200:320] for name in ("dog", "scooter", "statue")]
    given = {"precision": "int8", "photos": [DOG], "calibrate": photos, "pairs": pairs}
    monkeypatch.setattr(formats, "MOST_LOSS", 100.0)  # Drawn noise says nothing of photos.
    done = export_model(FIRST, tmp_path / "int8.onnx", **given)  # type: ignore[arg-type]
    assert done.size < 0.8 * WIDE_SIZE and done.loss is not None
    onnx_facts(tmp_path / "int8.onnx", "int8")
    kinds = [node.op_type for node in onnx.load(tmp_path / "int8.onnx").graph.node]
    assert kinds.count("QuantizeLinear") > 50
    data = (tmp_path / "int8.onnx").read_bytes()
    monkeypatch.setattr(formats, "to_int8", lambda *_: data)
    monkeypatch.setattr(formats, "MOST_LOSS", done.loss - 0.01)
    with pytest.raises(ModelError, match=rf"worse\.onnx: not kept, it loses {done.loss:.2f} dB on 2 pairs"):
        export_model(FIRST, tmp_path / "worse.onnx", **given)  # type: ignore[arg-type]
    assert not (tmp_path / "worse.onnx").exists()


def test_too_large_a_difference_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph whose picture is a little darker: the message says by how much."""
    model = onnx.load(FIRST)
    clip = next(node for node in model.graph.node if node.output[0] == "bokeh")
    clip.output[0] = "light"
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.array(0.9, np.float32), "dim"))
    model.graph.node.append(onnx.helper.make_node("Mul", ["light", "dim"], ["bokeh"]))
    monkeypatch.setattr(formats, "to_fp16", lambda data: model.SerializeToString())
    with pytest.raises(ModelError, match=r"not kept, its bokeh differs by 0\.(09\d\d|1000) where 0\.03"):
        export_model(FIRST, tmp_path / "dark.onnx", precision="fp16", photos=[DOG])
    assert not list(tmp_path.iterdir())


def test_agreement_is_counted_by_hand() -> None:
    a, b = np.zeros((1, 3, 2, 2), np.float32), np.zeros((1, 1, 2, 2), np.float32)
    off = a.copy()
    off[0, 0, 0, 0] = 0.6
    found = compare(lambda _: [a, b], lambda _: [off, b + 0.25], [a, a])
    assert (found.bokeh, found.sharp, found.photos) == (pytest.approx(0.6), 0.25, 2)
    assert (found.bokeh_mean, found.sharp_mean) == (pytest.approx(0.05), 0.25)
    lost = compare(lambda _: [a], lambda _: [a * np.nan], [a])
    with pytest.raises(ModelError, match="differs by nan"):
        lost.check("x.onnx", "int8")
    with pytest.raises(ModelError, match="the export gives"):
        compare(lambda _: [a, b], lambda _: [a], [a])
    Agreement(0.02, 0, 0.09, 0, 1, 1).check("x.onnx", "fp16")
    matte = Agreement(0.06, 0, 0.002, 0, 1, 1)
    matte.check("x.onnx", "fp16", picture=False)
    with pytest.raises(ModelError, match=r"its bokeh differs by 0\.0600 where 0\.03"):
        matte.check("x.onnx", "fp16")


@shortened()
def test_torch_export_of_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the lowest level, which is traced in seconds; test_onnx_export.py traces whole networks."""
    network = lively(PyNETConfig(width=0.03125, blocks="cascade", head="lens", init="he"), 7)
    save_weights(tmp_path / "level7.pt", network, recipe={"name": "tried", "pairs": {"input": 128}})
    # Tracing to ONNX is test_onnx_export's: here is a graph that says the same of itself.
    monkeypatch.setattr(
        "wideopen.export.onnx_export.export_onnx", lambda weights, output, **_: build_lens_model(output)
    )
    done = export_model(tmp_path / "level7.pt", tmp_path / "model.pt2", photos=[load_image(EXAMPLES / "dog.jpg")])
    assert done.agreement.bokeh < 1e-4 and done.agreement.sharp < 1e-4
    extra = {"wideopen": ""}
    module = torch.export.load(tmp_path / "model.pt2", extra_files=extra).module()
    said = json.loads(extra["wideopen"])
    assert said["source_sha256"] == hashlib.sha256((tmp_path / "level7.pt").read_bytes()).hexdigest()
    photo = torch.rand(2, 3, 64, 160)
    with torch.no_grad():
        for found, wanted in zip(module(photo), Picture(network)(photo), strict=True):
            torch.testing.assert_close(found, wanted, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("output", "options", "says"),
    [
        ("a.tflite", {}, "litert-torch"),
        ("a.mlpackage", {}, "CoreMLExecutionProvider"),
        ("a.pt2", {}, "give level1.pt"),
        ("a.engine", {}, "end it in .onnx, .xml, .pt2"),
        ("a.xml", {"precision": "int8"}, "int8 is not made of .xml"),
        ("a.onnx", {"precision": "int8"}, "--calibrate DIR"),
        ("a.onnx", {"photos": []}, "--photo"),
    ],
)
def test_what_is_not_made_is_one_line(tmp_path: Path, output: str, options: dict, says: str) -> None:
    with pytest.raises(ModelError) as caught:
        export_model(FIRST, tmp_path / output, **{"photos": [DOG], **options})
    assert says in str(caught.value) and "\n" not in str(caught.value) and not list(tmp_path.iterdir())


def test_foreign_sources_and_existing_files(tmp_path: Path) -> None:
    (tmp_path / "text.onnx").write_text("no model")
    with pytest.raises(ModelError, match=r"text\.onnx: not an ONNX model"):
        export_model(tmp_path / "text.onnx", tmp_path / "a.onnx", photos=[DOG])
    (tmp_path / "m.bin").write_bytes(b"mine")
    with pytest.raises(OutputError, match=r"m\.bin: exists already"):
        export_model(FIRST, tmp_path / "m.xml", photos=[DOG])
    assert not (tmp_path / "m.xml").exists()
    with pytest.raises(ModelError, match="no photos here"):
        photos_below(tmp_path, 3)


def test_facts_given_with_a_model_file_are_kept(tmp_path: Path) -> None:
    source = build_model(tmp_path / "tiny.onnx", metadata={"licence": "CC-BY-4.0", "author": "A"})
    export_model(source, tmp_path / "a.onnx", photos=[DOG[:, :300]])
    export_model(
        source, tmp_path / "b.onnx", photos=[DOG[:, :300]], name="mine", working_side=256, info={"author": "B"}
    )
    a, b = (Engine(tmp_path / f"{name}.onnx").metadata for name in "ab")
    assert (a.name, a.working_side, a.details["licence"], a.details["author"]) == ("tiny", 192, "CC-BY-4.0", "A")
    assert (b.name, b.working_side, b.details["licence"], b.details["author"]) == ("mine", 256, "CC-BY-4.0", "B")
    export_model(build_model(tmp_path / "bare.onnx"), tmp_path / "c.onnx", photos=[DOG[:, :300]])
    assert Engine(tmp_path / "c.onnx").metadata.details["licence"] == "not stated"  # not ours to choose


def test_of_two_files_none_is_left_where_one_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("openvino")
    source, write = build_model(tmp_path / "tiny.onnx"), formats.write_output

    def full(path: Path, data: bytes, overwrite: bool) -> None:
        if path.suffix == ".xml":
            raise OutputError(f"{path}: cannot be written (No space left on device)")
        write(path, data, overwrite)

    monkeypatch.setattr(formats, "write_output", full)
    with pytest.raises(OutputError, match="No space left"):
        export_model(source, tmp_path / "m.xml", photos=[DOG[:, :300]])
    assert [path.name for path in tmp_path.iterdir()] == ["tiny.onnx"]


def test_command(tmp_path: Path) -> None:
    photo = save(tmp_path / "dog.png", DOG)
    command = ["export", str(FIRST), "-o", str(tmp_path / "a.onnx"), "--photo", str(photo)]
    found = CliRunner().invoke(app, command)
    assert found.exit_code == 0 and "21.2 MB" in found.output and "at most bokeh 0.00000" in found.output
    found = CliRunner().invoke(app, [*command, "--weight-bits", "12", "--overwrite"])
    assert found.exit_code == 0 and "9.0 MB" in found.output and "at most bokeh 0.0" in found.output
    found = CliRunner().invoke(app, [*command, "--weight-bits", "16", "--precision", "fp16", "--overwrite"])
    assert found.exit_code != 0 and "--weight-bits 16 is for an .onnx in fp32; leave it away" in str(found.exception)
