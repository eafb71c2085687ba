"""The server: the application's files, the HTTP API behind the gate, a health check, and what keeps house beside it."""

import asyncio
import contextlib
import io
import json
import mimetypes
import shutil
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any
from urllib.parse import quote

import python_multipart  # noqa: F401 (FastAPI reads forms with it, and names it only where one is declared)
import uvicorn
from fastapi import FastAPI, File, Form, Request, Response, UploadFile
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.staticfiles import StaticFiles

from wideopen import __version__
from wideopen.errors import WideopenError
from wideopen.options import RenderOptions
from wideopen.render.destinations import output_path
from wideopen.web.form import make_options, with_options
from wideopen.web.limits import Gate
from wideopen.web.scene_planes import MEDIA_TYPE
from wideopen.web.schema import schema
from wideopen.web.settings import ServeOptions
from wideopen.web.uploads import GoneError, Uploads
from wideopen.web.worker_pool import BusyError, Crew, LeftError

SWEEP_S = 5.0
CONNECTIONS = 1000
STATIC = Path(__file__).parent / "static"
EXAMPLES = {"path.jpg": "path-depth.png", "whale.jpg": "whale-depth.png", "dog.jpg": None, "scooter.jpg": None}
STATUS = {GoneError: 410, BusyError: 503, LeftError: 499}
"""HTTP status of errors that are not the photo's or the options' own, which are 422."""
Photo = Annotated[UploadFile | None, File(description="The photo's file; or `photo_id`.")]
PhotoId = Annotated[str | None, Form(description="The `id` that /scene gave for this photo, in place of the file.")]
Depth = Annotated[UploadFile | None, File(description="A depth map for it: PNG, TIFF, EXR or .npy.")]
DepthId = Annotated[str | None, Form(description="The `depth_id` that /scene gave.")]
Matte = Annotated[UploadFile | None, File(description="A picture of the subject's opacity.")]
Strokes = Annotated[str | None, Form(description="What a hand says of the matte: JSON, one stroke a line.")]
StrokesFile = Annotated[UploadFile | None, File(description="The same as a file, or as a picture in green and red.")]
Side = Annotated[
    int | None, Form(ge=64, description="Long side in px of a JPEG for the screen; a whole file if not given.")
]


class Service:
    """What the routes do.

    Args:
        crew: has been started.
        uploads: where files are kept.
        options: limits.
    """

    def __init__(self, crew: Crew, uploads: Uploads, options: ServeOptions) -> None:
        self._crew, self._uploads = crew, uploads
        self._schema, self._examples = schema(options), examples()
        self._schema["examples"] = [
            {"photo": photo.name, "depth": depth and depth.name} for photo, depth in self._examples.items()
        ]

    def add_to(self, app: FastAPI) -> None:
        """Add the routes."""
        app.get("/health")(self.health)
        app.get("/schema", response_model=None)(lambda: self._schema)
        app.get("/examples/{name}", response_class=Response)(self.example)
        app.post("/render", response_class=Response)(with_options(self.render))
        app.post("/scene", response_class=Response)(with_options(self.scene))
        app.post("/forget", status_code=204, response_class=Response)(self.forget)

    async def health(self, response: Response) -> dict[str, Any]:
        """Whether work can be done, and how much waits for it."""
        healthy, room = self._crew.healthy(), not self._uploads.full
        response.status_code = 200 if healthy and room else 503
        return {"healthy": healthy, "room": room, "waiting": self._crew.waiting}

    async def example(self, name: str) -> Response:
        """A photo to try, or its depth map."""
        for path in (part for pair in self._examples.items() for part in pair if part is not None):
            if path.name == name:
                return Response(path.read_bytes(), media_type=mimetypes.guess_type(name)[0])
        return JSONResponse({"detail": "there is nothing here"}, 404)

    async def render(
        self, request: Request, photo: Photo = None, photo_id: PhotoId = None, depth: Depth = None,
        depth_id: DepthId = None, matte_file: Matte = None, strokes: Strokes = None,
        strokes_file: StrokesFile = None, side: Side = None, *, given: dict[str, Any],
    ) -> Response:  # fmt: skip
        """Render a photo: a file of the same format and size with its metadata, or a JPEG of `side` px, sooner."""
        options = make_options(given)
        with contextlib.ExitStack() as stack:
            token = await self._taken(stack, photo, photo_id, keep=False)
            map_token = await self._taken(stack, depth, depth_id, keep=False)
            path = stack.enter_context(self._uploads.using(_needed(token)))
            map_path = stack.enter_context(self._uploads.using(map_token)) if map_token else None
            if (matte := await self._taken(stack, matte_file, None, keep=False)) is not None:
                options = replace(options, matte=str(stack.enter_context(self._uploads.using(matte))))
            options = await self._painted(stack, options, strokes, strokes_file)
            if side is not None:
                shown = await self._crew.show(path, map_path, options, side, request.is_disconnected)
                return Response(shown, media_type="image/jpeg")
            home = self._uploads.results()
            stack.callback(shutil.rmtree, home, True)
            made = await self._crew.make(path, map_path, options, home, request.is_disconnected)
            return Response(
                await asyncio.to_thread(made.read_bytes),
                media_type=mimetypes.guess_type(made.name)[0] or "application/octet-stream",
                headers={"content-disposition": f"attachment; filename*=UTF-8''{quote(made.name)}"},
            )

    async def scene(
        self, request: Request, photo: Photo = None, photo_id: PhotoId = None, depth: Depth = None,
        depth_id: DepthId = None, strokes: Strokes = None, strokes_file: StrokesFile = None, *, given: dict[str, Any],
    ) -> Response:  # fmt: skip
        """Where the things of a photo are: a JSON header and planes of at most 960 px; docs/serve.md has the format."""
        options = make_options(given)
        with contextlib.ExitStack() as stack:
            token = await self._taken(stack, photo, photo_id, keep=True)
            map_token = await self._taken(stack, depth, depth_id, keep=True)
            path = stack.enter_context(self._uploads.using(_needed(token)))
            map_path = stack.enter_context(self._uploads.using(map_token)) if map_token else None
            options = await self._painted(stack, options, strokes, strokes_file)
            try:
                body = await self._crew.scene(path, map_path, options, request.is_disconnected)
            except WideopenError:
                for sent, known in ((photo, token), (depth, map_token)):
                    if sent is not None and known is not None:
                        stack.callback(self._uploads.forget, known)
                raise
        names = {"id": token, "depth_id": map_token, "output": output_path(path).name}
        return Response(body, media_type=MEDIA_TYPE, headers={"x-wideopen": json.dumps(names)})

    async def _taken(
        self, stack: contextlib.ExitStack, file: UploadFile | None, token: str | None, keep: bool
    ) -> str | None:
        """The token of a file that came, or the one that was named."""
        if file is None:
            return token
        added = await asyncio.to_thread(self._uploads.add, file.file, file.filename or "")
        if not keep:
            stack.callback(self._uploads.forget, added)
        return added

    async def _painted(
        self, stack: contextlib.ExitStack, options: RenderOptions, lines: str | None, file: UploadFile | None
    ) -> RenderOptions:
        """The options with the strokes that came, which lie in a file until the stack is closed."""
        if file is None and lines is not None:
            file = UploadFile(io.BytesIO(lines.encode()), filename="strokes.json")
        token = await self._taken(stack, file, None, keep=False)
        return replace(options, strokes=str(stack.enter_context(self._uploads.using(token)))) if token else options

    async def forget(self, ids: Annotated[str, Form(description="Ids, divided by commas.")]) -> Response:
        """Remove uploads; a page asks for it when it is closed."""
        for token in ids.split(","):
            self._uploads.forget(token)
        return Response(status_code=204)


