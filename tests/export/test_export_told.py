"""What `wideopen export` says while it works and of what it made, and what the shipped model says of itself."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest

from command import call
from lens_models import build_lens_model
from wideopen.export.formats import outputs_of, run_onnx
from wideopen.export.parity import network_input, ranges
from wideopen.pairs.pairs import load_image
from wideopen.scene.model import SHIPPED

pytestmark = pytest.mark.slow

DOG = Path(__file__).parents[2] / "examples" / "dog.jpg"


def test_the_shipped_model_says_what_it_gives() -> None:
    data = SHIPPED.read_bytes()
    facts = json.loads({entry.key: entry.value for entry in onnx.load_from_string(data).metadata_props}["wideopen"])
    planes = run_onnx(data)(network_input(load_image(DOG), facts["working_side"], facts["multiple"]))
    said = facts["ranges"].partition(" -> ")[2].split("; ")
    assert [words.split()[0] for words in said] == outputs_of(data) == ["matte", "relative"]
    assert all("[N, 1, H, W]" in words for words in said) and {plane.shape[1] for plane in planes} == {1}
    assert facts["ranges"] == ranges(["matte", "relative"]) and "bokeh" not in facts["ranges"]
    assert planes[0].min() >= 0 and planes[0].max() <= 1 and np.median(planes[1][planes[0] < 0.01]) < 0


def test_each_step_is_named_on_standard_error(tmp_path: Path) -> None:
    output = tmp_path / "half.onnx"
    done = call("export", SHIPPED, "-o", output, "--precision", "fp16", "--photo", DOG)
    assert done.code == 0
    steps = [line.partition(": ")[2] for line in done.error.splitlines()]
    assert steps == [
        "step 1 of 3: reading default.onnx",
        "step 2 of 3: converting to .onnx in fp16",
        "step 3 of 3: comparing with the network, photos: 1",
    ]
    assert done.out.startswith(f"{output}: ") and "matte 0.0" in done.out and ", relative 0.0" in done.out
    assert "sharp" not in done.out


def test_openvino_gives_what_a_lens_needs(tmp_path: Path) -> None:
    """Of a model of few nodes: test_runtimes.py holds the shipped one in OpenVINO against ONNX Runtime."""
    openvino = pytest.importorskip("openvino")
    source = build_lens_model(tmp_path / "lens.onnx")
    assert call("export", source, "-o", tmp_path / "model.xml", "--photo", DOG).code == 0
    photo = network_input(load_image(DOG), 416, 32)
    model = openvino.Core().read_model(tmp_path / "model.xml")
    found = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})([photo])
    for name, wanted in zip(("matte", "relative"), run_onnx(source.read_bytes())(photo), strict=True):
        np.testing.assert_allclose(found[name], wanted, atol=1e-3)
