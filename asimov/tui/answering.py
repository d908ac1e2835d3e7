"""The process that answers the live view's questions about a project.

On standard input come questions, each the length of a pickle in 8 bytes and the pickle of a number,
a name and arguments; answers go the same way to standard output. A question of no length is
goodbye. If the input ends without it, the view was killed, and this process gives the terminal back
(see `asimov.tui.terminal`).
"""

from __future__ import annotations

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

from asimov import logs
from asimov.errors import ReportedError
from asimov.logs import logger
from asimov.project import layout, sharing
from asimov.project.workspace import Workspace
from asimov.tui import questions
from asimov.tui.terminal import Terminal


def main(folder: str) -> None:
    """Answer until the view says goodbye or has gone.

    Parameters
    ----------
    folder
        The project's.
    """
    root = Path(folder)
    os.setpgid(0, 0)  # a signal for the view's group is not for its helpers
    given, taken = _own_pipes()
    project = layout.find(root)
    logs.write_faults_to(project.logs)
    answering = _Answering(root)
    while (question := _read(given)) is not None:
        number, name, arguments = question
        answer: Any
        try:
            answer = answering.answer(name, arguments)
        except ReportedError as error:
            answer = Fault(questions.one_line(error))
        except Exception as error:
            logger().critical("an internal error of asimov", exc_info=True)
            answer = Fault(f"a bug in asimov: {type(error).__name__}: {error}; see {project.logs}")
        _write(taken, (number, answer))


class Fault(str):
    """An answer: why there is none, in one line."""

    __slots__ = ()


class _Answering:
    def __init__(self, root: Path) -> None:
        self._root = root
        self._reading: questions.Reading | None = None
        self._acts: dict[str, Callable[..., questions.Outcome]] = {
            "change_states": questions.change_states,
            "add_reviews": questions.add_reviews,
        }

    def answer(self, name: str, arguments: tuple[Any, ...]) -> Any:
        if name == "terminal":
            _Lost.terminal = arguments[0]
            return None
        if name in self._acts:
            project = layout.find(self._root)
            if project.shared:
                sharing.let_group_write()
            logs.write_to(project.logs)
            return self._acts[name](self._root, *arguments)
        if self._reading is None:
            self._reading = questions.Reading(Workspace.open(self._root, reading=True))
        try:
            return getattr(self._reading, name)(*arguments)
        except Exception:
            self._reading = None  # the next question opens the project again
            raise


class _Lost:
    """What to do if the view is killed."""

    terminal: Terminal | None = None


def _own_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Move the pipes to descriptors of their own: what a plugin prints must not get there."""
    given, taken = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    return given, taken


def _read(file: BinaryIO) -> Any:
    head = file.read(8)
    length = int.from_bytes(head, "big")
    data = file.read(length)
    if len(head) < 8 or len(data) < length:
        if _Lost.terminal is not None:
            _Lost.terminal.give_back()
        return None
    return pickle.loads(data) if length else None


def _write(file: BinaryIO, answer: object) -> None:
    data = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
    try:
        file.write(len(data).to_bytes(8, "big") + data)
        file.flush()
    except BrokenPipeError:  # the view has gone: the next question never comes
        return
