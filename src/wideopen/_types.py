"""Array types, named once. Shapes, ranges and units stand in the docstrings of what takes and returns them."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Float = NDArray[Any]
"""float32; OpenCV's stubs promise no more than "a number"."""
Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Pixels = NDArray[Any]
"""uint8 or uint16; where a docstring says so, float32 in [0, 1], too."""
Uint8 = NDArray[np.uint8]
