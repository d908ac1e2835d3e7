"""Fingerprints: the cheap evidence that a verdict on an analysis is still true.

A fingerprint has the stamps (size, time, inode) of the ledger's and all other files that a verdict
was based on. While these are the same, nothing is read, merged or compared again.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

import msgspec

from asimov.engine.provenance.software import package_of, state_of
from asimov.engine.provenance.trees import TREE, Trees
from asimov.engine.staleness.reasons import Reason
from asimov.journal.keys import Key
from asimov.journal.provenance import digest_of
from asimov.journal.results import fingerprints, keep_fingerprints
from asimov.ledger.layout import PROJECT_FILE
from asimov.project.storage.verification import Stamp
from asimov.project.storage.verification import stamp as stamp_of
from asimov.project.workspace import Workspace
from asimov.states import STATES
from asimov.system.file_patterns import folders_of
from asimov.text import encodable

if TYPE_CHECKING:
    from asimov.engine.provenance.record import Provenance, UsedFile

#: A file that changed less than this many seconds before it was read may have changed since within
#: the same stamp. Configurations are exempt: asimov writes them, and nobody edits one so soon.
FRESH = 2.0

#: Of a folder, a stamp is that of everything in it.
_GONE: Stamp = (-1, 0, 0)
#: The stamp of a file that must be looked at again; no file has it.
_NEVER: Stamp = (-2, 0, 0)


class Fingerprint(msgspec.Struct, array_like=True):
    """The evidence for a verdict, and the verdict.

    Attributes
    ----------
    uid
        The last attempt.
    ledger, content
        The stamps of the ledger's files with its settings, and a digest of what they say.
    package
        The package of its pipeline, with version.
    inputs
        The state of each analysis whose products it uses, by ``subject/name``.
    files
        The stamps of the files that it ran with.
    environments
        The state of each environment of software that it ran with, and of its unpacked image, by
        folder.
    reasons
        Why it is out of date.
    products
        The stamps of its stored products and their manifest; None if they were not looked at, as
        when its job was submitted.
    folders
        The stamps of the folders that patterns of its inputs are looked up in, without what is in
        them.
    """

    uid: str
    ledger: str
    content: str
    package: str
    inputs: list[tuple[str, str]]
    files: list[tuple[str, Stamp]]
    environments: dict[str, str]
    reasons: tuple[Reason, ...]
    products: list[tuple[str, Stamp]] | None
    folders: list[tuple[str, Stamp]] = []


_DECODER = msgspec.msgpack.Decoder(Fingerprint)


class Fingerprints:
    """The fingerprints of a project, and what they are compared with.

    Parameters
    ----------
    workspace
        The open project.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._root = str(workspace.project.root)
        self._known: Mapping[tuple[str, str], bytes] = {}
        self._new: dict[Key, bytes] = {}
        self._stamps: dict[str, Stamp] = {}
        self._taken: dict[str, tuple[Stamp, int]] = {}
        self._folders: dict[str, Stamp] = {}
        self._looked_up: dict[str, list[tuple[str, Stamp]]] = {}
        self._ledgers: dict[str, str] = {}
        self._contents: dict[str, str] = {}
        self._packages: dict[str, str] = {}
        self._environments: dict[str, tuple[str, float]] = {}
        self._trees = Trees()

    def load(self, keys: Collection[Key]) -> None:
        """Read the fingerprints of some analyses from the journal."""
        self._known = fingerprints(self._workspace.journal, keys)

    def standing(self, key: Key) -> Fingerprint | None:
        """Return the fingerprint of an analysis if all of it is still true, else None."""
        try:
            known = _DECODER.decode(self._known[key])
        except (KeyError, msgspec.MsgspecError):  # there is none, or one of another release
            return None
        return known if self._holds(key, known) else None

    def _holds(self, key: Key, known: Fingerprint) -> bool:
        entry = self._workspace.contents.entries[key]
        if (
            known.uid != self._workspace.records[key].uid
            or known.package != self._package(entry.pipeline)
            or (known.inputs and any(self._input(name) != state for name, state in known.inputs))
            or any(stamp_of(self._absolute(path)) != stamp for path, stamp in known.products or ())
            or any(self._folder(path) != stamp for path, stamp in known.folders)
        ):
            return False
        stamps = self._stamps
        for path, stamp in known.files:
            if (stamps.get(path) or self._stamp(path)) != stamp:
                return False
        for prefix, state in known.environments.items():
            is_tree = state.startswith(TREE)
            if state != (self._trees.of(prefix) if is_tree else self._environment(prefix)[0]):
                return False
        if known.ledger and known.ledger == self._ledger(entry.file):
            return True
        if known.content != self._content(key):
            return False
        self._add(key, msgspec.structs.replace(known, ledger=self._ledger(entry.file)))
        return True

    def take(
        self,
        key: Key,
        uid: str,
        found: Provenance,
        since: float,
        reasons: tuple[Reason, ...] = (),
        products: list[tuple[str, Stamp]] | None = None,
    ) -> None:
        """Take the fingerprint of an analysis.

        Parameters
        ----------
        key, uid
            The analysis and its last attempt, which may have been only its post-processing.
        found
            What it ran with.
        since
            When its files began to be read, in seconds since the epoch.
        reasons
            Why it is out of date.
        products
            The stamps of its stored products and their manifest, if it has been uploaded.
        """
        entry = self._workspace.contents.entries[key]
        files = [each for each in found.files if each.sha256]
        environments = {each: self._unchanged(each, since) for each in found.software}
        if found.image_digest.startswith(TREE):
            environments[found.image] = self._trees.of(found.image)
        self._add(
            key,
            Fingerprint(
                uid,
                self._ledger(entry.file),
                self._content(key),
                self._package(entry.pipeline),
                [(name, self._input(name)) for name in {each.of for each in files if each.of}],
                [(each.path, self._settled(each, since)) for each in files],
                environments,
                reasons,
                products,
                [each for pattern in found.patterns for each in self._in_folders(pattern, since)],
            ),
        )

    def complete(
        self,
        key: Key,
        known: Fingerprint,
        reasons: tuple[Reason, ...],
        products: list[tuple[str, Stamp]],
    ) -> None:
        """Take what is known now of the products of an analysis into its fingerprint."""
        self._add(key, msgspec.structs.replace(known, reasons=reasons, products=products))

    def _add(self, key: Key, fingerprint: Fingerprint) -> None:
        self._new[key] = msgspec.msgpack.encode(fingerprint)

    def keep(self) -> None:
        """Have the journal keep the new ones, unless the project is only read."""
        if self._new and not self._workspace.reading:
            keep_fingerprints(self._workspace.journal, self._new)
        self._new = {}
        self._taken = {}
        self._looked_up = {}

    # --- the present state of things, each found out once

    def _stamp(self, path: str) -> Stamp:
        found = self._stamps[path] = _stamp_of(self._absolute(path))[0]
        return found

    def _absolute(self, path: str) -> str:
        return path if path.startswith("/") else f"{self._root}/{path}"

    def _settled(self, used: UsedFile, since: float) -> Stamp:
        """Return the stamp of a file that is unchanged since a time and will change its stamp."""
        if used.of and not used.attempt:  # it may never have been what was stored
            return _NEVER
        if used.role == "configuration":
            found, changed = _stamp_of(self._absolute(used.path))
            return found if changed < since * 1e9 else _NEVER
        if used.path not in self._taken:
            self._taken[used.path] = _stamp_of(self._absolute(used.path))
        found, changed = self._taken[used.path]
        return found if found is _GONE or changed < (since - FRESH) * 1e9 else _NEVER

    def _folder(self, path: str) -> Stamp:
        if path not in self._folders:
            self._folders[path] = _stamp_of_folder(self._absolute(path))[0]
        return self._folders[path]

    def _in_folders(self, pattern: str, since: float) -> list[tuple[str, Stamp]]:
        """Return the stamps of the folders of a pattern; of one that changed since a time, none."""
        if pattern not in self._looked_up:
            self._looked_up[pattern] = []
            for path in folders_of(pattern, self._root):
                stamp, changed = _stamp_of_folder(path)
                name = encodable(path.removeprefix(f"{self._root}/"))
                is_settled = changed < (since - FRESH) * 1e9
                self._looked_up[pattern].append((name, stamp if is_settled else _NEVER))
        return self._looked_up[pattern]

    def _ledger(self, file: str) -> str:
        if file not in self._ledgers:
            stamps = [
                self._workspace.contents.stamps.get(each, "") for each in (PROJECT_FILE, file)
            ]
            self._ledgers[file] = ";".join(stamps) if all(stamps) else ""
        return self._ledgers[file]

    def _content(self, key: Key) -> str:
        contents = self._workspace.contents
        if key.subject not in self._contents:
            around = [contents.project, _without_analyses(contents.subjects.get(key.subject, {}))]
            self._contents[key.subject] = digest_of(around)
        return digest_of([self._contents[key.subject], contents.entries[key].data])

    def _package(self, pipeline: str) -> str:
        if pipeline not in self._packages:
            self._packages[pipeline] = package_of(pipeline)
        return self._packages[pipeline]

    def _environment(self, prefix: str) -> tuple[str, float]:
        if prefix not in self._environments:
            self._environments[prefix] = state_of(prefix)
        return self._environments[prefix]

    def _unchanged(self, prefix: str, since: float) -> str:
        """Return the state of an environment that is unchanged since a time; else of none."""
        state, changed = self._environment(prefix)
        return state if changed < since - FRESH else "changing"

    def _input(self, name: str) -> str:
        key = Key.of(name)
        record = self._workspace.records.get(key)
        if record is None or key not in self._workspace.contents.entries:
            return "none"
        return f"{record.uid} {record.status if STATES[record.status].done else ''}"


