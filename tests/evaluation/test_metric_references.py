"""Each metric equals its reference library to 1e-4 on 16 drawn pairs and on 10 pairs made from real photos."""

import sys
import types
from collections.abc import Callable
from functools import cache
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torchmetrics.functional.image import (
    multiscale_structural_similarity_index_measure,
    structural_similarity_index_measure,
)
from torchmetrics.functional.image import (
    peak_signal_noise_ratio as torch_psnr,
)

from drawn_vgg import draw_weights, write_npz
from pair_sets import wide_open
from wideopen.errors import WeightsError
from wideopen.evaluation.metrics import matte_weights, psnr, psnr_gain_matched  # fmt: skip
from wideopen.evaluation.perceptual import LPIPS, VGGDistance
from wideopen.evaluation.ssim import ms_ssim, ssim_gaussian11, ssim_gaussian11_shrunk, ssim_uniform7  # fmt: skip
from wideopen.image.color import srgb_to_linear
from wideopen.pairs.pairs import load_image

pytestmark = pytest.mark.slow

EXAMPLES = Path(__file__).parents[2] / "examples"
Image = np.ndarray


@cache
def drawn_pairs() -> list[tuple[Image, Image]]:
    """16 pairs of smooth fields with noise, from nearly alike to unlike, at sizes odd and even, 8 bits and float."""
    rng, pairs = np.random.default_rng(5), []
    for number in range(16):
        height, width = rng.integers(176, 230, 2)
        coarse = rng.random((9, 12, 3), np.float32)
        x = cv2.resize(coarse, (int(width), int(height)), interpolation=cv2.INTER_CUBIC)
        x = np.clip(x + 0.1 * rng.random() * rng.standard_normal(x.shape), 0, 1)
        y = np.clip(x * (0.7 + 0.5 * rng.random()) + 0.2 * rng.random() * rng.standard_normal(x.shape), 0, 1)
        if number % 2:
            x, y = np.rint(x * 255) / 255, np.rint(y * 255) / 255
        pairs.append((x.astype(np.float32), y.astype(np.float32)))
    return pairs


@cache
def real_pairs() -> list[tuple[Image, Image]]:
    """10 pairs: two or three crops of every example photo, and the same with all but the middle blurred."""
    pairs = []
    for path, count in (("cairn", 2), ("dog", 3), ("scooter", 2), ("statue", 3)):
        photo = load_image(EXAMPLES / f"{path}.jpg")
        scale = 500 / max(photo.shape)
        photo = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        for number in range(count):
            crop = photo[40 * number : 40 * number + 233, 60 * number : 60 * number + 281]
            target = wide_open(crop, gain=1 + 0.1 * number)
            pairs.append((crop.astype(np.float32) / 255, target.astype(np.float32) / 255))
    return pairs


PAIRS = {"drawn": drawn_pairs, "real": real_pairs}


@pytest.fixture(scope="module", params=list(PAIRS))
def pairs(request: pytest.FixtureRequest) -> list[tuple[Image, Image]]:
    found = PAIRS[request.param]()
    assert len(found) == {"drawn": 16, "real": 10}[request.param]
    return found


def planes(image: Image) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32))


def skimage_gaussian(x: Image, y: Image) -> float:
    return structural_similarity(
        x.astype(float), y.astype(float), gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
        data_range=1.0, channel_axis=2,
    )  # fmt: skip


def test_psnr(pairs: list[tuple[Image, Image]]) -> None:
    for x, y in pairs:
        assert psnr(x, y) == pytest.approx(peak_signal_noise_ratio(y, x, data_range=1), abs=1e-4)
        assert psnr(x, y) == pytest.approx(float(torch_psnr(planes(x), planes(y), data_range=1.0)), abs=1e-4)


def test_gain_matched_psnr(pairs: list[tuple[Image, Image]]) -> None:
    """The gain by numpy's least squares on linear light, its result through scikit-image's PSNR."""
    for x, y in pairs:
        a, b = (srgb_to_linear(image).astype(np.float64) for image in (x, y))
        light = a * np.linalg.lstsq(a.reshape(-1, 1), b.ravel(), rcond=None)[0][0]
        encoded = np.where(light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 0) ** (1 / 2.4) - 0.055)
        wanted = peak_signal_noise_ratio(y.astype(np.float64), np.clip(encoded, 0, 1), data_range=1)
        assert psnr_gain_matched(x, y) == pytest.approx(wanted, abs=1e-3 if wanted > 60 else 1e-4)


def test_ssim_gaussian11(pairs: list[tuple[Image, Image]]) -> None:
    for x, y in pairs:
        found = ssim_gaussian11(x, y)
        assert found == pytest.approx(skimage_gaussian(x, y), abs=1e-5)
        # torchmetrics' mean is over mirrored borders too; its map is the same.
        _, theirs = structural_similarity_index_measure(planes(x), planes(y), data_range=1.0, return_full_image=True)
        assert found == pytest.approx(float(theirs[..., 5:-5, 5:-5].mean()), abs=1e-4)


