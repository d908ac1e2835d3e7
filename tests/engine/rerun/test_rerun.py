"""Running analyses again: the plan, what waits for its inputs, and what runs by itself."""

from __future__ import annotations

import json
from typing import Any

import pytest

from asimov.project.storage.store import Store

SHELL = "pipeline: command, executable: /bin/sh"


@pytest.fixture
def chain(lab: Any) -> Any:
    """A chain of three that has run: ``last`` is made from ``middle``, and that from ``first``."""
    lab.apply(*analyses(1))
    lab.finish()
    assert set(lab.states().values()) == {"uploaded"}
    return lab


def analyses(gain: int, first: str = "") -> list[str]:
    """Return a chain in which only the parity of the gain reaches the products."""
    parity = "arguments: [-c, 'echo $(({{ meta.gain }} % 2)) > x']"
    copy = "arguments: [-c, 'cat {{ assets.%s }} > %s']"
    return [
        f"first, gain: {gain}, {SHELL}, outputs: {{x: x}}, {parity}{first}",
        f"middle, needs: [first], {SHELL}, outputs: {{y: y}}, {copy % ('x', 'y')}",
        f"last, needs: [middle], {SHELL}, outputs: {{z: z}}, {copy % ('y', 'z')}",
    ]


def attempts(lab: Any) -> list[int]:
    return [len(lab.attempts(name)) for name in ("first", "middle", "last")]


def test_a_plan_says_what_runs_why_and_how_long_it_took(chain: Any) -> None:
    chain.apply(analyses(2)[0], update=True)
    said = chain.run("rerun", "--outdated", "--dry-run").out
    assert "To run again: 1 analysis and up to 2 made from it" in said
    assert "  s/first: gain: 1 -> 2 (took 0s)" in said
    assert "  s/middle: if products of s/first change (took 0s)" in said
    assert said.index("s/first:") < said.index("s/middle:") < said.index("s/last:")
    plan = json.loads(chain.run("rerun", "--outdated", "--dry-run", "--json").out)
    assert plan["done"] is False
    assert [(each["name"], each["only_if_inputs_change"]) for each in plan["steps"]] == [
        ("first", False),
        ("middle", True),
        ("last", True),
    ]
    assert plan["steps"][0]["why"] == ["gain: 1 -> 2"]
    said = chain.run("rerun", "s/first", "--dry-run").out
    assert "Not included: s/middle, s/last, made from these" in said
    assert set(chain.states().values()) == {"uploaded"}


def test_nothing_runs_again_without_a_word(chain: Any) -> None:
    chain.apply(analyses(2)[0], update=True)
    chain.finish()
    assert attempts(chain) == [1, 1, 1]
    refused = chain.run("rerun", "--outdated", code=1)
    assert "--yes" in refused.err
    assert set(chain.states().values()) == {"uploaded"}


def test_a_chain_runs_again_as_far_as_products_change(chain: Any) -> None:
    chain.apply(analyses(2)[0], update=True)
    chain.run("rerun", "--outdated", "--yes", "--reason", "another gain")
    assert chain.states() == {"first": "restart", "middle": "uploaded", "last": "uploaded"}
    assert chain.reason("first") == "another gain"
    chain.finish()
    assert attempts(chain) == [2, 2, 2]
    assert (chain.root / "results" / "s" / "last" / "z").read_text() == "0\n"
    log = chain.run("log", "s", "middle").out
    assert "x of s/first has different content" in log
    assert "another gain" in log
    assert "Nothing is out of date" in chain.run("rerun", "--outdated", "--yes").out


def test_an_input_with_the_same_bytes_makes_nothing_run_again(chain: Any) -> None:
    chain.apply(analyses(3)[0], update=True)
    chain.run("rerun", "s/first", "--downstream", "--yes")
    chain.finish()
    assert attempts(chain) == [2, 1, 1]
    assert "not run again: its inputs have not changed" in chain.run("log", "s", "last").out


def test_open_requests_are_shown_listed_and_withdrawn(chain: Any) -> None:
    chain.apply(analyses(2)[0], update=True)
    why = chain.run("why", "s/last").out
    assert "'asimov rerun s/first --downstream --dry-run' shows what would run again" in why
    assert "asimov rerun s/last" not in why
    chain.run("rerun", "s/first", "--yes")
    rows = chain.rows()
    assert (rows["last"]["in_doubt"], rows["last"]["remade"]) == ([], ["s/first"])
    assert "made from what is being made again: s/first" in chain.run("status").out
    assert "its input s/first is being made again" in chain.run("why", "s/last").out
    # Also once its input is about to run.
    chain.run("rerun", "s/first", "--downstream", "--yes", "--reason", "the gain")
    # What runs again anyway is not called left out.
    assert "Not included" not in chain.run("rerun", "s/middle", "--dry-run").out
    asked = "to run again if its inputs change, requested by "
    assert chain.run("status").out.count(asked) == 2
    assert "; 2 to run again if inputs change" in chain.run("status").out
    why = chain.run("why", "s/last").out
    assert asked in why and "'asimov rerun --withdraw s/last' withdraws that request" in why
    assert chain.rows()["last"]["pending_rerun"]["reason"] == "the gain"
    listed = json.loads(chain.run("rerun", "--pending", "--json").out)
    assert [each["name"] for each in listed] == ["first", "middle", "last"]
    assert f"s/middle: {asked}" in chain.run("rerun", "--pending").out
    assert "s/last: no longer runs again" in chain.run("rerun", "--withdraw", "s/last").out
    assert "None of these" in chain.run("rerun", "--withdraw", "s/last").out
    assert "request withdrawn" in chain.run("log", "s/last").out
    # Nothing waits for what does not run.
    assert "s/middle: no longer runs again" in chain.run("cancel", "s/first", "--yes").out
    assert "No rerun is pending" in chain.run("rerun", "--pending").out
    chain.run("rerun", "s/first", "--downstream", "--yes")
    said = chain.run("cancel", "s/last", "--yes").out
    assert "s/last (uploaded): to run again if" in said and "s/last: no longer runs again" in said
    assert chain.states()["last"] == "uploaded"
    listed = json.loads(chain.run("rerun", "--pending", "--json").out)
    assert [(each["name"], each["only_if_inputs_change"]) for each in listed] == [
        ("first", False),
        ("middle", True),
    ]


