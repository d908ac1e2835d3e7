"""How a pipeline presents itself to programs that know nothing of it: by its card."""

from asimov.pipeline.card.calls import Called, PluginCall
from asimov.pipeline.card.contents import Card, DataOutput, Link
from asimov.pipeline.card.fields import DataUrl, PluginUrl
from asimov.pipeline.card.pipeline import CardPipeline
from asimov.pipeline.card.steps import Step
from asimov.pipeline.card.visits import Memory, Reply, Route, Visit

__all__ = [
    "Called",
    "Card",
    "CardPipeline",
    "DataOutput",
    "DataUrl",
    "Link",
    "Memory",
    "PluginCall",
    "PluginUrl",
    "Reply",
    "Route",
    "Step",
    "Visit",
]
