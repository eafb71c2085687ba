"""How far discs reach that a place must reckon with, against going through all of them."""

import numpy as np

from wideopen.lens.depth_lens import SMOOTH, SPREAD_LEVELS, _spread


def test_no_disc_that_reaches_a_place_is_larger_than_what_is_said_there() -> None:
    rng, scale = np.random.default_rng(2), 0.5
    largest = np.zeros((60, 90), np.float32)
    for row, column, radius in zip(
        rng.integers(0, 60, 12), rng.integers(0, 90, 12), rng.uniform(2, 30, 12), strict=True
    ):
        largest[row, column] = radius
    said = _spread(largest, scale)
    rows, columns = np.mgrid[:60, :90]
    needed, allowed = np.zeros_like(said), np.zeros_like(said)
    window = np.ceil(SMOOTH * largest.max() * scale)
    for row, column in np.argwhere(largest > 0):
        away = np.maximum(abs(rows - row), abs(columns - column))
        radius = largest[row, column]
        needed[away <= np.floor(radius * scale)] = np.maximum(needed, radius)[away <= np.floor(radius * scale)]
        # It rounds reaches up to one of its levels, and its mean takes in as much again on either side.
        reach = np.ceil((radius + largest.max() / SPREAD_LEVELS) * scale) + 2 * window
        allowed[away <= reach] = np.maximum(allowed, radius)[away <= reach]
    assert (said >= needed - 1e-3).all() and (said <= allowed + 1e-3).all()
    assert (said == 0).any() and (said > 0).any()
