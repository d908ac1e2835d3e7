"""Expected errors: what went wrong, where, and what to do about it, in one line."""

from __future__ import annotations

from pathlib import Path

from asimov import text

#: Exit codes of the command line: 1 for errors without a code of their own; click uses 2.
EXIT_ERROR = 1
EXIT_STUCK = 3
EXIT_TIMED_OUT = 4
EXIT_UNREACHABLE = 5
EXIT_BUSY = 6


class ReportedError(Exception):
    """An expected error: shown in one line with its place and a hint, without a traceback.

    Raise one of its two kinds, `AsimovError` or `FatalError`. Catch this class only at the end of
    a command, and where a report continues in spite of any error.

    Parameters
    ----------
    message
        What is wrong, in one line; long values in it are cut.
    where
        The place: a `Place`, a path or a phrase such as ``"configuration: [condor] user"``.
    hint
        What to do about it, in one line.
    """

    exit_code = EXIT_ERROR

    def __init__(
        self, message: str, *, where: Place | Path | str | None = None, hint: str | None = None
    ) -> None:
        self.message = text.bounded(message)
        super().__init__(self.message)
        self.where = where
        self.hint = hint

    def __str__(self) -> str:
        if not self.where:
            return self.message
        where = self.where if isinstance(self.where, Place) else text.short(str(self.where))
        return f"{where}: {self.message}"

    @property
    def with_hint(self) -> str:
        """The error and its hint in one line."""
        return f"{self} ({self.hint})" if self.hint else str(self)


class AsimovError(ReportedError):
    """Something is wrong with one file, analysis or plugin; the others may go on.

    See `ReportedError` for the parameters.
    """


class FatalError(ReportedError):
    """What happens next could not be recorded, so the command must end.

    It is no `AsimovError`, so that code which contains the error of one analysis never contains
    this one. See `ReportedError` for the parameters.
    """


class OutputError(FatalError):
    """Nobody can take the output, because its disk is full, for example.

    No analysis is at fault, also where a message is printed while a plugin runs. That a reader has
    gone is no error: see `asimov.system.readers`.
    """

    def __init__(self, error: OSError) -> None:
        super().__init__(f"{error.strerror}: the output")


class Place:
    """A position in a text file, printed as ``file:line:column``, which editors understand.

    Parameters
    ----------
    file
        The file's name as the user knows it (``-`` for standard input, or a URL).
    line, column
        Counted from 1; None if unknown.
    """

    __slots__ = ("column", "file", "line")

    def __init__(self, file: str | Path, line: int | None = None, column: int | None = None):
        self.file = str(file)
        self.line = line
        self.column = column

    def __str__(self) -> str:
        parts = (text.short(self.file), self.line, self.column)
        return ":".join(str(part) for part in parts if part)


class SchedulerError(AsimovError):
    """The scheduler understood a request and refused it."""


class SchedulerUnreachableError(SchedulerError):
    """The scheduler could not be reached; the state of its jobs is unknown."""

    exit_code = EXIT_UNREACHABLE


class CredentialsError(SchedulerUnreachableError):
    """The scheduler refused this user's credentials, which may have expired: it answers nothing."""
