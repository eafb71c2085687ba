"""Models named hf:ORG/NAME, from a hub on loopback that answers what the client asks for."""

import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from browser import small_copies
from command import call
from depth_networks import build_depth_network
from lens_models import build_lens_model
from limits import HANG
from wideopen.errors import ModelError
from wideopen.hub import fetch, is_hub_name

pytestmark = pytest.mark.slow

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CALLED: list[str] = []


class Hub(http.server.BaseHTTPRequestHandler):
    """Repositories `org/lens` and `org/depth` of one revision, `main`, tagged `v1`: the folders in `folder`."""

    folder = Path()

    def log_message(self, format: str, *args: object) -> None:
        CALLED.append(self.path)

    def answer(self, body: bytes, **headers: str) -> None:
        self.send_response(200)
        for name, value in {"Content-Length": str(len(body)), "X-Repo-Commit": COMMIT, **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def refuse(self, code: str) -> None:
        self.send_response(404)
        self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        place, _, _ = self.path.partition("?")
        repository = next((name for name in ("lens", "depth") if f"/org/{name}" in place), None)
        if repository is None:
            return self.refuse("RepoNotFound")
        folder = self.folder / repository
        names = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
        if not any(f"/{revision}" in place for revision in ("main", "v1", COMMIT)):
            return self.refuse("RevisionNotFound")
        if "/resolve/" in place:
            data = (folder / place.partition("/resolve/")[2].partition("/")[2]).read_bytes()
            return self.answer(
                data, ETag=f'"{hashlib.sha1(data).hexdigest()}"', Content_Type="application/octet-stream"
            )
        if "/tree/" in place:
            files = [{"type": "file", "path": name, "size": 1, "oid": "1"} for name in names]
            return self.answer(json.dumps(files).encode(), Content_Type="application/json")
        facts = {"id": f"org/{repository}", "sha": COMMIT, "private": False, "tags": [], "downloads": 0, "likes": 0}
        facts["siblings"] = [{"rfilename": name} for name in names]  # type: ignore[assignment]
        return self.answer(json.dumps(facts).encode(), Content_Type="application/json")

    do_HEAD = do_GET  # noqa: N815


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    Hub.folder = tmp_path_factory.mktemp("hub")
    (Hub.folder / "lens").mkdir()
    build_lens_model(Hub.folder / "lens" / "model.onnx")
    (Hub.folder / "lens" / "README.md").write_text("a card\n")
    (Hub.folder / "lens" / "other.onnx").write_bytes(b"no model")
    (Hub.folder / "depth" / "onnx").mkdir(parents=True)
    build_depth_network(Hub.folder / "depth" / "onnx" / "model.onnx")
    (Hub.folder / "depth" / "config.json").write_text("{}")
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Hub) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of the hub's client; beside it a small photo."""
    folder = tmp_path_factory.mktemp("cache")
    small_copies(folder, 480, "whale.jpg")
    return folder


def render(
    hub: str, cache: Path, name: str, output: Path, *given: object, option: str = "--model"
) -> subprocess.CompletedProcess[str]:
    """`wideopen render` in a process of its own, whose client of the hub knows this hub and this cache alone."""
    pytest.importorskip("huggingface_hub", reason="needs the extra hub")
    command = [sys.executable, "-m", "wideopen", "render", cache / "whale.jpg", option, name, "-o", output, *given]
    command = [str(word) for word in command]
    environment = {**os.environ, "HF_ENDPOINT": hub, "HF_HOME": str(cache), "HF_HUB_DISABLE_XET": "1"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=HANG)


def test_fetched_once_and_then_without_network(hub: str, cache: Path, tmp_path: Path) -> None:
    first = render(hub, cache, "hf:org/lens@v1", tmp_path / "first.jpg")
    assert (first.returncode, first.stderr) == (0, "")
    assert any("/resolve/" in path for path in CALLED) and not any("README" in path for path in CALLED)
    again = render("http://127.0.0.1:9", cache, "hf:org/lens@v1", tmp_path / "again.jpg")  # Nothing listens there.
    assert (again.returncode, again.stderr) == (0, "")
    model = Hub.folder / "lens" / "model.onnx"
    assert call("render", cache / "whale.jpg", "--model", model, "-o", tmp_path / "local.jpg").code == 0
    pictures = {(tmp_path / f"{name}.jpg").read_bytes() for name in ("first", "again", "local")}
    assert len(pictures) == 1


def test_a_depth_model_is_fetched_once_and_then_without_network(hub: str, cache: Path, tmp_path: Path) -> None:
    lens = Hub.folder / "lens" / "model.onnx"  # Beside it: the package's takes a second.
    for place in (hub, "http://127.0.0.1:9"):
        more = "--depth", "auto", "--focus", "near", "--save-depth", tmp_path / "found.npy", "--overwrite"
        more = (*more, "--model", lens)
        done = render(place, cache, "hf:org/depth@v1", tmp_path / "out.jpg", *more, option="--depth-model")
        assert (done.returncode, done.stderr) == (0, "")
        red = cv2.imread(str(cache / "whale.jpg"))[..., 2]
        found = np.load(tmp_path / "found.npy")
        assert np.corrcoef(found.ravel(), red.ravel())[0, 1] > 0.95
    assert not any("/org/depth" in path and "config.json" in path for path in CALLED)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("hf:org/none", "no such repository"),
        ("hf:org/lens@v9", "no such revision"),
    ],
)
def test_what_the_hub_does_not_have_is_one_line(hub: str, cache: Path, tmp_path: Path, name: str, says: str) -> None:
    done = render(hub, cache, name, tmp_path / "out.jpg")
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith(f"wideopen: {name}: ") and says in done.stderr
    assert not (tmp_path / "out.jpg").exists()


def test_what_is_no_name_is_one_line(cache: Path, tmp_path: Path) -> None:
    done = call("render", cache / "whale.jpg", "--model", "hf:lens", "-o", tmp_path / "out.jpg")
    assert done.code == 2 and done.error.count("\n") == 1 and done.error.startswith("wideopen: hf:lens: ")
    assert "write hf:ORG/NAME or hf:ORG/NAME@REVISION" in done.error and not (tmp_path / "out.jpg").exists()


def test_without_network_it_is_one_line(cache: Path, tmp_path: Path) -> None:
    done = render("http://127.0.0.1:9", cache, "hf:org/elsewhere", tmp_path / "out.jpg")
    assert done.returncode == 2 and done.stderr.count("\n") == 1, done.stderr
    assert "hf:org/elsewhere: cannot be had from the hub (" in done.stderr


def test_without_the_client_the_line_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(ModuleNotFoundError) as caught:
        fetch("hf:org/lens", ["*.onnx"])
    assert (caught.value.name or "").startswith("huggingface_hub")


def test_names_are_told_from_files() -> None:
    assert is_hub_name("hf:org/lens") and is_hub_name(Path("hf:org/lens@v1")) and not is_hub_name("models/hf.onnx")
    with pytest.raises(ModelError, match="is no name on the hub"):
        fetch("hf:a/b/c", ["*.onnx"])
