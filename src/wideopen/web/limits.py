"""What is let through to the application: an ASGI middleware that refuses before anything is read or decoded.

a password, where one is asked for
bodies of bounded size and duration; not more uploads at a time than allowed; none when the disk's share is full
headers that keep the browser from loading or sending anything elsewhere
"""

import asyncio
import base64
import hmac
from contextlib import ExitStack

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
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
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
CLOSE = {"connection": "close"}
"""Of what is refused: the rest of it is not read."""


class Gate:
    """The middleware before `app`, which answers Starlette's HTTPException: that is raised where it reads too much.

    `uploads` is told of bytes that come in; `password`, if given, is asked for everywhere but at /health.
    """

    def __init__(self, app: ASGIApp, options: ServeOptions, uploads: Uploads, password: str | None = None) -> None:
        self._app, self._options, self._kept, self._password = app, options, uploads, password
        self._free = asyncio.Semaphore(options.uploads)
        self._headers = {**HEADERS, "content-security-policy": POLICY + (options.embed_in or "'none'")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(self._headers)
            await send(message)

        with ExitStack() as upload:
            try:
                limit = await self._limit(scope, upload)
            except HTTPException as refused:
                response = JSONResponse({"detail": refused.detail}, refused.status_code, refused.headers)
                return await response(scope, receive, answer)
            await self._app(scope, self._limited(receive, limit, upload), answer)

    async def _limit(self, scope: Scope, upload: ExitStack) -> int:
        """Bytes that a request may have, or HTTPException; an upload is counted as one until `upload` is closed."""
        path, headers = scope["path"], dict(scope["headers"])
        if self._password is not None and path != "/health":
            await self._ask(headers.get(b"authorization", b""), self._password)
        takes_files = scope["method"] == "POST" and path in UPLOADING
        limit = (self._options.upload_mb << 20 if takes_files else 0) + FORM_BYTES
        length = headers.get(b"content-length", b"")
        if length.isdigit() and int(length) > limit:
            most = f"the {self._options.upload_mb} MB that an upload may have" if takes_files else f"{FORM_BYTES} bytes"
            raise HTTPException(413, f"more than {most}", CLOSE)
        if takes_files:
            if self._kept.full:
                raise HTTPException(507, "there is no room for uploads now; try again later", CLOSE)
            if self._free.locked():
                reason = "too many uploads at the moment; try again in a minute"
                raise HTTPException(503, reason, {**CLOSE, "retry-after": "30"})
            await self._free.acquire()
            upload.callback(self._free.release)
        return limit

    def _limited(self, receive: Receive, limit: int, upload: ExitStack) -> Receive:
        """What gives a body of at most so many bytes in at most the seconds allowed, and else raises HTTPException."""
        seconds, left, whole = self._options.upload_seconds, limit, False
        end = asyncio.get_running_loop().time() + seconds

        async def more() -> Message:
            nonlocal left, whole
            if whole:
                return await receive()  # Waits for the client to leave, for as long as the answer takes.
            try:
                async with asyncio.timeout_at(end):
                    message = await receive()
            except TimeoutError:
                raise HTTPException(408, f"not whole within {seconds} s", CLOSE) from None
            size = len(message.get("body", b""))
            left -= size
            if left < 0:
                raise HTTPException(413, "longer than it may be", CLOSE)
            self._kept.added(size)
            whole = message["type"] != "http.request" or not message.get("more_body", False)
            if whole:
                upload.close()  # The work that follows is no upload.
            return message

        return more

    async def _ask(self, given: bytes, password: str) -> None:
        right = base64.b64encode(f"{USER}:{password}".encode())
        if not hmac.compare_digest(given.partition(b" ")[2].strip(), right):
            if given:
                await asyncio.sleep(WRONG_PASSWORD_S)
            how = {**CLOSE, "www-authenticate": f'Basic realm="{USER}"'}
            raise HTTPException(401, f"a password is asked for here, with the name {USER}", how)
