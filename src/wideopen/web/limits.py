"""What is let through to Gradio: an ASGI middleware that refuses before anything is read, decoded or looked up.

only the routes that the page and the API need; none that fetches an address for the one who asks
bodies of bounded size and duration; not more uploads at a time than allowed; none when the disk's share is full
no path in a call but that of an upload
headers that keep the browser from loading or sending anything elsewhere
"""

import asyncio
import json
import os
import re
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from starlette.requests import ClientDisconnect

from wideopen.web.session_files import Keeper
from wideopen.web.settings import ServeOptions

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

CALL_BYTES = 1 << 18
"""Largest body of a call: settings and names of files, never a file."""
CALL_SECONDS = 15
API = "/gradio_api"
GET = re.compile(
    r"/(config|theme\.css|favicon\.ico|robots\.txt|manifest\.json|login|login_check|logout|health)?/?"
    r"|/(assets|static|svelte)/.+"
    rf"|{API}/(info|openapi\.json|user|login_check|app_id|startup-events|theme\.css|upload_progress|queue/data|queue/status)/?"
    rf"|{API}/heartbeat/[\w-]+|{API}/call/(v2/)?\w+/[\w-]+|{API}/file=.+"
)
POST = re.compile(rf"/login/?|{API}/(upload|queue/join|cancel|reset)/?|{API}/call/(v2/)?\w+/?")
HEARTBEAT = re.compile(rf"{API}/heartbeat/([\w-]+)")
POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; worker-src 'self' blob:; "
    "object-src 'none'; base-uri 'self'; form-action 'self'; frame-ancestors 'none'"
)
"""Gradio's page needs inline and made-up scripts; nothing may be fetched from, or sent to, another host."""
FILE_POLICY = "default-src 'none'; sandbox"
HEADERS = {
    b"x-content-type-options": b"nosniff",
    b"referrer-policy": b"no-referrer",
    b"cross-origin-opener-policy": b"same-origin",
    b"cross-origin-resource-policy": b"same-origin",
    b"permissions-policy": b"camera=(), microphone=(), geolocation=()",
}


class RefusedError(Exception):
    """A request that is not let through: HTTP status and one line."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Gate:
    """The middleware.

    Args:
        app: what it guards.
        options: limits.
        keeper: told of pages that open and close and of bytes that come in.
        served: folders beside the keeper's whose files may be fetched.
    """

    def __init__(self, app: App, options: ServeOptions, keeper: Keeper, served: Sequence[Path] = ()) -> None:
        self._app, self._options, self._keeper = app, options, keeper
        self._folders = (keeper.folder, *served)
        self._uploads = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return
        path = unquote(scope["path"])
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                message = {**message, "headers": _headers(message.get("headers", ()), path)}
            await send(message)

        try:
            await self._pass(path, scope, receive, answer)
        except RefusedError as refused:
            if not started:
                await _refuse(answer, refused)
        except ClientDisconnect:
            pass  # Gone in the middle of what it sent; `Keeper.sweep` removes that.

    async def _pass(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        _check_route(scope["method"], path)
        if path.startswith((f"{API}/file=", f"{API}/file/")):
            _check_file(path[len(f"{API}/file=") :], self._folders)
        if scope["method"] == "POST":
            if path.rstrip("/") == f"{API}/upload":
                await self._upload(scope, receive, send)
            else:
                await self._call(scope, receive, send)
        elif found := HEARTBEAT.fullmatch(path):
            self._keeper.enter(found[1])
            try:
                await self._app(scope, receive, send)
            finally:
                self._keeper.leave(found[1])
        else:
            await self._app(scope, receive, send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        limit = self._options.upload_mb << 20
        if (_length(scope) or 0) > limit + CALL_BYTES:
            raise RefusedError(413, f"more than the {self._options.upload_mb} MB that an upload may have")
        if self._keeper.full:
            raise RefusedError(507, "there is no room for uploads now; try again later")
        if self._uploads >= self._options.uploads:
            raise RefusedError(503, "too many uploads at the moment; try again in a minute")
        self._uploads += 1
        try:
            body = Body(receive, limit + CALL_BYTES, self._options.upload_seconds, self._keeper.added)

            async def answer(message: Message) -> None:
                if body.refused is None:  # Else what is answered is that, and not the error that it makes in there.
                    await send(message)

            await self._app(scope, body.receive, answer)
        finally:
            self._uploads -= 1

    async def _call(self, scope: Scope, receive: Receive, send: Send) -> None:
        if (_length(scope) or 0) > CALL_BYTES:
            raise RefusedError(413, f"a call may have {CALL_BYTES} bytes")
        body = Body(receive, CALL_BYTES, CALL_SECONDS)
        data = b"".join([chunk async for chunk in body.chunks()])
        if dict(scope["headers"]).get(b"content-type", b"").startswith(b"application/json"):
            # Held from now on: a job may wait in the queue for longer than files of nobody are kept.
            session, paths = _check_paths(data, self._keeper.folder)
            for path in paths:
                self._keeper.hold(session or f"file {path}", path)
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": data, "more_body": False}

        await self._app(scope, again, send)


class Body:
    """A request's body as it comes in, of at most so many bytes in at most so many seconds."""

    def __init__(
        self, receive: Receive, limit: int, seconds: float, added: Callable[[int], None] = lambda count: None
    ) -> None:
        self._receive, self._left, self._added, self._seconds = receive, limit, added, seconds
        self._end = asyncio.get_running_loop().time() + seconds
        self._whole = False
        self.refused: RefusedError | None = None

    async def receive(self) -> Message:
        """The next message; RefusedError if the limits are passed."""
        if self._whole:
            return await self._receive()  # Waits for the client to leave, for as long as the answer takes.
        try:
            async with asyncio.timeout_at(self._end):
                message = await self._receive()
        except TimeoutError:
            raise self._refuse(408, f"not whole within {self._seconds} s") from None
        size = len(message.get("body", b""))
        self._left -= size
        if self._left < 0:
            raise self._refuse(413, "longer than it may be")
        self._added(size)
        self._whole = message["type"] != "http.request" or not message.get("more_body", False)
        return message

    def _refuse(self, status: int, reason: str) -> RefusedError:
        self.refused = RefusedError(status, reason)
        return self.refused

    async def chunks(self) -> Any:
        """All of it, piece by piece; ends early if the client leaves."""
        while not self._whole:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise RefusedError(400, "not whole")
            yield message.get("body", b"")


