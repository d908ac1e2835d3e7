"""Benchmark: the memory of the processes of a service over time, under a mixed load."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import Counter
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

import report
from project import Program, blueprints, command_settings
from service import connected, served

_ONE = "/v1/subjects/subject-00001/analyses/analysis-00001"
#: What is asked for in turn: lists, states, explanations and pages.
_READS = (
    "/v1/analyses?limit=100", "/v1/analyses?name=subject-00001/analysis-00001", "/v1/subjects",
    "/v1/analyses?state=ready&limit=20", f"{_ONE}", f"{_ONE}/why", f"{_ONE}/logs",
    "/v1/events?limit=100", "/v1/usage?name=subject-00002", "/v1/graph?subject=subject-00003",
    "/healthz", "/metrics", "/", "/plugins/", "/tasks/1/", "/v1/nothing",
)  # fmt: skip
#: How many clients ask, and the seconds between two requests of one.
_CLIENTS, _PAUSE = 3, 0.25
#: How many streams stay open; each second another one ends and begins again where it was.
_STREAMS = 20
#: The seconds between two changes, of which each is an event on every stream.
_CHANGE = 2.0
#: The minutes until everything is loaded.
_WARM = 5


def watch(asimov: Program, size: int, scheduler: str, minutes: int) -> dict[str, Any]:
    """Ask a service for some time, and look at its memory each minute.

    Parameters
    ----------
    asimov
        The program.
    size
        How many analyses.
    scheduler
        The project's.
    minutes
        How long.

    Returns
    -------
    dict
        ``analyses``; ``answers``, how many of each status; ``events``, how many the streams had;
        ``samples``, for each minute the resident memory in MB of each process by its module, the
        service itself being ``service``.
    """
    with TemporaryDirectory(prefix="asimov-benchmark-") as folder, ExitStack() as stack:
        root = Path(folder)
        text = blueprints(size, "10 a subject", command_settings(scheduler))
        (root / "blueprints.yaml").write_text(text)
        asimov.asimov(root, "init", "Benchmark", "--scheduler", scheduler)
        asimov.asimov(root, "apply", "-f", "blueprints.yaml")
        said = asimov.asimov(root, "manage", "key", "--add", "load", "--rate", "100000").out
        words = [str(asimov.environment / "bin" / "asimov"), "serve", "--port", "0"]
        address, process = stack.enter_context(served(asimov, words, root))
        load = _Load(address, said.split()[-1])
        samples = []
        began = time.monotonic()
        with load:
            for minute in range(minutes + 1):
                time.sleep(max(0.0, began + 60 * minute - time.monotonic()))
                samples.append({"minute": minute, **_memory(process.pid)})
        return {
            "analyses": size,
            "answers": dict(load.answers),
            "events": load.events,
            "samples": samples,
        }


class _Load:
    """Clients that read, one that changes states, and streams; within a block of ``with``."""

    def __init__(self, address: str, key: str) -> None:
        self._address, self._key = address, key
        self._over = threading.Event()
        self.answers: Counter[int] = Counter()
        self.events = 0
        self._threads = [
            *(threading.Thread(target=self._read, args=(n,)) for n in range(_CLIENTS)),
            threading.Thread(target=self._change),
            *(threading.Thread(target=self._follow, args=(n,)) for n in range(_STREAMS)),
        ]

    def __enter__(self) -> None:
        for each in self._threads:
            each.start()

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in self._threads:
            each.join()

    def _read(self, number: int) -> None:
        open_one = connected(self._address)
        turn = 5 * number
        while not self._over.wait(_PAUSE):
            open_one.request("GET", _READS[turn % len(_READS)])
            answer = open_one.getresponse()
            answer.read()
            self.answers[answer.status] += 1
            turn += 1
            if turn % 50 == 0:  # most clients come and go
                open_one.close()
                open_one = connected(self._address)
        open_one.close()

    def _change(self) -> None:
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        turn = 0
        while not self._over.wait(_CHANGE):
            state = ("wait", "ready")[turn % 2]
            given = {
                "action": "set", "status": state, "analyses": ["subject-00001/analysis-00002"],
            }  # fmt: skip
            one = connected(self._address)
            named = {**headers, "Idempotency-Key": f"change {turn}"}
            one.request("POST", "/v1/actions", json.dumps(given), named)
            answer = one.getresponse()
            answer.read()
            self.answers[answer.status] += 1
            one.close()
            turn += 1

    def _follow(self, number: int) -> None:
        parts = urlsplit(self._address)
        last = b"0"
        while not self._over.is_set():
            with socket.create_connection((str(parts.hostname), parts.port or 80)) as made:
                made.settimeout(60)
                head = b"GET /v1/events/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: "
                made.sendall(head + last + b"\r\n\r\n")
                stream = made.makefile("rb")
                end = time.monotonic() + _STREAMS + number
                while time.monotonic() < end and not self._over.is_set():
                    line = stream.readline()  # there is one each 15 seconds at least
                    if line.startswith(b"id: "):
                        last = line[4:].strip()
                    self.events += line.startswith(b"data: ")
                    if not line:
                        break


def _memory(process: int) -> dict[str, float]:
    """Return the resident memory of a service's processes in MB, those of helpers by module."""
    found: dict[str, float] = {}
    todo = [process]
    while todo:
        one = todo.pop(0)
        with suppress(OSError, ValueError):  # it has ended
            words = Path(f"/proc/{one}/cmdline").read_bytes().decode().split("\0")
            name = words[3].removeprefix("asimov.server.") if words[1] == "-c" else "service"
            while name in found:  # two read, and the service has a process that waits for it
                name += " +"
            found[name] = _resident(one)
            todo += map(int, Path(f"/proc/{one}/task/{one}/children").read_text().split())
    return found


def _resident(process: int) -> float:
    (line,) = (
        each
        for each in Path(f"/proc/{process}/status").read_text().splitlines()
        if each.startswith("VmRSS:")
    )
    return int(line.split()[1]) * 1024 / 1e6


def table(found: dict[str, Any]) -> str:
    """Format the measurements as a table."""
    samples = found["samples"]
    warm = min(_WARM, len(samples) - 1)
    shown = [samples[warm], samples[(warm + len(samples) - 1) // 2], samples[-1]]
    names = dict.fromkeys(name for sample in shown for name in sample if name != "minute")
    lines = [
        [name, *(f"{sample[name]:.1f} MB" if name in sample else "" for sample in shown)]
        for name in names
    ]
    heads = [f"after {sample['minute']} minutes" for sample in shown]
    answers = ", ".join(f"{count:,} of {code}" for code, count in sorted(found["answers"].items()))
    return (
        report.table([f"{found['analyses']:,} analyses", *heads], lines)
        + f"\n\nAnswers: {answers}. The streams had {found['events']:,} events."
    )
