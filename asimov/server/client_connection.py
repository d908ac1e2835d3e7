"""The connection of a client to a service: a request is sent again while there is no answer."""

from __future__ import annotations

import json
import re
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from http.client import HTTPException, HTTPResponse
from io import BufferedReader, RawIOBase
from ssl import SSLCertVerificationError
from typing import Any, BinaryIO, TypeVar
from urllib.error import HTTPError
from urllib.parse import urlencode, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from asimov.errors import AsimovError
from asimov.text import quoted

#: How often a request is sent if there is no answer, and the seconds before the second time.
_TRIES, PAUSE = 5, 0.5
#: The most seconds between two times.
LONGEST = 10.0
#: The seconds for which whoever follows a project waits for a service that is away: it restarts.
PATIENCE = 120.0
#: Statuses after which it is worth while to ask again.
_PASSING = {429, 503, 504}
_SECONDS = re.compile(r"\d{1,4}", re.ASCII)

_Read = TypeVar("_Read")


class ServiceError(AsimovError):
    """The service refused a request, or did not answer.

    Attributes
    ----------
    status
        The HTTP status; 0 if there was no answer.
    strange
        Whether the answer is none of a service of asimov.
    """

    def __init__(
        self,
        status: int,
        message: str,
        where: str | None = None,
        hint: str | None = None,
        *,
        strange: bool = False,
    ) -> None:
        super().__init__(message, where=where, hint=hint)
        self.status = status
        self.strange = strange


class Connection:
    """Sends requests to a service; `asimov.server.client.Client` says with which parameters.

    Attributes
    ----------
    patience
        The seconds for which a request is sent again, even if that is more often than `tries`.
    """

    def __init__(
        self, address: str, key: str | None = None, timeout: float = 90.0, tries: int = _TRIES
    ) -> None:
        try:
            parts = urlsplit(address)
            good = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
        except ValueError:  # of the port, or of an address in brackets
            good = False
        if not good:
            raise AsimovError(
                f"{quoted(address)} is not the address of a service",
                hint="write http://HOST:PORT or https://HOST",
            )
        if parts.username is not None or parts.password is not None:
            raise AsimovError(
                "the address of a service can't contain a user or password",
                where=parts.hostname,
                hint="give the key on its own",
            )
        if key is not None and not re.fullmatch("[!-~]+", key):  # a header couldn't hold it
            raise AsimovError("the key contains characters that no key has")
        self.address = address.rstrip("/")
        self._key = key
        self._timeout = timeout
        self._tries = tries
        self.patience = 0.0
        self.opener = build_opener(_NoRedirects)

    def pages(self, path: str, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yield the items of a list, page by page."""
        after = None
        while True:
            page = self.get(path, {**query, "limit": 1000, "after": after})
            yield from page["items"]
            after = page["next"]
            if after is None:
                return

    def get(self, path: str, query: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return the JSON at a path."""
        return self._sent("GET", f"{path}{query_of(query or {})}", None, {}, _json)

    def post(self, path: str, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Ask for a change in JSON; return the answer."""
        return self.change(path, json.dumps(asked).encode(), "application/json")

    def change(self, path: str, data: bytes, media: str) -> dict[str, Any]:
        """Ask for a change, which is made once however often it is sent; return the answer."""
        headers = {"Content-Type": media, "Idempotency-Key": uuid.uuid4().hex}
        return self._sent("POST", path, data, headers, _json)

    def opened(
        self, path: str, headers: Mapping[str, str] | None = None, patience: float | None = None
    ) -> HTTPResponse:
        """Return the answer to a request, open for reading."""
        return self._sent("GET", path, None, headers or {}, lambda answer: answer, patience)

    def file(self, path: str, headers: Mapping[str, str] | None = None) -> BinaryIO:
        """Return the file at a path, open for reading; that fails if its end does not arrive."""
        return BufferedReader(_File(self.opened(path, headers), self.address))

    def _sent(
        self,
        method: str,
        path: str,
        data: bytes | None,
        headers: Mapping[str, str],
        read: Callable[[HTTPResponse], _Read],
        patience: float | None = None,
    ) -> _Read:
        """Return what is read of the answer to a request; it is sent again while there is none."""
        given = dict(headers)
        if self._key is not None:
            given["Authorization"] = f"Bearer {self._key}"
        request = Request(f"{self.address}{path}", data, given, method=method)
        patience = self.patience if patience is None else patience
        pause, tries, end = PAUSE, 0, time.monotonic() + patience
        while True:
            tries += 1
            try:
                return read(self.opener.open(request, timeout=self._timeout))
            except HTTPError as error:
                later = error.headers.get("Retry-After", "")
                if _SECONDS.fullmatch(later):  # a proxy may say a date instead
                    pause = max(pause, float(later))
                if error.code not in _PASSING or self._given_up(tries, end - pause):
                    raise _refusal(error) from error
                error.close()
            except (OSError, HTTPException) as error:
                why = getattr(error, "reason", None) or error
                if isinstance(why, SSLCertVerificationError):
                    raise ServiceError(
                        0, f"its certificate is not accepted: {why.verify_message}", self.address,
                        "set SSL_CERT_FILE to a file with the certificate of its issuer",
                    ) from error  # fmt: skip
                if self._given_up(tries, end - pause):
                    since = f" for {patience:g} s" if patience else ""
                    raise ServiceError(0, f"does not answer{since}: {why}", self.address) from error
            time.sleep(pause)
            pause = min(2 * pause, LONGEST)

    def _given_up(self, tries: int, last: float) -> bool:
        """Return whether a request is sent no more: often enough, and not after a time."""
        return tries >= self._tries and time.monotonic() >= last


def query_of(given: Mapping[str, Any]) -> str:
    """Return parameters as they stand in an address, without those that are None."""
    said = {
        name: str(value).lower() if isinstance(value, bool) else value
        for name, value in given.items()
        if value is not None
    }
    return f"?{urlencode(said, doseq=True)}" if said else ""


def _json(answer: HTTPResponse) -> dict[str, Any]:
    with answer:
        data = answer.read()
    try:
        found = json.loads(data)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ServiceError(answer.status, "the service's answer is not JSON", strange=True)
    return found


class _File(RawIOBase):
    """A file that a service sends. An answer itself just ends where its connection does."""

    def __init__(self, answer: HTTPResponse, address: str) -> None:
        self._answer = answer
        self._address = address

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        try:
            count = self._answer.readinto(buffer)
        except (OSError, HTTPException) as error:
            raise self._broken() from error
        if not count and self._answer.length:  # None where the answer doesn't say it
            raise self._broken()
        return count

    def close(self) -> None:
        self._answer.close()
        super().close()

    def _broken(self) -> ServiceError:
        return ServiceError(
            0, "the connection broke before all of the file was sent", self._address
        )


class _NoRedirects(HTTPRedirectHandler):
    """Goes nowhere else: the key is for this service."""

    def redirect_request(self, *args: Any) -> None:
        return None


def _refusal(error: HTTPError) -> ServiceError:
    """Return what the service said."""
    with error:
        try:
            problem = json.load(error)
            return ServiceError(
                error.code, problem["detail"], problem.get("where"), problem.get("hint")
            )
        except (ValueError, KeyError, TypeError):
            said = f"the service answered {error.code} {error.reason}"
            return ServiceError(error.code, said, strange=True)