def test_a_request_that_no_pass_has_begun_is_withdrawn_and_nothing_is_lost(chain: Any) -> None:
    chain.run("review", "add", "s/first", "approved")
    before, reason = chain.states(), chain.reason("first")
    shown = json.loads(chain.run("production", "show", "s/first", "--json").out)
    for withdraw in (["cancel", "s/first", "--yes"], ["rerun", "--withdraw", "s/first"]):
        said = chain.run("rerun", "s/first", "--downstream", "--yes").out
        assert "Until then 'asimov cancel SUBJECT/NAME' withdraws it" in said
        assert chain.states()["first"] == "restart"
        asked = "s/first: to run again with the next pass, requested by "
        assert asked in chain.run("rerun", "--pending").out
        refused = chain.run("cancel", "s/first", code=1)
        assert asked in refused.err and "it stays uploaded" in refused.err
        why = chain.run("why", "s/first").out
        assert "'asimov cancel s/first' withdraws the request, and it is uploaded again" in why
        said = chain.run(*withdraw, "--reason", "a mistake").out
        assert "s/first: restart -> uploaded; the request is withdrawn" in said
        assert "s/last: no longer runs again" in said
        assert chain.states() == before
        # Once, however often it is asked for and withdrawn.
        assert chain.reason("first") == (
            f"{reason}; the request to run it again was withdrawn: a mistake"
        )
    chain.finish()
    assert attempts(chain) == [1, 1, 1]
    after = json.loads(chain.run("production", "show", "s/first", "--json").out)
    changing = {"reason", "since"}
    assert {name for name in shown if shown[name] != after.get(name)} <= changing
    assert "approved" in chain.run("review", "status", "s/first").out
    chain.run("store", "verify")


def test_only_what_is_as_it_was_before_a_request_gets_its_state_back(chain: Any) -> None:
    # A pass that is killed may have moved the results aside already.
    chain.run("rerun", "s/first", "--yes")
    Store(chain.root / "results").replace("s", "first")
    assert "s/first: restart -> cancelled" in chain.run("cancel", "s/first", "--yes").out
    # One that had a job has nothing to go back to.
    chain.apply(f"long, {SHELL}, arguments: [-c, 'sleep 60'], outputs: {{x: x}}")
    chain.run("monitor", "--chain")
    chain.run("production", "set", "s/long", "--status", "restart")
    assert chain.run("rerun", "--pending").out == "No rerun is pending\n"
    assert "s/long: restart -> cancelled" in chain.run("cancel", "s/long", "--yes").out


def test_what_can_not_run_again_is_said(lab: Any) -> None:
    lab.apply("a, status: wait", "b")
    assert "s/a is wait" in lab.run("rerun", "s/a", "--yes", code=1).err
    assert "s/b is ready: it runs anyway" in lab.run("rerun", "s/b", "--yes", code=1).err
    assert "select analyses" in lab.run("rerun", "--yes", code=2).err


def test_automatic_analyses_run_again_by_themselves_once_for_each_change(lab: Any) -> None:
    automatic = ", rerun: automatic"
    lab.apply(*(each + automatic for each in analyses(1)))
    lab.finish()
    lab.apply(analyses(2)[0] + automatic, update=True)
    lab.run("monitor")
    assert attempts(lab) == [1, 1, 1], "only --chain submits"
    lab.finish()
    assert attempts(lab) == [2, 2, 2]
    assert "out of date: gain: 1 -> 2; rerun: automatic" in lab.run("log", "s", "first").out
    lab.finish()
    assert attempts(lab) == [2, 2, 2]


def test_what_changes_with_every_run_comes_to_an_end(lab: Any) -> None:
    (lab.root / "seen.txt").write_text("x")
    lab.apply(
        f"a, {SHELL}, outputs: {{x: x}}, rerun: automatic, "
        "arguments: [-c, 'echo x >> {{ project_root }}/seen.txt; touch x']"
    )
    lab.finish(code=3)
    assert len(lab.attempts("a")) == 4
    assert "a person must check it" in lab.reason("a")
    said = lab.run("status").out
    assert "a person, after 3 reruns in a day; out of date: seen.txt has changed\n" in said
    assert said.count("person") == 1


def test_a_plan_says_which_jobs_it_stops(lab: Any) -> None:
    lab.apply("a, seconds: 1000", "b, exit code: 1, max resurrections: 0")
    lab.run("manage", "build", "submit")
    lab.until("b")
    lab.run("monitor")
    said = lab.run("rerun", "s/a", "s/b", "--dry-run").out
    assert "s/a: it is running: this stops its job" in said
    assert "s/b: it is stuck" in said
