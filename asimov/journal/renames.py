"""Give an analysis or a subject another name in all that the journal knows of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from asimov.journal.confirmed_removals import FORGOTTEN
from asimov.journal.database import unpacked
from asimov.journal.journal import Journal
from asimov.journal.keys import Key


def rename(journal: Journal, keys: Mapping[Key, Key], paths: Mapping[str, str]) -> None:
    """Rename analyses, with their attempts, events, facts, builds and provenance.

    Parameters
    ----------
    journal
        The open journal; the caller holds a transaction.
    keys
        The new keys by the old ones; the facts of a subject have a key with an empty name.
    paths
        The new paths of files and folders by the old ones, as the journal stores them.
    """
    for table in journal.tables_of_analyses():
        journal.write_many(
            f"UPDATE OR REPLACE {table} SET subject = ?, name = ? WHERE subject = ? AND name = ?",
            ((*new, *old) for old, new in keys.items()),
        )
    _rename_forgotten(journal, keys)
    change = _changing({str(old): str(new) for old, new in keys.items()}, paths)
    for table, column in (("logs", "path"), ("checksums", "path"), ("data_objects", "file")):
        rows = journal.rows(f"SELECT DISTINCT {column} FROM {table} WHERE {column} IS NOT NULL")
        changed = [(change(path), path) for (path,) in rows if change(path) != path]
        journal.write_many(
            f"UPDATE OR REPLACE {table} SET {column} = ? WHERE {column} = ?", changed
        )
    for was, now in paths.items():
        # Not LIKE, in which "_" stands for any character, and letters have no case.
        journal.write(
            "UPDATE builds SET config = ? || substr(config, ?) "
            "WHERE config = ? OR substr(config, 1, ?) = ?",
            (now, len(was) + 1, was, len(was) + 1, f"{was}/"),
        )
    for new in keys.values():
        for uid, logs in journal.rows(
            "SELECT uid, logs FROM attempts WHERE logs != '' AND subject = ? AND name = ?", new
        ):
            changed_logs = "\n".join(map(change, logs.splitlines()))
            journal.write("UPDATE attempts SET logs = ? WHERE uid = ?", (changed_logs, uid))
        for table in ("facts", "fingerprints"):
            _rewrite(journal, table, "subject = ? AND name = ?", new, change)
    for (uid,) in journal.rows("SELECT uid FROM provenance"):
        _rewrite(journal, "provenance", "uid = ?", (uid,), change)


def _rename_forgotten(journal: Journal, keys: Mapping[Key, Key]) -> None:
    text = journal.get_property(FORGOTTEN)
    if text:
        known = msgspec.json.decode(text, type=list[Key])
        after = sorted(keys.get(key, key) for key in known)
        journal.set_property(FORGOTTEN, msgspec.json.encode(after).decode())


def _changing(names: Mapping[str, str], paths: Mapping[str, str]) -> Callable[[str], str]:
    def change(text: str) -> str:
        if text in names:
            return names[text]
        for old, new in paths.items():
            if text == old or text.startswith(f"{old}/"):
                return new + text[len(old) :]
        return text

    return change


def _rewrite(
    journal: Journal, table: str, where: str, values: Sequence[str], change: Callable[[str], str]
) -> None:
    """Change the texts in the packed data of a row."""
    for (data,) in journal.rows(f"SELECT data FROM {table} WHERE {where}", values):
        before = unpacked(journal, data)
        after = _changed(before, change)
        if after != before:
            packed = msgspec.msgpack.encode(after)
            journal.write(f"UPDATE {table} SET data = ? WHERE {where}", (packed, *values))


def _changed(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {key: _changed(each, change) for key, each in value.items()}
    if isinstance(value, list):
        return [_changed(each, change) for each in value]
    return value
