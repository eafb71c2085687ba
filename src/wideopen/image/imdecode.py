"""OpenCV's decoder, for what Pillow keeps 8 bits of; what it would log about damaged files is for nobody's eyes."""

from threading import Lock
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

_ALONE = Lock()


def imdecode(data: bytes) -> NDArray[Any] | None:
    """HxW or HxWxC as the file holds it, BGR(A), not turned upright; None if OpenCV cannot read it."""
    coded = np.frombuffer(data, np.uint8)
    with _ALONE:  # The level is the process's.
        level = cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            return cv2.imdecode(coded, cv2.IMREAD_UNCHANGED)
        except cv2.error:
            return None
        finally:
            cv2.utils.logging.setLogLevel(level)
