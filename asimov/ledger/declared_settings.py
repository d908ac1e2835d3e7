"""Apply the defaults that pipelines declare, and check ledger changes against declarations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from asimov.errors import AsimovError, Place
from asimov.journal.keys import Key
from asimov.ledger.contents import Contents, Entry, Layer
from asimov.ledger.documents import Document
from asimov.ledger.schema import Analysis, ProjectAnalysis
from asimov.ledger.spelling.slips import near_miss
from asimov.settings import Fault, faults
from asimov.settings.declaration import fields
from asimov.settings.merging import merge
from asimov.settings.validation import defaults, names, respelled
from asimov.text import did_you_mean

#: Keys that every analysis may have, whatever its pipeline declares.
GENERAL = frozenset(
    {*Analysis.__struct_encode_fields__, *ProjectAnalysis.__struct_encode_fields__}
    | {"answers", "ini", "job id", "review", "rundir"}
)


def with_defaults(layers: Sequence[Layer], cls: type, pipeline: str) -> list[Layer]:
    """Return the layers of an analysis's settings with the pipeline's defaults under them.

    Parameters
    ----------
    layers
        The named layers, the least specific first.
    cls
        The settings class; the returned layers use its spelling.
    pipeline
        The pipeline's name, used to name the new layer.
    """
    spelled = [(name, respelled(cls, layer)) for name, layer in layers]
    under = defaults(cls, merge(layer for _, layer in spelled))
    return [(f"default of the pipeline {pipeline}", under), *spelled]


def not_refused(derived: Mapping[str, Any], cls: type, *, inside: bool = False) -> dict[str, Any]:
    """Return the derived settings that a settings class does not refuse.

    A pipeline that declares a mapping defines its keys. Keys that it does not declare at all are
    not its own, and stay.

    Parameters
    ----------
    derived
        The derived settings; see `asimov.fields`.
    cls
        The settings class.
    inside
        Whether they are inside a declared mapping.
    """
    declared = {field.name: field for field in fields(cls)}
    kept: dict[str, Any] = {}
    for key, value in derived.items():
        field = declared.get(key)
        if field and field.inner and isinstance(value, Mapping):
            if part := not_refused(value, field.inner, inside=True):
                kept[key] = part
        elif (field is None) != inside:
            kept[key] = value
    return kept


def wrong(layers: Iterable[Layer], cls: type) -> list[Fault]:
    """Return what is wrong with the settings that result from some layers."""
    declared = {name for field in fields(cls) for name in (field.name, field.attribute)}
    # Merge only what is declared: there may be thousands of analyses.
    mine = [{key: each for key, each in layer.items() if key in declared} for _, layer in layers]
    return faults(cls, merge(respelled(cls, layer) for layer in mine))


def unknown(data: Mapping[str, Any], cls: type) -> Fault | None:
    """Return the first undeclared, not general key of an analysis's own document."""
    own = {name for field in fields(cls) for name in (field.name, field.attribute)}
    for key in data:
        if key not in GENERAL and key not in own:
            why = f"there is no such setting{did_you_mean(key, [*names(cls), *GENERAL])}"
            return Fault(
                (str(key),), why, f"it reads these settings: {', '.join(names(cls)) or 'none'}"
            )
    return None


class Written(NamedTuple):
    """Settings as written in a blueprint.

    Attributes
    ----------
    document, path
        The document, and the keys to the settings in it.
    data
        The settings.
    """

    document: Document
    path: tuple[str | int, ...]
    data: Mapping[str, Any]

    def place(self, cls: type | None, steps: Sequence[str]) -> Place | None:
        """Return the place of a setting in either spelling; None if it is not there."""
        for spelled in _spellings(cls, steps):
            if not _holds(self.data, spelled):
                continue
            path = [*self.path, *spelled]
            if not self.document.holds(path):  # a strategy has set it
                path = [*self.path, "strategy", ".".join(spelled)]
            return self.document.place(path)
        return None


def _holds(data: Any, steps: Iterable[str]) -> bool:
    for step in steps:
        if not isinstance(data, dict) or step not in data:
            return False
        data = data[step]
    return True


