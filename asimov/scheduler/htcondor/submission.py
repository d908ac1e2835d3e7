"""Submit jobs, DAGs and services (commands that HTCondor restarts), with defaults and a tag."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from asimov.errors import SchedulerError, SchedulerUnreachableError
from asimov.scheduler.htcondor import spooling, tagging
from asimov.scheduler.htcondor.bindings import bindings, message_of, restore_none
from asimov.scheduler.htcondor.classads import literal, quoted
from asimov.scheduler.htcondor.connection import Connection
from asimov.scheduler.htcondor.job_credentials import request_credentials
from asimov.scheduler.jobs import JobDescription, Tag, check_line, of_program, submit_commands
from asimov.scheduler.languages.dag_check import check_dag
from asimov.scheduler.languages.quoting import join_words
from asimov.scheduler.submit_folder import folder_of_dag, folder_of_submit_file
from asimov.system.environment import environment, set_directory
from asimov.system.files import captured_output

#: Submit commands with which the program need not exist on this machine.
_REMOTE_PROGRAM = {"docker_image", "container_image", "transfer_executable"}


@dataclass(frozen=True)
class Submission:
    """Submits to one schedd.

    Attributes
    ----------
    connection
        The schedd.
    defaults
        Submit commands for every job that does not set them itself.
    tag
        The tag of every job; None where it has none.
    home
        The project's folder; None where it is not known.
    spool
        Whether a job whose files are transferred hands them over to the schedd.
    """

    connection: Connection
    defaults: Mapping[str, str]
    tag: Tag | None
    home: Path | None
    spool: bool = False

    def job(self, job: JobDescription | str | Path) -> int:
        """Submit one cluster and return its number; see `Scheduler.submit`."""
        if not isinstance(job, JobDescription):
            path = Path(job)
            if not path.is_file():
                raise SchedulerError("no such submit file", where=path)
            program = of_program(path)
            if program is None:
                return self._submit_file(path.absolute())
            job = program
        commands = job.commands()
        for key, value in commands.items():
            check_line(key, value)
        if not _REMOTE_PROGRAM & {key.lower() for key in commands}:
            commands["executable"] = _program_path(
                commands["executable"], commands.get("initialdir")
            )
        return self._send(_parse(commands), job.count)

    def _submit_file(self, path: Path) -> int:
        with set_directory(folder_of_submit_file(path, self.home)):
            return self._send(_parse(path.read_text(), where=path), 0)

    def dag(self, path: Path, batch_name: str | None, commands: Mapping[str, object]) -> int:
        """Submit a DAG file, an absolute path, and return the cluster of the job that runs it."""
        with set_directory(folder_of_dag(path, self.home)):
            check_dag(path)
            wanted = {**self.defaults, **submit_commands(commands)}
            batch_name = batch_name or (self.tag.analysis if self.tag else None)
            with environment(_environment_for_nodes(wanted)):
                submit = _parse_dag(path, batch_name)
                for key, value in wanted.items():
                    if key.lower() != "requirements":
                        submit[key] = value
                return self._send(submit, 0)

    def service(
        self, arguments: Sequence[str], log: Path, given: Mapping[str, str] | None = None
    ) -> int:
        """Submit a command that HTCondor restarts whenever it ends; return its cluster."""
        # HTCondor would truncate the output file at each start; the shell appends to it.
        command = ["-c", 'log=$0; exec "$@" >> "$log" 2>&1', str(log.absolute())]
        commands = {
            "universe": "local",
            "executable": "/bin/sh",
            "arguments": literal(join_words([*command, *arguments])),
            # Some pools refuse a job without these, and one that asks for the whole environment.
            "request_memory": "1 GB",
            "request_disk": "1 GB",
            "initialdir": str(log.absolute().parent),
            "on_exit_remove": "false",
            **(given or {}),
        }
        return self._send(_parse(commands), 1)

    def _send(self, submit: Any, count: int) -> int:
        """Submit with the defaults and the tag; with `count` 0 the file's own count applies."""
        given = {key.lower(): key for key in submit}
        # DAGMan takes no requirements: it runs on the schedd's machine.
        scheduler_universe = str(submit.get("universe", "")).lower() in ("scheduler", "local")
        for key, value in self.defaults.items():
            if key not in given and not (scheduler_universe and key == "requirements"):
                submit[key] = value
        if self.tag is not None:
            if not {"batch_name", "jobbatchname", "my.jobbatchname"} & given.keys():
                submit["batch_name"] = _batch_name(self.tag.analysis)
            attributes = self.tag.attributes().items()
            submit.update({f"My.{name}": literal(quoted(value)) for name, value in attributes})
            listed = given.get("job_ad_information_attrs")
            own = submit[listed] if listed else ""
            submit["job_ad_information_attrs"] = tagging.information(own)
        request_credentials(submit, str(self.connection))
        spooled = self.spool and spooling.can_be_spooled(submit)
        if spooled:
            spooling.check_names(submit)
        send = spooling.submit if spooled else _submit
        try:
            result = self.connection.demand(
                "the submission", lambda schedd: send(schedd, submit, count)
            )
        finally:
            restore_none()
        return int(result.cluster())


