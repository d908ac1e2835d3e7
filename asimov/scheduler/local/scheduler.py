"""The local scheduler as the rest of asimov sees it."""

from __future__ import annotations

import getpass
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from configparser import ConfigParser
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from asimov.errors import SchedulerError
from asimov.scheduler.contract import (
    Gone,
    JobDescription,
    JobState,
    NotFound,
    Observation,
    Present,
    Progress,
    Scheduler,
    Ticket,
    Unknown,
    Usage,
    submit_command,
    submit_value,
)
from asimov.scheduler.dagfile import read_dag_file, rescue_files
from asimov.scheduler.eventlog import Event
from asimov.scheduler.local import events
from asimov.scheduler.local.jobs import Paths, Process, processes
from asimov.scheduler.local.nodes import node_folder, node_submit
from asimov.scheduler.local.process import MARK, printable
from asimov.scheduler.local.spool import (
    BUSY,
    DAG,
    JOB,
    SERVICE,
    Spool,
    add_cluster,
    add_environment,
    add_processes,
    ring,
)
from asimov.scheduler.submitfile import SubmitFile, describe, read_submit_file

if TYPE_CHECKING:
    import sqlite3

#: Seconds that a process has to end by itself, unless ``[local] grace`` says otherwise.
GRACE = 10.0
_OBSERVED = (
    "id, uid, kind, state, total, done, failed, idle, running, held, exit_code, signal, removed,"
    " ended, reason, code"
)


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise SchedulerError(
            f"should be a number, and is {text!r}", where=f"configuration: local/{option}"
        ) from None


