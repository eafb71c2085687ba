"""Photos and pairs on a Ray cluster: the same files as on one machine, and nothing lost when processes are killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pandas
import pytest
from test_batch import fill as fill_folder

from cluster_faults import BROKEN, fill, survive
from command import call
from limits import HANG
from plain_photos import OPTIONS, draw, files
from ray_cluster import ENVIRONMENT, Cluster, started_cluster, wait_for_end
from store import Store, served_store
from test_import import BLOCKER
from varied_photos import draw as stand
from wideopen.batch.batch import make_renderer, render_batch
from wideopen.batch.cluster import LOST, ClusterOptions, connected, spread, task_sizes
from wideopen.batch.cluster_render import render_on_cluster
from wideopen.batch.discover import find_photos, plan
from wideopen.batch.outcome_table import recorded
from wideopen.errors import ModelError
from wideopen.options import BatchOptions, RenderOptions
from wideopen.synthesis.synthesize import synthesize

pytestmark = pytest.mark.cluster
TWO = ClusterOptions(workers=2)


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    with served_store() as found:
        yield found


@pytest.fixture(scope="module")
def cluster(store: Store) -> Iterator[Cluster]:
    """One for all tests, as `ray start` makes it."""
    with started_cluster(2, store.environment) as started:
        yield started


@pytest.fixture
def ours(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """This process is connected to it, as a program with a cluster of its own is."""
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with connected(replace(TWO, address=cluster.address)):
        yield


def odd_kills(items: list[int]) -> list[int]:
    if 7 in items:
        os.kill(os.getpid(), signal.SIGKILL)
    return [item * item for item in items]


def make_odd() -> Callable[[list[int]], list[int]]:
    return odd_kills


def test_one_that_kills_its_workers_takes_no_other_along(ours: None) -> None:
    found = dict(spread(make_odd, range(64), TWO))
    assert found.pop(7) is LOST
    assert found == {number: number * number for number in range(64) if number != 7}


def test_tasks_get_smaller_to_the_end() -> None:
    for items, workers in ((0, 3), (1, 8), (40, 2), (1000, 3), (100_000, 256)):
        sizes = task_sizes(items, workers)
        assert sum(sizes) == items and sizes == sorted(sizes, reverse=True)
        # What a worker has before it, one task running and one waiting, is never much of what is left.
        assert all(size == 1 or 4 * workers * size <= sum(sizes[at:]) for at, size in enumerate(sizes))
    assert task_sizes(100_000, 256)[0] == 16 and task_sizes(40, 2) == [5, 4, 3, 3, 3, 2, 2, 2, 2, *[1] * 14]


def test_same_files_and_outcomes_as_on_one_machine(ours: None, tmp_path: Path, model: Path) -> None:
    photos = tmp_path / "photos"
    fill_folder(photos, 12)
    (photos / "empty.jpg").write_bytes(b"")
    options, batch = RenderOptions(model=model, threads=1, quality=80), BatchOptions(before_after="side")
    told = []
    for name in ("one", "many"):
        (tmp_path / name / "winter").mkdir(parents=True)
        jobs = plan(find_photos([str(photos)], recursive=True), tmp_path / name, "{stem}-x.jpg")
        jobs[2].output.parent.mkdir(parents=True, exist_ok=True)
        Path(jobs[2].output).write_bytes(b"mine")
        if name == "one":
            outcomes = render_batch(make_renderer(options, len(jobs)), jobs, batch)
        else:
            outcomes = recorded(render_on_cluster(jobs, options, batch, TWO), tmp_path / "table")
        told.append({o.job.photo: (o.status, (o.error or "").replace("/many/", "/one/"), o.size) for o in outcomes})
    assert told[0] == told[1] and len(told[0]) == 13
    assert files(tmp_path / "one") == files(tmp_path / "many")
    table = pandas.read_parquet(tmp_path / "table").set_index("source")
    assert {name: row.status for name, row in table.iterrows()} == {str(k): v[0] for k, v in told[0].items()}
    assert "is empty" in table.loc[str(photos / "empty.jpg")].error and table.seconds.max() > 0


def test_a_model_that_is_none_ends_everything(ours: None, tmp_path: Path) -> None:
    fill_folder(tmp_path / "photos", 3)
    (tmp_path / "no.onnx").write_bytes(b"no model")
    jobs = plan(find_photos([str(tmp_path / "photos")], recursive=True), tmp_path / "out")
    for name, said in (("none.onnx", "no such model file"), ("no.onnx", "not an ONNX model")):
        with pytest.raises(ModelError, match=said):
            list(render_on_cluster(jobs, RenderOptions(model=tmp_path / name), BatchOptions(), TWO))
    assert not list((tmp_path / "out").rglob("*.*"))


def test_same_pairs_as_on_one_machine(ours: None, tmp_path: Path) -> None:
    for seed, stem in enumerate(("first/a", "first/b", "c")):
        draw(tmp_path, stem, seed)
    draw(tmp_path, "tiny", 9, size=(40, 40))
    options = replace(OPTIONS, blur_jitter=0.5)
    found = [
        synthesize(tmp_path / "photos", tmp_path / "mattes", tmp_path / name, options, per_photo=2, cluster=where)
        for name, where in (("one", None), ("many", TWO))
    ]
    assert found[0] == found[1] and found[0].made == 6 and len(found[0].skipped) == 1
    assert files(tmp_path / "one") == files(tmp_path / "many")


def test_same_varied_pairs_from_the_command_line(cluster: Cluster, tmp_path: Path) -> None:
    """By processes of their own, with what photos lend one another: second subjects, obstacles, grounds."""
    for seed, stem in enumerate("abc"):
        stand(tmp_path, stem, seed)
        stand(tmp_path / "behind", stem, seed + 3)
    told = []
    for name, more in ("one", ()), ("many", ("--cluster", cluster.address)):
        command = [sys.executable, "-m", "wideopen", "synthesize", "--photos", "photos", "--mattes", "mattes",
                   "-o", name, "--backgrounds", "behind/photos", "--per-photo", "3",
                   "--second", "0.5", "--obstacles", "0.5", "--swaps", "0.5", *more]  # fmt: skip
        environment = {**os.environ, **ENVIRONMENT}
        done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=HANG)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        told.append(done.stdout.replace(f"in {name}", ""))
    assert told[0] == told[1] and told[0].startswith("9 pairs made"), told
    assert files(tmp_path / "one") == files(tmp_path / "many")


def test_killed_workers_and_driver(tmp_path: Path, store: Store, cluster: Cluster, model: Path) -> None:
    fill(store, tmp_path, 40)
    found = survive(store, 40, cluster, ("--model", str(model)))
    assert found.code == 1 and "Traceback" not in found.errors and "(raylet)" not in found.output + found.errors
    assert list(found.uploads.values()) == [1] * (40 - len(BROKEN)) and not found.unfinished
    assert sorted(found.failed) == sorted(BROKEN) and all("\n" not in line for line in found.failed.values())
    assert "is empty" in found.failed["bad/empty.jpg"]


@pytest.mark.parametrize(("stop", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_stopped_by_a_signal(tmp_path: Path, cluster: Cluster, model: Path, stop: signal.Signals, code: int) -> None:
    fill_folder(tmp_path / "photos", 400)
    out = tmp_path / "out"
    command = [sys.executable, "-m", "wideopen", "render", tmp_path / "photos", "-r", "-o", out, "--cluster",
               cluster.address, "--model", model]  # fmt: skip
    started = subprocess.Popen(
        [*map(str, command)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **ENVIRONMENT},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    while len(list(out.rglob("photo *"))) < 5:
        assert started.poll() is None, started.communicate()
        time.sleep(0.01)
    workers = cluster.workers()
    started.send_signal(stop)
    output, error = started.communicate(timeout=HANG)
    assert started.returncode == code and "Traceback" not in error, error
    assert "stopped; " in error and "not counted; --skip-existing goes on" in error and error.count("\n") == 1, error
    assert all(line.startswith(str(out)) for line in output.splitlines())
    wait_for_end(workers)
    assert 5 <= len(list(out.rglob("photo *"))) < 400 and not list(out.rglob("*.part"))


def test_what_cannot_be_is_one_line(tmp_path: Path) -> None:
    fill_folder(tmp_path, 2)
    for arguments, said in (
        (("--workers", "2"), "--workers goes with --cluster"),
        (("--cluster", "--in-flight", "2"), "--in-flight is for one machine"),
        (("--cluster", "local", "--save-depth", "x.png"), "for one photo, on this machine"),
    ):
        code, _, error = call("render", tmp_path, "-o", tmp_path / "out", *arguments)
        assert code == 2 and said in " ".join(error.replace("│", "").split())
    nobody = "127.0.0.1:1"
    run = "import sys\nsys.argv = {!r}\nfrom wideopen.cli import main\nmain()"
    command = ["wideopen", "render", str(tmp_path), "-o", str(tmp_path / "out"), "--cluster"]
    for code, said in (
        (run.format([*command, nobody]), f"no Ray cluster at {nobody}"),
        (run.format([*command, "auto"]), "no Ray cluster at auto"),  # Where one was, says Ray's own variable.
        (BLOCKER + run.format([*command, nobody]), 'run: pip install "wideopen[cluster]"'),
    ):
        environment = {**os.environ, "RAY_ADDRESS": nobody}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=HANG
        )
        assert done.returncode == 2 and done.stderr.count("\n") == 1 and said in done.stderr, done.stderr
