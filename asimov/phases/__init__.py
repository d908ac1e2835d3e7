"""Phases: Python classes, each one step, that process numbered runs of data one after another.

A `Pipeline` sends every run through its phases. `start_pipeline` does so on this machine, without
any project; the pipeline ``phases`` does so in a project.
"""

from asimov.phases.messages import StatusMessage
from asimov.phases.phase import PhaseLike
from asimov.phases.pipeline import Pipeline
from asimov.phases.results import PhaseResult
from asimov.phases.runs import form_run_string
from asimov.phases.schemas import ArtifactSchema, ResultSchema
from asimov.phases.start import generate_assets, start_pipeline

__all__ = [
    "ArtifactSchema",
    "PhaseLike",
    "PhaseResult",
    "Pipeline",
    "ResultSchema",
    "StatusMessage",
    "form_run_string",
    "generate_assets",
    "start_pipeline",
]
