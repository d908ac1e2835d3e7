"""An attempt with all that it was made from, as a project knows it."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from asimov.engine.provenance.export.runs import End, Run, of_file, products_of
from asimov.engine.provenance.lookup import products_in, record_of, stored_results
from asimov.engine.provenance.record import FILE, Provenance, layers_of, read
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.journal.provenance import ProvenanceRecords
from asimov.journal.records import Attempt
from asimov.project.workspace import Workspace
from asimov.system import clock


def history(
    workspace: Workspace, key: Key, number: int | None = None, depth: int | None = None
) -> list[Run]:
    """Return an attempt, and the attempts that made its inputs, and so on; the nearest first.

    What came with a crate is known by the records in the results store.

    Parameters
    ----------
    workspace
        The open project.
    key, number
        The analysis, and which attempt; by default the last one.
    depth
        How many steps to go upstream; by default all.

    Raises
    ------
    AsimovError
        If there is no such attempt, or what it ran with was not recorded.
    """
    runs = _Runs(workspace)
    first = runs.named(key, number)
    found = {first.record.uid: first}
    nearest, steps = [first], 0
    while nearest and (depth is None or steps < depth):
        before = {uid: key for run in nearest for uid, key in _made_from(run).items()}
        nearest, steps = [], steps + 1
        for uid, maker in before.items():
            made = runs.of(maker, uid) if uid not in found else None
            if made is not None:
                found[uid] = made
                nearest.append(made)
    every = list(found.values())
    runs.name_makers(every)
    return every


def _made_from(run: Run) -> dict[str, Key]:
    """Return the attempts whose products a run used or took over, with their analyses."""
    names = {each.attempt: each.of for each in run.made_elsewhere()}
    if run.reused is not None:
        names[run.reused.attempt] = run.reused.made_by.rpartition("@")[0]
    parts = {uid: name.partition("/") for uid, name in names.items()}
    return {uid: Key(subject, name) for uid, (subject, _, name) in parts.items()}


class _Runs:
    """The attempts of a project: those in its journal, and those that came with a crate."""

    def __init__(self, workspace: Workspace) -> None:
        self._journal = workspace.journal
        self._workspace = workspace
        self._records = ProvenanceRecords(workspace.journal)
        self._store = workspace.store
        self._attempts: dict[Key, dict[str, Attempt]] = {}

    def named(self, key: Key, number: int | None) -> Run:
        """Return the attempt of a number, by default the last one."""
        try:
            attempt, record = record_of(self._workspace, key, number)
        except AsimovError:
            run = self._stored(self._store.root.joinpath(*key))
            if run is None or self._known(key) or number not in {None, run.record.number}:
                raise
            return run
        return self._run(attempt, record)

    def of(self, key: Key, uid: str) -> Run | None:
        """Return an attempt by its identity; None if nothing is known of it."""
        record = read(self._records, uid)
        if record is not None:
            return self._run(self._known(key).get(uid), record)
        folder = stored_results(self._store, key, uid)
        return None if folder is None else self._stored(folder)

    def name_makers(self, runs: Iterable[Run]) -> None:
        """Have each run know the names of the attempts that made its inputs."""
        every = list(runs)
        names = {run.record.uid: run.name for run in every}
        for run in every:
            for uid, key in _made_from(run).items():
                attempt = self._known(key).get(uid)
                if uid in names or attempt is not None:
                    run.makers[uid] = names.get(uid) or f"{key}@{attempt and attempt.number}"

    def _known(self, key: Key) -> dict[str, Attempt]:
        if key not in self._attempts:
            self._attempts[key] = {each.uid: each for each in self._journal.attempts(key)}
        return self._attempts[key]

    def _stored(self, folder: Path) -> Run | None:
        with suppress(AsimovError):
            return of_file(folder / FILE)
        return None

    def _run(self, attempt: Attempt | None, record: Provenance) -> Run:
        parts = self._records.parts(record.software.values())
        run = Run(
            record,
            [(source, dict(layer)) for source, layer in layers_of(self._records, record)],
            {prefix: parts.get(digest) or [] for prefix, digest in record.software.items()},
        )
        if attempt is not None:
            ended = clock.iso(attempt.ended) if attempt.ended else None
            run.end = End(ended, attempt.exit_code, attempt.evidence, attempt.job_id)
        run.folder = stored_results(self._store, run.key, record.uid)
        if run.folder is not None:
            run.products = products_of(products_in(run.folder))
            if (stored := self._stored(run.folder)) is not None:
                run.reused, run.crate = stored.reused, stored.crate
        return run
