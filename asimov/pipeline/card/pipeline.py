"""The base class of pipelines that have a card: their products are those of the card."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, cast

from asimov.pipeline.assets import Asset
from asimov.pipeline.card.contents import Card
from asimov.pipeline.card.visits import Memory, blob_files
from asimov.pipeline.node_pipeline import NodePipeline
from asimov.project.current import CurrentProject


class CardPipeline(NodePipeline):
    """A pipeline whose jobs are nodes, and whose products are the outputs of its card.

    `card` and `nodes` are all that it must define; `settings` are the fields of its form.
    """

    card: ClassVar[Card]
    config_template = "command.yaml"

    @classmethod
    def outputs_with(cls, settings: Mapping[str, Any]) -> tuple[Asset, ...]:
        """Return the outputs of the card."""
        return tuple(Asset(each.asset, optional=not each.required) for each in cls.card.outputs)

    @property
    def memory(self) -> Memory:
        """What all tasks of the plugin share: small values and blobs."""
        workspace = cast(CurrentProject, self.production.workspace)
        return Memory(workspace.journal, self.card.name, blob_files(workspace.project.root))

    def _made(self) -> dict[str, list[Path]]:
        found = {each.asset: sorted(self.rundir.glob(each.path)) for each in self.card.outputs}
        return {asset: paths for asset, paths in found.items() if paths}

    def missing_outputs(self) -> list[str]:
        """Return the outputs of the jobs and of the card that do not exist."""
        made = self._made()
        wanted = [each for each in self.card.outputs if each.required and each.asset not in made]
        return [*super().missing_outputs(), *(f"{each.asset} ({each.path})" for each in wanted)]

    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        """Return the outputs that exist: a path, or several."""
        return {
            asset: str(paths[0]) if len(paths) == 1 else [str(each) for each in paths]
            for asset, paths in self._made().items()
        }