@dataclass
class LocalScheduler(Scheduler):
    """Runs jobs on this machine, in processes that outlive the command.

    Parameters
    ----------
    root
        The project's folder; the queue stands in ``.asimov/local`` in it.
    limit
        How many processors jobs may take at once.
    grace
        How long a process may live after it was asked to end, in seconds.
    """

    root: Path
    limit: int
    grace: float = GRACE
    name: ClassVar[str] = "local"
    spool: Spool = field(init=False, repr=False)
    paths: Paths = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.paths = Paths(self.root)
        self.root = self.paths.root
        self.spool = Spool(self.root)

    @classmethod
    def from_project(cls, root: Path, config: ConfigParser) -> LocalScheduler:
        """Return the scheduler of the project in `root`.

        Raises
        ------
        SchedulerError
            Where ``[local] processes`` or ``[local] grace`` is no number.
        """
        given = config.get("local", "processes", fallback=str(os.cpu_count() or 1))
        limit = _number("processes", given)
        if limit < 1 or limit != int(limit):
            raise SchedulerError(
                f"should be a whole number from 1, and is {given}",
                where="configuration: local/processes",
            )
        grace = _number("grace", config.get("local", "grace", fallback=str(GRACE)))
        return cls(root, int(limit), grace)

    def submit(self, job: JobDescription | str | Path) -> int:
        """Submit one cluster; see `Scheduler.submit`."""
        if isinstance(job, JobDescription):
            submit = describe(job)
        else:
            submit = read_submit_file(Path(job).absolute())
        folder = Path.cwd()
        self.spool.create()
        with self.spool.changing() as db:
            cluster = add_cluster(db, JOB, time.time(), tags=self._tags(), details={})
            found, inherited = processes(submit, cluster, folder, self.paths)
            self._add(db, cluster, JOB, found, inherited)
            self._log(cluster, found, self._notes(submit))
        self._wake_if_possible()
        return cluster

    def _notes(self, submit: SubmitFile) -> str:
        return submit.value("submit_event_notes", {}) or submit.value("log_notes", {})

    def _tags(self) -> dict[str, str]:
        return self._tag.attributes() if self._tag else {}

    def _add(
        self,
        db: sqlite3.Connection,
        cluster: int,
        role: str,
        found: list[Process],
        inherited: Mapping[str, str],
    ) -> None:
        key = add_environment(db, inherited)
        db.execute("UPDATE clusters SET environment = ? WHERE id = ?", (key, cluster))
        add_processes(db, cluster, role, found)

    def _log(self, cluster: int, found: Sequence[Process], notes: str = "") -> None:
        logs: dict[str, list[Event]] = {}
        for number, process in enumerate(found):
            if process.log:
                written = logs.setdefault(process.log, [])
                written += events.submitted(cluster, number, time.time(), notes, self._tags())
        for stored, written in logs.items():
            self._append(stored, written)

    def _append(self, stored: str, written: Sequence[Event]) -> None:
        path = self.paths.load(stored)
        try:
            events.append_events(path, written)
        except OSError as error:
            raise SchedulerError(
                f"the event log can't be written: {error.strerror}", where=path
            ) from error

    def submit_dag(
        self, dag_file: str | Path, batch_name: str | None = None, **commands: object
    ) -> int:
        """Submit a DAG file; see `Scheduler.submit_dag`.

        Every node's submit file is checked first. With ``force=True`` rescue files are put
        aside (``.old``).
        """
        path, folder = Path(dag_file).absolute(), Path.cwd()
        if commands.pop("force", False):
            for rescue in rescue_files(path):
                rescue.replace(rescue.with_name(f"{rescue.name}.old"))
        dag = read_dag_file(path)
        given = {submit_command(key): submit_value(value) for key, value in commands.items()}
        for node in dag.nodes.values():
            where = node_folder(node, folder)
            if node.noop or node.done or (node.pre and not (where / node.submit).exists()):
                continue  # a PRE script may write it
            processes(node_submit(node, where, given, {"retry": "0"}), 0, where, self.paths)
        rescues = rescue_files(path)
        stored = self.paths.store(path, folder)
        log = f"{stored}.dagman.log"
        details = {
            "file": stored,
            "folder": self.paths.store(folder, folder),
            "commands": given,
            "rescue": int(rescues[-1].name[-3:]) if rescues else 0,
            "log": log,
            "nodes_log": f"{stored}.nodes.log",
            "batch_name": batch_name,
        }
        plan = {name: asdict(node) for name, node in dag.nodes.items()}
        done = sum(node.done for node in dag.nodes.values())
        self.spool.create()
        with self.spool.changing() as db:
            key = add_environment(db, _environ())
            cluster = add_cluster(
                db, DAG, time.time(), tags=self._tags(), details=details, environment=key
            )
            db.execute(
                "UPDATE clusters SET total = ?, done = ? WHERE id = ?", (len(plan), done, cluster)
            )
            text = json.dumps({"nodes": plan, "limits": dag.limits})
            db.execute("INSERT INTO dags VALUES (?, ?)", (cluster, text))
            first = events.submitted(cluster, 0, time.time(), "", self._tags())
            self._append(log, first)
        self._wake_if_possible()
        return cluster

    def start_service(self, arguments: Sequence[str], log: Path) -> int:
        """Keep a command running; see `Scheduler.start_service`."""
        output = self.paths.store(log, Path.cwd())
        process = Process(
            arguments=[self.paths.store(arguments[0], Path.cwd()), *arguments[1:]],
            folder=self.paths.store(self.root, self.root),
            input=os.devnull,
            output=output,
            error=output,
            append=True,
        )
        self.spool.create()
        with self.spool.changing() as db:
            cluster = add_cluster(db, SERVICE, time.time(), tags=self._tags(), details={})
            self._add(db, cluster, SERVICE, [process], _environ())
        self._wake_if_possible()
        return cluster

    def wake(self) -> None:
        """Start the runner where there may be work for it and none lives."""
        if not self.spool.exists() or ring(self.spool):
            return
        # Not to read only: where a runner was killed as it wrote, that has to be undone first.
        with self.spool.changing() as db:
            row = db.execute(BUSY).fetchone()
        if row[0]:
            self._start_runner()

    def _wake_if_possible(self) -> None:
        # What was asked for is in the queue: an error now would tell that it is not. The next
        # command that wakes the queue meets the same error, and says so.
        with suppress(SchedulerError):
            self.wake()

    def _start_runner(self) -> None:
        variables = {name: value for name, value in os.environ.items() if name != MARK}
        if "PYTHONPATH" in variables:
            parts = variables["PYTHONPATH"].split(os.pathsep)
            variables["PYTHONPATH"] = os.pathsep.join(str(Path(part).absolute()) for part in parts)
        runner = [sys.executable, "-m", "asimov.scheduler.local.runner"]
        arguments = [str(self.root), str(self.limit), str(self.grace)]
        # The shell ends at once, so that the runner is nobody's child: it leaves no zombie in a
        # command that lives long, and no signal to the command's terminal reaches it.
        try:
            with self.spool.output.open("ab") as output:
                subprocess.run(
                    ["/bin/sh", "-c", '"$@" &', "sh", *runner, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    start_new_session=True,
                    cwd=self.spool.folder,
                    env=variables,
                    check=True,
                )
        except (OSError, subprocess.CalledProcessError) as error:
            raise SchedulerError(
                f"the local queue can't be run: {error}", where=self.spool.output
            ) from error

    def remove(self, job_id: int, reason: str = "") -> None:
        """Remove a job; see `Scheduler.remove`."""
        self._ask(job_id, "remove", reason)

    def hold(self, job_id: int, reason: str = "") -> None:
        """Hold a job; see `Scheduler.hold`."""
        self._ask(job_id, "hold", reason)

    def release(self, job_id: int, reason: str = "") -> None:
        """Release a job; see `Scheduler.release`."""
        self._ask(job_id, "release", reason)

    def _ask(self, job_id: int, action: str, reason: str) -> None:
        if not self.spool.exists():
            return
        by = f"(by user {_user()})"
        with self.spool.changing() as db:
            db.execute(
                "INSERT INTO requests (cluster, action, reason)"
                " SELECT id, ?, ? FROM clusters WHERE id = ? AND state != 'gone'",
                (action, printable(f"{reason or f'{action} asked for'} {by}"), job_id),
            )
        self._wake_if_possible()

    def usage(self, job_id: int) -> Usage | None:
        """Return what a job used; see `Scheduler.usage`."""
        if not self.spool.exists():
            return None
        with self.spool.reading() as db:
            row = db.execute(
                "SELECT sum(wall), sum(cpu), max(memory), count(*) FROM processes"
                " WHERE attempt > 0 AND role = 'job' AND cluster IN ("
                "   SELECT id FROM clusters WHERE id = ? AND state = 'gone' UNION ALL"
                "   SELECT id FROM clusters WHERE dag = ?)",
                (job_id, job_id),
            ).fetchone()
            ended = db.execute(
                "SELECT 1 FROM clusters WHERE id = ? AND state = 'gone'", (job_id,)
            ).fetchone()
        if ended is None or not row[3]:
            return None
        return Usage(row[0], row[1], row[2] or None, row[3])

    def observe(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Say what is known of each job; see `Scheduler.observe`."""
        import sqlite3

        asked = NotFound(("queue",))
        answers: dict[str, Observation] = {ticket.uid: asked for ticket in tickets}
        try:
            if not self.spool.exists():
                return answers
            with self.spool.connect(read_only=True) as db:
                for ticket, row in _rows(db, tickets):
                    answers[ticket.uid] = _observation(row)
        except (sqlite3.Error, OSError) as error:
            reason = f"the local queue can't be read: {error}"
            return {ticket.uid: Unknown(reason) for ticket in tickets}
        return answers


def _environ() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name != MARK}


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())


def _rows(
    db: sqlite3.Connection, tickets: Sequence[Ticket]
) -> Iterator[tuple[Ticket, sqlite3.Row]]:
    by_id: dict[int, list[Ticket]] = {}
    for ticket in tickets:
        if ticket.job_id is not None:
            by_id.setdefault(ticket.job_id, []).append(ticket)
    by_uid = {ticket.uid: ticket for ticket in tickets if ticket.job_id is None}
    # One parameter carries any number of values.
    db.execute("BEGIN")
    found = db.execute(
        f"SELECT {_OBSERVED} FROM clusters WHERE id IN (SELECT value FROM json_each(?))",
        (json.dumps(list(by_id)),),
    )
    for row in found:
        for ticket in by_id[row["id"]]:
            yield ticket, row
    found = db.execute(
        f"SELECT {_OBSERVED} FROM clusters WHERE uid IS NOT NULL AND dag IS NULL"
        " AND uid IN (SELECT value FROM json_each(?)) ORDER BY id",
        (json.dumps(list(by_uid)),),
    )
    for row in found:
        yield by_uid[row["uid"]], row
    db.execute("ROLLBACK")


def _observation(row: sqlite3.Row) -> Observation:
    progress = None
    if row["kind"] == DAG or row["total"] > 1:
        progress = Progress(
            total=row["total"],
            done=row["done"],
            failed=row["failed"],
            running=row["running"],
            idle=row["idle"],
            held=row["held"],
        )
    if row["state"] != "gone":
        state = JobState(row["state"])
        held = state is JobState.HELD
        reason, code = (row["reason"], row["code"]) if held else (None, None)
        return Present(row["id"], state, reason, code, progress)
    return Gone(
        row["id"],
        row["exit_code"],
        "queue",
        ended_at=row["ended"],
        signal=row["signal"],
        removed=bool(row["removed"]),
        reason=row["reason"],
        progress=progress,
    )
