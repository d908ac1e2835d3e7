"""What a scene's process should do: which scene (test run), for which pipeline, and how."""

from __future__ import annotations

import msgspec

#: How the pipeline submits: through the scheduler object, or by running a program.
BY_OBJECT, BY_PROGRAM = "by object", "by program"


class Task(msgspec.Struct, kw_only=True):
    """One scene of one pipeline; without the first three, what all its scenes have in common.

    Attributes
    ----------
    scene
        One of `asimov.testing.conformance.contracts.SCENES`.
    folder
        An empty folder for everything that the scene creates.
    findings
        The file for the findings.
    pipeline
        The name of its entry point.
    blueprint
        The file of minimal settings; None for a subject and an analysis without settings.
    scheduler
        Where jobs run.
    configuration
        Options of the scratch project, by ``section/option``.
    patience
        How long a job may take, in seconds.
    call
        How long a method may take, in seconds.
    loading
        How long loading the pipeline may take, in seconds.
    submits
        How the pipeline submits, if known: `BY_OBJECT` or `BY_PROGRAM`; else empty.
    """

    pipeline: str
    scene: str = ""
    folder: str = ""
    findings: str = ""
    blueprint: str | None = None
    scheduler: str = "local"
    configuration: dict[str, str] = {}
    patience: float = 600.0
    call: float = 60.0
    loading: float = 10.0
    submits: str = BY_OBJECT