def test_ssim_uniform7(pairs: list[tuple[Image, Image]]) -> None:
    for x, y in pairs:
        bytes_of = [np.rint(image * 255).astype(np.uint8) for image in (x, y)]
        assert ssim_uniform7(x, y) == pytest.approx(structural_similarity(*bytes_of, channel_axis=2), abs=1e-5)


def test_ssim_gaussian11_shrunk(pairs: list[tuple[Image, Image]]) -> None:
    for x, y in pairs:
        wide = [np.tile(image, (4, 4, 1))[: 3 * image.shape[0] + 1] for image in (x, y)]
        factor = max(1, round(min(wide[0].shape[:2]) / 256))
        assert factor > 1
        small = [torch.nn.functional.avg_pool2d(planes(image), factor)[0].numpy() for image in wide]
        wanted = skimage_gaussian(*(image.transpose(1, 2, 0) for image in small))
        assert ssim_gaussian11_shrunk(*wide) == pytest.approx(wanted, abs=1e-4)
        assert ssim_gaussian11_shrunk(x[:300, :300], y[:300, :300]) == ssim_gaussian11(x[:300, :300], y[:300, :300])


def test_ms_ssim(pairs: list[tuple[Image, Image]]) -> None:
    for x, y in pairs:
        theirs = multiscale_structural_similarity_index_measure(planes(x), planes(y), data_range=1.0, normalize="relu")
        assert ms_ssim(x, y) == pytest.approx(float(theirs), abs=1e-5)


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> tuple[Callable[[Image], Image], VGGDistance]:
    """Keras's VGG-16 up to its last convolution, and ours, with the same drawn weights."""
    import tensorflow as tf

    network = tf.keras.applications.VGG16(include_top=False, weights=None, input_shape=(48, 64, 3))
    convolutions = [layer for layer in network.layers if "conv" in layer.name]
    for layer, (weight, bias) in zip(convolutions, draw_weights("vgg16", "float16"), strict=True):
        layer.set_weights([weight.astype(np.float32).transpose(2, 3, 1, 0), bias.astype(np.float32)])
    features = tf.keras.Model(network.input, network.get_layer("block5_conv3").output)
    return (
        lambda batch: features(tf.keras.applications.vgg16.preprocess_input(batch * 255), training=False).numpy(),
        VGGDistance(write_npz(tmp_path_factory.mktemp("vgg") / "vgg16.npz")),
    )


def test_vgg_distance(pairs: list[tuple[Image, Image]], vgg: tuple[Callable[[Image], Image], VGGDistance]) -> None:
    features, distance = vgg
    theirs = [features(np.stack([pair[which][:48, :64] for pair in pairs])) for which in (0, 1)]
    for number, (x, y) in enumerate(pairs):
        wanted = float(np.mean((theirs[0][number] - theirs[1][number]) ** 2))
        assert wanted > 0
        assert distance(x[:48, :64], y[:48, :64]) == pytest.approx(wanted, rel=1e-4)


def matte_of(x: Image) -> Image:
    height, width = x.shape[:2]
    rows, columns = np.mgrid[:height, :width]
    return np.clip(60 - np.hypot(rows - height / 2, columns - width / 2), 0, 1).astype(np.float32)


def test_weighted_ssim_is_the_weighted_map() -> None:
    for x, y in real_pairs()[:3]:
        matte = matte_of(x)
        _, full = structural_similarity(
            x.astype(float), y.astype(float), gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
            data_range=1.0, channel_axis=2, full=True,
        )  # fmt: skip
        middle, part = full[5:-5, 5:-5].mean(axis=2), matte[5:-5, 5:-5]
        assert ssim_gaussian11(x, y, matte) == pytest.approx(np.average(middle, weights=part), abs=1e-4)
        _, full = structural_similarity(
            *(np.rint(image * 255).astype(np.uint8) for image in (x, y)), channel_axis=2, full=True
        )
        wanted = np.average(full[3:-3, 3:-3].mean(axis=2), weights=matte[3:-3, 3:-3])
        assert ssim_uniform7(x, y, matte) == pytest.approx(wanted, abs=1e-4)
        assert ms_ssim(x, y, np.ones_like(matte)) == pytest.approx(ms_ssim(x, y), abs=1e-6)
        assert ms_ssim(x, y, matte) > ms_ssim(x, y) > ms_ssim(x, y, 1 - matte)  # the target is sharp inside
        assert psnr_gain_matched(x, y, np.ones_like(matte)) == pytest.approx(psnr_gain_matched(x, y), abs=1e-4)


