"""Evaluation against hand computations on a few small pairs, and the command from end to end."""

import csv
import io
import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from pair_sets import make_set, save, save_pair, scene
from wideopen.cli import app
from wideopen.errors import ModelError, OutputError, PairsError
from wideopen.evaluation.evaluate import evaluate
from wideopen.evaluation.metrics import chroma_shift, psnr
from wideopen.evaluation.results import EvaluationReport, PairScores, table, to_json
from wideopen.evaluation.scores import METRICS, Scores
from wideopen.evaluation.ssim import ssim_gaussian11
from wideopen.options import RenderOptions
from wideopen.pairs.pairs import find_pairs, load_image
from wideopen.render.renderer import Renderer

pytestmark = pytest.mark.slow


class Dim:
    """Renders by halving the encoded values, so that every figure can be told by hand."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, ...]] = []

    def render(self, image: np.ndarray, /) -> np.ndarray:
        self.seen.append(image.shape)
        return image // 2


@pytest.fixture(scope="module")
def pairs_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three pairs, of which the first has a subject's matte and the second an empty one."""
    root = make_set(tmp_path_factory.mktemp("pairs"), ["1", "2", "10"])
    matte = np.zeros((96, 128), np.uint8)
    matte[30:70, 40:90] = 255
    matte[30:70, 30:40] = 100
    save(root / "matte" / "1.png", matte)
    save(root / "matte" / "2.png", np.zeros_like(matte))
    return root


def unit(path: Path) -> np.ndarray:
    return load_image(path).astype(np.float32) / 255


