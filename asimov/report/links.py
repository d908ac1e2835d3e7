"""The addresses of pages: those of a service, or of files in one folder."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Protocol
from urllib.parse import quote, urlencode

from asimov.journal.keys import Key
from asimov.project.storage.listing import StoredFile

#: The most characters of both names in the name of a file.
_LONGEST = 200


class Links(Protocol):
    """The addresses that pages lead to; all of them can stand in HTML as they are.

    Attributes
    ----------
    live
        Whether a service answers them, so that pages can follow what happens, and act.
    """

    live: bool

    def overview(self, **query: str) -> str:
        """Return the address of the overview, narrowed by parts of `Query`."""
        ...

    def subject(self, name: str) -> str:
        """Return the address of what there is of a subject."""
        ...

    def graph(self, subject: str) -> str:
        """Return the address of a subject's graph."""
        ...

    def analysis(self, key: Key) -> str:
        """Return the address of an analysis's page."""
        ...

    def log(self, key: Key, file: str, path: Path) -> str:
        """Return the address of what a job wrote."""
        ...

    def result(self, result: StoredFile) -> str:
        """Return the address of a stored file."""
        ...

    def picture(self, result: StoredFile) -> str:
        """Return the address of a stored picture, for the page to show."""
        ...


class Served:
    """The addresses of a service."""

    live = True

    def overview(self, **query: str) -> str:
        """Return ``/``, narrowed by a query."""
        return f"/?{urlencode(query)}" if query else "/"

    def subject(self, name: str) -> str:
        """Return the overview of one subject."""
        return self.overview(subject=name)

    def graph(self, subject: str) -> str:
        """Return ``/graph``."""
        return f"/graph?{urlencode({'subject': subject})}" if subject else "/graph"

    def analysis(self, key: Key) -> str:
        """Return ``/analyses/SUBJECT/NAME``."""
        return f"/analyses/{quote(key.subject, safe='')}/{quote(key.name, safe='')}"

    def log(self, key: Key, file: str, path: Path) -> str:
        """Return the page that follows a file."""
        return f"{self.analysis(key)}/logs/{_quoted(file)}"

    def result(self, result: StoredFile) -> str:
        """Return the page that shows a file."""
        return f"{self.analysis(result.key)}/products/{_quoted(result.name)}"

    def picture(self, result: StoredFile) -> str:
        """Return the picture itself."""
        return f"{self.analysis(result.key)}/pictures/{_quoted(result.name)}"


class Static:
    """The addresses of files that ``asimov report html`` writes, all in one folder.

    They are in one folder because the addresses that published pipelines write into their HTML are
    relative to it.

    Parameters
    ----------
    folder
        The folder.
    """

    live = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def overview(self, **query: str) -> str:
        """Return the index."""
        return "index.html"

    def subject(self, name: str) -> str:
        """Return a subject's page."""
        return quote(page_of_subject(name))

    def graph(self, subject: str) -> str:
        """Return the place of the graph on a subject's page."""
        return f"{quote(page_of_subject(subject))}#graph" if subject else "index.html"

    def analysis(self, key: Key) -> str:
        """Return an analysis's page."""
        return quote(page_of_analysis(key))

    def log(self, key: Key, file: str, path: Path) -> str:
        """Return the file itself."""
        return self._relative(path)

    def result(self, result: StoredFile) -> str:
        """Return the file itself."""
        return self._relative(result.path)

    def picture(self, result: StoredFile) -> str:
        """Return the file itself."""
        return self._relative(result.path)

    def _relative(self, path: Path) -> str:
        return _quoted(os.path.relpath(path, self._folder))


def page_of_subject(subject: str) -> str:
    """Return the file name of a subject's page."""
    return f"subject-{subject}.html"


def page_of_analysis(key: Key) -> str:
    """Return the file name of an analysis's page; no name of an analysis has the sign in it.

    File systems take 255 bytes: of longer names the end is a hash.
    """
    name = f"{key.subject}!{key.name}"
    if len(name) > _LONGEST:
        name = f"{name[:_LONGEST]}!{hashlib.sha256(name.encode()).hexdigest()[:16]}"
    return f"analysis-{name}.html"


def _quoted(path: str) -> str:
    """Return a path as a part of an address; it may have bytes that are no text."""
    return quote(path, errors="surrogateescape")