def _submit(schedd: Any, submit: Any, count: int) -> Any:
    return schedd.submit(submit, count=count)


def _parse(commands: Mapping[str, str] | str, where: Path | None = None) -> Any:
    htcondor2 = bindings()
    try:
        return htcondor2.Submit(commands)
    except (htcondor2.HTCondorException, ValueError, KeyError, TypeError) as error:
        raise SchedulerError(
            f"HTCondor does not understand the submit commands: {message_of(error)}", where=where
        ) from error


def _parse_dag(path: Path, batch_name: str | None) -> Any:
    # "Force" would delete rescue files; "UpdateSubmit" only replaces X.condor.sub.
    options: dict[str, Any] = {"UpdateSubmit": True}
    if batch_name:
        options["BatchName"] = _batch_name(batch_name)
    htcondor2 = bindings()
    # The bindings write why they refuse to standard error only, and chat on standard output.
    with captured_output() as printed:
        try:
            return htcondor2.Submit.from_dag(str(path), options)
        except (htcondor2.HTCondorException, KeyError) as error:
            failure = f"{message_of(error)} {' '.join(printed().split())}".strip()
    if "locate" in failure and "condor_dagman" in failure:
        raise SchedulerUnreachableError(
            "can't find HTCondor's program condor_dagman on this machine",
            hint="add HTCondor's programs to PATH, or set CONDOR_CONFIG",
        )
    raise SchedulerError(f"HTCondor refuses the DAG: {failure}", where=path)


def _batch_name(name: str) -> str:
    """Return a name for people as the submit language takes it: without double quotes."""
    return literal(name.replace('"', "'"))


def _program_path(executable: str, initialdir: str | None) -> str:
    """Return a program's absolute path; HTCondor itself does not search ``PATH``.

    Raises
    ------
    SchedulerError
        Where it is not found.
    """
    if "/" in executable or "$" in executable or Path(initialdir or ".", executable).exists():
        return executable
    found = shutil.which(executable)
    if found is None:
        raise SchedulerError(f"there is no program {executable!r} on PATH")
    return found


def _environment_for_nodes(commands: Mapping[str, str]) -> dict[str, str]:
    """Return the environment through which DAGMan passes submit commands to its nodes.

    The accounting group is not needed: DAGMan passes its own on.
    """
    attributes = {
        key.removeprefix("+").removeprefix("My.").removeprefix("MY."): value
        for key, value in commands.items()
        if key.startswith(("+", "My.", "MY."))
    }
    configuration = tagging.submit_attributes(attributes) if attributes else {}
    requirements = next((v for k, v in commands.items() if k.lower() == "requirements"), None)
    if requirements:
        site = str(bindings().param.get("APPEND_REQUIREMENTS") or "").strip()
        both = f"({site}) && ({requirements})" if site else requirements
        configuration["APPEND_REQUIREMENTS"] = both
    return tagging.as_environment(configuration)
