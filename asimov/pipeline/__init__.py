"""The contract of pipelines: the base class, its errors and the assets that it declares."""

from typing import TYPE_CHECKING

from asimov.discovery.names import added_to
from asimov.pipeline.assets import Asset
from asimov.pipeline.base import Pipeline
from asimov.pipeline.errors import PipelineException, PipelineLogger
from asimov.pipeline.node_pipeline import NodePipeline
from asimov.pipeline.nodes import Input, Node, Numbered
from asimov.pipeline.progress import Progress
from asimov.pipeline.questions import Question
from asimov.pipeline.schemas import Schema

__all__ = [
    "Asset",
    "Input",
    "Node",
    "NodePipeline",
    "Numbered",
    "Pipeline",
    "PipelineException",
    "PipelineLogger",
    "Progress",
    "Question",
    "Schema",
]

if not TYPE_CHECKING:  # so that type checkers still see names that don't exist
    __getattr__ = added_to(__name__)
