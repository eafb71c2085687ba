"""A small picture enlarged strip by strip, with the bicubic weights of OpenCV.

    along rows    a matrix of weights times groups of source rows, a few columns of the result at a time
    across rows   four weights times four source rows, one row of the result at a time

Groups begin at the same source rows whatever strip asks for them, so a row comes out the same, to the last bit, in
whatever strip it lies.
"""

import numpy as np

from wideopen._types import Float

GROUP_ROWS, BLOCK_COLUMNS = 4, 64
"""Source rows and columns of the result in one product of matrices: small enough to stay in the processor's cache, and
for linear algebra libraries to start no threads for."""


class Enlargement:
    """Planes of a picture at a larger size, worked out where they are asked for.

    Args:
        planes: hxCxw float32.
        height, width: of the result.
    """

    def __init__(self, planes: Float, height: int, width: int) -> None:
        rows, channels, columns = planes.shape
        # The first and last pixels of the result take two rows from beyond the border.
        padded = np.pad(planes, ((2, 2 + -(rows + 4) % GROUP_ROWS), (0, 0), (0, 0)), mode="edge")
        self._groups = padded.reshape(-1, GROUP_ROWS * channels, columns)
        self._shape, self._rows, self.scale = (height, channels, width), rows, height / rows
        first, weights = _places(0, width, width, columns)
        self._blocks = []
        for left in range(0, width, BLOCK_COLUMNS):
            part = slice(left, min(left + BLOCK_COLUMNS, width))
            sources = (first[part, None] + np.arange(4)).clip(0, columns - 1)
            start, stop = int(sources[0, 0]), int(sources[-1, -1]) + 1
            matrix = np.zeros((stop - start, len(sources)), np.float32)
            np.add.at(matrix, (sources - start, np.arange(len(sources))[:, None]), weights[part])
            self._blocks.append((slice(start, stop), part, matrix))

    def rows(self, top: int, count: int) -> Float:
        """Rows `top` .. `top + count` of the result, count x C x width float32."""
        height, channels, width = self._shape
        first, weights = _places(top, top + count, height, self._rows)
        first += 2
        start, stop = first[0] // GROUP_ROWS, (first[-1] + 3) // GROUP_ROWS + 1
        wide = np.empty((stop - start, GROUP_ROWS * channels, width), np.float32)
        for group, source in zip(wide, self._groups[start:stop], strict=True):
            for there, part, matrix in self._blocks:
                np.matmul(source[:, there], matrix, out=group[:, part])
        along = wide.reshape(-1, channels * width)
        enlarged = np.empty((count, channels * width), np.float32)
        for row, source in enumerate(first - start * GROUP_ROWS):
            np.dot(weights[row], along[source : source + 4], out=enlarged[row])
        return enlarged.reshape(count, channels, width)


def _places(start: int, stop: int, size: int, source: int) -> tuple[Float, Float]:
    """For pixels `start` .. `stop` of `size`: the first of the four of `source` pixels that each is made of, and their
    weights, Nx4: Keys' cubic convolution with a = -0.75, OpenCV's."""
    centres = (np.arange(start, stop) + 0.5) * (source / size) - 0.5
    before = np.floor(centres)
    a, x = np.float32(-0.75), (centres - before).astype(np.float32)
    near = [((a + 2) * t - (a + 3)) * t * t + 1 for t in (x, 1 - x)]
    first = ((a * (x + 1) - 5 * a) * (x + 1) + 8 * a) * (x + 1) - 4 * a
    weights = np.stack([first, *near, 1 - first - near[0] - near[1]], axis=1).astype(np.float32)
    return before.astype(np.intp) - 1, weights
