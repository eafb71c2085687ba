"""Many users of `wideopen serve` at once, on this machine only: how long they wait, what it takes, what it withstands.

    python benchmarks/page_load.py --seconds 120 --users 20

Each user opens a photo as the application does (half of them 13 megapixels, half one with a depth map) and draws it
again and again with other f-numbers, at times as a whole file. Then come those who mean no good. Prints a table and a
last line of JSON; exits with 1 if anything failed, or more memory was taken than the server said.
"""

import argparse
import http.client
import json
import os
import random
import re
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[1] / "examples"
STOPS = (1.4, 2.0, 2.8, 4.0, 5.6)
UPLOAD_MB, UPLOAD_S, QUEUE = 60, 10, 60
KIND = {"Content-Type": "multipart/form-data; boundary=x"}
HEAD = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'


def connect(port: int, timeout: float = 300) -> http.client.HTTPConnection:
    return http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)


def form(**fields: Any) -> bytes:
    """A form's body: paths as files, everything else as text."""
    body = b""
    for name, value in fields.items():
        file = f'; filename="{value.name}"' if isinstance(value, Path) else ""
        data = value.read_bytes() if isinstance(value, Path) else str(value).encode()
        body += f'--x\r\nContent-Disposition: form-data; name="{name}"{file}\r\n\r\n'.encode() + data + b"\r\n"
    return body + b"--x--\r\n"


def post(port: int, path: str, **fields: Any) -> tuple[int, bytes, Any]:
    connection = connect(port)
    try:
        connection.request("POST", path, form(**fields), KIND)
        answer = connection.getresponse()
        return answer.status, answer.read(), answer.headers
    finally:
        connection.close()