def test_margin_moves_the_seam_out_of_both() -> None:
    rows, columns = np.mgrid[:101, :121]
    distance = np.hypot(rows - 50, columns - 60)
    inside, outside = matte_weights((distance <= 30).astype(np.float32), 7)
    assert inside[distance <= 22].min() == 1 and inside[distance > 24].max() == 0
    assert outside[distance >= 38].min() == 1 and outside[distance < 36].max() == 0
    matte = matte_of(np.zeros((120, 120, 3)))
    assert np.array_equal(matte_weights(matte)[0], matte) and np.array_equal(matte_weights(matte)[1], 1 - matte)
    with pytest.raises(ValueError, match="margin"):
        matte_weights(matte, -1)


def test_metrics_of_nothing_and_of_too_little() -> None:
    x, y = drawn_pairs()[0]
    nothing = np.zeros(x.shape[:2], np.float32)
    assert all(np.isnan(m(x, y, nothing)) for m in (ssim_gaussian11, ssim_uniform7, ms_ssim, ssim_gaussian11_shrunk))
    for metric, side in ((ms_ssim, 175), (ssim_uniform7, 6)):
        with pytest.raises(ValueError, match=f"at least {side + 1} px"):
            metric(x[:side], y[:side])
    with pytest.raises(ValueError, match="weights must be"):
        ssim_gaussian11(x, y, nothing[1:])


def test_lpips_is_said_to_be_missing_or_is_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without torchvision no number comes out; with the package, its map is asked for in its own range."""
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(WeightsError, match=r"LPIPS: not available \(.*\); it needs") as caught:
        LPIPS()
    assert "\n" not in str(caught.value)

    class Network:
        def __init__(self, **options: object) -> None:
            assert options == {"net": "alex", "version": "0.1", "verbose": False}
            self.spatial = False

        def eval(self) -> "Network":
            return self

        def __call__(self, x: torch.Tensor, y: torch.Tensor, normalize: bool) -> torch.Tensor:
            assert normalize
            found = (x - y).abs().mean(1, keepdim=True)
            return found if self.spatial else 2 * found.mean((2, 3), keepdim=True)

    monkeypatch.setitem(sys.modules, "lpips", types.SimpleNamespace(LPIPS=Network))
    x, y = real_pairs()[0]
    found, matte = LPIPS(), matte_of(x)
    wanted = np.average(np.abs(x - y).mean(axis=2), weights=matte)
    for _ in range(2):  # the one must not leave the network set for the other
        assert found(x, y) == pytest.approx(2 * np.abs(x - y).mean(), abs=1e-6)
        assert found(x, y, matte) == pytest.approx(wanted, abs=1e-6)


def drawn_alexnet(pretrained: bool) -> torch.nn.Module:
    """AlexNet's features (Krizhevsky's "one weird trick", as torchvision has them) with drawn weights."""
    torch.manual_seed(4)
    layers: list[torch.nn.Module] = []
    inside = 3
    for outside, kernel, step, edge, pool in (
        (64, 11, 4, 2, True), (192, 5, 1, 2, True), (384, 3, 1, 1, False), (256, 3, 1, 1, False), (256, 3, 1, 1, True)
    ):  # fmt: skip
        layers += [torch.nn.Conv2d(inside, outside, kernel, step, edge), torch.nn.ReLU(inplace=True)]
        layers += [torch.nn.MaxPool2d(3, 2)] if pool else []
        inside = outside
    network = torch.nn.Module()
    network.features = torch.nn.Sequential(*layers)
    return network


def test_lpips_is_the_packages_own_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real package with its real linear layers; AlexNet's weights alone, from torchvision, are drawn."""
    models = types.SimpleNamespace(alexnet=drawn_alexnet)
    monkeypatch.setitem(sys.modules, "torchvision", types.SimpleNamespace(models=models))
    monkeypatch.setitem(sys.modules, "torchvision.models", models)
    package = pytest.importorskip("lpips")
    theirs, ours = package.LPIPS(net="alex", verbose=False), LPIPS()
    for x, y in real_pairs()[:3]:
        with torch.no_grad():
            wanted = float(theirs(2 * planes(x) - 1, 2 * planes(y) - 1))
        assert wanted > 0 and ours(x, y) == pytest.approx(wanted, abs=1e-6)
        # The map's own mean is near, and not the same: averaging each layer at its own size is what is published.
        assert ours(x, y, np.ones(x.shape[:2], np.float32)) == pytest.approx(wanted, rel=0.05)
        matte = matte_of(x)
        assert ours(x, y, matte) < ours(x, y) < ours(x, y, 1 - matte)
        assert ours(x, x) == 0


@pytest.mark.parametrize("metric", [ssim_gaussian11, ssim_uniform7, ssim_gaussian11_shrunk, ms_ssim])
def test_equal_images_score_one(metric) -> None:  # noqa: ANN001
    x, _ = real_pairs()[0]
    assert metric(x, x) == pytest.approx(1, abs=1e-6)
