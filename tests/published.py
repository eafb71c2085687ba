"""A package index on loopback that holds what was built, and environments of their own to install from it."""

import contextlib
import functools
import http.server
import importlib.util
import os
import shutil
import subprocess
import sys
import threading
import venv
from collections.abc import Iterator
from pathlib import Path

from limits import HANG

ROOT = Path(__file__).parents[1]
PHOTO = ROOT / "examples" / "scooter.jpg"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Nothing."""


@contextlib.contextmanager
def served(dist: Path, folder: Path) -> Iterator[str]:
    """Serve the files of `dist` as the simple index (PEP 503) that is made in `folder`; its address."""
    project = folder / "simple" / "wideopen"
    project.mkdir(parents=True)
    for path in dist.iterdir():
        shutil.copy(path, project)
    handler = functools.partial(_Quiet, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/simple/"
        finally:
            server.shutdown()


def build(dist: Path) -> Path:
    """An sdist, and a wheel that is made of the sdist, in `dist`."""
    installer = ["--installer", "uv"] if importlib.util.find_spec("uv") else []  # In half of pip's time.
    run([sys.executable, "-m", "build", *installer, "--outdir", str(dist), str(ROOT)])
    return dist


def run(command: list[str], folder: Path | None = None, **environment: str) -> str:
    """Run a command that must succeed, away from this checkout; what it printed on standard output."""
    inherited = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run(
        command, cwd=folder, env={**inherited, **environment}, capture_output=True, text=True, timeout=HANG
    )
    assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def fresh(folder: Path, with_pip: bool = True) -> Path:
    """A new virtual environment; the folder of its programs."""
    venv.create(folder, with_pip=with_pip)
    return folder / ("Scripts" if os.name == "nt" else "bin")


def packages_of(programs: Path) -> Path:
    """Where an environment's packages are."""
    return Path(run([str(programs / "python"), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())
