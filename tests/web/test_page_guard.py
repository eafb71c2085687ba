"""What `wideopen serve` refuses, removes and limits; its HTTP API; no browser."""

import asyncio
import contextlib
import http.client
import io
import json
import os
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from PIL import ExifTags, Image, PngImagePlugin

from lens_models import build_lens_model
from limits import HANG
from served import Server, given, serving, upload_request
from wideopen import Renderer, RenderOptions
from wideopen.errors import PhotoError
from wideopen.options import DEPTH, LENS
from wideopen.presets import load_presets

pytest.importorskip("gradio", reason="needs the extra web")
pytest.importorskip("pebble", reason="needs the extra web")
from wideopen.web import controls  # noqa: E402
from wideopen.web.limits import CALL_BYTES, Gate  # noqa: E402
from wideopen.web.session_files import Keeper  # noqa: E402
from wideopen.web.settings import ServeOptions, Share, fitted, share_out  # noqa: E402
from wideopen.web.worker_pool import Crew, plain  # noqa: E402

pytestmark = pytest.mark.slow

PATH = Path(__file__).parents[2] / "examples" / "path.jpg"
MAP = Path(__file__).parents[2] / "examples" / "path-depth.png"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, model: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("served")
    arguments = ("--model", str(model), "--upload-mb", "8", "--queue", "3", "--megapixels", "5")
    with serving(*arguments, home=home, WIDEOPEN_PASSWORD="") as running:
        yield running


# The HTTP API


def test_api_makes_the_files_of_the_command_line(server: Server, model: Path, tmp_path: Path) -> None:
    photo = given(server.upload(PATH.read_bytes(), "path.jpg"))
    depth = given(server.upload(MAP.read_bytes(), "path-depth.png"))
    event, data = server.call("render", photo=photo, depth_map=depth, aperture="f/2.8", focus="0.45,0.6", blades=6)
    assert event == "complete", data
    assert data[0]["orig_name"] == "path-bokeh.jpg"
    options = RenderOptions(model=model, aperture=2.8, focus="0.45,0.6", blades=6, depth=str(MAP))
    ours = Renderer(options).render_file(PATH, tmp_path / "path-bokeh.jpg")
    assert server.get(f"/gradio_api/file={data[0]['path']}")[1] == ours.read_bytes()
    event, data = server.call("preview", photo=photo)
    with Image.open(io.BytesIO(server.get(f"/gradio_api/file={data[0]['path']}")[1])) as shown:
        assert event == "complete" and shown.size == (960, 720)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"aperture": "wide"}, "is no f-number"),
        ({"blades": 40}, "blades"),
        ({"lens": "../../etc/passwd"}, "lens must be one of"),
        ({"aperture": "1.4"}, "need a depth map"),
        ({"grain": "much"}, "wrong kind"),
        ({"depth": "/etc/passwd"}, "depth"),
        ({"model": "/etc/passwd"}, "model"),
    ],
)
def test_api_refuses_options_in_one_line(server: Server, options: dict[str, Any], says: str) -> None:
    photo = given(server.upload(PATH.read_bytes(), "path.jpg"))
    depth = None if "aperture" in options else given(server.upload(MAP.read_bytes(), "path-depth.png"))
    event, data = server.call("render", photo=photo, depth_map=depth, **options)
    text = data if isinstance(data, str) else data["error"]
    assert event in ("error", "500", "400", "422"), data
    if event == "error":
        assert says in text and str(server.folder) not in text and "Traceback" not in text and "--" not in text
    else:
        assert says in text or event == "500"


# What comes in from those who mean harm


