"""Complete a word of a command line for a shell, fast: the command line itself is not imported.

The shell calls ``asimov --complete WORD...`` with the words up to the cursor, and gets a candidate
a line. Commands, options, states and pipelines come from a table in the user's cache folder, which
`asimov.cli.completion.table` writes again whenever a package was installed or changed. Subjects and
analyses come from the names and the text of the ledger's files, which are not parsed.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

#: The first argument of a call that completes.
REQUEST = "--complete"
#: The answer where the shell is to complete the name of a file.
FILES = ":files"
#: The name of the cache's format.
_FORMAT = "1"

_ITEM = re.compile(r"^[ ]*- (?:\{\s*)?name: *([^\s,}]+)|^[ ]*- \{[^}]*?\bname: *([^\s,}]+)", re.M)
_LOCATION = re.compile(r"^\[ledger\][^\[]*?^location *[=:] *(\S+)", re.M)


def main(make: Callable[[], dict[str, Any]]) -> None:
    """Print the candidates for the last of the words that the shell gave.

    Parameters
    ----------
    make
        Makes the table of commands and keeps it, where the one that is kept is not the latest.
    """
    words = sys.argv[2:] or [""]
    try:
        found = candidates(latest() or make(), words)
    except Exception:  # a completion must never disturb the person who types
        return
    sys.stdout.write("".join(f"{each}\n" for each in found))


def candidates(table: dict[str, Any], words: Sequence[str]) -> list[str]:
    """Return what the last word can become.

    Parameters
    ----------
    table
        The table of commands; see `asimov.cli.completion.table.table`.
    words
        The words of the command line after ``asimov``, up to the cursor.
    """
    *before, last = words
    command, kind, folder = table["command"], "", "."
    given: list[str] = []
    waiting: str | None = None
    for word in before:
        if waiting is not None:
            folder = word if waiting == "folder" else folder
            waiting = None
        elif word.startswith("-") and word != "-":
            name, equals, _ = word.partition("=")
            waiting = None if equals else command["options"].get(name)
        elif word in command["commands"]:
            command, given = command["commands"][word], []
        else:
            given.append(word)
    if waiting is not None:
        kind = waiting
    elif last.startswith("-"):
        return [each for each in sorted(command["options"]) if each.startswith(last)]
    elif command["commands"] and not given:
        return [each for each in command["commands"] if each.startswith(last)]
    else:
        kinds = command["arguments"]
        many = kinds[-1] if kinds and kinds[-1].endswith("...") else ""
        kind = kinds[len(given)] if len(given) < len(kinds) else many
        kind = kind.removesuffix("...")
    found = _of_kind(kind, table, folder, given, last)
    return sorted(each for each in found if each == FILES or each.startswith(last))


def _of_kind(
    kind: str, table: dict[str, Any], folder: str, given: Sequence[str], last: str
) -> Iterator[str]:
    if kind in {"file", "folder"}:
        yield FILES
    elif kind in {"state", "pipeline"}:
        yield from table.get(kind, ())
    elif kind.startswith("one of "):
        yield from kind.removeprefix("one of ").split(" ")
    elif kind == "review" and any("/" in each for each in given):
        yield from table["review"]
    elif kind in {"subject", "pattern", "review"}:
        ledger = _ledger(folder)
        yield from _names(ledger, kind, given, last) if ledger else ()


def _names(ledger: str, kind: str, given: Sequence[str], last: str) -> Iterator[str]:
    """Yield subjects, analyses of a subject, or ``subject/`` and ``subject/analysis``."""
    subjects = _stems(os.path.join(ledger, "subjects"))
    across = _stems(os.path.join(ledger, "analyses"))
    if across:
        subjects.append("project-analyses")
    if kind == "subject":
        yield from subjects
        return
    subject, slash, _ = last.rpartition("/")
    if slash:
        yield from (f"{subject}/{name}" for name in _analyses(ledger, subject, across))
    elif given and given[-1] in subjects:
        yield from _analyses(ledger, given[-1], across)
    else:
        whole = [each for each in subjects if each.startswith(last)]
        if len(whole) == 1:
            yield from (f"{whole[0]}/{name}" for name in _analyses(ledger, whole[0], across))
        else:
            yield from (f"{each}/" for each in whole)


def _analyses(ledger: str, subject: str, across: list[str]) -> list[str]:
    if subject == "project-analyses":
        return across
    text = _read(os.path.join(ledger, "subjects", f"{subject}.yaml"))
    return [(one or other).strip("'\"") for one, other in _ITEM.findall(text)]


def _stems(folder: str) -> list[str]:
    """Return the names of the YAML files in a folder, without their ending."""
    try:
        return sorted(name[:-5] for name in os.listdir(folder) if name.endswith(".yaml"))
    except OSError:
        return []


def _ledger(folder: str) -> str | None:
    """Return the folder of the ledger of the project at or above a folder."""
    here = os.path.abspath(folder)
    while True:
        text = _read(os.path.join(here, ".asimov", "asimov.conf"))
        if text:
            place = _LOCATION.search(text)
            return os.path.join(here, place[1] if place else "ledger")
        above = os.path.dirname(here)
        if above == here:
            return None
        here = above


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8", errors="replace") as stream:
            return stream.read()
    except OSError:
        return ""


# --- the table of commands


def cached(folder: str | None = None) -> str:
    """Return the file of the table for this environment.

    Parameters
    ----------
    folder
        The folder of caches; by default that of the user.
    """
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    name = re.sub(r"\W+", "-", sys.prefix).strip("-")
    return os.path.join(folder or home, "asimov", f"completion-{_FORMAT}-{name}.json")


def stamp() -> str:
    """Return what differs after a package was installed, or a command of asimov changed."""
    times: list[int] = []
    commands = os.path.join(os.path.dirname(os.path.dirname(__file__)), "cli")
    todo = [commands]
    for each in todo:
        for entry in os.scandir(each):
            if entry.is_dir() and entry.name != "__pycache__":
                todo.append(entry.path)
            elif entry.name.endswith(".py"):
                times.append(entry.stat().st_mtime_ns)
    for path in sys.path:
        try:
            times.append(os.stat(path or ".").st_mtime_ns if path else 0)
        except OSError:
            times.append(0)
    return f"{len(times)} {hash(tuple(times))}"


def latest() -> dict[str, Any] | None:
    """Return the table that is kept, or None if a package was installed or changed since."""
    text = _read(cached())
    kept: dict[str, Any] = json.loads(text) if text else {}
    return kept if kept.get("stamp") == stamp() else None
