import json
import os
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pair_sets import make_set, save, scene
from wideopen.errors import PairsError
from wideopen.pairs.pairs import (
    Pair,
    find_pairs,
    load_image,
    load_map,
    natural_key,
    read_exclude_list,
    scan_pairs,
    split_pairs,
)


def names(pairs: list[Pair]) -> list[str]:
    return [pair.name for pair in pairs]


def touch_set(root: Path, originals: list[str], targets: list[str] | None = None) -> Path:
    """Finding pairs must not open pictures, so empty files will do."""
    for folder, files in (("original", originals), ("bokeh", originals if targets is None else targets)):
        (root / folder).mkdir(parents=True, exist_ok=True)
        for file in files:
            (root / folder / file).touch()
    return root


def write_manifest(root: Path, rows: list[dict], name: str = "manifest.jsonl") -> Path:
    path = root / name
    path.write_text("\n".join(json.dumps(row) for row in rows))
    return path


# --- folders


def test_folders_are_paired_by_name_in_numeric_order(tmp_path: Path) -> None:
    root = touch_set(tmp_path, ["10.jpg", "9.jpg", "100.jpg", "a10.jpg", "a9.jpg", "notes.txt", ".hidden.jpg"])
    found = find_pairs(root)
    assert names(found) == ["9", "10", "100", "a9", "a10"]
    assert found[0] == Pair("9", root / "original" / "9.jpg", root / "bokeh" / "9.jpg")


def test_the_two_halves_may_differ_in_suffix(tmp_path: Path) -> None:
    (pair,) = find_pairs(touch_set(tmp_path, ["1.jpg"], ["1.PNG"]))
    assert pair.bokeh.name == "1.PNG"


def test_maps_beside_the_folders_are_found(tmp_path: Path) -> None:
    touch_set(tmp_path, ["1.jpg", "2.jpg"])
    for folder in ("matte", "sharp", "depth"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "1.png").touch()
    first, second = find_pairs(tmp_path)
    assert (first.matte, first.sharp, first.depth) == tuple(
        tmp_path / folder / "1.png" for folder in ("matte", "sharp", "depth")
    )
    assert (second.matte, second.sharp, second.depth) == (None, None, None)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [(r"IMG_(\d+)_", ["7", "12"]), (r"^IMG_\d+", ["IMG_7", "IMG_12"]), (r"_7_", ["_7_"])],
)
def test_a_patterns_first_group_or_whole_match_is_the_name(tmp_path: Path, pattern: str, expected: list[str]) -> None:
    touch_set(tmp_path, ["IMG_7_f16.jpg", "IMG_12_f16.jpg", "x.jpg"], ["IMG_7_f18.jpg", "IMG_12_f18.jpg", "y.jpg"])
    assert names(find_pairs(tmp_path, pattern=pattern)) == expected


def test_train_and_test_below_a_root(tmp_path: Path) -> None:
    touch_set(tmp_path / "train", ["1.jpg", "2.jpg"])
    touch_set(tmp_path / "test", ["3.jpg"])
    assert names(find_pairs(tmp_path)) == ["1", "2"]
    assert names(find_pairs(tmp_path, split="train")) == ["1", "2"]
    assert names(find_pairs(tmp_path, split="test")) == ["3"]


@pytest.mark.slow
def test_val294_and_train4400_part_ebb(tmp_path: Path) -> None:
    root = touch_set(tmp_path / "train", [f"{i}.jpg" for i in range(4694)]).parent
    held = find_pairs(root, split="val294")
    rest = find_pairs(root, split="train4400")
    assert names(held) == [str(i) for i in range(4400, 4694)]
    assert names(rest) == [str(i) for i in range(4400)]


