"""The server: Gradio's page behind the gate, with a health check, and what keeps house beside it."""

import asyncio
import contextlib
import hmac
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import fastapi
import gradio as gr
import uvicorn

from wideopen.web import widgets
from wideopen.web.limits import Gate
from wideopen.web.page import Page
from wideopen.web.session_files import Keeper
from wideopen.web.settings import ServeOptions, Share
from wideopen.web.worker_pool import Crew

SWEEP_S = 5.0
USER = "wideopen"
CONNECTIONS = 1000
EXAMPLES = {"path.jpg": "path-depth.png", "whale.jpg": "whale-depth.png", "dog.jpg": None, "scooter.jpg": None}


def make_app(crew: Crew, keeper: Keeper, options: ServeOptions, share: Share, password: str | None = None) -> Gate:
    """The whole as one ASGI application.

    Args:
        crew: has been started.
        keeper: of the folder that Gradio was told to use (`GRADIO_TEMP_DIR`).
        password: asked for, with the name `wideopen`, if given.
    """
    app = fastapi.FastAPI(openapi_url=None, docs_url=None, redoc_url=None)
    picks = examples()
    blocks = Page(crew, keeper, options, share, picks).build()

    @app.get("/health")
    def health(response: fastapi.Response) -> dict[str, Any]:
        """Whether work can be done, and how much waits for it."""
        response.status_code = 200 if crew.healthy() and not keeper.full else 503
        return {"healthy": crew.healthy(), "room": not keeper.full, "waiting": len(blocks._queue)}

    gr.mount_gradio_app(
        app, blocks, "/", server_name=options.host, server_port=options.port, footer_links=[], run_history=False,
        app_kwargs={"openapi_url": None}, auth=_check(password) if password else None,
        auth_message=f"Name: {USER}" if password else None, root_path=options.root_path or None,
        max_file_size=options.upload_mb << 20, ssr_mode=False, enable_monitoring=False, pwa=False, mcp_server=False,
        theme=widgets.theme(), css=widgets.CSS, head=widgets.HEAD,
    )  # fmt: skip
    inner = app.router.lifespan_context

    @contextlib.asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[Any]:
        sweeping = asyncio.create_task(_sweep(keeper))
        async with inner(app) as state:
            yield state
        sweeping.cancel()

    app.router.lifespan_context = lifespan
    return Gate(app, options, keeper, sorted({photo.parent.resolve() for photo in picks}))


def examples() -> dict[Path, Path | None]:
    """Photos to pick and their depth maps: those in the package, else those of the repository it runs from."""
    for folder in (Path(__file__).parent / "examples", Path(__file__).parents[3] / "examples"):
        found = {folder / photo: folder / depth if depth else None for photo, depth in EXAMPLES.items()}
        if all(path.is_file() for pair in found.items() for path in pair if path is not None):
            gr.set_static_paths([folder])
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


async def _sweep(keeper: Keeper) -> None:
    while True:
        await asyncio.sleep(SWEEP_S)
        await asyncio.to_thread(keeper.sweep)


def _check(password: str) -> Callable[[str, str], Any]:
    async def check(name: str, given: str) -> bool:
        right = hmac.compare_digest(f"{USER}\0{password}".encode(), f"{name}\0{given}".encode())
        if not right:
            await asyncio.sleep(1)  # Guessing takes time.
        return right

    return check
