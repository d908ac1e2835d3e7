"""The pipeline ``phases``: steps in Python (phases) that process many runs, divided among jobs."""

from asimov.pipelines.phases.pipeline import Phases

__all__ = ["Phases"]
