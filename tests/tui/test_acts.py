"""Acts of the live view: asked before, done as by the commands, refused in one line."""

from __future__ import annotations

import os
import signal
from contextlib import suppress

import pytest

from asimov.engine.lease import at_work
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from tests.driven import Driven

WALK, FAILED = Key("GW150914", "walk"), Key("GW190521", "noise")


@pytest.fixture(scope="module")
def root(make_project):
    return make_project("acts")


@pytest.fixture(scope="module")
def view(root):
    with Driven.of(root, (100, 24), interval=0.2) as driven:
        driven.shows("7 analyses")
        yield driven


@pytest.fixture
def now(root):
    """Return the project as it is now."""

    def read():
        return Workspace.open(root, reading=True)

    return read


def only(view, words):
    """Show only some analyses, unmarked."""
    for _ in range(3):
        view.press("escape")
    view.press("slash", *words, "enter")
    view.shows(f"filter: {words}")


def test_nothing_is_done_without_the_one_key_that_says_yes(view, now):
    only(view, "GW190521/noise")
    for answer in ("n", "escape", "enter", "q"):
        assert "Set GW190521/noise (stuck) to restart?" in view.press("R")
        view.press(answer)
        view.press("escape")
        only(view, "GW190521/noise")
    assert now().status(FAILED) == "stuck"


def test_sets_a_state_that_is_chosen_from_those_that_can_be(view, now):
    only(view, "GW190521/noise")
    shown = view.press("T")
    assert "Set GW190521/noise (stuck) to:" in shown
    assert "processing" not in shown
    view.press("down", "enter")  # the second: wait
    view.press("y")
    view.shows("GW190521/noise: stuck -> wait")  # for some seconds
    view.shows("1 wait")
    record = now().records[FAILED]
    assert (record.status, record.reason) == ("wait", "asked for in 'asimov top'")


def test_several_are_done_together_and_what_is_refused_is_told(view, now):
    only(view, "walk")
    view.press("a")
    assert "Set 2 analyses to cancelled?" in view.press("C")
    view.press("y")
    view.shows("2 done")
    view.shows("2 cancelled")
    only(view, "GW150914/noise")
    view.press("S")
    view.press("y")
    shown = view.shows("error:")
    assert "GW150914/noise is uploaded and can't be set to stop (it can be set to" in shown
    assert now().status(WALK) == "cancelled"


def test_reviews_with_a_message_as_it_was_typed(view, now):
    only(view, "GW150914/noise")
    assert "approved" in view.press("V")
    view.press("enter")
    view.press(*"[b] fine", "enter")
    assert "Review GW150914/noise (uploaded) as approved?" in view.text
    view.press("y")
    view.shows("GW150914/noise: approved")
    (said,) = now().settings(Key("GW150914", "noise"))["review"]["messages"]
    assert (said["status"], said["message"]) == ("approved", "[b] fine")


def test_waits_for_a_command_that_is_at_work_and_stays_usable(view, root, now):
    only(view, "compare")
    workspace = Workspace.open(root)
    with at_work(workspace, "a pass"):
        view.press("C")
        view.press("y")
        view.shows("waiting for the project")
        view.press("w")
        view.shows("GW150914/compare is ready", "what would change that")
        assert now().status(Key("GW150914", "compare")) == "ready"
    view.shows("GW150914/compare: ready -> cancelled")


def test_a_process_that_dies_is_told_and_replaced(view):
    only(view, "GW150914/noise")
    view.press("w")
    view.shows("its results are in")

    def told():
        """Kill what there is: what was killed before may have been replaced before it was seen."""
        for answerer in view.app._answerers:
            if answerer._process is not None and answerer._process.returncode is None:
                with suppress(ProcessLookupError):
                    os.kill(answerer._process.pid, signal.SIGKILL)
        return "ended: SIGKILL" in view.text

    view.until(told)
    view.until(lambda: "ended: SIGKILL" not in view.text and "its results are in" in view.text)


def test_a_ledger_that_breaks_is_told_in_one_line(view, root):
    for _ in range(3):
        view.press("escape")
    file = root / "ledger" / "subjects" / "GW150914.yaml"
    text = file.read_text()
    file.write_text(text + "\n: [")
    view.shows("warning:", "GW150914.yaml")
    file.write_text(text)
    view.until(lambda: "warning:" not in view.text)


def test_a_view_that_only_reads_has_no_acts(root, now):
    with Driven.of(root, interval=0.2, read_only=True) as reading:
        reading.shows("Waves (read only)", "7 analyses")
        before = now().records
        for key in "RSCTV":
            assert "this view is read-only" in reading.press(key)
        assert "no key changes anything" in reading.press("question_mark", "end")
        assert now().records == before
