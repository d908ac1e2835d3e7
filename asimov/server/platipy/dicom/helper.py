"""The process that speaks DICOM: it listens for series, fetches some, and sends others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asimov import logs
from asimov.project import layout
from asimov.server.platipy.dicom.listener import Listener
from asimov.server.platipy.dicom.peers import fetch, send
from asimov.system.helper_process.answering import answer_questions


def main(folder: str) -> None:
    """Do what it is asked for, until the service says goodbye or has gone.

    Parameters
    ----------
    folder
        The project's.
    """
    project = layout.find(Path(folder))
    logs.write_faults_to(project.logs)
    listener = Listener(project)

    def answer(name: str, arguments: tuple[Any, ...]) -> str | None:
        """Return None, or what went wrong."""
        try:
            if name == "listen":
                listener.start()
            elif name == "fetch":
                fetch(project, arguments[0], listener.title)
            else:
                send(project, arguments[0])
        except Exception as error:  # a peer may answer anything
            return f"{type(error).__name__}: {error}"
        return None

    answer_questions(answer)
