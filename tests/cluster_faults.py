"""Photos in S3 rendered on a Ray cluster whose processes are killed; what is left afterwards."""

import io
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from pyarrow import parquet

from ray_cluster import ENVIRONMENT, Cluster, wait_for_end
from store import BUCKET, Store

BROKEN = ("bad/cut.jpg", "bad/empty.jpg", "bad/text.jpg", "bad/head.png", "bad/zeros.png")


@dataclass
class Survived:
    """What a run came to."""

    killed: list[str] = field(default_factory=list)
    """Whom, and with how many results there."""
    uploads: dict[str, int] = field(default_factory=dict)
    """How often each result was written."""
    unfinished: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    """The last run's table: photos that failed, and why."""
    code: int = 0
    output: str = ""
    """What the run whose workers were killed said on standard output."""
    errors: str = ""
    """What the last run said on standard error."""


def fill(store: Store, folder: Path, count: int) -> None:
    """Draw photos of 64 to 128 px, `BROKEN` among them, into the store and a folder."""
    rng = np.random.default_rng(1)
    content: dict[str, bytes] = {}
    for number in range(count - len(BROKEN)):
        height, width = ((64, 96), (96, 64), (96, 128), (128, 96))[number % 4]
        picture = cv2.resize(rng.integers(0, 256, (6, 8, 3), np.uint8), (width, height), interpolation=cv2.INTER_CUBIC)
        suffix = ".jpg" if number % 4 else ".png"
        content[f"{number % 7}/photo-{number:04}{suffix}"] = cv2.imencode(suffix, picture)[1].tobytes()
    jpeg, png = (next(data for name, data in content.items() if name.endswith(end)) for end in (".jpg", ".png"))
    broken = (jpeg[: len(jpeg) // 2], b"", b"Dear photo,\n", png[:60], png[:8] + bytes(500))
    for name, data in {**content, **dict(zip(BROKEN, broken, strict=True))}.items():
        store.put(f"in/{name}", data)
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def survive(store: Store, count: int, cluster: Cluster, more: tuple[str, ...] = ()) -> Survived:
    """Render the store's photos; a worker is killed at 1/5 and 2/5 of them, the driver at 3/5 and started again."""
    found = Survived()
    driver = start(store, cluster, *more)
    for share in (1, 2):
        wait_for(store, count * share // 5, driver)
        os.kill(cluster.workers()[0], signal.SIGKILL)
        found.killed.append(f"worker at {results(store)}")
    wait_for(store, count * 3 // 5, driver)
    before = cluster.workers()
    driver.kill()
    found.output = driver.communicate()[0]
    found.killed.append(f"driver at {results(store)}")
    wait_for_end(before)
    driver = start(store, cluster, *more)
    found.errors = driver.communicate(timeout=3600)[1]
    found.code = driver.returncode
    found.uploads, found.unfinished = dict(store.uploads("out/")), store.unfinished()
    found.failed = {
        row["source"].removeprefix(f"s3://{BUCKET}/in/"): row["error"]
        for row in table_of(store)
        if row["status"] == "failed"
    }
    return found


def start(store: Store, cluster: Cluster, *more: str) -> "subprocess.Popen[str]":
    bucket = f"s3://{BUCKET}"
    command = [sys.executable, "-m", "wideopen", "render", f"{bucket}/in", "-r", "-o", f"{bucket}/out", "--cluster",
               cluster.address, "--skip-existing", "--table", f"{bucket}/table", *more]  # fmt: skip
    environment = {**store.environment, **ENVIRONMENT}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def table_of(store: Store) -> list[dict[str, Any]]:
    """Rows of the last run that wrote the table."""
    parts = [parquet.read_table(io.BytesIO(store.get(key))).to_pylist() for key in store.uploads("table/")]
    rows = [row for part in parts for row in part]
    return [row for row in rows if row["run"] == max(row["run"] for row in rows)]


def results(store: Store) -> int:
    return store.count("out/")


def wait_for(store: Store, count: int, driver: "subprocess.Popen[str]", most_s: float = 1800) -> None:
    """Until so many results are there."""
    end = time.monotonic() + most_s
    asked = time.monotonic()
    while (there := results(store)) < count:
        assert driver.poll() is None, driver.communicate()
        assert time.monotonic() < end, f"{there} results"
        # The store is one process, which those that render are waiting for, too.
        time.sleep(max(0.1, 3 * (time.monotonic() - asked)))
        asked = time.monotonic()
