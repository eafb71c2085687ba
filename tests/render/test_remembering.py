"""Photos that are looked at again: what is kept, for how long, and that pictures are a renderer's own."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from conftest import draw_scene
from lens_models import build_lens_model
from wideopen import Renderer, RenderOptions
from wideopen.photo.photo import Photo
from wideopen.render.remembering import Memory, Photos, shrunk


def test_what_was_used_last_is_kept_up_to_so_many_bytes() -> None:
    memory, made = Memory(200), list[str]()

    def get(key: str, size: int = 100) -> int:
        return len(memory.get(key, lambda: made.append(key) or np.zeros(size, np.uint8)))

    for key in ("a", "b", "a", "c", "a", "b"):
        assert get(key) == 100
    assert made == ["a", "b", "c", "b"], "b made room for c"
    assert get("large", 201) == 201 and get("large") == 201, "the last one stays, however large"
    assert get("a") == 100 and made[-2:] == ["large", "a"]


def test_an_array_that_several_hold_counts_once() -> None:
    memory, shared, made = Memory(250), np.zeros(100, np.uint8), list[int]()
    for number in (0, 1, 2, 0):
        memory.get(number, lambda number=number: made.append(number) or SimpleNamespace(map=shared, rest=(shared, [1])))
    assert made == [0, 1, 2]
    exact, held = Memory(100), [shared, [shared, shared], (shared, "text", shared)]
    assert all(exact.get(number, lambda number=number: held[number]) is held[number] for number in (0, 1, 2, 0, 1, 2))
    assert exact.get(0, list) is shared and exact.get(1, list) is held[1], "all of them are 100 bytes, and fit"
    memory.get("more", lambda: SimpleNamespace(of=[np.zeros(151, np.uint8), {"a": 1}]))
    memory.get(0, lambda: made.append(0))
    assert made == [0, 1, 2, 0], "what is in lists and objects counts, too"


@pytest.mark.parametrize(("side", "size"), [(60, (45, 60)), (59, (44, 59)), (200, (45, 60))])
def test_a_photo_is_made_smaller_and_never_larger(side: int, size: tuple[int, int]) -> None:
    photo = Photo(np.zeros((45, 60, 3), np.uint8))
    assert shrunk(photo, side).pixels.shape[:2] == size and (shrunk(photo, side) is photo) == (side >= 60)


def test_pictures_are_a_renderer_s_own_and_the_network_runs_once(tmp_path: Path) -> None:
    model, path = build_lens_model(tmp_path / "lens.onnx"), tmp_path / "photo.png"
    Image.fromarray(draw_scene()).save(path)
    photos, ran = Photos(model, 1, 240, 1 << 28), list[int]()
    run = photos.engine._runtime.run
    photos.engine._runtime.run = lambda *given: ran.append(1) or run(*given)  # type: ignore[method-assign]
    for aperture in (float("inf"), 1.4, 2.8):
        options = RenderOptions(model=model, threads=1, aperture=aperture)
        np.testing.assert_array_equal(photos.draw(path, options, 240), Renderer(options).render(draw_scene()))
        assert len(ran) == (aperture != float("inf")), "nobody looks where nothing is blurred"
    opened = photos.open(path, options)
    assert opened.size == (240, 180) and opened.depth is None and opened.matte is None
    assert photos.draw(path, options, 120).shape == (90, 120, 3)


@pytest.mark.parametrize("side", [240, 120])
def test_photos_with_a_map_are_drawn_by_it(side: int, tmp_path: Path) -> None:
    """At whatever size, as one photo of that size with that map would be."""
    model, path, map = build_lens_model(tmp_path / "lens.onnx"), tmp_path / "photo.png", tmp_path / "map.npy"
    Image.fromarray(draw_scene()).save(path)
    disparity = np.linspace(0, 1, 180, dtype=np.float32)[:, None].repeat(240, 1)
    np.save(map, disparity)
    options = RenderOptions(model=model, threads=1, aperture=1.0, depth=str(map), focus="near")
    drawn = Photos(model, 1, 240, 1 << 28).draw(path, options, side)
    small = shrunk(Photo(draw_scene()), side).pixels
    given = np.ascontiguousarray(disparity[:: 240 // side, :: 240 // side])
    expected = Renderer(options).render(small, depth=given)
    assert np.abs(drawn.astype(int) - expected).mean() < 0.5 and np.abs(expected.astype(int) - small).mean() > 3