def _needed(token: str | None) -> str:
    if token is None:
        raise ValueError("there is no photo; send it as the field photo, or as photo_id what /scene gave for it")
    return token


def make_app(crew: Crew, uploads: Uploads, options: ServeOptions, password: str | None = None) -> Gate:
    """The whole as one ASGI application.

    Args:
        crew: has been started.
        password: asked for, with the name `wideopen`, if given.
    """

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(_sweep(uploads))
        yield
        sweeping.cancel()

    app = FastAPI(title="wideopen", version=__version__, docs_url=None, redoc_url=None, lifespan=lifespan)
    Service(crew, uploads, options).add_to(app)
    app.mount("/", StaticFiles(directory=STATIC, html=True))

    def in_one_line(_: Request, error: Exception) -> Response:
        status = next((code for kind, code in STATUS.items() if isinstance(error, kind)), 422)
        return JSONResponse({"detail": _words(error)}, status, {"retry-after": "30"} if status == 503 else None)

    for kind in (WideopenError, ValueError, RequestValidationError):
        app.add_exception_handler(kind, in_one_line)
    return Gate(app, options, uploads, password)


def _words(error: Exception) -> str:
    if not isinstance(error, RequestValidationError):
        return str(error)
    first = error.errors()[0]
    return f"{first['loc'][-1]}: {first['msg'][:1].lower()}{first['msg'][1:]}"


def examples() -> dict[Path, Path | None]:
    """Photos to pick and their depth maps: those in the package, else those of the repository it runs from."""
    for folder in (Path(__file__).parent / "examples", Path(__file__).parents[3] / "examples"):
        found = {folder / photo: folder / depth if depth else None for photo, depth in EXAMPLES.items()}
        if all(path.is_file() for pair in found.items() for path in pair if path is not None):
            return found
    return {}


def run(app: Gate, options: ServeOptions, ready: Callable[[str], None]) -> None:
    """Serve until interrupted.

    Args:
        ready: called with the address once requests are answered.

    Raises:
        OSError: the address cannot be had.
    """
    config = uvicorn.Config(
        app, options.host, options.port, log_level="warning", ws="none", limit_concurrency=CONNECTIONS,
        timeout_keep_alive=10, timeout_graceful_shutdown=3, server_header=False, root_path="",
        h11_max_incomplete_event_size=32 << 10,
    )  # fmt: skip
    asyncio.run(_serve(config, ready))


async def _serve(config: uvicorn.Config, ready: Callable[[str], None]) -> None:
    socket = config.bind_socket()
    host, port = socket.getsockname()[:2]
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve([socket]))
    while not server.started and not serving.done():
        await asyncio.sleep(0.02)
    if server.started:
        ready(f"http://{f'[{host}]' if ':' in host else host}:{port}")
    await serving


async def _sweep(uploads: Uploads) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        await asyncio.to_thread(uploads.sweep)
