"""Many users of `wideopen serve` at once, on this machine only: how long they wait, what it takes, what it withstands.

    python benchmarks/page_load.py --seconds 120 --users 20

Each user opens a session as a page does, uploads a photo (half of them 13 megapixels, half one with a depth map) and
draws it again and again with other f-numbers, at times as a whole file. Then come those who mean no good. Prints a
table and a last line of JSON; exits with 1 if anything failed, or more memory was taken than the server said.
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
import uuid
from pathlib import Path
from typing import Any

EXAMPLES = Path(__file__).parents[1] / "examples"
API = "/gradio_api"
STOPS = (1.4, 2.0, 2.8, 4.0, 5.6)
UPLOAD_MB, UPLOAD_S, QUEUE = 60, 10, 60


class Client:
    """One session's HTTP."""

    def __init__(self, port: int, functions: dict[str, int] | None = None) -> None:
        self.port, self.session, self.functions = port, uuid.uuid4().hex, functions or {}

    def connect(self, timeout: float = 180) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)

    def send(self, method: str, path: str, body: Any = None, kind: str = "application/json") -> tuple[int, bytes]:
        connection = self.connect()
        try:
            connection.request(method, path, body, {"Content-Type": kind} if body is not None else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def upload(self, path: Path) -> dict[str, Any]:
        head = f'--x\r\nContent-Disposition: form-data; name="files"; filename="{path.name}"\r\n\r\n'.encode()
        body = head + path.read_bytes() + b"\r\n--x--\r\n"
        status, answer = self.send("POST", f"{API}/upload", body, "multipart/form-data; boundary=x")
        if status != 200:
            raise RuntimeError(f"upload: {status} {answer[:200]!r}")
        return {"path": json.loads(answer)[0], "meta": {"_type": "gradio.FileData"}}

    def join(self, name: str, values: list[Any]) -> tuple[int, bytes]:
        body = {"data": values, "fn_index": self.functions[name], "session_hash": self.session}
        return self.send("POST", f"{API}/queue/join", json.dumps(body))

    def follow(self, ranks: list[int]) -> None:
        """Read the session's events until its job is done; the places in the queue that it was told."""
        connection = self.connect()
        try:
            connection.request("GET", f"{API}/queue/data?session_hash={self.session}")
            for line in connection.getresponse():
                if not line.startswith(b"data: "):
                    continue
                event = json.loads(line[6:])
                if event["msg"] == "estimation":
                    ranks.append(int(event["rank"]))
                if event["msg"] == "process_completed":
                    if not event["success"]:
                        raise RuntimeError(f"job: {event['output']}")
                    return
            raise RuntimeError("the stream ended before the job")
        finally:
            connection.close()


class Log:
    """What all users saw."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {"preview": [], "render": [], "upload": []}
        self.ranks: list[int] = []
        self.errors: list[str] = []


def arguments(functions: dict[str, Any], name: str, **values: Any) -> list[Any]:
    """A call's values in its order, defaults where nothing is said."""
    return [
        values.get(part["parameter_name"], part["parameter_default"]) for part in functions[f"/{name}"]["parameters"]
    ]


def use(client: Client, signature: dict[str, Any], large: bool, end: float, log: Log, seed: int) -> None:
    """One user until the end."""
    chance = random.Random(seed)
    heart = client.connect()
    try:
        heart.request("GET", f"{API}/heartbeat/{client.session}")
        heart.getresponse()
        start = time.monotonic()
        photo = client.upload(EXAMPLES / ("cairn.jpg" if large else "path.jpg"))
        depth = None if large else client.upload(EXAMPLES / "path-depth.png")
        log.seconds["upload"].append(time.monotonic() - start)
        while time.monotonic() < end:
            name = "render" if chance.random() < 0.1 else "preview"
            values = {"photo": photo, "depth_map": depth}
            if not large:
                values["aperture"] = str(chance.choice(STOPS))
            start = time.monotonic()
            status, body = client.join(name, arguments(signature, name, **values))
            if status != 200:
                raise RuntimeError(f"{name}: {status} {body[:200]!r}")
            client.follow(log.ranks)
            log.seconds[name].append(time.monotonic() - start)
            time.sleep(chance.uniform(0.5, 1.5))
    except Exception as error:
        log.errors.append(f"{type(error).__name__}: {error}")
    finally:
        heart.close()


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


def load(port: int, users: int, seconds: float, signature: dict[str, Any], functions: dict[str, int]) -> Log:
    """All users at once."""
    log, end = Log(), time.monotonic() + seconds
    threads = [
        threading.Thread(target=use, args=(Client(port, functions), signature, user % 2 == 0, end, log, user))
        for user in range(users)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return log


def abuse(port: int, signature: dict[str, Any], functions: dict[str, int]) -> dict[str, Any]:
    """Those who mean no good; what they were told."""
    client = Client(port, functions)
    form = {"Content-Type": "multipart/form-data; boundary=x"}
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    told: dict[str, Any] = {}

    connection = client.connect()
    connection.putrequest("POST", f"{API}/upload")
    for name, value in {**form, "Content-Length": str(300 << 20)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    told["300 MB announced"] = connection.getresponse().status
    connection.close()

    connection = client.connect()
    try:
        pieces = iter([head, *(bytes(1 << 20) for _ in range(300))])
        connection.request("POST", f"{API}/upload", pieces, form, encode_chunked=True)
        told["300 MB not announced"] = connection.getresponse().status
    except (BrokenPipeError, ConnectionResetError):
        told["300 MB not announced"] = "hung up on"
    connection.close()

    def trickle() -> Any:
        yield head
        for _ in range(3 * UPLOAD_S):
            time.sleep(1)
            yield b"x"

    connection = client.connect()
    start = time.monotonic()
    try:
        connection.request("POST", f"{API}/upload", trickle(), form, encode_chunked=True)
        told["a byte a second"] = connection.getresponse().status
    except (BrokenPipeError, ConnectionResetError):
        told["a byte a second"] = "hung up on"
    told["a byte a second, s"] = round(time.monotonic() - start, 1)
    connection.close()

    # Leaves in the middle of an upload, and of a job.
    connection = client.connect()
    connection.putrequest("POST", f"{API}/upload")
    for name, value in {**form, "Content-Length": str(30 << 20)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    connection.send(head + bytes(10 << 20))
    connection.close()
    leaver = Client(port, functions)
    photo = leaver.upload(EXAMPLES / "cairn.jpg")
    leaver.join("render", arguments(signature, "render", photo=photo))
    connection = leaver.connect()
    connection.request("GET", f"{API}/queue/data?session_hash={leaver.session}")
    connection.getresponse().readline()
    connection.close()

    # 200 more than may wait, at once; they leave too.
    flood = [Client(port, functions) for _ in range(QUEUE + 200)]
    answers: list[int] = []

    def join(each: Client) -> None:
        answers.append(each.join("preview", arguments(signature, "preview", photo=photo))[0])

    threads = [threading.Thread(target=join, args=(each,)) for each in flood]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told["joined"], told["refused"] = answers.count(200), answers.count(503)
    told["otherwise"] = len(answers) - told["joined"] - told["refused"]
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
    client = Client(port)
    signature = json.loads(client.send("GET", f"{API}/info")[1])["named_endpoints"]
    config = json.loads(client.send("GET", "/config")[1])
    functions = {part["api_name"]: part["id"] for part in config["dependencies"] if part["api_name"]}
    peak, done = [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.5):
            peak[0] = max(peak[0], memory_mb(server.pid))

    watcher = threading.Thread(target=watch)
    watcher.start()
    log = load(port, options.users, options.seconds, signature, functions)
    told = abuse(port, signature, functions)
    # It goes on, and what all these left is removed.
    time.sleep(1)
    start = time.monotonic()
    waited = 0
    while json.loads(client.send("GET", "/health")[1])["waiting"]:
        waited += 1
        time.sleep(1)
    last = Client(port, functions)
    last.join("preview", arguments(signature, "preview", photo=last.upload(EXAMPLES / "path.jpg")))
    last.follow([])
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
        "server": line.split("(")[-1].split(";")[0], "users": options.users, "seconds": options.seconds,
        **{
            f"{name}, {what}": value
            for name, seconds in log.seconds.items()
            for what, value in {
                "count": len(seconds), "median s": percentile(seconds, 50), "p95 s": percentile(seconds, 95),
            }.items()
        },
        "longest place in the queue told": max(log.ranks, default=-1) + 1, "errors": len(log.errors),
        "peak MB": round(peak[0]), "limit MB": options.memory_mb, **told, "files left": left,
    }  # fmt: skip
    for name, value in report.items():
        print(f"{name:34} {value}")
    for path in home.rglob("*"):
        if path.is_file():
            print("left:", path.relative_to(home))
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
