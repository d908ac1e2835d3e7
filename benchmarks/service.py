"""Benchmark: what requests to the service cost, beside a bare route that returns the same bytes."""

from __future__ import annotations

import http.client
import re
import socket
import statistics
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from project import Program, blueprints, command_settings

#: What is asked for, by what it is called.
_ONE = "subject-00001/analysis-00001"
_CALLS = {
    "list, 100 of all": "/v1/analyses?limit=100",
    "status of one": f"/v1/analyses?name={_ONE}",
    "one with all": "/v1/subjects/subject-00001/analyses/analysis-00001",
    "health": "/healthz",
}
#: How many clients ask at once, and for how many seconds in turn.
_CLIENTS, _SECONDS = 4, 5.0
_STREAMS = 200


def serve(asimov: Program, size: int, scheduler: str, minutes: float) -> dict[str, Any]:
    """Measure a service over a project.

    Parameters
    ----------
    asimov
        The program.
    size
        How many analyses.
    scheduler
        The project's.
    minutes
        For how long the service is asked while its memory is watched.

    Returns
    -------
    dict
        By call, the bytes, and of the service and the bare route the requests a second and the
        median and 95 % latency in ms; the seconds until an event was on every stream; the memory
        of the service's processes in MB, at its beginning and its end.
    """
    with TemporaryDirectory(prefix="asimov-benchmark-") as folder, ExitStack() as stack:
        root, files = Path(folder, "project"), Path(folder, "files")
        root.mkdir()
        files.mkdir()
        text = blueprints(size, "10 a subject", command_settings(scheduler))
        (root / "blueprints.yaml").write_text(text)
        asimov.asimov(root, "init", "Benchmark", "--scheduler", scheduler)
        asimov.asimov(root, "apply", "-f", "blueprints.yaml")
        words = [str(asimov.environment / "bin" / "asimov"), "serve", "--port", "0"]
        address, process = stack.enter_context(served(asimov, words, root))
        contents = {name: _get(address, path) for name, path in _CALLS.items()}
        for number, content in enumerate(contents.values()):
            (files / str(number)).write_bytes(content)
        bare, _ = stack.enter_context(served(asimov, asimov.inside("bare", files), root))
        began = _memory(process.pid)
        calls = {}
        for number, (name, path) in enumerate(_CALLS.items()):
            calls[name] = {
                "bytes": len(contents[name]),
                "service": _load(address, path, _SECONDS),
                "bare route": _load(bare, f"/{number}", _SECONDS),
            }
        heard = _streams(asimov, root, address)
        _load(address, _CALLS["list, 100 of all"], 60 * minutes)
        memory = {"minutes": minutes, "at its beginning": began, "at its end": _memory(process.pid)}
        return {"analyses": size, "calls": calls, "streams": heard, "memory": memory}


@contextmanager
def served(
    asimov: Program, command: list[str], cwd: Path
) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run a server within the block; yields its address and its process."""
    variables = {**asimov.variables, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=cwd, env=variables, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout
            found = re.search(r"http://[\d.:]+", process.stdout.readline())
            assert found, "it did not start"
            yield found[0], process
        finally:
            process.terminate()
            process.wait()


def connected(address: str) -> http.client.HTTPConnection:
    """Return a connection to a server."""
    parts = urlsplit(address)
    return http.client.HTTPConnection(str(parts.hostname), parts.port, timeout=120)


def _get(address: str, path: str) -> bytes:
    connection = connected(address)
    connection.request("GET", path)
    with connection.getresponse() as answer:
        content = answer.read()
        assert answer.status == 200, content
    connection.close()
    return content


def _load(address: str, path: str, seconds: float) -> dict[str, float]:
    """Ask with several clients, each on a connection that stays open."""
    times: list[float] = []
    end = time.perf_counter() + seconds

    def ask() -> None:
        connection = connected(address)
        while (began := time.perf_counter()) < end:
            connection.request("GET", path)
            connection.getresponse().read()
            times.append(time.perf_counter() - began)
        connection.close()

    began = time.perf_counter()
    threads = [threading.Thread(target=ask) for _ in range(_CLIENTS)]
    for each in threads:
        each.start()
    for each in threads:
        each.join()
    took = time.perf_counter() - began
    ordered = sorted(times)
    return {
        "requests a second": len(times) / took,
        "median": 1000 * statistics.median(ordered),
        "95 %": 1000 * ordered[int(0.95 * (len(ordered) - 1))],
    }


def _streams(asimov: Program, root: Path, address: str) -> dict[str, float]:
    """Return the seconds from the command that makes an event until every stream had it."""
    parts = urlsplit(address)
    request = b"GET /v1/events/stream HTTP/1.1\r\nHost: localhost\r\n\r\n"
    with ExitStack() as stack:
        opened = []
        for _ in range(_STREAMS):
            made = stack.enter_context(socket.create_connection((parts.hostname, parts.port)))
            made.settimeout(120)
            made.sendall(request)
            opened.append(made.makefile("rb"))
        for each in opened:
            while not each.readline().startswith(b"id: "):
                pass
        asimov.asimov(root, "production", "set", _ONE, "--status", "wait")
        began = time.perf_counter()
        for each in opened:
            while not each.readline().startswith(b"data: "):
                pass
        return {"streams": _STREAMS, "seconds": time.perf_counter() - began}


def _memory(process: int) -> float:
    """Return the resident memory of a process and its children in MB."""
    own = Path(f"/proc/{process}")
    found = re.search(r"VmRSS:\s+(\d+) kB", (own / "status").read_text())
    children = (own / "task" / str(process) / "children").read_text().split()
    return (int(found[1]) / 1e3 if found else 0.0) + sum(map(_memory, map(int, children)))


def table(results: dict[str, Any]) -> str:
    """Return the results as text."""
    lines = [
        f"service over {results['analyses']} analyses, {_CLIENTS} clients",
        f"{'':20}{'bytes':>8}{'service /s':>12}{'median ms':>11}{'95 % ms':>9}"
        f"{'bare /s':>10}{'median ms':>11}",
    ]
    for name, each in results["calls"].items():
        service, bare = each["service"], each["bare route"]
        lines.append(
            f"{name:20}{each['bytes']:8}{service['requests a second']:12.0f}"
            f"{service['median']:11.1f}{service['95 %']:9.1f}"
            f"{bare['requests a second']:10.0f}{bare['median']:11.1f}"
        )
    streams, memory = results["streams"], results["memory"]
    lines += [
        f"{streams['streams']} streams had an event {streams['seconds']:.2f} s after its command",
        f"memory: {memory['at its beginning']:.0f} MB at the beginning, "
        f"{memory['at its end']:.0f} MB after {memory['minutes']:g} minutes of requests",
    ]
    return "\n".join(lines)
