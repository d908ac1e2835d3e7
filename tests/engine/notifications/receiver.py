"""A receiver of webhooks: a real HTTP server that answers as a test asks."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple


class Request(NamedTuple):
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """Keeps requests, and answers each with the next of `answers`, and with 200 after these.

    An answer is a status; ``"hang"`` until `released`; ``"drop"``: the connection is closed; or
    ``"drip"`` and ``"drip headers"``: 200, followed by an answer or headers that do not end.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.requests: list[Request] = []
        self.answers: list[int | str] = []
        self.arrived = threading.Semaphore(0)
        self.released = threading.Event()

    def url(self, path: str = "/hook") -> str:
        return f"http://{self.address}{path}"


@contextmanager
def receiving() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            found.requests.append(Request(self.path, headers, body))
            answer = found.answers.pop(0) if found.answers else 200
            found.arrived.release()
            if answer == "hang":
                found.released.wait(60)
                answer = 200
            if answer == "drop":
                self.close_connection = True
                return
            if isinstance(answer, str) and answer.startswith("drip"):
                self.drip(headers=answer == "drip headers")
                return
            self.send_response(int(answer))
            if answer == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def drip(self, *, headers: bool) -> None:
            self.send_response(200)
            self.send_header("Content-Length", "1000000")
            if not headers:
                self.end_headers()
            self.flush_headers()
            with suppress(OSError):
                while not found.released.wait(0.05):
                    self.wfile.write(b"X")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        found = Receiver(f"127.0.0.1:{server.server_address[1]}")
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield found
        finally:
            found.released.set()
            server.shutdown()
            thread.join()
