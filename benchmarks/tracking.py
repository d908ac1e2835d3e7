"""Benchmark: tracking jobs on a real pool: queries, memory, and delay until an end is recorded."""

from __future__ import annotations

import sqlite3
import statistics
import sys
import time
from collections import Counter
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pool
import report
from measure import Followed, followed
from project import OUTPUT, Program, make, rows

_LAYOUT = "10 a subject"
#: The number of short jobs, when the first ends, and the time between their ends.
_SHORT, _FIRST, _APART = 10, 6.0, 3.3
#: How long to wait for them beyond that, in seconds.
_PATIENCE = 120
_SUBJECT, _GO = "short", "go"
#: Further ones fail, all at once.
_FAILING, _FAIL = 5, "fail"
_PROGRAM = """#!/bin/sh
while [ ! -e "$2" ]; do sleep 0.2; done
sleep "$1"
echo '{}' > result.json
date +%s.%N > ended
exit "$3"
"""


def track(asimov: Program, size: int, passes: int) -> dict[str, Any]:
    """Track jobs; many wait, and a few end one after the other.

    Parameters
    ----------
    asimov
        The program.
    size
        How many analyses have a job that waits in the queue.
    passes
        How often the pass in which nothing changes is measured.

    Returns
    -------
    dict
        ``analyses``; ``idle``, ``watch`` and ``failing``: what was seen of each command; and
        ``removal``, the seconds until all jobs had left the queue.
    """
    with TemporaryDirectory(prefix="asimov-benchmark-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        make(asimov, root, size, _LAYOUT, "htcondor")
        try:
            # The short jobs first: behind jobs that match no machine, a schedd may keep later
            # ones out of negotiation for long. They wait for a file until it is their turn.
            _add_short(asimov, root)
            asimov.asimov(root, "manage", "submit", "-e", _SUBJECT)
            _wait(asimov, root)
            asimov.asimov(root, "manage", "submit")
            asimov.asimov(root, "monitor")
            idle = _idle(asimov, root, passes)
            watch = _watch(asimov, root)
            failing = _fail(asimov, root)
            seen = Counter(row["status"] for row in rows(asimov, root))
        finally:
            took = pool.remove(root)
    if seen != {"running": size, "uploaded": _SHORT, "stuck": _FAILING}:
        raise RuntimeError(f"{size} wait, {_SHORT} ended and {_FAILING} failed: {seen}")
    return {
        "analyses": size,
        "idle": idle,
        "watch": watch,
        "failing": failing,
        "removal": took,
    }


def _idle(asimov: Program, root: Path, passes: int) -> dict[str, Any]:
    times = report.summary([asimov.asimov(root, "monitor") for _ in range(passes)])
    return {**times, **_one_pass(asimov, root, "idle")}


def _fail(asimov: Program, root: Path) -> dict[str, Any]:
    """Let jobs fail, and make a pass when they have left the queue."""
    (root / _FAIL).touch()
    deadline = time.monotonic() + _PATIENCE
    logs = [root / "working" / _SUBJECT / name / "job.log" for name in _names(_FAILING, "bad")]
    while not all("Job terminated" in log.read_text() for log in logs):
        if time.monotonic() > deadline:
            sys.exit("the jobs that are to fail do not end")
        time.sleep(0.5)
    return _one_pass(asimov, root, "failing")


def _one_pass(asimov: Program, root: Path, name: str) -> dict[str, Any]:
    notes = root / f"{name}.asked"
    with _traced(asimov, root, notes, "monitor") as following:
        following.end()
    if following.process.returncode:
        raise RuntimeError(notes.with_suffix(".out").read_text())
    return {**_held(following), "asked": _counted(_asked(notes))}


def _watch(asimov: Program, root: Path) -> dict[str, Any]:
    """Watch until the end of each short job is recorded."""
    notes = root / "watch.asked"
    deadline = time.monotonic() + _FIRST + _SHORT * _APART + _PATIENCE
    with _traced(asimov, root, notes, "monitor", "--watch", "--chain") as following:
        while not (notes.exists() and notes.stat().st_size):
            time.sleep(0.1)
        (root / _GO).touch()
        while len(_recorded(root)) < _SHORT:
            if time.monotonic() > deadline or following.process.poll() is not None:
                sys.exit(f"not all is recorded:\n{(root / 'watch.out').read_text()[-2000:]}")
            time.sleep(0.5)
    recorded = _recorded(root)
    delays = []
    for name, at in recorded.items():
        rundir = root / "working" / _SUBJECT / name
        ended = float((rundir / "ended").read_text())
        # Nothing is written into the log behind the job's end.
        logged = (rundir / "job.log").stat().st_mtime
        delays.append({"ended": ended, "logged": logged - ended, "recorded": at - ended})
    asked = _asked(notes)
    first = min(each["ended"] for each in delays)
    during = [(at, what) for at, what in asked if first <= at <= max(recorded.values())]
    return {
        **_held(following),
        "delays": delays,
        "asked": _counted(asked),
        "seconds": max(recorded.values()) - first,
        "asked meanwhile": _counted(during),
    }


def _traced(asimov: Program, root: Path, notes: Path, *arguments: str) -> Any:
    command = asimov.inside("traced", notes, *arguments)
    return followed(command, root, asimov.variables, notes.with_suffix(".out"))


def _held(following: Followed) -> dict[str, float]:
    return {"files": following.files, "most_memory_mb": following.memory_mb}


def _add_short(asimov: Program, root: Path) -> None:
    program = root / "short.sh"
    program.write_text(_PROGRAM)
    program.chmod(0o755)
    ends = [(_FIRST + number * _APART, _GO, 0) for number in range(_SHORT)]
    ends += [(0.0, _FAIL, 1)] * _FAILING
    names = _names(_SHORT, "short") + _names(_FAILING, "bad")
    documents = [f"kind: subject\nname: {_SUBJECT}\n"]
    documents += [
        f"kind: analysis\nname: {name}\nevent: {_SUBJECT}\npipeline: command\n"
        f"executable: short.sh\narguments: ['{seconds:.1f}', {root / file}, {code}]\n"
        f"outputs: {{result: {OUTPUT}}}\nscheduler:\n  request memory: 16 MB\n"
        for name, (seconds, file, code) in zip(names, ends, strict=True)
    ]
    (root / "short.yaml").write_text("---\n".join(documents))
    asimov.asimov(root, "apply", "-f", "short.yaml")
    asimov.asimov(root, "manage", "build", "-e", _SUBJECT)


def _names(number: int, kind: str) -> list[str]:
    return [f"{kind}-{each:02}" for each in range(number)]


def _wait(asimov: Program, root: Path) -> None:
    """Wait until the short jobs are running."""
    deadline = time.monotonic() + _PATIENCE
    wanted = _SHORT + _FAILING
    while sum(row["job_state"] == "running" for row in rows(asimov, root)) < wanted:
        if time.monotonic() > deadline:
            sys.exit(f"the pool has no room for {wanted} jobs")
        time.sleep(1)
        asimov.asimov(root, "monitor")


def _recorded(root: Path) -> dict[str, float]:
    """Return when each short job's end was recorded, by the journal's own clock."""
    with closing(sqlite3.connect(f"file:{root}/.asimov/journal.db?mode=ro", uri=True)) as journal:
        return dict(
            journal.execute(
                "SELECT name, min(time) FROM events "
                "WHERE subject = ? AND after = 'finished' GROUP BY name",
                (_SUBJECT,),
            )
        )


def _asked(notes: Path) -> list[tuple[float, str]]:
    lines = [line.split() for line in notes.read_text().splitlines()]
    return [(float(at), what) for at, what in lines]


def _counted(asked: list[tuple[float, str]]) -> dict[str, int]:
    return dict(Counter(what for _, what in asked))


def table(found: dict[str, Any]) -> str:
    """Format the measurements as a table."""
    idle, watch = found["idle"], found["watch"]
    recorded = [each["recorded"] for each in watch["delays"]]
    logged = [each["logged"] for each in watch["delays"]]
    lines = [
        ["idle pass", report.time_and_memory(idle)],
        ["idle pass: asked", _in_words(idle["asked"])],
        [f"a pass in which {_FAILING} have failed: asked", _in_words(found["failing"]["asked"])],
        ["idle pass: most open files", str(idle["files"])],
        ["watch: most open files", str(watch["files"])],
        ["watch: memory", f"{watch['most_memory_mb']:.0f} MB"],
        ["job's end to HTCondor's event", _spread(logged)],
        ["job's end to the recorded state", _spread(recorded)],
        [f"asked in these {watch['seconds']:.0f} s", _in_words(watch["asked meanwhile"])],
        ["all removed in one act, and gone", report.seconds(found["removal"])],
    ]
    return report.table([f"{found['analyses']:,} jobs wait, {len(recorded)} end", ""], lines)


def _spread(values: list[float]) -> str:
    return f"{statistics.median(values):.2f} s, at most {max(values):.2f} s"


def _in_words(asked: dict[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in asked.items()) or "nothing"
