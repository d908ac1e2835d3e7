"""How a helper process of the service answers: by the methods of an object, errors included."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from asimov.errors import ReportedError
from asimov.logs import logger
from asimov.server.faults import Fault, FaultError, fault_of
from asimov.system.helper_process.answering import answer_questions


def serve_questions(make: Callable[[], Any]) -> None:
    """Answer questions by the methods of an object; it is made anew after an error.

    Parameters
    ----------
    make
        Makes the object.
    """
    known: list[Any] = []

    def answer(name: str, arguments: tuple[Any, ...]) -> Any:
        try:
            if not known:
                known.append(make())
            return getattr(known[0], name)(*arguments)
        except FaultError as error:
            return error.fault
        except ReportedError as error:
            known.clear()
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
