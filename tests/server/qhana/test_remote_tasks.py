"""Plugins that call plugins, with webhooks in both directions."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from asimov.functions import plugin_calls
from tests.server.conftest import Service
from tests.server.qhana.conftest import open_step, run

SHOUT = "shout@v0-1-0"


@pytest.fixture(scope="module")
def callee(runner):
    """Serve the project a second time, at an address that jobs can reach."""
    service = Service(Path(runner.root))
    yield service.address
    assert service.end()[0] == 0


def test_a_plugin_says_which_plugins_it_needs(runner):
    """pluginDependencies[{parameter, required, name, version, tags, type}]."""
    entry = runner.get(f"/plugins/{SHOUT}/")["entryPoint"]
    assert entry["pluginDependencies"] == [
        {"parameter": "plugin", "required": True, "tags": ["demo"], "type": "processing"}
    ]


def shouting(runner, callee, **query):
    """Start a task that calls another one, at an address that can be called; return ours."""
    form = json.dumps({"values": ["3", "1", "2"]})
    started = runner.client.post(
        f"/plugins/{SHOUT}/process/",
        data={"plugin": f"{callee}/plugins/noise/", "form": form},
        params=query,
        headers={"host": callee.partition("//")[2]},
        follow_redirects=False,
    )
    return started.headers["location"].replace(callee, "http://127.0.0.1:8642")


def test_a_task_waits_for_another_one_shows_its_steps_and_both_complete(runner, callee, receiver):
    """Start one by its form, follow the 303, subscribe, copy its steps, complete both."""
    address = shouting(runner, callee, callback=f"{receiver.address}/shout")
    first = runner.until(address, open_step(1))
    (step,) = first["steps"]
    assert step["stepId"] == "cut"
    assert step["href"].startswith(f"{callee}/tasks/")
    assert not step["href"].startswith(f"{callee}/tasks/{address.split('/')[-2]}/")
    assert receiver.until("/shout", lambda found: "steps" in found)
    for number, filled in ((1, {"lowestLevel": "2"}), (2, {"signedBy": "Ada"})):
        step = runner.until(address, open_step(number))["steps"][-1]
        answer = runner.client.post(step["href"].replace(callee, ""), data=filled)
        assert answer.status_code == 200, answer.text
    done = runner.until(address)
    assert done["status"] == "SUCCESS", done
    assert [each["cleared"] for each in done["steps"]] == [True, True]
    assert runner.client.get(done["outputs"][0]["href"]).text == "2\n3\nSIGNED BY ADA\n"
    events = receiver.until("/shout", lambda found: found[-2:] == ["status", "details"])
    assert events.count("steps") >= 2


def test_a_caller_that_is_renamed_hears_that_the_task_it_waits_for_was_removed(runner, callee):
    address = shouting(runner, callee)
    (step,) = runner.until(address, open_step(1))["steps"]
    ours, theirs = (each.partition("/tasks/")[2].split("/")[0] for each in (address, step["href"]))
    run(runner.root, "mv", f"qhana-{ours}", f"caller-{ours}")
    assert runner.get(address)["status"] == "PENDING"
    run(runner.root, "rm", f"qhana-{theirs}/noise", "--yes")
    task = runner.until(address)
    assert task["status"] == "FAILURE"
    assert "the other task ended with FAILURE" in task["log"]
    assert "was removed" in runner.get(f"/tasks/{theirs}/")["log"]


def test_a_failure_of_the_other_task_is_known_and_a_form_it_refuses_too(runner, callee):
    fields = {"plugin": f"{callee}/plugins/greeting/", "form": json.dumps({"inputStr": "nobody"})}
    address = runner.start(SHOUT, **fields)
    refused = runner.start(SHOUT, **{**fields, "form": json.dumps({"times": "x"})})
    task = runner.until(address)
    assert task["status"] == "FAILURE"
    assert "RuntimeError: the other task ended with FAILURE" in task["log"]
    task = runner.until(refused)
    assert (task["status"], "answered 422" in task["log"]) == ("FAILURE", True)
    assert "inputStr" in task["log"]


def test_what_is_no_plugin_is_refused(receiver):
    with pytest.raises(ValueError, match="is not the address of a plugin"):
        plugin_calls.start("file:///etc/passwd", {})
    with pytest.raises(ValueError, match="there is no plugin at"):
        plugin_calls.start(f"{receiver.address}/nothing", {})
