"""The scheduler ``htcondor``: submits jobs to an HTCondor pool, observes them and acts on them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from configparser import ConfigParser
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import ClassVar

from asimov.configuration import number
from asimov.errors import CredentialsError, SchedulerError, SchedulerUnreachableError
from asimov.scheduler.contract import Scheduler, check_intended
from asimov.scheduler.default_commands import default_commands
from asimov.scheduler.htcondor import spooling, tagging
from asimov.scheduler.htcondor.bindings import bindings
from asimov.scheduler.htcondor.classads import quoted
from asimov.scheduler.htcondor.connection import Connection
from asimov.scheduler.htcondor.explanation import explain
from asimov.scheduler.htcondor.failures import failures
from asimov.scheduler.htcondor.file_systems import shares_files
from asimov.scheduler.htcondor.log_follower import LogFollower
from asimov.scheduler.htcondor.log_news import news
from asimov.scheduler.htcondor.observation import observe
from asimov.scheduler.htcondor.project_jobs import jobs_of_project
from asimov.scheduler.htcondor.slot_features import runs_containers
from asimov.scheduler.htcondor.submission import Submission
from asimov.scheduler.htcondor.usage import usage
from asimov.scheduler.htcondor.whereabouts import whereabouts
from asimov.scheduler.jobs import JobDescription, Listed, Tag, Ticket, Whereabouts, submit_commands
from asimov.scheduler.observations import Failure, Observation, Usage

#: HTCondor's documentation asks trackers for no more than a query a minute.
_QUERY_INTERVAL = 60.0
#: How long the answer about the slots' file systems holds, in seconds.
_SLOTS_KNOWN = 600.0


@dataclass
class HTCondor(Scheduler):
    """Jobs in the queue of an HTCondor schedd.

    Attributes
    ----------
    connection
        The schedd.
    defaults
        Submit commands for every job that does not set them itself.
    project
        The project's identity, as in its jobs' `Tag`; None where it is unknown.
    query_interval
        The least time between two queries by a command that keeps asking, in seconds.
    home
        The project's folder, in which plugin methods start; None where it is unknown.
    spool
        Whether jobs whose files are transferred are spooled; None to spool to another machine.
    """

    name: ClassVar[str] = "htcondor"
    interval_option: ClassVar[str] = "[condor] query interval"
    connection: Connection = field(default_factory=Connection)
    defaults: dict[str, str] = field(default_factory=dict)
    project: str | None = None
    query_interval: float = _QUERY_INTERVAL
    home: Path | None = None
    spool: bool | None = False
    _log_follower: LogFollower | None = field(default=None, init=False, repr=False)
    _slots: dict[Callable[[Connection], bool], tuple[float, bool]] = field(
        default_factory=dict, init=False, repr=False
    )

    @classmethod
    def from_project(cls, root: Path, config: ConfigParser) -> HTCondor:
        """Return the scheduler that ``[condor]`` of the configuration describes.

        The options, all of them optional: `scheduler` (a schedd's name), `collector`
        (``host:port``), `user` and `accounting group` (for accounting), `requirements`,
        `query interval` (in seconds), `spool` (``yes``, ``no`` or ``auto``).
        """

        def option(section: str, name: str) -> str | None:
            return config.get(section, name, fallback="").strip() or None

        connection = Connection(option("condor", "scheduler"), option("condor", "collector"))
        interval = number(config, "condor", "query interval", _QUERY_INTERVAL)
        spool = spooling.mode_of(option("condor", "spool"))
        project = option("project", "id")
        return cls(connection, default_commands(config), project, interval, root, spool)

    @property
    def place(self) -> str:
        """The schedd as ``condor_q -name`` takes it; empty where its name is unknown.

        ``schedd@host``, or with a configured collector ``schedd@host -pool host:port``. The local
        schedd has its own name, so that another machine can find it.
        """
        return self.connection.place

    @property
    def is_local(self) -> bool:
        """Whether the schedd is on this machine."""
        return self.connection.is_local

    def at(self, place: str) -> HTCondor:
        """Return the scheduler at a place, as `place` returned it; see `Scheduler.at`."""
        if place in ("", self.place):
            return self
        there = replace(self, connection=Connection.to(place))
        there.bookmarks = self.bookmarks
        return there

    @property
    def shortest_interval(self) -> float:
        """The least time between two questions of a command that keeps asking, in seconds."""
        return self.query_interval

    def shares_files(self) -> bool:
        """Return whether every slot is in the schedd's ``FILESYSTEM_DOMAIN``.

        Raises
        ------
        SchedulerUnreachableError
            If the collector does not answer.
        """
        return self._of_slots(shares_files)

    def spools(self) -> bool:
        """Return whether jobs whose files are transferred hand them over to the schedd."""
        return not self.connection.is_local if self.spool is None else self.spool

    def retrieve(self, job_id: int) -> None:
        """Copy what a spooled job has left to its run directory; then it leaves the queue.

        Raises
        ------
        SchedulerError
            If it can't be copied.
        """
        spooling.retrieve(self.connection, job_id)

    def runs_containers(self) -> bool:
        """Return whether any slot runs jobs of the container universe.

        Raises
        ------
        SchedulerUnreachableError
            If the collector does not answer.
        """
        return self._of_slots(runs_containers)

    def _of_slots(self, question: Callable[[Connection], bool]) -> bool:
        """Return the answer to a question about the pool's slots, which holds for a while."""
        asked, answer = self._slots.get(question, (-math.inf, False))
        if time.monotonic() - asked > _SLOTS_KNOWN:
            answer = question(self.connection)
            self._slots[question] = time.monotonic(), answer
        return answer

    @contextmanager
    def tagged(self, tag: Tag) -> Iterator[None]:
        """Within the block, every job submitted by this process or its children carries `tag`.

        That includes the nodes of DAGs and jobs of programs such as ``condor_submit_dag``: the tag
        is in the environment and in the bindings' configuration.
        """
        with super().tagged(tag), tagging.tagging(tag):
            yield

    def submit(self, job: JobDescription | str | Path) -> int:
        """Submit one cluster and return its number.

        Parameters
        ----------
        job
            A description; or the path of a file in HTCondor's submit language, or of a program.
            Paths in a submit file are relative to its folder.

        Raises
        ------
        SchedulerError
            Where the file does not exist, or HTCondor refuses it.
        """
        check_intended()
        return self._submission().job(job)

    def submit_dag(
        self, dag_file: str | Path, batch_name: str | None = None, **commands: object
    ) -> int:
        """Submit a DAG file and return the cluster of the job that runs it.

        Paths in it are relative to its folder. The newest rescue file beside it is used, and files
        of an earlier submission are no obstacle. Of `commands`, accounting commands and attributes
        (``My.Name``) apply to DAGMan and its nodes, `requirements` to the nodes, and the others to
        DAGMan itself.

        Raises
        ------
        SchedulerError
            Where the file or the submit file of a first node is missing, or HTCondor refuses it.
        """
        check_intended()
        return self._submission().dag(Path(dag_file).absolute(), batch_name, commands)

    def start_service(self, arguments: Sequence[str], log: Path, **commands: object) -> int:
        """Keep a command running on the schedd's machine until `remove`; return its job id.

        It runs in the local universe unless `commands` names another, without an environment, in
        the folder of `log`; HTCondor restarts it whenever it ends, however it ends.
        """
        return self._submission().service(arguments, log, submit_commands(commands))

    def _submission(self) -> Submission:
        spool = self.spools()
        return Submission(self.connection, self.defaults, self._tag, self.home, spool)

    def observe(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Return the state of each job, by `Ticket.uid`; an answer for every ticket."""
        return observe(self.connection, self.project, tickets, self.log_follower)

    def news(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Return what event logs say that was not reported before; the schedd is not asked."""
        return news(self.log_follower, tickets)

    @property
    def log_follower(self) -> LogFollower:
        """Follows event logs; each schedd has its own, as job numbers are its own."""
        if self._log_follower is None:
            self._log_follower = LogFollower(self.bookmarks)
        return self._log_follower

    def jobs_of_project(self) -> list[Listed] | None:
        """Return every job of the project that the queue or the history has."""
        return None if self.project is None else jobs_of_project(self.connection, self.project)

    def whereabouts(self, job_ids: Collection[int]) -> Mapping[int, Whereabouts]:
        """Return where jobs run, or ran, that the queue or the history has."""
        return whereabouts(self.connection, job_ids)

    def check_credentials(self) -> None:
        """Make sure that the schedd accepts this user's credentials; see `Scheduler`."""
        try:
            self.connection.ensure_responsive()
        except CredentialsError:
            raise
        except SchedulerUnreachableError:
            pass  # whatever asks next says so

    def remove(self, job_id: int, reason: str = "", *, uid: str | None = None) -> None:
        """Remove the job, with the nodes of a DAG; a job that does not exist is no error."""
        self._act("Remove", job_id, reason or "removed by asimov", uid)

    def hold(self, job_id: int, reason: str = "") -> None:
        """Put the job on hold; nodes of a DAG that already run keep running."""
        self._act("Hold", job_id, reason or "held by asimov")

    def release(self, job_id: int, reason: str = "") -> None:
        """Release the job from hold."""
        self._act("Release", job_id, reason or "released by asimov")

    def _act(self, action: str, job_id: int, reason: str, uid: str | None = None) -> None:
        kind = getattr(bindings().JobAction, action)
        wanted = f"ClusterId == {job_id}"
        if uid is not None:
            wanted += f" && AsimovUID =?= {quoted(uid)}"
        what = f"{action.lower()} of job {job_id}"
        # The bindings drop a reason that is not a pair of text and code.
        result = self.connection.demand(
            what, lambda schedd: schedd.act(kind, wanted, reason=(reason, 0))
        )
        if result is not None and result["TotalPermissionDenied"]:
            raise SchedulerError(
                f"{what} was refused: permission denied",
                where=str(self.connection),
                hint="only the job's owner, or an administrator of HTCondor, may do that",
            )

    def raise_requests(
        self, job_id: int, *, memory_mb: int | None = None, disk_kb: int | None = None
    ) -> None:
        """Change the resource requests of all processes of a job in the queue.

        A held job gets the new ones when it is released, an idle job at once; a running job keeps
        what it has.

        Raises
        ------
        SchedulerError
            Where the job is not in the queue, or HTCondor refuses.
        """
        for attribute, value in (("RequestMemory", memory_mb), ("RequestDisk", disk_kb)):
            if value is not None:
                self._edit(job_id, attribute, int(value))

    def _edit(self, job_id: int, attribute: str, value: int) -> None:
        own = f"ClusterId == {job_id}"
        what = f"setting {attribute} of job {job_id} to {value}"
        try:
            self.connection.demand(what, lambda schedd: schedd.edit(own, attribute, str(value)))
        except SchedulerUnreachableError:
            raise
        except SchedulerError as error:
            # HTCondor's message is the same for a missing job and for another user's.
            if self.connection.queue(own, ["ProcId"]):
                raise
            raise SchedulerError(f"job {job_id} is not in the queue", where=error.where) from error

    def queued(self) -> int | None:
        """Return how many of the project's jobs, including nodes of DAGs, wait to run."""
        if self.project is None:
            return None
        return self.connection.idle(f"AsimovProject =?= {quoted(self.project)}")

    def explain(self, job_id: int) -> list[str]:
        """Explain in lines for people why a job, or the nodes of a DAG, are idle or held."""
        return explain(self.connection, job_id)

    def failures(self, job_id: int, since: float) -> list[Failure]:
        """Return what failed in a job that has ended, the first failure first, at most 20."""
        return failures(self.connection, job_id, since)

    def usage(self, job_ids: Collection[int], since: float) -> Mapping[int, Usage]:
        """Return what ended jobs used, of a DAG its nodes, by the job's number.

        `Usage.slots` sums ``CpusProvisioned``, or ``RequestCpus`` for jobs without it.
        """
        return usage(self.connection, job_ids, since)
