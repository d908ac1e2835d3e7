"""The figures that the documentation promises are those that the program goes by."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from asimov.engine import failures, log_watch, watch_intervals
from asimov.journal import leases
from asimov.pipeline.base import MAX_RESURRECTIONS, RESURRECTION_PAUSE
from asimov.plugins import crashes, hooks, time_limit
from asimov.scheduler.htcondor import scheduler as htcondor
from asimov.scheduler.local import scheduler as local

DOCS = Path(__file__).parents[1] / "docs"
WORDS = {"one": 1, "two": 2, "three": 3, "a": 1, "five": 5}

#: A page, what it says with the figure in brackets, how many seconds are in one of it, and the
#: program's own figure.
PROMISES = [
    ("tracking.md", r"a round at most once (a) minute \(`\[condor\] query\s+interval`\)", 60,
     htcondor._QUERY_INTERVAL),
    ("tracking.md", r"asimov checks\s+the event logs every (\w+) seconds", 1, log_watch.LOOK),
    ("tracking.md", r"`\[monitor\] hook\s+timeout` \((\d+) s\)", 1, time_limit.TIMEOUT),
    ("tracking.md", r"`\[monitor\] lease` \((\d+) s\)", 1, leases.LEASE),
    ("tracking.md", r"whole process (\w+) times in a row is not called", 1, crashes.DEATHS),
    ("tracking.md", r"one per job, for at most (\d+) jobs per round", 1, failures.ASKED),
    ("schedulers.md", r"\| `query interval` \| (\d+) \|", 1, htcondor._QUERY_INTERVAL),
    ("schedulers.md", r"queries the schedd at most once (a) minute", 60, htcondor._QUERY_INTERVAL),
    ("schedulers.md", r"\| `interval` \| (\d+); local", 1, watch_intervals.DEFAULT),
    (
        "schedulers.md",
        r"\| `interval` \| \d+; local: ([\d.]+) \|",
        1,
        watch_intervals.DEFAULT_OF["local"],
    ),
    ("schedulers.md", r"`resurrection pause`: (\d+) s", 1, RESURRECTION_PAUSE),
    ("schedulers.md", r"at most\s+(\w+) times \(`max resurrections`\)", 1, MAX_RESURRECTIONS),
    ("schedulers.md", r"\| `grace` \| (\d+) \|", 1, local.GRACE),
    ("configuration.md", r"`condor/query interval` \| (\d+) \|", 1, htcondor._QUERY_INTERVAL),
    ("configuration.md", r"of a watch, at least ([\d.]+);", 1, watch_intervals.SHORTEST),
    ("configuration.md", r"logs are read every (\d+) seconds", 1, log_watch.LOOK),
    ("configuration.md", r"`monitor/hook timeout` \| (\d+) \|", 1, time_limit.TIMEOUT),
    ("configuration.md", r"`monitor/hooks interval` \| (\d+) \|", 1, hooks.INTERVAL),
    ("configuration.md", r"`monitor/lease` \| (\d+) \|", 1, leases.LEASE),
    ("configuration.md", r"`local/grace` \| (\d+) \|", 1, local.GRACE),
]  # fmt: skip


@pytest.mark.parametrize(("page", "says", "unit", "own"), PROMISES)
def test_a_figure_of_the_documentation_is_the_programs(
    page: str, says: str, unit: float, own: float
) -> None:
    found = re.findall(says, (DOCS / page).read_text())
    assert len(found) == 1, (page, says, found)
    assert float(WORDS.get(found[0]) or found[0]) * unit == own
