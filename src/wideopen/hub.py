"""Models from the Hugging Face hub by name, fetched once and kept in its own cache.

`huggingface_hub`, of the extra `hub`, is imported when a name is first given.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from wideopen.errors import ModelError, one_line

PREFIX = "hf:"
"""How the name of a model on the hub begins."""


def is_hub_name(model: Path | str) -> bool:
    """Whether a model is named `hf:ORG/NAME` or `hf:ORG/NAME@REVISION`; anything else is a file."""
    return str(model).startswith(PREFIX)


def model_file(model: Path | str) -> Path:
    """The .onnx file of a model on the hub: `model.onnx`, or the only one that there is.

    `model`: `hf:ORG/NAME`, or `hf:ORG/NAME@REVISION`, a branch, tag or commit.

    Raises:
        ModelError: a name that is none, a repository without such a file, or the hub cannot be reached.
        ModuleNotFoundError: `huggingface_hub` is not installed.
    """
    folder = fetch(model, ["*.onnx"])
    files = sorted(folder.glob("*.onnx"))
    named = [path for path in files if path.name == "model.onnx"] or files
    if len(named) != 1:
        found = ", ".join(path.name for path in files) or "none"
        raise ModelError(f"{_said(model)}: has no model.onnx, nor one .onnx file alone (found: {found})")
    return named[0]


def held(model: Path | str, patterns: Sequence[str]) -> Path | None:
    """As `fetch`, but of this machine's cache alone: None if some pattern matches nothing there."""
    from huggingface_hub import snapshot_download

    with _without_bars(), suppress(Exception):  # Not there, or not whole: the hub has no common kind.
        kept = Path(str(snapshot_download(local_files_only=True, **_wanted(model, patterns))))
        if all(any(kept.glob(pattern)) for pattern in patterns):
            return kept
    return None


def fetch(model: Path | str, patterns: Sequence[str]) -> Path:
    """Folder with those files of a repository that match, from this machine's cache or, the first time, from the hub.

    What is in the cache is not looked for again, so rendering needs no network from then on; another revision is named.

    Args:
        model: as of `model_file`.
        patterns: names of files with wildcards; in the cache some file must match each.

    Raises ModelError and ModuleNotFoundError as `model_file` does.
    """
    from huggingface_hub import snapshot_download

    wanted = _wanted(model, patterns)
    if (kept := held(model, patterns)) is not None:
        return kept
    with _without_bars():
        try:
            return Path(str(snapshot_download(**wanted)))
        except Exception as error:
            raise ModelError(f"{_said(model)}: cannot be had from the hub ({_reason(error)})") from error


def _wanted(model: Path | str, patterns: Sequence[str]) -> dict[str, Any]:
    """What the hub's client is asked for; ModelError for a name that is none."""
    name, _, revision = _said(model).removeprefix(PREFIX).partition("@")
    if name.count("/") != 1 or not all(name.split("/")):
        raise ModelError(f"{_said(model)}: is no name on the hub; write hf:ORG/NAME or hf:ORG/NAME@REVISION")
    return {"repo_id": name, "revision": revision or None, "allow_patterns": list(patterns)}


def _said(model: Path | str) -> str:
    """The name as it was given: a path on Windows turns its slash round."""
    return model.as_posix() if isinstance(model, Path) else model


def _reason(error: Exception) -> str:
    """Why, in a few words."""
    from huggingface_hub.errors import (
        GatedRepoError,
        LocalEntryNotFoundError,
        RepositoryNotFoundError,
        RevisionNotFoundError,
    )

    if isinstance(error, GatedRepoError):
        return "its owner asks for terms to be accepted there, and for a login: hf auth login"
    if isinstance(error, RevisionNotFoundError):
        return "no such revision"
    if isinstance(error, RepositoryNotFoundError):
        return "no such repository, or a private one; hf auth login opens your own"
    if isinstance(error, LocalEntryNotFoundError):
        return "no network, and it was not fetched before; give the path of an .onnx file"
    return one_line(error)


@contextmanager
def _without_bars() -> Iterator[None]:
    """The hub's bars are not ours to show: a library never prints."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    shown = not are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if shown:
            enable_progress_bars()
