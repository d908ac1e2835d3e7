"""The process that answers the live view's questions about a project.

If the view was killed, this process gives the terminal back (see `asimov.tui.terminal`).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from asimov import logs
from asimov.errors import ReportedError
from asimov.logs import logger
from asimov.project import layout, sharing
from asimov.project.workspace import Workspace
from asimov.system.helper_process.answering import answer_questions
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
    project = layout.find(root)
    logs.write_faults_to(project.logs)
    answering = _Answering(root)

    def answer(name: str, arguments: tuple[Any, ...]) -> Any:
        try:
            return answering.answer(name, arguments)
        except ReportedError as error:
            return Fault(questions.one_line(error))
        except Exception as error:
            logger().critical("an internal error of asimov", exc_info=True)
            return Fault(f"a bug in asimov: {type(error).__name__}: {error}; see {project.logs}")

    answer_questions(answer, _Lost.give_back)


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

    @classmethod
    def give_back(cls) -> None:
        if cls.terminal is not None:
            cls.terminal.give_back()
