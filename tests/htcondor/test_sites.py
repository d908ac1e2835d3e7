"""What a site says of jobs in a real pool."""

from __future__ import annotations

import re
from typing import Any

import pytest

pytestmark = pytest.mark.htcondor

HELD = """
{kind: subject, name: s}
---
kind: analysis
subject: s
name: a
pipeline: command
executable: "true"
outputs: {out: job.out}
scheduler: {hold: true, +JobFlavour: '"espresso"'}
"""


def test_why_says_when_the_site_removes_a_held_job(on_a_pool: Any) -> None:
    on_a_pool.run("configuration", "site", "cern")
    on_a_pool.apply(HELD)
    on_a_pool.run("manage", "build", "submit")
    told = on_a_pool.run("why", "s", "a").out
    assert re.search(
        r"CERN batch removes held jobs after 1d: this one at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ "
        r"\(https://batchdocs\.web\.cern\.ch/concepts/service-limits\.html\)",
        told,
    ), told
    on_a_pool.run("configuration", "site", "plain")
    assert "removes held jobs" not in on_a_pool.run("why", "s", "a").out
