"""What training minimises.

L = L1 + (1 - SSIM) + 0.01 VGG at level 1 and L1 alone at the levels below (Ignatov et al., "Rendering Natural Camera
Bokeh Effect with Deep Learning", CVPRW 2020), here with a weight for each term in `recipe.LevelRecipe`. `BokehLoss`
judges the picture, and what a "blend" head says stays sharp; `places_terms` judges matte and disparity of a "lens"
head. `level_task.LevelTask` adds them up.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from wideopen.errors import PairsError
from wideopen.network.blocks import at_least_32
from wideopen.network.heads import SceneMaps
from wideopen.network.vgg import VGGFeatures

WINDOW = 11
SIGMA = 1.5
# Wang et al., "Image quality assessment: from error visibility to structural similarity", 2004; data range 1.
C1, C2 = 0.01**2, 0.03**2
STANDING = 3.0
"""Weight of what stands before the rest of its row, above that of all else."""
OWN, OWN_FROM = 0.5, 0.95
"""Weight of the subject's own disparity, and opacity from which on a pixel is all its own."""
# Keeps the logarithms and their slopes finite where a predicted probability is exactly 0 or 1.
PROBABILITY_MARGIN = 1e-4


def ssim(x: Tensor, y: Tensor) -> Tensor:
    """Mean structural similarity of two batches: 11x11 Gaussian window, sigma 1.5, data range 1.

    x, y: [N, C, H, W] in 0..1, any floating type, H and W at least 11. Returns a scalar, 1 for equal images.
    Windows that would leave the image are left out, and variances divide by the number of weights, as in
    scikit-image with `gaussian_weights=True, use_sample_covariance=False, data_range=1`, whose result it equals to
    1e-5. Computed in at least 32 bits even under autocast: variances are small differences of large numbers.
    """
    if x.shape != y.shape or x.ndim != 4 or min(x.shape[-2:]) < WINDOW:
        raise ValueError(
            f"ssim needs two [N, C, H, W] batches alike, at least {WINDOW} px a side, not {x.shape}, {y.shape}"
        )
    with torch.autocast(x.device.type, enabled=False):
        # A depthwise convolution per map in channels_last was the fastest of seven ways measured on a CPU.
        x, y = (at_least_32(t).contiguous(memory_format=torch.channels_last) for t in (x, y))
        # Variance does not change with a shift, but its rounding error does: nothing is left of it in flat areas.
        shift = y.detach().mean((2, 3), keepdim=True)
        x, y = x - shift, y - shift
        mean_x, mean_y = _gaussian(x), _gaussian(y)
        squares, product = _gaussian(x * x + y * y), _gaussian(x * y)
        mean_product = mean_x * mean_y
        mean_squares = mean_x * mean_x + mean_y * mean_y
        contrast = (2 * (product - mean_product) + C2) / (squares - mean_squares + C2)
        mean_x, mean_y = mean_x + shift, mean_y + shift
        luminance = (2 * mean_x * mean_y + C1) / (mean_x * mean_x + mean_y * mean_y + C1)
        return (luminance * contrast).mean()


def _gaussian(image: Tensor) -> Tensor:
    """Weighted mean over the 11x11 window around each pixel whose window fits: [N, C, H-10, W-10]."""
    taps = torch.arange(WINDOW, dtype=torch.float64, device=image.device) - WINDOW // 2
    weights = torch.exp(-0.5 * (taps / SIGMA) ** 2)
    weights = (weights / weights.sum()).to(image.dtype)
    channels = image.shape[1]
    column = weights.view(1, 1, WINDOW, 1).expand(channels, 1, WINDOW, 1)
    row = weights.view(1, 1, 1, WINDOW).expand(channels, 1, 1, WINDOW)
    return F.conv2d(F.conv2d(image, column, groups=channels), row, groups=channels)


