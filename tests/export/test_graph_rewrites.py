"""Rewritten kernels against PyTorch's own convolutions; whole graphs are compared in test_onnx_export.py."""

import pytest
import torch
from torch.nn.functional import conv2d, conv_transpose2d, pad

from wideopen.export.graph_rewrites import _conv_of_blocks, _up_to_blocks

pytestmark = pytest.mark.slow


def test_blocks() -> None:
    up, head, photo = torch.randn(5, 6, 3, 3), torch.randn(4, 6, 3, 3), torch.randn(1, 5, 7, 9)
    expected = conv2d(conv_transpose2d(photo, up, stride=2)[:, :, :-1, :-1], head, padding=1)
    blocks = conv2d(pad(photo, (1, 0, 1, 0)), torch.from_numpy(_up_to_blocks(up.numpy())))
    found = conv2d(blocks, torch.from_numpy(_conv_of_blocks(head.numpy())), padding=1)
    found = found.reshape(1, 2, 2, 4, 7, 9).permute(0, 3, 4, 1, 5, 2).reshape(1, 4, 14, 18)
    torch.testing.assert_close(found, expected, atol=1e-4, rtol=1e-4)
