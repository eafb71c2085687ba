"""Put beside index.html what it needs, so that it opens from disk: ONNX Runtime Web and the model.

    python examples/browser/prepare.py                     # the first model, which draws its own picture
    python examples/browser/prepare.py --model fp16.onnx   # half as large: wideopen export MODEL -o fp16.onnx ...

Needs wideopen, and npm, which fetches one package; nothing else is fetched, then or later. A page opened from disk may
not read files beside it but scripts, so the runtime's WebAssembly and the model become scripts too.
"""

import argparse
import base64
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

from wideopen.engine import Engine
from wideopen.errors import ModelError, WideopenError
from wideopen.output import write_output
from wideopen.runtimes import OnnxRuntime

HERE = Path(__file__).parent
FIRST = HERE.parent / "models" / "first.onnx"
PACKAGE = "onnxruntime-web@1.30.0"
LIBRARY, MODULE, WASM = "ort.wasm.min.js", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm"


def prepare(target: Path, model: Path = FIRST) -> None:
    """Write ort.js, runtime.js and model.js into a folder.

    Raises ModelError if the page cannot run the model, CalledProcessError if npm cannot fetch the package.
    """
    facts = describe(model)
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["npm", "pack", "--silent", PACKAGE], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        with tarfile.open(next(Path(folder).glob("*.tgz"))) as package:
            package.extractall(folder, filter="data")
        dist = Path(folder) / "package" / "dist"
        files = {
            "ort.js": (dist / LIBRARY).read_bytes(),
            "runtime.js": assignment("module", dist / MODULE) + assignment("wasm", dist / WASM),
            "model.js": f"window.MODEL = {json.dumps(facts)};\n" + assignment("model", model),
        }
        for name, data in files.items():
            write_output(target / name, data, overwrite=True)


def describe(model: Path) -> dict[str, int]:
    """What the page has to know of a model; ModelError if it is none that the page can run."""
    info = Engine(model).metadata
    if "sharp" not in OnnxRuntime(model.read_bytes(), None).names[1]:
        raise ModelError(f"{model}: gives no sharp map, which the page needs; take another model")
    return {"side": info.working_side, "scale": info.scale, "multiple": info.multiple}


def assignment(name: str, path: Path) -> str:
    """A line of JavaScript that holds a file."""
    return f'(window.FILES ??= {{}}).{name} = "{base64.b64encode(path.read_bytes()).decode("ascii")}";\n'


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Put beside index.html what it needs.")
    parser.add_argument("--model", type=Path, default=FIRST, help="an .onnx file of wideopen export")
    options = parser.parse_args()
    if shutil.which("npm") is None:
        sys.exit("npm is not installed; it comes with Node.js")
    try:
        prepare(HERE, options.model)
    except (OSError, WideopenError) as error:
        sys.exit(str(error))
    except subprocess.CalledProcessError as error:
        sys.exit(f"{PACKAGE} cannot be fetched ({error}); is there a network?")
