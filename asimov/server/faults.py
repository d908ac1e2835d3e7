"""Errors as answers (RFC 9457): what is wrong, where, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from asimov.errors import EXIT_BUSY, FatalError, ReportedError, SchedulerUnreachableError
from asimov.logs import logger
from asimov.text import line

#: The titles of the statuses that are given here (RFC 9110).
TITLES = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    408: "Request Timeout",
    409: "Conflict",
    411: "Length Required",
    413: "Content Too Large",
    415: "Unsupported Media Type",
    421: "Misdirected Request",
    422: "Unprocessable Content",
    429: "Too Many Requests",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
    504: "Gateway Timeout",
}


@dataclass(frozen=True)
class Fault:
    """An answer that is an error.

    Attributes
    ----------
    status
        The HTTP status.
    what, where, hint
        What is wrong; the file and line, or what else has the mistake; what to do.
    """

    status: int
    what: str
    where: str | None = None
    hint: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as the body of ``application/problem+json`` (RFC 9457)."""
        more = {"where": self.where, "hint": self.hint}
        return {
            "title": TITLES.get(self.status, "Error"),
            "status": self.status,
            "detail": line(self.what),
            **{name: line(value) for name, value in more.items() if value},
        }

    def as_error(self, where: str | None = None) -> FaultError:
        """Return it as an exception.

        Parameters
        ----------
        where
            What has the mistake, if that is known better here.
        """
        return FaultError(self.status, self.what, where or self.where, self.hint)


class FaultError(Exception):
    """A request can't be answered otherwise.

    Parameters
    ----------
    status, what, where, hint
        As of `Fault`.
    headers
        Further headers of the answer.
    """

    def __init__(
        self,
        status: int,
        what: str,
        where: str | None = None,
        hint: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(what)
        self.headers = headers or {}
        self.fault = Fault(status, what, where, hint)


def fault_of(error: ReportedError, status: int) -> Fault:
    """Return an error of the engine as an answer.

    Parameters
    ----------
    error
        The error.
    status
        The HTTP status, unless the error says that it may be different soon.
    """
    passing = isinstance(error, (FatalError, SchedulerUnreachableError))
    if passing or error.exit_code == EXIT_BUSY:
        status = 503
    where = str(error.where) if error.where else None
    return Fault(status, error.message, where, error.hint)


def refused(error: ReportedError, status: int, where: str | None = None) -> FaultError:
    """Return an error of the engine as an exception; see `fault_of` and `Fault.as_error`."""
    return fault_of(error, status).as_error(where)


def bug(error: Exception) -> Fault:
    """Log an error that nobody expected, and return the answer that says so."""
    logger().critical("an internal error of asimov", exc_info=error)
    return Fault(
        500, f"a bug in asimov: {type(error).__name__}", hint="please report it, with the log"
    )
