"""The side that answers: reads questions from standard input, and writes answers to its output.

A question is the length of a pickle in 8 bytes, and the pickle of a number, a name and arguments;
an answer goes the same way. A question of no length is goodbye. If the input ends without it, the
process that asked was killed.
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from typing import Any, BinaryIO


def answer_questions(
    answer: Callable[[str, tuple[Any, ...]], Any], cut_off: Callable[[], None] = lambda: None
) -> None:
    """Answer until the other process says goodbye or has gone.

    Parameters
    ----------
    answer
        Answers the question of a name with its arguments; it raises nothing.
    cut_off
        Called if the other process has gone without a goodbye.
    """
    os.setpgid(0, 0)  # a signal for the other process's group is not for its helpers
    given, taken = _own_pipes()
    while (question := _read(given, cut_off)) is not None:
        number, name, arguments = question
        _write(taken, (number, answer(name, arguments)))


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Move the pipes to descriptors of their own: what a plugin prints must not get there."""
    given, taken = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    return given, taken


def _read(file: BinaryIO, cut_off: Callable[[], None]) -> Any:
    head = file.read(8)
    length = int.from_bytes(head, "big")
    data = file.read(length)
    if len(head) < 8 or len(data) < length:
        cut_off()
        return None
    return pickle.loads(data) if length else None


def _write(file: BinaryIO, answer: object) -> None:
    data = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    try:
        file.write(len(data).to_bytes(8, "big") + data)
        file.flush()
    except BrokenPipeError:  # the other process has gone: the next question never comes
        return
