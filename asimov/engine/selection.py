"""Which analyses a person means: patterns, and filters that narrow the choice."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from asimov import states
from asimov.discovery import entrypoints
from asimov.engine.staleness.verdicts import outdated
from asimov.engine.status import OF_JOBS, shown_state
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.journal.records import Record
from asimov.ledger.needs import check_label, has_label
from asimov.project.lookup import removal_of
from asimov.project.patterns import Names
from asimov.project.workspace import Workspace
from asimov.text import did_you_mean, listed, quoted

#: What `status` shows of a job with which all is well so far.
_UNDER_WAY = {"submitted", "idle"}


@dataclass(frozen=True)
class Selection:
    """The analyses that a person selected; each filter narrows the choice.

    Attributes
    ----------
    patterns
        Words such as ``'gw19*/bilby*'``, ``SUBJECT`` or the two words ``SUBJECT NAME``.
    states, pipelines, labels
        An analysis must have one of the states, one of the pipelines, one of the labels. The state
        ``running`` includes jobs that wait for a machine.
    since
        Its state must have changed since then, in seconds since the epoch.
    outdated
        Whether it must be out of date.
    """

    patterns: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    pipelines: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    since: float | None = None
    outdated: bool = False

    @property
    def given(self) -> bool:
        """Whether anything was given; otherwise all analyses are selected."""
        return bool(self.patterns) or self.filtered

    @property
    def filtered(self) -> bool:
        """Whether there are filters besides the patterns."""
        given = (self.states, self.pipelines, self.labels, self.outdated)
        return any(given) or self.since is not None

    def names(self, keys: Sequence[Key]) -> bool:
        """Return whether the patterns spell one analysis, and nothing else."""
        return len(keys) == 1 and str(keys[0]) == "/".join(self.patterns)

    def of(
        self,
        workspace: Workspace,
        *,
        more: Iterable[Key] = (),
        may_be_empty: bool = False,
        names: Names | None = None,
    ) -> list[Key]:
        """Return the selected analyses, in the ledger's order.

        Parameters
        ----------
        workspace
            The open project.
        more
            Analyses that can be selected although they are not in the ledger.
        may_be_empty
            Whether filters may leave nothing, as they may for a listing.
        names
            The names of all these, as of `names_of`, if they are known already.

        Raises
        ------
        AsimovError
            If a pattern matches nothing, a state or a pipeline is unknown, a label has no value to
            compare with, or nothing is left.
        """
        keys = (names or names_of(workspace, more)).matching(self.patterns)
        wanted = self._wanted_states()
        self._check_pipelines(workspace)
        self._check_labels(workspace)
        found = [*keys]
        if self.filtered:
            found = [key for key in keys if self._fits(workspace, key, wanted)]
        if self.outdated:
            old = outdated(workspace, found)
            found = [key for key in found if key in old]
        if not found and not may_be_empty:
            raise AsimovError(
                "no analysis matches these filters" if keys else "there are no analyses to select",
                hint="'asimov status' lists all analyses",
            )
        return found

    def _fits(self, workspace: Workspace, key: Key, wanted: frozenset[str]) -> bool:
        record = workspace.records.get(key)
        if wanted and not wanted & _states_of(workspace, key, record):
            return False
        if self.since is not None and (record is None or record.since < self.since):
            return False
        entry = workspace.contents.entries.get(key)
        if self.pipelines and (
            entry is None or entry.pipeline.lower() not in {each.lower() for each in self.pipelines}
        ):
            return False
        if not self.labels:
            return True
        labels = workspace.settings(key).get("labels") if entry is not None else None
        return any(has_label(labels, each) for each in self.labels)

    def _wanted_states(self) -> frozenset[str]:
        known = [*states.STATES, *OF_JOBS]
        wanted = {_name(each) for each in self.states}
        for each in sorted(wanted.difference(known)):
            raise AsimovError(
                f"there is no state {quoted(each)}{did_you_mean(each, known)}",
                hint=f"the states are {', '.join(known)}",
            )
        return frozenset(wanted)

    def _check_pipelines(self, workspace: Workspace) -> None:
        if not self.pipelines:
            return
        used = {entry.pipeline.lower() for entry in workspace.contents.entries.values()}
        known = used.union(map(str.lower, entrypoints.found(entrypoints.PIPELINES)))
        for each in self.pipelines:
            if each.lower() not in known:
                raise AsimovError(
                    f"there is no pipeline {quoted(each)}{did_you_mean(each.lower(), known)}",
                    hint=f"the ledger's analyses use {listed(sorted(used)) or 'none'}",
                )

    def _check_labels(self, workspace: Workspace) -> None:
        """Refuse labels that can't be meant; words with blanks are one label only if there is."""
        for each in self.labels:
            check_label(each)
        names = [each for each in self.labels if not any(sign in each for sign in "<>=")]
        spaced = [each for each in names if " " in each.strip()]
        if not spaced:
            return
        entries = workspace.contents.entries
        known = {
            str(name).lower()
            for key in entries
            for name in workspace.settings(key).get("labels") or ()
        }
        for each in spaced:
            if each.strip().lower() not in known:
                raise AsimovError(
                    f"no analysis has the label {quoted(each)}{did_you_mean(each, known)}",
                    hint="write the name of a label, or a comparison such as 'quality >= 3'; "
                    "repeat --label for several",
                )


def names_of(workspace: Workspace, more: Iterable[Key] = ()) -> Names:
    """Return the names that a selection's patterns can match; see `Selection.of`."""
    removals = partial(removal_of, workspace.journal)
    return Names(workspace.contents, workspace.records, more, removals)


def _name(state: str) -> str:
    """Return a state's present name; ``queued`` means a job that waits for a machine."""
    return "idle" if state.lower() == "queued" else states.ALIASES.get(state.lower(), state.lower())


def _states_of(workspace: Workspace, key: Key, record: Record | None) -> set[str]:
    """Return the names under which an analysis's state is known: its own, and its job's."""
    state = record.status if record is not None else workspace.status(key)
    job = record.job_state if record is not None else None
    if not (states.STATES[state].active or state == "stuck"):
        return {state}
    shown = {shown_state(state, job), *([job] if job and job != "running" else [])}
    return shown | {state} if shown & _UNDER_WAY else shown
