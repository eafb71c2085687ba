"""Losses against scikit-image and hand computations."""

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from torch import Tensor

from drawn_vgg import write_npz
from wideopen.errors import PairsError
from wideopen.network.vgg import VGGFeatures
from wideopen.training.losses import BokehLoss, ssim

pytestmark = pytest.mark.slow


def reference_ssim(x: Tensor, y: Tensor) -> float:
    """scikit-image in float64, photo by photo."""
    scores = [
        structural_similarity(
            a.permute(1, 2, 0).double().numpy(),
            b.permute(1, 2, 0).double().numpy(),
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            data_range=1.0,
            channel_axis=2,
        )
        for a, b in zip(x, y, strict=True)
    ]
    return float(np.mean(scores))


def photos(kind: str) -> tuple[Tensor, Tensor]:
    make = torch.Generator().manual_seed(3)
    noise = torch.rand(2, 3, 47, 61, generator=make)
    if kind == "noise":
        return noise, noise.flip(3)
    if kind == "near":
        return noise, (noise + 0.05 * torch.randn(noise.shape, generator=make)).clamp(0, 1)
    if kind == "white sky":  # float32 variances of large, nearly equal numbers
        return (0.97 + 0.02 * noise), torch.full_like(noise, 0.98)
    steps = (torch.arange(61) > 30).float().expand_as(noise)
    return steps, steps * 0.9 + 0.1 * noise


@pytest.mark.parametrize("kind", ["noise", "near", "white sky", "black and white"])
def test_ssim_equals_scikit_image(kind: str) -> None:
    x, y = photos(kind)
    assert abs(ssim(x, y).item() - reference_ssim(x, y)) < 1e-5
    assert ssim(x, x).item() == pytest.approx(1, abs=1e-6)


def test_ssim_slope_equals_scikit_images_difference_quotient() -> None:
    x, y = photos("near")
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(5))
    leaf = x.clone().requires_grad_()
    ssim(leaf, y).backward()
    step = 1e-5
    x, direction = x.double(), direction.double()
    wanted = (reference_ssim(x + step * direction, y) - reference_ssim(x - step * direction, y)) / (2 * step)
    assert leaf.grad is not None
    assert (leaf.grad * direction).sum().item() == pytest.approx(wanted, rel=1e-3)


def test_ssim_stays_float32_under_autocast() -> None:
    x, y = photos("near")
    with torch.autocast("cpu", torch.bfloat16):
        inside = ssim(x, y)
    assert inside.dtype == torch.float32
    assert inside.item() == ssim(x, y).item()


def test_ssim_refuses_what_has_no_whole_window() -> None:
    small = torch.zeros(1, 3, 10, 30)
    with pytest.raises(ValueError, match="at least 11 px"):
        ssim(small, small)
    with pytest.raises(ValueError, match="alike"):
        ssim(torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 20, 22))


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> VGGFeatures:
    return VGGFeatures("vgg16", write_npz(tmp_path_factory.mktemp("vgg") / "vgg16.npz"))


def test_terms_and_total_are_the_weighted_definitions(vgg: VGGFeatures) -> None:
    x, y = photos("near")
    predicted, wanted = photos("noise")
    predicted, wanted = predicted[:, :1], wanted[:, :1]
    terms = BokehLoss(1.0, 0.5, 0.01, 2.0, vgg)(x, y, predicted, wanted)
    l1 = (x - y).abs().mean().item()
    features = vgg(x) - vgg(y)
    p, t = predicted.double(), wanted.double()
    entropy = -(t * p.log() + (1 - t) * (1 - p).log()).mean().item()
    assert list(terms) == ["l1", "ssim", "vgg", "sharp", "total"]
    assert terms["l1"].item() == pytest.approx(l1, rel=1e-5)
    assert terms["ssim"].item() == pytest.approx(1 - reference_ssim(x, y), abs=1e-5)
    assert terms["vgg"].item() == pytest.approx(features.square().mean().item(), rel=1e-5)
    assert terms["sharp"].item() == pytest.approx(entropy, rel=2e-3)
    parts = [terms[name].item() for name in ("l1", "ssim", "vgg", "sharp")]
    assert terms["total"].item() == pytest.approx(float(np.dot(parts, [1, 0.5, 0.01, 2])), rel=1e-5)


def test_vgg_term_pulls_the_output_only(vgg: VGGFeatures) -> None:
    x, y = (t.clone().requires_grad_() for t in photos("near"))
    BokehLoss(0, vgg=1, features=vgg)(x, y)["total"].backward()
    assert x.grad is not None and x.grad.abs().max() > 0
    assert y.grad is None


def test_terms_are_float32_under_autocast(vgg: VGGFeatures) -> None:
    x, y = photos("near")
    maps = torch.rand(2, 1, 47, 61), torch.rand(2, 1, 47, 61)
    with torch.autocast("cpu", torch.bfloat16):
        terms = BokehLoss(1, 1, 1, 1, vgg)(x.bfloat16(), y, *maps)
    assert {term.dtype for term in terms.values()} == {torch.float32}


@pytest.mark.parametrize("answer", [0.0, 1.0])
def test_sharp_term_survives_certainty(answer: float) -> None:
    wrong = torch.full((1, 1, 4, 4), answer, requires_grad=True)
    photo = torch.zeros(1, 3, 4, 4)
    BokehLoss(0, sharp=1)(photo, photo, wrong, torch.full((1, 1, 4, 4), 1 - answer))["total"].backward()
    assert wrong.grad is not None and torch.isfinite(wrong.grad).all()
    assert (wrong.grad.sign() == (1 if answer else -1)).all()


def test_missing_maps_and_features_are_named() -> None:
    photo = torch.zeros(1, 3, 4, 4)
    with pytest.raises(PairsError, match="sharpness map"):
        BokehLoss(sharp=1)(photo, photo)
    with pytest.raises(ValueError, match="VGG features"):
        BokehLoss(vgg=0.01)
    with pytest.raises(ValueError, match="above 0"):
        BokehLoss(l1=0)


def test_no_weights_of_the_classifier_enter_a_checkpoint(vgg: VGGFeatures, tmp_path: Path) -> None:
    loss = BokehLoss(vgg=1, features=vgg)
    assert loss.state_dict() == {}
    assert list(loss.parameters()) == []
