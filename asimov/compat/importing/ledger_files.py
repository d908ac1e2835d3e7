"""Read a ledger of asimov 0.8.0: ``ledger.yml``, or the SQLite file ``ledger.db``.

Both become the same plain data. Nothing is written: SQLite is given a copy, since even a reader may
leave files beside a database.
"""

from __future__ import annotations

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from configparser import ConfigParser
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asimov import configuration
from asimov.errors import AsimovError
from asimov.ledger.documents import read_documents
from asimov.system import reading
from asimov.text import quoted

#: The engines that keep the ledger in an SQLite file.
_SQLITE = {"sqlite", "sqlalchemy"}
#: What an export has in ``asimov``, and the last key of such a file: YAML cut short may be valid.
ENDS_WITH, END = "ends with", "end of export"
#: A ledger of 10,000 analyses has about 50 million bytes.
_LARGEST = 2_000_000_000


@dataclass
class OldLedger:
    """A ledger of the published program.

    Attributes
    ----------
    source
        The file that was read.
    root
        The project's folder; None for a ledger file alone.
    config
        The project's ``asimov.conf``; empty for a ledger file alone.
    top
        The keys beside subjects and analyses: settings of the project, of pipelines and others.
    subjects
        The subjects, without their analyses.
    analyses
        The analyses of each subject.
    project_analyses
        The project analyses.
    """

    source: Path
    root: Path | None
    config: ConfigParser
    top: dict[str, Any] = field(default_factory=dict)
    subjects: list[dict[str, Any]] = field(default_factory=list)
    analyses: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    project_analyses: list[dict[str, Any]] = field(default_factory=list)


def knows(path: Path) -> bool:
    """Return whether a path is a project of the published program, or a ledger of its layout."""
    if path.is_file():
        return path.suffix in {".yml", ".yaml"} and "\nevents:" in f"\n{_start(path)}"
    try:
        return (path / ".asimov" / "asimov.conf").is_file() and _location(path).is_file()
    except AsimovError:
        return False


def _start(path: Path) -> str:
    return reading.contents(path, most=_LARGEST).decode("utf-8", errors="replace")


def read(path: Path) -> OldLedger:
    """Read the ledger of a project, or a ledger file alone.

    Raises
    ------
    AsimovError
        If there is none, or it can't be understood.
    """
    if path.is_file():
        return _from_yaml(OldLedger(path, None, ConfigParser(interpolation=None)), path)
    config = _config(path)
    engine = config.get("ledger", "engine", fallback="yamlfile")
    location = _location(path)
    if not location.is_file():
        raise AsimovError("there is no ledger", where=location)
    ledger = OldLedger(location, path, config)
    if engine == "yamlfile":
        return _from_yaml(ledger, location)
    if engine in _SQLITE:
        return _from_sqlite(ledger, location)
    raise AsimovError(
        f"a ledger of the engine {engine!r} can't be read",
        where=path / ".asimov" / "asimov.conf",
        hint="convert it there: 'asimov migrate-ledger --to yamlfile'",
    )


def _config(root: Path) -> ConfigParser:
    config = ConfigParser(interpolation=None)
    configuration.read_file(config, root / ".asimov" / "asimov.conf")
    return config


def _location(root: Path) -> Path:
    """Return where a project's configuration says that its ledger is."""
    config = _config(root)
    # Projects older than the option have a YAML file.
    where = config.get("ledger", "location", fallback=".asimov/ledger.yml")
    return root / where.removeprefix("sqlite:///")


def _from_yaml(ledger: OldLedger, path: Path) -> OldLedger:
    try:
        text = reading.contents(path, most=_LARGEST).decode("utf-8-sig")
    except OSError as error:
        raise AsimovError(f"can't be read: {error.strerror}", where=path) from error
    except UnicodeDecodeError as error:
        raise AsimovError("is not UTF-8 text", where=path) from error
    documents = read_documents(text, str(path))
    if len(documents) != 1 or not isinstance(documents[0].data, dict):
        raise AsimovError("is not a ledger of asimov 0.5 to 0.8", where=path)
    ledger.top = dict(documents[0].data)
    _check(ledger.top, path)
    made = ledger.top.get("asimov") or {}
    if ENDS_WITH in made and not ledger.top.pop(END, False):
        raise AsimovError(
            "is cut short: it does not have the end of an export",
            where=path,
            hint="copy it again, or write it again with 'asimov ledger export'",
        )
    for subject in _mappings(ledger.top.pop("events", None), path, "events"):
        name = _name(subject, path)
        listed = subject.pop("productions", None)
        ledger.subjects.append(subject)
        ledger.analyses[name] = _analyses(listed, path, f"productions of {name}")
    listed = ledger.top.pop("project analyses", None)
    ledger.project_analyses = _analyses(listed, path, "project analyses")
    return ledger


