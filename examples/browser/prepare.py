"""Put beside index.html what it needs, so that it opens from disk: ONNX Runtime Web and the model.

    python examples/browser/prepare.py                     # the model in the package
    python examples/browser/prepare.py --model fp16.onnx   # half as large: wideopen export MODEL -o fp16.onnx ...

Needs npm, which fetches one package; nothing else is fetched, then or later. A page opened from disk may not read files
beside it but scripts, so the runtime's WebAssembly and the model become scripts too.
"""

import argparse
import base64
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).parent
PACKAGE = "onnxruntime-web@1.30.0"
MODEL = HERE.parents[1] / "src" / "wideopen" / "models" / "first.onnx"
LIBRARY, MODULE, WASM = "ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"


def prepare(target: Path, model: Path = MODEL) -> None:
    """Write ort.js, runtime.js and model.js into a folder; CalledProcessError if npm cannot fetch the package."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as package:
            package.extractall(folder, filter="data")
        dist = Path(folder) / "package" / "dist"
        shutil.copyfile(dist / LIBRARY, target / "ort.js")
        parts = {"module": dist / MODULE, "wasm": dist / WASM}
        (target / "runtime.js").write_text("".join(assignment(name, path) for name, path in parts.items()))
    (target / "model.js").write_text(assignment("model", model))


def assignment(name: str, path: Path) -> str:
    """A line of JavaScript that holds a file."""
    return f'(window.FILES ??= {{}}).{name} = "{base64.b64encode(path.read_bytes()).decode("ascii")}";\n'


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Put beside index.html what it needs.")
    parser.add_argument("--model", type=Path, default=MODEL, help="an .onnx file of wideopen export")
    try:
        prepare(HERE, parser.parse_args().model)
    except (OSError, subprocess.CalledProcessError) as error:
        sys.exit(f"{PACKAGE} or the model cannot be had ({error}); is npm installed?")
