"""Install packages by uv, in a third of pip's time, from where pip is configured to look; by pip where uv cannot.

    .venv/bin/python tools/install.py OPTION... REQUIREMENT...

Options are those of `pip install`. uv reads neither pip.conf nor PIP_INDEX_URL and its like: the indexes, folders of
wheels and constraints named there are handed on, and as with pip the best version of all indexes is taken.
"""

import ast
import subprocess
import sys
from pathlib import Path

HANDED_ON = ("index-url", "extra-index-url", "find-links", "constraint")


def configured() -> list[str]:
    """What pip's files and environment say of `HANDED_ON`, as options."""
    said = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True)
    values = dict(line.split("=", 1) for line in said.stdout.splitlines())
    options = []
    for name in HANDED_ON:
        places = (f"{place}.{name}" for place in (":env:", "install", "global"))  # The first has the last word.
        value = next((values[place] for place in places if place in values), "''")
        options += [part for each in ast.literal_eval(value).split() for part in (f"--{name}", each)]
    return options


def main(arguments: list[str]) -> int:
    uv = [str(Path(sys.executable).with_name("uv")), "pip", "install", "--python", sys.executable, "--system-certs"]
    if subprocess.run([*uv, "-q", "--index-strategy", "unsafe-best-match", *configured(), *arguments]).returncode == 0:
        return 0
    print("uv could not install this: pip tries", file=sys.stderr)
    pip = [sys.executable, "-m", "pip", "install", "-q", "--no-compile", "--disable-pip-version-check"]
    return subprocess.run([*pip, *arguments]).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
