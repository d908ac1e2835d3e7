"""The loop of a helper process: call the method that a request names, and return its result."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from typing import Any

from asimov import logs
from asimov.errors import ReportedError
from asimov.project import layout, sharing
from asimov.server.faults import FaultError, bug, fault_of
from asimov.system.helper_process.answering import answer_questions


def serve_questions(folder: str, make: Callable[[Path], Any], *, acts: bool = False) -> None:
    """Answer questions about a project until the service says goodbye or has gone.

    Parameters
    ----------
    folder
        The project's.
    make
        Makes the object, from that folder; it is made again after an error.
    acts
        Whether its methods change the project: then the log has what they do, and in a shared
        project the files that they make are the group's too.
    """
    project = layout.find(Path(folder))
    if not acts:
        logs.write_faults_to(project.logs)
    else:
        if project.shared:
            sharing.let_group_write()
        logs.write_to(project.logs)
    known: list[Any] = []

    def answer(name: str, arguments: tuple[Any, ...]) -> Any:
        try:
            if not project.state.is_dir():
                raise FaultError(
                    503, "the project no longer exists here", str(project.root),
                    "if it was moved, serve it from its new place",
                )  # fmt: skip
            if not known:
                gc.unfreeze()
                gc.collect()  # what is left of the one before would never be freed
                known.append(make(project.root))
                gc.freeze()  # looking at all of a large project again takes longer than an answer
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
