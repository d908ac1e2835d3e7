"""Choose the files of a crate: inputs, scripts, templates, configuration, products and logs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import msgspec

from asimov.engine.provenance.checksums import Checksums
from asimov.engine.provenance.crates.contents import DAMAGED, GONE, SOFTWARE, Packed, why_not
from asimov.engine.provenance.crates.unstored import UNSTORED, unstored
from asimov.engine.provenance.export.runs import Run, of_file
from asimov.engine.provenance.record import FILE as RECORD
from asimov.engine.provenance.record import UsedFile
from asimov.engine.provenance.used_files import is_within
from asimov.errors import AsimovError, ReportedError
from asimov.journal.keys import Key
from asimov.journal.provenance import ProvenanceRecords
from asimov.project.git.past import content_at
from asimov.project.workspace import Workspace
from asimov.text import encodable, line

#: What jobs and schedulers leave in a run directory besides products.
_LOGS = (".out", ".err", ".log", ".sub", ".submit", ".dag", ".dagman.out")
#: The most files of that kind, and the size of the largest one, in bytes.
_MOST_LOGS = 2000
_LARGEST_LOG = 100_000_000


class Source(msgspec.Struct):
    """A file of a crate, and where its content comes from: a file, or bytes."""

    packed: Packed
    path: str | None = None
    data: bytes | None = None


class Collection:
    """Collects the files of one attempt.

    Parameters
    ----------
    workspace
        The open project.
    runs
        The attempt, and those upstream of it (see `asimov.engine.provenance.export.runs`).
    """

    def __init__(self, workspace: Workspace, runs: list[Run]) -> None:
        self._workspace = workspace
        self._run = runs[0]
        self._upstream = {each.record.uid: each for each in runs[1:]}
        self._root = str(workspace.project.root)
        self._checksums = Checksums(ProvenanceRecords(workspace.journal))
        self._taken: set[str] = set()
        #: The folder of each script outside the project, with that in the crate.
        self._scripts: dict[str, str] = {}

    def files(self, *, hashes_only: bool) -> list[Source]:
        """Return the files; those that can't be in the crate say why.

        Raises
        ------
        AsimovError
            If one is, or is behind, a link that leaves its folder.
        """
        found = [each for file in self._run.record.files for each in self._used(file)]
        found += self._code({each.packed.path for each in found})
        found += self._products(hashes_only=hashes_only)
        found += self._logs()
        return found

    # --- what it ran with

    def _used(self, file: UsedFile) -> Iterator[Source]:
        path = os.path.join(self._root, file.path)
        packed = Packed(file.role, file.path, sha256=file.sha256, size=file.size)
        if file.attempt:
            yield from self._product_of_other(file, packed, path)
        elif "://" in file.path:
            yield _left_out(packed, "it is downloaded from there")
        elif file.role == "configuration":
            yield self._configuration(file, packed, path)
        elif why := self._why_software(file, path):
            yield _left_out(packed, why)
        elif file.sha256 is None:
            yield _left_out(packed, file.unknown or "its checksum was not recorded")
        elif self._checksums.of(path)[0] != file.sha256:
            there = os.path.exists(path)
            yield _left_out(packed, "it has changed since" if there else "it no longer exists")
        elif os.path.isdir(path):
            yield from self._folder(packed, path)
        else:
            yield self._file(packed, path)

    def _why_software(self, file: UsedFile, path: str) -> str:
        inside = is_within(path, self._root)
        if file.role == "image":
            return "it is a container image"
        of_software = [*self._run.software, str(Path(__file__).parents[3])]
        if any(is_within(path, folder) for folder in of_software):
            return SOFTWARE
        if file.role in {"executable", "template"} and not inside:
            return SOFTWARE
        return why_not(os.path.relpath(path, self._root)) if inside else ""

    def _file(self, packed: Packed, path: str) -> Source:
        """Put a file that stands for itself into the crate."""
        if is_within(path, self._root):
            self._refuse_leaving(path, self._root, "the project")
            packed.place = self._place(f"project/{packed.path}")
        else:
            packed.place = self._place(self._outside(packed, path))
        return _at(packed, path)

    def _outside(self, packed: Packed, path: str) -> str:
        """Return the place of a file outside the project; modules stay beside their script."""
        front = f"outside/{(packed.sha256 or '')[:16]}"
        if not path.endswith(".py"):
            return f"{front}/{_plain(path)}"
        for folder, place in self._scripts.items():
            name = os.path.relpath(path, folder)
            if is_within(path, folder) and not why_not(f"x/{name}"):
                return f"{place}/{name}"
        self._scripts[os.path.dirname(path)] = front
        return f"{front}/{_plain(path)}"

    def _folder(self, folder: Packed, path: str) -> Iterator[Source]:
        """Put every file of a folder of the project into the crate."""
        for each in _walk(path):
            self._refuse_leaving(each, self._root, "the project")
            stored = os.path.relpath(each, self._root)
            sha256, size, why = self._of(each)
            packed = Packed(folder.role, stored, sha256=sha256, size=size)
            why = why or why_not(stored)
            if why:
                yield _left_out(packed, why)
            else:
                packed.place = self._place(f"project/{stored}")
                yield _at(packed, each)

    def _configuration(self, file: UsedFile, packed: Packed, path: str) -> Source:
        packed.place = self._place(f"configuration/{_plain(path)}")
        if self._checksums.of(path)[0] == file.sha256:
            return _at(packed, path)
        # It has been built again since.
        data = content_at(Path(path), file.commit)
        if data is None:
            return _left_out(packed, "it has changed since")
        return Source(packed, data=data)

    # --- what others made

    def _code(self, known: set[str]) -> Iterator[Source]:
        """Yield the modules of the project that the makers of its inputs were run with.

        Some pipelines import them to know what their analyses have made.
        """
        makers = {each.attempt for each in self._run.made_elsewhere()}
        for uid in makers & set(self._upstream):
            for file in self._upstream[uid].record.files:
                if file.path.endswith(".py") and not (file.attempt or file.path in known):
                    known.add(file.path)
                    yield from self._used(file)

    def _product_of_other(self, file: UsedFile, packed: Packed, path: str) -> Iterator[Source]:
        subject, _, name = file.of.partition("/")
        rundir = self._rundir(Key(subject, name))
        packed.of = file.of
        packed.path = os.path.relpath(path, rundir) if is_within(path, rundir) else _plain(path)
        if file.sha256 is None:
            yield _left_out(packed, file.unknown or "its checksum was not recorded")
            return
        run = self._upstream.get(file.attempt)
        stored = None if run is None or run.folder is None else str(run.folder / packed.path)
        for candidate in filter(None, (path, stored)):
            if os.path.exists(candidate) and self._checksums.of(candidate)[0] == file.sha256:
                yield from self._other(packed, candidate)
                return
        why = f"{file.of} has made a new one since, and this one was not kept"
        if Key(subject, name) not in self._workspace.contents.entries:
            why = f"{file.of}, which made it, is not in this project"
        yield _left_out(packed, why)

    def _other(self, packed: Packed, path: str) -> Iterator[Source]:
        front = f"upstream/{packed.of}"
        if not os.path.isdir(path):
            self._refuse_leaving(path, self._root, "the project")
            packed.place = self._place(f"{front}/{packed.path}")
            yield _at(packed, path)
            return
        for each in _walk(path):
            self._refuse_leaving(each, self._root, "the project")
            stored = os.path.normpath(os.path.join(packed.path, os.path.relpath(each, path)))
            sha256, size, why = self._of(each)
            inner = Packed(packed.role, stored, sha256=sha256, size=size, of=packed.of)
            why = why or why_not(f"x/{stored}")
            if why:
                yield _left_out(inner, why)
            else:
                inner.place = self._place(f"{front}/{stored}")
                yield _at(inner, each)

    # --- what it made

    def _products(self, *, hashes_only: bool) -> Iterator[Source]:
        folder, rundir = self._run.folder, self._rundir(self._run.key)
        if not self._run.products:
            yield from self._unstored(hashes_only=hashes_only)
            return
        for each in self._run.products:
            if folder is None or (each.sha256 is None and each.link is None):
                continue  # a folder
            path = str(folder / each.path)
            sha256, size = each.sha256, each.size
            if each.link is not None:
                self._refuse_leaving(path, str(folder), "the results store")
                sha256, size, _ = self._checksums.of(path)
                if os.path.isdir(path):
                    continue
            packed = Packed("product", each.path, sha256=sha256, size=size)
            why = "only checksums were requested" if hashes_only else why_not(f"x/{each.path}")
            if not why and self._checksums.of(path)[0] != sha256:
                why = DAMAGED if os.path.lexists(path) else GONE
                # A result is the same wherever it is.
                copy = os.path.join(rundir, each.path)
                if os.path.isfile(copy) and self._checksums.of(copy)[0] == sha256 is not None:
                    self._refuse_leaving(copy, rundir, "the run directory")
                    path, why = copy, ""
            if why:
                yield _left_out(packed, why)
            else:
                packed.place = self._place(f"products/{each.path}")
                yield _at(packed, path)

    def _unstored(self, *, hashes_only: bool) -> Iterator[Source]:
        for item in unstored(self._workspace, self._run):
            sha256, size, unknown = self._checksums.of(item.source)
            packed = Packed("product", item.name, sha256=sha256, size=size, note=UNSTORED)
            why = "only checksums were requested" if hashes_only else why_not(f"x/{item.name}")
            if why or unknown:
                yield _left_out(packed, why or unknown)
            else:
                packed.place = self._place(f"products/{item.name}")
                yield _at(packed, item.source)

    def _logs(self) -> Iterator[Source]:
        rundir = self._rundir(self._run.key)
        try:
            if of_file(Path(rundir, RECORD)).record.uid != self._run.record.uid:
                return  # another attempt has run there since
        except AsimovError:
            return
        products = {each.path for each in self._run.products or []}
        for number, each in enumerate(_walk(rundir)):
            name = os.path.relpath(each, rundir)
            if number >= _MOST_LOGS:
                return
            if not each.endswith(_LOGS) or name in products or why_not(f"x/{name}"):
                continue
            if os.path.islink(each) or os.path.getsize(each) > _LARGEST_LOG:
                continue
            sha256, size, why = self._checksums.of(each)
            if not why:
                packed = Packed("log", name, self._place(f"logs/{name}"), sha256, size)
                yield _at(packed, each)

    def _of(self, path: str) -> tuple[str | None, int, str]:
        """Return checksum and size of a file in a folder, and why there are none."""
        if os.path.isdir(path):
            return None, 0, "it is a link to a folder"
        return self._checksums.of(path)

    # --- paths

    def _rundir(self, key: Key) -> str:
        if key in self._workspace.contents.entries:
            try:
                return str(self._workspace.analysis(key).rundir)
            except ReportedError:
                pass  # a pipeline that is not installed
        return str(self._workspace.project.working / key.subject / key.name)

    def _refuse_leaving(self, path: str, folder: str, what: str) -> None:
        if not is_within(os.path.realpath(path), os.path.realpath(folder)):
            raise AsimovError(
                f"leads out of {what} through a symbolic link",
                where=line(path),
                hint="replace the link with a copy and run the analysis again, or leave it out",
            )

    def _place(self, wanted: str) -> str:
        """Return a free path in the crate."""
        place, number = wanted, 1
        while place in self._taken:
            number += 1
            place = f"{number}/{wanted}"
        self._taken.add(place)
        return place


def _left_out(packed: Packed, why: str) -> Source:
    packed.path, packed.place, packed.why = encodable(packed.path), "", why
    return Source(packed)


def _at(packed: Packed, path: str) -> Source:
    packed.program = os.access(path, os.X_OK)
    return Source(packed, path=path)


def _plain(path: str) -> str:
    """Return a file's name as a crate may have it."""
    name = os.path.basename(path).lstrip(".") or "file"
    return name if not why_not(f"x/{name}") else "file"


def _walk(folder: str) -> Iterator[str]:
    """Yield the files in a folder, and links to anything, in a fixed order."""
    for here, folders, names in os.walk(folder):
        links = [each for each in folders if os.path.islink(os.path.join(here, each))]
        folders[:] = sorted(set(folders) - set(links))
        yield from (os.path.join(here, each) for each in sorted([*names, *links]))
