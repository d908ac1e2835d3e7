"""Refuse misspelt names in blueprints: keys, submit commands, states, reviews, needs."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from asimov.configuration import options_in
from asimov.discovery import entrypoints
from asimov.errors import AsimovError, Place
from asimov.journal.keys import Key
from asimov.ledger.changes import differences
from asimov.ledger.contents import Entry
from asimov.ledger.declared_settings import names_of
from asimov.ledger.dependencies import Dependencies
from asimov.ledger.documents import Document
from asimov.ledger.reserved import BELONGS, NAMES
from asimov.ledger.schema import (
    Analysis,
    Configuration,
    Postprocessing,
    ProjectAnalysis,
    Subject,
)
from asimov.ledger.spelling import conditions
from asimov.ledger.spelling.slips import near_miss, slip
from asimov.text import did_you_mean, listed, quoted

OF_PROJECT = NAMES.union(Configuration.__struct_encode_fields__)
OF_SUBJECT = NAMES.union(Subject.__struct_encode_fields__)
OF_SECTION = NAMES
OF_ANALYSIS = frozenset(Analysis.__struct_encode_fields__)
OF_PROJECT_ANALYSIS = frozenset(ProjectAnalysis.__struct_encode_fields__)
#: Names that have a meaning elsewhere are spelt as they are meant.
_ANYWHERE = OF_PROJECT | OF_SUBJECT | OF_ANALYSIS | OF_PROJECT_ANALYSIS
#: The kinds of hooks that a project can enable.
HOOKS = {
    "postmonitor": entrypoints.POSTMONITOR,
    "applicator": entrypoints.APPLICATOR,
    "telemetry": entrypoints.TELEMETRY,
}

_INSTEAD = "if you mean it, choose a name that is less similar, or use --force to keep it"


class Spelling:
    """Refuses what is surely a misspelt name, and notes what may be one.

    Parameters
    ----------
    declared
        Returns the settings class of a pipeline or the names of settings it is known to read.
    stock
        Returns whether these are all that it reads, so that what is nearly one of them is a slip.
    force
        Whether to note what would be refused.
    used
        Returns whether a pipeline, or any that is installed for None, reads a setting that it does
        not declare.
    commands
        The submit commands of the scheduler.
    readers
        Settings that only some stock pipelines read, with their names.
    """

    def __init__(
        self,
        declared: Callable[[str], Collection[str] | type],
        stock: Callable[[str], bool],
        *,
        force: bool = False,
        used: Callable[[str, str | None], bool] = lambda *_: False,
        commands: frozenset[str] = frozenset(),
        readers: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        #: What may be a mistake, a line each.
        self.notes: list[str] = []
        self._declared = declared
        self._stock = stock
        self._force = force
        self._used = used
        self._commands = commands
        self._readers = readers or {}

    def _refuse(self, message: str, where: Place, hint: str = _INSTEAD) -> None:
        if not self._force:
            raise AsimovError(message, where=where, hint=hint)
        self.notes.append(f"{where}: {message}")

    def owned(self, pipeline: str) -> frozenset[str]:
        """Return the names of settings that only a pipeline may give a meaning."""
        declared = self._declared(pipeline)
        if isinstance(declared, type):
            return frozenset(names_of(declared))
        return frozenset(declared if self._stock(pipeline) else ())

    def analysis(
        self, key: Key, data: Mapping[str, Any], document: Document, path: Sequence[str | int]
    ) -> None:
        """Look at the names in an analysis; a settings class refuses other keys itself."""
        self._words(data, document, path)
        pipeline = str(data["pipeline"])
        declared = self._declared(pipeline)
        if isinstance(declared, type):
            self._scheduler(data, document, path, pipeline=pipeline)
            return
        across = document.data.get("kind") == "projectanalysis"
        own = OF_PROJECT_ANALYSIS if across else OF_ANALYSIS
        own = own.union(self.owned(pipeline))
        what = f"{key} ({pipeline})"
        self.keys(data, own, document, path, what=what, pipeline=pipeline, read=declared)
        self._unread(data, document, path, pipeline)

    def configuration(self, data: Mapping[str, Any], document: Document) -> None:
        """Look at the names in the project's settings, but for the sections of pipelines."""
        self._hooks(data, document)
        for section, option in options_in(data):
            self.notes.append(
                f"{document.place([section, option])}: {section}: {option} is an option of the "
                f"program, not of the ledger: 'asimov configuration update {section}/{option} "
                "VALUE' sets it"
            )
        if "notify" in data:
            self.notes.append(
                f"{document.place(['notify'])}: notify: rules for notifications are options of the "
                'program, not of the ledger: \'asimov configuration update "notify NAME/email" '
                "ADDRESS' adds one"
            )
        self.keys(data, OF_PROJECT, document)

    def postprocessing(self, data: Mapping[str, Any], document: Document) -> None:
        """Look at the names in settings of post-processing; most of them are free."""
        own = frozenset(Postprocessing.__struct_encode_fields__)
        self.keys(data, own, document, what="postprocessing", read=tuple(BELONGS))

    def section(self, pipeline: str, data: Mapping[str, Any], document: Document) -> None:
        """Look at the names in a pipeline's section of the project's settings."""
        declared = self._declared(pipeline)
        section, own = data["pipelines"][pipeline] or {}, OF_SECTION.union(self.owned(pipeline))
        if isinstance(declared, type):  # these are noted as what they are
            known, own = self.owned(pipeline), OF_SECTION
            section = {k: v for k, v in section.items() if not near_miss(str(k), known)}
            declared = tuple(known)
        path, what = ["pipelines", pipeline], f"pipelines: {pipeline}"
        self.keys(section, own, document, path, what=what, pipeline=pipeline, read=declared)
        self._unread(section, document, path, pipeline)

    def _unread(
        self, data: Mapping[str, Any], document: Document, path: Sequence[str | int], pipeline: str
    ) -> None:
        """Note each setting that a stock pipeline does not read, and others do."""
        if not self._stock(pipeline):
            return
        own = self.owned(pipeline)
        for key in data:
            if key in self._readers and key not in own:
                self.notes.append(
                    f"{_place(document, path, key)}: {quoted(key)} is kept as a setting of your "
                    f"own: {pipeline} does not read it; {' and '.join(self._readers[key])} would"
                )

    def keys(
        self,
        data: Mapping[str, Any],
        own: frozenset[str],
        document: Document,
        path: Sequence[str | int] = (),
        *,
        what: str = "",
        pipeline: str | None = None,
        read: Collection[str] = (),
    ) -> None:
        """Look at the keys of some settings, and at the submit commands among them.

        Parameters
        ----------
        data
            The settings.
        own
            The names that belong to asimov or to one of its pipelines.
        document, path
            Where the settings are.
        what
            What they are, for messages.
        pipeline
            The pipeline that reads them; None for settings of several pipelines.
        read
            More names that are known to be read.

        Raises
        ------
        AsimovError
            For the first that is misspelt.
        """
        known = _union(own, tuple(read))
        for key in map(str, data):
            if key in known:
                continue
            if key in BELONGS:
                where = _place(document, path, key)
                self._misplaced(f"{what and what + ': '}{key}", key, where, pipeline)
                continue
            if self._is_request(key) and not self._used(key, pipeline):
                self._refuse(
                    f"{what and what + ': '}{quoted(key)[1:-1]}: has no effect here; as a "
                    "submit command it belongs under 'scheduler'",
                    _place(document, path, key),
                    f"write 'scheduler: {{{key}: ...}}'; --force keeps it as a setting of your own",
                )
                continue
            near = None if key in _ANYWHERE else slip(key, own)
            if near is not None and not self._used(key, pipeline):
                self._refuse(
                    f"{what and what + ': '}{quoted(key)[1:-1]}: there is no such setting; "
                    f"did you mean {near!r}?",
                    _place(document, path, key),
                )
            elif near := near_miss(key, known):
                self.notes.append(
                    f"{_place(document, path, key)}: {quoted(key)} is kept as a setting of your "
                    f"own; did you mean {near!r}?"
                )
        self._scheduler(data, document, path, pipeline=pipeline)

    def _is_request(self, key: str) -> bool:
        plain = key.strip().lower().replace(" ", "_")
        return plain.startswith(("request_", "accounting_group")) and plain in self._commands

    def _misplaced(self, name: str, key: str, where: Place, pipeline: str | None) -> None:
        """Refuse a key that means something elsewhere, unless a package may read it here."""
        message = f"{name}: has no effect here; it belongs in {BELONGS[key]}"
        if self._used(key, pipeline):
            self.notes.append(f"{where}: {message}")
        else:
            self._refuse(message, where, "--force keeps it as a setting of your own")

    def around(self, key: str, by: Mapping[str, frozenset[str]], where: Place) -> bool:
        """Refuse a setting around analyses that surely misspells one of their pipelines.

        Return whether there is a note on it instead.

        Parameters
        ----------
        key
            The setting.
        by
            The settings that each of their pipelines declares.
        where
            Its place.

        Raises
        ------
        AsimovError
            If it does.
        """
        for pipeline, names in by.items():
            near = slip(key, names) if key not in _ANYWHERE and self._stock(pipeline) else None
            if near is not None and not self._used(key, None):
                self._refuse(
                    f"{quoted(key)[1:-1]}: there is no such setting; did you mean {near!r} of "
                    f"{pipeline}?",
                    where,
                )
                return True
        return False

    def across(self, data: Mapping[str, Any], document: Document) -> None:
        """Refuse a project analysis that names its subjects as other analyses name theirs."""
        for key in ("subject", "event"):
            if key in data:
                given = data[key] if isinstance(data[key], list) else [data[key]]
                self._refuse(
                    f"{key}: a project analysis needs 'subjects', a list",
                    document.place([key]),
                    f"write 'subjects: [{listed(given)}]', or 'kind: analysis' for one "
                    "subject; --force keeps it as a setting of your own",
                )

    def emptied(
        self, before: Mapping[str, Any], after: Mapping[str, Any], document: Document
    ) -> None:
        """Refuse a section that is empty now and was not before: most likely it was left behind.

        Parameters
        ----------
        before, after
            The settings of the project or a subject.
        document
            The blueprint.

        Raises
        ------
        AsimovError
            If there is one.
        """
        for each in differences(before, after):
            if each.after is None and isinstance(each.before, Mapping) and each.before:
                self._refuse(
                    f"{each.name} is empty, which would remove {listed(each.before)} from it",
                    document.place(each.path),
                    f"leave {each.path[-1]!r} out to keep what is there; 'asimov apply --replace' "
                    "or --force removes it",
                )

    def _scheduler(
        self,
        data: Mapping[str, Any],
        document: Document,
        path: Sequence[str | int],
        *,
        pipeline: str | None = None,
    ) -> None:
        """Look at the submit commands of the setting ``scheduler``; arguments as of `keys`."""
        given = data.get("scheduler")
        for name in map(str, given if isinstance(given, Mapping) else ()):
            plain = name.strip().lower().replace(" ", "_")
            near = None if f"request_{plain}" in self._commands else slip(plain, self._commands)
            if near is not None and not self._used(name, pipeline):
                self._refuse(
                    f"scheduler: {quoted(name)[1:-1]}: there is no such submit command; "
                    f"did you mean {near.replace('_', ' ')!r}?",
                    _place(document, [*path, "scheduler"], name),
                )

    def _hooks(self, data: Mapping[str, Any], document: Document) -> None:
        """Look at the hooks that a project enables."""
        for kind, named in (data.get("hooks") or {}).items():
            where = document.place(["hooks", kind])
            if kind not in HOOKS:
                message = f"{quoted(kind)} is not a kind of hook{did_you_mean(kind, HOOKS)}"
                if slip(kind, frozenset(HOOKS)):
                    self._refuse(message, where)
                else:
                    self.notes.append(f"{where}: {message}")
                continue
            for name in map(str, named or ()):
                if entrypoints.find(HOOKS[kind], name) is None:
                    near = did_you_mean(name, entrypoints.found(HOOKS[kind]))
                    self.notes.append(f"{where}: no installed package has the hook {name!r}{near}")

    def _words(
        self, data: Mapping[str, Any], document: Document, path: Sequence[str | int]
    ) -> None:
        """Look at the states, reviews and labels that the needs of an analysis name."""
        for each in conditions.strange_words(data):
            where = document.place([*path, *each.steps])
            if each.sure:
                self._refuse(each.message, where, each.hint or _INSTEAD)
            else:
                self.notes.append(f"{where}: {each.message}")

    def needs(
        self,
        graph: Dependencies,
        key: Key,
        data: Mapping[str, Any],
        document: Document,
        path: Sequence[str | int],
        names: Callable[[str], Collection[Entry]],
    ) -> None:
        """Look at the needs of an analysis that match nothing.

        Parameters
        ----------
        graph
            The dependencies between the analyses, as planned.
        key, data
            The analysis.
        document, path
            Where it is.
        names
            Returns the analyses of a subject; of all for ``""``.
        """
        for each in conditions.misspelt(graph.of(key).unmatched, key, data, names):
            self._refuse(each.message, document.place([*path, *each.steps]), each.hint or _INSTEAD)


@lru_cache(maxsize=200)
def _union(own: frozenset[str], read: tuple[str, ...]) -> frozenset[str]:
    return own.union(read)


def _place(document: Document, path: Sequence[str | int], key: str) -> Place:
    """Return the place of a key, which a strategy may have set."""
    if not document.holds([*path, key]) and document.holds([*path, "strategy", key]):
        return document.place([*path, "strategy", key])
    return document.place([*path, key])