@pytest.mark.parametrize(
    ("originals", "targets", "said"),
    [
        (["1.jpg", "2.jpg"], ["1.jpg"], "'2': no file in .*bokeh"),
        (["1.jpg"], ["1.jpg", "3.jpg", "4.jpg"], r"'3': no file in .*original \(and 1 more\)"),
        (["1.jpg"], ["2.jpg"], "'1'"),
        ([], [], "no pairs are left"),
        (["1.jpg", "1.png"], ["1.jpg"], "both pair '1'"),
    ],
)
def test_half_pairs_are_refused(tmp_path: Path, originals: list[str], targets: list[str], said: str) -> None:
    with pytest.raises(PairsError, match=said) as caught:
        find_pairs(touch_set(tmp_path, originals, targets))
    assert str(tmp_path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_half_pairs_are_reported_by_a_scan(tmp_path: Path) -> None:
    scan = scan_pairs(touch_set(tmp_path, ["1.jpg", "2.jpg"], ["1.jpg", "10.jpg", "3.jpg"]))
    assert names(scan.pairs) == ["1"]
    assert list(scan.unmatched) == ["2", "3", "10"]


def test_what_is_no_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match="no such folder"):
        find_pairs(tmp_path / "nowhere")
    with pytest.raises(PairsError, match="no folder original/"):
        find_pairs(tmp_path)
    (tmp_path / "original").mkdir()
    with pytest.raises(PairsError, match="no folder bokeh/"):
        find_pairs(tmp_path)


def test_wrong_options_are_refused(tmp_path: Path) -> None:
    touch_set(tmp_path, ["one.jpg"])
    with pytest.raises(PairsError, match="unknown split 'val'"):
        find_pairs(tmp_path, split="val")
    with pytest.raises(PairsError, match="no folder test/"):
        find_pairs(tmp_path, split="test")
    with pytest.raises(PairsError, match="'one' is no number"):
        find_pairs(tmp_path, split="val294")
    with pytest.raises(PairsError, match="not a regular expression"):
        find_pairs(tmp_path, pattern="(")
    with pytest.raises(PairsError, match="no pairs are left"):
        find_pairs(tmp_path, pattern="zzz")


# --- exclude lists


def test_excluded_names_are_left_out_even_half_pairs(tmp_path: Path) -> None:
    touch_set(tmp_path, ["1.jpg", "2.jpg", "3.jpg", "4.jpg"], ["1.jpg", "3.jpg", "4.jpg"])
    list_file = tmp_path / "bad.txt"
    list_file.write_text("# heading\n\n2  # has no target\n  4\nnot there\n#3\n")
    assert read_exclude_list(list_file) == {"2", "4", "not there"}
    assert names(find_pairs(tmp_path, exclude=list_file)) == ["1", "3"]


def test_exclude_lists_that_cannot_be_used_are_refused(tmp_path: Path) -> None:
    touch_set(tmp_path, ["1.jpg"])
    with pytest.raises(PairsError, match="cannot read this exclude list"):
        find_pairs(tmp_path, exclude=tmp_path / "none.txt")
    (tmp_path / "all.txt").write_text("1\n")
    with pytest.raises(PairsError, match="no pairs are left"):
        find_pairs(tmp_path, exclude=tmp_path / "all.txt")


# --- manifests


def test_json_lines_manifest(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "m.png", "s.png", "d.png"):
        (tmp_path / name).touch()
    full = {
        "name": "two", "original": "a.jpg", "bokeh": "b.jpg", "matte": "m.png", "sharp": "s.png", "depth": "d.png",
        "aperture": 2.8, "focus": [0.25, 0.5], "lens": {"kept": True},
    }  # fmt: skip
    path = write_manifest(tmp_path, [full, {"original": "a.jpg", "bokeh": "b.jpg", "focus": None}])
    a, b = tmp_path / "a.jpg", tmp_path / "b.jpg"
    maps = {"depth": tmp_path / "d.png", "matte": tmp_path / "m.png", "sharp": tmp_path / "s.png"}
    expected = [Pair("a", a, b), Pair("two", a, b, **maps, aperture=2.8, focus=(0.25, 0.5))]
    assert find_pairs(tmp_path) == expected
    assert find_pairs(path) == expected


def test_csv_manifest(tmp_path: Path) -> None:
    for name in ("a.jpg", "b.jpg", "m.png"):
        (tmp_path / name).touch()
    (tmp_path / "manifest.csv").write_text(
        "name,original,bokeh,matte,aperture,focus,note\n"
        '1,a.jpg,b.jpg,m.png,1.8,0.5 0.25,"hello, you"\n'
        '2,a.jpg,b.jpg,,,"[0.1, 0.2]",\n'
    )
    one, two = find_pairs(tmp_path)
    assert (one.matte, one.aperture, one.focus) == (tmp_path / "m.png", 1.8, (0.5, 0.25))
    assert (two.matte, two.aperture, two.focus) == (None, None, (0.1, 0.2))


