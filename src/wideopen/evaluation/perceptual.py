"""Distances between pictures as trained networks see them. Needs PyTorch; weights are fetched or given.

Both take HxWx3 float images, sRGB-encoded RGB in 0..1, of the same size; 0 for equal images, no upper end.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from wideopen._types import Float32
from wideopen.errors import WeightsError, one_line
from wideopen.evaluation.ssim import check

if TYPE_CHECKING:
    from torch import Tensor


class VGGDistance:
    """Mean squared difference of VGG features (relu5_4 of VGG-19, relu5_3 of VGG-16): the term of the loss.

    Its size depends on whose weights they are (Caffe's .npz takes 0..255, torchvision's a normalised 0..1), so it is to
    be compared only between results measured with the same file. Sides from 16 px on.

    Args:
        weights: torchvision's .pth of VGG-19 or VGG-16, or a Caffe-style .npz of VGG-16; see `wideopen.network.vgg`.
            The name of the file has to say which: `vgg16` or `vgg19`.

    Raises WeightsError if the file is missing, damaged or of another network.
    """

    def __init__(self, weights: Path) -> None:
        from wideopen.network.vgg import VGGFeatures

        self._network = VGGFeatures("vgg16" if "vgg16" in weights.name.lower() else "vgg19", weights).eval()
        self._map = Kept(self._compare)

    def __call__(self, x: Float32, y: Float32, weights: Float32 | None = None) -> float:
        """The distance; with HxW weights, averaged to the features' size, each feature counts that much."""
        check(x, y)
        return _average(self._map(x, y), weights)

    def _compare(self, x: Float32, y: Float32) -> Float32:
        import torch

        with torch.no_grad():
            a, b = (self._network(_planes(image))[0] for image in (x, y))
            return np.asarray((a - b).square().mean(0).numpy())


class LPIPS:
    """Learned perceptual distance of Zhang et al. 2018, AlexNet, version 0.1, by their own package `lpips`.

    The whole picture's number is the package's own, the form in published comparisons (each layer averaged at its own
    size). With weights it is the weighted mean of the package's map, layers enlarged to the picture's size, whose plain
    mean is a little another. AlexNet's weights come through torchvision, which fetches them once. Sides from 32 px on.

    Raises WeightsError, with the reason, if the package, torchvision or the weights cannot be had. There is no
    substitute: another network's number is not this number.
    """

    def __init__(self) -> None:
        try:
            import lpips

            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # It asks torchvision for weights in a way that has a newer one.
                self._network: Any = lpips.LPIPS(net="alex", version="0.1", verbose=False).eval()
        except Exception as error:  # torchvision beside another torch raises RuntimeError, a fetch URLError
            raise WeightsError(
                f"LPIPS: not available ({one_line(error)}); it needs the package lpips, a torchvision built for this "
                'PyTorch (run: pip install "wideopen[lpips]"), and AlexNet\'s weights, which that fetches once'
            ) from error
        self._map = Kept(self._compare)

    def __call__(self, x: Float32, y: Float32, weights: Float32 | None = None) -> float:
        """The distance; with HxW weights, the mean of its map so weighted."""
        check(x, y)
        return (
            float(self._compare(x, y, spatial=False)[0, 0]) if weights is None else _average(self._map(x, y), weights)
        )

    def _compare(self, x: Float32, y: Float32, spatial: bool = True) -> Float32:
        import torch

        self._network.spatial = spatial
        with torch.no_grad():
            return np.asarray(self._network(_planes(x), _planes(y), normalize=True)[0, 0].numpy())


class Kept:
    """A function of two arrays that keeps its last answer: a whole picture, its inside and its outside share a map."""

    def __init__(self, function: Callable[[Float32, Float32], Float32]) -> None:
        self._function = function
        self._last: tuple[Float32, Float32, Float32] | None = None

    def __call__(self, x: Float32, y: Float32) -> Float32:
        if self._last is None or self._last[0] is not x or self._last[1] is not y:
            self._last = (x, y, self._function(x, y))
        return self._last[2]


def _planes(image: Float32) -> "Tensor":
    import torch

    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)[None], np.float32))


def _average(values: Float32, weights: Float32 | None) -> float:
    if weights is None:
        return float(values.mean(dtype=np.float64))
    height, width = values.shape
    small = cv2.resize(np.ascontiguousarray(weights), (width, height), interpolation=cv2.INTER_AREA)
    total = float(small.sum(dtype=np.float64))
    return float((values * small).sum(dtype=np.float64)) / total if total > 0 else float("nan")
