"""What is wrong with one task, its plugin or who it waits for holds up no other task."""

from __future__ import annotations

import json
import random
import time
from contextlib import closing
from dataclasses import replace
from types import SimpleNamespace

import pytest
import yaml

from asimov.discovery import entrypoints
from asimov.journal.deliveries import Deliveries
from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.journal.questions import Asked
from asimov.journal.tasks import Tasks
from asimov.pipeline.card import Card, DataOutput, Reply, Route
from asimov.project.cloning import clone
from asimov.project.workspace import Workspace
from asimov.server.faults import FaultError
from asimov.server.qhana.messages import PluginRequest
from asimov.server.qhana.plugin_routes import PluginRoutes
from asimov.server.qhana.remote_tasks import RemoteTasks
from asimov.server.qhana.task_view import view
from asimov.server.qhana.task_watcher import TaskWatcher
from asimov.server.qhana.writer import TaskWriter
from asimov.settings import BaseSettings
from tests.searching import LONGER
from tests.server.qhana.conftest import run

#: What other programs may have in any place of a task.
STRANGE = [
    None, 5, -1.5, True, "", "x", "\ud800", "http://[", [], [5], [None], [[]], {}, {"a": 5},
    [{"href": 5}], [{"href": "http://["}], [{"href": "\ud800", "stepId": "\ud800"}],
    [{"type": "subscribe", "href": 5}], [{"type": "subscribe", "href": "file:///etc/passwd"}],
    [{"\ud800": 5}], 10**400,
]  # fmt: skip
KEYS = ("status", "log", "progress", "steps", "links", "outputs")
PENDING = {"status": "PENDING", "log": "", "links": [], "outputs": []}


def broken(rng):
    """Return what another program may answer instead of a task."""
    found = rng.random()
    if found < 0.1:
        return rng.choice([b"", b"{", b"[" * 100_000, b"\xff", b"5", b"[]", b"{}"])
    task = {**PENDING, "status": rng.choice(["PENDING", "SUCCESS", "FAILURE", "", "x"])}
    for key in rng.sample(KEYS, rng.randrange(1, 4)):
        task[key] = rng.choice(STRANGE)
    return json.dumps(task).encode()


def followed(number, task, address):
    """Return a task that waits for one at an address, by the number of its question."""
    asked = Asked(number, *task.key, "q", 0.0, "?", {"task": address}, None, None, None)
    return {number: (task, asked)}


def test_whatever_another_program_answers_holds_up_no_other_task(lab, receiver):
    """Plugins call plugins; what is answered is never trusted."""
    rng = random.Random(11)
    lab.apply("a", "b")
    with closing(Workspace.open(lab.root).journal) as journal:
        tasks = Tasks(journal)
        numbers = [tasks.add("p"), tasks.add("p")]
        for number, name in zip(numbers, "ab", strict=True):
            tasks.begin(number, Key("s", name), f"http://127.0.0.1:1/tasks/{number}/")
    workspace = Workspace.open(lab.root)
    calls, tasks = RemoteTasks(workspace), Tasks(workspace.journal)
    odd, well = (tasks.get(number) for number in numbers)
    waiting = {
        **followed(1, odd, f"{receiver.address}/odd/"),
        **followed(2, well, f"{receiver.address}/well/"),
    }
    for turn in range(round(40 * LONGER)):
        answer = broken(rng)
        receiver.answers["/odd/"] = (200, answer)
        step = {"href": f"/well/steps/{turn}/", "uiHref": "", "stepId": "x", "cleared": False}
        receiver.answers["/well/"] = (200, json.dumps({**PENDING, "steps": [step]}).encode())
        end = time.monotonic() + 120
        while len(tasks.copied_steps(well.number)) <= turn:
            calls.called(1)
            calls.called(2)
            calls.follow(waiting)
            assert time.monotonic() < end, answer
            time.sleep(0.002)
    workspace.journal.close()


def test_an_answer_without_a_status_is_no_verdict_and_a_refused_webhook_no_end(lab, receiver):
    """Poll once after subscribing; one that takes no webhook of ours is polled."""
    lab.apply("a")
    workspace = Workspace.open(lab.root)
    calls, tasks = RemoteTasks(workspace), Tasks(workspace.journal)
    number = tasks.add("p")
    tasks.begin(number, Key("s", "a"), f"http://127.0.0.1:1/tasks/{number}/")
    link = {"type": "subscribe", "href": f"{receiver.address}/refuses/"}
    step = {"href": "/steps/1/", "uiHref": "", "stepId": "x", "cleared": False}
    task = {**PENDING, "links": [link], "steps": [step]}
    receiver.answers["/refuses/"] = (422, b"")
    waiting = followed(1, tasks.get(number), f"{receiver.address}/task/")
    for answer, seen in (({"message": "try later", "steps": [step]}, 0), (task, 1)):
        receiver.answers["/task/"] = (200, json.dumps(answer).encode())
        end = time.monotonic() + (120 if seen else 0.3)
        while time.monotonic() < end and not (seen and tasks.copied_steps(number)):
            calls.called(1)
            calls.follow(waiting)
            time.sleep(0.01)
        assert len(tasks.copied_steps(number)) == seen
    workspace.journal.close()


