"""Read what can still be read of a damaged journal, row by row.

SQLite can read the rows of every intact page. So each table is read from both ends until an error
occurs, and the rows in between by keys that other sources know. All rows are checked, since SQLite
has no checksums; rows with impossible values are left out.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from asimov.journal.database import RAISED
from asimov.journal.journal import STATES_OF_PACKAGES
from asimov.journal.keys import Key
from asimov.journal.migrations import MIGRATIONS
from asimov.states import STATES, take_up

#: A value of a row; SQLite has no others.
Row = dict[str, Any]

#: Tables not worth salvaging: parsed files and log offsets are read again, and leases belong to
#: processes.
REBUILT = ("documents", "logs", "lease")

#: The types of values that a column may contain, by its declared type.
_TYPES: dict[str, tuple[type, ...]] = {
    "TEXT": (str,),
    "INTEGER": (int,),
    "REAL": (float, int),
    "BLOB": (bytes,),
}
#: Tables with bytes of plugins, which need not be packed.
_ANY_BYTES = {"plugin_values", "plugin_blobs"}
#: What columns hold besides: one that said whether something was listed says since when.
_BESIDES: dict[tuple[str, str], tuple[type, ...]] = {("function_calls", "listed"): (float,)}
_ATTEMPTS = {"intended", "submitted", "ended", "void"}


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the migrations create it: its columns with their types, and its key."""

    name: str
    columns: dict[str, tuple[str, bool]]
    key: tuple[str, ...]


@dataclass
class Salvaged:
    """What was read from a damaged journal.

    Attributes
    ----------
    rows
        The valid rows, by table.
    damage
        What is wrong with the file, as lines for people; empty if it is intact.
    incomplete
        The tables that lack rows, or may lack some.
    version
        The version of the file's format; 0 if unknown.
    """

    version: int = 0
    rows: dict[str, list[Row]] = field(default_factory=dict)
    damage: list[str] = field(default_factory=list)
    incomplete: set[str] = field(default_factory=set)


def tables(version: int = len(MIGRATIONS)) -> list[Table]:
    """Return the tables of a version of the journal's format."""
    with closing(sqlite3.connect(":memory:")) as db:
        for script in MIGRATIONS[:version]:
            db.executescript(script)
        names = [
            name for (name,) in db.execute("SELECT name FROM sqlite_schema WHERE type='table'")
        ]
        found = []
        for name in names:
            about = db.execute(f"PRAGMA table_info({name})").fetchall()
            columns = {row[1]: (row[2], bool(row[3])) for row in about}
            keys = sorted((row[5], row[1]) for row in about if row[5])
            found.append(Table(name, columns, tuple(column for _, column in keys)))
        return found


def salvage(path: Path, analyses: Iterable[Key] = ()) -> Salvaged:
    """Read everything readable from a journal.

    Parameters
    ----------
    path
        A copy of the journal with its sidecar files; SQLite may write to it.
    analyses
        The analyses in the ledger: their rows are read one by one if a table can't be read as a
        whole.
    """
    found = Salvaged()
    keys = list(analyses)
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None)
    except RAISED as error:
        return _nothing(found, error)
    with closing(db):
        # Invalid text must not prevent the other rows from being read.
        db.text_factory = lambda data: data.decode(errors="surrogateescape")
        db.row_factory = sqlite3.Row
        try:
            (found.version,) = db.execute("PRAGMA user_version").fetchone()
        except RAISED as error:
            return _nothing(found, error)
        if not 0 < found.version <= len(MIGRATIONS):
            found.damage.append(f"it claims to have format {found.version}")
        found.damage += _integrity(db)
        _take_up_states(db)
        expected = {table.name: table for table in tables(found.version)}
        for table in tables():
            _read(db, table, expected.get(table.name), keys, found)
    return found


def _nothing(found: Salvaged, error: Exception) -> Salvaged:
    found.damage = [f"nothing of it can be read: {error}"]
    for table in tables():
        found.rows[table.name] = []
        found.incomplete.add(table.name)
    return found


def _take_up_states(db: sqlite3.Connection) -> None:
    """Register the states added by packages, as far as they can still be read."""
    try:
        rows = db.execute("SELECT value FROM properties WHERE key = ?", (STATES_OF_PACKAGES,))
        for name in msgspec.json.decode(rows.fetchone()["value"], type=list[str]):
            take_up(name)
    except (
        *RAISED,
        msgspec.MsgspecError,
        TypeError,
        UnicodeError,
    ):  # there are none, or they can't be read
        return


def _integrity(db: sqlite3.Connection) -> list[str]:
    lines = []
    try:
        for (line,) in db.execute("PRAGMA integrity_check(20)"):
            lines += line.splitlines()
    except RAISED as error:
        lines.append(str(error))
    return [line.strip() for line in lines if line != "ok"]


