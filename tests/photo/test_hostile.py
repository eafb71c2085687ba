"""Files cut short, made to hurt, or damaged at random: one clear line, no crash, no wrong picture, no full memory."""

import json
import os
import subprocess
import sys
import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hostile_files import FILES
from other_programs import CASES, Case
from wideopen import OutputError, PhotoError
from wideopen.photo.encode import FORMATS
from wideopen.photo.files import decode, to_bytes

pytestmark = pytest.mark.slow

MINUTES = float(os.environ.get("WIDEOPEN_FUZZ_MINUTES", "0"))
"""How long files are damaged at random; 0: a few seconds."""
KEEP = os.environ.get("WIDEOPEN_FUZZ_KEEP")
"""Where each file is put before it is opened, so that one that kills the process can be found."""


@pytest.mark.skipif(sys.platform != "linux", reason="memory is measured as Linux does")
def test_made_to_hurt() -> None:
    """No crash, at most 1.5 GiB, at most a minute of a processor's time: a second is usual, what grows as the
    square of a file takes hours."""
    script = Path(__file__).parents[1] / "hostile_files.py"
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert [name for name, *_ in found] == list(FILES)
    for name, said, seconds, gibibytes in found:
        assert not said.startswith("raised") and "\n" not in said, (name, said)
        assert said == "opened" or said.startswith(f"{name}: "), (name, said)
        assert seconds <= 60 and gibibytes <= 1.5, (name, seconds, gibibytes)
    bombs = {name: said for name, said, *_ in found if "13,000" in name or "60,000" in name}
    refused = [name for name, said in bombs.items() if "memory" in said or "large" in said]
    assert len(bombs) - 1 == len(refused) == 5, bombs


@pytest.mark.parametrize("case", CASES, ids=str)
def test_cut_anywhere(case: Case) -> None:
    """Refused, or nothing of the picture is missing (what is cut off lies behind it), or a notice says what is."""
    whole = original(case)
    expected = decode(whole)
    refused = 0
    for part in range(1, 20):
        try:
            found = decode(whole[: len(whole) * part // 20])
        except PhotoError as error:
            assert "\n" not in str(error)
            refused += 1
        else:
            if not any("rows are missing" in remark or "rows lack" in remark for remark in found.notices):
                np.testing.assert_array_equal(found.pixels, expected.pixels, err_msg=f"{part}/20")
            assert found.icc == expected.icc, "colours would be others"
    assert refused >= 5


def damaged(case: Case, seed: int) -> bytes:
    """A file with a few of its bytes changed, cut out, doubled, or taken from another file."""
    rng = np.random.default_rng(seed)
    data = bytearray(original(case))
    for _ in range(rng.integers(1, 6)):
        # Most of what can go wrong is said in the first bytes.
        end = max(1, len(data) if rng.random() < 0.4 else min(len(data), 600))
        at, length = int(rng.integers(0, end)), int(rng.integers(1, 40))
        kind = rng.integers(0, 7)
        if kind == 0 and data:
            data[at] ^= 1 << int(rng.integers(0, 8))
        elif kind == 1:
            data[at : at + 4] = rng.choice(EXTREMES)
        elif kind == 2:
            data[at : at + 2] = rng.bytes(2)
        elif kind == 3:
            del data[at : at + length]
        elif kind == 4:
            data[at:at] = data[at : at + length] * int(rng.integers(1, 5))
        elif kind == 5:
            other = original(CASES[int(rng.integers(0, len(CASES)))])
            start = int(rng.integers(0, len(other)))
            data[at : at + length] = other[start : start + length]
        else:
            del data[max(at, 1) :]
    return bytes(data)


EXTREMES = [b"\0\0\0\0", b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\xff\xff\xff\x7f", b"\x80\0\0\0", b"\1\0\0\0"]


@cache
def original(case: Case) -> bytes:
    return case.make()


def open_damaged(data: bytes) -> None:
    """Open it; if that succeeds, write it in its own format."""
    if KEEP:
        Path(KEEP).write_bytes(data)
    began = time.process_time()
    try:
        photo = decode(data)
        to_bytes(photo, photo.format if photo.format in FORMATS else "TIFF")
    except (PhotoError, OutputError) as error:
        assert "\n" not in str(error)
    assert time.process_time() - began < 5


@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(CASES), st.integers(0, 2**32 - 1))
def test_damaged_at_random(case: Case, seed: int) -> None:
    open_damaged(damaged(case, seed))


@pytest.mark.skipif(not MINUTES, reason="asked for by WIDEOPEN_FUZZ_MINUTES")
def test_damaged_at_random_for_long() -> None:
    end, rng = time.monotonic() + 60 * MINUTES, np.random.default_rng()
    while time.monotonic() < end:
        case, seed = CASES[int(rng.integers(0, len(CASES)))], int(rng.integers(0, 2**32))
        try:
            open_damaged(damaged(case, seed))
        except Exception as error:
            raise AssertionError(f"{case}, seed {seed}") from error
