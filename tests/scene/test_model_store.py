"""Models are fetched once, whole or not at all, and checked: against a server on loopback."""

import hashlib
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from command import call
from lens_models import build_lens_model
from limits import HANG
from matte_networks import build_matte_network
from wideopen import ModelError
from wideopen.scene import model_store
from wideopen.scene.model_store import KNOWN, KnownModel, fetch

DATA = np.random.default_rng(0).bytes(300_000)
SHA = hashlib.sha256(DATA).hexdigest()


class Answers(BaseHTTPRequestHandler):
    """/whole and /slow give the data, /cut ends early, /hub sends on, as the hub does."""

    asked: list[str] = []

    def do_GET(self) -> None:  # noqa: N802
        Answers.asked.append(self.path)
        if self.path == "/nonsense":
            self.wfile.write(b"what is this\r\n\r\n")
            return
        if self.path == "/gone":
            self.send_error(404)
            return
        if self.path == "/hub":
            self.send_response(302)
            self.send_header("Location", "/whole")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(DATA)))
        self.end_headers()
        if self.path == "/slow":
            threading.Event().wait(1.0)
        self.wfile.write(DATA[:1000] if self.path == "/cut" else DATA)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Answers.asked.clear()
    running = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=running.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{running.server_address[1]}"
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("WIDEOPEN_MODELS", str(tmp_path / "models"))
    monkeypatch.setenv("no_proxy", "*")
    return tmp_path / "models"


def known(url: str, sha256: str = SHA) -> KnownModel:
    return KnownModel("some", "matte", url, len(DATA), sha256, "MIT")


@pytest.mark.parametrize("path", ["/whole", "/hub"])
def test_fetched_once(server: str, path: str, folder: Path) -> None:
    model = known(server + path)
    assert fetch(model) == folder / "some.onnx" and (folder / "some.onnx").read_bytes() == DATA
    before = len(Answers.asked)
    assert fetch(model) == folder / "some.onnx" and len(Answers.asked) == before
    assert [item.name for item in folder.iterdir() if not item.name.endswith(".lock")] == ["some.onnx"]


@pytest.mark.parametrize(
    ("path", "sha256", "line"),
    [
        ("/cut", SHA, "only 1000 of its 300000 bytes came"),
        ("/whole", "0" * 64, "what came is another file"),
        ("/gone", SHA, "cannot be fetched (404"),
        ("nobody", SHA, "cannot be fetched ("),
        ("/nonsense", SHA, "HTTP"),
    ],
)
def test_nothing_half_is_there(server: str, path: str, sha256: str, line: str, folder: Path) -> None:
    folder.mkdir()
    (folder / ".wideopen-left.part").write_bytes(b"of a process that was killed")
    model = known("http://127.0.0.1:9/x" if path == "nobody" else server + path, sha256)
    with pytest.raises(ModelError) as found:
        fetch(model)
    text = str(found.value)
    assert line in text and "wideopen models get some --file FILE" in text and "\n" not in text
    assert [item.name for item in folder.iterdir()] == [".some.onnx.lock"]


def test_two_processes_fetch_once(server: str, folder: Path) -> None:
    code = (
        "from wideopen.scene.model_store import KnownModel, fetch\n"
        f"print(fetch(KnownModel('some', 'matte', {server + '/slow'!r}, {len(DATA)}, '{SHA}', 'MIT')))"
    )
    both = [subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=HANG)[0] for process in both]
    assert said == [f"{folder / 'some.onnx'}\n"] * 2 and Answers.asked == ["/slow"]
    assert (folder / "some.onnx").read_bytes() == DATA


def test_from_a_file(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "given").write_bytes(DATA)
    assert fetch(known("http://127.0.0.1:9/x"), tmp_path / "given").read_bytes() == DATA
    (tmp_path / "other").write_bytes(b"something else")
    with pytest.raises(ModelError, match="only 14 of its 300000 bytes are there"):
        fetch(known("http://127.0.0.1:9/x"), tmp_path / "other")
    assert (folder / "some.onnx").read_bytes() == DATA, "the old one stays"
    with pytest.raises(ModelError, match="No such file"):
        fetch(known("http://127.0.0.1:9/x"), tmp_path / "gone")


def test_the_command(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    listed = call("models")
    assert listed.code == 0 and listed.out.count("\n") == len(KNOWN) and listed.out.count("not here") == len(KNOWN)
    (tmp_path / "given").write_bytes(DATA)
    u2net = replace(KNOWN["u2net"], size=len(DATA), sha256=SHA)
    monkeypatch.setitem(model_store.KNOWN, "u2net", u2net)
    done = call("models", "get", "u2net", "--file", tmp_path / "given")
    assert (done.code, done.out) == (0, f"{folder / 'u2net.onnx'}\n")
    assert call("models").out.count("not here") == len(KNOWN) - 1
    for words, line in ((("get", "nothing"), "there is no model 'nothing'; there are"), (("get",), "get NAME"),
                        (("drop", "u2net"), "get NAME")):  # fmt: skip
        failed = call("models", *words)
        assert failed.code == 2 and line in failed.error


def test_the_best_that_is_here(tmp_path: Path, folder: Path) -> None:
    model = build_lens_model(tmp_path / "lens.onnx")
    pixels = np.random.default_rng(0).integers(40, 200, (200, 300, 3)).astype(np.uint8)
    pixels[..., 0] = 20
    pixels[:, :150, 0] = 255
    Image.fromarray(pixels).save(tmp_path / "photo.png")
    common = (tmp_path / "photo.png", "--overwrite", "--model", model, "--best")
    without = call("render", *common)
    assert without.code == 0 and "no better model is here" in without.error and without.error.count("\n") == 1
    folder.mkdir()
    for name, kind in (("u2net", "u2net"), ("isnet-general-use", "isnet")):
        build_matte_network(folder / f"{name}.onnx", kind)
    done = call("render", *common, "--save-matte", tmp_path / "m.npy")
    assert (done.code, done.error) == (0, "")
    matte = np.load(tmp_path / "m.npy")
    assert matte[:, :130].min() > 0.999 and matte[:, 170:].max() < 0.001


@pytest.mark.parametrize(
    ("system", "home", "place"),
    [
        ("darwin", {}, "home/Library/Caches/wideopen/models"),
        ("win32", {}, "home/AppData/Local/wideopen/models"),
        ("win32", {"LOCALAPPDATA": "there"}, "there/wideopen/models"),
        ("linux", {}, "home/.cache/wideopen/models"),
        ("linux", {"XDG_CACHE_HOME": ""}, "home/.cache/wideopen/models"),
        ("linux", {"XDG_CACHE_HOME": "there", "LOCALAPPDATA": "elsewhere"}, "there/wideopen/models"),
        ("linux", {"WIDEOPEN_MODELS": "own", "XDG_CACHE_HOME": "there"}, "own"),
    ],
)
def test_models_lie_where_each_system_keeps_caches(
    system: str, home: dict[str, str], place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("WIDEOPEN_MODELS", "XDG_CACHE_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    for name, value in home.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(Path, "home", lambda: Path("home"))
    assert model_store.cache_folder() == Path(place)


def test_the_best_that_is_here_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    here = ["u2net", "isnet-general-use", "birefnet-general-lite"]
    monkeypatch.setattr(KnownModel, "here", property(lambda model: model.name in here))
    for best in ("birefnet-general-lite", "isnet-general-use", "u2net"):
        found = model_store.best_here("matte")
        assert found is not None and found.name == best
        here.remove(best)
    assert model_store.best_here("matte") is None and model_store.best_here("depth") is None
