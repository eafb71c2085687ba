"""Results are written whole or not at all."""

import os
from pathlib import Path

import pytest

from wideopen.errors import OutputError
from wideopen.output import check_output, write_output


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
