"""What `wideopen serve` gives, refuses, removes and limits; its HTTP API; no browser."""

import asyncio
import contextlib
import http.client
import http.server
import io
import json
import os
import re
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from browser import small_copies
from lens_models import build_lens_model
from limits import HANG
from served import Server, form_request, said, serving
from wideopen import Renderer, RenderOptions
from wideopen.errors import PhotoError
from wideopen.options import DEPTH, LENS
from wideopen.presets import load_presets

pytest.importorskip("fastapi", reason="needs the extra web")
pytest.importorskip("pebble", reason="needs the extra web")
from starlette.applications import Starlette  # noqa: E402
from starlette.requests import Request  # noqa: E402
from starlette.responses import PlainTextResponse  # noqa: E402
from starlette.routing import Route  # noqa: E402

from wideopen.web.app import plain  # noqa: E402
from wideopen.web.form import LEFT_OUT, SceneForm  # noqa: E402
from wideopen.web.limits import FORM_BYTES, Gate  # noqa: E402
from wideopen.web.schema import SLIDERS, STOPS, schema  # noqa: E402
from wideopen.web.settings import ServeOptions, Share, fitted, share_out, worker_mb  # noqa: E402
from wideopen.web.uploads import GoneError, Uploads, plain_name  # noqa: E402
from wideopen.web.worker_pool import BusyError, Crew, LeftError  # noqa: E402

pytestmark = pytest.mark.slow

WHOLE = Path(__file__).parents[2] / "examples" / "path.jpg"
PATH, MAP, SCOOTER = (WHOLE.with_name(name) for name in ("path.jpg", "path-depth.png", "scooter.jpg"))


@pytest.fixture(scope="module", autouse=True)
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Copies with a quarter of the pixels, which tell as much, in place of the examples."""
    copies = small_copies(tmp_path_factory.mktemp("examples"), 512, PATH.name, MAP.name, SCOOTER.name)
    with pytest.MonkeyPatch.context() as patch:
        for name, copy in zip(("PATH", "MAP", "SCOOTER"), copies, strict=True):
            patch.setattr(sys.modules[__name__], name, copy)
        yield


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Server]:
    """One that asks for a password, which `Server` gives; the application's tests have one that asks for none."""
    home = tmp_path_factory.mktemp("served")
    arguments = ("--model", str(model), "--upload-mb", "8", "--queue", "3", "--megapixels", "5")
    with serving(*arguments, home=home, WIDEOPEN_PASSWORD="open sesame") as running:
        yield running
    assert not running.folder.exists()  # Stopped, it leaves nothing behind.
    assert running.process.returncode == 0


async def here() -> dict[str, Any]:
    """A client that does not leave."""
    await asyncio.sleep(HANG)
    return {"type": "http.disconnect"}


async def left() -> dict[str, Any]:
    """A client that has left."""
    return {"type": "http.disconnect"}


# The HTTP API


def test_api_makes_the_files_of_the_command_line(server: Server, model: Path, tmp_path: Path) -> None:
    settings = {"aperture": "f/2.8", "focus": "0.45,0.6", "blades": 6}
    status, body, headers = server.call("render", PATH, depth=MAP, **settings)
    assert status == 200 and "path-bokeh.jpg" in headers["Content-Disposition"], body
    options = RenderOptions(model=model, aperture=2.8, focus="0.45,0.6", blades=6, depth=str(MAP))
    ours = Renderer(options).render_file(PATH, tmp_path / "path-bokeh.jpg")
    assert headers["Content-Type"] == "image/jpeg" and body == ours.read_bytes()
    status, body, _ = server.call("render", PATH, side=480)
    with Image.open(io.BytesIO(body)) as shown:
        assert status == 200 and shown.size == (480, 360)


