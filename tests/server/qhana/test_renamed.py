"""Subjects and analyses of tasks get other names, and are removed: callers know what is true."""

from __future__ import annotations

from tests.server.qhana.conftest import run


def answers(runner, address):
    """Return what every GET of the protocol says of a task."""
    task = runner.get(address)
    pages = [each["uiHref"] for each in task["steps"]]
    files = [each["href"] for each in task["outputs"]]
    said = {path: runner.client.get(path) for path in [*pages, *files]}
    assert {answer.status_code for answer in said.values()} <= {200}, said
    return {"task": task, **{path: answer.content for path, answer in said.items()}}


def test_a_task_follows_its_names_and_has_failed_once_its_outputs_are_removed(runner, receiver):
    """SUCCESS only while every output can be downloaded."""
    hook = f"{receiver.address}/renamed"
    _, address = runner.waiting(hook)
    number = address.split("/")[-2]
    before = answers(runner, address)
    run(runner.root, "mv", f"qhana-{number}", f"moved-{number}")
    assert answers(runner, address) == before
    assert runner.finish(address)["status"] == "SUCCESS"
    before = answers(runner, address)
    assert len(before["task"]["outputs"]) == 2
    run(runner.root, "mv", f"moved-{number}", f"again-{number}")
    run(runner.root, "mv", f"again-{number}/noise", "loud")
    assert answers(runner, address) == before
    run(runner.root, "rm", f"again-{number}", "--yes", "--results")
    task = runner.until(address, lambda task: task["status"] != "SUCCESS")
    assert (task["status"], task["outputs"]) == ("FAILURE", [])
    assert f"again-{number}/loud was removed" in task["log"]
    receiver.until("/renamed", lambda found: found.count("status") == 2)
    for each in before["task"]["outputs"]:
        assert runner.client.get(each["href"]).status_code == 404


def test_results_that_stay_can_be_downloaded_after_their_analysis_was_removed(runner):
    address = runner.start("greeting@v0-1-0", inputStr="Ada")
    before = runner.until(address)
    run(runner.root, "rm", f"qhana-{address.split('/')[-2]}", "--yes")
    other = runner.start("greeting@v0-1-0", inputStr="nobody")
    runner.until(other)  # the watcher has looked since
    assert runner.get(address) == before
    assert {runner.client.get(each["href"]).status_code for each in before["outputs"]} == {200}
