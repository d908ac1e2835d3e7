"""The quickstart while its schedd is restarted and its monitor is killed at random moments."""

from __future__ import annotations

import json
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.htcondor.own_pool import Project, seed, started

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
        project = Project(root, pool)
        yield project
        project.end()


def journal(project: Project) -> dict[str, str]:
    """Return the states of the attempts, by identity, without asking asimov."""
    return dict(project.query("SELECT uid, state FROM attempts"))


def test_the_quickstart_ends_right_whatever_is_killed(quickstart: Project) -> None:
    number = seed()
    print(f"CHAOS_SEED={number}")
    moments = random.Random(number)
    for name in ("project", "subjects", "analyses", "overview"):
        quickstart.run("apply", "-f", f"blueprints/{name}.yaml")
    passes = ("monitor", "--chain", "--watch", "--interval", "0.5")
    killed = 0
    while killed < KILLS:
        process = quickstart.begin(*passes)
        # It is killed within some seconds of its life, often in the first, where it begins.
        time.sleep(moments.choice((moments.uniform(0.2, 1), moments.uniform(0.5, 3))))
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
    # All of it must not have ended before: otherwise the kills came too late to matter.
    print(f"when it was killed last: {sorted(journal(quickstart).values())}")
    quickstart.pool.recover()
    told = quickstart.run(
        "monitor", "--chain", "--until-idle", "--interval", "0.5", "--timeout", "120"
    )
    rows = json.loads(quickstart.run("status", "--json").out)
    assert [row["status"] for row in rows] == 17 * ["uploaded"], told
    results = quickstart.root / "results"
    spectrum = json.loads((results / "sunspots" / "spectrum-hann" / "spectrum.json").read_text())
    assert 10 < spectrum["peak"]["period"] < 12
    overview = results / "project-analyses" / "overview" / "overview.png"
    assert overview.read_bytes().startswith(b"\x89PNG")
    for row in rows:
        attempts = quickstart.attempts(row["name"], row["subject"])
        ends = [each["state"] for each in attempts]
        assert (ends[-1], set(ends[:-1]) <= {"void"}) == ("ended", True), row
        assert attempts[-1]["exit_code"] == 0
    quickstart.check_once()
