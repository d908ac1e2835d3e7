"""List what no analysis in the ledger owns, in working, checkouts and results."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import msgspec

from asimov.journal.keys import Key
from asimov.project.storage.names import names_in
from asimov.project.workspace import Workspace

#: What asimov adds to the name of a run directory that it puts aside.
_ASIDE = re.compile(r"(.+)\.(superseded-\d+|unsubmitted)")


class Unowned(msgspec.Struct):
    """A file or folder that no analysis owns.

    Attributes
    ----------
    path
        Relative to the project.
    size
        Of all files in it, in bytes.
    what
        What it is, in words.
    """

    path: str
    size: int
    what: str


def unowned(workspace: Workspace) -> Iterator[Unowned]:
    """Yield what no analysis owns; nothing is removed."""
    yield from _run_directories(workspace)
    yield from _configurations(workspace)
    yield from _results(workspace)


def _run_directories(workspace: Workspace) -> Iterator[Unowned]:
    project = workspace.project
    owned = {os.path.normpath(workspace.analysis(key).rundir) for key in workspace.contents.entries}
    around = {parent for each in owned for parent in _parents(each)}
    left = [str(project.working)]
    while left:
        folder = left.pop()
        for name in sorted(names_in(project.path(folder))):
            path = os.path.join(folder, name)
            if path in owned:
                continue
            if path in around:
                left.append(path)
            elif (aside := _ASIDE.fullmatch(name)) and os.path.join(folder, aside[1]) in owned:
                what = f"an earlier run of {os.path.basename(folder)}/{aside[1]}, moved aside"
                yield Unowned(project.stored(path), size_of(path), what)
            else:
                yield Unowned(project.stored(path), size_of(path), "belongs to no analysis")


def _configurations(workspace: Workspace) -> Iterator[Unowned]:
    project = workspace.project
    for subject in sorted(names_in(project.checkouts)):
        folder = project.checkouts / subject / project.category
        for name in sorted(names_in(folder)):
            key = Key(subject, name.removesuffix(".ini"))
            if name.endswith(".ini") and key not in workspace.contents.entries:
                path = str(folder / name)
                yield Unowned(
                    project.stored(path), size_of(path), f"configures {key}, which no longer exists"
                )


def _results(workspace: Workspace) -> Iterator[Unowned]:
    project, store = workspace.project, workspace.store
    for each in store.analyses():
        if Key(*each) not in workspace.contents.entries:
            path = str(store.root.joinpath(*each))
            yield Unowned(
                project.stored(path),
                size_of(path),
                "results of an analysis that is not in the ledger",
            )


def size_of(path: str) -> int:
    """Return the size of a file, or of all files in a folder, in bytes."""
    if os.path.islink(path) or not os.path.isdir(path):
        return os.lstat(path).st_size
    total = 0
    for folder, _, files in os.walk(path):
        for name in files:
            try:
                total += os.lstat(os.path.join(folder, name)).st_size
            except OSError:
                continue  # it was removed meanwhile
    return total


def _parents(path: str) -> Iterator[str]:
    while (above := os.path.dirname(path)) != path:
        path = above
        yield path