CARD = Card("folders", "v1", outputs=(DataOutput("made", "d", "entity/list", "text/csv"),))


@pytest.fixture
def cards():
    """Return the cards of pipelines that are found."""
    return {"command": CARD}


@pytest.fixture
def carded(lab, cards, monkeypatch):
    """Have pipelines found with cards, as if packages had published them."""
    real = entrypoints.found

    def found(group):
        if group != entrypoints.CARDS:
            return real(group)
        entrypoints.load.cache_clear()
        return {
            name: SimpleNamespace(
                name=name, load=lambda name=name: cards[name], dist=None, value="test:card"
            )
            for name in cards
        }

    monkeypatch.setattr(entrypoints, "found", found)
    yield lab
    entrypoints.load.cache_clear()


def started(lab, name="a"):
    """Return an open project, and what looks after the task of an analysis in it."""
    workspace = Workspace.open(lab.root)
    tasks = Tasks(workspace.journal)
    number = tasks.add("command")
    tasks.begin(number, Key("s", name), f"http://127.0.0.1:1/tasks/{number}/")
    tasks.subscribe(number, "http://127.0.0.1:1/hook", None, "http://127.0.0.1:1/tasks/1/")
    return workspace, TaskWatcher(workspace), number


def test_a_folder_among_the_outputs_is_listed_file_by_file(carded):
    """SUCCESS only once every output is listed and can be downloaded; and then it is SUCCESS."""
    script = json.dumps(["-c", "mkdir -p d/e && echo 1 > d/x && echo 2 > d/e/y"])
    outputs = "outputs: {made: d}"
    carded.apply(f"a, pipeline: command, executable: sh, arguments: {script}, {outputs}")
    carded.finish()
    workspace, tending, number = started(carded)
    tending.look()
    shown = view(workspace, Tasks(workspace.journal).get(number), "http://h")
    assert (shown["status"], [each["name"] for each in shown["outputs"]]) == ("SUCCESS", ["y", "x"])
    workspace.journal.close()


def test_outputs_are_known_once_the_run_directory_is_gone(carded):
    """A service may have been away while the analysis ended and its files were cleaned."""
    script = json.dumps(["-c", "mkdir -p d/e && echo 2 > d/e/y"])
    outputs = "outputs: {made: d/e/y}"
    carded.apply(f"a, pipeline: command, executable: sh, arguments: {script}, {outputs}")
    carded.finish()
    carded.run("clean", "s", "--yes")
    workspace, tending, number = started(carded)
    tending.look()
    shown = view(workspace, Tasks(workspace.journal).get(number), "http://h")
    assert (shown["status"], [each["name"] for each in shown["outputs"]]) == ("SUCCESS", ["y"])
    workspace.journal.close()


def test_a_mistake_in_a_card_holds_up_no_task_of_another_plugin(carded, cards):
    cards["command"] = replace(CARD, outputs=(DataOutput("made", "d", "entity/list", ()),))
    script = json.dumps(["-c", "mkdir d && echo 1 > d/x"])
    carded.apply(
        f"a, pipeline: command, executable: sh, arguments: {script}, outputs: {{made: d}}",
        "b, pipeline: command, executable: /bin/true",
    )
    carded.run("production", "set", "s", "b", "--status", "cancelled")
    carded.finish()
    workspace, tending, first = started(carded)
    other = started(carded, "b")
    other[0].journal.close()
    tending.look()
    tasks = Tasks(workspace.journal)
    assert [tasks.get(number).ended for number in (first, other[2])] == [None, "FAILURE"]
    assert len(Deliveries(workspace.journal).batch("webhook http://127.0.0.1:1/hook", 9)) == 2
    cards["command"] = CARD
    tending.look()
    assert tasks.get(first).ended == "SUCCESS"
    workspace.journal.close()


