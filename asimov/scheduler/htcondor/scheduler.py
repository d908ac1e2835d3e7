"""The scheduler ``htcondor``: submission, and what is done to jobs."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from configparser import ConfigParser
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, ClassVar

from asimov.configuration import number, owner
from asimov.errors import SchedulerError, SchedulerUnreachableError
from asimov.scheduler.contract import Scheduler, check_intended
from asimov.scheduler.htcondor import tagging
from asimov.scheduler.htcondor.connection import (
    Connection,
    bindings,
    captured,
    in_words,
    keep_none,
    literal,
    quoted,
)
from asimov.scheduler.htcondor.explanation import explain
from asimov.scheduler.htcondor.failures import failures
from asimov.scheduler.htcondor.log_follower import LogBook
from asimov.scheduler.htcondor.observation import news, observe
from asimov.scheduler.htcondor.project_jobs import jobs_of_project
from asimov.scheduler.htcondor.submission import (
    batch_name_of,
    for_nodes,
    program_path,
)
from asimov.scheduler.htcondor.usage import usage
from asimov.scheduler.jobs import (
    JobDescription,
    Listed,
    Tag,
    Ticket,
    check_line,
    of_program,
    submit_commands,
)
from asimov.scheduler.languages.dag_check import check_dag
from asimov.scheduler.languages.quoting import join_words
from asimov.scheduler.observations import Failure, Observation, Usage
from asimov.scheduler.submit_folder import folder_of_dag, folder_of_submit_file
from asimov.system.environment import environment, set_directory

#: Options of the section ``[condor]``, and the submit commands that they set.
_COMMANDS = {
    "accounting group": "accounting_group",
    "accounting_group": "accounting_group",
    "user": "accounting_group_user",
    "requirements": "requirements",
}
#: HTCondor's documentation asks trackers for no more than a query a minute.
_QUERY_INTERVAL = 60.0
#: Submit commands by which the program is not looked for on this machine.
_ELSEWHERE = {"docker_image", "container_image", "transfer_executable"}


@dataclass
class HTCondor(Scheduler):
    """Jobs in the queue of an HTCondor schedd.

    Attributes
    ----------
    connection
        The schedd.
    defaults
        Submit commands that every job has unless it says its own.
    project
        The project's identity, as in its jobs' `Tag`; None where it is not known.
    query_interval
        How many seconds lie between two queries of a command that goes on asking.
    home
        The project's folder, in which the methods of plugins begin; None where it is not known.
    """

    name: ClassVar[str] = "htcondor"
    interval_option: ClassVar[str] = "[condor] query interval"
    connection: Connection = field(default_factory=Connection)
    defaults: dict[str, str] = field(default_factory=dict)
    project: str | None = None
    query_interval: float = _QUERY_INTERVAL
    home: Path | None = None
    _logbook: LogBook | None = field(default=None, init=False, repr=False)

    @classmethod
    def from_project(cls, root: Path, config: ConfigParser) -> HTCondor:
        """Return the scheduler that ``[condor]`` of the configuration describes.

        The options, all of them optional: `scheduler` (a schedd's name), `collector`
        (``host:port``), `user` and `accounting group` (for accounting), `requirements`,
        `query interval` (in seconds).
        """

        def option(section: str, name: str) -> str | None:
            return config.get(section, name, fallback="").strip() or None

        defaults = {
            command: value
            for name, command in _COMMANDS.items()
            if (value := option("condor", name)) is not None
        }
        if defaults.get("accounting_group_user") == owner() and "accounting_group" not in defaults:
            # HTCondor accounts a job to its owner anyway, and some pools refuse a user alone.
            del defaults["accounting_group_user"]
        connection = Connection(option("condor", "scheduler"), option("condor", "collector"))
        interval = number(config, "condor", "query interval", _QUERY_INTERVAL)
        return cls(connection, defaults, option("project", "id"), interval, root)

    @property
    def place(self) -> str:
        """The schedd as ``condor_q -name`` takes it; empty where its name is not known.

        ``schedd@host``, or where a collector is configured ``schedd@host -pool host:port``. For
        the local schedd it is its own name, so that another machine looks for it where it is.
        """
        return self.connection.place

    def at(self, place: str) -> HTCondor:
        """Return the scheduler at a schedd that `place` told; the local one without a collector."""
        if place in ("", self.place):
            return self
        there = replace(self, connection=Connection.to(place))
        there.bookmarks = self.bookmarks
        return there

    @property
    def shortest_interval(self) -> float:
        """How many seconds should lie between two questions of a command that goes on asking."""
        return self.query_interval

    @contextmanager
    def tagged(self, tag: Tag) -> Iterator[None]:
        """Within the block, every job submitted by this process or its children carries `tag`.

        So do the nodes of DAGs, and jobs of programs such as ``condor_submit_dag``; the tag is
        in the environment and in the bindings' configuration.
        """
        with super().tagged(tag), tagging.tagging(tag):
            yield

    def submit(self, job: JobDescription | str | Path) -> int:
        """Submit one cluster and return its number.

        Parameters
        ----------
        job
            A description; or the path of a file in HTCondor's submit language, or of a program.
            What a submit file names is relative to its folder.

        Raises
        ------
        SchedulerError
            Where there is no such file, or HTCondor refuses.
        """
        check_intended()
        if not isinstance(job, JobDescription):
            path = Path(job)
            if not path.is_file():
                raise SchedulerError("no such submit file", where=path)
            program = of_program(path)
            if program is None:
                return self._submit_text(path.absolute())
            job = program
        commands = job.commands()
        for key, value in commands.items():
            check_line(key, value)
        if not _ELSEWHERE & {key.lower() for key in commands}:
            commands["executable"] = program_path(
                commands["executable"], commands.get("initialdir")
            )
        return self._send(self._parsed(commands), job.count)

    def _submit_text(self, path: Path) -> int:
        with set_directory(folder_of_submit_file(path, self.home)):
            return self._send(self._parsed(path.read_text(), where=path), 0)

    def submit_dag(
        self, dag_file: str | Path, batch_name: str | None = None, **commands: object
    ) -> int:
        """Submit a DAG file and return the cluster of the job that runs it.

        What it names is relative to its folder. The newest rescue
        file beside it is used, and files of an earlier submission are no obstacle. Of `commands`,
        the accounting ones and attributes (``My.Name``) are for DAGMan and its nodes,
        `requirements` for the nodes, whatever else for DAGMan itself.

        Raises
        ------
        SchedulerError
            Where the file or the submit file of a first node is missing, or HTCondor refuses.
        """
        check_intended()
        path = Path(dag_file).absolute()
        with set_directory(folder_of_dag(path, self.home)):
            return self._submit_dag(path, batch_name, commands)

    def _submit_dag(
        self, path: Path, batch_name: str | None, commands: Mapping[str, object]
    ) -> int:
        check_dag(path)
        own = submit_commands(commands)
        wanted = {**self.defaults, **own}
        batch_name = batch_name or (self._tag.analysis if self._tag else None)
        # "Force" would throw rescue files away; "UpdateSubmit" only replaces X.condor.sub.
        options: dict[str, Any] = {"UpdateSubmit": True}
        if batch_name:
            options["BatchName"] = batch_name_of(batch_name)
        htcondor2 = bindings()
        with environment(for_nodes(wanted)):
            with captured() as printed:
                try:
                    submit = htcondor2.Submit.from_dag(str(path), options)
                    failure = None
                except (htcondor2.HTCondorException, KeyError) as error:
                    failure = f"{in_words(error)} {' '.join(printed().split())}".strip()
            if failure and "locate" in failure and "condor_dagman" in failure:
                raise SchedulerUnreachableError(
                    "HTCondor's program condor_dagman is not found on this machine",
                    hint="put HTCondor's programs on PATH, or set CONDOR_CONFIG",
                )
            if failure:
                raise SchedulerError(f"HTCondor refuses the DAG: {failure}", where=path)
            for key, value in wanted.items():
                if key.lower() != "requirements":
                    submit[key] = value
            return self._send(submit, 0)

    def _parsed(self, commands: Mapping[str, str] | str, where: Path | None = None) -> Any:
        htcondor2 = bindings()
        try:
            return htcondor2.Submit(commands)
        except (htcondor2.HTCondorException, ValueError, KeyError, TypeError) as error:
            raise SchedulerError(
                f"HTCondor does not understand the submit commands: {in_words(error)}", where=where
            ) from error

    def _send(self, submit: Any, count: int) -> int:
        """Submit with the configuration's commands and the tag; `count` 0 is the file's own."""
        given = {key.lower(): key for key in submit}
        # DAGMan takes no requirements: where it runs is the schedd's machine.
        scheduler_universe = str(submit.get("universe", "")).lower() in ("scheduler", "local")
        for key, value in self.defaults.items():
            if key not in given and not (scheduler_universe and key == "requirements"):
                submit[key] = value
        if self._tag is not None:
            if not {"batch_name", "jobbatchname", "my.jobbatchname"} & given.keys():
                submit["batch_name"] = batch_name_of(self._tag.analysis)
            attributes = self._tag.attributes().items()
            submit.update({f"My.{name}": literal(quoted(value)) for name, value in attributes})
            listed = given.get("job_ad_information_attrs")
            own = submit[listed] if listed else ""
            submit["job_ad_information_attrs"] = tagging.information(own)
        try:
            result = self.connection.demand(
                "the submission", lambda schedd: schedd.submit(submit, count=count)
            )
        finally:
            keep_none()
        return int(result.cluster())

    def observe(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Say what is known of each job, by `Ticket.uid`; an answer for every ticket."""
        return observe(self.connection, self.project, tickets, self.logbook)

    def news(self, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
        """Return what event logs tell that was not told before; the schedd is not asked."""
        return news(self.connection, self.logbook, tickets)

    @property
    def logbook(self) -> LogBook:
        """How far event logs were read; of each schedd its own, as job numbers are."""
        if self._logbook is None:
            self._logbook = LogBook(self.bookmarks)
        return self._logbook

    def jobs_of_project(self) -> list[Listed] | None:
        """Return every job of the project that the queue or the history has."""
        return None if self.project is None else jobs_of_project(self.connection, self.project)

    def remove(self, job_id: int, reason: str = "", *, uid: str | None = None) -> None:
        """Remove the job; of a DAG, its nodes too. A job that is not there is no error."""
        self._act("Remove", job_id, reason or "removed by asimov", uid)

    def hold(self, job_id: int, reason: str = "") -> None:
        """Put the job on hold. The nodes of a DAG that run already go on running."""
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
                hint="the job belongs to another user",
            )

    def raise_requests(
        self, job_id: int, *, memory_mb: int | None = None, disk_kb: int | None = None
    ) -> None:
        """Change what all processes of a job in the queue ask for.

        A held job has it when it is released, an idle one at once; one that runs goes on with
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
            # HTCondor's words are the same for a job that is not there and one of another user.
            if self.connection.queue(own, ["ProcId"]):
                raise
            raise SchedulerError(f"job {job_id} is not in the queue", where=error.where) from error

    def queued(self) -> int | None:
        """Return how many of the project's jobs, nodes of DAGs included, wait to run."""
        if self.project is None:
            return None
        return self.connection.idle(f"AsimovProject =?= {quoted(self.project)}")

    def explain(self, job_id: int) -> list[str]:
        """Say in lines for people why a job, or the nodes of a DAG, are idle or held."""
        return explain(self.connection, job_id)

    def failures(self, job_id: int, since: float) -> list[Failure]:
        """Return what failed of a job that has ended, the first failure first, at most 20."""
        return failures(self.connection, job_id, since)

    def usage(self, job_ids: Collection[int], since: float) -> Mapping[int, Usage]:
        """Return what jobs used that have ended, of a DAG its nodes, by the job's number.

        `Usage.slots` sums ``CpusProvisioned``, or where a job has none ``RequestCpus``.
        """
        return usage(self.connection, job_ids, since)

    def start_service(self, arguments: Sequence[str], log: Path) -> int:
        """Keep a command running on the schedd's machine until `remove`; return its job id.

        It runs in the local universe, with this environment, in the folder of `log`; HTCondor
        starts it anew when it ends, however it ends.
        """
        # HTCondor would empty the output file at each start; the shell appends to it.
        command = ["-c", 'log=$0; exec "$@" >> "$log" 2>&1', str(log.absolute())]
        commands = {
            "universe": "local",
            "executable": "/bin/sh",
            "arguments": literal(join_words([*command, *arguments])),
            "getenv": "true",
            "initialdir": str(log.absolute().parent),
            "on_exit_remove": "false",
        }
        return self._send(self._parsed(commands), 1)
