"""Reports of several contenders: resumed after a kill, the same twice, opened from disk by a browser."""

import csv
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from browser import chromium_page
from command import call
from limits import HANG
from pair_sets import make_set, save, save_pair, scene, wide_open
from wideopen.cli import app
from wideopen.errors import OutputError, PairsError
from wideopen.evaluation.contenders import Model, open_contenders
from wideopen.evaluation.evaluate import evaluate, evaluate_all
from wideopen.evaluation.metrics import psnr
from wideopen.evaluation.protocol import Protocol, parse_protocol
from wideopen.evaluation.results import bootstrap_interval, differences
from wideopen.evaluation.review import review
from wideopen.evaluation.scores import Measure, make_measure
from wideopen.evaluation.ssim import ssim_gaussian11
from wideopen.pairs.pairs import find_pairs, load_image

pytestmark = pytest.mark.slow

NAMES = [str(number) for number in range(1, 7)]


class Soft:
    """Renders with a box blur; counts."""

    def __init__(self, side: int) -> None:
        self.side, self.count = side, 0

    def render(self, image: np.ndarray, /) -> np.ndarray:
        import cv2

        self.count += 1
        return cv2.blur(image, (self.side, self.side))


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = make_set(tmp_path_factory.mktemp("pairs"), NAMES)
    matte = np.zeros((96, 128), np.uint8)
    matte[30:70, 40:90] = 255
    for name in NAMES:
        save(folder / "matte" / f"{name}.png", matte)
    return folder


def unit(path: Path) -> np.ndarray:
    return load_image(path).astype(np.float32) / 255


def numbers(folder: Path) -> tuple[str, dict, str]:
    """A report less what rendering took."""
    found = json.loads((folder / "report.json").read_text())
    for report in found.get("reports", [found]):
        for row in report["pairs"]:
            row.pop("seconds")
    page = re.sub(r"<span class=seconds>[^<]*</span>", "", (folder / "report.html").read_text())
    lines = list(csv.DictReader((folder / "pairs.csv").read_text().splitlines()))
    text = json.dumps([{k: v for k, v in line.items() if not k.endswith("seconds")} for line in lines])
    return page, found, text