def _check_route(method: str, path: str) -> None:
    allowed = {"GET": GET, "HEAD": GET, "POST": POST}.get(method)
    if allowed is None:
        raise RefusedError(405, f"{method} is not allowed")
    if not allowed.fullmatch(path) or "\0" in path:
        raise RefusedError(404, "there is nothing here")


def _check_file(path: str, folders: Sequence[Path]) -> None:
    """Refuse to give out anything but results, uploads and examples; addresses are no paths of these."""
    if not any(os.path.realpath(path).startswith(f"{folder}{os.sep}") for folder in folders):
        raise RefusedError(403, "only results and uploads are given out; addresses are not fetched")


def _check_paths(data: bytes, folder: Path) -> tuple[str, list[Path]]:
    """Refuse a call that names a file outside the folder of uploads, or an address; its session, if any, and files."""
    paths = []
    try:
        body = json.loads(data)
    except ValueError:
        raise RefusedError(400, "not JSON") from None
    except RecursionError:
        raise RefusedError(400, "nested too deep") from None
    for path in _paths(body):
        real = os.path.realpath(path) if isinstance(path, str) and "\0" not in path else ""
        if not real.startswith(f"{folder}{os.sep}"):
            raise RefusedError(403, "a file must be uploaded first; addresses and paths are not read")
        paths.append(Path(path))
    session = body.get("session_hash") if isinstance(body, dict) else None
    return (session if isinstance(session, str) else ""), paths


def _paths(body: Any) -> Iterator[Any]:
    """Every value of a key `path` in whatever is nested."""
    stack = [body]
    while stack:
        found = stack.pop()
        if isinstance(found, dict):
            if found.get("path") is not None:
                yield found["path"]
            stack.extend(found.values())
        elif isinstance(found, list):
            stack.extend(found)


def _length(scope: Scope) -> int | None:
    text = dict(scope["headers"]).get(b"content-length", b"")
    return int(text) if text.isdigit() else None


def _headers(given: Any, path: str) -> list[tuple[bytes, bytes]]:
    policy = FILE_POLICY if path.startswith(f"{API}/file=") else POLICY
    ours = {**HEADERS, b"content-security-policy": policy.encode()}
    if path.startswith(f"{API}/file="):
        ours[b"cache-control"] = b"private, no-store"
    return [(name, value) for name, value in given if name.lower() not in ours] + list(ours.items())


async def _refuse(send: Send, refused: RefusedError) -> None:
    body = json.dumps({"detail": str(refused)}).encode()
    headers = [
        (b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), (b"connection", b"close")
    ]  # fmt: skip
    if refused.status == 503:
        headers.append((b"retry-after", b"30"))
    await send({"type": "http.response.start", "status": refused.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
