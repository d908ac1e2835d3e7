"""Steps: a task waits for a form, and goes on with what was filled in."""

from __future__ import annotations

import pytest

from tests.server.conftest import asking_from
from tests.server.qhana.conftest import open_step

NOISE = "noise@v1-0"


@pytest.fixture(scope="module")
def asked(runner, receiver):
    """Return a task in its first step, and its address."""
    return runner.waiting(f"{receiver.address}/noise")


def test_a_task_in_an_open_step_is_pending_with_the_step_s_addresses(asked, runner, receiver):
    """`steps[{href, uiHref, stepId, cleared}]`; adding a step fires steps and details."""
    task, address = asked
    (step,) = task["steps"]
    assert (task["status"], task["outputs"]) == ("PENDING", [])
    assert (step["stepId"], step["cleared"]) == ("cut", False)
    assert step["href"].startswith(f"{address}steps/")
    assert step["uiHref"] == f"{step['href']}ui/"
    # A step may say how far the task is.
    assert task["progress"] == {"value": 40, "start": 0, "target": 80, "unit": "percent"}
    page = runner.client.get(step["uiHref"])
    assert "Where does the noise begin?" in page.text
    assert 'name="lowestLevel" required' in page.text
    events = receiver.until("/noise", lambda found: "steps" in found)
    at = events.index("steps")
    assert receiver.until("/noise", lambda found: "details" in found[at:])


def test_a_step_s_form_is_checked_and_the_next_job_has_what_the_first_one_kept(
    asked, runner, receiver
):
    """422 as above, or the step is cleared and 303 back to the task."""
    task, address = asked
    href = task["steps"][0]["href"]
    answer = runner.client.post(href, data={"lowestLevel": "none"})
    assert answer.status_code == 422
    assert set(answer.json()["errors"]["form"]) == {"lowestLevel"}
    assert runner.get(address)["steps"] == task["steps"]
    receiver.until("/noise", lambda found: "steps" in found)
    hook = {"callback": f"{receiver.address}/late"}
    form = {"lowestLevel": "2", "unknown": "x"}
    answer = runner.client.post(href, data=form, params=hook, follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, address)
    assert runner.get(address)["steps"][0]["cleared"]
    # Clearing a step by its form fires steps.
    assert receiver.until("/noise", lambda found: found.count("steps") >= 2)
    answer = runner.client.post(href, data=form)
    assert answer.status_code == 409  # a step is answered once
    second = runner.until(address, open_step(2))
    # A step without progress counts steps of steps + 1; only the last one is uncleared.
    assert [each["cleared"] for each in second["steps"]] == [True, False]
    assert second["progress"] == {"value": 1, "start": 0, "target": 2, "unit": ""}
    runner.client.post(second["steps"][1]["href"], data={"signedBy": "Ada"})
    done = runner.until(address)
    assert done["status"] == "SUCCESS"
    assert [each["cleared"] for each in done["steps"]] == [True, True]
    # Outputs in the order in which they were made, also those made before a step.
    assert [each["name"] for each in done["outputs"]] == ["spectrum.txt", "cut.txt"]
    assert runner.client.get(done["outputs"][1]["href"]).text == "2\n3\nsigned by Ada\n"
    assert done["log"].splitlines()[0] == "measuring"
    assert done["log"].splitlines()[-1] == "cutting at 2"
    assert done["progress"] == {"value": 2, "start": 0, "target": 2, "unit": ""}
    late = receiver.until("/late", lambda found: found[-2:] == ["status", "details"])
    assert "steps" in late  # the webhook in a step's form is told of what follows


def test_unknown_steps_are_404(asked, runner):
    _, address = asked
    assert runner.client.post(f"{address}steps/999/", data={}).status_code == 404
    assert runner.client.get(f"{address}steps/999/ui/").status_code == 404
    far = asking_from(runner.client, "10.1.2.3")
    assert far.post(f"{address}steps/1/", data={}).status_code == 401


def test_a_task_that_is_stopped_in_a_step_keeps_it_open(runner, receiver):
    """FAILURE: an open step and a progress stay as they are."""
    from tests.server.qhana.conftest import run

    address = runner.start(NOISE, f"{receiver.address}/stopped", values="5")
    runner.until(address, open_step(1))
    number = address.split("/")[-2]
    run(runner.root, "production", "set", f"qhana-{number}/noise", "--status", "cancelled")
    task = runner.until(address)
    assert (task["status"], task["steps"][0]["cleared"]) == ("FAILURE", False)
    assert task["progress"]["value"] == 40
    receiver.until("/stopped", lambda f: "status" in f and f[-1] == "details" and "steps" in f)
    assert receiver.events("/stopped").count("steps") == 1