def test_paths_and_addresses_are_not_read(server: Server, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (64, 64)).save(secret)
    targets = (
        str(secret), "/etc/passwd", "file:///etc/passwd", "../../../../etc/passwd", f"{server.folder}/../secret.png",
        "http://127.0.0.1:1/x.jpg", "http://169.254.169.254/latest/meta-data", "https://example.com/x.jpg",
        "http://[::1]/x.jpg", "ftp://example.com/x.jpg", "//example.com/x.jpg", "data:image/png;base64,AAAA",
    )  # fmt: skip
    for target in targets:
        status, body = server.post("/gradio_api/call/v2/render", {"photo": given(target)})
        assert status == 403 and b"uploaded first" in body, (target, status, body)
        status, body = server.post(
            "/gradio_api/queue/join", {"data": [given(target)], "fn_index": 0, "session_hash": "x"}
        )
        assert status == 403, (target, body)
        for route in ("file=", "file/", "proxy="):
            status, body = server.get(f"/gradio_api/{route}{target}")
            assert status in (403, 404), (route, target, status)
            assert b"root:" not in body and target.encode() not in body
    outside = server.folder / "link.jpg"
    outside.symlink_to("/etc/passwd")
    assert server.post("/gradio_api/call/v2/render", {"photo": given(str(outside))})[0] == 403
    outside.unlink()


@pytest.mark.parametrize(
    "path",
    ["/../etc/passwd", "/assets/../../../../etc/passwd", "/assets/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
     "/static/..%2f..%2fapp.py", "/gradio_api/deep_link?session_hash=x", "/gradio_api/stream/x", "/openapi.json",
     "/gradio_api/run/render", "/monitoring", "/docs", "/gradio_api/custom_component/a/client/b/c",
     "/gradio_api/run-history/buckets", "/gradio_api/dev/reload", "/gradio_api/component_server"],
)  # fmt: skip
def test_other_routes_are_not_there(server: Server, path: str) -> None:
    host, port = server.address.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=HANG)
    connection.request("GET", path)  # As it is: urllib would tidy it.
    answer = connection.getresponse()
    body = answer.read()
    connection.close()
    assert answer.status in (403, 404), body[:200]
    assert b"root:" not in body and b"import " not in body


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
        path = server.upload(data, name)
        assert "<" not in path and Path(path).is_relative_to(server.folder)
        host, port = server.address.removeprefix("http://").split(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=HANG)
        connection.request("GET", f"/gradio_api/file={path.replace(' ', '%20')}")
        answer = connection.getresponse()
        answer.read()
        connection.close()
        headers = {key.lower(): value for key, value in answer.getheaders()}
        assert headers["content-security-policy"] == "default-src 'none'; sandbox"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["content-type"].split(";")[0] in ("application/octet-stream", "image/png", "image/jpeg")
        event, data = server.call("render", photo=given(path))
        if data and event == "complete":
            # What it carries is kept in the file, and shown nowhere.
            made = server.get(f"/gradio_api/file={data[0]['path'].replace(' ', '%20')}")[1]
            with Image.open(io.BytesIO(made)) as picture:
                assert picture.getexif()[ExifTags.Base.Make] == script
        else:
            assert event == "error" and script not in json.dumps(data)
    assert sorted(markup)[0].endswith("png")


# Sizes, times, numbers


def test_uploads_that_are_too_large(server: Server) -> None:
    host, port = server.address.removeprefix("http://").split(":")
    # 300 MB announced: refused before any of it is read.
    connection = http.client.HTTPConnection(host, int(port), timeout=HANG)
    connection.putrequest("POST", "/gradio_api/upload")
    connection.putheader("Content-Type", "multipart/form-data; boundary=x")
    connection.putheader("Content-Length", str(300 << 20))
    connection.endheaders()
    answer = connection.getresponse()
    assert answer.status == 413 and b"8 MB" in answer.read()
    connection.close()
    # The same not announced: refused when it passes the limit, nothing left of it.
    connection = http.client.HTTPConnection(host, int(port), timeout=HANG)
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.jpg"\r\n\r\n'
    pieces = iter([head, *(bytes(1 << 20) for _ in range(300))])
    try:
        connection.request(
            "POST",
            "/gradio_api/upload",
            pieces,
            {"Content-Type": "multipart/form-data; boundary=x"},
            encode_chunked=True,
        )
        assert connection.getresponse().status == 413
    except (BrokenPipeError, ConnectionResetError):
        pass  # It hung up on us, which is as good.
    connection.close()
    left = sum(
        path.stat().st_size for path in server.folder.rglob("*") if path.is_file() and path.name.startswith("tmp")
    )
    assert left < 9 << 20
    assert server.get("/health")[0] == 200
    status, _ = server.post("/gradio_api/call/v2/render", b" " * (CALL_BYTES + 1))
    assert status == 413