def _spellings(cls: type | None, path: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Yield a path in every combination of the spellings of its steps."""
    if not path:
        yield ()
        return
    first, rest = path[0], path[1:]
    field = next((each for each in fields(cls) if each.name == first), None) if cls else None
    for name in dict.fromkeys((first, field.attribute if field else first)):
        for more in _spellings(field.inner if field else None, rest):
            yield (name, *more)


def names_of(cls: type) -> set[str]:
    """Return the settings of a class in both spellings."""
    return {*names(cls), *(each.attribute for each in fields(cls))}


class Names(Protocol):
    """What is known of names; `asimov.ledger.spelling.names.Spelling` is that."""

    def owned(self, pipeline: str) -> frozenset[str]:
        """Return the names of settings that only a pipeline may give a meaning."""

    def around(self, key: str, by: Mapping[str, frozenset[str]], where: Place) -> bool:
        """Refuse a setting around analyses that surely misspells one of their pipelines."""


class Check:
    """Checks the settings that result from a change of the ledger.

    Parameters
    ----------
    old, new
        The ledger before and after the change; `new` may still grow.
    declared
        Returns what a pipeline declares: a settings class, or something else.
    facts
        What pipelines wrote.
    started
        Returns whether an analysis of the ledger has started; such analyses are not checked.
    look
        Knows the names that only a pipeline may give a meaning, and what is surely misspelt.
    """

    def __init__(
        self,
        old: Contents,
        new: Contents,
        declared: Callable[[str], Any],
        facts: Mapping[Key, Mapping[str, Any]],
        started: Callable[[Key], bool],
        look: Names,
    ) -> None:
        self._old, self._new = old, new
        self._declared = declared
        self._facts = facts
        self._started = started
        self._look = look
        #: The sections of pipelines in the blueprints.
        self.sections: dict[str, Written] = {}
        self._own: dict[Key, Written] = {}
        self._around: dict[str, list[Written]] = {}

    def analysis(self, key: Key, written: Written) -> None:
        """Add a new or changed analysis to the check."""
        cls = self._class(str(written.data["pipeline"]))
        if cls is None:
            return
        self._own[key] = written
        if fault := unknown(written.data, cls):
            place = written.place(cls, fault.path)
            raise refused(fault, str(key), str(written.data["pipeline"]), place)

    def around(self, subject: str, written: Written) -> None:
        """Add the analyses of a subject whose settings change; those of all subjects for ``""``."""
        self._around.setdefault(subject, []).append(written)

    def surrounded(self, named: Collection[Key]) -> list[Key]:
        """Return the analyses, but for some, around which settings change."""
        return [
            key
            for key in self._new.entries
            if key not in named and {"", key.subject} & self._around.keys()
        ]

    def place(self, entry: Entry, steps: Sequence[str]) -> Place | str | None:
        """Return where a setting of an analysis is written."""
        layers = self._new.layers(entry, self._facts)
        cls = self._class(entry.pipeline)
        return self._place(entry, layers, cls, Fault(tuple(steps), ""))

    def near_misses(self, pipeline: str, written: Written) -> Iterator[str]:
        """Yield a note for each setting of a pipeline's section that resembles a declared one."""
        cls = self._class(pipeline)
        section = _of_pipeline(written, pipeline)
        self.sections[pipeline] = section
        known = frozenset(names_of(cls) if cls else ())
        for key in section.data:
            if key not in GENERAL and (near := near_miss(str(key), known)):
                place = section.document.place([*section.path, key])
                yield f"{place}: {pipeline} declares no setting {key!r}; did you mean {near!r}?"

    def run(self) -> list[str]:
        """Check everything that the change affects.

        Returns
        -------
        list of str
            A note for each pipeline that is not installed: the settings of its analyses can't be
            checked, which does not prevent a change around them. And a note for each setting of
            a subject or the project that resembles one declared for its analyses.

        Raises
        ------
        AsimovError
            For the first fault, with its place.
        """
        missing: dict[str, list[Key]] = {}
        notes: dict[str, AsimovError] = {}
        read: dict[str, dict[str, frozenset[str]]] = {}
        for key, entry in self._new.entries.items():
            if key not in self._own and not ({"", key[0]} & self._around.keys()):
                continue
            if entry.pipeline in missing:
                missing[entry.pipeline].append(key)
                continue
            try:
                cls = self._class(entry.pipeline)
            except AsimovError as error:
                missing[entry.pipeline], notes[entry.pipeline] = [key], error
                continue
            if cls is not None and key not in self._own and self._started(key):
                continue
            for around in {"", key[0]} & self._around.keys():
                if entry.pipeline not in read.setdefault(around, {}):
                    read[around][entry.pipeline] = self._look.owned(entry.pipeline)
            if cls is None:
                continue
            layers = self._new.layers(entry, self._facts)
            found = wrong(layers, cls)
            if found and key not in self._own:
                before = wrong(self._old.layers(self._old.entries[key], self._facts), cls)
                found = [fault for fault in found if fault not in before]
            if found:
                place = self._place(entry, layers, cls, found[0])
                raise refused(found[0], str(key), entry.pipeline, place)
        return [
            f"the settings of {keys[0]}"
            + (f" and {len(keys) - 1} more" if len(keys) > 1 else "")
            + f" are not checked: {notes[pipeline]}"
            for pipeline, keys in missing.items()
        ] + [
            f"{place}: {key!r} is kept as a setting of your own; did you mean {near!r} of {whose}?"
            for place, key, near, whose in self._resembling(read)
        ]

    def _resembling(
        self, read: Mapping[str, Mapping[str, frozenset[str]]]
    ) -> Iterator[tuple[Place, str, str, str]]:
        """Yield each key around analyses that is like a setting of their pipelines, and which.

        Raises
        ------
        AsimovError
            If one is surely misspelt.
        """
        for around, by in read.items():
            known = frozenset().union(*by.values())
            for written in self._around[around]:
                for key in map(str, written.data):
                    near = None if key in GENERAL else near_miss(key, known)
                    if near:
                        place = written.document.place([*written.path, key])
                        whose = ", ".join(sorted(each for each in by if near in by[each]))
                        if not self._look.around(key, by, place):
                            yield place, key, near, whose

    def _class(self, pipeline: str) -> type | None:
        declared = self._declared(pipeline)
        return declared if isinstance(declared, type) else None

    def _place(
        self, entry: Entry, layers: Sequence[Layer], cls: type | None, fault: Fault
    ) -> Place | str | None:
        layer = _layer_of(layers, cls, fault.path)
        own: Written | None = self._own.get(entry.key)
        if layer is None:
            return own.document.place([*own.path, "name"]) if own else None
        blueprints: list[Written] = []
        if layer == "project.yaml":
            blueprints = self._around.get("", [])
        elif layer.startswith("project.yaml: "):
            blueprints = [_of_pipeline(each, entry.pipeline) for each in self._around.get("", [])]
        elif layer == entry.file:
            blueprints = self._around.get(entry.key[0], [])
        elif own and layer == f"{entry.file}: {entry.key[1]}":
            blueprints = [own]
        for steps in (fault.path[:end] for end in range(len(fault.path), 0, -1)):
            for written in reversed(blueprints):
                place: Place | None = written.place(cls, steps)
                if place is not None:
                    return place
        return _named(layer)


def place_of(layers: Sequence[Layer], cls: type | None, fault: Fault) -> str | None:
    """Return the layer with the faulty setting, named for people; None if the setting is missing.

    Parameters
    ----------
    layers
        The layers of an analysis's settings, the least specific first.
    cls
        Its settings class, if it has one.
    fault
        What is wrong.
    """
    layer = _layer_of(layers, cls, fault.path)
    return None if layer is None else _named(layer)


def _named(layer: str) -> str:
    in_ledger = layer.startswith(("project.yaml", "subjects/", "analyses/"))
    return f"ledger/{layer}" if in_ledger else layer


def _of_pipeline(written: Written, pipeline: str) -> Written:
    """Return the section of a pipeline in a document of the project."""
    for name, settings in (written.data.get("pipelines") or {}).items():
        if name.lower() == pipeline.lower():
            return Written(written.document, (*written.path, "pipelines", name), settings or {})
    return Written(written.document, written.path, {})


def refused(fault: Fault, what: str, pipeline: str, place: Place | str | None) -> AsimovError:
    """Return the error for a faulty setting, with a hint at the documentation of settings.

    Parameters
    ----------
    fault
        The fault.
    what, pipeline
        The analysis and its pipeline.
    place
        Where it stands.
    """
    message = f"{what} ({pipeline}): {fault}"
    return AsimovError(message, where=place, hint=with_look(fault, pipeline))


def with_look(fault: Fault, pipeline: str) -> str:
    """Return the hint of a fault, and where the settings are listed."""
    look = f"'asimov plugins show {pipeline}' lists the settings"
    return f"{fault.hint}; {look}" if fault.hint else look


def _layer_of(layers: Sequence[Layer], cls: type | None, path: Sequence[str]) -> str | None:
    """Return the name of the highest layer with a setting, or with the mapping around it."""
    for steps in (path[:end] for end in range(len(path), 0, -1)):
        for name, layer in reversed(layers):
            if _holds(respelled(cls, layer) if cls else layer, steps):
                return name
    return None