class Log:
    """What all users saw."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {"scene": [], "screen": [], "file": []}
        self.errors: list[str] = []


def use(port: int, large: bool, end: float, log: Log, seed: int) -> None:
    """One user until the end."""
    chance = random.Random(seed)

    def timed(name: str, path: str, **fields: Any) -> Any:
        start = time.monotonic()
        status, body, headers = post(port, path, **fields)
        if status != 200:
            raise RuntimeError(f"{name}: {status} {body[:200]!r}")
        log.seconds[name].append(time.monotonic() - start)
        return headers

    try:
        given = {"photo": EXAMPLES / "cairn.jpg"}
        if not large:
            given = {"photo": EXAMPLES / "path.jpg", "depth": EXAMPLES / "path-depth.png"}
        names = json.loads(timed("scene", "/scene", **given)["x-wideopen"])
        ids = {"photo_id": names["id"], **({} if large else {"depth_id": names["depth_id"]})}
        while time.monotonic() < end:
            settings = {**ids, "aperture": chance.choice(STOPS)}
            if chance.random() < 0.1:
                timed("file", "/render", **settings)
            else:
                timed("screen", "/render", side=1100, **settings)
            time.sleep(chance.uniform(0.5, 1.5))
        post(port, "/forget", ids=",".join(ids.values()))
    except Exception as error:
        log.errors.append(f"{type(error).__name__}: {error}")


def memory_mb(root: int) -> float:
    """Memory of a process and all below it (proportional set size), in MB."""
    children: dict[int, list[int]] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append(int(path.parent.name))
        except OSError:
            continue
    total, left = 0, [root]
    while left:
        process = left.pop()
        left.extend(children.get(process, []))
        try:
            found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{process}/smaps_rollup").read_text(), re.M)
            total += int(found[1]) if found else 0
        except OSError:
            continue
    return total / 1024


def load(port: int, users: int, seconds: float) -> Log:
    """All users at once."""
    log, end = Log(), time.monotonic() + seconds
    threads = [threading.Thread(target=use, args=(port, user % 2 == 0, end, log, user)) for user in range(users)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return log


def sent(port: int, pieces: Iterator[bytes]) -> int | str:
    """What somebody is told who sends a body piece by piece."""
    connection = connect(port)
    try:
        connection.request("POST", "/render", pieces, KIND, encode_chunked=True)
        return connection.getresponse().status
    except (BrokenPipeError, ConnectionResetError):
        return "hung up on"
    finally:
        connection.close()


def abuse(port: int) -> dict[str, Any]:
    """Those who mean no good; what they were told."""
    told: dict[str, Any] = {}
    connection = connect(port)
    connection.putrequest("POST", "/render")
    for name, value in {**KIND, "Content-Length": str(300 << 20)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    told["300 MB announced"] = connection.getresponse().status
    connection.close()
    told["300 MB not announced"] = sent(port, iter([HEAD, *(bytes(1 << 20) for _ in range(300))]))

    def trickle() -> Iterator[bytes]:
        yield HEAD
        for _ in range(3 * UPLOAD_S):
            time.sleep(1)
            yield b"x"

    start = time.monotonic()
    told["a byte a second"] = sent(port, trickle())
    told["a byte a second, s"] = round(time.monotonic() - start, 1)

    # Clients that leave: in the middle of what they send, and while their job is done or waits.
    connection = connect(port)
    connection.putrequest("POST", "/scene")
    for name, value in {**KIND, "Content-Length": str(20 << 20)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(HEAD + bytes(10 << 20))
    connection.close()
    for _ in range(4):
        connection = connect(port)
        connection.request("POST", "/render", form(photo=EXAMPLES / "cairn.jpg"), KIND)
        time.sleep(0.1)
        connection.close()

    # 200 more than may wait, at once.
    answers: list[int] = []
    body = {"photo": EXAMPLES / "path.jpg", "side": 320}
    threads = [
        threading.Thread(target=lambda: answers.append(post(port, "/render", **body)[0])) for _ in range(QUEUE + 200)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told["answered"], told["refused"] = answers.count(200), answers.count(503)
    told["otherwise"] = len(answers) - told["answered"] - told["refused"]
    return told


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--users", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=120)
    parser.add_argument("--memory-mb", type=int, default=3200)
    options = parser.parse_args()
    home = Path(tempfile.mkdtemp(prefix="page-load-"))
    server = subprocess.Popen(
        [sys.executable, "-m", "wideopen", "serve", "--port", "0", "--megapixels", "20", "--memory-mb",
         str(options.memory_mb), "--upload-mb", str(UPLOAD_MB), "--upload-seconds", str(UPLOAD_S),
         "--queue", str(QUEUE), "--keep-minutes", "0.5"],
        stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(home)},
    )  # fmt: skip
    try:
        return measure(server, options, home)
    finally:
        server.terminate()
        server.wait(30)


def measure(server: "subprocess.Popen[str]", options: argparse.Namespace, home: Path) -> int:
    assert server.stdout is not None
    line = server.stdout.readline()
    port = int(line.split()[0].rpartition(":")[2])
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.5):
            peak[0] = max(peak[0], memory_mb(server.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    log = load(port, options.users, options.seconds)
    told = abuse(port)
    # It goes on, and what all these left is removed.
    start = time.monotonic()
    assert post(port, "/render", photo=EXAMPLES / "path.jpg", side=320)[0] == 200
    told["then one more, s"] = round(time.monotonic() - start, 1)
    left = -1
    for _ in range(60):
        left = sum(1 for path in home.rglob("*") if path.is_file())
        if left == 0:
            break
        time.sleep(2)
    done.set()
    watcher.join()
    report = {
        "server": line.split(";")[1].strip(), "users": options.users, "seconds": options.seconds,
        **{
            f"{name}, {what}": value
            for name, seconds in log.seconds.items()
            for what, value in {
                "count": len(seconds), "median s": percentile(seconds, 50), "p95 s": percentile(seconds, 95),
            }.items()
        },
        "errors": len(log.errors), "peak MB": round(peak[0]), "limit MB": options.memory_mb, **told, "files left": left,
    }  # fmt: skip
    for name, value in report.items():
        print(f"{name:34} {value}")
    for error in log.errors[:5]:
        print(error)
    print(json.dumps(report))
    fine = not log.errors and peak[0] < options.memory_mb and left == 0 and told["refused"] >= 100
    return 0 if fine and told["otherwise"] == 0 else 1


def percentile(values: list[float], share: float) -> float | None:
    ordered = sorted(values)
    return round(ordered[min(len(ordered) - 1, int(len(ordered) * share / 100))], 2) if ordered else None


if __name__ == "__main__":
    sys.exit(main())
