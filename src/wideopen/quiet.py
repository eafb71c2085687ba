"""Other packages' warnings about files, kept from people who can do nothing about them."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

_ALONE = RLock()


@contextmanager
def quietly() -> Iterator[None]:
    """Ignore warnings, one thread at a time: the filters are the process's, and threads would mix them up for good."""
    with _ALONE, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
