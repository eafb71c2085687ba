"""A `wideopen serve` of its own for tests, and plain HTTP to it."""

import base64
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
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
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
    password: str = ""

    @property
    def key(self) -> dict[str, str]:
        """Headers that open it."""
        word = base64.b64encode(f"wideopen:{self.password}".encode()).decode()
        return {"Authorization": f"Basic {word}"} if self.password else {}

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body."""
        return self.send(urllib.request.Request(self.address + path))

    def send(self, request: urllib.request.Request) -> tuple[int, bytes]:
        """Status and body, of refusals too."""
        status, body, _ = self.ask(request)
        return status, body

    def ask(self, request: urllib.request.Request) -> tuple[int, bytes, Mapping[str, str]]:
        """Status, body and headers, of refusals too."""
        for name, value in self.key.items():
            request.add_header(name, value)
        try:
            with urllib.request.urlopen(request, timeout=HANG) as answer:
                return answer.status, answer.read(), answer.headers
        except urllib.error.HTTPError as refusal:
            return refusal.code, refusal.read(), refusal.headers

    def call(self, path: str, photo: Path | None = None, **fields: Any) -> tuple[int, bytes, Mapping[str, str]]:
        """Post a form: a photo's file, paths as files, and everything else as text."""
        files = {name: value for name, value in {"photo": photo, **fields}.items() if isinstance(value, Path)}
        texts = {name: str(value) for name, value in fields.items() if name not in files}
        return self.ask(form_request(f"{self.address}/{path}", files, texts))


def said(body: bytes) -> str:
    """The one line of a refusal."""
    return str(json.loads(body)["detail"])


def form_request(address: str, files: Mapping[str, Path], texts: Mapping[str, str]) -> urllib.request.Request:
    """A form with files and texts."""
    edge = uuid.uuid4().hex
    parts = []
    for name, path in files.items():
        head = f'Content-Disposition: form-data; name="{name}"; filename="{path.name}"\r\n\r\n'
        parts.append(head.encode() + path.read_bytes())
    for name, text in texts.items():
        parts.append(f'Content-Disposition: form-data; name="{name}"\r\n\r\n{text}'.encode())
    body = b"".join(f"--{edge}\r\n".encode() + part + b"\r\n" for part in parts) + f"--{edge}--\r\n".encode()
    return urllib.request.Request(address, body, {"Content-Type": f"multipart/form-data; boundary={edge}"})


@contextlib.contextmanager
def serving(*arguments: str, home: Path, **environment: str) -> Iterator[Server]:
    """Run `wideopen serve` on a free port, its temporary files in `home`; it is stopped like a service at the end."""
    with launched(*arguments, home=home, **environment) as process:
        yield replace(wait_for(process, home), password=environment.get("WIDEOPEN_PASSWORD", ""))


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
