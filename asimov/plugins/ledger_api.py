"""The ledger object that packages use: it reads the project, and writes what they add or change.

Hooks receive one, and `asimov.current_ledger` is one. In a user's command it writes to the ledger's
files, as `asimov apply --update` does. In the monitor, which never writes the ledger, it stores
changes as facts in the journal.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

from asimov.errors import AsimovError
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger.blueprints import Blueprint
from asimov.ledger.plan import Plan
from asimov.logs import logger
from asimov.plugins import ledger_blueprints
from asimov.plugins.declarations import planner
from asimov.project.analysis import Analysis
from asimov.project.lookup import unknown_subject
from asimov.project.subject import Subject
from asimov.project.transaction import Outdated, change_ledger
from asimov.project.workspace import Workspace
from asimov.settings.merging import copied, difference, lay_over


class UnknownSubjectError(AsimovError, KeyError):
    """No subject has that name; packages catch it as a `KeyError`."""


class _Batch(NamedTuple):
    """Blueprints that are applied together: a user's page, or a package's changes."""

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
        ``ledger``: additions and changes are written to the ledger's files. ``facts``: changes
        to subjects are stored as facts, as those of pipelines are, and nothing can be added.
        ``nothing``: changes stay in the objects at hand, as in a dry run.

    Attributes
    ----------
    data
        The project's document, always with ``hooks``, ``pipelines`` and ``project``. `save` writes
        changes to it.
    """

    def __init__(self, workspace: Workspace, *, writes: str = "ledger") -> None:
        if writes not in {"ledger", "facts", "nothing"}:
            raise ValueError(writes)
        self.workspace = workspace
        self.writes = writes
        self.data: dict[str, Any] = _data(workspace)
        self._before = copied(self.data)
        #: What the transaction will write at its end; None outside a transaction.
        self._draft: list[_Batch] | None = None
        workspace.ledger = self

    def __repr__(self) -> str:
        return f"<Ledger of {self.workspace.project.name}>"

    # --- reading

    def get_event(self, event: str | None = None) -> list[Subject]:
        """Return the subjects in a list: all of them, or the one with a name.

        Raises
        ------
        KeyError
            Where no subject has that name.
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
        """Return the subjects in a list; see `get_event`."""
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
            The required values of settings, or of attributes such as ``status``.
        """
        named = getattr(event, "name", event)
        found = [each for subject in self.get_event(named) for each in subject.analyses]
        for name, value in (filters or {}).items():
            found = [each for each in found if _setting(each, name) == value]
        return found

    # --- writing

    def add_event(self, event: Any) -> None:
        """Add a subject with its analyses, such as `asimov.event.Event.from_dict` makes.

        A subject that is already in the ledger is updated; settings that `event` lacks stay.

        Raises
        ------
        AsimovError
            Where the monitor calls it, or the ledger refuses it.
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
            The analysis, or its blueprint as a mapping (of any kind of analysis).
        event
            The subject or its name, if the analysis does not name it.

        Raises
        ------
        ValueError
            Where an analysis has that name already.
        AsimovError
            Where the monitor calls it, or the ledger refuses it.
        """
        document = ledger_blueprints.analysis(analysis, event)
        if self.writes != "ledger":
            raise self._refused(f"{document.get('name')} can't be added")
        self._catch_up()
        key = (document.get("subject", PROJECT_ANALYSES), document.get("name"))
        if key in self.workspace.contents.entries:
            raise ValueError(f"{key[0]} already has an analysis {key[1]!r}")
        self._apply([document], f"the analysis {key[1]}")

    def add_production(self, event: Any, production: Any) -> None:
        """Add an analysis; see `add_analysis`."""
        self.add_analysis(production, event)

    def update_event(self, event: Any) -> None:
        """Write the changes to a subject and its analyses, and the analyses added to it.

        Nothing else is written: changes that others have made meanwhile stay.

        Parameters
        ----------
        event
            A subject of this ledger, or one made without a ledger.

        Raises
        ------
        AsimovError
            Where the ledger refuses it; in the monitor also where something is added.
        """
        if self.writes != "ledger":
            if self.writes == "facts":
                self._keep(event)
            return
        documents = ledger_blueprints.subject(event)
        self._apply(documents, f"the subject {event.name}")
        ledger_blueprints.mark_saved(event)

    def save(self) -> None:
        """Write the changes to `data` to the ledger; everything else is written already.

        Raises
        ------
        AsimovError
            Where the monitor calls it after a change, or the ledger refuses it.
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
        """Apply a page of blueprints, as part of the transaction if there is one.

        Parameters
        ----------
        page
            The blueprints.
        subject, update
            As for `asimov.ledger.planner.Planner`.

        Raises
        ------
        AsimovError
            Where the monitor calls it, or for the first blueprint that the ledger refuses.
        """
        if self.writes != "ledger":
            raise self._refused("blueprints can't be applied")
        plan = Plan()
        self._take(_Batch(page, subject, update, page=True), plan)
        return plan

    @contextmanager
    def transaction(
        self, *, dry_run: bool = False, outdated: Outdated | None = None
    ) -> Iterator[Plan]:
        """Write the block's additions and changes at its end, all at once.

        The block can read them back. If it raises, nothing is written.

        Parameters
        ----------
        dry_run
            Whether to write nothing at all.
        outdated
            Finds the results that this puts out of date, for the plan.

        Returns
        -------
        Plan
            What was written, or would be, once the block has ended.
        """
        self._draft, plan = [], Plan()
        try:
            yield plan
            self._write(self._draft, plan, dry_run=dry_run, outdated=outdated)
        finally:
            self._draft = None
            self.workspace.reload()
            self._refresh()

    def _refused(self, what: str) -> AsimovError:
        if self.writes == "nothing":
            return AsimovError(f"{what}: a dry run and a report write nothing")
        return AsimovError(
            f"{what}: plugins can't change the ledger in a build, a submission or a pass",
            hint="do it in an applicator hook, which 'asimov apply -p NAME -e SUBJECT' runs",
        )

    @property
    def in_transaction(self) -> bool:
        """Whether writes wait for the end of a transaction."""
        return self._draft is not None

    def _apply(self, documents: list[dict[str, Any]], what: str) -> None:
        """Write blueprints to the ledger, all of them or none."""
        self._take(_Batch(ledger_blueprints.blueprints(documents, what)), Plan())

    def _take(self, batch: _Batch, plan: Plan) -> None:
        if self._draft is None:
            self._write([batch], plan)
        else:
            self._plan([batch], plan)
            self._draft.append(batch)
        self._refresh()

    def _plan(self, batches: list[_Batch], plan: Plan) -> None:
        """Add batches, each on top of those before, to a plan and to the workspace's contents."""
        for batch in batches:
            made = planner(self.workspace, batch.subject, batch.update)
            each = made.add(batch.blueprints)
            self.workspace.go_by(made.contents)
            changes = {change.what: change for change in plan.changes}
            for change in each.changes:
                before = changes.get(change.what)
                if before is None or before.action == "unchanged":
                    changes[change.what] = change
            plan.changes = list(changes.values())
            plan.notes += each.notes
            plan.files.update(each.files)
            plan.added.update(each.added)

    def _write(
        self,
        batches: list[_Batch],
        plan: Plan,
        *,
        dry_run: bool = False,
        outdated: Outdated | None = None,
    ) -> None:
        workspace = self.workspace

        with change_ledger(workspace, "a package", dry_run=dry_run) as change:
            present = workspace.contents
            self._plan(batches, plan)
            if outdated is not None and plan.files:
                planned = workspace.contents
                workspace.go_by(present)
                plan.outdated = outdated(workspace, planned)
                workspace.go_by(planned)
            change.write(plan)
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
                _show(workspace, *ledger_blueprints.wanted(blueprint))

    def _keep(self, event: Any) -> None:
        """Store the changes to a subject as facts."""
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
        # Not in the monitor: it would replace the objects that the pass works on.
        if self.writes == "ledger" and self._draft is None:
            self.workspace.catch_up()
            self._refresh()

    def _refresh(self) -> None:
        """Reload `data`, and apply its unsaved changes on top."""
        now = _data(self.workspace)
        if now != self._before:
            changed = difference(self._before, self.data)
            self._before = copied(now)
            self.data.clear()
            self.data.update(lay_over(now, changed))


def _data(workspace: Workspace) -> dict[str, Any]:
    """Return a copy of the project's document in the form that packages expect."""
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
    """Return hooks by name, each with a mapping of settings."""
    if isinstance(named, Mapping):
        return {str(name): {} if each is None else each for name, each in named.items()}
    return {str(name): {} for name in named or []}


def _setting(analysis: Analysis, name: str) -> Any:
    return analysis.meta[name] if name in analysis.meta else getattr(analysis, name, None)


def _show(workspace: Workspace, key: Key, wanted: dict[str, Any]) -> None:
    """Have settings that were just written to the ledger count, where facts would hide them."""
    if key in workspace.facts:
        now = workspace.settings(key) if key[1] else workspace.subject_settings(key[0])
        workspace.facts.keep(key, now, lay_over(copied(now), wanted))
