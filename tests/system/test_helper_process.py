"""A process that answers questions: what becomes of a question if it can't be started."""

from __future__ import annotations

import asyncio
import sys

import pytest

from asimov.system.helper_process.asking import Helper, NoAnswerError


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
