"""The node of examples/comfyui: tensors in, tensors out, the same as the library makes of each picture."""

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

import wideopen

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.slow
EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture(scope="module")
def node() -> ModuleType:
    """Loaded as ComfyUI loads a folder of `custom_nodes`."""
    spec = importlib.util.spec_from_file_location("custom_node", EXAMPLES / "comfyui" / "__init__.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pictures() -> np.ndarray:
    """Two pictures 2x192x256x3 in [0, 1]."""
    found = [Image.open(EXAMPLES / name).convert("RGB").resize((256, 192)) for name in ("dog.jpg", "path.jpg")]
    return np.stack([np.asarray(photo, np.float32) / 255 for photo in found])


SETTINGS = {"aperture": 1.4, "focus": "auto", "lens": "85mm", "blades": 7}


def test_comfyui_finds_what_it_asks_for(node: ModuleType) -> None:
    kind = node.NODE_CLASS_MAPPINGS["WideOpen"]
    assert kind.RETURN_TYPES == ("IMAGE",) and hasattr(kind, kind.FUNCTION)
    assert set(kind.INPUT_TYPES()["required"]) == {"image", *SETTINGS}
    assert set(kind.INPUT_TYPES()["optional"]) == {"mask", "depth"}


def test_each_picture_is_the_librarys(node: ModuleType) -> None:
    given = torch.from_numpy(pictures())
    (done,) = node.WideOpen().blur(given, **SETTINGS)
    assert done.shape == given.shape and done.dtype == torch.float32 and done.min() >= 0 and done.max() <= 1
    for seen, photo in zip(done.numpy(), pictures(), strict=True):
        assert np.array_equal(seen, wideopen.render(photo, **SETTINGS)) and not np.array_equal(seen, photo)


def test_one_mask_is_for_all_and_keeps_its_pixels(node: ModuleType) -> None:
    mask = np.zeros((1, 192, 256), np.float32)
    mask[:, 40:150, 60:200] = 1
    (done,) = node.WideOpen().blur(torch.from_numpy(pictures()), **SETTINGS, mask=torch.from_numpy(mask))
    inside = slice(50, 140), slice(70, 190)
    for seen, photo in zip(done.numpy(), pictures(), strict=True):
        assert np.array_equal(seen[inside], photo[inside]) and not np.array_equal(seen, photo)


def test_a_depth_map_says_what_is_near(node: ModuleType) -> None:
    photo = pictures()[:1]
    near = np.broadcast_to(np.linspace(0, 1, 192, dtype=np.float32)[:, None], (192, 256)).copy()
    depth = torch.from_numpy(np.broadcast_to(near[None, ..., None], (1, 192, 256, 3)).copy())
    settings = SETTINGS | {"focus": "near"}
    (done,) = node.WideOpen().blur(torch.from_numpy(photo), **settings, depth=depth)
    assert np.array_equal(done[0].numpy(), wideopen.render(photo[0], depth=near, **settings))


def test_the_number_of_masks_must_fit(node: ModuleType) -> None:
    with pytest.raises(ValueError, match="^3 masks for 2 pictures; give one, or as many"):
        node.WideOpen().blur(torch.from_numpy(pictures()), **SETTINGS, mask=torch.ones(3, 192, 256))