def test_rows_and_means_are_the_metrics_by_hand(pairs_root: Path) -> None:
    pairs, renderer, steps = find_pairs(pairs_root), Dim(), []
    report = evaluate(pairs, renderer, progress=lambda done, total: steps.append((done, total)))
    assert [row.name for row in report.pairs] == ["1", "2", "10"]
    assert steps == [(0, 3), (1, 3), (2, 3), (3, 3)]
    assert renderer.seen == [(96, 128, 3)] * 3
    by_hand: dict[str, list[float]] = {"ours": [], "photo": [], "ssim": []}
    for pair, row in zip(pairs, report.pairs, strict=True):
        photo, target = unit(pair.original), unit(pair.bokeh)
        dim = (load_image(pair.original) // 2).astype(np.float32) / 255
        by_hand["ours"].append(-10 * np.log10(np.mean((dim - target) ** 2)))
        by_hand["photo"].append(-10 * np.log10(np.mean((photo - target) ** 2)))
        by_hand["ssim"].append(ssim_gaussian11(dim, target))
        assert row.ours.chroma_shift == chroma_shift(dim, target)
        assert row.ours.chroma_shift_from_photo == chroma_shift(dim, photo) > 0
        assert row.photo.chroma_shift_from_photo == 0
        assert row.ours.psnr_gain_matched > row.ours.psnr + 3
    means = report.means()
    assert means["ours"]["psnr"] == pytest.approx(np.mean(by_hand["ours"]), abs=1e-4)
    assert means["photo"]["psnr"] == pytest.approx(np.mean(by_hand["photo"]), abs=1e-4)
    assert means["ours"]["ssim_gaussian11"] == pytest.approx(np.mean(by_hand["ssim"]), abs=1e-6)
    assert report.psnr_gain == pytest.approx(np.mean(np.subtract(by_hand["ours"], by_hand["photo"])), abs=1e-4)


def test_inside_and_outside_the_matte(pairs_root: Path) -> None:
    report = evaluate(find_pairs(pairs_root), Dim())
    pair = find_pairs(pairs_root)[0]
    photo, target = unit(pair.original), unit(pair.bokeh)
    matte = np.zeros((96, 128), np.float32)
    matte[30:70, 40:90], matte[30:70, 30:40] = 1, 100 / 255
    first, empty, without = report.pairs
    assert first.photo.psnr_inside == pytest.approx(psnr(photo, target, matte), abs=1e-4)
    assert first.photo.psnr_outside == pytest.approx(psnr(photo, target, 1 - matte), abs=1e-4)
    assert first.photo.psnr_inside > first.photo.psnr_outside + 3  # the target is sharp inside
    assert empty.photo.psnr_inside is None
    assert empty.photo.psnr_outside == pytest.approx(empty.photo.psnr, abs=1e-4)
    assert (without.ours.psnr_inside, without.ours.psnr_outside) == (None, None)
    assert report.means()["photo"]["psnr_inside"] == first.photo.psnr_inside


def rows_with_gains(gains: list[float]) -> tuple[PairScores, ...]:
    def scores(value: float) -> Scores:
        return Scores(value, value, 0.5, 0.0, 0.0)

    return tuple(PairScores(str(i), 20, 10, 0.1, scores(20 + gain), scores(20)) for i, gain in enumerate(gains))


def test_interval_is_the_bootstraps() -> None:
    gains = np.random.default_rng(1).normal(2, 1, 200)
    report = EvaluationReport("m", rows_with_gains(list(gains)))
    low, high = report.psnr_gain_interval
    margin = 1.96 * gains.std() / np.sqrt(200)  # what the central limit theorem says
    assert low == pytest.approx(gains.mean() - margin, abs=0.02)
    assert high == pytest.approx(gains.mean() + margin, abs=0.02)
    assert report.psnr_gain_interval == (low, high)
    single = EvaluationReport("m", rows_with_gains([1.5]))
    assert single.psnr_gain_interval == pytest.approx((1.5, 1.5))


def test_json_and_csv_say_the_same(pairs_root: Path) -> None:
    report = evaluate(find_pairs(pairs_root), Dim(), limit=2)
    found = json.loads(to_json([report]))
    rows = list(csv.DictReader(io.StringIO(table([report]))))
    assert found["count"] == len(rows) == len(found["pairs"]) == 2
    for row, line in zip(found["pairs"], rows, strict=True):
        assert (row["name"], row["width"], row["height"]) == (line["name"], int(line["width"]), int(line["height"]))
        for who in ("ours", "photo"):
            assert list(row[who]) == list(METRICS)
            for name, value in row[who].items():
                text = line[f"{who}_{name}"]
                assert (value is None and text == "") or float(text) == value
    assert found["means"]["ours"]["psnr"] == pytest.approx(np.mean([float(line["ours_psnr"]) for line in rows]))


def test_target_of_another_size_is_resized_and_of_another_shape_refused(tmp_path: Path) -> None:
    photo = scene(3, 96, 128)
    twice = np.repeat(np.repeat(photo, 2, axis=0), 2, axis=1)
    save_pair(tmp_path, "a", photo, twice, suffix=".png")
    (row,) = evaluate(find_pairs(tmp_path), Dim()).pairs
    assert row.photo.psnr == 100
    save_pair(tmp_path, "b", photo, photo[:, :100], suffix=".png")
    with pytest.raises(PairsError, match=r"b\.png: 100x96 px, but its photo is 128x96"):
        evaluate(find_pairs(tmp_path), Dim())


def test_nothing_to_evaluate_is_an_error() -> None:
    with pytest.raises(PairsError, match="no pairs"):
        evaluate([], Dim())


def test_command_renders_with_a_model_and_reports(pairs_root: Path, model: Path, tmp_path: Path) -> None:
    output = tmp_path / "report.json"
    command = ["evaluate", "--data", str(pairs_root), "--model", str(model), "-o", str(output), "--limit", "2"]
    found = CliRunner(env={"COLUMNS": "120"}).invoke(app, command)
    assert found.exit_code == 0, found.output
    assert "output = input" in found.output and "means over 2 pairs" in found.output
    report = json.loads(output.read_text())
    assert report["model"] == str(model)
    assert f"{report['psnr_gain']:+.2f} dB" in found.output.replace("\n", " ")
    pair = find_pairs(pairs_root)[0]
    assert report["pairs"][0]["photo"]["psnr"] == pytest.approx(psnr(unit(pair.original), unit(pair.bokeh)))
    again = CliRunner().invoke(app, command)
    assert isinstance(again.exception, OutputError)


def test_command_evaluates_what_a_user_gets(pairs_root: Path, model: Path) -> None:
    pair = find_pairs(pairs_root)[0]
    rendered = Renderer(RenderOptions(model=model)).render(load_image(pair.original))
    (row,) = evaluate([pair], model).pairs
    assert row.ours.psnr == psnr(rendered.astype(np.float32) / 255, unit(pair.bokeh))


def test_a_bad_model_is_known_before_the_first_pair(pairs_root: Path, tmp_path: Path) -> None:
    steps: list[int] = []
    with pytest.raises(ModelError, match=r"gone\.onnx"):
        evaluate(find_pairs(pairs_root), tmp_path / "gone.onnx", progress=lambda done, total: steps.append(done))
    assert steps == []