def test_curl_gets_a_picture_with_one_line(server: Server, tmp_path: Path) -> None:
    import shutil
    import subprocess

    if shutil.which("curl") is None:
        pytest.skip("needs curl")
    out = tmp_path / "out.jpg"
    photo = ("-F", f"photo=@{PATH}", "-F", f"depth=@{MAP}", "-F", "aperture=1.4")
    subprocess.run(
        ["curl", "-sf", "-u", "wideopen:open sesame", *photo, f"{server.address}/render", "-o", str(out)],
        check=True,
        timeout=HANG,
    )
    with Image.open(out) as picture:
        assert picture.size == (512, 384)


def test_a_matte_is_given_as_a_file(server: Server, model: Path, tmp_path: Path) -> None:
    matte = tmp_path / "matte.png"
    pixels = np.zeros((96, 128), np.uint8)
    pixels[:, :64] = 255
    Image.fromarray(pixels).save(matte)
    status, body, _ = server.call("render", PATH, matte_file=matte)
    ours = Renderer(model=model, matte=str(matte)).render_file(PATH, tmp_path / "path-bokeh.jpg")
    assert status == 200 and body == ours.read_bytes()


def test_a_scene_is_kept_until_it_is_forgotten(server: Server) -> None:
    status, body, headers = server.call("scene", PATH, depth=MAP)
    names = json.loads(headers["x-wideopen"])
    header = json.loads(body[4 : 4 + int.from_bytes(body[:4], "little")])
    assert status == 200 and names["output"] == "path-bokeh.jpg"
    assert header["size"] == [512, 384] and header["kind"] == "map"
    assert [plane["name"] for plane in header["planes"]] == ["photo", "disparity", "lamps"]
    ids = {"photo_id": names["id"], "depth_id": names["depth_id"]}
    status, again, _ = server.call("render", None, **ids, aperture=2, side=320)
    with Image.open(io.BytesIO(again)) as shown:
        assert status == 200 and max(shown.size) == 320
    assert server.call("forget", None, ids=",".join(ids.values()))[0] == 204
    status, refused, _ = server.call("render", None, **ids)
    assert status == 410 and "send the photo again" in said(refused)
    assert not (server.folder / names["id"]).exists()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"aperture": "wide"}, "is no f-number"),
        ({"blades": "40"}, "blades"),
        ({"blades": "many"}, "blades: input should be a valid integer"),
        ({"lens": "../../etc/passwd"}, "lens must be one of"),
        ({"aperture": "1.4", "depth": None}, "need a depth map"),
        ({"grain": "much"}, "grain: input should be a valid number"),
        ({"matte": "/etc/passwd"}, "matte: input should be 'auto', 'none' or 'photo'"),
        ({"photo_id": "../x", "photo": None}, "no longer here"),
        ({"photo": None}, "there is no photo; send it as the field photo"),
        ({"apperture": "1.4"}, "there is no field 'apperture' here"),
        ({"depth_model": "hf:some/one"}, "there is no field 'depth_model' here"),
    ],
)
def test_api_refuses_in_one_line(server: Server, options: dict[str, Any], says: str) -> None:
    given = {name: value for name, value in {"photo": PATH, "depth": MAP, **options}.items() if value is not None}
    status, body, _ = server.call("render", given.pop("photo", None), **given)
    assert status in (410, 422) and says in said(body)
    assert str(server.folder) not in said(body) and "Traceback" not in said(body) and "--" not in said(body)


def test_options_that_are_the_deployers_own_do_nothing(server: Server) -> None:
    """Paths on the server are no fields of the form: what names one is not read."""
    plain_one = server.call("render", PATH, side=320)[1]
    for name in ("model", "best", "depth", "shape", "depth_model", "engine", "threads"):
        status, body, _ = server.call("render", PATH, side=320, **{name: "/etc/passwd"})
        assert (status == 200 and body == plain_one) or (status == 422 and "root:" not in said(body)), name


