"""The contract of pipelines: the base class, its errors and the assets that it declares."""

from typing import TYPE_CHECKING

from asimov.pipeline.assets import Asset
from asimov.pipeline.base import Pipeline
from asimov.pipeline.errors import PipelineException, PipelineLogger

__all__ = ["Asset", "Pipeline", "PipelineException", "PipelineLogger"]

if not TYPE_CHECKING:  # so that names which are not there are still seen by type checkers
    from asimov.compat import elsewhere

    __getattr__ = elsewhere.names_of(__name__)
