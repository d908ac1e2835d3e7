"""The ledger as published packages know it: one object to read from and to write to.

Hooks are given one, and `asimov.current_ledger` is one. What is written goes where it belongs:
from a person's command into the ledger's files, as `asimov apply --update` would do it; from the
monitor, which never writes the ledger, among the facts in the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from asimov.errors import AsimovError
from asimov.keys import PROJECT_ANALYSES
from asimov.ledger.blueprints import Blueprint
from asimov.ledger.plan import Plan
from asimov.logs import logger
from asimov.mappings import copied, difference, lay_over
from asimov.plugins import ledger_blueprints
from asimov.plugins.declarations import planner
from asimov.project.analysis import Analysis
from asimov.project.lookup import unknown_subject
from asimov.project.subject import Subject
from asimov.project.transaction import change_ledger
from asimov.project.workspace import Workspace


class UnknownSubjectError(AsimovError, KeyError):
    """There is no subject of a name; packages catch `KeyError`."""


class _Batch(NamedTuple):
    """Blueprints that are applied together: a page of somebody's, or what a package changed."""

    blueprints: list[Blueprint]
    subject: str | None = None
    update: bool = True
    page: bool = False


class Ledger:
    """The ledger of an open project.

    Parameters
    ----------
    workspace
        The project.
    writes
        ``ledger``: what is added and changed is written into the ledger's files. ``facts``:
        what is changed of a subject is kept as pipelines' facts are, and nothing can be added.
        ``nothing``: what is changed stays in the objects in hand, as in a dry run.

    Attributes
    ----------
    data
        The project's document with ``hooks``, ``pipelines`` and ``project`` always in it. Changes
        are written by `save`.
    """

    def __init__(self, workspace: Workspace, *, writes: str = "ledger") -> None:
        if writes not in {"ledger", "facts", "nothing"}:
            raise ValueError(writes)
        self.workspace = workspace
        self.writes = writes
        self.data: dict[str, Any] = _data(workspace)
        self._before = copied(self.data)
        #: What is to be written at the end of a transaction; None outside of one.
        self._draft: list[_Batch] | None = None
        workspace.ledger = self

    def __repr__(self) -> str:
        return f"<Ledger of {self.workspace.project.name}>"

    # --- what there is

    def get_event(self, event: str | None = None) -> list[Subject]:
        """Return the subjects, or the one of a name in a list.

        Raises
        ------
        KeyError
            Where there is none of that name.
        """
        self._catch_up()
        subjects = self.workspace.contents.subjects
        if event is None:
            return [self.workspace.subject(name) for name in subjects]
        if event not in subjects:
            unknown = unknown_subject(self.workspace.contents, event)
            raise UnknownSubjectError(unknown.message, where=unknown.where, hint=unknown.hint)
        return [self.workspace.subject(event)]

    def get_subject(self, subject: str | None = None) -> list[Subject]:
        """Return the subjects, or the one of a name in a list; see `get_event`."""
        return self.get_event(subject)

    @property
    def project_analyses(self) -> list[Analysis]:
        """The analyses across subjects."""
        self._catch_up()
        keys = [key for key in self.workspace.contents.entries if key[0] == PROJECT_ANALYSES]
        return [self.workspace.analysis(key) for key in keys]

    def get_productions(
        self, event: str | Any = None, filters: Mapping[str, Any] | None = None
    ) -> list[Analysis]:
        """Return the analyses of all subjects, or of one.

        Parameters
        ----------
        event
            A subject or its name.
        filters
            What settings, or attributes such as ``status``, have to be.
        """
        named = getattr(event, "name", event)
        found = [each for subject in self.get_event(named) for each in subject.analyses]
        for name, value in (filters or {}).items():
            found = [each for each in found if _setting(each, name) == value]
        return found

    # --- what is written

    def add_event(self, event: Any) -> None:
        """Add a subject with its analyses, such as `asimov.event.Event.from_dict` makes.

        One that is in the ledger is updated: what it has and `event` does not is left alone.

        Raises
        ------
        AsimovError
            Where the monitor calls it, or the ledger would not take it.
        """
        if self.writes != "ledger":
            raise self._refused(f"{event.name} can't be added")
        self.update_event(event)

    def add_subject(self, subject: Any) -> None:
        """Add a subject; see `add_event`."""
        self.add_event(subject)

    def add_analysis(self, analysis: Any, event: Any = None) -> None:
        """Add an analysis, such as `asimov.event.Production.from_dict` makes.

        Parameters
        ----------
        analysis
            The analysis, or a blueprint's document of one (of any kind of analysis).
        event
            The subject or its name, where the analysis does not name it.

        Raises
        ------
        ValueError
            Where there is one of that name.
        AsimovError
            Where the monitor calls it, or the ledger would not take it.
        """
        document = ledger_blueprints.analysis(analysis, event)
        if self.writes != "ledger":
            raise self._refused(f"{document.get('name')} can't be added")
        self._catch_up()
        key = (document.get("subject", PROJECT_ANALYSES), document.get("name"))
        if key in self.workspace.contents.entries:
            raise ValueError(f"{key[0]} has an analysis {key[1]!r} already")
        self._apply([document], f"the analysis {key[1]}")

    def add_production(self, event: Any, production: Any) -> None:
        """Add an analysis; see `add_analysis`."""
        self.add_analysis(production, event)

    def update_event(self, event: Any) -> None:
        """Keep what was changed of a subject and of its analyses, and add what was added to it.

        Only that is written: what others have changed meanwhile stays.

        Parameters
        ----------
        event
            A subject of this ledger, or one that was made outside of any.

        Raises
        ------
        AsimovError
            Where the ledger would not take it; in the monitor also where something is added.
        """
        if self.writes != "ledger":
            if self.writes == "facts":
                self._keep(event)
            return
        documents = ledger_blueprints.subject(event)
        self._apply(documents, f"the subject {event.name}")
        ledger_blueprints.mark_saved(event)

    def save(self) -> None:
        """Write what was changed of `data` into the ledger; all else is written already.

        Raises
        ------
        AsimovError
            Where the monitor calls it after a change, or the ledger would not take it.
        """
        changed = difference(self._before, self.data)
        if not changed:
            return
        if self.writes != "ledger":
            raise self._refused("the project's settings can't be changed")
        if "hooks" in changed:  # a list of hooks stands here as a mapping
            changed["hooks"] = {kind: copied(self.data["hooks"][kind]) for kind in changed["hooks"]}
        self._apply([{"kind": "configuration", **changed}], "the project's settings")

    def apply(self, page: list[Blueprint], subject: str | None, *, update: bool) -> Plan:
        """Apply a page of blueprints; in a transaction as part of that.

        Parameters
        ----------
        page
            The blueprints.
        subject, update
            As of `asimov.ledger.planner.Planner`.

        Raises
        ------
        AsimovError
            Where the monitor calls it, or for the first that the ledger would not take.
        """
        if self.writes != "ledger":
            raise self._refused("blueprints can't be applied")
        plan = Plan()
        self._take(_Batch(page, subject, update, page=True), plan)
        return plan

    @contextmanager
    def transaction(self, *, dry_run: bool = False) -> Iterator[Plan]:
        """Write what is added and changed in the block at its end, all at once.

        In the block it can be read back. Where the block raises nothing is written.

        Parameters
        ----------
        dry_run
            Whether to write nothing at all.

        Returns
        -------
        Plan
            What was written, or would be, once the block has ended.
        """
        self._draft, plan = [], Plan()
        try:
            yield plan
            self._write(self._draft, plan, dry_run=dry_run)
        finally:
            self._draft = None
            self.workspace.reload()
            self._refresh()

    def _refused(self, what: str) -> AsimovError:
        if self.writes == "nothing":
            return AsimovError(f"{what}: a dry run and a report write nothing")
        return AsimovError(
            f"{what}: the monitor does not write the ledger",
            hint="an applicator can: 'asimov apply -p NAME -e SUBJECT'",
        )

    @property
    def in_transaction(self) -> bool:
        """Whether what is written waits for the end of a transaction."""
        return self._draft is not None

    def _apply(self, documents: list[dict[str, Any]], what: str) -> None:
        """Write blueprints into the ledger, all of them or none."""
        self._take(_Batch(ledger_blueprints.blueprints(documents, what)), Plan())

    def _take(self, batch: _Batch, plan: Plan) -> None:
        if self._draft is None:
            self._write([batch], plan)
        else:
            self._plan([batch], plan)
            self._draft.append(batch)
        self._refresh()

    def _plan(self, batches: list[_Batch], plan: Plan) -> None:
        """Add batches, each on top of those before, to a plan and to what objects are made of."""
        for batch in batches:
            made = planner(self.workspace, batch.subject, batch.update)
            each = made.add(batch.blueprints)
            self.workspace.go_by(made.contents)
            told = {change.what: change for change in plan.changes}
            for change in each.changes:
                if change.what not in told or told[change.what].action == "unchanged":
                    told[change.what] = change
            plan.changes = list(told.values())
            plan.notes += each.notes
            plan.files.update(each.files)
            plan.added.update(each.added)

    def _write(self, batches: list[_Batch], plan: Plan, *, dry_run: bool = False) -> None:
        workspace = self.workspace

        def make_plan() -> Plan:
            self._plan(batches, plan)
            return plan

        change_ledger(workspace, make_plan, "a package", dry_run=dry_run)
        if dry_run:
            return
        for path in plan.comments_lost:
            logger().warning("comments in %s could not be kept", path)
        for note in plan.notes:
            logger().warning("%s", note)
        workspace.reload()
        changed = [batch.blueprints for batch in batches if not batch.page]
        for blueprint in (each for blueprints in changed for each in blueprints):
            if blueprint.kind in {"subject", "analysis"}:
                workspace.overrule(*ledger_blueprints.wanted(blueprint))

    def _keep(self, event: Any) -> None:
        """Keep what was changed of a subject as facts."""
        if not isinstance(event, Subject):
            (own,) = self.get_event(event.name)
            if event.productions:
                raise self._refused(f"analyses of {event.name} can't be added")
            lay_over(own.meta, event.meta)
            event = own
        if event.added:
            raise self._refused(f"analyses of {event.name} can't be added")
        for each in event.handed_out:
            self.workspace.keep(each)
        self.workspace.keep_subject(event)

    def _catch_up(self) -> None:
        # Not in the monitor: objects in hand would not be those of the pass any more.
        if self.writes == "ledger" and self._draft is None:
            self.workspace.catch_up()
            self._refresh()

    def _refresh(self) -> None:
        """Bring `data` up to date, with what was changed in it and not saved on top."""
        now = _data(self.workspace)
        if now != self._before:
            changed = difference(self._before, self.data)
            self._before = copied(now)
            self.data.clear()
            self.data.update(lay_over(now, changed))


def _data(workspace: Workspace) -> dict[str, Any]:
    """Return the project's document as packages expect it, a mapping of its own."""
    data: dict[str, Any] = copied(workspace.contents.project)
    data.pop("kind", None)
    hooks = data.get("hooks") or {}
    data["hooks"] = {kind: _by_name(named) for kind, named in hooks.items()}
    data["pipelines"] = data.get("pipelines") or {}
    project = data.get("project")
    own = project if isinstance(project, Mapping) else {}
    data["project"] = {"name": workspace.project.name, **own}
    return data


def _by_name(named: Any) -> dict[str, Any]:
    """Return hooks by their names, each with a mapping of settings."""
    if isinstance(named, Mapping):
        return {str(name): {} if each is None else each for name, each in named.items()}
    return {str(name): {} for name in named or []}


def _setting(analysis: Analysis, name: str) -> Any:
    return analysis.meta[name] if name in analysis.meta else getattr(analysis, name, None)
