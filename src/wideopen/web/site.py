"""The application as files for any web space: the browser runs the model and the lens by itself, and sends nothing."""

import base64
import hashlib
import json
import re
import shutil
import tempfile
from pathlib import Path
from typing import Any

from wideopen import __version__
from wideopen.atomic_write import write_output
from wideopen.errors import ModelError, OutputError
from wideopen.scene.model import Engine
from wideopen.web.schema import examples, schema
from wideopen.web.settings import STATIC, ServeOptions

UNDRAWN = ("hdr",)
"""Options that the browser alone has not."""


def write_site(folder: Path, model: Path | None = None, overwrite: bool = False) -> list[Path]:
    """Write the application into a folder, which is made if it is not there; its files.

    Args:
        model: with a lens head; the package's own if None.
        overwrite: write into a folder that holds anything.

    Raises:
        OutputError: the folder cannot be written, or holds something.
        ModelError: the model is missing, damaged, or gives pictures instead of places.
    """
    if not overwrite and folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder}: is not an empty folder; name another one, or write into it (overwrite=True)")
    engine = Engine(model)
    if engine.draws:
        raise ModelError(f"{engine.path}: gives pictures, not places; in a browser alone only a lens head's model runs")
    try:
        shutil.copytree(STATIC, folder, dirs_exist_ok=True)
        shutil.copyfile(engine.path, folder / "default.onnx")
        (folder / "examples").mkdir(exist_ok=True)
        for name, picture in examples().items():
            shutil.copyfile(picture, folder / "examples" / name)
        page = folder / "index.html"
        page.write_text(page.read_text("utf-8").replace("<html ", '<html data-engine="browser" ', 1), "utf-8")
        (folder / "schema.json").write_text(json.dumps(_schema(engine)), "utf-8")
        package = folder / "package.json"
        package.write_text(
            json.dumps({**json.loads(package.read_text("utf-8")), "version": __version__}, indent=2), "utf-8"
        )
        _list_files(folder)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be written ({error.strerror})") from error
    return sorted(path for path in folder.rglob("*") if path.is_file())


def write_one_file(path: Path, model: Path | None = None, overwrite: bool = False) -> Path:
    """Write the application as one file, which a browser opens from disk; arguments and errors as of `write_site`."""
    with tempfile.TemporaryDirectory() as home:
        site = Path(home)
        held = {file.relative_to(site).as_posix(): file for file in write_site(site, model)}
        bundle = {
            name: base64.b64encode(file.read_bytes()).decode()
            for name, file in held.items()
            if file.suffix in (".js", ".mjs", ".gz", ".onnx", ".jpg", ".png") or name == "schema.json"
        }
        style, loader = (held[name].read_text("utf-8") for name in ("app.css", "one_file.js"))
        icon = base64.b64encode(held["icon.svg"].read_bytes()).decode()
        page = re.sub(r"<(link|script) .*(manifest|app\.css|main\.js).*\n", "", held["index.html"].read_text("utf-8"))
        page = page.replace("icon.svg", f"data:image/svg+xml;base64,{icon}").replace(
            "</head>", f"<style>{style}</style></head>"
        )
        # A script's text ends at the first "</", wherever that stands.
        data = json.dumps(bundle).replace("</", "<\\/")
        parts = f'<script type="application/json" id="bundle">{data}</script>\n<script>\n{loader}</script>\n</body>'
        write_output(path, page.replace("</body>", parts).encode(), overwrite)
    return path


def _list_files(folder: Path) -> None:
    """Tell the service worker what to keep, under a name that changes with any of it."""
    files = sorted(
        path for path in folder.rglob("*") if path.is_file() and path.name not in ("offline.js", "package.json")
    )
    digest = hashlib.blake2b(digest_size=8)
    for path in files:
        digest.update(path.read_bytes())
    names = ["./", *(path.relative_to(folder).as_posix() for path in files)]
    worker = folder / "offline.js"
    text = worker.read_text("utf-8").replace("VERSION = ''", f"VERSION = 'wideopen {digest.hexdigest()}'", 1)
    worker.write_text(text.replace("([])", f"({json.dumps(names)})", 1), "utf-8")


def _schema(engine: Engine) -> dict[str, Any]:
    """What the application is told, without options that the browser has not."""
    found, info = schema(ServeOptions()), engine.metadata
    return {
        **found,
        "options": [option for option in found["options"] if option["name"] not in UNDRAWN],
        "model": {"multiple": info.multiple, "working_side": info.working_side, "mirrored": info.mirrored},
    }
