"""What a sample of a made pair holds beside photo and target: where things are.

Places are told with the photo's own subject in focus, whatever the target was focused on: they then depend on the photo
alone, and every other focus is a shift of them, `focus`.
"""

import numpy as np

from wideopen._types import Float
from wideopen.pairs.augment import Crop
from wideopen.pairs.pair_scene import PairScene
from wideopen.pairs.pairs import Pair


def scene_sample(pair: Pair, scene: PairScene, crop: Crop, goal: int) -> dict[str, Float]:
    """What a lens head has to say of one sample, and what the lens needs to draw the target from it.

    Returns:
        `matte`, `relative` and `standing` [1, goal, goal], the latter two means over what is not the subject; `blur`
        [1], blur radius for each unit of relative disparity as a share of the sample's side; `focus` [1], relative
        disparity of what the target is focused on.
    """
    assert pair.shot is not None
    height, width = crop.frame
    rest = 1.0 - scene.subject
    matte, share, relative, standing = (
        crop.apply(np.ascontiguousarray(plane), goal)  # type: ignore[arg-type]
        for plane in (scene.subject, rest, rest * scene.relative, rest * scene.standing)
    )
    zoom = min(height, width) / min(crop.width, crop.height)
    return {
        "matte": matte.clip(0.0, 1.0).astype(np.float32)[None],  # Means by area overshoot by rounding.
        "relative": (relative / np.maximum(share, 1e-3)).astype(np.float32)[None],
        "standing": (standing / np.maximum(share, 1e-3)).clip(0.0, 1.0).astype(np.float32)[None],
        "blur": np.array([scene.blur(pair.shot) * zoom], np.float32),
        "focus": np.array([scene.focus(pair.shot)], np.float32),
    }
