"""What TensorBoard draws of a training, written without TensorFlow.

Where TensorFlow is installed, TensorBoard would import it to write its files: seconds and hundreds of megabytes
of every process, and a full disk would be an error of TensorFlow's own instead of an OSError.
"""

import sys
from types import ModuleType

from lightning.pytorch.loggers import TensorBoardLogger

# Where there is a module of this name, TensorBoard takes its own writer: see `tf` in tensorboard/compat/__init__.py.
sys.modules.setdefault("tensorboard.compat.notf", ModuleType("tensorboard.compat.notf"))


class EventLog(TensorBoardLogger):
    """Lightning's logger, through TensorBoard's own writer."""