def test_a_manifest_goes_before_folders_and_takes_splits(tmp_path: Path) -> None:
    touch_set(tmp_path / "train", ["4399.jpg", "4400.jpg", "other.jpg"])
    row = {"original": "original/4400.jpg", "bokeh": "bokeh/4400.jpg"}
    write_manifest(tmp_path / "train", [row, {**row, "name": 4399}])
    assert names(find_pairs(tmp_path)) == ["4399", "4400"]
    assert names(find_pairs(tmp_path, split="val294")) == ["4400"]
    assert names(find_pairs(tmp_path / "train", split="train4400")) == ["4399"]


GOOD = {"name": "1", "original": "a.jpg", "bokeh": "a.jpg"}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([{"name": "1", "original": "a.jpg"}], "line 1: 'bokeh' must be the path"),
        ([{**GOOD, "bokeh": 3}], "line 1: 'bokeh' must be the path"),
        ([GOOD, {**GOOD, "name": "1"}], "line 2: a second pair named '1'"),
        ([{**GOOD, "name": ["x"]}], "'name' must be a word"),
        ([{**GOOD, "aperture": "wide"}], "'aperture' must be a number"),
        ([{**GOOD, "aperture": 0}], "'aperture' must be an f-number above 0"),
        ([{**GOOD, "focus": [0.5]}], "'focus' must be 2 numbers"),
        ([{**GOOD, "focus": [0.5, 400]}], "'focus' must be x and y as shares"),
        ([{**GOOD, "matte": "gone.png"}], "'1': no file .*gone.png"),
        ([{**GOOD, "original": "gone.jpg"}], "'1': no file .*gone.jpg"),
        ([], "no pairs are left"),
        (["text"], "line 1: must be an object"),
    ],
)
def test_damaged_manifests_name_line_and_fault(tmp_path: Path, rows: list, said: str) -> None:
    (tmp_path / "a.jpg").touch()
    path = write_manifest(tmp_path, rows)
    with pytest.raises(PairsError, match=said) as caught:
        find_pairs(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("m.jsonl", b'{"name": ', "line 1: not valid JSON"),
        ("m.jsonl", b"\xff\xfe\x00", "cannot read this manifest"),
        ("m.csv", b"name,original,bokeh\n1,a.jpg\n", "line 2: fewer values"),
        ("m.csv", b"name,original,bokeh\n1,a.jpg,a.jpg,more\n", "line 2: more values"),
        ("m.yaml", b"", "must end in .jsonl or .csv"),
    ],
)
def test_files_that_are_no_manifest(tmp_path: Path, name: str, data: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(PairsError, match=said):
        find_pairs(tmp_path / name)


# --- splitting


def test_split_is_deterministic_whatever_the_order(tmp_path: Path) -> None:
    pairs = [Pair(f"n{i}", tmp_path, tmp_path) for i in range(100)]
    training, validation = split_pairs(pairs, 0.2, seed=3)
    assert len(validation) == 20
    assert sorted(names(training) + names(validation)) == sorted(names(pairs))
    assert training == sorted(training, key=pairs.index)
    again = split_pairs(pairs[::-1], 0.2, seed=3)
    assert {p.name for p in again[1]} == {p.name for p in validation}
    assert {p.name for p in split_pairs(pairs, 0.2, seed=4)[1]} != {p.name for p in validation}
    assert split_pairs(pairs, 0.2, seed=-1)


def test_split_keeps_pairs_of_one_photo_together(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"x")
    rows = [{"name": f"p{i}" + (f"-{k}" if k else ""), "index": k} for i in range(10) for k in range(3)]
    lines = [json.dumps({**row, "original": "a.jpg", "bokeh": "a.jpg"}) for row in rows]
    (tmp_path / "manifest.jsonl").write_text("\n".join(lines))
    pairs = find_pairs(tmp_path / "manifest.jsonl")
    training, validation = split_pairs(pairs, 0.2, seed=3)
    held = {name.split("-")[0] for name in names(validation)}
    assert len(validation) == 6 and len(held) == 2
    assert not held & {name.split("-")[0] for name in names(training)}
    training, validation = split_pairs(pairs[:3], 0.2, seed=3)
    assert (len(training), len(validation)) == (2, 1)  # One photo cannot be on both sides whole.


@pytest.mark.parametrize(("count", "share", "held"), [(2, 0.01, 1), (2, 0.99, 1), (10, 0.05, 1), (10, 0.999, 9)])
def test_split_leaves_at_least_one_on_each_side(tmp_path: Path, count: int, share: float, held: int) -> None:
    pairs = [Pair(str(i), tmp_path, tmp_path) for i in range(count)]
    training, validation = split_pairs(pairs, share, 0)
    assert (len(training), len(validation)) == (count - held, held)


def test_split_refuses_what_it_cannot_split(tmp_path: Path) -> None:
    with pytest.raises(PairsError, match="cannot be split"):
        split_pairs([Pair("1", tmp_path, tmp_path)], 0.5, 0)
    with pytest.raises(ValueError, match="share"):
        split_pairs([Pair(str(i), tmp_path, tmp_path) for i in range(2)], 1.0, 0)


def test_natural_key_orders_mixed_names() -> None:
    wanted = ["1", "2", "10", "a", "a2", "a10", "b1"]
    assert sorted(reversed(wanted), key=natural_key) == wanted


# --- reading pictures


def test_pictures_are_rgb_and_upright(tmp_path: Path) -> None:
    picture = scene(0, 40, 64)
    path = tmp_path / "turned.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(picture).save(path, quality=98, subsampling=0, exif=exif)
    loaded = load_image(path)
    assert loaded.dtype == np.uint8
    assert loaded.shape == (64, 40, 3)
    assert np.abs(loaded.astype(int) - np.rot90(picture, -1)).mean() < 6
    assert load_map(path).shape == (64, 40)


def test_png_alpha_and_sixteen_bits_become_rgb(tmp_path: Path) -> None:
    picture = scene(0, 32, 32)
    Image.fromarray(np.dstack([picture, np.full((32, 32), 9, np.uint8)])).save(tmp_path / "a.png")
    np.testing.assert_array_equal(load_image(tmp_path / "a.png"), picture)
    Image.fromarray((np.arange(1024).reshape(32, 32) * 64).astype(np.uint16)).save(tmp_path / "d.png")
    np.testing.assert_array_equal(load_map(tmp_path / "d.png"), (np.arange(1024).reshape(32, 32) * 64) // 256)


def jpeg_with_thumbnail(path: Path) -> bytes:
    """A JPEG whose header holds another, with an end marker of its own."""
    small = save(path.parent / "thumb.jpg", scene(1, 24, 32)).read_bytes()
    exif = b"Exif\x00\x00" + small
    data = save(path, scene(0, 96, 128)).read_bytes()
    return data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]


def test_a_whole_jpeg_with_thumbnail_and_trailing_bytes_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(jpeg_with_thumbnail(path) + b"\x00" * 100)
    assert load_image(path).shape == (96, 128, 3)


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
@pytest.mark.parametrize("kind", ["jpg", "thumbnail", "png"])
def test_pictures_cut_short_are_refused(tmp_path: Path, share: float, kind: str) -> None:
    path = tmp_path / ("a.png" if kind == "png" else "a.jpg")
    whole = jpeg_with_thumbnail(path) if kind == "thumbnail" else save(path, scene(0, 96, 128)).read_bytes()
    header = len(whole) - 5000 if kind == "thumbnail" else 0
    path.write_bytes(whole[: header + int(share * (len(whole) - header))])
    with pytest.raises(PairsError, match=re.escape(str(path)) + ": the picture is cut short"):
        load_image(path)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "is empty"),
        (b"just text\n" * 20, "not a picture"),
        (b"\xff\xd8\xff\xd9", "not a picture"),
        (None, "No such file"),
    ],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, data: bytes | None, said: str) -> None:
    path = tmp_path / "a.jpg"
    if data is not None:
        path.write_bytes(data)
    with pytest.raises(PairsError, match=f"a.jpg: .*{said}"):
        load_image(path)


def test_a_real_set_from_disk(tmp_path: Path) -> None:
    root = make_set(tmp_path, ["1", "2"])
    for pair in find_pairs(root):
        assert load_image(pair.original).shape == load_image(pair.bokeh).shape == (96, 128, 3)
    assert os.path.relpath(find_pairs(root)[0].original, root) == os.path.join("original", "1.jpg")
