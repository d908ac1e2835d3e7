from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from asimov.scheduler.languages.event_log import read_events
from tests.scheduler.event_logs import ending, tagged_clusters

pytestmark = pytest.mark.htcondor


@pytest.mark.skipif("CONDOR_CONFIG" not in os.environ, reason="no pool is configured")
def test_the_log_that_the_pool_writes_is_read_to_the_jobs_end(tmp_path: Path) -> None:
    htcondor2 = pytest.importorskip("htcondor2")
    log = tmp_path / "job.log"
    submit = htcondor2.Submit(
        {
            "executable": "/bin/sh",
            "arguments": "\"-c 'exit $(Process)'\"",
            "universe": "local",
            "initialdir": str(tmp_path),
            "log": str(log),
            "My.AsimovUID": '"uid-1"',
            "job_ad_information_attrs": "AsimovUID",
        }
    )
    cluster = htcondor2.Schedd().submit(submit, count=3).cluster()
    events, offset = [], 0
    deadline = time.monotonic() + 240
    while ending(events, cluster, 3) is None:
        assert time.monotonic() < deadline, events
        time.sleep(0.05)
        found, offset = read_events(log, offset)
        events += found
    end = ending(events, cluster, 3)
    assert end is not None and end.exit_code == 1 and not end.removed
    assert (end.progress.done, end.progress.failed) == (1, 2)
    assert tagged_clusters(events, "AsimovUID", "uid-1") == {cluster}
    theirs = list(htcondor2.JobEventLog(str(log)).events(stop_after=0))
    assert [int(event.type) for event in theirs[: len(events)]] == [e.number for e in events]