def _without_analyses(subject: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in subject.items() if key != "analyses"}


def _stamp_of(path: str) -> tuple[Stamp, int]:
    """Return the stamp of a file or folder, and when it last changed, in nanoseconds."""
    try:
        status = os.stat(path)
    except OSError:
        return _GONE, 0
    if not stat.S_ISDIR(status.st_mode):
        stamp = status.st_size, status.st_mtime_ns, status.st_ino
        return stamp, max(status.st_mtime_ns, status.st_ctime_ns)
    stamps = [status, *_within(path)]
    return (
        sum(each.st_size for each in stamps),
        max(each.st_mtime_ns for each in stamps),
        status.st_ino + len(stamps) - 1,
    ), max(max(each.st_mtime_ns, each.st_ctime_ns) for each in stamps)


def _stamp_of_folder(path: str) -> tuple[Stamp, int]:
    """Return the stamp of a folder, which changes with its entries, and when that was."""
    try:
        status = os.stat(path)
    except OSError:
        return _GONE, 0
    return (0, status.st_mtime_ns, status.st_ino), max(status.st_mtime_ns, status.st_ctime_ns)


def _within(folder: str) -> Iterable[os.stat_result]:
    for top, _, names in os.walk(folder):
        for name in ("", *names):
            try:
                yield os.stat(os.path.join(top, name))
            except OSError:
                continue
