"""The queries that a schedd receives, counted in its own log, are as few as documented."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.htcondor.own_pool import OwnPool, Project, started, until
from tests.searching import first

pytestmark = pytest.mark.htcondor

#: The usual ``[condor] query interval``.
INTERVAL = 60
_COMMAND = re.compile(r"for command \d+ \((\w+)\)")


@pytest.fixture(scope="module")
def counting_pool() -> Iterator[OwnPool]:
    """A pool whose schedd logs each command that it is sent."""
    with started() as pool:
        pool.configure(
            "counting", "SCHEDD_DEBUG = D_COMMAND D_FULLDEBUG\nMAX_SCHEDD_LOG = 100 Mb\n"
        )
        until(lambda: pool.answers() and queries(commands(pool, 0)))
        yield pool


@pytest.fixture
def project(counting_pool: OwnPool, tmp_path: Path) -> Iterator[Project]:
    made = Project(tmp_path, counting_pool)
    yield made
    made.end()


def log(pool: OwnPool) -> Path:
    return pool.folder / "log" / "SchedLog"


def commands(pool: OwnPool, start: int) -> Counter[str]:
    """Return what the schedd was sent since its log had a length."""
    return Counter(_COMMAND.findall(log(pool).read_bytes()[start:].decode(errors="replace")))


def queries(sent: Counter[str]) -> int:
    """Return how many queries of the queue there are among some commands."""
    return sum(sent[each] for each in sent if each.startswith("QUERY_JOB_ADS"))


@pytest.mark.parametrize(
    ("count", "max_queued"), first(1, [(3, None), (6, "100")]), ids=["plain", "max queued"]
)
def test_a_watch_asks_for_the_queue_no_more_often_than_is_promised(
    project: Project, count: int, max_queued: str | None
) -> None:
    text = "{kind: subject, name: s}\n"
    for number in range(count):
        # Each is submitted when the one before it has ended: after a silence of seconds.
        needs = f"needs: [a{number - 1}], " if number else ""
        text += (
            f"---\n{{kind: analysis, event: s, name: a{number}, {needs}pipeline: command, "
            f'executable: sh, arguments: ["-c", "sleep {0.5 if number else 8}; echo > out.txt"], '
            "outputs: {out: out.txt}}\n"
        )
    project.apply(text)
    if max_queued is not None:
        project.run("configuration", "update", "condor/max queued", max_queued)
    project.run("manage", "build", "submit")  # the watch finds a job to ask about
    before, began = log(project.pool).stat().st_size, time.monotonic()
    watch = ("monitor", "--chain", "--until-idle", "--interval", "1", "--timeout", "400")
    ran = project.run(*watch)
    intervals = 1 + int((time.monotonic() - began) / INTERVAL)
    sent = commands(project.pool, before)
    assert set(project.states().values()) == {"uploaded"}
    assert sent["QMGMT_WRITE_CMD"] >= count - 1  # the submissions themselves, and others'
    if max_queued is None and intervals == 1:
        assert queries(sent) == 1, sent
    else:
        # One for the jobs, and one that counts them for [condor] max queued. In a later round there
        # may be one for the usage of a job that has just ended.
        assert 1 <= queries(sent) <= 2 * intervals, sent
    assert ran.out.count("note: htcondor is queried at most every 60 s") == 1, ran
    assert "[condor] query interval" in ran.out


def test_what_only_shows_how_things_stand_asks_nothing(project: Project) -> None:
    project.apply("{kind: subject, name: s}\n---\n" + WAITING)
    project.run("manage", "build", "submit")
    before = log(project.pool).stat().st_size
    project.run("status")
    project.run("status", "--json")
    project.run("log")
    project.run("production", "show", "s", "a")
    sent = commands(project.pool, before)
    assert not queries(sent) and not [each for each in sent if "HISTORY" in each]
    before = log(project.pool).stat().st_size
    project.run("monitor")
    assert queries(commands(project.pool, before)) == 1


WAITING = """
kind: analysis
event: s
name: a
pipeline: command
executable: sleep
arguments: ["1000"]
outputs: {out: out.txt}
"""
