"""A `wideopen serve` of its own for tests, and plain HTTP to it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from limits import HANG


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    address: str
    folder: Path
    """Where it keeps what is uploaded."""
    process: subprocess.Popen[str]

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        return self.send(urllib.request.Request(self.address + path))

    def send(self, request: urllib.request.Request) -> tuple[int, bytes]:
        """Status and body, of refusals too."""
        try:
            with urllib.request.urlopen(request, timeout=HANG) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read()

    def post(self, path: str, body: Any) -> tuple[int, bytes]:
        """Send JSON."""
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return self.send(urllib.request.Request(self.address + path, data, {"Content-Type": "application/json"}))

    def upload(self, data: bytes, name: str) -> str:
        """Upload a file; its path on the server."""
        status, body = self.send(upload_request(self.address, data, name))
        assert status == 200, body
        return json.loads(body)[0]

    def call(self, name: str, **values: Any) -> tuple[str, Any]:
        """One call of the API: `complete` with what it gives, or `error` with why."""
        status, body = self.post(f"/gradio_api/call/v2/{name}", values)
        if status != 200:
            return str(status), body.decode()
        lines = self.get(f"/gradio_api/call/{name}/{json.loads(body)['event_id']}")[1].decode().splitlines()
        event, data = [line for line in lines if line][-2:]
        return event.removeprefix("event: "), json.loads(data.removeprefix("data: "))


def given(path: str) -> dict[str, Any]:
    """An uploaded file as a call names it."""
    return {"path": path, "meta": {"_type": "gradio.FileData"}}


def upload_request(address: str, data: bytes, name: str) -> urllib.request.Request:
    """A form with one file."""
    edge = uuid.uuid4().hex
    head = f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'
    body = head.encode() + data + f"\r\n--{edge}--\r\n".encode()
    kind = {"Content-Type": f"multipart/form-data; boundary={edge}"}
    return urllib.request.Request(f"{address}/gradio_api/upload", body, kind)


@contextlib.contextmanager
def serving(*arguments: str, home: Path, **environment: str) -> Iterator[Server]:
    """Run `wideopen serve` on a free port, its temporary files in `home`; it is stopped like a service at the end."""
    with launched(*arguments, home=home, **environment) as process:
        yield wait_for(process, home)


@contextlib.contextmanager
def launched(*arguments: str, home: Path, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """The same without waiting until it answers."""
    home.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [sys.executable, "-m", "wideopen", "serve", "--port", "0", "--job-seconds", str(HANG), *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "TMPDIR": str(home), **environment},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(HANG)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            assert process.stdout is not None
            process.stdout.close()


def wait_for(process: subprocess.Popen[str], home: Path) -> Server:
    """The server once it says that it answers."""
    assert process.stdout is not None
    seen = []
    start = time.monotonic()
    while time.monotonic() - start < HANG:
        line = process.stdout.readline()
        if not line:
            break
        seen.append(line)
        if line.startswith("http"):
            (folder,) = home.glob("wideopen-*")
            return Server(line.split()[0], folder, process)
    raise RuntimeError(f"wideopen serve did not start: {''.join(seen)}")