def test_the_api_describes_itself(server: Server) -> None:
    status, body = server.get("/openapi.json")
    described = json.loads(body)
    assert status == 200 and {"/render", "/scene", "/health"} <= set(described["paths"])
    form = described["components"]["schemas"]["RenderForm"]
    content = described["paths"]["/render"]["post"]["requestBody"]["content"]
    assert content["multipart/form-data"]["schema"]["$ref"].endswith("/RenderForm")
    wanted = {item.name for item in fields(RenderOptions)} - set(LEFT_OUT)
    assert wanted | {"photo", "depth", "matte_file", "strokes", "strokes_file", "side"} <= set(form["properties"])


# What comes in from those who mean harm


@pytest.mark.parametrize(
    "path",
    ["/../etc/passwd", "/examples/../../../../etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/..%2f..%2fapp.py",
     "/app.py", "/static/app.js", "/examples/%2e%2e%2fapp.py", "/examples/cairn.jpg", "/docs", "/redoc",
     "/render?url=http://127.0.0.1:1/", "//etc/passwd", "/http://127.0.0.1:1/x.jpg", "/file=/etc/passwd"],
)  # fmt: skip
def test_other_routes_are_not_there(server: Server, path: str) -> None:
    host, port = server.address.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=HANG)
    connection.request("GET", path, headers=server.key)  # As it is: urllib would tidy it.
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status in (403, 404, 405), body[:200]
    assert b"root:" not in body and b"import " not in body