def test_a_task_whose_analysis_is_removed_has_failed_and_one_that_is_missing_waits(carded):
    """Absence is not an end: only what a person removed is gone."""
    carded.apply("a, pipeline: command, executable: /bin/true")
    workspace, tending, number = started(carded)
    path = carded.root / "ledger" / "subjects" / "s.yaml"
    text = path.read_text()
    path.write_text(yaml.safe_dump({"kind": "subject", "name": "s"}))
    workspace.reload()
    tending.look()
    assert Tasks(workspace.journal).get(number).ended is None
    path.write_text(text)
    carded.run("rm", "s/a", "--yes")
    tending.look()
    shown = view(workspace, Tasks(workspace.journal).get(number), "http://h")
    assert (shown["status"], "was removed" in shown["log"]) == ("FAILURE", True)
    assert tending.look() == 0
    workspace.journal.close()


def test_a_task_that_is_removed_before_its_outputs_are_listed_has_failed(carded):
    """The service was away while its analysis ended and left: it is not PENDING for ever."""
    script, outputs = json.dumps(["-c", "echo 1 > d"]), "outputs: {made: d}"
    carded.apply(f"a, pipeline: command, executable: sh, arguments: {script}, {outputs}")
    carded.finish()
    workspace, tending, number = started(carded)
    carded.run("rm", "s/a", "--yes")
    tending.look()
    shown = view(workspace, Tasks(workspace.journal).get(number), "http://h")
    assert (shown["status"], "was removed" in shown["log"]) == ("FAILURE", True)
    assert shown["outputs"] == []
    assert tending.look() == 0
    workspace.journal.close()


def test_a_task_that_is_removed_is_a_failure_and_its_webhook_knows(runner, receiver):
    hook = f"{receiver.address}/removed"
    task, address = runner.waiting(hook)
    assert task["status"] == "PENDING"
    (step,) = task["steps"]
    run(runner.root, "rm", f"qhana-{address.split('/')[-2]}", "--yes")
    assert runner.client.post(step["href"], data={"lowestLevel": "2"}).status_code == 409
    answer = runner.client.get(step["uiHref"])
    assert (answer.status_code, "was removed" in answer.text) == (409, True)
    assert "was removed" in runner.until(address)["log"]
    assert "status" in receiver.until("/removed", lambda found: "status" in found)


#: What a route may return that no answer can be made of.
NO_ANSWERS = [
    Reply("x", 99), Reply("x", 1000), Reply("x", "many"), Reply("x", media="text/\n"),
    Reply("x", headers={"a b": "c"}), Reply("x", headers={"": "c"}),
    Reply("x", headers={"a": "\n"}),
    Reply(object()), Reply("\ud800"), Reply(b"x" * 100_000_001),
]  # fmt: skip


def test_a_route_that_answers_what_no_answer_can_be_is_its_plugin_s_fault(carded, cards):
    """502 with the reason; neither a larger answer than the service holds nor a broken one."""
    more = [Reply("x", 204), Reply("x", headers={"Content-Length": "7", "Location": "/y"})]

    def answer(visit):
        return [*NO_ANSWERS, *more][int(visit.parts["n"])]

    cards["command"] = replace(CARD, routes=(Route("odd/{n}", answer),))
    routes = PluginRoutes(carded.root)

    def asked(number):
        request = PluginRequest("GET", f"odd/{number}", {}, {}, b"", "http://h")
        return routes.answer("folders@v1", request)

    for number in range(len(NO_ANSWERS)):
        with pytest.raises(FaultError) as error:
            asked(number)
        assert error.value.fault.status == 502
    assert (asked(len(NO_ANSWERS)).status, asked(len(NO_ANSWERS)).body) == (204, b"")
    assert asked(len(NO_ANSWERS) + 1).headers == {"Location": "/y"}


def test_a_copy_calls_nobody_who_waits_for_the_original(carded, tmp_path):
    carded.apply("a, pipeline: command, executable: /bin/true")
    workspace, _, number = started(carded)
    copy, _ = clone(carded.root, tmp_path / "copy")
    with closing(Journal(copy.journal)) as journal:
        assert Tasks(journal).subscribers(number, "status") == []
    assert len(Tasks(workspace.journal).subscribers(number, "status")) == 1
    workspace.journal.close()


class NoSettings(BaseSettings):
    """A form without fields."""


def test_a_task_takes_no_name_that_a_subject_has(carded, cards):
    """Of a person, or of a journal that was lost: its numbers begin again."""
    cards["command"] = replace(CARD, settings=NoSettings)
    carded.apply("x, pipeline: command, executable: /bin/true")
    for number in (1, 2):
        path = carded.root / "ledger" / "subjects" / f"qhana-{number}.yaml"
        path.write_text(f"kind: subject\nname: qhana-{number}\n")
    writer = TaskWriter(carded.root)
    assert writer.start("folders@v1", {}, "http://h", None, "").number == 3
