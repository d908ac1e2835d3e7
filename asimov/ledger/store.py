"""Read the ledger's files through a cache, and change many of them in one transaction."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from asimov.errors import AsimovError, ReportedError
from asimov.journal.documents import Documents, decoded, encoded, stamp
from asimov.journal.journal import Journal
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger.contents import Contents, Entry
from asimov.ledger.layout import PROJECT_FILE, SHAPES, parse
from asimov.system import reading
from asimov.system.disk import sync_file_system
from asimov.system.files import locked, unwritable, write_atomically

#: A file changed more recently than this may change again without a new time stamp.
_TICK_NS = 50_000_000


class LedgerFiles:
    """The files of one ledger.

    Parameters
    ----------
    folder
        The ledger's folder.
    journal
        Caches the parsed files and records large changes until they are complete. If it was opened
        for reading, the files are not changed either: an incomplete change is read from it.

    Attributes
    ----------
    patience
        Whether to wait for another command that changes the ledger, or for how many seconds.
    """

    patience: bool | float = True

    def __init__(self, folder: Path, journal: Journal) -> None:
        self.folder = folder
        self.journal = journal
        self._in_journal = Documents(journal)
        #: The new texts (None: no file) of an incomplete change, if the ledger is only read.
        self.pending: dict[str, str | None] = {}
        #: What was read before, if the journal is only read: stamps and parsed files by path, the
        #: whole if no file may change without a new stamp, and what the journal said then.
        self._parsed: dict[str, tuple[str, dict[str, Any]]] = {}
        self._whole: Contents | None = None
        self._said: object = None

    def load(self, *, look: bool = True) -> Contents:
        """Read the ledger; files that have not changed since they were last read are not parsed.

        If the journal is only read, and nothing has changed, this is the same object as before.

        Parameters
        ----------
        look
            Whether to look at the files, for edits by hand. Otherwise the journal says whether a
            command has changed any; that counts only if it is opened for reading.

        Raises
        ------
        AsimovError
            If ``project.yaml`` can't be used, since it affects every analysis. Any other such
            file is listed in `Contents.broken`.
        """
        if not self.journal.reading:
            return self._load()
        while True:
            self.pending = self._under_way()
            said = self._in_journal.mark()
            if self._whole and not (look or self.pending) and said == self._said:
                return self._whole
            contents = self._load()
            self._said = said
            self.journal.renew()
            # A change that began in the meantime may be half written to the files.
            if self._under_way() == self.pending:
                return contents

    def with_texts(self, texts: Mapping[str, str | None]) -> Contents:
        """Return the ledger as it would be with other texts of some files; None where one goes."""
        pending = self.pending
        self.pending = {**pending, **texts}
        try:
            return self._load()
        finally:
            self.pending = pending

    def _under_way(self) -> dict[str, str | None]:
        pending: dict[str, str | None] = {}
        for files in self._in_journal.changes():
            pending.update(files)
        return pending

    def _load(self) -> Contents:
        found = [(path, status, stamp(status) if status else "") for path, status in self._scan()]
        stamps = {path: now for path, _, now in found}
        if self._whole is not None and self._whole.stamps == stamps:
            return self._whole
        reading = self.journal.reading
        new = [path for path, now in stamps.items() if self._parsed.get(path, ("",))[0] != now]
        cached = self._in_journal.cached(new if reading else None)
        fresh: list[tuple[str, str, bytes]] = []
        settled = True
        contents = Contents(stamps=stamps)
        for path, status, now in found:
            data = self._known(path, now, cached)
            if data is None:
                may_be_kept = status is not None and _is_settled(status)
                settled = settled and may_be_kept
                try:
                    data = self._parse(path)
                except AsimovError as error:
                    if path == PROJECT_FILE:
                        raise
                    contents.broken[path] = error
                    continue
                if may_be_kept and (kept := encoded(data)):
                    fresh.append((path, now, kept))
                    self._keep(path, now, data)
            _take(contents, path, data)
        if reading:
            self._whole = contents if settled and not self.pending else None
            return contents
        gone = [path for path in cached if path not in stamps]
        if fresh or gone:
            self._in_journal.cache(fresh, gone)
        return contents

    def _known(
        self, path: str, now: str, cached: Mapping[str, tuple[str, bytes]]
    ) -> dict[str, Any] | None:
        """Return the parsed form of a file, if it is known for its present stamp."""
        before, data = self._parsed.get(path, ("", {}))
        if now and before == now:
            return data
        if not now or cached.get(path, ("",))[0] != now:
            return None
        found: dict[str, Any] | None = decoded(cached[path][1])
        if found is not None:
            self._keep(path, now, found)
        return found

    def _keep(self, path: str, now: str, data: dict[str, Any]) -> None:
        if self.journal.reading:  # what acts may change what it was given
            self._parsed[path] = now, data

    def _scan(self) -> Iterator[tuple[str, os.stat_result | None]]:
        paths = [PROJECT_FILE]
        for kind in SHAPES:
            try:
                names = os.listdir(self.folder / kind)  # noqa: PTH208  (ten thousand names)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise AsimovError(
                    f"can't be read: {error.strerror}", where=self.folder / kind
                ) from error
            paths += [
                f"{kind}/{name}"
                for name in sorted(names)
                if name.endswith((".yaml", ".yml")) and not name.startswith(".")
            ]
        # Include new pending files, in the order in which they will be found.
        gone = {path for path, text in self.pending.items() if text is None}
        paths = [path for path in paths if path not in gone]
        if new := self.pending.keys() - gone - set(paths):
            folders = [PROJECT_FILE, *SHAPES]
            paths = sorted([*paths, *new], key=lambda p: (folders.index(p.split("/")[0]), p))
        folder = str(self.folder)
        for path in paths:
            try:
                status = None
                if path not in self.pending:
                    status = os.stat(f"{folder}/{path}")  # noqa: PTH116  (ten thousand files)
                yield path, status
            except OSError:
                yield path, None

    def text(self, path: str) -> str | None:
        """Return the text of a ledger file; None if there is no such file."""
        if path in self.pending:
            return self.pending[path]
        try:
            return reading.contents(self.folder / path).decode("utf-8-sig")
        except FileNotFoundError:
            return None
        except AsimovError as error:
            error.where = self._name(path)
            raise
        except UnicodeDecodeError as error:
            raise AsimovError("is not UTF-8 text", where=self._name(path)) from error
        except OSError as error:
            raise AsimovError(f"can't be read: {error.strerror}", where=self._name(path)) from error

    def _name(self, path: str) -> str:
        """Return a ledger file's name for messages: relative to the project."""
        return f"{self.folder.name}/{path}"

    def _parse(self, path: str) -> dict[str, Any]:
        name = self._name(path)
        if path.endswith(".yml"):
            raise AsimovError("is ignored", where=name, hint="give it a name that ends in .yaml")
        text = self.text(path)
        if text is None:
            raise AsimovError(
                "is missing", where=name, hint="restore it, or create an empty file in its place"
            )
        return parse(path, text, name)

    @contextmanager
    def writing(
        self, files: Mapping[str, str | None], known: Mapping[str, dict[str, Any]]
    ) -> Iterator[None]:
        """Change ledger files, all or none of them; the caller holds `lock`.

        The block is in the transaction that records the change: what it writes to the journal is
        recorded with it, or neither is. The files follow after the block.

        Parameters
        ----------
        files
            The new texts by path; None deletes a file.
        known
            The parsed form of the texts, where known, so that they need not be parsed again.
        """
        with self.journal.durably():
            self._in_journal.begin_change(files)
            yield
        try:
            self._write_all(files)
        except ReportedError as error:
            error.hint = "fix this; the next command then finishes the change"
            raise
        self._in_journal.close_changes()
        parsed = []
        latest = 0
        for path, data in known.items():
            kept = encoded(data)
            if kept:
                status = (self.folder / path).stat()
                latest = max(latest, status.st_ctime_ns)
                parsed.append((path, stamp(status), kept))
        self._in_journal.cache(parsed)
        # From now on, an edit of one of the files changes its time stamp.
        time.sleep(max(0, min(_TICK_NS, latest + _TICK_NS - time.time_ns())) / 1e9)

    def _write_all(self, files: Mapping[str, str | None]) -> None:
        # Not synced one by one: the journal can write them again until all are on disk.
        for path, text in files.items():
            if text is None:
                _delete(self.folder / path)
            else:
                write_atomically(self.folder / path, text, sync=False)
        sync_file_system(self.folder)

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Lock the ledger against other commands, after finishing an incomplete change."""
        lock = self.journal.path.with_name("ledger.lock")
        with locked(lock, "changing the ledger", wait=self.patience):
            pending = self._in_journal.changes()
            for files in pending:
                self._write_all(files)
            if pending:
                self._in_journal.close_changes()
            yield

    def finish_changes(self) -> None:
        """Finish a change that a crash left incomplete, unless the ledger is only read."""
        if not self.journal.reading and self._in_journal.changes():
            with self.lock():
                pass


def _take(contents: Contents, path: str, data: dict[str, Any]) -> None:
    """Add a parsed file to the contents."""
    if path == PROJECT_FILE:
        contents.project = data
    elif path.startswith("subjects/"):
        name = data["name"]
        contents.subjects[name] = data
        for analysis in data.get("analyses") or ():
            key = Key(name, analysis["name"])
            contents.entries[key] = Entry(key, analysis, path)
    else:
        key = Key(PROJECT_ANALYSES, data["name"])
        contents.entries[key] = Entry(key, data, path)


def _is_settled(status: os.stat_result) -> bool:
    """Return whether a file that changes from now on gets another stamp."""
    return time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _TICK_NS


def _delete(path: Path) -> None:
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise unwritable(error, path, "can't be deleted") from error
