"""Turn blueprints into a plan of changes to the ledger, and check all of it beforehand."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from asimov.errors import AsimovError
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger import checks, strategies
from asimov.ledger.blueprints import Blueprint
from asimov.ledger.changes import MISSING, differences, summary
from asimov.ledger.contents import Contents, Entry
from asimov.ledger.declared_settings import Check, Written
from asimov.ledger.dependencies import Dependencies
from asimov.ledger.documents import Document, located
from asimov.ledger.layout import PROJECT_FILE, project_analysis_file, subject_file
from asimov.ledger.places import Places
from asimov.ledger.plan import Plan
from asimov.ledger.schema import misspelt
from asimov.ledger.spelling.names import OF_SUBJECT, Spelling
from asimov.settings.merging import lay_over, merge
from asimov.states import ALIASES
from asimov.system import progress
from asimov.text import did_you_mean

#: The settings of post-processing, which have a kind of blueprints of their own.
_PAGES = "postprocessing"


class Planner:
    """Checks blueprints against the ledger and each other, and plans the changes.

    Parameters
    ----------
    contents
        The present ledger; it is not changed.
    pipeline_settings
        Returns the settings class of a pipeline or the names of settings it is known to read;
        raises an error if there is no such pipeline.
    subject
        The subject of analyses that do not name one.
    update
        Whether existing entries of the ledger may change.
    replace
        Whether they also lose the keys that their blueprints do not have.
    facts
        The settings that pipelines wrote to analyses and subjects.
    started
        Returns whether an analysis of the ledger has started. The settings of those that have
        not must be valid for their pipelines after the change.
    look
        Looks at the names in the blueprints.
    """

    def __init__(
        self,
        contents: Contents,
        pipeline_settings: Callable[[str], Collection[str] | type],
        subject: str | None = None,
        update: bool = False,
        *,
        facts: Mapping[Key, Mapping[str, Any]] | None = None,
        started: Callable[[Key], bool] = lambda _: True,
        look: Spelling,
        replace: bool = False,
    ) -> None:
        self._pipeline_settings = pipeline_settings
        self._look = look
        self._subject = subject
        self._update = update or replace
        self._replace = replace
        self._replaced: set[str] = set()
        #: Where the analyses and subjects of the blueprints are.
        self.places = Places()
        #: Whether settings of the project or of a subject that was there change: first ones too.
        self.reaches_others = False
        #: The ledger as it will be after the planned changes.
        self.contents = Contents(
            contents.project, dict(contents.subjects), dict(contents.entries), contents.broken
        )
        self._lists: dict[str, dict[str, dict[str, Any]]] = {}
        #: What of the settings was looked at, and where it is.
        self.declared = Check(
            contents, self.contents, pipeline_settings, facts or {}, started, look
        )
        self.plan = Plan(notes=self._look.notes)

    def add(self, blueprints: Collection[Blueprint]) -> Plan:
        """Plan blueprints, subjects first so that their order does not matter.

        Raises
        ------
        AsimovError
            If a blueprint can't be applied; the error gives file and line of the first.
        """
        order = ("configuration", "subject", "postprocessing", "analysis", "projectanalysis")
        in_order = sorted(blueprints, key=lambda each: order.index(each.kind))
        named = self._subject is None
        for blueprint in progress.over(in_order, "checking"):
            if not named and blueprint.kind not in {"configuration", "subject"}:
                self._known_subject(str(self._subject), None)
                named = True
            if blueprint.bundle is not None:
                self._check_bundle(blueprint.data, blueprint.bundle)
            getattr(self, f"_add_{blueprint.kind}")(blueprint.data, blueprint.document)
        if not named:
            self._known_subject(str(self._subject), None)
        for name, analyses in self._lists.items():
            document = self.contents.subjects[name]
            document.pop("analyses", None)
            document["analyses"] = list(analyses.values())  # last, so that more can be appended
        if self.plan.files:
            self.plan.notes += self.declared.run()
            self._check_needs()
        return self.plan

    # --- one method for each kind

    def _add_configuration(self, data: dict[str, Any], document: Document) -> None:
        for name in data.get("pipelines") or {}:
            if note := checks.absent_pipeline(name, document):
                self.plan.notes.append(note)
                continue
            self._known_pipeline(name, document, ["pipelines", name])
            self._look.section(name, data, document)
            self.plan.notes += self.declared.near_misses(name, Written(document, (), data))
        self._look.configuration(data, document)
        self._lay_over_project(data, "configuration", document)

    def _add_postprocessing(self, data: dict[str, Any], document: Document) -> None:
        self._look.postprocessing(data, document)
        subject = data.get("subject", data.get("event", self._subject))
        # The name belongs to the document, not to the subject or the project.
        settings = {k: v for k, v in data.items() if k not in {"subject", "event", "name"}}
        if "postprocessing" not in settings:
            name = data.get("name")
            settings = {"postprocessing": {name: settings} if name else settings}
        if subject is None:
            self._lay_over_project(settings, "postprocessing", document)
            return
        self._known_subject(subject, document)
        old = self.contents.subjects[subject]
        self.declared.around(subject, Written(document, (), settings))
        new = merge([self._without(old, f"{_PAGES} of {subject}", {_PAGES}), settings])
        self._put_subject(subject, new, old, f"postprocessing of {subject}")

    def _lay_over_project(self, data: dict[str, Any], what: str, document: Document) -> None:
        old = self.contents.project
        gone = {_PAGES} if what == "postprocessing" else old.keys() - {_PAGES}
        new = merge([self._without(old, what, gone), data])
        if not self.plan.change(what, old, new):
            return
        before = next((each for each in differences(old, new) if each.before is not MISSING), None)
        if before is not None and not self._update:
            raise AsimovError(
                f"the project already has different settings: {before}",
                where=document.place(before.path),
                hint="to change them, use 'asimov apply --update' or edit ledger/project.yaml",
            )
        self.reaches_others = True
        if not self._replace:
            self._look.emptied(old, new, document)
        self.declared.around("", Written(document, (), data))
        self.contents.project = new
        self.plan.files[PROJECT_FILE] = new

    def _add_subject(self, data: dict[str, Any], document: Document) -> None:
        name = data["name"]
        if subject_file(name) in self.contents.broken:
            raise self.contents.broken[subject_file(name)]
        settings = {key: value for key, value in data.items() if key != "analyses"}
        self._look.keys(settings, OF_SUBJECT, document, what=f"subject {name}")
        old = self.contents.subjects.get(name)
        if old is None:
            self._put_subject(name, settings, None, f"subject {name}")
            self.declared.around(name, Written(document, (), settings))
        else:
            before = {key: value for key, value in old.items() if key != "analyses"}
            after = merge([self._without(before, name, before.keys() - {_PAGES}), settings])
            if after != before and name in self.places.subjects:
                first = self.places.subjects[name].place(["name"])
                raise AsimovError(
                    f"there are two subjects {name!r} (the first at {first})",
                    where=document.place(["name"]),
                )
            if after != before and not self._update:
                raise AsimovError(
                    f"the subject {name!r} is already in the ledger, with different settings: "
                    + summary(before, after),
                    where=document.place(["name"]),
                    hint="to change it, use 'asimov apply --update' or edit its ledger file",
                )
            kept = {key: each for key, each in old.items() if key in {"analyses", *after}}
            self._put_subject(name, {**kept, **after}, old, f"subject {name}")
            if after != before:
                if not self._replace:
                    self._look.emptied(before, after, document)
                self.declared.around(name, Written(document, (), settings))
        self.places.subjects[name] = document
        for number, analysis in enumerate(data.get("analyses") or []):
            self._put_analyses(name, analysis, document, ["analyses", number])

    def _put_subject(
        self, name: str, new: dict[str, Any], old: dict[str, Any] | None, what: str
    ) -> None:
        if not self.plan.change(what, old, new):
            return
        self.reaches_others |= old is not None
        self.contents.subjects[name] = new
        self.plan.files[subject_file(name)] = new

    def _add_analysis(self, data: dict[str, Any], document: Document) -> None:
        subject = data.get("subject", data.get("event", self._subject))
        if subject is None:
            raise AsimovError(
                "the analysis names no subject" + misspelt("subject", data),
                where=document.place(["name"]),
                hint="add 'subject: NAME' to it, or run 'asimov apply' with -e NAME",
            )
        self._known_subject(subject, document)
        rest = {key: value for key, value in data.items() if key not in {"subject", "event"}}
        self._put_analyses(subject, rest, document, [])

    def _put_analyses(
        self, subject: str, data: dict[str, Any], document: Document, path: list[str | int]
    ) -> None:
        for each in strategies.expand(data):
            self._known_pipeline(each["pipeline"], document, [*path, "pipeline"])
            key = Key(subject, each["name"])
            old = self.contents.entries.get(key)
            new = self._put(key, each, old, document, path)
            if new is not None:
                listed = self._listed(subject)
                listed[key[1]] = new
                self.contents.entries[key] = Entry(key, new, subject_file(subject))

    def _listed(self, subject: str) -> dict[str, dict[str, Any]]:
        """Return a subject's analyses by name, as copies to be changed."""
        if subject not in self._lists:
            document = self.contents.subjects[subject] = dict(self.contents.subjects[subject])
            self.plan.files[subject_file(subject)] = document
            self._lists[subject] = {each["name"]: each for each in document.get("analyses") or ()}
        return self._lists[subject]

    def _add_projectanalysis(self, data: dict[str, Any], document: Document) -> None:
        self._look.across(data, document)
        for number, subject in enumerate(data.get("subjects") or []):
            self._known_subject(subject, document, ["subjects", number])
        for each in strategies.expand(data):
            self._known_pipeline(each["pipeline"], document, ["pipeline"])
            key = Key(PROJECT_ANALYSES, each["name"])
            path = project_analysis_file(each["name"])
            if path in self.contents.broken:
                raise self.contents.broken[path]
            new = self._put(key, each, self.contents.entries.get(key), document, [])
            if new is not None:
                self.contents.entries[key] = Entry(key, new, path)
                self.plan.files[path] = new

    def _put(
        self,
        key: Key,
        data: dict[str, Any],
        old: Entry | None,
        document: Document,
        path: list[str | int],
    ) -> dict[str, Any] | None:
        """Plan one analysis; return its new document, or None if nothing changes."""
        what = f"analysis {key}"
        self.places.add(key, document, path)
        with located(document):
            checks.check_needs_itself(key, data, path)
        if old is None:
            self._check_names(key, data, document, path)
            status = data.get("status") or "ready"
            self.plan.added[key] = ALIASES.get(status, status)
            self.plan.change(what, None, data)
            return data
        if data.get("status", old.data.get("status")) != old.data.get("status"):
            raise AsimovError(
                f"{key} already exists, so a blueprint can't set its status",
                where=document.place([*path, "status"]),
                hint=f"use: asimov production set {key[0]} {key[1]} --status {data['status']}",
            )
        kept = {"status": old.data["status"]} if "status" in old.data else {}
        new = lay_over(merge([kept if self._replace else old.data]), data)
        if not self.plan.change(what, old.data, new):
            return None
        if not self._update:
            raise AsimovError(
                f"the analysis {key} is already in the ledger, with different settings: "
                + summary(old.data, new),
                where=document.place([*path, "name"]),
                hint="choose another name, or change it with 'asimov apply --update'",
            )
        self._check_names(key, data, document, path)
        return new

    def _without(
        self, settings: Mapping[str, Any], what: str, keys: Collection[str]
    ) -> dict[str, Any]:
        """Return settings without the keys that a blueprint replaces, the first time it does.

        Several documents of one kind together say what there is.
        """
        if not self._replace or what in self._replaced:
            return dict(settings)
        self._replaced.add(what)
        return {key: value for key, value in settings.items() if key not in keys}

    # --- checks

    def _check_bundle(self, data: dict[str, Any], bundle: Document) -> None:
        """Make sure that a bundle names the subject of its analyses."""
        subject = data.get("subject", self._subject)
        if subject is None:
            raise AsimovError(
                "the bundle names no subject",
                where=bundle.place(["name"]),
                hint="add 'subject: NAME' to it, or run 'asimov apply' with -e NAME",
            )
        self._known_subject(subject, bundle)

    def _check_names(
        self, key: Key, data: dict[str, Any], document: Document, path: list[str | int]
    ) -> None:
        self._look.analysis(key, data, document, path)
        if isinstance(self._pipeline_settings(data["pipeline"]), type):
            self.declared.analysis(key, Written(document, tuple(path), data))

    def _known_pipeline(self, name: str, document: Document, path: list[str | int]) -> None:
        try:
            self._pipeline_settings(name)
        except AsimovError as error:
            error.where = document.place(path)
            raise

    def _known_subject(
        self, name: str, document: Document | None, path: list[str | int] | None = None
    ) -> None:
        if name in self.contents.subjects:
            return
        if subject_file(name) in self.contents.broken:
            raise self.contents.broken[subject_file(name)]
        if path is None:
            path = ["subject" if document and "subject" in document.data else "event"]
        known = ", ".join(list(self.contents.subjects)[:10]) or "none"
        raise AsimovError(
            f"there is no subject {name!r}{did_you_mean(name, self.contents.subjects)}",
            where=document.place(path) if document else None,
            hint=f"subjects: {known}{', ...' if len(self.contents.subjects) > 10 else ''}",
        )

    def _check_needs(self) -> None:
        graph = Dependencies(self.contents, {})
        everywhere: dict[str, list[Entry]] = {"": list(self.contents.entries.values())}
        for entry in everywhere[""]:
            everywhere.setdefault(entry.key[0], []).append(entry)
        for key in self.places.analyses:
            document, path = self.places.written(key)
            data = self.contents.entries[key].data
            self._look.needs(graph, key, data, document, path, lambda at: everywhere.get(at, []))
        # A cycle that a person edited into the ledger must not block unrelated changes.
        cycle = graph.cycle(None if self.reaches_others else self.places.analyses)
        if cycle:
            new = [key for key in cycle if key in self.places.analyses]
            place = self.places.of(new[0], ["needs"]) if new else None
            raise AsimovError(
                f"needs form a cycle: {' needs '.join(str(key) for key in cycle)}",
                where=place,
                hint="remove one of these needs",
            )
