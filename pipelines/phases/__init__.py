"""The pipeline ``phases``: Python phases, one after another over many runs, dealt to jobs."""

from asimov.pipelines.phases.pipeline import Phases

__all__ = ["Phases"]
