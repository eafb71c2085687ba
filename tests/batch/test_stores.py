"""Photos and results behind URLs, with fsspec's store in memory for one that renames, and moto for one of objects."""

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest

from store import BUCKET, Store, served_store
from wideopen.batch.discover import find_photos, plan
from wideopen.batch.stores import Url, exists, files_below, place, read, what_is_there, write
from wideopen.errors import OutputError, PhotoError, StoreError

NAMES = ("a.jpg", "notes.txt", "summer/b.png", "summer/deep/c.jpg", "summer/.hidden/d.jpg", "out/a.jpg")


@pytest.fixture
def memory() -> Iterator[fsspec.AbstractFileSystem]:
    store = fsspec.filesystem("memory")
    for name in NAMES:
        store.pipe_file(f"/photos/{name}", name.encode())
    yield store
    store.rm("/photos", recursive=True)


@pytest.fixture(scope="module")
def s3() -> Iterator[Store]:
    with served_store() as store, pytest.MonkeyPatch.context() as patch:
        for name, value in store.environment.items():
            patch.setenv(name, value)
        yield store


def test_a_url_is_a_path_of_names() -> None:
    url = place("s3://bucket/summer/photo.one.jpg")
    assert isinstance(url, Url) and str(url) == "s3://bucket/summer/photo.one.jpg"
    assert (url.name, url.stem, url.suffix) == ("photo.one.jpg", "photo.one", ".jpg")
    assert str(url.with_name("x.png")) == "s3://bucket/summer/x.png" and str(url.parent) == "s3://bucket/summer"
    assert str(place("gs://bucket/") / Path("a", "b.jpg")) == "gs://bucket/a/b.jpg"
    assert place("file:///tmp/x.jpg") == Path("/tmp/x.jpg") and place("C:x.jpg") == Path("C:x.jpg")
    for text in ("s3://bucket//x.jpg", "hdfs:///x.jpg", "s3://bucket/./x.jpg"):
        with pytest.raises(StoreError, match="must be like"):
            place(text)


def test_names_find_what_they_would_in_folders(memory: fsspec.AbstractFileSystem, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "photos" / name).write_bytes(b"")
    for names, recursive in (("photos",), False), (("photos",), True), (("photos", "photos/summer"), True), (
        ("photos/a.jpg",), False), (("photos/**/*.jpg",), False), (("photos/*/*.png",), False):  # fmt: skip
        found = {}
        for root in ("memory://", f"{tmp_path}/"):
            given = find_photos([root + name for name in names], recursive, place(f"{root}photos/out"))
            jobs = plan(given, place(f"{root}photos/out"), "{stem}-x{suffix}")
            found[root] = [(str(job.photo).removeprefix(root), str(job.output).removeprefix(root)) for job in jobs]
        here, there = found.values()
        assert sorted(here) == sorted(there) and here, names
    with pytest.raises(PhotoError, match="memory://none: no photos in it"):
        find_photos(["memory://none"])


def test_a_store_that_renames_holds_whole_results_only(
    memory: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = place("memory://photos/out/new.jpg")
    write(result, b"one")
    assert read(result) == b"one" and exists(result)
    with pytest.raises(OutputError, match="memory://photos/out/new.jpg: exists already"):
        write(result, b"two")
    write(result, b"three", overwrite=True)

    def cut(store: fsspec.AbstractFileSystem, path: str, value: bytes, **more: object) -> None:
        store.store[path] = type(store.store["/photos/a.jpg"])(store, path, value[:2])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(type(memory), "pipe_file", cut)
    with pytest.raises(OutputError, match="No space left") as failed:
        write(result, b"four", overwrite=True)
    assert isinstance(failed.value.__cause__, OSError) and failed.value.__cause__.errno == 28
    assert read(result) == b"three" and memory.find("/photos/out") == ["/photos/out/a.jpg", "/photos/out/new.jpg"]


def test_a_store_of_objects_takes_each_once(s3: Store) -> None:
    result = place(f"s3://{BUCKET}/once/new.jpg")
    write(result, b"one")
    with pytest.raises(OutputError, match=r"once/new.jpg: exists already"):
        write(result, b"two")
    assert read(result) == b"one" and s3.uploads("once/") == {"once/new.jpg": 1}
    write(result, b"three", overwrite=True)
    assert read(result) == b"three" and s3.uploads("once/") == {"once/new.jpg": 2} and not s3.unfinished()
    with pytest.raises(PhotoError, match=r"once/none.jpg: no such file"):
        read(place(f"s3://{BUCKET}/once/none.jpg"))


def test_what_is_there_is_listed_once(s3: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    s3.put("listed/a.jpg", b"")
    there = what_is_there([place(f"s3://{BUCKET}/listed")])
    monkeypatch.setattr("wideopen.batch.stores.open_store", None)  # The store is not asked again.
    assert there(place(f"s3://{BUCKET}/listed/a.jpg")) and not there(place(f"s3://{BUCKET}/listed/b.jpg"))


def test_stores_that_cannot_be_had_are_one_line() -> None:
    with pytest.raises(StoreError, match="^nothing://x: cannot be opened"):
        files_below(place("nothing://x"))  # type: ignore[arg-type]
    with pytest.raises(OutputError, match="^nothing://x/a.jpg: cannot be opened"):
        write(place("nothing://x/a.jpg"), b"")
