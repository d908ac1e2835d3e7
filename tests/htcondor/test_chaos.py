"""The quickstart, and shards, while schedd and monitor are killed at random moments."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.htcondor import shards
from tests.htcondor.own_pool import Project, seed, started
from tests.sharded import installed

pytestmark = pytest.mark.htcondor

EXAMPLE = Path(__file__).parents[2] / "ledger-examples" / "quickstart"
KILLS = 10
#: Before which of the kills the schedd is killed, and stopped and started.
DIES, RESTARTED = 4, 7


@pytest.fixture
def quickstart(tmp_path: Path) -> Iterator[Project]:
    pytest.importorskip("numpy")
    pytest.importorskip("matplotlib")
    root = tmp_path / "quickstart"
    shutil.copytree(EXAMPLE, root)
    with started() as pool:
        pool.environment["PYTHONPATH"] = str(installed(pool.folder / "packages"))
        project = Project(root, pool)
        yield project
        project.end()


def attempts(project: Project) -> list[tuple[str, str]]:
    """Return the attempts and their states, without asking asimov."""
    return sorted(project.query("SELECT uid, state FROM attempts"))


def wait_for_a_moment(project: Project, moments: random.Random) -> None:
    """Wait for a random time, or until something is submitted or has ended and a little longer."""
    if moments.random() < 0.4:
        time.sleep(moments.uniform(0.1, 1))
        return
    before, end = attempts(project), time.monotonic() + 5
    while attempts(project) == before and time.monotonic() < end:
        time.sleep(0.005)
    time.sleep(moments.uniform(0, 0.2))


@pytest.mark.long
def test_the_quickstart_ends_right_whatever_is_killed(quickstart: Project) -> None:
    number = seed()
    print(f"CHAOS_SEED={number}")
    moments = random.Random(number)
    for name in ("project", "subjects", "analyses", "overview"):
        quickstart.run("apply", "-f", f"blueprints/{name}.yaml")
    quickstart.apply("{kind: subject, name: s}" + shards.blueprint(quickstart))
    passes = ("monitor", "--chain", "--watch", "--interval", "0.5")
    killed = 0
    while killed < KILLS:
        process = quickstart.begin(*passes)
        wait_for_a_moment(quickstart, moments)
        if killed == DIES:
            quickstart.pool.kill()
        if killed == RESTARTED:
            quickstart.pool.stop()
            time.sleep(moments.uniform(0, 1))
            quickstart.pool.begin()
        assert process.poll() is None, (quickstart.root / "told.out").read_text()
        process.kill()
        process.wait()
        killed += 1
    print("when it was killed last:", Counter(state for _, state in attempts(quickstart)))
    shards.let_go(quickstart)
    quickstart.pool.recover()
    ran = quickstart.run(
        "monitor", "--chain", "--until-idle", "--interval", "0.5", "--timeout", "120"
    )
    rows = json.loads(quickstart.run("status", "--json").out)
    assert [row["status"] for row in rows] == 19 * ["uploaded"], ran
    results = quickstart.root / "results"
    spectrum = json.loads((results / "sunspots" / "spectrum-hann" / "spectrum.json").read_text())
    assert 10 < spectrum["peak"]["period"] < 12
    overview = results / "project-analyses" / "overview" / "overview.png"
    assert overview.read_bytes().startswith(b"\x89PNG")
    shards.check_shards(quickstart)
    for row in rows:
        if row["name"] in shards.NAMES:
            continue
        told = quickstart.attempts(row["name"], row["subject"])
        ends = [each["state"] for each in told]
        assert (ends[-1], set(ends[:-1]) <= {"void"}) == ("ended", True), row
        assert told[-1]["exit_code"] == 0
    quickstart.check_once()
