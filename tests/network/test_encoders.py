"""The pretrained encoder: the same features and slopes while training, and parts of it left alone."""

import pytest
import torch

from wideopen.network.encoders import LiteEncoder

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def encoder() -> LiteEncoder:
    found = LiteEncoder("lite0")
    found.load_pretrained()
    return found


def slopes(encoder: LiteEncoder, photo: torch.Tensor) -> tuple[dict[int, torch.Tensor], dict[str, torch.Tensor]]:
    encoder.zero_grad()
    features = encoder(photo)
    sum(feature.square().mean() for feature in features.values()).backward()  # type: ignore[union-attr]
    return features, {name: p.grad.clone() for name, p in encoder.named_parameters() if p.grad is not None}


def test_training_computes_what_the_package_does(encoder: LiteEncoder) -> None:
    photo = torch.rand(2, 3, 64, 96, generator=torch.Generator().manual_seed(1))
    seen, wanted = slopes(encoder.eval(), photo)
    ours, found = slopes(encoder.train(), photo)
    assert set(found) == set(wanted) == {name for name, _ in encoder.named_parameters()}
    assert max(float((ours[level] - seen[level]).detach().abs().max()) for level in seen) < 1e-3
    for name, slope in wanted.items():
        torch.testing.assert_close(found[name], slope, rtol=1e-2, atol=1e-4 * float(slope.abs().max()), msg=name)


def test_frozen_blocks_have_no_slope(encoder: LiteEncoder) -> None:
    encoder.freeze(3)
    _, found = slopes(encoder.train(), torch.rand(1, 3, 32, 32))
    encoder.requires_grad_(True)
    still = {name for name, _ in encoder.named_parameters()} - set(found)
    assert still and all(name.startswith(("stem.", "blocks.0.", "blocks.1.", "blocks.2.")) for name in still)
    assert any(name.startswith("blocks.3.") for name in found)
