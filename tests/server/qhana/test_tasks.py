"""Tasks: their status, log, progress, links and outputs, and who is told of their changes."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest

from asimov.project import layout
from asimov.server.options import Options
from asimov.server.qhana.backend import QhanaBackend
from asimov.server.qhana.reports import report_of, with_step
from tests.server.qhana.conftest import ADDRESS

GREETING = "greeting@v0-1-0"


@pytest.fixture(scope="module")
def done(runner, receiver):
    """Return a task that succeeded, its address, and how it was at first."""
    address = runner.start(
        GREETING, f"{receiver.address}/all?of=it", inputStr="Ada", times="3", polite="true"
    )
    first = runner.get(address)
    return runner.until(address), address, first


@pytest.fixture(scope="module")
def failed(runner, receiver):
    """Return a task that failed, and its address."""
    address = runner.start(GREETING, f"{receiver.address}/failed", inputStr="nobody")
    return runner.until(address), address


def test_a_task_can_be_asked_at_once_and_is_pending_without_anything(done):
    """303 with Location, at which a GET answers at once: PENDING, no log, no outputs."""
    _, address, first = done
    assert address.startswith(f"{ADDRESS}/tasks/")
    if first["status"] == "PENDING":  # on a stalled machine it may have ended before
        assert first["outputs"] == []
    assert "steps" not in first
    assert first["links"][0] == {"type": "subscribe", "href": address}


def test_a_task_at_its_end_has_its_log_result_links_and_whole_progress(done):
    """At the end its result's text; a progress that was reported is set to its target."""
    task, address, _ = done
    assert task["status"] == "SUCCESS"
    assert task["log"] == "greeted 1\ngreeted 2\ngreeted 3\n3 greetings were written"
    assert task["progress"] == {"value": 3, "start": 0, "target": 3, "unit": "greetings"}
    assert task["links"] == [
        {"type": "subscribe", "href": address},
        {"type": "preview", "href": "https://example.org/preview"},
    ]
    assert "steps" not in task


def test_text_of_a_form_reaches_the_job_as_it_is(runner):
    name = "$(Process) $(Cluster) $$(OpSys) $$([1 + 1]) $ENV(HOME) $INT(1)"
    task = runner.until(runner.start(GREETING, inputStr=name))
    assert task["status"] == "SUCCESS", task["log"]
    assert runner.client.get(task["outputs"][0]["href"]).text == f"Hello {name}\n"


def test_outputs_have_types_and_are_downloaded_with_their_tags(runner, done):
    """`GET /files/<id>/?file-id=<tag>`: 422 without a tag, 404 for a wrong one."""
    task, _, _ = done
    shown = [(each["name"], each["dataType"], each["contentType"]) for each in task["outputs"]]
    assert shown == [
        ("greeting.txt", "text/greeting", "text/plain"),
        ("letters.json", "text/statistics", "application/json"),
    ]
    href = task["outputs"][0]["href"]
    answer = runner.client.get(href)
    assert answer.text == "Hello Ada, all the best\n" * 3
    assert answer.headers["content-type"].startswith("text/plain")
    place, _, tag = href.partition("?file-id=")
    assert len(base64.urlsafe_b64decode(tag + "=")) == 32
    assert runner.client.get(place).status_code == 422
    other = task["outputs"][1]["href"].partition("?file-id=")[2]
    for wrong in (other, "x", tag[:-1]):
        assert runner.client.get(f"{place}?file-id={wrong}").status_code == 404
    assert runner.client.get(f"/files/999/?file-id={tag}").status_code == 404


def test_a_task_that_fails_shows_the_error_and_keeps_its_progress(failed):
    """FAILURE: the error with traceback in `log`; at FAILURE the progress stays."""
    task, _ = failed
    assert task["status"] == "FAILURE"
    assert "Traceback (most recent call last)" in task["log"]
    assert "ValueError: there is nobody to greet" in task["log"]
    assert task["progress"] == {"value": 1, "start": 0, "target": 1, "unit": "greetings"}
    assert task["outputs"] == []


