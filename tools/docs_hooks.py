"""Hooks of mkdocs: links in the pages that come from outside ``docs/`` lead to the site's pages."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

_PAGES = {
    "ARCHITECTURE.md": "architecture.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changes.md",
}
_LINK = re.compile(r"\[([^\]]+)\]\(([\w./-]+)(#[\w-]+)?\)")


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Replace a snippet of a whole page by that page, its links turned to those of the site."""
    found = re.fullmatch(r'--8<-- "(\w+\.md)"\n?', markdown)
    if not found:
        return markdown
    return _LINK.sub(_turned, Path(found[1]).read_text(encoding="utf-8"))


def _turned(link: re.Match[str]) -> str:
    """Return a link to a page of the site, or only its text where the site has no such page."""
    text, target, anchor = link[1], link[2], link[3] or ""
    if target in _PAGES:
        return f"[{text}]({_PAGES[target]}{anchor})"
    if target.startswith("docs/"):
        return f"[{text}]({target.removeprefix('docs/')}{anchor})"
    return text