def mapping(value: Any, what: Any, where: Path) -> dict[Any, Any]:
    """Return a value that should be a mapping; nothing is an empty one.

    Raises
    ------
    AsimovError
        If it is something else.
    """
    if value is not None and not isinstance(value, dict):
        raise AsimovError(f"{quoted(str(what))} should be a mapping", where=where)
    return value or {}


def _check(top: dict[str, Any], path: Path) -> None:
    """Refuse keys of the whole ledger that are no mappings and are read as such."""
    mapping(top.get("asimov"), "asimov", path)
    if pipelines := mapping(top.get("pipelines"), "pipelines", path):
        top["pipelines"] = {
            str(name): mapping(settings, f"pipelines: {name}", path)
            for name, settings in pipelines.items()
        }


def _analyses(value: Any, path: Path, what: str) -> list[dict[str, Any]]:
    """Return the analyses of a list, in which each may be written as a mapping of its name."""
    found = []
    for each in _mappings(value, path, what):
        if len(each) == 1 and "name" not in each:
            ((name, settings),) = each.items()
            found.append({**mapping(settings, f"{what}: {name}", path), "name": str(name)})
        else:
            found.append(each)
    return found


def _mappings(value: Any, path: Path, what: str) -> Iterator[dict[str, Any]]:
    if value is None:
        return
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise AsimovError(f"{what!r} should be a list of mappings", where=path)
    for each in value:
        yield dict(each)


def _name(mapping: dict[str, Any], path: Path) -> str:
    if not mapping.get("name"):
        raise AsimovError("a subject has no name", where=path)
    return str(mapping["name"])


def _from_sqlite(ledger: OldLedger, path: Path) -> OldLedger:
    with tempfile.TemporaryDirectory(prefix="asimov-import-") as folder:
        copy = Path(folder) / path.name
        try:
            for each in path.parent.glob(f"{path.name}*"):
                if each.name in {path.name, f"{path.name}-wal", f"{path.name}-journal"}:
                    shutil.copyfile(each, Path(folder) / each.name)
            with closing(sqlite3.connect(copy)) as database:
                database.row_factory = sqlite3.Row
                _take_rows(ledger, database)
        except OSError as error:
            raise AsimovError(f"can't be read: {error.strerror}", where=path) from error
        except (sqlite3.Error, ValueError, KeyError, IndexError) as error:
            raise AsimovError(
                f"is not a ledger of asimov 0.5 to 0.8: {error}", where=path
            ) from error
    return ledger


def _take_rows(ledger: OldLedger, database: sqlite3.Connection) -> None:
    for row in database.execute("SELECT data FROM ledger_config ORDER BY id"):
        ledger.top.update(_object(row["data"]))
    _check(ledger.top, ledger.source)
    # It does not say; no other release has this engine.
    ledger.top["asimov"] = {"version": "0.8", **(ledger.top.get("asimov") or {})}
    for row in database.execute("SELECT * FROM events ORDER BY id"):
        subject = {**_object(row["meta"]), "name": row["name"]}
        for column, key in (
            ("repository", "repository"),
            ("working_directory", "working directory"),
        ):
            if row[column] is not None:
                subject[key] = row[column]
        subject.pop("productions", None)
        ledger.subjects.append(subject)
        ledger.analyses[row["name"]] = []
    for row in database.execute("SELECT * FROM productions ORDER BY id"):
        ledger.analyses.setdefault(row["event_name"], []).append(_analysis(row))
    ledger.project_analyses = [
        _analysis(row) for row in database.execute("SELECT * FROM project_analyses ORDER BY id")
    ]


def _analysis(row: sqlite3.Row) -> dict[str, Any]:
    columns = {key: row[key] for key in ("name", "pipeline", "status", "comment")}
    return {**_object(row["meta"]), **columns}


def _object(text: Any) -> dict[str, Any]:
    # SQLite returns a number for text that is one.
    found = json.loads(str(text))
    if not isinstance(found, dict):
        raise ValueError(f"{quoted(str(text))} should be a mapping")
    return found
