"""Photos and results wherever they lie: in local folders, or in a store that fsspec knows by a URL (s3://, gs://, hdfs://).

A result appears whole or not at all. Object stores show an object when its upload is complete, and refuse a second one
of the same name where it is not to be replaced; elsewhere a part file is written beside it and renamed.
"""

import os
import re
import uuid
from collections.abc import Callable, Iterable
from pathlib import Path, PurePosixPath
from typing import Any

from wideopen.atomic_write import PART_PREFIX, PART_SUFFIX, make_folder, write_output
from wideopen.errors import OutputError, PhotoError, StoreError, one_line
from wideopen.photo.files import read_bytes

OBJECT_STORES = {"s3", "s3a", "gs", "gcs", "az", "abfs", "abfss", "oss", "oci"}
"""Protocols whose objects appear when they are complete."""
S3 = {"s3", "s3a"}
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.:-]+://")


class Url(PurePosixPath):
    """`s3://bucket/folder/photo.jpg`, with everything that a path says of names and folders."""

    def __str__(self) -> str:
        return super().__str__().replace(":/", "://", 1)


Place = Path | Url
"""Where a file lies."""


def is_url(text: str) -> bool:
    """Whether a name stands for something that is not a local file."""
    return _URL.match(text) is not None and not text.startswith("file://")


def place(text: str) -> Place:
    """A name as a place; StoreError for a URL that cannot be taken apart and put together again."""
    if not is_url(text):
        return Path(text.removeprefix("file://"))
    url = Url(text)
    if str(url) != text.rstrip("/"):
        raise StoreError(f"{text}: must be like s3://bucket/folder, without empty parts and dots")
    return url


def read(where: Place) -> bytes:
    """A photo's bytes; PhotoError, one line, if they cannot be had."""
    if isinstance(where, Path):
        return read_bytes(where)
    store, key = open_store(where)
    try:
        return bytes(store.cat_file(key))
    except FileNotFoundError:
        raise PhotoError(f"{where}: no such file") from None
    except Exception as error:  # Whatever the store's own library raises.
        raise PhotoError(f"{where}: cannot be read ({one_line(error, 300)})") from error


def exists(where: Place) -> bool:
    """Whether something lies there, a link that leads nowhere among them; StoreError if the store does not say."""
    if isinstance(where, Path):
        return os.path.lexists(where)
    store, key = open_store(where)
    try:
        return bool(store.exists(key))
    except Exception as error:
        raise StoreError(f"{where}: cannot be reached ({one_line(error, 300)})") from error


def write(where: Place, data: bytes, overwrite: bool = False) -> None:
    """Write a result, whole or not at all; OutputError, one line, if it is there already or cannot be written."""
    if isinstance(where, Path):
        write_output(where, data, overwrite)
        return
    try:
        store, key = open_store(where)
        if _protocol(where) in OBJECT_STORES:
            store.pipe_file(key, data, mode="overwrite" if overwrite else "create")
        else:
            _write_through_part(store, where, data, overwrite)
    except FileExistsError:
        raise OutputError(f"{where}: exists already; choose another name or overwrite it (--overwrite)") from None
    except StoreError as error:
        raise OutputError(str(error)) from error
    except Exception as error:
        reason = error if isinstance(error, OSError) else None  # Whether the disk is full is asked for.
        raise OutputError(f"{where}: cannot be written ({one_line(error, 300)})") from reason


def make_place(folder: Place) -> None:
    """Make a folder for results where folders have to be made; OutputError if none can be."""
    if isinstance(folder, Path):
        make_folder(folder)
    elif _protocol(folder) not in OBJECT_STORES:
        try:
            store, key = open_store(folder)
            store.makedirs(key, exist_ok=True)
        except Exception as error:
            raise OutputError(f"{folder}: cannot be written to ({one_line(error, 300)})") from error


def files_below(folder: Url, recursive: bool = True) -> list[Url]:
    """The files below a folder, sorted; none if there is no such folder. StoreError if the store does not answer."""
    store, key = open_store(folder)
    try:
        found = store.find(key, maxdepth=None if recursive else 1)
    except FileNotFoundError:
        return []
    except Exception as error:
        raise StoreError(f"{folder}: cannot be listed ({one_line(error, 300)})") from error
    start = key.rstrip("/") + "/"
    names = [name.removeprefix(start) for name in sorted(found) if name.startswith(start)]
    return [folder / name for name in names if _is_whole(name)]


def what_is_there(folders: Iterable[Place]) -> Callable[[Place], bool]:
    """`exists` for results below some folders: stores are asked for lists instead of name by name."""
    urls = [folder for folder in folders if isinstance(folder, Url)]
    known = {str(url) for folder in urls for url in files_below(folder)}
    roots = tuple(f"{folder}/" for folder in urls)

    def there(where: Place) -> bool:
        return str(where) in known if str(where).startswith(roots) else exists(where)

    return there if roots else exists


def open_store(url: Url) -> tuple[Any, str]:
    """The file system of a URL, and its name there.

    Raises:
        ModuleNotFoundError: no fsspec.
        StoreError: no such kind of store, or one that needs another package.
    """
    from fsspec.core import url_to_fs

    try:
        store, key = url_to_fs(str(url), use_listings_cache=False)
    except Exception as error:
        extra = (
            '; run: pip install "wideopen[cluster]"' if isinstance(error, ImportError) and _protocol(url) in S3 else ""
        )
        raise StoreError(f"{url}: cannot be opened ({one_line(error, 300)}){extra}") from error
    return store, str(key)


def _write_through_part(store: Any, url: Url, data: bytes, overwrite: bool) -> None:
    key, part = (
        store._strip_protocol(str(path))
        for path in (url, url.with_name(f"{PART_PREFIX}{uuid.uuid4().hex}{PART_SUFFIX}"))
    )
    try:
        store.pipe_file(part, data)
        if not overwrite and store.exists(key):
            raise FileExistsError
        store.mv(part, key)
    finally:
        if store.exists(part):
            store.rm_file(part)


def _protocol(url: Url) -> str:
    return str(url).partition("://")[0].lower()


def _is_whole(name: str) -> bool:
    """Whether a name can be kept as a path's parts: `a//b` is another object than `a/b`."""
    return str(PurePosixPath(name)) == name
