"""The settings that a result was made with, and where the ledger says something else now."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from asimov import text
from asimov.engine.provenance.comparison import ASIDE, Difference, differing, named, other_pipeline
from asimov.engine.provenance.record import last_run, settings_of
from asimov.journal.keys import Key
from asimov.journal.provenance import ProvenanceRecords
from asimov.ledger.documents import dump
from asimov.project.workspace import Workspace
from asimov.settings.merging import merge

#: The most of a value that a mark shows, in characters.
_LONGEST = 60
_INDENT = "  "


class ResultSettings(NamedTuple):
    """The settings of an analysis's result.

    Attributes
    ----------
    made_by
        The last attempt, as ``subject/name@number``.
    settings
        Those that it ran with, as its pipeline saw them; those that only describe it, as they are.
    changed
        Those that are others now.
    written
        The names of those that pipelines and hooks have written, not people.
    """

    made_by: str
    settings: dict[str, Any]
    changed: list[Difference]
    written: frozenset[str]

    @property
    def lines(self) -> list[str]:
        """The settings as lines of text, each that is another one now marked where it stands."""
        waiting = {each.name: self._mark(each) for each in self.changed}
        return [*_lines(self.settings, waiting, (), ""), *_left(waiting, (), "")]

    def _mark(self, change: Difference) -> str:
        where = "written by its pipeline" if change.name in self.written else "in the ledger"
        now = change.after
        short = "not set" if now is None else text.short(text.line(str(now)), _LONGEST)
        return f"  (now {short} {where})"


def result_settings(workspace: Workspace, key: Key) -> ResultSettings | None:
    """Return the settings of an analysis's last attempt; None if it has not run."""
    run = last_run(workspace.journal, key)
    if run is None:
        return None
    attempt, found = run
    then = settings_of(ProvenanceRecords(workspace.journal), found)
    now = workspace.effective(key)
    pipeline = list(other_pipeline(workspace, key, found))
    changed = [*pipeline, *differing("settings", named(then), named(now))]
    made = {name: value for name, value in then.items() if name not in ASIDE}
    made |= {name: value for name, value in now.items() if name in ASIDE}
    made = {each.name: each.before for each in pipeline} | made
    facts = merge(workspace.facts.get(each, {}) for each in (Key(key.subject, ""), key))
    return ResultSettings(f"{key}@{attempt.number}", made, changed, frozenset(named(facts)))


def _lines(
    settings: Mapping[Any, Any], waiting: dict[str, str], above: tuple[Any, ...], indent: str
) -> Iterator[str]:
    for key, value in settings.items():
        path = (*above, key)
        front = ": ".join(map(str, path))
        if isinstance(value, Mapping) and value:
            yield f"{indent}{key}:"
            yield from _lines(value, waiting, path, indent + _INDENT)
            yield from _left(waiting, path, indent + _INDENT)
            continue
        first, *rest = dump({key: value}).rstrip().splitlines()
        yield f"{indent}{first}{waiting.pop(front, '')}"
        yield from (f"{indent}{line}" for line in rest)


def _left(waiting: dict[str, str], above: tuple[Any, ...], indent: str) -> Iterator[str]:
    """Yield the settings of a mapping that were not set when the result was made."""
    front = "".join(f"{each}: " for each in above)
    for name in [each for each in waiting if each.startswith(front)]:
        yield f"{indent}{name.removeprefix(front)}: not set{waiting.pop(name)}"