def test_killed_and_resumed_gives_the_same_report(root: Path, model: Path, tmp_path: Path) -> None:
    """The command is killed by the system as soon as two pairs are written down; the second run does the others."""
    command = [sys.executable, "-m", "wideopen", "evaluate", "--data", str(root), "--model", str(model), "-o"]
    environment = {**os.environ, "TERM": "dumb"}
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    assert call(*command[3:], whole).code == 0
    run = subprocess.Popen([*command, str(cut)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    rows, deadline = cut / "rows.jsonl", time.monotonic() + HANG
    while not rows.exists() or rows.read_bytes().count(b"\n") < 3:
        assert time.monotonic() < deadline and run.poll() is None
        time.sleep(0.002)
    run.send_signal(signal.SIGKILL)
    run.wait()
    left = rows.read_bytes().count(b"\n")
    if left >= len(NAMES) + 1:  # It was faster than we are: take the end off, in the middle of a line.
        lines = rows.read_bytes().splitlines(keepends=True)
        rows.write_bytes(b"".join(lines[:3]) + lines[3][:40])
        for name in ("report.html", "report.json", "pairs.csv"):
            (cut / name).unlink(missing_ok=True)
    with rows.open("ab") as file:
        file.write(b'[{"name": "cut sh')
    assert call(*command[3:], cut).code == 0
    assert numbers(cut) == numbers(whole)


def test_rows_of_another_evaluation_are_not_taken(root: Path, tmp_path: Path) -> None:
    pairs, soft = find_pairs(root), Soft(5)
    review(pairs[:2], [Model("soft", soft)], tmp_path / "r")
    with pytest.raises(OutputError, match="finished report"):
        review(pairs[:2], [Model("soft", soft)], tmp_path / "r")
    (tmp_path / "r" / "pairs.csv").unlink()
    made = soft.count
    review(pairs[:2], [Model("soft", soft)], tmp_path / "r")
    assert soft.count == made + 2  # for the page's pictures alone
    (tmp_path / "r" / "pairs.csv").unlink()
    for changed in (
        {"contenders": [Model("soft", soft, "trained on")]},
        {"pairs": pairs[:3]},
        {"protocol": Protocol("border-3", border=3)},
        {"measure": Measure(margin=2)},
    ):
        arguments = {"pairs": pairs[:2], "contenders": [Model("soft", soft)], **changed}
        with pytest.raises(OutputError, match="of other pairs, models or settings"):
            review(folder=tmp_path / "r", **arguments)  # type: ignore[arg-type]
    review(pairs[:3], [Model("soft", soft)], tmp_path / "r", overwrite=True)
    assert json.loads((tmp_path / "r" / "report.json").read_text())["count"] == 3


def test_a_replaced_picture_is_another_evaluation(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "set")
    pairs = find_pairs(tmp_path / "set")[:2]
    review(pairs, [Model("soft", Soft(5))], tmp_path / "r")
    (tmp_path / "r" / "pairs.csv").unlink()
    save(tmp_path / "set" / "bokeh" / "1.jpg", scene(9, 96, 128))
    with pytest.raises(OutputError, match="of other pairs, models or settings"):
        review(pairs, [Model("soft", Soft(5))], tmp_path / "r")


def test_a_folder_with_somebody_elses_files_is_left_alone(root: Path, tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text("mine")
    with pytest.raises(OutputError, match=r"report\.html: exists already"):
        review(find_pairs(root)[:1], [Model("soft", Soft(5))], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]
    review(find_pairs(root)[:1], [Model("soft", Soft(5))], tmp_path, overwrite=True)
    assert "<table" in (tmp_path / "report.html").read_text()


def test_paired_differences_by_hand(root: Path, tmp_path: Path) -> None:
    """Two blurs and a folder that holds the targets, against hand computations."""
    pairs = find_pairs(root)
    results = tmp_path / "results"
    for pair in pairs:
        save(results / f"{pair.name}.png", load_image(pair.bokeh))
    contenders = [Model("a", Soft(5)), Model("b", Soft(11)), *open_contenders([results], pairs)]
    reports = evaluate_all(pairs, contenders)
    found = {(d.model, d.metric): d for d in differences(reports)}
    gaps = [
        psnr(*(np.float32(Soft(11).render(load_image(p.original)) / 255), unit(p.bokeh)))
        - psnr(np.float32(Soft(5).render(load_image(p.original)) / 255), unit(p.bokeh))
        for p in pairs
    ]
    gap = found["b", "psnr"]
    assert gap.mean == pytest.approx(np.mean(gaps), abs=1e-4) and gap.count == len(pairs)
    assert (gap.low, gap.high) == pytest.approx(bootstrap_interval(np.array(gaps)), abs=1e-3)
    assert gap.better == np.mean(np.array(gaps) > 0)
    assert found[str(results), "chroma_shift"].better == 1  # less is better
    assert [row.ours.psnr for row in reports[2].pairs] == [100] * len(pairs)
    assert reports[2].seconds is None and reports[0].seconds is not None  # reading a file is no rendering
    assert all(report.pairs[0].photo == reports[0].pairs[0].photo for report in reports)


def test_results_must_be_complete(root: Path, tmp_path: Path) -> None:
    save(tmp_path / "r" / "1.png", scene(0, 96, 128))
    with pytest.raises(PairsError, match="no picture called 2 here"):
        open_contenders([tmp_path / "r"], find_pairs(root))
    save(tmp_path / "r" / "1.jpg", scene(0, 96, 128))
    with pytest.raises(PairsError, match=r"1\.jpg and 1\.png are both results of '1'"):
        open_contenders([tmp_path / "r"], find_pairs(root))


def test_protocols(root: Path) -> None:
    pairs = find_pairs(root)[:2]
    lanczos = parse_protocol("lanczos-64x48+border-7")
    assert lanczos == Protocol("lanczos-64x48+border-7", (64, 48), 7)
    (row, _) = evaluate(pairs, Soft(3), protocol=lanczos).pairs
    photo = Image.open(pairs[0].original)
    small = photo.resize((64, 48), Image.Resampling.LANCZOS)
    back = [
        np.asarray(Image.fromarray(picture).resize((128, 96), Image.Resampling.LANCZOS), np.float32)[7:-7, 7:-7] / 255
        for picture in (Soft(3).render(np.asarray(small)), np.asarray(small))
    ]
    target = unit(pairs[0].bokeh)[7:-7, 7:-7]
    assert row.ours.psnr == pytest.approx(psnr(back[0], target), abs=1e-4)
    assert row.photo.ssim_gaussian11 == pytest.approx(ssim_gaussian11(back[1], target), abs=1e-6)
    shown: list[tuple[int, ...]] = []
    lanczos.show(np.zeros((90, 60, 3), np.uint8), lambda image: shown.append(image.shape) or image)  # type: ignore[func-returns-value]
    assert shown == [(64, 48, 3)]  # an upright photo
    for wrong in ("lanczos", "border-", "theirs", "lanczos-1x1", "lanczos-00x64"):
        with pytest.raises(PairsError, match="unknown protocol"):
            parse_protocol(wrong)
    with pytest.raises(PairsError, match="too small to evaluate"):
        evaluate(pairs, Soft(3), protocol=Protocol("border-45", border=45))


@pytest.mark.parametrize("layout", ["names", "folders", "two folders"])
def test_aperture_stacks(tmp_path: Path, layout: str) -> None:
    photo = scene(1, 96, 128)
    for number in ("22.0", "4.0", "2"):
        path = {
            "names": f"view_f{number}.png", "folders": f"f{number}/view.png",
            "two folders": f"{'input' if number == '22.0' else 'gt'}/view_f{number}.png",
        }[layout]  # fmt: skip
        save(tmp_path / path, photo if number == "22.0" else wide_open(photo, gain=float(number)))
    save(tmp_path / "focus" / "view.png", np.full((96, 128), 255, np.uint8))
    pairs = find_pairs(tmp_path)
    assert [(pair.name, pair.aperture) for pair in pairs] == [("view-f2", 2.0), ("view-f4", 4.0)]
    assert all("22" in str(pair.original.relative_to(tmp_path)) and pair.matte for pair in pairs)
    found = CliRunner().invoke(app, ["evaluate", "--data", str(tmp_path), "--aperture", "2.8"])
    assert isinstance(found.exception, PairsError) and "but f/2, f/4" in str(found.exception)
    (next(tmp_path.rglob("*f2/*.png"), None) or next(tmp_path.rglob("*f2.png"))).unlink()
    (next(tmp_path.rglob("*f4.0/*.png"), None) or next(tmp_path.rglob("*f4.0.png"))).unlink()
    with pytest.raises(PairsError, match=r"only f/22 of its stack"):
        find_pairs(tmp_path)


def test_two_pictures_of_one_aperture_are_refused(tmp_path: Path) -> None:
    for path in ("a_f16.png", "a_f2.png", "gt/a_f2.0.png"):
        save(tmp_path / path, scene(1, 96, 128))
    with pytest.raises(PairsError, match=r"both 'a' at f/2"):
        find_pairs(tmp_path)


def test_a_set_that_is_not_what_it_says_is_one_line(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root, tmp_path / "set")
    (tmp_path / "set" / "bokeh" / "3.jpg").unlink()
    command = [sys.executable, "-m", "wideopen", "evaluate", "--data", str(tmp_path / "set"), "-o", str(tmp_path / "r")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1 and "pair '3'" in done.stderr
    assert not (tmp_path / "r").exists()


def test_margin_and_notes_reach_the_report(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "lpips", None)
    measure = make_measure(margin=4, lpips=True)
    report = evaluate(find_pairs(root)[:1], Soft(5), measure=measure)
    matte = np.zeros((96, 128), np.float32)
    matte[34:66, 44:86] = 1
    (row,) = report.pairs
    photo, target = (unit(path) for path in (find_pairs(root)[0].original, find_pairs(root)[0].bokeh))
    assert row.photo.psnr_inside == pytest.approx(psnr(photo, target, matte), abs=1e-4)
    assert row.ours.lpips is None and row.ours.ms_ssim is None  # 96 px are too few for five scales
    assert report.settings["margin"] == 4 and report.settings["lpips"].startswith("LPIPS: not available (")


def test_page_opens_from_disk_in_a_browser(root: Path, tmp_path: Path) -> None:
    pairs = find_pairs(root)
    odd = tmp_path / "set"
    for pair in pairs[:3]:
        save_pair(odd, f"<b>{pair.name}&", load_image(pair.original), load_image(pair.bokeh))
    contenders = [Model("first", Soft(5)), Model("<script>second", Soft(9))]
    reports = review(find_pairs(odd), contenders, tmp_path / "report")
    text = (tmp_path / "report" / "report.html").read_text()
    assert not re.search(r'(src|href)="(?!data:)', text) and not re.search(r"https?:", text)
    with chromium_page() as page:
        problems: list[str] = []
        page.on("console", lambda message: problems.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: problems.append(str(error)))
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url[:5]))
        page.goto((tmp_path / "report" / "report.html").as_uri())
        column = page.locator("#pairs thead th").all_inner_texts().index("first: psnr")
        values = [row.ours.psnr for row in reports[0].pairs]
        for wanted in (sorted(values), sorted(values, reverse=True)):
            page.locator("#pairs thead th").nth(column).click()
            cells = page.locator(f"#pairs tbody tr td:nth-child({column + 1})").all_inner_texts()
            assert [float(cell) for cell in cells] == pytest.approx(wanted, abs=1e-4)
        assert page.locator("#pairs tbody td").first.inner_text().startswith("<b>")
        assert page.locator(".wipe").count() == 3 and page.locator("svg rect").count() > 24
        images = page.locator(".wipe").first.locator("img")
        assert images.evaluate_all("all => all.map(i => i.alt)") == ["before", "first", "<script>second", "target"]
        assert all(images.evaluate_all("all => all.map(i => i.complete && i.naturalWidth > 0)"))
        page.locator(".controls input").first.fill("20")
        assert "80%" in images.first.evaluate("i => i.style.clipPath")
        page.locator(".controls select").nth(1).select_option("target")
        assert images.evaluate_all("all => all.map(i => i.style.opacity)") == ["1", "0", "0", "1"]
        assert page.locator("tr", has_text="output = input").count() >= 1
        assert problems == [] and {url for url in asked} <= {"file:", "data:"}
