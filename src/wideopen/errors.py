"""What can go wrong: every exception that this package raises on purpose, below `WideopenError`.

Every message is one line that says what is wrong with which file and what to do.
"""


class WideopenError(Exception):
    """Base of every error raised on purpose; the message is one line for a person."""


class PhotoError(WideopenError):
    """A photo cannot be read or is of no use."""


class DepthError(WideopenError):
    """A depth map cannot be read, or is of no use for the photo."""


class MatteError(WideopenError):
    """A matte cannot be read, or is of no use for the photo."""


class StrokesError(WideopenError):
    """Strokes cannot be read, or are of no use for the photo."""


class OutputError(WideopenError):
    """A result cannot be written, or would overwrite an existing file."""


class PairsError(WideopenError):
    """A set of training pairs is not what it says it is."""


class PresetError(WideopenError):
    """A file of presets has an unknown key or a value that makes no sense, or lacks the preset asked for."""


class RecipeError(WideopenError):
    """A recipe has an unknown key or a value that makes no sense."""


class ModelError(WideopenError):
    """A model file or checkpoint is missing, damaged or of another kind."""


class WeightsError(WideopenError):
    """Pretrained weights cannot be had."""


class StoreError(WideopenError):
    """A store of photos (s3://, gs://, ..) cannot be reached."""


class ClusterError(WideopenError):
    """A Ray cluster cannot be reached, or cannot do its work."""


class TrainingError(WideopenError):
    """Training cannot go on; the last good checkpoint is kept."""


class PreemptedError(TrainingError):
    """Training was asked to stop (SIGTERM); it can go on from its last checkpoint."""


class LoneError(TrainingError):
    """One process of several cannot go on, for a reason that the others do not know."""


def one_line(error: BaseException, most: int = 200) -> str:
    """What an error of another library says, which may run over many lines, on one of at most so many letters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= most else text[: most - 3] + "..."
