"""What clients are told of a call in each state of its analysis."""

from __future__ import annotations

from contextlib import closing

import pytest

from asimov.journal import measurements
from asimov.journal.datasets import Datasets
from asimov.project.workspace import Workspace
from asimov.server.platipy.states import state
from asimov.system import clock
from tests.server.platipy.conftest import asimov
from tests.server.platipy.test_protocol import dataset, upload

PENDING = {"state": "PENDING", "current": 0, "total": 1, "status": "Pending..."}


@pytest.fixture
def call(ada, root):
    """Return a call on four inputs, and the open project."""
    made = dataset(ada)
    for number in range(4):
        upload(ada, made["id"], name=f"{number}.txt")
    given = {"algorithm": "Show Settings", "dataset": made["id"]}
    poll = ada.post("/api/trigger", data=given).json()["poll"]
    workspace = Workspace.open(root)
    with closing(workspace.journal):
        yield poll, Datasets(workspace.journal).call(poll.rpartition("/")[2]), workspace


def test_a_call_is_pending_until_its_job_runs_and_then_says_how_far_it_is(ada, call):
    poll, found, workspace = call
    uid, key, told = f"uid {found.key}", found.key, []

    def tell():
        told.append(ada.get(poll).json())
        return told[-1]

    assert tell() == PENDING
    workspace.journal.intend(key, uid, "run", "local")
    workspace.journal.submitted(uid, 7, [])
    workspace.move(key, "running", "submit", "submitted as job 7")
    assert tell() == PENDING
    workspace.journal.observed([(key, "idle", None, None)])
    assert tell() == PENDING
    workspace.journal.observed([(key, "running", None, None)])
    status = {"state": "RUNNING", "current": 0, "total": 4, "status": "Running Show Settings"}
    assert tell() == status
    measurements.record(workspace.journal, uid, 0.6, "slices", clock.now())
    workspace.journal.observed([(key, "running", None, "12/20 slices")])
    assert tell() == {**status, "current": 2, "status": "12/20 slices"}
    workspace.journal.observed([(key, "held", None, None)])
    assert tell()["state"] == "PENDING"
    workspace.journal.ended(uid, "ended", exit_code=0, evidence="log", reason=None)
    workspace.move(key, "finished", "monitor", "job 7 ended")
    # Not before its results are stored, and its outputs listed.
    assert tell() == {**status, "current": 4, "status": "Storing the results"}
    workspace.move(key, "uploaded", "monitor", "its results are stored")
    assert tell() == {"state": "SUCCESS"}


def test_a_failure_that_is_no_exception_has_its_reason(ada, call):
    poll, found, workspace = call
    workspace.move(found.key, "stuck", "submit", "nothing was submitted")
    failed = {"state": "FAILURE", "status": "nothing was submitted", "current": 1, "total": 1}
    assert ada.get(poll).json() == failed
    workspace.move(found.key, "ready", "ada", "again")
    assert ada.get(poll).json() == PENDING


def test_fault_a_call_that_waits_since_no_monitor_is_at_work_says_so(call):
    _, found, workspace = call
    workspace.reload()
    assert state(workspace, found) == PENDING
    now = clock.now()
    with clock.replaced(lambda: now + 60):
        told = state(workspace, found)
    assert told["state"] == "PENDING"
    assert "no monitor is running" in told["status"]


def test_an_analysis_may_have_another_name(ada, root, call):
    poll, found, _ = call
    asimov(root, "mv", str(found.key), f"{found.subject}/renamed")
    assert ada.get(poll).json() == PENDING


def test_fault_a_call_that_can_not_be_built_fails_and_says_why(ada, root, call):
    poll, found, _ = call
    service = root / "service.py"
    text = service.read_text()
    service.write_text(text.replace('"Show Settings"', '"Other Name"'))
    asimov(root, "manage", "build", code=1)
    told = ada.get(poll).json()
    assert (told["state"], "no function 'Show Settings'" in told["status"]) == ("FAILURE", True)
    # A person may mend it.
    service.write_text(text)
    asimov(root, "production", "set", str(found.key), "--status", "ready")
    assert ada.get(poll).json() == PENDING
    asimov(root, "manage", "build")
    assert ada.get(poll).json() == PENDING
