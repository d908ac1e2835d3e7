"""Whether the service is well, and its figures."""

from __future__ import annotations

import re
import time

from asimov.engine.attendance import record_pass
from asimov.project.workspace import Workspace


def figures(client):
    answer = client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    lines = [line for line in answer.text.splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[a-z_]+(\{[a-z]+=\"[^\"]*\"\})? [0-9.e+-]+", line) for line in lines)
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_the_figures_are_those_of_the_project(client, served):
    before = figures(client)
    assert before['asimov_analyses{state="ready"}'] == 2
    assert before['asimov_analyses{state="uploaded"}'] == 1
    assert before['asimov_analyses{state="stuck"}'] == 0
    assert before['asimov_jobs{state="running"}'] == 0
    assert before["asimov_monitor_alive"] == 0
    assert before['asimov_service_waiting_requests{helper="slow"}'] == 0
    assert "asimov_last_pass_duration_seconds" not in before  # there was none
    record_pass(Workspace.open(served), [], took=1.25)
    after = figures(client)
    assert after["asimov_last_pass_duration_seconds"] == 1.25
    for name in ("asimov_last_pass_timestamp", "asimov_last_scheduler_contact_timestamp"):
        assert abs(after[f"{name}_seconds"] - time.time()) < 60


def test_the_service_is_well_while_the_project_can_be_read(client):
    assert client.get("/healthz").json() == {"status": "ok"}
