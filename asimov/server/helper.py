"""The helper processes of the service that read: they answer questions about the project."""

from __future__ import annotations

from pathlib import Path

from asimov import logs
from asimov.project import layout
from asimov.server.processes.answering import serve_questions
from asimov.server.reader import Reader


def main(folder: str) -> None:
    """Answer the questions of `Reader`, until the service says goodbye or has gone.

    Parameters
    ----------
    folder
        The project's.
    """
    project = layout.find(Path(folder))
    logs.write_faults_to(project.logs)
    serve_questions(lambda: Reader(project.root))
