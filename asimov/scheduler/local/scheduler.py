"""The local scheduler as the rest of asimov sees it."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Mapping, Sequence
from configparser import ConfigParser
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from asimov.configuration import number
from asimov.errors import SchedulerError
from asimov.scheduler.contract import Scheduler, check_intended
from asimov.scheduler.jobs import (
    JobDescription,
    Listed,
    Ticket,
    of_program,
    submit_command,
    submit_value,
)
from asimov.scheduler.languages import event_log_writer as events
from asimov.scheduler.languages.dag_file import read_dag_file, rescue_files
from asimov.scheduler.languages.events import Event
from asimov.scheduler.languages.submit_file import SubmitFile, describe, read_submit_file
from asimov.scheduler.local.dag_nodes import node_folder, node_submit
from asimov.scheduler.local.explaining import explain
from asimov.scheduler.local.failing import failures
from asimov.scheduler.local.listing import jobs_of_project
from asimov.scheduler.local.observing import observations
from asimov.scheduler.local.process_spec import Paths, Process, processes
from asimov.scheduler.local.requests import ask, raise_requests
from asimov.scheduler.local.spool import (
    DAG,
    JOB,
    SERVICE,
    Spool,
    add_cluster,
    add_environment,
    add_processes,
)
from asimov.scheduler.local.startup import environ, wake
from asimov.scheduler.local.using import queued, usage
from asimov.scheduler.observations import Failure, Gone, Observation, Present, Unknown, Usage
from asimov.scheduler.submit_folder import folder_of_dag, folder_of_submit_file

if TYPE_CHECKING:
    import sqlite3

#: Seconds that a process has to end by itself, unless ``[local] grace`` says otherwise.
GRACE = 10.0


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
    enforce_memory
        Whether a process that uses more memory than it asked for is held.
    """

    root: Path
    limit: int
    grace: float = GRACE
    enforce_memory: bool = False
    name: ClassVar[str] = "local"
    spool: Spool = field(init=False, repr=False)
    paths: Paths = field(init=False, repr=False)
    #: What `news` has answered, or left out as it was answered before.
    _told: dict[str, Observation] | None = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self.paths = Paths(self.root)
        self.root = self.paths.root
        self.spool = Spool(self.root)

    @classmethod
    def from_project(cls, root: Path, config: ConfigParser) -> LocalScheduler:
        """Return the scheduler of the project in `root`.

        Raises
        ------
        AsimovError
            Where an option in ``[local]`` has a value that it can't have.
        """
        limit = number(config, "local", "processes", os.cpu_count() or 1)
        if limit < 1 or limit != int(limit):
            raise SchedulerError(
                f"should be a whole number from 1, and is {limit:g}",
                where="configuration: local/processes",
            )
        grace = number(config, "local", "grace", GRACE)
        try:
            enforce = config.getboolean("local", "enforce memory", fallback=False)
        except ValueError:
            raise SchedulerError(
                f"should be true or false, and is {config.get('local', 'enforce memory')!r}",
                where="configuration: local/enforce memory",
            ) from None
        return cls(root, int(limit), grace, enforce)

    def only_read(self) -> None:
        """Write nothing from now on; see `Scheduler.only_read`."""
        super().only_read()
        self.spool.only_read = True

    def submit(self, job: JobDescription | str | Path) -> int:
        """Submit one cluster; see `Scheduler.submit`."""
        check_intended()
        if not isinstance(job, JobDescription):
            path = Path(job).absolute()
            job = (of_program(path) if path.is_file() else None) or path
        if isinstance(job, JobDescription):
            submit, folder = describe(job), Path.cwd()
        else:
            submit, folder = read_submit_file(job), folder_of_submit_file(job, self.root)
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
        for proc, process in enumerate(found):
            if process.log:
                written = logs.setdefault(process.log, [])
                written += events.submitted(cluster, proc, time.time(), notes, self._tags())
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
        check_intended()
        path = Path(dag_file).absolute()
        folder = folder_of_dag(path, self.root)
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
            key = add_environment(db, environ())
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
            self._add(db, cluster, SERVICE, [process], environ())
        self._wake_if_possible()
        return cluster

    def wake(self) -> None:
        """Start the runner where there may be work for it and none lives."""
        enforce = ["enforce-memory"] if self.enforce_memory else []
        wake(self.spool, [str(self.limit), str(self.grace), *enforce])

    def _wake_if_possible(self) -> None:
        # What was asked for is in the queue: an error now would tell that it is not. The next
        # command that wakes the queue meets the same error, and says so.
        with suppress(SchedulerError):
            self.wake()

    def remove(self, job_id: int, reason: str = "", *, uid: str | None = None) -> None:
        """Remove a job; see `Scheduler.remove`."""
        if uid is not None:
            seen = self.observe([Ticket(uid, job_id, 0.0)])[uid]
            if not isinstance(seen, Present):
                return
        self._ask(job_id, "remove", reason)

    def hold(self, job_id: int, reason: str = "") -> None:
        """Hold a job; see `Scheduler.hold`."""
        self._ask(job_id, "hold", reason)

    def release(self, job_id: int, reason: str = "") -> None:
        """Release a job; see `Scheduler.release`."""
        self._ask(job_id, "release", reason)

    def _ask(self, job_id: int, action: str, reason: str) -> None:
        if self.spool.exists():
            ask(self.spool, job_id, action, reason)
            self._wake_if_possible()

    def raise_requests(
        self, job_id: int, *, memory_mb: int | None = None, disk_kb: int | None = None
    ) -> None:
        """Change what a job asks for; it takes effect when it is started again."""
        raise_requests(self.spool, job_id, memory_mb, disk_kb)

    def observe(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Say what is known of each job; see `Scheduler.observe`."""
        import sqlite3

        try:
            answers = observations(self.spool, tickets)
        except (sqlite3.Error, OSError) as error:
            reason = f"the local queue can't be read: {error}"
            return {ticket.uid: Unknown(reason) for ticket in tickets}
        if self._told is not None:
            self._told.update(answers)
        return answers

    def news(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Return what has changed since the last answer; see `Scheduler.news`.

        The first time only what has ended is new.
        """
        import sqlite3

        try:
            answers = observations(self.spool, tickets)
        except (sqlite3.Error, OSError):
            return {}  # `observe` says so
        told, self._told = self._told, answers
        return {
            uid: answer
            for uid, answer in answers.items()
            if isinstance(answer, Gone if told is None else (Present, Gone))
            and (told is None or told.get(uid) != answer)
        }

    def usage(self, job_ids: Collection[int], since: float) -> Mapping[int, Usage]:
        """Return what jobs used that have ended; see `Scheduler.usage`."""
        if not job_ids or not self.spool.exists():
            return {}
        with self.spool.reading() as db:
            return usage(db, job_ids)

    def failures(self, job_id: int, since: float) -> list[Failure]:
        """Return what failed of a job; see `Scheduler.failures`."""
        if not self.spool.exists():
            return []
        with self.spool.reading() as db:
            return failures(db, job_id, self.paths)

    def explain(self, job_id: int) -> list[str]:
        """Say why a job is not running; see `Scheduler.explain`."""
        if not self.spool.exists():
            return []
        with self.spool.reading() as db:
            return explain(db, self.spool, job_id, self.limit)

    def queued(self) -> int:
        """Return how many processes wait to run; see `Scheduler.queued`."""
        if not self.spool.exists():
            return 0
        with self.spool.reading() as db:
            return queued(db)

    def jobs_of_project(self) -> list[Listed]:
        """Return every job that carries a tag; see `Scheduler.jobs_of_project`."""
        return jobs_of_project(self.spool)