def test_a_full_queue_says_so(server: Server) -> None:
    photo = given(server.upload(PATH.read_bytes(), "path.jpg"))
    answers = [server.post("/gradio_api/call/v2/render", {"photo": photo}) for _ in range(40)]
    taken = [json.loads(body)["event_id"] for status, body in answers if status == 200]
    refused = [body for status, body in answers if status == 503]
    assert refused and len(taken) + len(refused) == 40
    assert b"Queue is full" in refused[0]
    for event in taken[-2:]:
        assert b"event: complete" in server.get(f"/gradio_api/call/render/{event}")[1]
    assert server.call("render", photo=photo)[0] == "complete"


def test_nothing_of_other_hosts_in_the_page(server: Server) -> None:
    status, body = server.get("/")
    assert status == 200
    for host in (b"fonts.googleapis", b"fonts.gstatic", b"cdnjs", b"unpkg", b"jsdelivr", b"huggingface.co/api"):
        assert host not in body
    health = json.loads(server.get("/health")[1])
    assert health["healthy"] is True and health["waiting"] >= 0


def test_nothing_is_reported_to_anybody(server: Server, tmp_path: Path) -> None:
    """No process of the server's has a connection to another machine, nor an identifier by which to be known."""
    photo = given(server.upload(PATH.read_bytes(), "path.jpg"))
    assert server.call("preview", photo=photo)[0] == "complete"
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


def test_a_password_from_the_environment(tmp_path: Path, model: Path) -> None:
    with serving("--model", str(model), home=tmp_path / "locked", WIDEOPEN_PASSWORD="open sesame") as locked:
        assert locked.get("/health")[0] == 200
        assert locked.get("/config")[0] == 401
        assert locked.send(upload_request(locked.address, PATH.read_bytes(), "a.jpg"))[0] == 401
        assert locked.post("/gradio_api/call/v2/render", {"photo": None})[0] == 401
        folder = locked.folder
        assert folder.is_dir()
    assert not folder.exists()  # Stopped, it leaves nothing behind.
    assert locked.process.returncode == 0


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


