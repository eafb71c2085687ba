"""The server: the application's files, the HTTP API behind the gate, a health check, and what keeps house beside it."""

import asyncio
import contextlib
import json
import mimetypes
import re
import tempfile
from collections.abc import AsyncIterator, Callable, Collection
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import python_multipart  # noqa: F401 (FastAPI reads forms with it, and names it only where one is declared)
import uvicorn
from fastapi import FastAPI, Form, HTTPException, Request, Response
from fastapi.concurrency import run_in_threadpool
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, JSONResponse
from fastapi.staticfiles import StaticFiles

from wideopen import __version__
from wideopen.errors import WideopenError
from wideopen.options import RenderOptions, with_settings
from wideopen.render.side_files import output_path
from wideopen.web.form import RenderForm, SceneForm
from wideopen.web.limits import Gate
from wideopen.web.scene_planes import MEDIA_TYPE
from wideopen.web.schema import examples, schema
from wideopen.web.settings import STATIC, ServeOptions
from wideopen.web.uploads import GoneError, Uploads
from wideopen.web.worker_pool import BusyError, Crew, LeftError

SWEEP_S = 5.0
CONNECTIONS = 1000
STATUS = {GoneError: 410, BusyError: 503, LeftError: 499}
"""HTTP status of errors that are not the photo's or the options' own, which are 422."""
MULTIPART = Form(media_type="multipart/form-data")
Received = tuple[Path, RenderOptions, dict[str, str]]


class Service:
    """What the routes do, by a crew at work on files that are kept among uploads."""

    def __init__(self, crew: Crew, uploads: Uploads) -> None:
        self._crew, self._uploads, self._examples = crew, uploads, examples()

    def add_to(self, app: FastAPI) -> None:
        """Add the routes."""
        app.get("/health")(self.health)
        app.get("/examples/{name}", response_class=Response)(self.example)
        app.post("/render", response_class=Response)(self.render)
        app.post("/scene", response_class=Response)(self.scene)
        app.post("/forget", status_code=204, response_class=Response)(self.forget)

    async def health(self, response: Response) -> dict[str, Any]:
        """Whether work can be done, and how much waits for it."""
        found = {"healthy": self._crew.healthy, "room": not self._uploads.full}
        response.status_code = 200 if all(found.values()) else 503
        return {**found, "waiting": self._crew.waiting}

    async def example(self, name: str) -> Response:
        """A photo to try, or its depth map."""
        if name not in self._examples:
            raise HTTPException(404, "there is nothing here")
        return FileResponse(self._examples[name])

    async def render(self, request: Request, form: Annotated[RenderForm, MULTIPART]) -> Response:
        """Render a photo: a file of the same format and size with its metadata, or a JPEG of `side` px, sooner."""
        async with self._received(form) as (path, options, _):
            if form.side is not None:
                shown = await self._crew.do(request.receive, "show", path, options, form.side)
                return Response(shown, media_type="image/jpeg")
            with tempfile.TemporaryDirectory(prefix="result-", dir=self._uploads.folder) as home:
                made = Path(home) / output_path(path).name
                await self._crew.do(request.receive, "make", path, options, made)
                return Response(
                    await run_in_threadpool(made.read_bytes),
                    media_type=mimetypes.guess_type(made.name)[0] or "application/octet-stream",
                    headers={"content-disposition": f"attachment; filename*=UTF-8''{quote(made.name)}"},
                )

    async def scene(self, request: Request, form: Annotated[SceneForm, MULTIPART]) -> Response:
        """Where the things of a photo are: a JSON header and planes of at most 960 px; docs/serve.md has the format."""
        async with self._received(form, keep={"photo", "depth"}) as (path, options, ids):
            body = await self._crew.do(request.receive, "scene", path, options)
        names = {"id": ids["photo"], "depth_id": ids.get("depth"), "output": output_path(path).name}
        return Response(body, media_type=MEDIA_TYPE, headers={"x-wideopen": json.dumps(names)})

    @contextlib.asynccontextmanager
    async def _received(self, form: SceneForm, keep: Collection[str] = ()) -> AsyncIterator[Received]:
        """The photo, the options, which name the files beside it, and the ids of all these.

        What came with the request goes when the block is left; what is to `keep`, only if there was an error.
        """
        options, files = form.options(), form.files()
        ids = {name: token for name, token in (("photo", form.photo_id), ("depth", form.depth_id)) if token}
        try:
            for name, file in files.items():
                ids[name] = await run_in_threadpool(self._uploads.add, file.file, file.filename or "")
            if "photo" not in ids:
                raise ValueError("there is no photo; send it as the field photo, or its id from /scene as photo_id")
            with contextlib.ExitStack() as stack:
                paths = {name: stack.enter_context(self._uploads.using(token)) for name, token in ids.items()}
                photo = paths.pop("photo")
                yield photo, with_settings(options, paths), ids
            files = {name: file for name, file in files.items() if name not in keep}
        finally:
            for name in files.keys() & ids.keys():
                self._uploads.forget(ids[name])

    async def forget(self, ids: Annotated[str, Form(description="Ids, divided by commas.")]) -> Response:
        """Remove uploads; a page asks for it when it is closed."""
        for token in ids.split(","):
            self._uploads.forget(token)
        return Response(status_code=204)


def make_app(crew: Crew, uploads: Uploads, options: ServeOptions, password: str | None = None) -> Gate:
    """The whole as one ASGI application, behind the gate; arguments as of `Service` and `Gate`."""

    async def sweep() -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            await run_in_threadpool(uploads.sweep)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(sweep())
        yield
        sweeping.cancel()

    app = FastAPI(title="wideopen", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    told = schema(options)
    app.get("/schema", response_model=None)(lambda: told)
    Service(crew, uploads).add_to(app)
    app.mount("/", StaticFiles(directory=STATIC, html=True))

    def in_one_line(_: Request, error: Exception) -> Response:
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 422)
        said = plain(_words(error), uploads.folder)
        return JSONResponse({"detail": said}, status, {"retry-after": "30"} if status == 503 else None)

    for kind in (WideopenError, ValueError, RequestValidationError):
        app.add_exception_handler(kind, in_one_line)
    return Gate(app, options, uploads, password)


def _words(error: Exception) -> str:
    if not isinstance(error, RequestValidationError):
        return str(error)
    first = error.errors()[0]
    if first["type"] == "extra_forbidden":
        return f"there is no field {first['loc'][-1]!r} here; /openapi.json lists those that there are"
    return f"{first['loc'][-1]}: {first['msg'][:1].lower()}{first['msg'][1:]}"


def plain(message: str, folder: Path) -> str:
    """A message for a browser: no folders of uploads on this machine, no options of the command line."""
    message = re.sub(rf"{re.escape(str(folder))}/[^/\s]+/", "", message)
    return message.replace(" (--depth)", "").replace("; give one with --model", "")


def run(app: Gate, options: ServeOptions, ready: Callable[[str], None]) -> None:
    """Serve until interrupted, or exit with a line on the standard error if the address cannot be had; `ready` is given
    the address, which takes requests from then on."""
    config = uvicorn.Config(
        app, options.host, options.port, log_level="warning", ws="none", limit_concurrency=CONNECTIONS,
        timeout_keep_alive=10, timeout_graceful_shutdown=3, server_header=False, root_path="",
        h11_max_incomplete_event_size=32 << 10,
    )  # fmt: skip
    socket = config.bind_socket()
    socket.listen(config.backlog)  # What comes before the server has started waits for it.
    host, port = socket.getsockname()[:2]
    ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")
    uvicorn.Server(config).run([socket])
