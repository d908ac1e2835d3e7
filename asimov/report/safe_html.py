"""Make HTML and links from pipelines safe to put into a report page."""

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
#: Elements that would change or end the page around a fragment.
_OF_PAGES = frozenset({"html", "head", "body", "base", "title", "meta", "plaintext"})
#: The schemes that a link may have; `javascript` is not among them.
_SCHEMES = frozenset({"", "http", "https", "file", "ftp", "mailto"})


class _Closing(HTMLParser):
    """Copies a fragment, closing every element that it opens and dropping stray end tags."""

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
        # HTML ignores the slash, except in void elements and in SVG.
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


#: A character reference, by number or name.
_REFERENCE = re.compile(r"&(?:#\d+|#[xX][0-9a-fA-F]+|\w+);?")


def _harmless(reference: re.Match[str]) -> str:
    """Return a reference unchanged, unless it stands for a character that is unsafe to show."""
    character = unescape(reference[0])
    return reference[0] if block(character) == character else block(character)


def safe_fragment(html: str) -> str:
    """Return a fragment of HTML with every open element closed.

    Otherwise a browser would put the rest of the page inside an element that a pipeline left open.
    Comments, and elements that belong to a whole page, are dropped. Control characters and
    characters that reverse the text direction are escaped, also if a reference names them.
    """
    parser = _Closing()
    parser.feed(_REFERENCE.sub(_harmless, html))
    parser.close()
    ends = "".join(f"</{tag}>" for tag in reversed(parser.open))
    return "".join(parser.parts) + ends


def safe_links(pages: Any, root: Path) -> list[tuple[str, str]]:
    """Return the labels and addresses of result pages, and refuse unsafe addresses.

    Parameters
    ----------
    pages
        What `Pipeline.result_pages` returned: addresses, or pairs of a label and an address, in a
        list; a mapping of labels to addresses; or one address. Addresses are relative to the
        report's folder.
    root
        The report's folder. Absolute paths inside it are made relative.

    Raises
    ------
    AsimovError
        If `pages` has another type, or an address can't be a page.
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
        raise AsimovError(f"{quoted(address)} is not the address of a page")
    if Path(address).is_absolute() and Path(address).is_relative_to(root):
        return os.path.relpath(address, root)
    return address
