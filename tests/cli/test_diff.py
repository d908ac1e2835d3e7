"""``asimov diff``, and what other commands say of settings that have changed since a run."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.lab import lab

__all__ = ["lab"]

SHELL = "pipeline: command, executable: /bin/sh, outputs: {y: y}"
ONE = f'a, {SHELL}, gain: 2, arguments: [-c, "echo 2 > y"]'
TWO = f'a, {SHELL}, gain: 5, arguments: [-c, "echo 5 > y"]'


@pytest.fixture
def again(lab: Any) -> Any:
    """An analysis that ran with two settings, and has a third one in the ledger."""
    lab.apply(ONE)
    lab.finish()
    lab.apply(TWO, update=True)
    lab.run("production", "set", "s", "a", "--status", "restart")
    lab.finish()
    lab.apply(TWO.replace("gain: 5", "gain: 7"), update=True)
    return lab


def test_attempts_analyses_and_the_ledger_are_compared(again: Any) -> None:
    told = again.run("diff", "s/a@1", "s/a@2").out
    assert told.startswith("s/a@1 -> s/a@2\n")
    assert "settings:\n  gain: 2 -> 5\n" in told
    assert "commands:\n  job.sub: /bin/sh" in told
    assert "products:\n  y: " in told
    found = json.loads(again.run("diff", "s/a@1", "s/a@2", "--json").out)
    assert {(each["what"], each["name"]) for each in found["differences"]} == {
        ("settings", "gain"), ("settings", "arguments"), ("files", "the configuration"),
        ("commands", "job.sub"), ("products", "y"),
    }  # fmt: skip
    assert again.run("diff", "s/a").out == "s/a@2 -> s/a in the ledger\nsettings:\n  gain: 5 -> 7\n"
    assert "no difference in settings, files" in again.run("diff", "s/a", "s/a@2").out


def test_what_does_not_exist_is_named(again: Any) -> None:
    assert "names no analysis" in again.run("diff", "a", code=1).err
    assert "s has no analysis 'b'" in again.run("diff", "s/b", code=1).err
    ran = again.run("diff", "s/a@9", code=1)
    assert "s/a has no attempt 9" in ran.err and "its attempts: 1, 2" in ran.err
    again.apply("b")
    assert "s/b has not run" in again.run("diff", "s/b", code=1).err


def test_a_result_is_shown_with_what_is_configured_otherwise_now(again: Any) -> None:
    shown = json.loads(again.run("production", "show", "s", "a", "--json").out)
    assert shown["changed_since_it_ran"] == {"gain": {"ran with": 5, "now": 7}}
    assert "7" in again.run("ledger", "show", "s", "a").out
    assert "; it ran with 5" in again.run("ledger", "show", "s", "a").out
    again.run("report", "html")
    pages = [path.read_text() for path in (again.root / "pages").glob("*.html")]
    assert any("Changed since it ran</dt><dd>gain: 5 -&gt; 7" in page for page in pages)
