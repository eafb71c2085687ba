"""Photos in S3 rendered on a Ray cluster while its processes are killed: each done once, whole, and told of.

    python benchmarks/cluster_faults.py [--photos 500] [--workers 2]

moto stands for S3, on loopback; the cluster is started as `ray start` does it, and stays. Photos are drawn, 64 to 128
px, 5 of them are none. A worker is killed (SIGKILL) at a fifth and at two fifths of the photos, the driver at three
fifths; it is started again with --skip-existing. The store keeps every version: one of each result. Files must be those
of `wideopen render` on one machine. Prints the figures as JSON on the last line; exit code 1 if anything is not as
promised. The model is the tests' tiny one: processes are tried here, not the network. `tests/batch/test_cluster.py`
does it with fewer photos.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from cluster_faults import BROKEN, fill, survive  # noqa: E402
from conftest import build_model  # noqa: E402
from ray_cluster import started_cluster  # noqa: E402
from store import served_store  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with (
        served_store() as store,
        started_cluster(options.workers, store.environment) as cluster,
        tempfile.TemporaryDirectory() as folder,
    ):
        photos, alone = Path(folder, "photos"), Path(folder, "alone")
        fill(store, photos, options.photos)
        model = ("--model", str(build_model(Path(folder, "tiny.onnx"))))
        started = time.perf_counter()
        found = survive(store, options.photos, cluster, model)
        seconds = time.perf_counter() - started
        command = [sys.executable, "-m", "wideopen", "render", str(photos), "-r", "-o", str(alone), "--quiet"]
        subprocess.run([*command, "--threads", "1", *model], stderr=subprocess.DEVNULL)
        files = {path.relative_to(alone).as_posix(): path.read_bytes() for path in alone.rglob("*.*")}
        same = sum(store.get(f"out/{name}") == data for name, data in files.items() if f"out/{name}" in found.uploads)
    print(*found.killed, found.errors, sep="\n")
    good = options.photos - len(BROKEN)
    right = {
        "each result written once": list(found.uploads.values()) == [1] * good,
        "no upload begun and left": found.unfinished == 0,
        "the files of one machine": same == good == len(files),
        "the table names the broken ones": sorted(found.failed) == sorted(BROKEN),
        "exit code 1, for photos failed": found.code == 1,
    }
    for what, holds in right.items():
        print(f"{'yes' if holds else 'NO':4}{what}")
    print(json.dumps({"photos": options.photos, "results": len(found.uploads), "most_versions": max(
        found.uploads.values(), default=0), "unfinished": found.unfinished, "same": same, "failed": found.failed,
        "killed": found.killed, "seconds": round(seconds, 1)}))  # fmt: skip
    sys.exit(not all(right.values()))


if __name__ == "__main__":
    main()
