"""The helper process of the service that makes the pages of the dashboard."""

from __future__ import annotations

from pathlib import Path

from asimov import logs
from asimov.project import layout
from asimov.server.dashboard.pages import Pages
from asimov.server.processes.answering import serve_questions


def main(folder: str) -> None:
    """Make pages, until the service says goodbye or has gone.

    Parameters
    ----------
    folder
        The project's.
    """
    project = layout.find(Path(folder))
    logs.write_faults_to(project.logs)
    serve_questions(lambda: Pages(project.root))
