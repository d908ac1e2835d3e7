"""A package with a pipeline that asks before it starts, and an analysis of it that waits."""

from __future__ import annotations

import sys
from contextlib import closing
from pathlib import Path

import pytest

from asimov.discovery import entrypoints
from asimov.journal.keys import Key
from asimov.journal.questions import Questions
from asimov.ledger.declared_schema import schema_of
from asimov.project.workspace import Workspace
from asimov.settings.validation import rows

_MODULE = """
from typing import Annotated

from asimov.pipeline import Pipeline
from asimov.pipeline.questions import Question
from asimov.settings import BaseSettings, Setting


class Start(BaseSettings):
    level: Annotated[float, Setting("Where the noise begins, in V.", ge=0)]
    method: Annotated[str, Setting("How to interpolate.")] = "linear"


START = Question("start", "May it start?\\nLook first.", Start)


class Asks(Pipeline):
    def questions(self):
        return [START]
"""
ANALYSES = "---\n{kind: analysis, event: t, name: NAME, pipeline: asks}\n"


def publish(folder: Path, patch: pytest.MonkeyPatch) -> None:
    """Have the package found by this process and those that it starts."""
    folder.mkdir()
    (folder / "asking_package.py").write_text(_MODULE)
    about = folder / "asking_package-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: asking-package\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[asimov.pipelines]\nasks = asking_package:Asks\n")
    patch.syspath_prepend(str(folder))
    patch.setenv("PYTHONPATH", str(folder))
    entrypoints.found.cache_clear()
    entrypoints.load.cache_clear()


def ask(root: Path, *names: str) -> None:
    """Have analyses of the subject ``t`` ask."""
    question = sys.modules.get("asking_package") or __import__("asking_package")
    declared = {
        "rows": [row._asdict() for row in rows(question.Start)],
        "schema": schema_of(question.Start),
    }
    workspace = Workspace.open(root)
    with closing(workspace.journal):
        for name in names:
            key, start = Key("t", name), question.START
            Questions(workspace.journal).record(key, start.name, start.text, declared)
            workspace.move(key, "asking", "submit", "May it start?")