def test_addresses_are_not_fetched(server: Server) -> None:
    """A photo is a file; text in its place is refused, whatever it names, and nothing is asked of anybody."""
    asked: list[str] = []

    class Bait(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:  # noqa: N802 (http.server calls it so)
            asked.append(self.path)

    with http.server.HTTPServer(("127.0.0.1", 0), Bait) as bait:
        threading.Thread(target=bait.serve_forever, daemon=True).start()
        for target in (f"http://127.0.0.1:{bait.server_port}/x.jpg", "file:///etc/passwd", "/etc/passwd"):
            for name in ("photo", "photo_id", "depth", "matte_file"):
                form = form_request(f"{server.address}/render", {}, {"photo_id": "none", name: target})
                status, body = server.send(form)
                assert status in (410, 422) and "root:" not in said(body), (name, target)
        bait.shutdown()
    assert asked == []


def test_pictures_that_carry_scripts(server: Server, tmp_path: Path) -> None:
    script = "<script>alert(1)</script>"
    exif = Image.Exif()
    exif[ExifTags.Base.ImageDescription] = exif[ExifTags.Base.Make] = script
    note = PngImagePlugin.PngInfo()
    note.add_text("Title", script)
    buffer = io.BytesIO()
    Image.new("RGB", (96, 64), (200, 30, 30)).save(buffer, "PNG", exif=exif, pnginfo=note)
    markup = {
        "x.svg": f"<svg xmlns='http://www.w3.org/2000/svg'>{script}</svg>".encode(),
        "x.html": f"<html>{script}</html>".encode(),
        "x.jpg": f"<!DOCTYPE html><html>{script}</html>".encode(),
        "<img src=x onerror=alert(1)>.png": buffer.getvalue(),
    }
    for name, data in markup.items():
        photo = tmp_path / name
        photo.write_bytes(data)
        status, body, headers = server.call("render", photo)
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert "script-src 'self'" in headers["Content-Security-Policy"]
        if name.endswith(".png"):
            # What it carries is kept in the file, and shown nowhere.
            assert status == 200 and "<" not in headers["Content-Disposition"]
            with Image.open(io.BytesIO(body)) as picture:
                assert picture.getexif()[ExifTags.Base.Make] == script
        else:
            assert status == 422 and script not in said(body) and "not a JPEG" in said(body)


# Sizes, times, numbers


def test_uploads_that_are_too_large(server: Server) -> None:
    host, port = server.address.removeprefix("http://").split(":")
    kind = "multipart/form-data; boundary=x"
    # 300 MB announced: refused before any of it is read.
    connection = http.client.HTTPConnection(host, int(port), timeout=HANG)
    connection.putrequest("POST", "/render")
    connection.putheader("Content-Type", kind)
    connection.putheader("Authorization", server.key["Authorization"])
    connection.putheader("Content-Length", str(300 << 20))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413 and b"8 MB" in answer.read()
    connection.close()
    # The same not announced: refused when it passes the limit, nothing left of it.
    connection = http.client.HTTPConnection(host, int(port), timeout=HANG)
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    pieces = iter([head, *(bytes(1 << 20) for _ in range(300))])
    try:
        connection.request("POST", "/scene", pieces, {"Content-Type": kind, **server.key}, encode_chunked=True)
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # It hung up on us, which is as good.
    connection.close()
    assert sum(path.stat().st_size for path in server.folder.rglob("*") if path.is_file()) < 9 << 20
    assert server.get("/health")[0] == 200
    large = urllib.request.Request(f"{server.address}/forget", b" " * (FORM_BYTES + 1), {"Content-Type": kind})
    assert server.send(large)[0] == 413


def test_a_full_queue_says_so(server: Server) -> None:
    answers: list[tuple[int, bytes, Any]] = []
    ask = [threading.Thread(target=lambda: answers.append(server.call("render", WHOLE))) for _ in range(24)]
    for thread in ask:
        thread.start()
    for thread in ask:
        thread.join()
    refused = [body for status, body, _ in answers if status == 503]
    assert refused and {status for status, _, _ in answers} == {200, 503}
    assert "try again" in said(refused[0])
    assert server.call("render", PATH)[0] == 200


def test_nothing_of_other_hosts_in_the_page(server: Server) -> None:
    static = Path(__file__).parents[2] / "src" / "wideopen" / "web" / "static"
    for file in (file for file in static.rglob("*") if file.is_file()):
        status, body = server.get(f"/{file.relative_to(static).as_posix()}")
        assert status == 200 and body == file.read_bytes()
        if file.name.startswith("ort"):
            continue  # ONNX Runtime's own, which names a page of help; nothing of it is asked for.
        # Names of XML, of which nothing is fetched.
        text = re.sub(r"http://(www\.w3\.org/2000/svg|ns\.(google|apple|adobe|samsung)\.com/)", "", body.decode())
        assert "http://" not in text and "https://" not in text, file
    assert server.get("/")[1] == (static / "index.html").read_bytes()
    health = json.loads(server.get("/health")[1])
    assert health["healthy"] is True and health["waiting"] >= 0


def test_nothing_is_reported_to_anybody(server: Server, tmp_path: Path) -> None:
    """No process of the server's has a connection to another machine, nor an identifier by which to be known."""
    assert server.call("render", PATH, side=320)[0] == 200
    assert not list(server.folder.parent.glob(".ses"))
    tables = [Path(f"/proc/{server.process.pid}/net/{name}") for name in ("tcp", "tcp6")]
    sockets = {name for process in family(server.process.pid) for name in open_sockets(process)}
    if not any(table.exists() for table in tables):
        pytest.skip("needs /proc")
    for table in tables:
        for line in table.read_text().splitlines()[1:]:
            _, _, remote, state, *_, inode = line.split()[:10]
            if f"socket:[{inode}]" in sockets and state == "01":
                assert remote.split(":")[0] in ("0100007F", "0" * 32), line


def family(process: int) -> list[int]:
    """A process and all below it."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
    found = [process]
    for each in found:
        found += [child for child, parent in parents.items() if parent == each]
    return found


def open_sockets(process: int) -> list[str]:
    with contextlib.suppress(OSError):
        links = [os.readlink(path) for path in Path(f"/proc/{process}/fd").iterdir()]
        return [link for link in links if link.startswith("socket:")]
    return []


def test_a_password_from_the_environment(server: Server) -> None:
    outside = replace(server, password="")
    assert outside.get("/health")[0] == 200
    assert outside.get("/")[0] == outside.get("/schema")[0] == 401
    assert outside.call("render", PATH)[0] == 401
    for word, status in (("open sesame", 200), ("open", 401)):
        assert replace(server, password=word).call("render", PATH, side=320)[0] == status


def answer_of(gate: Gate, scope: dict[str, Any], messages: list[Any]) -> list[dict[str, Any]]:
    """What the gate sends back; a message may be a number of seconds to wait."""
    sent: list[dict[str, Any]] = []
    queue = list(messages)

    async def receive() -> Any:
        while queue and isinstance(queue[0], float):
            await asyncio.sleep(queue.pop(0))
        return queue.pop(0) if queue else {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(gate({"type": "http", "headers": [], "method": "POST", **scope}, receive, send))
    return sent


async def swallow(request: Request) -> PlainTextResponse:
    """Reads all and says how much that was."""
    return PlainTextResponse(str(len(await request.body())))


def reader() -> Starlette:
    """An application that reads whatever comes."""
    return Starlette(routes=[Route(path, swallow, methods=["POST"]) for path in ("/render", "/scene")])


def piece(size: int, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": bytes(size), "more_body": more}


def test_a_slow_upload_is_cut_off(tmp_path: Path) -> None:
    gate = Gate(reader(), ServeOptions(upload_seconds=1), Uploads(tmp_path, 60, 1 << 30))
    upload = {"path": "/render"}
    # Not 200: it was cut off before the second piece came.
    assert answer_of(gate, upload, [piece(10), 30.0, piece(10, False)])[0]["status"] == 408
    gate = Gate(reader(), ServeOptions(upload_seconds=HANG), Uploads(tmp_path, 60, 1 << 30))
    assert answer_of(gate, upload, [piece(1 << 20)] * 200)[0]["status"] == 413
    assert answer_of(gate, upload, [piece(10), 0.01, piece(10, False)])[1]["body"] == b"20"


def test_no_more_uploads_than_allowed_and_none_without_room(tmp_path: Path) -> None:
    uploads = Uploads(tmp_path, 60, 1 << 30)
    gate = Gate(reader(), ServeOptions(uploads=1), uploads)
    upload = {"path": "/scene"}
    asyncio.run(gate._free.acquire())
    assert answer_of(gate, upload, [piece(1, False)])[0]["status"] == 503
    gate._free.release()
    for _ in range(2):  # What is whole counts no longer.
        assert answer_of(gate, upload, [piece(1, False)])[0]["status"] == 200
    uploads.added(1 << 30)
    assert answer_of(gate, upload, [piece(1, False)])[0]["status"] == 507


@pytest.mark.parametrize(("embed_in", "ancestors"), [("", "'none'"), ("https://example.org", "https://example.org")])
def test_only_a_page_that_is_named_may_show_this_one_within_it(tmp_path: Path, embed_in: str, ancestors: str) -> None:
    gate = Gate(reader(), ServeOptions(embed_in=embed_in), Uploads(tmp_path, 60, 1 << 30))
    headers = dict(answer_of(gate, {"path": "/render"}, [piece(1, False)])[0]["headers"])
    assert headers[b"content-security-policy"].decode().endswith(f"; frame-ancestors {ancestors}")
    with pytest.raises(ValueError, match="must be an origin"):
        ServeOptions(embed_in="https://example.org; script-src *")


# What is removed, and when


def test_uploads_go_when_they_are_old_or_their_client_has_left(tmp_path: Path) -> None:
    clock = [time.time()]
    uploads = Uploads(tmp_path, keep_s=600, limit=1000, now=lambda: clock[0])
    stray = tmp_path / "tmp123"
    stray.write_bytes(bytes(200))
    old, left, busy = (uploads.add(io.BytesIO(bytes(900)), "photo.jpg") for _ in range(3))
    assert len({old, left, busy}) == 3
    uploads.sweep()
    assert uploads.full and stray.exists()
    uploads.forget(left)
    assert not (tmp_path / left).exists() and (tmp_path / old).exists()
    with uploads.using(busy) as path:
        uploads.forget(busy)
        clock[0] += 601  # In a long queue.
        uploads.sweep()
        assert path.exists() and not (tmp_path / old).exists() and not stray.exists()
    assert not path.exists() and not uploads.full
    for token in (old, left, busy, "", "../x"):
        with pytest.raises(GoneError), uploads.using(token):
            pass


@pytest.mark.parametrize(
    ("name", "kept"),
    [("a.jpg", "a.jpg"), ("../../etc/passwd", "passwd"), ("C:\\x\\a.png", "a.png"), ("<img>.png", "_img_.png"),
     ("", "photo"), ("..", "photo"), ("x" * 300 + ".jpeg", "x" * 120 + ".jpeg"), ("a\0b\n.jpg", "a_b_.jpg")],
)  # fmt: skip
def test_names_of_uploads_are_names_of_files(name: str, kept: str, tmp_path: Path) -> None:
    assert plain_name(name) == kept
    uploads = Uploads(tmp_path, 60, 1 << 30)
    with uploads.using(uploads.add(io.BytesIO(b"1"), name)) as path:
        assert path.read_bytes() == b"1" and path.resolve().is_relative_to(tmp_path.resolve())


# Workers


def test_a_job_is_stopped_when_it_takes_too_long_or_too_much(model: Path, tmp_path: Path) -> None:
    async def do(name: str, job: Any, value: Any) -> Any:
        return await crew._do(crew._full, name, here, job, value)

    limits = ServeOptions(model=model, job_seconds=2, megapixels=5, queue=1)
    with Crew(limits, Share(1, 1, 1)).at_work() as crew:
        with pytest.raises(PhotoError, match="slow.jpg: took longer than 2 s"):
            asyncio.run(do("slow.jpg", time.sleep, 2 * HANG))
        crew._seconds = HANG
        with pytest.raises(PhotoError, match=r"big.jpg: took more memory than is allowed"):
            asyncio.run(do("big.jpg", bytearray, 6 << 30))
        with pytest.raises(PhotoError, match=r"dead.jpg: .* broke its decoder"):
            asyncio.run(do("dead.jpg", os._exit, 11))
        # The next one finds a worker again.
        photo = tmp_path / "photo.png"
        Image.new("RGB", (96, 64)).save(photo)
        made = tmp_path / "photo-bokeh.png"
        asyncio.run(crew.do(here, "make", photo, RenderOptions(), made))
        assert made.exists()
        asyncio.run(leaves(crew))


async def leaves(crew: Crew) -> None:
    """A client that leaves while its job waits: the job is never begun, and its place in the queue is free again."""

    async def wait() -> Any:
        return await crew._do(crew._full, "first.jpg", here, time.sleep, 3)

    first = asyncio.create_task(wait())
    await asyncio.sleep(0.5)
    with pytest.raises(LeftError):
        await crew._do(crew._full, "second.jpg", left, os._exit, 11)
    crew._jobs += 2
    with pytest.raises(BusyError, match="try again"):
        await crew._do(crew._full, "third.jpg", here, time.sleep, 0)
    crew._jobs -= 2
    await first
    assert crew.waiting == 0 and crew._jobs == 0


# Limits and controls


def test_workers_are_what_memory_and_cores_allow() -> None:
    options = fitted(ServeOptions(memory_mb=24_000))
    assert options.megapixels == 50 and 5 < fitted(ServeOptions(memory_mb=2_500)).megapixels < 20
    many = share_out(options, cores=16)
    assert 1 < many.full <= 8 and many.screen * many.threads <= 16
    total = sum(getattr(many, kind) * worker_mb(kind, 50) for kind in ("screen", "full"))
    assert total < 24_000
    assert share_out(fitted(ServeOptions(memory_mb=5_000)), cores=2).full == 1
    with pytest.raises(ValueError, match=r"too little memory for photos of 50 megapixels.*--megapixels"):
        share_out(ServeOptions(memory_mb=1_000, megapixels=50), cores=2)
    with pytest.raises(ValueError, match="queue must be at least 1"):
        ServeOptions(queue=0)


def as_texts(values: dict[str, Any]) -> dict[str, str]:
    """As a form has them."""
    return {name: str(value) for name, value in values.items()}


def test_every_option_of_the_lens_has_a_control() -> None:
    told = schema(ServeOptions())
    wanted = {item.name for item in fields(RenderOptions) if item.metadata["panel"] in (LENS, DEPTH)} - set(LEFT_OUT)
    shown = {option["name"]: option for option in told["options"]}
    assert set(shown) == wanted | {"quality", "strip", "hdr"}
    help_texts = {item.name: item.metadata["help"].replace("`", "") for item in fields(RenderOptions)}
    assert all(option["help"] == help_texts[name] for name, option in shown.items())
    defaults = {name: option["default"] for name, option in shown.items() if option["default"] is not None}
    assert SceneForm(**as_texts(defaults)).options() == RenderOptions()
    for name, preset in load_presets().items():
        settings = told["presets"][name]["settings"]
        assert SceneForm(**as_texts(settings)).options() == RenderOptions(**preset.settings)
    from wideopen.lens.lens_settings import make_aperture
    from wideopen.lens.thin_lens import PRESETS as OPTICS

    # The slider has a place for every lens's own f-number and every preset's.
    assert {lens.f_number for lens in OPTICS.values()} <= set(STOPS)
    assert {preset.settings["aperture"] for preset in load_presets().values()} <= set(STOPS)
    # Thirds of a stop: each is 2^(1/6) of the one before, as near as what is engraved.
    numbers = [float(stop) for stop in STOPS[1:]]
    assert all(abs(np.log2(wide / narrow) * 6 - 1) < 0.5 for wide, narrow in zip(numbers, numbers[1:], strict=False))
    # The ends of all sliders are values that the options and the aperture allow.
    for name, (least, greatest, _) in SLIDERS.items():
        for end in (least, greatest):
            make_aperture(SceneForm(**as_texts({name: end})).options())


def test_messages_lose_what_is_the_servers_own(tmp_path: Path) -> None:
    said = plain(f"{tmp_path}/0aZ_-/a.jpg: needs a depth map (--depth)", tmp_path)
    assert said == "a.jpg: needs a depth map"


def test_a_model_with_a_lens_head_serves_the_lens_without_a_map(tmp_path: Path) -> None:
    from wideopen.web.jobs import Worker

    worker = Worker(build_lens_model(tmp_path / "lens.onnx"), 1, 5)
    scene = worker.scene(PATH, RenderOptions(focus="0.2,0.2"))
    header = json.loads(scene[4 : 4 + int.from_bytes(scene[:4], "little")])
    assert header["kind"] == "subject" and {"matte", "behind"} <= {plane["name"] for plane in header["planes"]}
    shown = worker.show(PATH, RenderOptions(aperture=1.4, focus="0.2,0.2"), 384)
    held = len(worker._photos._memory._values)
    worker.show(PATH, RenderOptions(aperture=4.0, focus="0.2,0.2"), 384)
    assert len(worker._photos._memory._values) == held  # Only drawn anew.
    assert worker.show(PATH, RenderOptions(aperture=1.4, focus="0.5,0.6"), 384) != shown


def test_without_a_lens_grain_is_still_as_it_was_asked_for() -> None:
    """Any model's blur gets grain back; f-number and focus need a lens."""
    from wideopen.web.jobs import without_lens

    left = without_lens(RenderOptions(aperture=1.4, focus="far", blades=6, grain=0.25, quality=80))
    assert left == RenderOptions(grain=0.25, quality=80)
