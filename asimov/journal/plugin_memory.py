"""What plugins keep between tasks: small values, blobs, and plugins made at runtime."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, NamedTuple

from asimov.journal.database import Database
from asimov.system.kept_files import KeptFiles

_NONE = object()
#: The most bytes of a blob that is in the journal itself, and of any.
SMALL, LARGEST = 64_000, 1_000_000_000
#: How often a blob is read that is being replaced.
_TRIES = 10


class _Kept:
    """Values of a plugin by key.

    Parameters
    ----------
    journal
        Where they are kept.
    plugin
        The plugin's name; the values of others are not seen.
    """

    _table: ClassVar[str]

    def __init__(self, journal: Database, plugin: str) -> None:
        self._journal = journal
        self._plugin = plugin

    def get(self, key: str, default: Any = _NONE) -> Any:
        """Return the value of a key.

        Raises
        ------
        KeyError
            If there is none, and no default is given.
        """
        rows = self._journal.rows(
            f"SELECT value FROM {self._table} WHERE plugin = ? AND key = ?", (self._plugin, key)
        )
        if rows:
            return self._read(bytes(rows[0][0]))
        if default is _NONE:
            raise KeyError(key)
        return default

    def set(self, key: str, value: Any) -> Any:
        """Set the value of a key; return the one before, None if there was none.

        Raises
        ------
        TypeError, ValueError
            If it can't be kept: then nothing changes.
        """
        packed = self._packed(value)
        with self._journal.durably():
            before = self.get(key, None)
            self._journal.write(
                f"INSERT OR REPLACE INTO {self._table} VALUES (?, ?, ?)",
                (self._plugin, key, packed),
            )
        return before

    def delete(self, key: str) -> None:
        """Forget a key; one that is not there is no error."""
        with self._journal.durably():
            self._journal.write(
                f"DELETE FROM {self._table} WHERE plugin = ? AND key = ?", (self._plugin, key)
            )

    def keys(self) -> list[str]:
        """Return all keys, sorted."""
        return self.search("")

    def search(self, text: str) -> list[str]:
        """Return the keys that contain a text, sorted."""
        rows = self._journal.rows(
            f"SELECT key FROM {self._table} WHERE plugin = ? AND instr(key, ?) ORDER BY key",
            (self._plugin, text),
        )
        return [key for (key,) in rows]

    def _packed(self, value: Any) -> bytes:
        raise NotImplementedError

    def _read(self, packed: bytes) -> Any:
        raise NotImplementedError


class Values(_Kept):
    """Small values: whatever JSON can hold."""

    _table = "plugin_values"

    def _packed(self, value: Any) -> bytes:
        return json.dumps(value).encode()

    def _read(self, packed: bytes) -> Any:
        return json.loads(packed)


class Blobs(_Kept):
    """Bytes; those of more than `SMALL` are in files, on disk before they count as set.

    Parameters
    ----------
    journal, plugin
        As of `Values`.
    files
        Where they are.
    """

    _table = "plugin_blobs"

    def __init__(self, journal: Database, plugin: str, files: KeptFiles) -> None:
        super().__init__(journal, plugin)
        self._files = files

    def get(self, key: str, default: Any = _NONE) -> Any:
        """Return the bytes of a key; see `Values.get`."""
        for tries in range(_TRIES):
            name = self._file(key)
            if not name:
                return super().get(key, default)
            try:
                return self._files.read(name)
            except FileNotFoundError:  # it was replaced meanwhile, or it is lost
                if tries == _TRIES - 1:
                    raise
        raise AssertionError("the last try returns or raises")

    def set(self, key: str, value: Any) -> Any:
        """Set the bytes of a key; return those before, None if there were none.

        Raises
        ------
        TypeError, ValueError
            If they are no bytes, or too many: then nothing changes.
        """
        packed = self._packed(value)
        name = self._files.add(packed) if len(packed) > SMALL else None
        try:
            with self._journal.durably():
                before, old = self.get(key, None), self._file(key)
                self._journal.write(
                    "INSERT OR REPLACE INTO plugin_blobs VALUES (?, ?, ?, ?)",
                    (self._plugin, key, b"" if name else packed, name),
                )
        except BaseException:
            if name:
                self._files.remove(name)
            raise
        if old:
            self._files.remove(old)
        return before

    def delete(self, key: str) -> None:
        """Forget a key, and remove its file; one that is not there is no error."""
        name = self._file(key)
        super().delete(key)
        if name:
            self._files.remove(name)

    def is_inside(self, key: str) -> bool:
        """Return whether the bytes of a key are in the journal itself."""
        return self._file(key) is None and key in self.search(key)

    def _file(self, key: str) -> str | None:
        rows = self._journal.rows(
            "SELECT file FROM plugin_blobs WHERE plugin = ? AND key = ?", (self._plugin, key)
        )
        return rows[0][0] if rows else None

    def _packed(self, value: Any) -> bytes:
        if not isinstance(value, (bytes, bytearray, memoryview)):
            raise TypeError(f"a blob is bytes, not {type(value).__name__}")
        data = bytes(value)
        if len(data) > LARGEST:
            raise ValueError(f"a blob may have {LARGEST} bytes, not {len(data)}")
        return data

    def _read(self, packed: bytes) -> Any:
        return packed


def settle(journal: Database, files: KeptFiles) -> None:
    """Move blobs into files that an older version kept in the journal, and remove lost files."""
    found = journal.rows(
        "SELECT plugin, key FROM plugin_blobs WHERE file IS NULL AND length(value) > ?", (SMALL,)
    )
    for plugin, key in found:
        blobs = Blobs(journal, plugin, files)
        with journal.transaction():
            # Another process may have moved or removed it meanwhile.
            if blobs.is_inside(key):
                blobs.set(key, blobs.get(key))
    files.sweep({name for (name,) in journal.rows("SELECT file FROM plugin_blobs") if name})


class RuntimePlugin(NamedTuple):
    """A plugin that was made at runtime; `parent` is the name or identifier of its manager."""

    number: int
    parent: str
    name: str
    version: str
    description: str
    tags: tuple[str, ...]
    href: str


class RuntimePlugins:
    """The plugins that were made at runtime, and the changes of them.

    Parameters
    ----------
    journal
        Where they are kept.
    parent
        The plugin that adds and removes; None to only look at all.
    names
        The names that it has: its name, and its identifier.
    besides
        Takes the address of one that is added or removed, in the transaction of that.
    """

    def __init__(
        self,
        journal: Database,
        parent: str | None = None,
        names: Sequence[str] = (),
        besides: Callable[[str], None] = lambda href: None,
    ) -> None:
        self._journal = journal
        self._parent = parent
        self._names = {*names, *([parent] if parent else [])}
        self._besides = besides

    def all(self) -> list[RuntimePlugin]:
        """Return them, those of the parent if there is one."""
        rows = self._journal.rows(
            "SELECT id, parent, plugin, version, description, tags, href FROM runtime_plugins "
            "ORDER BY plugin, version, id"
        )
        found = [RuntimePlugin(*row)._replace(tags=tuple(json.loads(row[5]))) for row in rows]
        return [each for each in found if not self._parent or each.parent in self._names]

    def add(
        self, *, name: str, version: str, href: str, description: str = "", tags: Sequence[str] = ()
    ) -> RuntimePlugin:
        """Add a plugin of the parent; one with the same address is replaced.

        Parameters
        ----------
        name, version, description, tags
            As of a card.
        href
            Its address, absolute.

        Raises
        ------
        ValueError
            If another plugin has added that address.
        """
        assert self._parent
        with self._journal.durably():
            there = self._journal.rows("SELECT parent FROM runtime_plugins WHERE href = ?", (href,))
            if there and there[0][0] not in self._names:
                raise ValueError(f"{href} was added by {there[0][0]}")
            self._journal.write("DELETE FROM runtime_plugins WHERE href = ?", (href,))
            self._journal.write(
                "INSERT INTO runtime_plugins (parent, plugin, version, description, tags, href) "
                "VALUES (?, ?, ?, ?, ?, ?)",
                (self._parent, name, version, description, json.dumps(list(tags)), href),
            )
            self._besides(href)
        return next(each for each in self.all() if each.href == href)

    def remove(self, href: str) -> bool:
        """Remove the parent's plugin with an address; return whether there was one."""
        if not any(each.href == href for each in self.all()):
            return False
        with self._journal.durably():
            self._journal.write("DELETE FROM runtime_plugins WHERE href = ?", (href,))
            self._besides(href)
        return True
