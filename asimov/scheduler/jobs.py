"""Describe a job to a scheduler, and identify it later: descriptions, tags and tickets."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from asimov.errors import AsimovError
from asimov.text import quoted

#: The most processes of one submission. A slip of the finger is no reason to fill a disk.
MOST_PROCESSES = 100_000


class JobDescription:
    """One job for a scheduler to run.

    Parameters
    ----------
    executable
        The program, as an absolute path or a name to be found on ``PATH``.
    output, error, log
        Where the job's standard output, standard error and event log go.
    **kwargs
        Further submit commands by HTCondor's names (``arguments``, ``initialdir``,
        ``request_memory``, ...), with ``_`` or a space between words. ``queue`` is the
        number of processes (1). `cpus`, `memory`, `disk` and `gpus` are short for the requests.
    """

    def __init__(
        self,
        executable: str | Path,
        output: str | Path | None = None,
        error: str | Path | None = None,
        log: str | Path | None = None,
        **kwargs: Any,
    ) -> None:
        self.executable = executable
        self.output = output
        self.error = error
        self.log = log
        self.kwargs = kwargs

    def commands(self) -> dict[str, str]:
        """Return the submit commands except ``queue``, by HTCondor's names, as text.

        Raises
        ------
        AsimovError
            For a list or a mapping, which the submit language does not have.
        """
        named = {
            "executable": self.executable,
            "output": self.output,
            "error": self.error,
            "log": self.log,
            **self.kwargs,
        }
        named.pop("queue", None)
        for key, value in named.items():
            if isinstance(value, (list, tuple, set, Mapping)):
                raise AsimovError(
                    f"the submit command {key} should be text, not {quoted(str(value))}",
                    hint="write it as a submit file does: arguments=\"one 'two words'\"",
                )
        return {
            submit_command(key): submit_value(value)
            for key, value in named.items()
            if value is not None
        }

    @property
    def count(self) -> int:
        """The number of processes to queue."""
        return int(self.kwargs.get("queue", 1))


_REQUESTS = {"cpus", "memory", "disk", "gpus"}

_COMMAND = re.compile(r"\+?[A-Za-z_][\w.\-]*", re.ASCII)
#: Words that start a statement of the submit language, not a command; ``include`` runs programs.
_STATEMENTS = frozenset({"queue", "include", "use", "if", "elif", "else", "endif", "warning"})


def submit_command(key: str) -> str:
    """Return HTCondor's name of the submit command that a setting names.

    Raises
    ------
    AsimovError
        For a name that is no command: the submit language could read it as a statement.

    Examples
    --------
    >>> submit_command("request memory"), submit_command("cpus")
    ('request_memory', 'request_cpus')
    """
    name = key.strip(" ").replace(" ", "_")
    if not _COMMAND.fullmatch(name) or name.lower() in _STATEMENTS:
        raise AsimovError(
            f"scheduler: {quoted(key)} is not a submit command",
            hint="submit commands look like 'request memory' (request_memory) or '+Attribute'",
        )
    return f"request_{name}" if name.lower() in _REQUESTS else name


def submit_commands(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the submit commands that settings name, with their values as text.

    Settings without a value are left out.

    Raises
    ------
    AsimovError
        For a name that is no command, and for a value of several lines: each line of a submit file
        is a separate command.
    """
    commands = {
        submit_command(str(key)): submit_value(value)
        for key, value in settings.items()
        if value is not None
    }
    for name, value in commands.items():
        check_line(name, value)
    return commands


def faults_of_commands(settings: Mapping[str, Any]) -> Iterator[tuple[str, AsimovError]]:
    """Yield the settings that `submit_commands` refuses, each with its error."""
    for key, value in settings.items():
        try:
            submit_commands({key: value})
        except AsimovError as error:
            yield str(key), error


def check_line(name: str, value: str) -> None:
    """Refuse the value of a submit command that would not stay on one line.

    Raises
    ------
    AsimovError
        If it would not.
    """
    fault = fault_of_text(value)
    if value.endswith("\\"):
        fault = "ends with a backslash, which would join it to the next line"
    if fault:
        raise AsimovError(f"{name!r} {fault}", hint="write the value on one line")


def fault_of_text(text: str) -> str | None:
    """Return why a submit file can't hold a text, or None."""
    if text.isprintable():
        return None
    if "\0" in text:
        return "contains a null character, which is not allowed in a job"
    if len(text.splitlines()) > 1 or text.endswith(("\n", "\r")):
        return "contains a line break, which is not allowed in a job"
    return None


def of_program(path: Path) -> JobDescription | None:
    """Return the job that runs a program, with its logs beside it; None for a submit file."""
    with path.open("rb") as stream:
        head = stream.read(4096)
    if not head.startswith(b"#!") and b"\0" not in head:
        words = path.read_text(errors="replace").lower().split()
        if not path.stat().st_mode & 0o111 or "queue" in words:
            return None
    out, err, log = (path.with_suffix(end).absolute() for end in (".out", ".err", ".log"))
    return JobDescription(path.absolute(), out, err, log)


def submit_value(value: object) -> str:
    """Return a value as HTCondor's submit language writes it (booleans in lower case)."""
    return str(value).lower() if isinstance(value, bool) else str(value)


#: How far the clocks of this machine and of the scheduler's may differ, in seconds.
CLOCK_SKEW = 3600


class Tag(msgspec.Struct, frozen=True):
    """The owner of a job, as written in its ClassAd and its event log.

    Attributes
    ----------
    project
        The project's identity, unique among all projects of all users.
    analysis
        ``subject/name``.
    uid
        The identity of one attempt to run the analysis.
    """

    project: str
    analysis: str
    uid: str

    def attributes(self) -> dict[str, str]:
        """Return the ClassAd attributes, unquoted."""
        return {
            "AsimovProject": self.project,
            "AsimovAnalysis": self.analysis,
            "AsimovUID": self.uid,
        }

    @classmethod
    def from_attributes(cls, attributes: Mapping[str, str]) -> Tag:
        """Return the tag in a job's ClassAd attributes.

        Raises
        ------
        KeyError
            Where one is missing.
        """
        return cls(
            attributes["AsimovProject"], attributes["AsimovAnalysis"], attributes["AsimovUID"]
        )


class Ticket(msgspec.Struct, frozen=True):
    """What a question about a job says about it.

    Attributes
    ----------
    uid
        The attempt's identity, as in its `Tag`.
    job_id
        The job's cluster; None where the submission was intended and its outcome is unknown.
    since
        When the submission was intended, in seconds since the epoch; no older job is the one.
    logs
        Event logs that may hold the job's events.
    """

    uid: str
    job_id: int | None
    since: float
    logs: tuple[str, ...] = ()


class Listed(msgspec.Struct, frozen=True):
    """A job found by its tag, in the queue or ended.

    Attributes
    ----------
    since
        When it was submitted, in seconds since the epoch by the scheduler's clock.
    """

    tag: Tag
    job_id: int
    since: float


class Whereabouts(msgspec.Struct, frozen=True):
    """Where a job runs that another program may have submitted.

    Attributes
    ----------
    since
        When it was submitted, in seconds since the epoch by the scheduler's clock.
    folders
        Its initial folder, and that of its event log, absolute.
    logs
        Its event logs, absolute.
    queued
        Whether it is in the queue; otherwise it has ended.
    tagged
        Whether it carries a `Tag`.
    """

    job_id: int
    since: float
    folders: tuple[str, ...]
    logs: tuple[str, ...] = ()
    queued: bool = True
    tagged: bool = False
