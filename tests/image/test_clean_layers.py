"""A photo taken apart: colours of subject and background against those that it was put together from."""

import cv2
import numpy as np

from wideopen.image.clean_layers import clean_layers

HEIGHT, WIDTH = 240, 320


def layers() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """A red subject with a soft rim of 20 px before a green ground, each with slow texture of its own."""
    rng = np.random.default_rng(0)
    soft = cv2.GaussianBlur(rng.random((HEIGHT, WIDTH)).astype(np.float32), (0, 0), 12)[..., None] * 2
    front = np.concatenate([0.3 + soft * 0.3, soft * 0.1, soft * 0.1], axis=2)
    back = np.concatenate([soft * 0.1, 0.3 + soft * 0.3, soft * 0.2], axis=2)
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    opacity = ((80 - np.hypot(rows - 120, columns - 160)) / 20 + 0.5).clip(0, 1)
    return front.astype(np.float32), back.astype(np.float32), opacity.astype(np.float32)


def test_colours_are_those_that_were_mixed() -> None:
    front, back, opacity = layers()
    light = opacity[..., None] * front + (1 - opacity[..., None]) * back
    found, behind = clean_layers(light, opacity)
    rim = (opacity > 0.1) & (opacity < 0.9)
    own, estimated = (np.abs(x - front)[rim].mean() for x in (light, found))
    assert estimated < 0.15 * own
    assert np.abs(behind - back)[rim].mean() < 0.35 * np.abs(light - back)[rim].mean()
    assert np.abs(behind - back)[opacity == 1].mean() < 0.05, "filled in from around"
    assert np.array_equal(found[opacity == 1], light[opacity == 1])
    assert np.array_equal(behind[opacity == 0], light[opacity == 0])
    laid = opacity[..., None] * found + (1 - opacity[..., None]) * behind
    assert np.abs(laid - light).mean() < 5e-3


def test_all_and_nothing() -> None:
    front, _, _ = layers()
    for value in (0.0, 1.0):
        found, behind = clean_layers(front, np.full((HEIGHT, WIDTH), value, np.float32))
        assert np.isfinite(found).all() and np.isfinite(behind).all()
        assert np.array_equal(found if value else behind, front)
