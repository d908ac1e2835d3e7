"""What the process of a scene is told."""

from __future__ import annotations

import msgspec

#: What a scene notes of a submission: it went through the scheduler's object, or it did not.
BY_OBJECT, BY_PROGRAM = "by object", "by program"


class Task(msgspec.Struct, kw_only=True):
    """One scene of one pipeline.

    Attributes
    ----------
    scene
        One of `asimov.testing.conformance.contracts.SCENES`.
    pipeline
        The name of its entry point.
    folder
        An empty folder for everything that is made.
    findings
        The file that takes what is found.
    blueprint
        The file of minimal settings; None where a subject and an analysis without settings do.
    scheduler
        Where its jobs run.
    configuration
        Options of the scratch project, by ``section/option``.
    patience
        How long its job may take, in seconds.
    call
        How long a method may take, in seconds.
    loading
        How long loading it may take, in seconds.
    submits
        How it is known to submit: `BY_OBJECT`, `BY_PROGRAM`, or not at all.
    """

    scene: str
    pipeline: str
    folder: str
    findings: str
    blueprint: str | None = None
    scheduler: str = "local"
    configuration: dict[str, str] = {}
    patience: float = 600.0
    call: float = 60.0
    loading: float = 10.0
    submits: str = BY_OBJECT
