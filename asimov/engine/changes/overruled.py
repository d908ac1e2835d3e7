"""Notes for `asimov apply` about changed settings that people's answers or pipelines overrule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from asimov.errors import Place
from asimov.journal.keys import Key
from asimov.ledger.contents import Contents
from asimov.ledger.documents import inline
from asimov.ledger.planner import Planner
from asimov.project.workspace import Workspace
from asimov.settings.merging import leaves, value_at
from asimov.text import short

_MISSING = object()
_Path = tuple[Any, ...]


def overruled(workspace: Workspace, made: Planner) -> list[str]:
    """Return a note for each changed setting of the ledger that the journal's facts hide.

    Parameters
    ----------
    workspace
        The open project, before the change.
    made
        A planner that has planned some blueprints.
    """
    notes = []
    for key, facts in workspace.facts.items():
        before, after = _document(workspace.contents, key), _document(made.contents, key)
        if not facts or after is before or after is None:
            continue
        for path, stands in leaves(facts):
            wanted = value_at(after, path, _MISSING)
            if wanted is _MISSING or wanted in (stands, value_at(before or {}, path, _MISSING)):
                continue
            what = ": ".join(map(str, [*path, short(inline(wanted), 60)]))
            notes += [
                f"{place}: {key if key.name else key.subject}: {what} has no effect, "
                f"as {_reason(path, stands)}"
                for place in _places(made, key, path)
            ]
    return notes


def _document(contents: Contents, key: Key) -> Mapping[str, Any] | None:
    """Return what the ledger has of an analysis, or of a subject, whose key has no name."""
    if not key.name:
        return contents.subjects.get(key.subject)
    entry = contents.entries.get(key)
    return entry.data if entry else None


def _reason(path: _Path, stands: Any) -> str:
    value = short(inline(stands), 60)
    if path[0] == "answers":
        return f"{value} was answered; a restart forgets what was answered"
    return f"a pipeline or a hook wrote {value} over it"


def _places(made: Planner, key: Key, path: _Path) -> Iterator[Place]:
    """Yield where the blueprints have a setting of an analysis or a subject, if they do."""
    if key in made.places.analyses:
        yield made.places.of(key, path)
    elif not key.name and key.subject in made.places.subjects:
        yield made.places.subjects[key.subject].place(path)