def test_a_function_with_a_card_is_a_plugin_too(runner):
    fields = {each["name"] for each in runner.get("/plugins/")["plugins"]}
    assert "count-letters" in fields
    wrong = runner.client.post("/plugins/count-letters@v2/process/", data={"letter": "ee"})
    assert set(wrong.json()["errors"]["form"]) == {"text", "letter"}
    task = runner.until(runner.start("count-letters@v2", text="three trees"))
    assert task["status"] == "SUCCESS", task
    (output,) = task["outputs"]
    assert (output["name"], output["dataType"]) == ("count.txt", "number")
    assert runner.client.get(output["href"]).text == "4\n"


@pytest.mark.parametrize("number", ["999", "0", "x", "9" * 30, "-1"])
def test_an_unknown_task_is_404(runner, number):
    """No such task: 404."""
    assert runner.client.get(f"/tasks/{number}/").status_code == 404
    order = {"command": "subscribe", "webhookHref": "http://127.0.0.1:1/"}
    assert runner.client.post(f"/tasks/{number}/", json=order).status_code == 404


def test_a_callback_is_told_of_everything_from_the_beginning(done, receiver):
    """`?callback=` subscribes to all events before the job starts; status fires once."""
    _, address, _ = done
    events = receiver.until("/all", lambda found: found[-2:] == ["status", "details"])
    assert events.count("status") == 1
    # A task without steps never fires steps. That details are fired before the end too shows in
    # test_steps.py, with a task that waits: this one may end before anybody looks.
    assert {*events} == {"status", "details"}
    method, _, query, body = next(call for call in receiver.calls if call[1] == "/all")
    assert (method, body) == ("POST", b"")
    assert query["source"] == [address]
    assert query["of"] == ["it"]


def test_a_failure_fires_status_and_details(failed, receiver):
    """An error: FAILURE, its text in `log`, status and details."""
    events = receiver.until("/failed", lambda found: found[-2:] == ["status", "details"])
    assert events.count("status") == 1


def test_subscriptions_are_for_an_event_or_all_and_each_is_called_once(runner, receiver):
    """A webhook subscribed to one event and to all is called once an event."""

    def ask(command, path, event=None):
        hook = f"{receiver.address}{path}"
        order = {"command": command, "event": event, "webhookHref": hook}
        answer = runner.client.post(address, json=order)
        assert answer.status_code == 200
        assert answer.json()["links"][0]["href"] == address

    _, address = runner.waiting()
    ask("subscribe", "/both")
    ask("subscribe", "/both")  # a duplicate is ignored
    ask("subscribe", "/both", "status")
    ask("subscribe", "/status", "status")
    ask("unsubscribe", "/status")  # takes the all-events subscription only
    ask("subscribe", "/gone")
    ask("unsubscribe", "/gone")
    runner.finish(address)
    assert receiver.until("/both", lambda found: "status" in found and found[-1] == "details")
    assert receiver.events("/both").count("status") == 1
    assert receiver.until("/status", bool) == ["status"]
    # Of the steps before, something may have been sent while it was subscribed.
    assert "status" not in receiver.events("/gone")


def test_a_webhook_gets_the_address_under_which_it_was_subscribed(runner, receiver):
    """A task keeps the address under which it was subscribed to."""
    _, address = runner.waiting()
    hook = {"command": "subscribe", "event": "status", "webhookHref": f"{receiver.address}/named"}
    named = {"host": "localhost:8642"}
    told = runner.client.post(address, json=hook, headers=named).json()
    assert told["links"][0]["href"] == address.replace("127.0.0.1", "localhost")
    runner.finish(address)
    receiver.until("/named", bool)
    query = next(query for _, path, query, _ in receiver.calls if path == "/named")
    assert query["source"] == [told["links"][0]["href"]]


def test_webhooks_on_loopback_are_for_services_there(served):
    """Where only loopback is served, the protocols may be given addresses on loopback."""
    here = QhanaBackend(layout.find(served), Options(served))
    everywhere = QhanaBackend(layout.find(served), Options(served, host="0.0.0.0"))
    for hook in ("http://127.0.0.1:1/x", "http://[::1]/", "http://localhost/x"):
        assert here.wrong_webhook(hook) is None
        assert everywhere.wrong_webhook(hook)
    assert everywhere.wrong_webhook("https://example.org/hook") is None
    for wrong in ("ftp://h/", "http:///x", "x", "http://a b/", "http://u:p@h/"):
        assert here.wrong_webhook(wrong)


