"""Use the service of a project from Python, as `asimov.client`; needs nothing but Python.

from asimov.client import Client

project = Client("https://asimov.example.org", key="...")
for row in project.analyses(state="stuck"):
print(row["name"], project.why(row["subject"], row["name"])["fix"])
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from shutil import copyfileobj
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from asimov.errors import AsimovError

#: How often a request is sent again if there is no answer, and the seconds before the first time.
_TRIES, _PAUSE = 5, 0.5
#: Statuses after which it is worth while to ask again.
_PASSING = {429, 503, 504}


class ServiceError(AsimovError):
    """The service refused a request, or did not answer.

    Attributes
    ----------
    status
        The HTTP status; 0 if there was no answer.
    """

    def __init__(
        self, status: int, message: str, where: str | None = None, hint: str | None = None
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.status = status


class Client:
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
    """

    def __init__(self, address: str, key: str | None = None, timeout: float = 90.0) -> None:
        self.address = address.rstrip("/")
        self._key = key
        self._timeout = timeout

    # --- reading

    def subjects(self) -> Iterator[dict[str, Any]]:
        """Yield each subject, with the number of its analyses in each state."""
        return self._pages("/v1/subjects", {})

    def subject(self, name: str) -> dict[str, Any]:
        """Return a subject: its settings, and the states of its analyses."""
        return self._get(f"/v1/subjects/{_quoted(name)}")

    def analyses(self, *names: str, **filters: Any) -> Iterator[dict[str, Any]]:
        """Yield analyses, as ``asimov status --json`` does.

        Parameters
        ----------
        *names
            ``SUBJECT/NAME`` or ``SUBJECT``, with patterns.
        **filters
            ``state``, ``pipeline`` and ``label`` (a text, or several), ``since``, ``outdated``.
        """
        return self._pages("/v1/analyses", {"name": names, **filters})

    def analysis(self, subject: str, name: str) -> dict[str, Any]:
        """Return an analysis, as ``asimov production show --json`` does."""
        return self._get(_place(subject, name))

    def why(self, subject: str, name: str) -> dict[str, Any]:
        """Explain the state of an analysis, as ``asimov why --json`` does."""
        return self._get(f"{_place(subject, name)}/why")

    def results(self, subject: str, name: str) -> list[dict[str, Any]]:
        """List the stored results of an analysis."""
        return list(self._get(f"{_place(subject, name)}/results")["items"])

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
        """
        place = f"{_place(subject, name)}/results/{_quoted(file, '/')}"
        with self._answer("GET", place) as answer, to.open("wb") as stream:
            copyfileobj(answer, stream)

    def graph(self, subject: str | None = None) -> dict[str, Any]:
        """Return the graph of the analyses."""
        return self._get("/v1/graph", {"subject": subject})

    def events(self, after: int | None = None) -> Iterator[dict[str, Any]]:
        """Yield events as they happen, for ever.

        Parameters
        ----------
        after
            The `id` of the last event that is known; None for those to come. An event may come
            twice if the connection breaks.
        """
        while True:
            last = {} if after is None else {"Last-Event-ID": str(after)}
            try:
                with self._answer("GET", "/v1/events/stream", headers=last) as answer:
                    for line in answer:
                        if line.startswith(b"id: "):
                            after = int(line[4:])
                        elif line.startswith(b"data: "):
                            yield json.loads(line[6:])
            except (OSError, HTTPException):
                time.sleep(_PAUSE)

    # --- changes

    def apply(self, blueprints: str, **options: Any) -> dict[str, Any]:
        """Add what blueprints describe, as ``asimov apply`` does; return the plan.

        Parameters
        ----------
        blueprints
            The documents, as YAML.
        **options
            ``dry_run``, ``subject``, ``update``, ``iterate``, ``replace``, ``force``, ``reason``.
        """
        address = f"/v1/blueprints{_query(options)}"
        return self._change(address, blueprints.encode(), "application/yaml")

    def act(
        self,
        action: str,
        analyses: Sequence[str],
        *,
        status: str | None = None,
        reason: str | None = None,
    ) -> list[dict[str, Any]]:
        """Act on analyses; return what became of each.

        Parameters
        ----------
        action
            ``restart``, ``stop``, ``cancel``, ``set`` or ``review``.
        analyses
            Their names: ``SUBJECT/NAME``.
        status
            The state to set, or the verdict of a review.
        reason
            Why, or the message of a review.
        """
        asked = {"action": action, "analyses": list(analyses), "status": status, "reason": reason}
        data = json.dumps(asked).encode()
        return list(self._change("/v1/actions", data, "application/json")["items"])

    # --- requests

    def _pages(self, path: str, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        after = None
        while True:
            page = self._get(path, {**query, "limit": 1000, "after": after})
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def _get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        with self._answer("GET", f"{path}{_query(query or {})}") as answer:
            return json.load(answer)  # type: ignore[no-any-return]

    def _change(self, path: str, data: bytes, media: str) -> dict[str, Any]:
        headers = {"Content-Type": media, "Idempotency-Key": uuid.uuid4().hex}
        with self._answer("POST", path, data, headers) as answer:
            return json.load(answer)  # type: ignore[no-any-return]

    def _answer(
        self,
        method: str,
        path: str,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> HTTPResponse:
        """Return the answer to a request, which is sent again while there is none."""
        given = dict(headers or {})
        if self._key is not None:
            given["Authorization"] = f"Bearer {self._key}"
        request = Request(f"{self.address}{path}", data, given, method=method)
        pause = _PAUSE
        for tries in range(1, _TRIES + 1):
            try:
                return urlopen(request, timeout=self._timeout)  # type: ignore[no-any-return]
            except HTTPError as error:
                if error.code not in _PASSING or tries == _TRIES:
                    raise _refusal(error) from error
                error.close()
                pause = max(pause, float(error.headers.get("Retry-After", 0)))
            except (OSError, HTTPException) as error:
                if tries == _TRIES:
                    why = getattr(error, "reason", None) or error
                    raise ServiceError(0, f"does not answer: {why}", self.address) from error
            time.sleep(pause)
            pause *= 2
        raise AssertionError("the last try returns or raises")


def _place(subject: str, name: str) -> str:
    return f"/v1/subjects/{_quoted(subject)}/analyses/{_quoted(name)}"


def _quoted(name: str, safe: str = "") -> str:
    return quote(name, safe=safe)


def _query(given: Mapping[str, Any]) -> str:
    """Return parameters as they stand in an address, without those that are None."""
    said = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in given.items()
        if value is not None
    }
    return f"?{urlencode(said, doseq=True)}" if said else ""


def _refusal(error: HTTPError) -> ServiceError:
    """Return what the service said."""
    with error:
        try:
            told = json.load(error)
            return ServiceError(error.code, told["detail"], told.get("where"), told.get("hint"))
        except (ValueError, KeyError, TypeError):
            return ServiceError(error.code, f"the service answered {error.code} {error.reason}")
