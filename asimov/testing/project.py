"""A scratch project: a real project in a temporary folder, driven by a test."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any

from asimov import logs
from asimov.configuration import update_file
from asimov.discovery import entrypoints
from asimov.engine import build, explain, submit
from asimov.engine.apply import apply
from asimov.engine.build import Result
from asimov.engine.lease import acting
from asimov.engine.monitor import Pass, monitor
from asimov.engine.set_state import set_state
from asimov.engine.status import rows
from asimov.errors import AsimovError, ReportedError
from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.ledger.blueprints import read
from asimov.ledger.documents import dump
from asimov.ledger.plan import Plan
from asimov.project import identity, layout
from asimov.project.analysis import Analysis
from asimov.project.workspace import Workspace
from asimov.scheduler import Present, Scheduler, Ticket
from asimov.testing.clock import Clock
from asimov.testing.home import own_home
from asimov.testing.temporary_entry_points import SchedulerPlugin, entry_points

#: Seconds between two passes of `ScratchProject.run_until_idle`: real ones, and by a test's clock.
_PAUSE, _BY_CLOCK = 0.05, 60.0
#: Seconds that jobs may take to leave the queue.
_LEAVES = 60.0


class ScratchProject:
    """A project that lasts as long as a block: ``with ScratchProject() as project: ...``.

    Its methods do the same as the commands of the same names, in this process and with the same
    calls to the engine. Each opens the project again, as a command does: a pipeline keeps nothing
    between them except what it writes to its settings and to files. `asimov.testing.console` runs
    any other command.

    Parameters
    ----------
    folder
        An empty folder, which is kept; by default a temporary folder, which is removed.
    scheduler
        ``local``, ``htcondor``, the name of another installed scheduler, or an object such as a
        `RecordingScheduler`.
    configuration
        Options of the project: ``{"local/processes": 1}``.
    clock
        The clock for timestamps and pauses; by default the system's. Schedulers keep using the
        system's clock for their jobs.

    Attributes
    ----------
    root
        The project's folder.
    lines
        The lines that commands would have printed.
    """

    def __init__(
        self,
        folder: str | Path | None = None,
        scheduler: str | Scheduler = "local",
        configuration: Mapping[str, object] | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.root = Path()
        self.lines: list[str] = []
        self.clock = clock
        self._folder = folder
        self._scheduler = scheduler
        self._options = {"local/grace": 1, **(configuration or {})}
        self._stack = ExitStack()
        self._workspace: Workspace | None = None
        self._files = 0

    def __enter__(self) -> ScratchProject:
        with ExitStack() as stack:
            base = self._folder
            if base is None:
                base = tempfile.mkdtemp(prefix="asimov-")
                stack.callback(shutil.rmtree, base, ignore_errors=True)
            top = Path(base).resolve()
            stack.enter_context(own_home(top / "home"))
            name = self._scheduler
            if isinstance(name, Scheduler):
                added = {entrypoints.SCHEDULERS: {name.name: SchedulerPlugin(name)}}
                stack.enter_context(entry_points(added))
                name = name.name
            if self.clock is not None:
                stack.enter_context(self.clock.in_control())
            self.root = top / "project"
            made = layout.create("Scratch project", self.root, name, {})
            stack.enter_context(_own_log(made.logs))
            stack.callback(self._end)
            with closing(Journal(made.journal)) as journal:
                identity.record(made, journal)
            self.configure({"project/journal": made.stored(made.journal), **self._options})
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _end(self) -> None:
        with suppress(ReportedError, OSError):
            end_jobs(self.workspace)
        self.close()

    # --- the project

    @property
    def workspace(self) -> Workspace:
        """The open project, as the last command left it."""
        if self._workspace is None:
            self._workspace = Workspace.open(self.root)
        return self._workspace

    def reopen(self) -> Workspace:
        """Open the project again, as the next command does, with new pipeline objects."""
        self.close()
        return self.workspace

    def close(self) -> None:
        """Close the journal, as the end of a command does; the next call opens it again."""
        if self._workspace is not None:
            self._workspace.journal.close()
            self._workspace = None

    def analysis(self, subject: str, name: str) -> Analysis:
        """Return an analysis as pipelines see it."""
        return self.workspace.analysis(self.workspace.key(subject, name))

    def rundir(self, subject: str, name: str) -> Path:
        """Return the run directory of an analysis."""
        return Path(self.analysis(subject, name).rundir)

    def config(self, subject: str, name: str) -> Path:
        """Return the rendered configuration of an analysis."""
        return Path(self.analysis(subject, name).config_file)

    def results(self, subject: str, name: str) -> dict[str, Any]:
        """Return the stored results of an analysis: checksum, size and time of each file."""
        return self.workspace.store.manifest(subject, name)

    # --- the ledger and the configuration

    def configure(self, options: Mapping[str, object]) -> None:
        """Set options of the project: ``{"monitor/max active": 2}``."""
        values = {}
        for option, value in options.items():
            section, _, name = option.partition("/")
            values[section, name] = str(value)
        update_file(self.root / ".asimov" / "asimov.conf", values)
        self.close()

    def apply(
        self,
        *blueprints: str | Path | Mapping[str, Any],
        update: bool = False,
        dry_run: bool = False,
    ) -> Plan:
        """Add blueprints to the ledger, as ``asimov apply``; return what changed.

        Parameters
        ----------
        *blueprints
            YAML text, files, or documents as mappings with a ``kind``.
        update
            Whether to change existing entries too.
        dry_run
            Whether to only plan the changes.

        Raises
        ------
        AsimovError
            If they can't be applied. Nothing is written then.
        """
        files = []
        for each in blueprints:
            if isinstance(each, Path):
                files.append(each)
                continue
            self._files += 1
            files.append(self.root.parent / f"blueprint-{self._files}.yaml")
            files[-1].write_text(each if isinstance(each, str) else dump(dict(each)))
        documents = read([str(file) for file in files])
        plan = apply(self.reopen(), documents, update=update, dry_run=dry_run)
        self.close()
        self.lines += plan.summary(would=dry_run)
        self.lines += [f"note: {note}" for note in plan.notes]
        return plan

    def add_subject(self, name: str, settings: Mapping[str, Any] | None = None) -> None:
        """Add a subject with its settings."""
        self.apply({"kind": "subject", "name": name, **(settings or {})})

    def add_analysis(
        self, subject: str, name: str, pipeline: str, settings: Mapping[str, Any] | None = None
    ) -> None:
        """Add an analysis with settings such as ``{"needs": ["first"], "steps": 5}``."""
        named = {"kind": "analysis", "name": name, "subject": subject, "pipeline": pipeline}
        self.apply({**named, **(settings or {})})

    # --- commands

    def set_state(self, subject: str, name: str, state: str, reason: str | None = None) -> None:
        """Set an analysis to a state, as ``asimov production set``.

        Raises
        ------
        AsimovError
            If there is no such state, or the analysis can't be set to it now.
        """
        workspace = self.reopen()
        set_state(workspace, workspace.key(subject, name), state, reason)

    def build(self, *keys: Key, dry_run: bool = False, force: bool = False) -> Result:
        """Build some analyses, by default all, as ``asimov manage build``."""
        workspace = self.reopen()
        with acting(workspace, "asimov manage build", self.lines.append, dry_run=dry_run):
            chosen = keys or workspace.keys()
            return build.build(workspace, chosen, self.lines.append, dry_run=dry_run, force=force)

    def submit(self, *keys: Key, dry_run: bool = False) -> Result:
        """Submit some analyses, by default all, as ``asimov manage submit``."""
        workspace = self.reopen()
        with submit.submitting(
            workspace, "asimov manage submit", self.lines.append, dry_run=dry_run
        ):
            chosen = keys or workspace.keys()
            return submit.submit(workspace, chosen, self.lines.append, dry_run=dry_run)

    def monitor(self, *, chain: bool = False, dry_run: bool = False) -> Pass:
        """Make one pass, as ``asimov monitor``."""
        workspace = self.reopen()
        report = self.lines.append
        with submit.submitting(workspace, "asimov monitor", report, dry_run=dry_run) as left:
            return monitor(workspace, report, chain=chain, dry_run=dry_run, left=left)

    def run_until_idle(
        self, timeout: float = 60.0, *, chain: bool = True, pause: float = _PAUSE
    ) -> Pass:
        """Make passes until nothing is active, as ``asimov monitor --chain --until-idle``.

        A test's clock advances by a minute per pass.

        Parameters
        ----------
        timeout
            Real seconds.
        chain
            Whether to build and submit analyses that are ready.
        pause
            Real seconds between two passes.

        Raises
        ------
        AsimovError
            If that takes longer than `timeout`; the hint lists what is active.
        """
        end = time.monotonic() + timeout
        while True:
            outcome = self.monitor(chain=chain)
            if not outcome.active and not outcome.unreachable:
                return outcome
            if time.monotonic() > end:
                raise AsimovError(
                    f"not idle after {timeout:g} s",
                    hint="; ".join([*self.lines[-5:], *outcome.unreachable, str(self.status())]),
                )
            time.sleep(pause)
            if self.clock is not None:
                self.clock.advance(_BY_CLOCK)

    # --- states

    def status(self) -> dict[str, str]:
        """Return the state of every analysis, by ``subject/name``."""
        workspace = self.reopen()
        return {str(key): workspace.status(key) for key in workspace.contents.entries}

    def reason(self, subject: str, name: str) -> str:
        """Return why an analysis is in its state, as ``asimov status`` shows it."""
        workspace = self.reopen()
        (row,) = rows(workspace, [workspace.key(subject, name)])
        return row.reason or ""

    def why(self, subject: str, name: str) -> explain.Explanation:
        """Return what ``asimov why`` says about an analysis."""
        workspace = self.reopen()
        return explain.explain(workspace, workspace.key(subject, name))


def end_jobs(workspace: Workspace) -> None:
    """Remove the remaining jobs of a project, and wait until they have left the queue."""
    scheduler = workspace.scheduler()
    jobs = scheduler.jobs_of_project() or []
    tickets = [Ticket(each.tag.uid, each.job_id, 0.0) for each in jobs]
    for there in _present(scheduler, tickets):
        scheduler.remove(there.job_id, "the scratch project has ended")
    end = time.monotonic() + _LEAVES
    while _present(scheduler, tickets) and time.monotonic() < end:
        time.sleep(_PAUSE)


@contextmanager
def _own_log(folder: Path) -> Iterator[None]:
    """Write asimov's log to a folder within the block."""
    log = logs.logger()
    before = log.handlers[:], log.level, log.propagate
    log.handlers.clear()
    logs.write_to(folder)
    try:
        yield
    finally:
        for handler in log.handlers:
            handler.close()
        log.handlers[:], log.propagate = before[0], before[2]
        log.setLevel(before[1])


def _present(scheduler: Scheduler, tickets: list[Ticket]) -> list[Present]:
    return [each for each in scheduler.observe(tickets).values() if isinstance(each, Present)]
