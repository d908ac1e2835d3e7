"""The live view: what is on its screen, and what its keys do."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from asimov.tui.keys import KEYS

SNAPSHOTS = Path(__file__).parent / "snapshots"
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")


def like(name: str, shown: str) -> bool:
    """Compare a screen with the stored one; ``ASIMOV_SNAPSHOTS=write`` stores it instead."""
    shown = _TIME.sub("2026-05-01T12:00:00Z", shown).rstrip() + "\n"
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("ASIMOV_SNAPSHOTS") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(shown)
    return path.read_text() == shown


@pytest.fixture(autouse=True)
def _plain(view):
    """Begin without pane, marks and filter, at the first line, sorted by state."""
    for _ in range(3):
        view.press("escape")
    view.press("home")


def test_shows_first_what_needs_a_person(view):
    assert like("table", view.text)


def test_loses_columns_and_not_names_where_it_is_narrow(view):
    narrow, wide = view.resize(40, 12), view.resize(120, 12)
    view.resize(80, 24)
    assert like("narrow", narrow)
    assert like("wide", wide)


def test_explains_the_chosen_analysis(view):
    view.press("w")
    assert like("why", view.shows("what would change that:"))
    view.press("down")
    assert "held: no such file (code 13)" in view.shows("why: GW190521/held", "code 13")


def test_tells_what_happened(view):
    view.press("l")
    shown = " ".join(view.shows("log: GW190521/noise", "running -> stuck").split())
    assert "ready -> running [submit]: submitted as job 13" in shown
    assert "[monitor]: job 13 ended with exit code 1: no [bold]space[/bold] left" in shown


def test_shows_the_output_of_the_job_with_nothing_in_it_at_work(view):
    view.press("down", "down", "o")
    shown = view.shows("job.out (1 of 2):", "end")
    assert "[red]not red[/red] [@click=app.exit]no[/]" in shown
    assert r"\x1b]0;title\x07\x1b[2Jcleared" in shown
    view.press("n")
    shown = view.shows("job.err (2 of 2):", "warned")
    assert "20%|##" in shown
    assert "10%" not in shown  # overwritten, as on a terminal


def test_follows_the_output(view, scene):
    output = scene / "working" / "GW150914" / "walk" / "job.out"
    before = output.read_text()
    view.press("down", "down", "o")
    view.shows("cleared")
    with output.open("a") as file:
        file.writelines(f"line {number}\n" for number in range(100))
    view.shows("line 99")
    view.press("tab", "pageup", "pageup")
    assert "line 99" not in view.text
    with output.open("a") as file:
        file.write("one more\n")
    view.press("pagedown", "pagedown", "pagedown")
    view.shows("one more")
    output.write_text(before)


def test_shows_the_settings(view):
    view.press("down", "down", "s")
    assert "- --gain" in view.shows("settings: GW150914/walk", "executable: /bin/true")


def test_gives_the_pane_the_whole_screen_and_takes_it_back(view):
    view.press("w", "enter")
    assert "GW190521/held" not in view.shows("what would change that:")
    view.press("enter")
    assert "what would change that:" not in view.shows("GW190521/held")


@pytest.mark.parametrize(
    ("words", "names"),
    [
        ("walk", "GW150914/walk GW190521/walk"),
        ("GW19*/w*", "GW190521/walk"),
        ("state:stuck,held", "GW190521/noise GW190521/held"),
        ("state:queued", "GW190521/queued"),
        ("pipeline:simple*", "GW150914/compare"),
        ("GW150914 state:running", "GW150914/walk"),
        ("outdated", ""),
    ],
)
def test_filters(view, words, names):
    view.press("slash", *words, "enter")
    shown = view.shows(f"filter: {words}")
    assert re.findall(r"^[ >] (GW\S+)", shown, re.MULTILINE) == names.split()
    assert "7 analyses" in shown


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("state:stick", "error: there is no state 'stick'; did you mean 'stuck'?"),
        ("pipelin:x", "error: can't filter by 'pipelin'; did you mean 'pipeline'?"),
    ],
)
def test_refuses_a_filter_that_means_nothing(view, words, said):
    view.press("slash", *words, "enter")
    assert said in view.shows("error:")
    assert "7 analyses" in view.text


def test_sorts_by_a_column_both_ways(view):
    def names():
        return re.findall(r"^[ >] (GW\S+)", view.text, re.MULTILINE)

    view.press("less_than_sign")
    assert "analysis v" in view.text
    assert names() == sorted(names())
    view.press("i")
    assert "analysis ^" in view.text
    assert names() == sorted(names(), reverse=True)
    view.press("greater_than_sign")
    assert "state v" in view.text


def test_help_has_every_key(view):
    view.press("question_mark")
    shown = view.shows("leave", "mark all that are shown, or none")
    view.press("escape")
    # What is seen beside the help depends on what was done before.
    assert like("help", re.sub(r"(?m)^.{3}", "   ", shown))


def test_marks_are_signs_and_are_counted(view):
    view.press("space", "space")
    assert "2 marked" in view.text
    assert " *GW190521/noise" in view.text
    assert "Set 2 analyses to restart?" in view.press("R")
    assert like("question", view.text)
    assert "2 marked" in view.press("n")
    assert "7 marked" in view.press("a")
    assert "marked" not in view.press("a")


def test_the_documentation_shows_this_screen_and_these_keys():
    page = (Path(__file__).parents[2] / "docs" / "top.md").read_text()
    assert f"```text\n{(SNAPSHOTS / 'why.txt').read_text()}```" in page
    shown = re.findall(r"^\| `([^`]+)` \| (.+) \|$", page.partition("## Keys")[2], re.MULTILINE)
    assert shown == [(key.shown, key.meaning) for key in KEYS]
