"""Hooks of MkDocs: documents at the root of the repository become pages, and links lead where readers of a site can go.

A link to a page stays within the site; one to any other file of the repository leads to it on the web. A link to what
does not exist is a warning, which ends the build.
"""

import logging
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
ALSO = {
    "MODEL_CARD.md": "model-card.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "SECURITY.md": "security.md",
    "RELEASING.md": "releasing.md",
}
"""Documents at the root, and the pages that they become."""
LINK = re.compile(r"(\]\()(?!https?:|mailto:|#)([^)\s]+)(\))")
FENCE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.M | re.S)
log = logging.getLogger("mkdocs.hooks.site")


def on_files(files: Files, config: Any) -> Files:
    """Add the documents at the root."""
    for name, page in ALSO.items():
        files.append(File.generated(config, page, content=(ROOT / name).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, page: Page, config: Any, files: Files) -> str:
    """Lead each link, outside code, to its place on the site or on the web."""
    if page.parent is None:
        page.meta.setdefault("hide", ["navigation"])  # It would list this page alone.
    written = {to: ROOT / name for name, to in ALSO.items()}.get(page.file.src_uri, DOCS / page.file.src_uri)
    parts = FENCE.split(markdown)

    def lead(found: re.Match[str]) -> str:
        return found[1] + _led(found[2], written, page, config["repo_url"]) + found[3]

    return "".join(part if at % 2 else LINK.sub(lead, part) for at, part in enumerate(parts))


def _led(target: str, written: Path, page: Page, repository: str) -> str:
    """Where a link in a document that was written at a place leads on the site."""
    name, mark, anchor = target.partition("#")
    place = (written.parent / name).resolve()
    if not place.exists():
        log.warning(f"{page.file.src_uri}: links to {target}, which does not exist")
        return target
    inside = place.relative_to(ROOT).as_posix()
    if inside in ALSO:
        inside = f"docs/{ALSO[inside]}"
    up = "../" * page.file.src_uri.count("/")
    if inside.startswith("docs/") and not place.is_dir():
        return f"{up}{inside.removeprefix('docs/')}{mark}{anchor}"
    if inside == "docs/decisions":
        return f"{up}decisions/README.md"
    return f"{repository}/{'tree' if place.is_dir() else 'blob'}/main/{inside}{mark}{anchor}"
