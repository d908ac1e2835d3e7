"""Notes for `asimov apply` about new and changed analyses that could not be built as they are.

The blueprint is accepted all the same, since what is missing may follow; a fault that nothing can
mend but another blueprint is refused. No pipeline is imported
for a note: only those already imported, and asimov's own, are asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from typing import Any

from asimov.errors import AsimovError, Place
from asimov.journal.keys import Key
from asimov.ledger.contents import Contents, Layer
from asimov.ledger.dependencies import Dependencies
from asimov.ledger.planner import Planner
from asimov.pipeline import Pipeline
from asimov.plugins.calls import call_plugin
from asimov.plugins.crashes import Call
from asimov.plugins.declarations import NOT_STARTED, class_if_loaded
from asimov.plugins.flow import Flow
from asimov.plugins.methods import overridden
from asimov.plugins.output import captured
from asimov.plugins.requirements import faults_found
from asimov.project.config_file import fault_of_template
from asimov.project.git.addresses import is_missing
from asimov.project.workspace import Workspace
from asimov.settings import Fault
from asimov.text import listed, quoted


def notes(workspace: Workspace, made: Planner) -> list[str]:
    """Return a note for each thing without which new and changed analyses can't be built.

    Parameters
    ----------
    workspace
        The open project.
    made
        A planner that has planned some blueprints.

    Raises
    ------
    AsimovError
        For the first fault that is final.
    """
    found = _repository_notes(workspace, made)
    return found + _asset_notes(workspace, made) + _fault_notes(workspace, made)


def _asset_notes(workspace: Workspace, made: Planner) -> list[str]:
    """Return a note for each analysis with an input that nothing makes, or in another format.

    Raises
    ------
    AsimovError
        For the first input that can't come from the analysis that it names.
    """
    graph = Dependencies(made.contents, workspace.facts)
    flow = Flow(made.contents, graph, class_if_loaded, workspace.facts)
    notes: list[str] = []
    for key in _to_check(workspace, made):
        for why, final in flow.strangers(key):
            if final:
                hint = "name it in 'needs'"
                raise AsimovError(f"{key}: {why}", where=made.places.of(key, ["inputs"]), hint=hint)
            notes.append(f"{key}: {why}")
        notes += [
            f"{key}: no analysis that it uses declares its input {asset!r}"
            for asset in flow.unprovided(key)
        ]
        notes += [f"{key}: {why}" for why in flow.unfitting(key)]
    return notes


def _repository_notes(workspace: Workspace, made: Planner) -> list[str]:
    """Return a note for each subject in the blueprints whose repository does not exist."""
    notes = []
    for name, document in made.places.subjects.items():
        given = made.contents.subjects[name].get("repository")
        if isinstance(given, str) and is_missing(given, workspace.project):
            place = document.place(["repository"])
            notes.append(f"{place}: {name}: there is no repository at {quoted(given)} yet")
    return notes


def _fault_notes(workspace: Workspace, made: Planner) -> list[str]:
    """Return a note for each fault that pipelines find in the settings of new and changed analyses.

    Raises
    ------
    AsimovError
        For the first fault that is final.
    """
    first: dict[Fault, Key] = {}
    count: Counter[Fault] = Counter()
    for key, fault in _template_faults(workspace, made):
        first.setdefault(fault, key)
        count[fault] += 1
    raised: list[str] = []
    _check_sections(workspace, made)
    for kind, pipeline, keys in _by_pipeline(made, _to_check(workspace, made)):
        for key, fault in _faults(workspace, made.contents, kind, pipeline, keys, raised):
            if fault.final:
                place = _place(made, key, fault)
                raise AsimovError(f"{key} ({pipeline}): {fault}", where=place, hint=fault.hint)
            first.setdefault(fault, key)
            count[fault] += 1
    notes = [_fault_note(made, key, fault, count[fault]) for fault, key in first.items()]
    return notes + _notes_around(workspace, made, raised) + raised


def _check_sections(workspace: Workspace, made: Planner) -> None:
    """Refuse a pipeline's section of the project's settings that no analysis could use."""
    for pipeline, section in made.declared.sections.items():
        kind = class_if_loaded(pipeline)
        found: list[Fault] = []

        def look(kind: Any = kind, found: list[Fault] = found, section: Any = section) -> None:
            found += faults_found(kind, section.data, workspace.project.root)

        if overridden(kind, "settings_faults"):
            with suppress(AsimovError), captured():  # alone it may be too little to be checked
                call_plugin(workspace, Call.of_plugin(pipeline, "settings_faults"), look)
        for fault in found:
            if fault.final and fault.path[0] in section.data and fault.message[:10] != "is missing":
                place = section.document.place([*section.path, fault.path[0]])
                raise AsimovError(f"pipelines: {pipeline}: {fault}", where=place, hint=fault.hint)


def _notes_around(workspace: Workspace, made: Planner, raised: list[str]) -> list[str]:
    """Return a note for each fault that new settings of the project or a subject bring about.

    Raises
    ------
    AsimovError
        For the first fault that is final.
    """
    broken: dict[Fault, list[Key]] = {}
    around = made.declared.surrounded(made.places.analyses)
    around = [key for key in around if workspace.status(key) in NOT_STARTED]
    for kind, pipeline, keys in _by_pipeline(made, around):
        found = _faults(workspace, made.contents, kind, pipeline, keys, raised)
        again = list(dict.fromkeys(key for key, _ in found))
        known = set(_faults(workspace, workspace.contents, kind, pipeline, again, []))
        for key, fault in found:
            if (key, fault) in known:
                continue
            if fault.final:
                place = _place(made, key, fault)
                raise AsimovError(f"{key} ({pipeline}): {fault}", where=place, hint=fault.hint)
            broken.setdefault(fault, []).append(key)
    notes = []
    for fault, keys in broken.items():
        hint = f" ({fault.hint})" if fault.hint else ""
        place = _place(made, keys[0], fault)
        notes.append(f"{place}: this breaks {listed(keys, 5)}: {fault}{hint}")
    return notes


def _template_faults(workspace: Workspace, made: Planner) -> Iterator[tuple[Key, Fault]]:
    """Yield each analysis to check whose template does not exist."""
    known: dict[str, Fault | None] = {}
    for key in _to_check(workspace, made):
        layers = made.contents.layers(made.contents.entries[key], workspace.facts)
        wanted = str(_last(layers, "template") or "")
        if wanted and wanted not in known:
            known[wanted] = fault_of_template(wanted, workspace.project)
        if fault := known.get(wanted):
            yield key, fault


def _last(layers: list[Layer], name: str) -> Any:
    """Return a setting from the most specific layer that has it, or None."""
    return next((layer[name] for _, layer in reversed(layers) if name in layer), None)


def _to_check(workspace: Workspace, made: Planner) -> Iterator[Key]:
    """Yield the analyses in the blueprints that have not started, or that change."""
    present, planned = workspace.contents.entries, made.contents.entries
    for key in made.places.analyses:
        new = key not in workspace.records or workspace.status(key) in NOT_STARTED
        if new or key not in present or present[key].data != planned[key].data:
            yield key


def _place(made: Planner, key: Key, fault: Fault) -> Place | str | None:
    """Return where the setting of a fault is written: in the analysis, or around it."""
    own = key in made.places.analyses and (
        not fault.path or str(fault.path[0]) in map(str, made.contents.entries[key].data)
    )
    found = made.declared.place(made.contents.entries[key], fault.path)
    if key in made.places.analyses and not isinstance(found, Place) and (own or found is None):
        return made.places.of(key, fault.path)
    return found


def _by_pipeline(
    made: Planner, asked: Iterable[Key]
) -> Iterator[tuple[type[Pipeline], str, list[Key]]]:
    """Yield each pipeline that looks for faults, with those analyses that have it."""
    keys: dict[str, list[Key]] = {}
    for key in asked:
        keys.setdefault(made.contents.entries[key].pipeline, []).append(key)
    for pipeline, its in keys.items():
        kind = class_if_loaded(pipeline)
        if overridden(kind, "settings_faults"):
            yield kind, pipeline, its


def _faults(
    workspace: Workspace,
    contents: Contents,
    kind: type[Pipeline],
    pipeline: str,
    keys: list[Key],
    raised: list[str],
) -> list[tuple[Key, Fault]]:
    """Return the faults that a pipeline finds; where it raises, add a note to `raised`."""
    root = workspace.project.root
    found: list[tuple[Key, Fault]] = []
    left = keys[::-1]

    def look() -> None:
        while left:
            key = left.pop()
            settings = contents.settings(contents.entries[key], workspace.facts)
            found.extend((key, fault) for fault in faults_found(kind, settings, root))

    # One call for all analyses: containing each of thousands would cost more than the calls.
    while left:
        before = len(left)
        try:
            with captured():
                call_plugin(workspace, Call.of_plugin(pipeline, "settings_faults"), look)
        except AsimovError as error:
            key = keys[len(keys) - len(left) - 1]
            raised.append(f"{key}: its settings can't be checked: {error}")
            if len(left) == before:  # nothing was even looked at
                break
    return found


def _fault_note(made: Planner, key: Key, fault: Fault, count: int) -> str:
    more = f" and {count - 1} more" if count > 1 else ""
    hint = f" ({fault.hint})" if fault.hint else ""
    place = _place(made, key, fault)
    what = "may not do what it should" if fault.likely else "can't be built as it is"
    return f"{place}: {key}{more} {what}: {fault}{hint}"
