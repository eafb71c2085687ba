"""How many bits values are computed in."""

import torch
from torch import Tensor


def at_least_32(x: Tensor) -> Tensor:
    """The same values in float32, or in float64 if they have it: a loss in bf16 would drown in rounding."""
    return x.to(torch.promote_types(x.dtype, torch.float32))
