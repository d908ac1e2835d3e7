"""What pipelines give to a report, made so that it can do no harm to the rest of the page."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from html import escape, unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from asimov.errors import AsimovError
from asimov.text import block, quoted

#: Elements that have no end tag: https://html.spec.whatwg.org/multipage/syntax.html#void-elements
_VOID = frozenset(
    "area base br col embed hr img input link meta source track wbr".split()  # noqa: SIM905
)
#: Elements that would change or end the page around the fragment.
_OF_PAGES = frozenset({"html", "head", "body", "base", "title", "meta", "plaintext"})
#: Where a link may lead: anywhere but into a script.
_SCHEMES = frozenset({"", "http", "https", "file", "ftp", "mailto"})


class _Closing(HTMLParser):
    """Writes a fragment again with each element that it opens closed, and no other."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.parts: list[str] = []
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _OF_PAGES:
            return
        self.parts.append(self.get_starttag_text() or "")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # HTML ignores the slash of any but a void element (and of SVG's, which it takes).
        if tag not in _OF_PAGES:
            text = (self.get_starttag_text() or "").removesuffix("/>")
            self.parts.append(f"{text}>" if tag in _VOID else f"{text}></{tag}>")

    def handle_endtag(self, tag: str) -> None:
        if tag not in self.open:
            return
        while True:
            last = self.open.pop()
            self.parts.append(f"</{last}>")
            if last == tag:
                return

    def handle_data(self, data: str) -> None:
        self.parts.append(data.replace("<", "&lt;") if not self._is_raw() else data)

    def _is_raw(self) -> bool:
        return bool(self.open) and self.open[-1] in {"script", "style"}

    def handle_entityref(self, name: str) -> None:
        self.parts.append(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self.parts.append(f"&#{name};")


#: A character by its number or name.
_REFERENCE = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|\w+);?")


def _harmless(reference: re.Match[str]) -> str:
    """Return a reference as it is, unless it stands for what is unsafe to show."""
    character = unescape(reference[0])
    return reference[0] if block(character) == character else block(character)


def closed(html: str) -> str:
    """Return a fragment of HTML in which every element that is opened is closed.

    A browser would else take the rest of the page for the inside of what a pipeline left open.
    Comments, and elements that only a whole page has, are left out. Characters that turn text
    around or have no place in text are shown as escapes, also where a reference names them.
    """
    parser = _Closing()
    parser.feed(_REFERENCE.sub(_harmless, html))
    parser.close()
    ends = "".join(f"</{tag}>" for tag in reversed(parser.open))
    return "".join(parser.parts) + ends


def links(pages: Any, root: Path) -> list[tuple[str, str]]:
    """Return the labels and addresses of pages about results.

    Parameters
    ----------
    pages
        What `Pipeline.result_pages` returned: addresses, or pairs of a label and an address, in a
        list; labels and addresses in a mapping; or one address. Addresses are relative to the
        report's folder.
    root
        The report's folder: what lies in it and is told by its absolute path is made relative.

    Raises
    ------
    AsimovError
        For what is none of these, and for an address that is no page's.
    """
    if pages is None:
        return []
    if isinstance(pages, (str, Path)):
        pages = [pages]
    elif isinstance(pages, Mapping):
        pages = list(pages.items())
    found = []
    try:
        for each in pages:
            label, address = (each, each) if isinstance(each, (str, Path)) else each
            found.append((str(label), _address(str(address), root)))
    except (TypeError, ValueError) as error:
        raise AsimovError(f"result pages can't be {escape(quoted(pages))}") from error
    return found


def _address(address: str, root: Path) -> str:
    if urlsplit(address).scheme.lower() not in _SCHEMES:
        raise AsimovError(f"{quoted(address)} is no address of a page")
    if Path(address).is_absolute() and Path(address).is_relative_to(root):
        return os.path.relpath(address, root)
    return address
