"""A client that sends what PlatiPy's sends: the header with its underscore, forms, and uploads."""

from __future__ import annotations

import json
import time
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlencode, urlsplit

_BOUNDARY = "3b1f2c5e9a"


class Client:
    """Calls a service with a key.

    Parameters
    ----------
    address
        The service's.
    key
        The key.
    """

    def __init__(self, address: str, key: str) -> None:
        self._host = urlsplit(address).netloc
        self._key = key
        self.slowest = {"GET": 0.0, "POST": 0.0}

    def call(self, method: str, path: str, body: bytes = b"", media: str = "") -> tuple[int, bytes]:
        """Make a call on a connection of its own; return status and body."""
        began = time.monotonic()
        connection = HTTPConnection(self._host, timeout=120)
        headers = {"API_KEY": self._key, **({"Content-Type": media} if media else {})}
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        data = answer.read()
        connection.close()
        self.slowest[method] = max(self.slowest[method], time.monotonic() - began)
        return answer.status, data

    def _done(self, *request: Any) -> Any:
        """Make a call until it is not refused for a while; return its JSON."""
        end = time.monotonic() + 300
        while (said := self.call(*request))[0] == 503:
            assert time.monotonic() < end, said
            time.sleep(0.1)
        assert said[0] == 200, said
        return json.loads(said[1])

    def get(self, path: str) -> Any:
        """Return the JSON at a path."""
        return self._done("GET", path)

    def post(self, path: str, **given: Any) -> Any:
        """Send a form without a file."""
        media = "application/x-www-form-urlencoded"
        return self._done("POST", path, urlencode(given).encode(), media)

    def upload(self, dataset: int, name: str, content: bytes, **given: Any) -> Any:
        """Send a file."""
        body = form({"dataset": dataset, "type": "FILE", "file_name": name, **given}, content)
        media = f"multipart/form-data; boundary={_BOUNDARY}"
        return self._done("POST", "/api/dataobject", body, media)

    def run(self, dataset: int, algorithm: str, **given: Any) -> dict[str, Any]:
        """Trigger a function and wait for its end; return the last state."""
        poll = self.post("/api/trigger", dataset=dataset, algorithm=algorithm, **given)["poll"]
        return self.wait(poll)

    def wait(self, poll: str) -> dict[str, Any]:
        """Ask for a state until it is final."""
        end = time.monotonic() + 300
        while True:
            state: dict[str, Any] = self.get(poll)
            if state["state"] in {"SUCCESS", "FAILURE"}:
                return state
            assert time.monotonic() < end, state
            time.sleep(0.1)


def form(given: dict[str, Any], content: bytes) -> bytes:
    """Return a form with a file."""
    parts = [
        f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in given.items()
    ]
    head = 'Content-Disposition: form-data; name="file_data"; filename="x"'
    parts.append(f"--{_BOUNDARY}\r\n{head}\r\n\r\n")
    return "".join(parts).encode() + content + f"\r\n--{_BOUNDARY}--\r\n".encode()
