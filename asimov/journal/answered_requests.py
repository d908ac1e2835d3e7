"""Requests to the service that were carried out, with their answers, so that none is done twice.

The answer is recorded in the transaction in which the request is carried out. After a crash either
both are there or neither, and a client that asks again gets the same answer.
"""

from __future__ import annotations

from typing import NamedTuple

from asimov.errors import AsimovError
from asimov.journal.database import Database
from asimov.system import clock

#: How long an answer is kept, in seconds.
KEPT = 7 * 86400.0


class Answer(NamedTuple):
    """An answer: its HTTP status, and its JSON."""

    status: int
    body: str


class Request(NamedTuple):
    """A request that may be sent again.

    Attributes
    ----------
    caller
        Who sends it.
    name
        The name that the caller gave it (the header ``Idempotency-Key``).
    digest
        A digest of what is asked for.
    """

    caller: str
    name: str
    digest: str


class OtherRequestError(AsimovError):
    """A caller has used the name of a request for another one."""


def answered(journal: Database, request: Request) -> Answer | None:
    """Return the answer that a request got before; None if it was not carried out.

    Raises
    ------
    OtherRequestError
        If the caller asked for something else under this name.
    """
    rows = journal.rows(
        "SELECT digest, status, body FROM answered_requests WHERE caller = ? AND request = ?",
        (request.caller, request.name),
    )
    if not rows:
        return None
    digest, status, body = rows[0]
    if digest != request.digest:
        raise OtherRequestError(
            "this idempotency key was used for another request",
            hint="use a new key for a new request",
        )
    return Answer(status, body)


def record(journal: Database, request: Request, answer: Answer) -> None:
    """Record the answer of a request; call it in the transaction that carries it out."""
    now = clock.now()
    journal.write("DELETE FROM answered_requests WHERE time < ?", (now - KEPT,))
    journal.write(
        "INSERT INTO answered_requests VALUES (?, ?, ?, ?, ?, ?)",
        (*request, now, answer.status, answer.body),
    )
