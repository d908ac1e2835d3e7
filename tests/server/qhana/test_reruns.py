"""A task that is run again after its success: it says so, and then has what the newest run made."""

from __future__ import annotations

import json
from contextlib import closing

import pytest

from asimov.journal.deliveries import Deliveries
from asimov.journal.tasks import Tasks
from asimov.project.workspace import Workspace
from asimov.server.qhana.task_view import view
from asimov.server.stored_files import stored_file
from tests.lab import lab
from tests.server.qhana.conftest import run
from tests.server.qhana.test_neighbours import carded, cards, started

__all__ = ["carded", "cards", "lab"]


def test_a_task_that_runs_again_is_pending_until_it_has_ended_again(runner, receiver):
    """PENDING while its job runs; its files keep their addresses where their names stay."""
    address = runner.start("greeting@v0-1-0", f"{receiver.address}/rerun", inputStr="Ada")
    before = runner.until(address)
    receiver.until("/rerun", lambda found: "status" in found)
    run(runner.root, "rerun", f"qhana-{address.split('/')[-2]}", "--yes")
    now = runner.get(address)
    if now["status"] == "PENDING":  # on a stalled machine it may have ended again before
        assert now["outputs"] == []
    after = runner.until(address)
    assert (after["status"], after["outputs"]) == ("SUCCESS", before["outputs"])
    assert {runner.client.get(each["href"]).status_code for each in after["outputs"]} == {200}
    receiver.until("/rerun", lambda found: found.count("status") == 2)


@pytest.fixture
def task(carded):
    """Return a task that has succeeded with the files x and y, and what looks after it."""
    words = carded.root / "words"
    words.write_text("x y")
    script = json.dumps(["-c", f"mkdir d && cd d && for w in $(cat {words}); do echo 1 > $w; done"])
    carded.apply(f"a, pipeline: command, executable: sh, arguments: {script}, outputs: {{made: d}}")
    carded.finish()
    workspace, tending, number = started(carded)
    tending.look()
    with closing(workspace.journal):
        yield workspace, tending, number


def shown(workspace, number):
    workspace.catch_up()
    return view(workspace, Tasks(workspace.journal).get(number), "http://h")


def told(workspace):
    """Return how often a webhook was called, or is to be."""
    return len(Deliveries(workspace.journal).batch("webhook http://127.0.0.1:1/hook", 99))


def names(task):
    return [each["name"] for each in task["outputs"]]


@pytest.mark.parametrize("away", [False, True])
def test_its_outputs_are_those_of_the_newest_run(carded, task, away):
    """Also if the service was away meanwhile, and never saw that it ran."""
    workspace, tending, number = task
    before = shown(workspace, number)
    assert (before["status"], sorted(names(before))) == ("SUCCESS", ["x", "y"])
    calls = told(workspace)
    (carded.root / "words").write_text("z x")
    carded.run("rerun", "s/a", "--yes")
    for _ in range(0 if away else 2):
        now = shown(workspace, number)
        assert (now["status"], now["outputs"]) == ("PENDING", [])
        assert tending.look() == 1
    carded.finish()
    assert shown(workspace, number)["status"] == "PENDING"  # until its outputs are listed
    assert tending.look() == 0
    after = shown(workspace, number)
    assert (after["status"], sorted(names(after))) == ("SUCCESS", ["x", "z"])
    x, other = (
        next(each["href"] for each in of["outputs"] if each["name"] == "x")
        for of in (before, after)
    )
    assert x == other
    tasks = Tasks(workspace.journal)
    found = tasks.files(number)
    key = tasks.get(number).key
    assert all(stored_file(workspace, key, each.stored) for each in found)
    assert told(workspace) > calls
    calls = told(workspace)
    assert (tending.look(), told(workspace)) == (0, calls)


def test_one_that_fails_then_has_failed_and_a_request_that_is_withdrawn_changes_nothing(
    carded, task
):
    workspace, tending, number = task
    before = shown(workspace, number)
    carded.run("rerun", "s/a", "--yes")
    assert tending.look() == 1
    assert shown(workspace, number)["status"] == "PENDING"
    carded.run("cancel", "s/a", "--yes")  # no pass has begun it
    tending.look()
    assert shown(workspace, number) == before
    carded.run("rerun", "s/a", "--yes")
    assert tending.look() == 1
    (carded.root / "words").write_text("no/such")
    carded.finish(code=3)
    tending.look()
    now = shown(workspace, number)
    assert (now["status"], now["outputs"]) == ("FAILURE", [])
    with closing(Workspace.open(carded.root, reading=True).journal) as journal:
        assert Tasks(journal).get(number).ended == "FAILURE"