class BokehLoss(nn.Module):
    """Weighted sum of L1, 1 - SSIM, VGG distance and cross entropy of the sharpness map.

    Args:
        l1, ssim, vgg, sharp: weights; a term of weight 0 is not computed.
        features: the VGG, needed if `vgg` is above 0. Its distances depend on its weights' scale: the published
            0.01 belongs to VGG-19 weights for input in 0..255.
    """

    def __init__(
        self,
        l1: float = 1.0,
        ssim: float = 0.0,
        vgg: float = 0.0,
        sharp: float = 0.0,
        features: VGGFeatures | None = None,
    ) -> None:
        super().__init__()
        if min(l1, ssim, vgg, sharp) < 0 or max(l1, ssim, vgg, sharp) == 0:
            raise ValueError("loss weights must not be negative, and one must be above 0")
        if vgg > 0 and features is None:
            raise ValueError("a VGG term needs VGG features")
        self.weights = {"l1": l1, "ssim": ssim, "vgg": vgg, "sharp": sharp}
        self.features = features if vgg > 0 else None

    def forward(
        self, output: Tensor, target: Tensor, sharp_pred: Tensor | None = None, sharp_target: Tensor | None = None
    ) -> dict[str, Tensor]:
        """Every term of weight above 0, unweighted, and their weighted sum as "total": scalars of at least 32 bits.

        output, target: [N, 3, H, W], sRGB-encoded, 0..1. sharp_pred, sharp_target: [N, 1, H, W] in 0..1, needed if
        the sharp term has a weight. "ssim" is 1 - SSIM, so that less is better throughout.

        Raises PairsError: the sharp term has a weight and there is no sharpness map.
        """
        terms: dict[str, Tensor] = {}
        if self.weights["l1"] > 0:
            terms["l1"] = F.l1_loss(at_least_32(output), at_least_32(target))
        if self.weights["ssim"] > 0:
            terms["ssim"] = 1 - ssim(output, target)
        if self.features is not None:
            terms["vgg"] = self._vgg(self.features, output, target)
        if self.weights["sharp"] > 0:
            if sharp_pred is None or sharp_target is None:
                raise PairsError(
                    "the sharp loss needs a predicted and a target sharpness map; train on pairs with a sharp/ "
                    'folder and a network with head = "blend", or set sharp = 0 in the recipe'
                )
            terms["sharp"] = _cross_entropy(sharp_pred, sharp_target)
        terms["total"] = torch.stack([self.weights[name] * term for name, term in terms.items()]).sum()
        return terms

    def _vgg(self, features: VGGFeatures, output: Tensor, target: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = features(target)
        # The features follow the caller's autocast (bf16 halves their time); their distance does not.
        return F.mse_loss(at_least_32(features(output)), at_least_32(wanted))


class PlacesWeights(NamedTuple):
    """How much each pixel counts: [N, 1, h, w]."""

    matte: Tensor
    relative: Tensor
    own: Tensor
    """1 well inside the subject."""


def places_weights(matte: Tensor, standing: Tensor) -> PlacesWeights:
    """What stands counts STANDING times more: it is small, but people point at it. "relative" counts where the subject
    is not, and well inside it."""
    share = 1.0 - matte
    counts = 1.0 + STANDING * standing * share
    own = (_inner(matte) > OWN_FROM).to(matte.dtype)
    return PlacesWeights(counts, share * counts + OWN * own, own)


def places_terms(
    places: SceneMaps, matte: Tensor, relative: Tensor, standing: Tensor, room: Callable[[Tensor], Tensor] | None = None
) -> dict[str, Tensor]:
    """How far a lens head is from what is known of a made pair: scalars of at least 32 bits.

    matte, relative, standing: [N, 1, h, w], see `loader.scene_sample`. "matte" is a cross entropy in nats;
    "relative" the mean absolute difference in parts of 1 + |relative|, since blur counts in proportion. Well inside the
    subject "relative" is to be the subject's own, 0, so that two things taken for one subject can be told apart; near
    its edge, where what lies behind shows through, it stays the background's.
    room: makes of a sum of weights what to divide by; where several processes share a batch, an even part of the
    weights in all of it, so that their mean is the term of the whole batch.
    """
    weights = places_weights(matte, standing)
    wanted = relative * (1.0 - weights.own)
    difference = (at_least_32(places.relative) - wanted).abs() / (1.0 + wanted.abs())
    room = room or (lambda total: total.clamp_min(1.0))
    return {
        "matte": _cross_entropy(places.matte, matte, weights.matte, room),
        "relative": (weights.relative * difference).sum() / room(weights.relative.sum()),
    }


def _inner(matte: Tensor) -> Tensor:
    """The least matte within a 32nd of the side."""
    reach = max(1, matte.shape[-1] // 32)
    return -F.max_pool2d(-matte, 2 * reach + 1, 1, reach)


def _cross_entropy(
    predicted: Tensor, target: Tensor, weight: Tensor | None = None, room: Callable[[Tensor], Tensor] | None = None
) -> Tensor:
    """Mean binary cross entropy in nats between probabilities; squeezed inwards, so that no gradient dies."""
    with torch.autocast(predicted.device.type, enabled=False):
        squeezed = PROBABILITY_MARGIN + (1 - 2 * PROBABILITY_MARGIN) * at_least_32(predicted).clamp(0, 1)
        if weight is None or room is None:
            return F.binary_cross_entropy(squeezed, at_least_32(target))
        return F.binary_cross_entropy(squeezed, at_least_32(target), weight, reduction="sum") / room(weight.sum())
