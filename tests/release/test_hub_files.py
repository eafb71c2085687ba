"""The folder that `make hub` makes: a card the hub understands, every picture it shows, and a model that renders."""

import re
from pathlib import Path

import pytest

from published import ROOT
from scripts import load_script
from wideopen.render.renderer import Renderer
from wideopen.scene.model import SHIPPED

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("hub") / "hub"
    load_script(ROOT / "tools" / "hub.py").make(made, "org/soft")
    return made


def test_the_card_is_one_that_the_hub_reads(folder: Path) -> None:
    cards = pytest.importorskip("huggingface_hub", reason="needs the extra hub").ModelCard
    said = cards(folder.joinpath("README.md").read_text(encoding="utf-8")).data.to_dict()
    assert (said["license"], said["library_name"], said["pipeline_tag"]) == ("apache-2.0", "wideopen", "image-to-image")


def test_all_that_the_card_points_to_is_there(folder: Path) -> None:
    text = folder.joinpath("README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\[[^\]]*\]\(([^)]+)\)", text)
    assert len(targets) > 5
    for target in targets:
        _, found, path = target.partition("/blob/main/")
        if target.startswith("#"):
            assert re.search(rf"(?mi)^#+ {target[1:].replace('-', ' ')}$", text), target
            continue
        assert (
            (ROOT / path.partition("#")[0]).exists()
            if found
            else target.startswith("http") or (folder / target).exists()
        )
    shown = set(re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text))
    assert {path.name for path in folder.iterdir()} == {"README.md", "LICENSE", "NOTICE", "model.onnx", *shown}


def test_the_model_is_the_shipped_one(folder: Path) -> None:
    assert (folder / "model.onnx").read_bytes() == SHIPPED.read_bytes()
    assert Renderer.from_pretrained(folder / "model.onnx", aperture=2).engine.metadata.name == "default"
