"""Use the service of a project from Python, as `asimov.client`; needs nothing but Python.

For example::

    from asimov.client import Client

    project = Client("https://asimov.example.org", key="...")
    for row in project.analyses(state="stuck"):
        print(row["name"], project.why(row["subject"], row["name"])["fix"])
"""

from __future__ import annotations

import io
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from shutil import copyfileobj
from typing import Any, BinaryIO
from urllib.parse import quote

from asimov.errors import AsimovError
from asimov.server.client_connection import PATIENCE, PAUSE, Connection, ServiceError, query_of
from asimov.text import quoted

__all__ = ["Client", "ResetError", "ServiceError"]


class ResetError(AsimovError):
    """The journal of a project was put back to an earlier state while its events were followed.

    Parameters
    ----------
    newest
        The number of its newest event.

    Attributes
    ----------
    newest
        That number.
    """

    def __init__(self, newest: int) -> None:
        super().__init__(
            "the project's journal was replaced, so what was read from it may be out of date",
            hint="a program that follows it should read the project again, and then follow from "
            "the newest event",
        )
        self.newest = newest


class Client(Connection):
    """A project that is served by ``asimov serve``.

    A request without an answer is sent again. Changes have a name of their own (the header
    ``Idempotency-Key``), so that each is made once however often it is sent.

    Parameters
    ----------
    address
        The address of the service, such as ``http://127.0.0.1:8642``.
    key
        A key of ``asimov manage key``; reading on the same machine needs none.
    timeout
        The seconds to wait for an answer.
    tries
        How often to send a request that is not answered.

    Raises
    ------
    ServiceError
        If the address is none.
    """

    # --- reading

    def subjects(self) -> Iterator[dict[str, Any]]:
        """Yield each subject, with the number of its analyses in each state."""
        return self.pages("/v1/subjects", {})

    def subject(self, name: str) -> dict[str, Any]:
        """Return a subject: its settings, and the states of its analyses."""
        return self.get(f"/v1/subjects/{_quoted(name)}")

    def analyses(self, *names: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """Yield analyses, as ``asimov status --json`` does.

        Parameters
        ----------
        *names
            ``SUBJECT/NAME`` or ``SUBJECT``, with patterns.
        **filters
            ``state``, ``pipeline`` and ``label`` (a text, or several), ``since``, ``outdated``.
        """
        return self.pages("/v1/analyses", {"name": names, **filters})

    def analysis(self, subject: str, name: str) -> dict[str, Any]:
        """Return an analysis, as ``asimov production show --json`` does."""
        return self.get(_place(subject, name))

    def why(self, subject: str, name: str) -> dict[str, Any]:
        """Explain the state of an analysis, as ``asimov why --json`` does."""
        return self.get(f"{_place(subject, name)}/why")

    def question(self, subject: str, name: str) -> dict[str, Any]:
        """Return what an analysis asks, as ``asimov answer --show --json`` does."""
        return self.get(f"{_place(subject, name)}/question")

    def questions(self) -> list[dict[str, Any]]:
        """List the open questions of analyses."""
        return list(self.get("/v1/questions")["items"])

    def version(self) -> str:
        """Return the version of asimov that serves."""
        return str(self.get("/openapi.json")["info"]["version"])

    def monitor(self) -> dict[str, Any]:
        """Return whether a monitor is at work, as ``asimov status --monitor --json`` does."""
        return self.get("/v1/monitor")

    def usage(self, *names: str, **filters: Any) -> list[dict[str, Any]]:
        """List what ended jobs used; for the parameters see `analyses`."""
        return list(self.get("/v1/usage", {"name": names, **filters})["items"])

    def requests(self, *names: str, **filters: Any) -> list[dict[str, Any]]:
        """List open requests to run analyses again; for the parameters see `analyses`."""
        return list(self.get("/v1/requests", {"name": names, **filters})["items"])

    def reviews(self, *names: str, **filters: Any) -> list[dict[str, Any]]:
        """List reviews; for the parameters see `analyses`."""
        return list(self.get("/v1/reviews", {"name": names, **filters})["items"])

    def outputs(self, subject: str, name: str, lines: int = 20) -> list[dict[str, Any]]:
        """List what the jobs of an analysis wrote, as ``asimov logs --json`` does."""
        return list(self.get(f"{_place(subject, name)}/logs", {"lines": lines})["items"])

    def outputs_not_shown(self, subject: str, name: str) -> list[str]:
        """Say of each output of the jobs of an analysis that is not shown why that is so."""
        return list(self.get(f"{_place(subject, name)}/logs", {"lines": 0}).get("not_shown", ()))

    def output(self, subject: str, name: str, file: str, start: int = 0) -> BinaryIO:
        """Open what a job wrote, for reading.

        Parameters
        ----------
        subject, name
            The analysis.
        file
            The name of the file, as `outputs` lists it.
        start
            From which byte on; at the end of the file or behind, there is nothing to read.
        """
        place = f"{_place(subject, name)}/logs/{_quoted(file, '/')}"
        try:
            return self.file(place, {"Range": f"bytes={start}-"} if start else {})
        except ServiceError as error:
            if error.status == 416:
                return io.BytesIO()
            raise

    def results(self, subject: str, name: str) -> list[dict[str, Any]]:
        """List the stored results of an analysis."""
        return list(self.get(f"{_place(subject, name)}/results")["items"])

    def save_result(self, subject: str, name: str, file: str, to: Path) -> None:
        """Save a stored result.

        Parameters
        ----------
        subject, name
            The analysis.
        file
            The name of the file, as `results` lists it.
        to
            The file to write.

        Raises
        ------
        ServiceError
            If the service does not send all of it; what is in the file is not the result then.
        """
        place = f"{_place(subject, name)}/results/{_quoted(file, '/')}"
        with self.file(place) as answer, to.open("wb") as stream:
            copyfileobj(answer, stream)

    def graph(self, subject: str | None = None) -> dict[str, Any]:
        """Return the graph of the analyses."""
        return self.get("/v1/graph", {"subject": subject})

    def past_events(
        self, *names: str, after: int | None = None, limit: int = 100, **filters: Any
    ) -> tuple[list[dict[str, Any]], int]:
        """Return events, the oldest first, and the number of the newest of the project.

        Parameters
        ----------
        *names, **filters
            As of `analyses`; `since` is about the events.
        after
            The number of the event that they follow; None for the newest.
        limit
            The most events to return, up to 1000.
        """
        query = {"analysis": names, "after": after, "limit": limit, **filters}
        found = self.get("/v1/events", query)
        return list(found["items"]), int(found["newest"])

    def events(
        self, after: int | str | None = None, patience: float = PATIENCE
    ) -> Iterator[dict[str, Any]]:
        """Yield events as they happen; each has a `place` besides what others have.

        Parameters
        ----------
        after
            The `place` of the last event that is known, or its `id`; None for those to come. An
            event may come twice if the connection breaks.
        patience
            The seconds to wait for the service each time that the connection breaks.

        Raises
        ------
        ServiceError
            If the service does not answer at first or with events, or is away for longer than
            `patience`.
        ResetError
            If the service does not have that event (any more): its journal was replaced. By an `id`
            alone that is only seen while no other event has it.
        """
        waited = None  # at first this is a request like any other
        while True:
            last = {} if after is None else {"Last-Event-ID": str(after)}
            reset = False
            try:
                with self.opened("/v1/events/stream", last, waited) as answer:
                    _check_events(answer)
                    waited = patience
                    for line in answer:
                        if line.startswith(b"id: "):
                            after = line[4:].decode().strip()
                        elif line.startswith(b"event: "):
                            reset = line[7:].strip() == b"reset"
                        elif line.startswith(b"data: "):
                            event = json.loads(line[6:])
                            if reset:
                                raise ResetError(event["newest"])
                            yield {**event, "place": after}
            except (OSError, HTTPException):
                pass
            time.sleep(PAUSE)  # a service that ends, ends its streams

    # --- changes

    def apply(self, blueprints: str, **options: Any) -> dict[str, Any]:
        """Add what blueprints describe, as ``asimov apply`` does; return the plan.

        Parameters
        ----------
        blueprints
            The documents, as YAML.
        **options
            ``dry_run``, ``subject``, ``name``, ``update``, ``iterate``, ``replace``, ``force``,
            ``reason``.
        """
        address = f"/v1/blueprints{query_of(options)}"
        return self.change(address, blueprints.encode(), "application/yaml")

    def act(
        self,
        action: str,
        analyses: Sequence[str],
        *,
        status: str | None = None,
        reason: str | None = None,
        lost: bool = False,
        dry_run: bool = False,
    ) -> list[dict[str, Any]]:
        """Act on analyses; return what became of each.

        Parameters
        ----------
        action
            ``restart``, ``stop``, ``cancel``, ``set``, ``withdraw`` or ``review``.
        analyses
            Their names: ``SUBJECT/NAME``.
        status
            The state to set, or the verdict of a review.
        reason
            Why, or the message of a review.
        lost
            With ``set``: whether to give up their jobs.
        dry_run
            With ``set``: whether only to say what would become of each.
        """
        asked = {
            "action": action, "analyses": list(analyses), "status": status, "reason": reason,
            "lost": lost, "dry_run": dry_run,
        }  # fmt: skip
        return list(self.post("/v1/actions", asked)["items"])

    def rerun(
        self,
        analyses: Sequence[str],
        *,
        downstream: bool = False,
        reason: str | None = None,
        dry_run: bool = False,
    ) -> dict[str, Any]:
        """Run analyses again, as ``asimov rerun`` does; return what runs.

        Parameters
        ----------
        analyses
            Their names: ``SUBJECT/NAME``.
        downstream
            Whether those that are made from them run again too, if their inputs change.
        reason
            Why.
        dry_run
            Whether only to plan it.
        """
        asked = {"analyses": list(analyses), "downstream": downstream, "reason": reason}
        return self.post("/v1/reruns", {**asked, "dry_run": dry_run})

    def answer(self, subject: str, name: str, answers: Mapping[str, Any]) -> None:
        """Answer what an analysis asks.

        Parameters
        ----------
        subject, name
            The analysis.
        answers
            The answers, by the names of the fields.
        """
        self.post(f"{_place(subject, name)}/answer", {"answers": dict(answers)})


def _place(subject: str, name: str) -> str:
    return f"/v1/subjects/{_quoted(subject)}/analyses/{_quoted(name)}"


def _quoted(name: str, safe: str = "") -> str:
    return quote(name, safe=safe)


def _check_events(answer: HTTPResponse) -> None:
    """Refuse an answer that is no stream of events, such as a page of a proxy."""
    kind = answer.headers.get_content_type()
    if kind != "text/event-stream":
        raise ServiceError(
            answer.status,
            f"the service's answer is {quoted(kind)}, not a stream of events",
            hint="check the address, and the proxy in front of the service",
            strange=True,
        )
