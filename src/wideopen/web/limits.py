"""What is let through to the application: an ASGI middleware that refuses before anything is read or decoded.

a password, where one is asked for
bodies of bounded size and duration; not more uploads at a time than allowed; none when the disk's share is full
headers that keep the browser from loading or sending anything elsewhere
"""

import asyncio
import base64
import binascii
import hmac
from collections.abc import Callable

from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from wideopen.web.settings import ServeOptions
from wideopen.web.uploads import Uploads

USER = "wideopen"
FORM_BYTES = 1 << 18
"""What a form may hold beside its files: options, strokes, the form's own lines."""
WRONG_PASSWORD_S = 1.0
"""Guessing takes time."""
UPLOADING = ("/render", "/scene")
"""Paths that take files; all others take a few bytes."""
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; img-src 'self' data: blob:; "
    "connect-src 'self' blob:; worker-src 'self' blob:; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors "
)
"""Nothing may be fetched from, or sent to, another host, and no script is run but the application's own files."""
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

    def response(self) -> JSONResponse:
        """The answer, after which the connection is closed."""
        more = {503: {"retry-after": "30"}, 401: {"www-authenticate": f'Basic realm="{USER}"'}}.get(self.status, {})
        return JSONResponse({"detail": str(self)}, self.status, {"connection": "close", **more})


class Gate:
    """The middleware.

    Args:
        app: what it guards.
        options: limits.
        uploads: told of bytes that come in.
        password: asked for (HTTP Basic, with the name `wideopen`) everywhere but at /health, if given.
    """

    def __init__(self, app: ASGIApp, options: ServeOptions, uploads: Uploads, password: str | None = None) -> None:
        self._app, self._options, self._kept, self._password = app, options, uploads, password
        self._uploads = 0
        policy = POLICY + (options.embed_in or "'none'")
        self._headers = {**HEADERS, b"content-security-policy": policy.encode()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return
        started = False

        async def answer(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                given = [pair for pair in message.get("headers", ()) if pair[0].lower() not in self._headers]
                message = {**message, "headers": [*given, *self._headers.items()]}
            await send(message)

        try:
            await self._pass(scope, receive, answer)
        except RefusedError as refused:
            if not started:
                await refused.response()(scope, receive, answer)
        except ClientDisconnect:
            pass  # Gone in the middle of what it sent; its temporary files went with the request.

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        method, path = scope["method"], scope["path"]
        if method not in ("GET", "HEAD", "POST"):
            raise RefusedError(405, f"{method} is not allowed")
        if self._password is not None and path != "/health":
            await self._ask(dict(scope["headers"]).get(b"authorization", b""), self._password)
        takes_files = method == "POST" and path in UPLOADING
        limit = (self._options.upload_mb << 20 if takes_files else 0) + FORM_BYTES
        if (_length(scope) or 0) > limit:
            most = f"the {self._options.upload_mb} MB that an upload may have" if takes_files else f"{FORM_BYTES} bytes"
            raise RefusedError(413, f"more than {most}")
        body = Body(receive, limit, self._options.upload_seconds, self._kept.added)
        if takes_files:
            if self._kept.full:
                raise RefusedError(507, "there is no room for uploads now; try again later")
            if self._uploads >= self._options.uploads:
                raise RefusedError(503, "too many uploads at the moment; try again in a minute")
            self._uploads += 1
            body.ended = self._ended

        async def answer(message: Message) -> None:
            if body.refused is None:  # Else what is answered is that, and not the error that it makes in there.
                await send(message)

        try:
            await self._app(scope, body.receive, answer)
        except Exception:
            if body.refused is None:
                raise
        finally:
            body.end()
        if body.refused is not None:
            raise body.refused

    def _ended(self) -> None:
        self._uploads -= 1

    async def _ask(self, given: bytes, password: str) -> None:
        try:
            kind, _, text = given.partition(b" ")
            said = base64.b64decode(text, validate=True) if kind.lower() == b"basic" else b""
        except binascii.Error:
            said = b""
        if not hmac.compare_digest(said, f"{USER}:{password}".encode()):
            if given:
                await asyncio.sleep(WRONG_PASSWORD_S)
            raise RefusedError(401, f"a password is asked for here, with the name {USER}")


class Body:
    """A request's body as it comes in, of at most so many bytes in at most so many seconds."""

    def __init__(self, receive: Receive, limit: int, seconds: float, added: Callable[[int], None]) -> None:
        self._receive, self._left, self._added, self._seconds = receive, limit, added, seconds
        self._end = asyncio.get_running_loop().time() + seconds
        self._whole = False
        self.refused: RefusedError | None = None
        self.ended: Callable[[], None] | None = None
        """Called once, when nothing more comes in: work that follows is no upload."""

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
        if self._whole:
            self.end()
        return message

    def end(self) -> None:
        """Nothing more comes in."""
        if self.ended is not None:
            self.ended()
            self.ended = None

    def _refuse(self, status: int, reason: str) -> RefusedError:
        self.refused = RefusedError(status, reason)
        return self.refused


def _length(scope: Scope) -> int | None:
    text = dict(scope["headers"]).get(b"content-length", b"")
    return int(text) if text.isdigit() else None
