"""Progress bars: on a terminal, once the work takes long, and gone when it is done."""

from __future__ import annotations

import os
import select
import sys
from contextlib import contextmanager, suppress

import pytest

from asimov.cli import main
from asimov.cli.terminal import progress as bars
from asimov.system import progress
from tests.terminals import terminal

BLUEPRINT = "kind: subject\nname: s\n" + "".join(
    f"---\n{{kind: analysis, name: a{n}, subject: s, pipeline: simpletestpipeline}}\n"
    for n in range(3)
)


@pytest.fixture
def watched(monkeypatch):
    """Run commands in this process with a terminal for standard error; return what it showed."""

    def run(*arguments):
        with terminal() as (ours, theirs), os.fdopen(os.dup(theirs), "w") as err:
            monkeypatch.setattr(sys, "argv", ["asimov", *map(str, arguments)])
            monkeypatch.setattr(sys, "stderr", err)
            monkeypatch.setattr(bars._Terminal, "file", None)
            with suppress(SystemExit):
                main()
            monkeypatch.setattr(sys, "stderr", sys.__stderr__)
            os.close(bars._Terminal.file)
            err.flush()
            shown = b""
            while select.select([ours], [], [], 0.05)[0]:
                shown += os.read(ours, 65536)
            return shown.decode()

    yield run
    progress.listen(None)


@contextmanager
def _telling(told, what, total):
    told.append(f"{what} {total}")
    yield lambda: told.append("done")


def test_long_work_shows_a_bar_that_is_gone_at_its_end(project, blueprint, watched, monkeypatch):
    monkeypatch.setattr(bars, "_PATIENCE", 0.0)
    monkeypatch.setattr(bars, "_PAUSE", 0.0)
    for what, *arguments in (
        ("checking", "apply", "-f", blueprint(BLUEPRINT)),
        ("building", "manage", "build"),
        ("submitting", "manage", "submit"),
        ("checking jobs", "monitor"),
        ("writing pages", "report", "html"),
        ("rebuilding", "ledger", "repair", "--dry-run"),
    ):
        if what == "rebuilding":
            (project / ".asimov" / "journal.db").unlink()
        shown = watched(*arguments)
        assert f"{what} [" in shown, arguments
        assert shown.rstrip().endswith("\x1b[K") or "\x1b[K" in shown.rpartition("left")[2], shown


def test_quick_work_and_work_without_a_terminal_show_no_bar(
    project, asimov, blueprint, watched, monkeypatch
):
    assert watched("apply", "-f", blueprint(BLUEPRINT)) == ""
    monkeypatch.setattr(bars, "_PATIENCE", 0.0)
    progress.listen(None)
    ran = asimov("manage", "build")
    assert ran.code == 0
    assert "[=" not in ran.out + ran.err


def test_a_bar_counts_and_says_how_much_is_left():
    written = []
    bar = bars.Bar("building", 4, written.append)
    bar.step()
    assert bar.line(30.0) == f"building [{'=' * 6}{' ' * 18}] 1/4  1:30 left"
    bar.clear()
    assert written == []  # nothing was drawn, so there is nothing to remove


def test_work_within_work_is_not_reported_itself():
    told = []
    progress.listen(lambda what, total: _telling(told, what, total))
    try:
        for _ in progress.over([1, 2], "outer"):
            assert list(progress.over([3, 4], "inner")) == [3, 4]
    finally:
        progress.listen(None)
    assert told == ["outer 2", "done", "done"]
