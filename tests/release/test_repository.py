"""Papers beside the code: what workflows and documents name exists, and every dependency has its licence on a page."""

import re
import tomllib
from typing import Any

import pytest

from published import ROOT
from wideopen.cli import COMMANDS

yaml = pytest.importorskip("yaml", reason="needs the extra dev")
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
TARGETS = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("[!c]*.yml"))
PAPERS = [ROOT / name for name in ("RELEASING.md", "CONTRIBUTING.md", "SECURITY.md", "CODE_OF_CONDUCT.md")]


def steps_of(workflow: Any) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_workflows_call_what_there_is(path: Any) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    lines = [line for step in steps_of(workflow) for line in str(step.get("run", "")).splitlines()]
    called = {word for line in lines for make in re.findall(r"make ([a-z -]+)", line) for word in make.split()}
    assert called <= TARGETS
    for name in re.findall(r"(?:tests|examples)/[\w./-]+|\.ci/run", "\n".join(lines)):
        assert (ROOT / name).exists(), name
    assert {line.split()[1] for line in lines if line.startswith("wideopen ")} <= set(COMMANDS)


def test_publishing_holds_no_token_and_checks_the_tag() -> None:
    text = (ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8")
    workflow = yaml.safe_load(text)
    assert workflow["permissions"] == {"contents": "read"} and "secrets." not in text
    assert workflow["jobs"]["publish"]["permissions"] == {"id-token": "write"}
    assert any("GITHUB_REF_NAME" in step.get("run", "") for step in workflow["jobs"]["build"]["steps"])


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_forms_have_what_github_asks_of_them(path: Any) -> None:
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert form["name"] and form["description"]
    fields = [part for part in form["body"] if part["type"] != "markdown"]
    assert len({part["id"] for part in fields}) == len(fields) and all(part["attributes"]["label"] for part in fields)


def test_a_photo_that_went_wrong_comes_with_what_doctor_says() -> None:
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / "photo.yml").read_text(encoding="utf-8"))
    (doctor,) = [part for part in form["body"] if part.get("id") == "doctor"]
    assert doctor["attributes"]["label"] == "wideopen doctor --json" and doctor["validations"]["required"]


def test_every_target_that_papers_name_exists() -> None:
    for paper in (*PAPERS, ROOT / "README.md"):
        text = paper.read_text(encoding="utf-8")
        for name in re.findall(r"`make ([a-z-]+)`", text):
            assert name in TARGETS, f"{paper.name}: make {name}"
        for target in re.findall(r"\]\((?!http)([^)#]+)\)", text):
            assert (paper.parent / target).exists(), f"{paper.name}: {target}"


def test_every_document_has_its_place_on_the_site() -> None:
    """And every place its document; `make docs` looks at the links."""
    site = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    placed = re.findall(r"'([\w/.-]+\.md)'", str(site["nav"]))
    also = re.findall(r'^    "\w+\.md": "([\w-]+\.md)",$', (ROOT / "tools/site.py").read_text(encoding="utf-8"), re.M)
    docs = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert sorted(placed) == sorted([*docs, *also]), "add it to nav in mkdocs.yml"


def test_every_dependency_is_on_the_page_of_licences() -> None:
    page = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| \*\*([\w.-]+)\*\* \| (?!\|)", page, re.M))
    extras = {name: lines for name, lines in PROJECT["optional-dependencies"].items() if name not in ("dev", "docs")}
    lines = [*PROJECT["dependencies"], *(line for name, own in extras.items() if name != "release" for line in own)]
    linux = [line for line in lines if "sys_platform != 'linux'" not in line]
    asked = {re.match(r"[\w.-]+", line).group().lower().replace("_", "-") for line in linux}  # type: ignore[union-attr]
    assert asked - listed == set(), "run: make licences"
