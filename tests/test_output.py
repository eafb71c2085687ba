"""Results are written whole or not at all."""

import os
from pathlib import Path

import pytest

from wideopen import atomic_write
from wideopen.atomic_write import check_output, clear_leftovers, make_folder, write_output
from wideopen.errors import OutputError


def test_writes_text_and_bytes_and_nothing_else(tmp_path: Path) -> None:
    write_output(tmp_path / "a.txt", "5 \N{MULTIPLICATION SIGN} 7\n")
    write_output(tmp_path / "b.bin", b"\x00\xff")
    assert (tmp_path / "a.txt").read_bytes() == b"5 \xc3\x97 7\n"
    assert (tmp_path / "b.bin").read_bytes() == b"\x00\xff"
    assert sorted(os.listdir(tmp_path)) == ["a.txt", "b.bin"]
    assert (tmp_path / "a.txt").stat().st_mode & 0o777 == 0o644


def test_overwrites_only_when_asked(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    write_output(path, "first")
    with pytest.raises(OutputError, match="exists already"):
        write_output(path, "second")
    assert path.read_text() == "first"
    write_output(path, "second", overwrite=True)
    assert path.read_text() == "second"


def test_places_that_cannot_take_a_file(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="no folder"):
        check_output(tmp_path / "gone" / "a.txt")
    with pytest.raises(OutputError, match="is a folder"):
        check_output(tmp_path, overwrite=True)


def test_a_write_that_fails_leaves_the_old_file_and_no_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.txt"
    write_output(path, "old")

    def full(source: str, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OutputError, match="No space left on device"):
        write_output(path, "new", overwrite=True)
    assert os.listdir(tmp_path) == ["a.txt"] and path.read_text() == "old"


@pytest.mark.parametrize("links", [True, False])
def test_what_another_process_wrote_meanwhile_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """The file comes up after it was looked for and before the part file gets its name."""
    path, open_part = tmp_path / "a.txt", atomic_write._open_part

    def slow(folder: Path) -> tuple[int, Path]:
        found = open_part(folder)
        path.write_text("theirs")
        return found

    def none(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(atomic_write, "_open_part", slow)
    if not links:  # As on FAT.
        monkeypatch.setattr(os, "link", none)
    with pytest.raises(OutputError, match="exists already"):
        write_output(path, "ours")
    assert path.read_text() == "theirs" and os.listdir(tmp_path) == ["a.txt"]


def test_without_hard_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def none(*_: object) -> None:
        raise OSError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", none)
    write_output(tmp_path / "a.txt", "text")
    assert (tmp_path / "a.txt").read_text() == "text" and os.listdir(tmp_path) == ["a.txt"]


def test_leftovers_are_cleared_and_work_in_hand_is_not(tmp_path: Path) -> None:
    pytest.importorskip("fcntl")
    (tmp_path / ".wideopen-x.part").write_bytes(b"half")
    (tmp_path / ".other.part").write_bytes(b"somebody else's")
    handle, alive = atomic_write._open_part(tmp_path)
    assert clear_leftovers(tmp_path) == 1
    assert set(os.listdir(tmp_path)) == {".other.part", alive.name}
    os.close(handle)  # As it is when its process is killed.
    assert clear_leftovers(tmp_path) == 1 and os.listdir(tmp_path) == [".other.part"]


def test_a_part_file_that_is_cleared_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")
    lock, cleared = fcntl.flock, []

    def late(handle: int, how: int) -> None:
        if not cleared:
            cleared.extend(tmp_path.iterdir())
            cleared[0].unlink()
        lock(handle, how)

    monkeypatch.setattr(fcntl, "flock", late)
    write_output(tmp_path / "a.txt", "text")
    assert cleared and (tmp_path / "a.txt").read_text() == "text" and os.listdir(tmp_path) == ["a.txt"]


def test_folders(tmp_path: Path) -> None:
    make_folder(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").is_dir() and not list((tmp_path / "a" / "b").iterdir())
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file: is a file, not a folder"):
        make_folder(tmp_path / "file")
    with pytest.raises(OutputError, match="cannot be written to"):
        make_folder(tmp_path / "file" / "below")