async def swallow(scope: Any, receive: Any, send: Any) -> None:
    """An application that reads all and says how much that was; it answers errors itself, as Starlette does."""
    count, more = 0, True
    try:
        while more:
            message = await receive()
            count, more = count + len(message.get("body", b"")), message.get("more_body", False)
    except Exception:
        await send({"type": "http.response.start", "status": 500, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        raise
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": str(count).encode()})


def piece(size: int, more: bool = True) -> dict[str, Any]:
    return {"type": "http.request", "body": bytes(size), "more_body": more}


def test_a_slow_upload_is_cut_off(tmp_path: Path) -> None:
    gate = Gate(swallow, ServeOptions(upload_seconds=1), Keeper(tmp_path, 60, 1 << 30))
    upload = {"path": "/gradio_api/upload"}
    # Not 200: it was cut off before the second piece came.
    assert answer_of(gate, upload, [piece(10), 30.0, piece(10, False)])[0]["status"] == 408
    gate = Gate(swallow, ServeOptions(upload_seconds=HANG), Keeper(tmp_path, 60, 1 << 30))
    assert answer_of(gate, upload, [piece(1 << 20)] * 200)[0]["status"] == 413
    assert answer_of(gate, upload, [piece(10), 0.01, piece(10, False)])[1]["body"] == b"20"


def test_no_more_uploads_than_allowed_and_none_without_room(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, 60, 1 << 30)
    gate = Gate(swallow, ServeOptions(uploads=1), keeper)
    upload = {"path": "/gradio_api/upload"}
    gate._uploads = 1
    assert answer_of(gate, upload, [piece(1, False)])[0]["status"] == 503
    gate._uploads = 0
    assert answer_of(gate, upload, [piece(1, False)])[0]["status"] == 200
    keeper.added(1 << 30)
    assert answer_of(gate, upload, [piece(1, False)])[0]["status"] == 507


# What is removed, and when


def test_files_go_when_their_last_session_has_gone(tmp_path: Path) -> None:
    clock = [time.time()]
    keeper = Keeper(tmp_path, keep_s=600, limit=1000, grace_s=60, now=lambda: clock[0])
    (tmp_path / "sha").mkdir()
    shared, stray = tmp_path / "sha" / "photo.jpg", tmp_path / "tmp123"
    shared.write_bytes(bytes(900))
    stray.write_bytes(bytes(200))
    for session in ("a", "b"):
        keeper.enter(session)
        keeper.hold(session, shared)
    assert keeper.sweep() == [] and keeper.full
    keeper.leave("a")
    clock[0] += 61
    assert keeper.sweep() == ["a"] and shared.exists()
    clock[0] += 6000  # However long a page stays open, its photo is there.
    keeper.sweep()
    assert shared.exists() and not stray.exists() and not keeper.full
    keeper.leave("b")
    clock[0] += 30
    keeper.enter("b")  # Back after a moment without network.
    clock[0] += 61
    assert keeper.sweep() == [] and shared.exists()
    keeper.leave("b")
    clock[0] += 61
    assert keeper.sweep() == ["b"] and not shared.parent.exists()


def test_what_a_waiting_job_needs_is_kept(tmp_path: Path) -> None:
    clock = [time.time()]
    keeper = Keeper(tmp_path, keep_s=600, limit=1000, now=lambda: clock[0])
    gate = Gate(swallow, ServeOptions(), keeper)
    photo = tmp_path / "photo.jpg"
    photo.write_bytes(b"1")
    keeper.enter("page")
    body = json.dumps({"data": [given(str(photo))], "session_hash": "page"}).encode()
    message = {"type": "http.request", "body": body, "more_body": False}
    scope = {"path": "/gradio_api/queue/join", "headers": [(b"content-type", b"application/json")]}
    assert answer_of(gate, scope, [message])[0]["status"] == 200
    clock[0] += 6000  # In a long queue.
    keeper.sweep()
    assert photo.exists()


def test_files_of_http_clients_go_by_age(tmp_path: Path) -> None:
    clock = [time.time()]
    keeper = Keeper(tmp_path, keep_s=600, limit=1000, now=lambda: clock[0])
    result = keeper.room("call") / "a.jpg"
    result.write_bytes(b"1")
    keeper.hold("call", result)
    clock[0] += 500
    keeper.sweep()
    assert result.exists()
    clock[0] += 200
    keeper.sweep()
    assert not result.exists() and not result.parent.exists()


# Workers


def test_a_job_is_stopped_when_it_takes_too_long_or_too_much(model: Path, tmp_path: Path) -> None:
    crew = Crew(ServeOptions(model=model, job_seconds=2, megapixels=5), Share(1, 1, 1, 4000))
    try:
        crew.start()
        with pytest.raises(PhotoError, match="slow.jpg: took longer than 2 s"):
            crew._do(crew._full, "slow.jpg", time.sleep, 2 * HANG)
        crew._seconds = HANG
        with pytest.raises(PhotoError, match=r"big.jpg: took more memory than is allowed"):
            crew._do(crew._full, "big.jpg", bytearray, 6 << 30)
        with pytest.raises(PhotoError, match=r"dead.jpg: .* broke its decoder"):
            crew._do(crew._full, "dead.jpg", os._exit, 11)
        # The next one finds a worker again.
        photo = tmp_path / "photo.png"
        Image.new("RGB", (96, 64)).save(photo)
        assert crew.make(photo, None, RenderOptions(), tmp_path).name == "photo-bokeh.png"
    finally:
        crew.stop()


# Limits and controls


def test_workers_are_what_memory_and_cores_allow() -> None:
    options = fitted(ServeOptions(memory_mb=24_000))
    assert options.megapixels == 50 and 5 < fitted(ServeOptions(memory_mb=2_500)).megapixels < 20
    many = share_out(options, cores=16)
    assert 1 < many.full <= 8 and many.screen * many.threads <= 16
    total = sum(getattr(many, kind) * many.worker_mb(kind, 50) for kind in ("screen", "full"))
    assert total < 24_000
    assert share_out(fitted(ServeOptions(memory_mb=5_000)), cores=2).full == 1
    with pytest.raises(ValueError, match=r"too little memory for photos of 50 megapixels.*--megapixels"):
        share_out(ServeOptions(memory_mb=1_000, megapixels=50), cores=2)
    with pytest.raises(ValueError, match="queue must be at least 1"):
        ServeOptions(queue=0)


def test_every_option_of_the_lens_has_a_control() -> None:
    import gradio as gr

    async def make() -> controls.Controls:
        """Within a loop, or Gradio makes one of its own and leaves it open."""
        made = controls.Controls()
        with gr.Blocks(analytics_enabled=False):
            for panel in controls.panels():
                made.add(panel)
        return made

    made = asyncio.run(make())
    wanted = {item.name for item in fields(RenderOptions) if item.metadata["panel"] in (LENS, DEPTH)}
    assert set(made.parts) | {*controls.OWN, *controls.LEFT_OUT} >= wanted
    defaults = [part.value for part in made.components]
    assert made.options(defaults) == RenderOptions()
    for part, component in made.parts.items():
        help_text = next(item.metadata["help"] for item in fields(RenderOptions) if item.name == part)
        assert component.info == help_text.replace("`", "")
    for preset in load_presets().values():
        stop, *values = made.preset(preset.settings)
        chosen = made.options(values, aperture=controls.aperture_of(stop), focus=preset.settings.get("focus", "auto"))
        assert stop == controls.stop_of(preset.settings["aperture"])
        for key, value in preset.settings.items():
            assert getattr(chosen, key) == value
    from wideopen.lens.lens_settings import choose_lens, make_aperture
    from wideopen.lens.thin_lens import PRESETS as OPTICS

    # Nothing set is the same f-number as everywhere else: the lens's own.
    for lens in OPTICS:
        assert controls.aperture_of(controls.stop_of(None, lens)) == choose_lens(RenderOptions(lens=lens)).f_number
    # The ends of all sliders are values that the options and the aperture allow.

    for name, (least, greatest, _) in controls.SPANS.items():
        for end in (least, greatest):
            values = [end if part == name else value for part, value in zip(made.parts, defaults, strict=True)]
            make_aperture(made.options(values))


def test_messages_lose_what_is_the_servers_own(tmp_path: Path) -> None:
    said = plain(f"{tmp_path}/a.jpg: needs a depth map (--depth)", (tmp_path / "a.jpg",))
    assert said == "a.jpg: needs a depth map"


def test_a_model_with_a_lens_head_serves_the_lens_without_a_map(tmp_path: Path) -> None:
    from wideopen.web.jobs import Worker

    worker = Worker(build_lens_model(tmp_path / "lens.onnx"), 1, 5)
    shown = worker.show(PATH, None, RenderOptions(aperture=1.4, focus="0.2,0.2"), tmp_path)
    assert shown.lens and shown.depth is None and shown.after != shown.before
    runs = worker.engine._remembered
    held = len(runs._values)
    worker.show(PATH, None, RenderOptions(aperture=4.0, focus="0.2,0.2"), tmp_path)
    assert len(runs._values) == held  # Only drawn anew.
    elsewhere = worker.show(PATH, None, RenderOptions(aperture=1.4, focus="0.5,0.6"), tmp_path)
    assert elsewhere.after != shown.after


def test_without_a_lens_grain_is_still_as_it_was_asked_for() -> None:
    """Any model's blur gets grain back; f-number and focus need a lens."""
    from wideopen.web.jobs import without_lens

    left = without_lens(RenderOptions(aperture=1.4, focus="far", blades=6, grain=0.25, quality=80))
    assert left == RenderOptions(grain=0.25, quality=80)
