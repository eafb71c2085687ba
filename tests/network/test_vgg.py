"""VGG features against a loop over the published table, on weights drawn here."""

from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torch
from torch import Tensor

from drawn_vgg import TABLES, draw_weights, write_npz
from wideopen.errors import WeightsError
from wideopen.network.vgg import VGGFeatures

pytestmark = pytest.mark.slow


def torchvision_state(arch: str) -> dict[str, Tensor]:
    """Keys as torchvision's nn.Sequential numbers them: every convolution, ReLU and pool counts."""
    layers, state, place = iter(draw_weights(arch, "float32")), {}, 0
    for item in TABLES[arch]:
        if item != "M":
            weight, bias = next(layers)
            state[f"features.{place}.weight"], state[f"features.{place}.bias"] = map(torch.from_numpy, (weight, bias))
        place += 1 if item == "M" else 2
    return {**state, "classifier.6.bias": torch.zeros(1000)}


def slow_features(arch: str, layers: list[tuple[np.ndarray, np.ndarray]], image: np.ndarray) -> np.ndarray:
    """The table in numpy, one kernel tap at a time: image CxHxW, already normalised."""
    steps, x = iter(layers), image.astype(np.float32)
    for item in TABLES[arch]:
        if item == "M":
            h, w = x.shape[1] // 2 * 2, x.shape[2] // 2 * 2
            x = np.maximum.reduce([x[:, i:h:2, j:w:2] for i in (0, 1) for j in (0, 1)])
            continue
        weight, bias = (array.astype(np.float32) for array in next(steps))
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)))
        h, w = x.shape[1:]
        taps = sum(
            np.einsum("oi,ihw->ohw", weight[:, :, i, j], padded[:, i : i + h, j : j + w], optimize=True)
            for i in range(3)
            for j in range(3)
        )
        x = np.maximum(taps + bias[:, None, None], 0)
    return x


@pytest.fixture(scope="module")
def photo() -> Tensor:
    return torch.rand(1, 3, 35, 50, generator=torch.Generator().manual_seed(1))


def test_npz_is_caffes_bgr_0_to_255(tmp_path: Path, photo: Tensor) -> None:
    found = VGGFeatures("vgg16", write_npz(tmp_path / "w.npz"))(photo)
    bgr = photo[0].numpy()[::-1] * 255 - np.array([103.939, 116.779, 123.68], np.float32)[:, None, None]
    wanted = slow_features("vgg16", draw_weights("vgg16", "float16"), bgr)
    assert found.shape == (1, 512, 2, 3)
    assert wanted.max() > 1  # the drawn network is alive
    np.testing.assert_allclose(found[0].numpy(), wanted, atol=1e-4 * wanted.max())


@pytest.mark.parametrize("arch", ["vgg16", "vgg19"])
def test_published_weights_take_imagenet_rgb(arch: str, photo: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def fetch(url: str, **options: object) -> dict[str, Tensor]:
        asked.append((url, options["check_hash"], options["weights_only"]))
        return torchvision_state(arch)

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fetch)
    found = VGGFeatures(arch)(photo)  # type: ignore[arg-type]
    mean, std = np.array([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]], np.float32)[:, :, None, None]
    wanted = slow_features(arch, draw_weights(arch, "float32"), (photo[0].numpy() - mean) / std)
    np.testing.assert_allclose(found[0].numpy(), wanted, atol=1e-4 * wanted.max())
    assert len(asked) == 1 and f"/{arch}-" in asked[0][0] and asked[0][1:] == (True, True)


def test_state_dict_file_equals_the_fetched_one(tmp_path: Path, photo: Tensor, monkeypatch: pytest.MonkeyPatch) -> None:
    state = torchvision_state("vgg16")
    torch.save(state, tmp_path / "vgg16.pth")
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *_, **__: state)
    assert torch.equal(VGGFeatures("vgg16", tmp_path / "vgg16.pth")(photo), VGGFeatures("vgg16")(photo))


def test_gradients_reach_the_photo_and_nothing_else(tmp_path: Path, photo: Tensor) -> None:
    features = VGGFeatures("vgg16", write_npz(tmp_path / "w.npz"))
    leaf = photo.clone().requires_grad_()
    features(leaf).mean().backward()
    assert leaf.grad is not None and (leaf.grad != 0).float().mean() > 0.9
    assert list(features.parameters()) == [] and features.state_dict() == {}
    assert not any(buffer.requires_grad for buffer in features.buffers())


@pytest.mark.parametrize("fault", [URLError("no route to host"), RuntimeError("invalid hash value\nsecond line")])
def test_offline_names_two_ways_out(fault: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise fault

    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", fail)
    with pytest.raises(WeightsError) as caught:
        VGGFeatures("vgg19")
    message = str(caught.value)
    assert "give a weights file" in message and "vgg weights to 0" in message and "\n" not in message


def check_refused(path: Path, text: str, arch: str = "vgg16") -> None:
    with pytest.raises(WeightsError) as caught:
        VGGFeatures(arch, path)  # type: ignore[arg-type]
    message = str(caught.value)
    assert message.startswith(str(path)) and text in message and "\n" not in message


@pytest.mark.parametrize("suffix", [".pth", ".npz"])
@pytest.mark.parametrize("content", [b"", b"hello\n", b"PK\x03\x04 cut short", b"\x80\x02garbage"])
def test_damaged_files_are_refused(tmp_path: Path, suffix: str, content: bytes) -> None:
    path = tmp_path / f"weights{suffix}"
    path.write_bytes(content)
    check_refused(path, "cannot read vgg16 weights")


@pytest.mark.parametrize("name", ["gone.pth", "gone.npz"])
def test_missing_files_are_refused(tmp_path: Path, name: str) -> None:
    check_refused(tmp_path / name, "no such file")


def test_files_of_another_network_are_refused(tmp_path: Path) -> None:
    check_refused(write_npz(tmp_path / "w16.npz"), "not vgg19 weights: block3_conv4_w", "vgg19")
    torch.save({"features.0.weight": torch.zeros(96, 3, 11, 11)}, tmp_path / "alexnet.pth")
    check_refused(tmp_path / "alexnet.pth", "should be (64, 3, 3, 3) and is (96, 3, 11, 11)")
    torch.save([torch.zeros(3)], tmp_path / "list.pth")
    check_refused(tmp_path / "list.pth", "no state dict")
    np.save(tmp_path / "array.npy", np.zeros(3))
    (tmp_path / "array.npy").rename(tmp_path / "array.npz")
    check_refused(tmp_path / "array.npz", "cannot read")
    with pytest.raises(ValueError, match="vgg16, vgg19"):
        VGGFeatures("resnet")  # type: ignore[arg-type]
