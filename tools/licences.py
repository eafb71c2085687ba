"""Write docs/licences.md: the licences of all that wideopen needs, and of the weights that it ships or fetches.

    python tools/licences.py          write it anew
    python tools/licences.py --check  exit code 1 if it is not as it would be written

Run in the environment for development (`make licences`), which has every extra. Licences are read from the metadata of
the packages installed there; what that does not say is in licences.toml.
"""

import sys
import tomllib
from collections import defaultdict
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
TOOLS = {"dev", "docs", "release"}
"""Extras that no user installs."""
SPDX = {
    "apache 2.0": "Apache-2.0", "apache license 2.0": "Apache-2.0", "apache software license": "Apache-2.0",
    "apache-2.0 license": "Apache-2.0", "apache 2.0 license": "Apache-2.0",
    "apache": "Apache-2.0", "mit license": "MIT", "mit": "MIT",
    "bsd license": "BSD", "bsd": "BSD", "bsd-3-clause license": "BSD-3-Clause", "3-clause bsd license": "BSD-3-Clause",
    "new bsd": "BSD-3-Clause", "bsd 3-clause": "BSD-3-Clause", "isc license (iscl)": "ISC",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0", "python software foundation license": "PSF-2.0",
}  # fmt: skip


def licence_of(name: str, facts: metadata.PackageMetadata | None, by_hand: dict[str, str]) -> str:
    """An SPDX expression where the package gives one, else what its classifiers or its short `License` field say."""
    if name in by_hand:
        return by_hand[name]
    if facts is None:
        raise SystemExit(f"{name}: not installed here; name its licence in tools/licences.toml")
    classifiers = [line.rpartition(" :: ")[2] for line in facts.get_all("Classifier") or [] if line.startswith("Lic")]
    if expression := facts.get("License-Expression"):
        return str(expression)
    for said in (*classifiers, (facts.get("License") or "").partition("\n")[0]):
        if said and len(said) < 60 and said != "OSI Approved":
            return SPDX.get(said.lower(), said)
    raise SystemExit(f"{name}: its metadata name no licence; name it in tools/licences.toml")


def distribution(name: str) -> metadata.Distribution | None:
    """A package installed here, or None."""
    try:
        return metadata.distribution(name)
    except metadata.PackageNotFoundError:
        return None


def needed(requirements: list[Requirement], extra: str = "") -> dict[str, bool]:
    """Names of all packages that requirements lead to, and whether each is named directly."""
    found: dict[str, bool] = {}
    waiting = [(requirement, extra, True) for requirement in requirements]
    while waiting:
        requirement, wanted, direct = waiting.pop(0)
        if requirement.marker and not requirement.marker.evaluate({"extra": wanted}):
            continue
        name = canonicalize_name(requirement.name)
        if name in found or name == "wideopen":
            continue
        found[name] = direct
        package = distribution(name)
        for line in (package.requires or []) if package else []:
            waiting += [(Requirement(line), own, False) for own in (*requirement.extras, "")]
    return found


def rows() -> list[tuple[str, str, str, str, bool]]:
    """(package, licence, what brings it, what is inside, whether named directly) in order of importance."""
    notes = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    by_hand = {canonicalize_name(name): text for name, text in notes["licence"].items()}
    inside = {canonicalize_name(name): text for name, text in notes["inside"].items()}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    groups = {"core": project["dependencies"], **project["optional-dependencies"]}
    brought: dict[str, list[str]] = defaultdict(list)
    direct: dict[str, bool] = defaultdict(bool)
    for group, lines in groups.items():
        if group in TOOLS:
            continue
        for name, named in needed([Requirement(line) for line in lines]).items():
            brought[name].append(group)
            direct[name] |= named
    found = []
    for name, by in brought.items():
        package = distribution(name)
        licence = licence_of(name, package.metadata if package else None, by_hand)
        by = ["core"] if "core" in by else by
        found.append((name, licence, ", ".join(by), inside.get(name, ""), direct[name]))
    return sorted(found, key=lambda row: (row[2] != "core", not row[4], row[0]))


def page() -> str:
    """The page's text."""
    notes = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    lines = [
        "# Licences", "",
        "wideopen is Apache-2.0. Made by `tools/licences.py` (`make licences`) from the metadata of the packages",
        "themselves, with every extra installed on Linux; what runs only tests, documents and releases is left out.",
        "",
        "## Weights and pictures", "", "| what | where | licence | |", "|---|---|---|---|",
        *(f"| {row['what']} | {row['where']} | {row['licence']} | {row['note']} |" for row in notes["weights"]),
        "", "## Packages", "",
        "Those in bold are asked for by name, the others by them. `core` is what `pip install wideopen` brings.", "",
        "| package | licence | brought by | inside its wheels |", "|---|---|---|---|",
    ]  # fmt: skip
    for name, licence, brought, inside, direct in rows():
        lines.append(f"| {f'**{name}**' if direct else name} | {licence} | {brought} | {inside} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    text = page()
    if sys.argv[1:] == ["--check"]:
        sys.exit(0 if PAGE.read_text(encoding="utf-8") == text else f"{PAGE.name} is old; run: make licences")
    PAGE.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
