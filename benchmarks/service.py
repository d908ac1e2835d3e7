"""Benchmark: what requests to the service cost, beside a bare route that returns the same bytes."""

from __future__ import annotations

import http.client
import os
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
    "dashboard": "/",
    "dashboard, search": "/?q=subject-00001",
    "health": "/healthz",
}
#: How many clients ask at once, for how many seconds, and how often the two sides take turns.
_CLIENTS, _SECONDS, _TURNS = 4, 2.5, 2
_STREAMS = 200
#: How many changes there are, each followed by a request; the last one undoes the one before.
_CHANGES = 4


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
        By call, the bytes, and of the service and the bare route the requests a second, the
        processor time of a request in ms, and the median and 95 % latency in ms; the processor time
        of the first request after a change, in ms; the seconds until an event was on every stream,
        and the processor time that took; the memory of the service's processes in MB, at its
        beginning and its end.
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
        command = asimov.inside("bare", files)
        bare, bare_process = stack.enter_context(served(asimov, command, root))
        began = _memory(process.pid)
        calls = {}
        for number, (name, path) in enumerate(_CALLS.items()):
            sides: dict[str, list[dict[str, float]]] = {"service": [], "bare route": []}
            for _ in range(_TURNS):
                sides["service"].append(_load(address, process.pid, path))
                sides["bare route"].append(_load(bare, bare_process.pid, f"/{number}"))
            calls[name] = {"bytes": len(contents[name]), **{k: _mean(v) for k, v in sides.items()}}
        changed = {
            name: _after_changes(asimov, root, address, process.pid, _CALLS[name])
            for name in ("list, 100 of all", "status of one", "dashboard")
        }
        heard = _streams(asimov, root, address, process.pid)
        _load(address, process.pid, _CALLS["list, 100 of all"], 60 * minutes)
        memory = {"minutes": minutes, "at its beginning": began, "at its end": _memory(process.pid)}
        return {
            "analyses": size, "calls": calls, "after a change": changed, "streams": heard,
            "memory": memory,
        }  # fmt: skip


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


def _load(address: str, process: int, path: str, seconds: float = _SECONDS) -> dict[str, float]:
    """Ask a process with several clients, each on a connection that stays open."""
    times: list[float] = []
    processor = _processor(process)
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
        "processor": 1000 * (_processor(process) - processor) / len(times),
        "median": 1000 * statistics.median(ordered),
        "95 %": 1000 * ordered[int(0.95 * (len(ordered) - 1))],
    }


def _mean(measured: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.fmean(each[name] for each in measured) for name in measured[0]}


def _after_changes(
    asimov: Program, root: Path, address: str, process: int, path: str
) -> dict[str, float]:
    """Return what requests cost of which each is the first after a change by a command."""
    spent, changed = [], []
    for number in range(_CHANGES):
        before = _get(address, path)
        state = ("wait", "ready")[number % 2]
        asimov.asimov(root, "production", "set", _ONE, "--status", state)
        began = _processor(process)
        after = _get(address, path)
        spent.append(1000 * (_processor(process) - began))
        changed.append(after != before)
    return {"processor": statistics.fmean(spent), "seen": sum(changed) / len(changed)}


def _streams(asimov: Program, root: Path, address: str, process: int) -> dict[str, float]:
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
        processor = _processor(process)
        asimov.asimov(root, "production", "set", _ONE, "--status", "wait")
        began = time.perf_counter()
        for each in opened:
            while not each.readline().startswith(b"data: "):
                pass
        seconds = time.perf_counter() - began
        spent = _processor(process) - processor
        return {"streams": _STREAMS, "seconds": seconds, "processor": 1000 * spent}


def _processor(process: int) -> float:
    """Return the processor time of a process and its children in seconds."""
    own = Path(f"/proc/{process}")
    fields = (own / "stat").read_text().rpartition(")")[2].split()
    spent = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    children = (own / "task" / str(process) / "children").read_text().split()
    return spent + sum(map(_processor, map(int, children)))


def _memory(process: int) -> float:
    """Return the resident memory of a process and its children in MB."""
    own = Path(f"/proc/{process}")
    found = re.search(r"VmRSS:\s+(\d+) kB", (own / "status").read_text())
    children = (own / "task" / str(process) / "children").read_text().split()
    return (int(found[1]) / 1e3 if found else 0.0) + sum(map(_memory, map(int, children)))


def table(results: dict[str, Any]) -> str:
    """Return the results as text."""
    lines = [
        f"service over {results['analyses']} analyses, {_CLIENTS} clients; ms of processor time "
        "for a request",
        f"{'':20}{'bytes':>8}{'service':>9}{'bare':>7}{'ratio':>7}{'service /s':>12}"
        f"{'median ms':>11}{'95 % ms':>9}{'bare /s':>10}{'median ms':>11}",
    ]
    for name, each in results["calls"].items():
        service, bare = each["service"], each["bare route"]
        lines.append(
            f"{name:20}{each['bytes']:8}{service['processor']:9.2f}{bare['processor']:7.2f}"
            f"{service['processor'] / bare['processor']:7.1f}{service['requests a second']:12.0f}"
            f"{service['median']:11.1f}{service['95 %']:9.1f}"
            f"{bare['requests a second']:10.0f}{bare['median']:11.1f}"
        )
    lines += [
        f"{name}, first after a change: {each['processor']:.0f} ms of processor time"
        for name, each in results["after a change"].items()
    ]
    streams, memory = results["streams"], results["memory"]
    lines += [
        f"{streams['streams']} streams had an event {streams['seconds']:.2f} s after its command, "
        f"for {streams['processor']:.0f} ms of processor time",
        f"memory: {memory['at its beginning']:.0f} MB at the beginning, "
        f"{memory['at its end']:.0f} MB after {memory['minutes']:g} minutes of requests",
    ]
    return "\n".join(lines)
