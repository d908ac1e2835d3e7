"""A helper process of the service: it answers questions about the project, or acts in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asimov import logs
from asimov.errors import ReportedError
from asimov.logs import logger
from asimov.project import layout
from asimov.server.faults import Fault, FaultError, fault_of
from asimov.server.reading import Reading
from asimov.system.helper_process.answering import answer_questions


def main(folder: str) -> None:
    """Answer the questions of `Reading`, until the service says goodbye or has gone.

    Parameters
    ----------
    folder
        The project's.
    """
    project = layout.find(Path(folder))
    logs.write_faults_to(project.logs)
    known: list[Reading] = []

    def reading() -> Reading:
        if not known:
            known.append(Reading(project.root))
        return known[0]

    def answer(name: str, arguments: tuple[Any, ...]) -> Any:
        try:
            return getattr(reading(), name)(*arguments)
        except FaultError as error:
            return error.fault
        except ReportedError as error:
            known.clear()  # the next question opens the project anew
            return fault_of(error, 409)
        except Exception as error:
            known.clear()
            return bug(error)

    answer_questions(answer)


def bug(error: Exception) -> Fault:
    """Log an error that nobody expected, and return the answer that says so."""
    logger().critical("an internal error of asimov", exc_info=error)
    return Fault(
        500, f"a bug in asimov: {type(error).__name__}", hint="please report it, with the log"
    )