def _read(
    db: sqlite3.Connection,
    table: Table,
    expected: Table | None,
    keys: list[Key],
    found: Salvaged,
) -> None:
    """Read one table; columns that its version lacks get their defaults.

    Parameters
    ----------
    table, expected
        The table in today's format and in the file's own.
    """
    rows: dict[tuple[Any, ...], Row] = {}
    found.rows[table.name] = []
    try:
        about = db.execute(f"PRAGMA table_info({table.name})").fetchall()
    except RAISED:
        about = []
    columns = [row["name"] for row in about if row["name"] in table.columns]
    lacks = [name for name in expected.columns if name not in columns] if expected else []
    if lacks:
        found.damage.append(f"the table {table.name} lacks {', '.join(lacks)}")
    if not set(table.key) <= set(columns):
        if expected:
            found.incomplete.add(table.name)
        return
    unsound = 0
    select = f"SELECT {', '.join(columns)} FROM {table.name}"

    def take(query: str, values: tuple[Any, ...] = ()) -> bool:
        """Take the rows of a query until it fails; return whether it did not."""
        nonlocal unsound
        try:
            for row in db.execute(query, values):
                data = dict(row)
                if is_sound(table, data):
                    rows[tuple(data[column] for column in table.key)] = data
                else:
                    unsound += 1
        except RAISED:
            return False
        return True

    whole = take(f"{select} ORDER BY {', '.join(table.key)}")
    if unsound:
        found.damage.append(f"{unsound} rows of the table {table.name} can't be right")
    if not whole:
        take(f"{select} ORDER BY {', '.join(f'{column} DESC' for column in table.key)}")
        for forwards, backwards, values in _parts(db, table, keys):
            if not take(f"{select} WHERE {forwards}", values) and backwards:
                # Reading from the other side gets past the damaged page.
                take(f"{select} WHERE {backwards}", values)
    if unsound or not whole:
        found.incomplete.add(table.name)
    found.rows[table.name] = list(rows.values())


def _parts(
    db: sqlite3.Connection, table: Table, keys: list[Key]
) -> Iterator[tuple[str, str | None, tuple[Any, ...]]]:
    """Yield conditions that select parts of a damaged table, in one or both directions."""
    if {"subject", "name"} <= table.columns.keys():
        subjects = dict.fromkeys(subject for subject, _ in keys)
        other = "subject = ? AND name <= ? ORDER BY subject DESC, name DESC LIMIT 1"
        for key in [*keys, *((subject, "") for subject in subjects)]:
            yield "subject = ? AND name = ?", other, key
    if len(table.key) == 1 and table.columns[table.key[0]][0] == "INTEGER":
        (column,) = table.key
        for low, high in _gaps(db, table.name, column):
            yield f"{column} BETWEEN ? AND ?", None, (low, high)


def _gaps(db: sqlite3.Connection, table: str, column: str) -> Iterator[tuple[int, int]]:
    """Yield the readable ranges of row numbers between damaged pages, found by bisection."""
    ends = []
    for order in ("", "DESC"):
        last = None
        try:
            for (number,) in db.execute(f"SELECT {column} FROM {table} ORDER BY {column} {order}"):
                last = number
        except RAISED:
            pass
        ends.append(last)
    low, high = ends
    if low is None or high is None:
        return
    ranges = [(low + 1, high - 1)]
    while ranges:
        first, last = ranges.pop()
        if first > last:
            continue
        try:
            db.execute(
                f"SELECT count(*), sum(length({column})) FROM {table} "
                f"WHERE {column} BETWEEN ? AND ?",
                (first, last),
            ).fetchone()
        except RAISED:
            if first < last:
                middle = (first + last) // 2
                ranges += [(first, middle), (middle + 1, last)]
        else:
            yield first, last


def is_sound(table: Table, row: Row) -> bool:
    """Return whether asimov can have written a row."""
    if not all(_is_sound(table, column, value) for column, value in row.items()):
        return False
    if table.name == "analyses":
        return row["status"] in STATES
    if table.name == "attempts":
        return row["state"] in _ATTEMPTS and row["stage"] in {"run", "processing", "reuse"}
    return True


def _is_sound(table: Table, column: str, value: Any) -> bool:
    declared, needed = table.columns[column]
    if value is None:
        return not needed and column not in table.key
    if isinstance(value, str) and not _is_text(value):
        return False
    # Caches are validated where they are used.
    is_checked = isinstance(value, bytes) and table.name not in {*REBUILT, *_ANY_BYTES}
    if is_checked and not _is_packed(value):
        return False
    return isinstance(value, (*_TYPES[declared], *_BESIDES.get((table.name, column), ())))


def _is_text(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def _is_packed(value: bytes) -> bool:
    try:
        msgspec.msgpack.decode(value)
    except (msgspec.DecodeError, ValueError):  # the second one for invalid text
        return False
    return True
