"""What names stand for, and where results go."""

import os
from pathlib import Path

import pytest

from wideopen.batch.discover import called_like_results, find_photos, plan
from wideopen.errors import OutputError, PhotoError

TREE = ("a.jpg", "B.PNG", "notes.txt", ".hidden.jpg", "sub/a.jpg", "sub/deep/c.webp", ".git/d.jpg", "other/a.jpg")


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in TREE:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("names", "recursive", "expected"),
    [
        (["photos/a.jpg"], False, {"photos/a.jpg": "a.jpg"}),
        (["photos/notes.txt"], False, {"photos/notes.txt": "notes.png"}),
        (["photos"], False, {"photos/a.jpg": "a.jpg", "photos/B.PNG": "B.PNG"}),
        (
            ["photos"],
            True,
            {
                "photos/a.jpg": "a.jpg",
                "photos/B.PNG": "B.PNG",
                "photos/sub/a.jpg": "sub/a.jpg",
                "photos/sub/deep/c.webp": "sub/deep/c.webp",
                "photos/other/a.jpg": "other/a.jpg",
            },
        ),
        (
            ["photos/sub", "photos/other"],
            True,
            {
                "photos/sub/a.jpg": "sub/a.jpg",
                "photos/sub/deep/c.webp": "sub/deep/c.webp",
                "photos/other/a.jpg": "other/a.jpg",
            },
        ),
        (["photos/*.jpg"], False, {"photos/a.jpg": "a.jpg"}),
        (
            ["photos/**/*.jpg"],
            False,
            {"photos/a.jpg": "a.jpg", "photos/sub/a.jpg": "sub/a.jpg", "photos/other/a.jpg": "other/a.jpg"},
        ),
        (["photos/[aB].*"], False, {"photos/a.jpg": "a.jpg", "photos/B.PNG": "B.PNG"}),
        (
            ["photos/a.jpg", "./photos/../photos/a.jpg", "photos"],
            False,
            {"photos/a.jpg": "a.jpg", "photos/B.PNG": "B.PNG"},
        ),
    ],
)  # fmt: skip
def test_names_and_the_tree_below_them(tree: Path, names: list[str], recursive: bool, expected: dict[str, str]) -> None:
    jobs = plan(find_photos(names, recursive), Path("out"))
    assert {str(job.photo): str(job.output) for job in jobs} == {key: f"out/{to}" for key, to in expected.items()}
    assert not any(job.fault for job in jobs)


def test_the_results_folder_is_not_searched(tree: Path) -> None:
    found = find_photos(["photos"], True, leave_out=Path("photos/sub"))
    assert {str(item.photo) for item in found} == {"photos/a.jpg", "photos/B.PNG", "photos/other/a.jpg"}
    found = find_photos(["photos/**/*.jpg"], leave_out=Path("photos/sub"))
    assert {str(item.photo) for item in found} == {"photos/a.jpg", "photos/other/a.jpg"}


def test_results_beside_photos_are_no_photos(tree: Path) -> None:
    for name in ("a-bokeh.jpg", "a-bokeh-before-after.jpg", "z-bokeh.jpg"):
        (tree / "photos" / name).write_bytes(b"")
    jobs = plan(find_photos(["photos"]))
    assert {job.photo.name: job.output.name for job in jobs} == {
        "a.jpg": "a-bokeh.jpg", "B.PNG": "B-bokeh.PNG", "z-bokeh.jpg": "z-bokeh-bokeh.jpg",
    }  # fmt: skip


def test_results_of_another_name_are_told_from_photos(tree: Path) -> None:
    for name in ("a-soft.jpg", "a-soft-2.png", "ab-soft.jpg", "sub-c.jpg"):
        (tree / "photos" / name).write_bytes(b"")
    jobs = plan(find_photos(["photos"], True), None, "{stem}-f2{suffix}")
    assert sorted(photo.name for photo in called_like_results(jobs)) == ["a-soft-2.png", "a-soft.jpg"]


def test_names_of_results(tree: Path) -> None:
    found = find_photos(["photos"], True)
    names = {str(job.output) for job in plan(found, Path("out"), "{folder} {stem}.png")}
    assert "out/sub/deep/deep c.png" in names and "out/photos a.png" in names
    assert {job.output.name for job in plan(found, None, None, ".png")} == {"a-bokeh.png", "B-bokeh.png", "c-bokeh.png"}
    assert plan([found[0]], None, "{stem}-x{suffix}")[0].output == Path("photos") / f"{found[0].photo.stem}-x.PNG"


@pytest.mark.parametrize(
    "pattern",
    ["{stem", "{}.jpg", "{name}.jpg", "{stem.__class__}.jpg", "{stem!r}.jpg", "{stem:>9}.jpg", "x/{stem}.jpg"]
    + ["same.jpg", "{stem}.xyz", "{stem}"],
)
def test_patterns_that_are_none(tree: Path, pattern: str) -> None:
    with pytest.raises(OutputError, match="--name"):
        plan(find_photos(["photos"]), None, pattern)


def test_two_photos_of_one_name_are_refused(tree: Path) -> None:
    found = find_photos(["photos/sub/a.jpg", "photos/other/a.jpg"])
    with pytest.raises(OutputError, match=r"photos/sub/a.jpg and photos/other/a.jpg would both become out/a.jpg"):
        plan(found, Path("out"))
    assert len({job.output for job in plan(found, Path("out"), "{folder}-{stem}{suffix}")}) == 2
    assert len({job.output for job in plan(found)}) == 2


def test_what_is_not_there(tree: Path) -> None:
    for name, says in (("none.jpg", "no such file"), ("", "no such file"), ("*.gif", "nothing is called like that")):
        with pytest.raises(PhotoError, match=says):
            find_photos([name])
    (tree / "empty").mkdir()
    with pytest.raises(PhotoError, match="empty: no photos in it; the folders in it are searched with --recursive"):
        find_photos(["empty"])
    with pytest.raises(PhotoError, match=r"empty: no photos in it \(nor any of the other 2\)"):
        find_photos(["empty", "none.jpg", "*.gif"], True)
    found = find_photos(["none.jpg", "photos/a.jpg", "empty"], True)
    assert [item.fault for item in found] == ["none.jpg: no such file", None, "empty: no photos in it"]


def test_links(tree: Path) -> None:
    """Links to files are photos, links to nowhere are told of, links to folders may go round and are not followed."""
    os.symlink("a.jpg", "photos/link.jpg")
    os.symlink("gone.jpg", "photos/broken.jpg")
    os.symlink("..", "photos/sub/round")
    names = {str(item.photo) for item in find_photos(["photos"], True)}
    assert len(names) == 7 and {"photos/link.jpg", "photos/broken.jpg"} <= names


def test_a_folder_as_its_own_result(tree: Path) -> None:
    os.symlink("photos", "same")
    for output in ("photos", "same"):
        with pytest.raises(OutputError, match="is the folder that"):
            plan(find_photos(["photos"]), Path(output))
    assert plan(find_photos(["photos"]), Path("photos"), "{stem}-soft{suffix}")
