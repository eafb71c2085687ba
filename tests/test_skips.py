"""Under CI a skipped test fails the run, unless its reason is known; the log says which processor it was."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from limits import HANG

pytestmark = pytest.mark.slow

TESTS = Path(__file__).parent
SKIPPED = """
import pytest
pytest.importorskip("{module}")
@pytest.mark.skipif(True, reason="{reason}")
def test_one(): ...
def test_two(): ...
"""


@pytest.mark.parametrize(
    ("reason", "module", "ci", "workers", "fails"),
    [
        ("needs a thing", "sys", "true", "0", True),
        ("needs a thing", "sys", "true", "1", True),
        ("needs a thing", "sys", "", "0", False),
        ("no mounting here: no", "sys", "true", "0", False),
        ("no mounting here: no", "no_such_module", "true", "1", True),
    ],
)
def test_a_skip_of_unknown_reason_fails(
    tmp_path: Path, reason: str, module: str, ci: str, workers: str, fails: bool
) -> None:
    (tmp_path / "conftest.py").write_text("from skips import *\n")
    (tmp_path / "test_some.py").write_text(SKIPPED.format(reason=reason, module=module))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "xdist", "-n", workers, str(tmp_path)]
    alone = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # Starting is all that takes time.
    environment = {**os.environ, **alone, "CI": ci, "PYTHONPATH": str(TESTS)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=HANG)
    assert "\nprocessor: " in done.stdout and "cores: " in done.stdout
    assert (done.returncode == 1) == fails, done.stdout
    told = "test_some.py: could not import" if module != "sys" else f"test_one: {reason}"
    assert (told in done.stdout) == fails
