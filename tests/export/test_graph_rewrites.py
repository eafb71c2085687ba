"""Rewritten kernels against PyTorch's own convolutions; whole graphs are compared in test_onnx_export.py."""

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d, pad

from wideopen.export.graph_rewrites import (
    _conv_of_blocks,
    _conv_of_pairs,
    _conv_to_pairs,
    _up_from_pairs,
    _up_to_blocks,
    _up_to_pairs,
)

pytestmark = pytest.mark.slow


def pairs(image: torch.Tensor) -> torch.Tensor:
    """[1, C, h, w] -> [1, 2 C, h, w / 2], columns side by side in the channels."""
    return torch.cat([image[..., 0::2], image[..., 1::2]], dim=1)


def test_blocks() -> None:
    up, head, photo = torch.randn(5, 6, 3, 3), torch.randn(4, 6, 3, 3), torch.randn(1, 5, 7, 9)
    expected = conv2d(conv_transpose2d(photo, up, stride=2)[:, :, :-1, :-1], head, padding=1)
    blocks = conv2d(pad(photo, (1, 0, 1, 0)), torch.from_numpy(_up_to_blocks(up.numpy())))
    found = conv2d(blocks, torch.from_numpy(_conv_of_blocks(head.numpy())), padding=1)
    found = found.reshape(1, 2, 2, 4, 7, 9).permute(0, 3, 4, 1, 5, 2).reshape(1, 4, 14, 18)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)


def test_pairs() -> None:
    """In, along and out of level 3, the middle one reading a concatenation of two."""
    into, along, out = torch.randn(3, 5, 3, 3), torch.randn(4, 5, 3, 3), torch.randn(4, 6, 3, 3)
    up, photo, small = torch.randn(7, 2, 3, 3), torch.randn(1, 5, 8, 12), torch.randn(1, 7, 4, 6)
    first, second = conv2d(photo, into, padding=1), conv_transpose2d(small, up, stride=2)[:, :, :-1, :-1]
    middle = conv2d(torch.cat([first, second], 1), along, padding=1)
    expected = conv_transpose2d(middle, out, stride=2)[:, :, :-1, :-1]

    first_pairs = conv2d(photo, torch.from_numpy(_conv_to_pairs(into.numpy())), padding=1, stride=(1, 2))
    second_pairs = conv_transpose2d(small, torch.from_numpy(_up_to_pairs(up.numpy())), stride=(2, 1))[:, :, :-1, :-1]
    torch.testing.assert_close(first_pairs, pairs(first), atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(second_pairs, pairs(second), atol=1e-4, rtol=1e-4)
    joined = torch.cat([first_pairs, second_pairs], 1)
    middle_pairs = conv2d(joined, torch.from_numpy(_conv_of_pairs(along.numpy(), (3, 2))), padding=1)
    torch.testing.assert_close(middle_pairs, pairs(middle), atol=1e-4, rtol=1e-4)
    kernel = torch.from_numpy(_up_from_pairs(out.numpy(), (4,)).copy())
    found = conv_transpose2d(middle_pairs, kernel, stride=(2, 4))[:, :, :-1, :-1]
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