def test_a_wrong_order_is_422(runner, done):
    """Another command, or a webhook that is missing or no URL, 422."""
    _, address, _ = done
    hook = "http://127.0.0.1:1/hook"
    for order, field in (
        ({"command": "cancel", "webhookHref": hook}, "command"),
        ({"command": "subscribe"}, "webhookHref"),
        ({"command": "subscribe", "webhookHref": "nowhere"}, "webhookHref"),
        ({"command": "subscribe", "webhookHref": hook, "event": "other"}, "event"),
        ([], "_schema"),
    ):
        answer = runner.client.post(address, json=order)
        assert answer.status_code == 422, order
        assert field in answer.json()["errors"]["json"]
    assert runner.client.post(address, content=b"{").status_code == 422
    answer = runner.client.post(f"/plugins/{GREETING}/process/?callback=nowhere", data={})
    assert answer.status_code == 422


def test_what_was_told_can_be_read_before_the_call(runner, receiver):
    """The change must be readable before the call; a call answered with 2xx is not repeated."""
    seen = []

    def look():
        number = runner.client.get("/plugins/").status_code  # the service answers meanwhile
        seen.append((number, runner.get(address)["status"]))
        return 200 if len(seen) > 1 else 503

    receiver.answers["/early"] = (look, b"")
    hook = {"command": "subscribe", "event": "status", "webhookHref": f"{receiver.address}/early"}
    _, address = runner.waiting()
    runner.client.post(address, json=hook)
    runner.finish(address)
    receiver.until("/early", lambda _: len(seen) == 2)  # the first was refused
    assert seen == [(200, "SUCCESS")] * 2
    assert receiver.events("/early") == ["status", "status"]


def test_reports_are_read_from_what_jobs_append(tmp_path):
    """By default from 0 to 100 in %; only where the value is not 0 or null."""
    (tmp_path / "a.progress").write_text("0.35 fit\n0.5 half writ")
    found = report_of(tmp_path)
    assert found.progress == {"value": 35, "start": 0, "target": 100, "unit": "%"}
    odd = {"progress": {"value": float("nan"), "target": "x"}, "result": "\ud800"}
    (tmp_path / "b.progress").write_text(json.dumps(odd) + "\n")
    report = report_of(tmp_path)
    assert report.progress == {"value": 0, "start": 0, "target": 100, "unit": "%"}
    assert report.result.encode()
    (tmp_path / "a.out").write_bytes(b"one\r\n\xfftwo")
    assert report_of(tmp_path).log.startswith("one")
    assert with_step(found, [(found.said + 1, None), (found.said + 2, None)]) == {
        "value": 1, "start": 0, "target": 2, "unit": "",
    }  # fmt: skip
    assert with_step(found, [(found.said - 1, None)]) == found.progress
    assert with_step(found, [(found.said + 1, [7])])["value"] == 7


def test_a_subscription_that_is_nested_too_deeply_is_refused(runner):
    address = runner.start("greeting@v0-1-0", inputStr="Ada")
    answer = runner.client.post(address, content=b"[" * 100_000)
    assert (answer.status_code, "is not JSON" in answer.text) == (422, True)
    runner.until(address)


def test_a_report_may_hold_whatever_a_job_writes(tmp_path):
    """Numbers that no journal holds, and JSON that no parser follows, are left out."""
    numbers = [f'{{"progress": {{"value": {each}}}}}' for each in ("1e400", "NaN", 10**400)]
    for line in [*numbers, '{"result": ' + "[" * 100_000, '{"progress": 5}', '{"link": 5}']:
        (tmp_path / "job.progress").write_text(f"{line}\n")
        said = report_of(tmp_path)
        assert said.progress is None or said.progress["value"] == 0
        msgspec.msgpack.encode(said.progress)
