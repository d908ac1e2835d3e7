"""A process that answers questions: how it starts, and how it ends in the middle of them."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from asimov.system.helper_process.asking import Helper, NoAnswerError

MODULE = """
import time
from pathlib import Path
from asimov.system.helper_process.answering import answer_questions

def main(started):
    with Path(started).open("a") as stream:
        stream.write("once\\n")
    answer_questions(lambda name, given: time.sleep(*given) if name == "sleep" else given)
"""


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file in which each start of the process is noted."""
    (tmp_path / "slow_helper.py").write_text(MODULE)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return tmp_path / "started"


async def ended(asked: asyncio.Future[object]) -> bool:
    """Return whether a question has found no answer, soon."""
    with pytest.raises(NoAnswerError):
        await asyncio.wait_for(asked, 60)
    return True


def test_once_it_is_closed_no_question_that_waited_starts_it_again(started: Path) -> None:
    async def run() -> None:
        helper = Helper("slow_helper", [str(started)])
        assert await helper.ask("words", 1, "two") == (1, "two")
        asked = [asyncio.ensure_future(helper.ask("sleep", 3600)) for _ in range(3)]
        await asyncio.sleep(0)
        await asyncio.wait_for(helper.close(), 60)
        assert all([await ended(each) for each in asked])
        assert await ended(asyncio.ensure_future(helper.ask("words")))

    asyncio.run(run())
    assert started.read_text() == "once\n"


def test_it_can_be_closed_while_it_starts(started: Path) -> None:
    async def run() -> None:
        helper = Helper("slow_helper", [str(started)])
        asked = [asyncio.ensure_future(helper.ask("sleep", 3600)) for _ in range(2)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)  # the first is at it
        await asyncio.wait_for(helper.close(), 60)
        assert all([await ended(each) for each in asked])

    asyncio.run(run())


def test_a_process_that_can_not_be_started_is_no_answer_and_is_tried_again(monkeypatch):
    """The machine may be out of processes or open files; whoever asks goes on."""

    async def ask():
        helper = Helper("json", [])
        for _ in range(2):
            with pytest.raises(NoAnswerError, match="no process can be started: No such file"):
                await helper.ask("anything")
        assert helper.waiting == 0

    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    asyncio.run(ask())
