"""The contract of pipelines: the base class, its errors and the assets that it declares."""

from typing import TYPE_CHECKING

from asimov.discovery.names import added_to
from asimov.pipeline.assets import Asset
from asimov.pipeline.base import Pipeline
from asimov.pipeline.errors import PipelineException, PipelineLogger

__all__ = ["Asset", "Pipeline", "PipelineException", "PipelineLogger"]

if not TYPE_CHECKING:  # so that type checkers still see names that don't exist
    __getattr__ = added_to(__name__)
