"""The pipeline ``sharded``: two shards and a node that joins what they leave, to be killed.

In each run the first try of the second shard fails and leaves half of its output; the retry's is
whole. The first try waits until there is the file that the setting ``waits for`` names. Where files
are transferred, no node sees the project's folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from asimov.pipeline.node_pipeline import NodePipeline
from asimov.pipeline.nodes import Input, Node
from asimov.pipeline.staging import InPlace

#: The nodes of the two attempts of a run, and what the second leaves.
TRIES = ({"shard-1", "shard-2"}, {"shard-2", "join"})
RESULT = "whole\nwhole\n"
_SHARD = (
    'echo half > "$2"; try=$(cat "$1"); '
    'test $try = second || until [ -e "$3" ]; do sleep 0.1; done; '
    'test $2$try != part-2.txtfirst || exit 1; echo whole > "$2"'
)
#: Runs the rest of a command line where a folder is empty.
_HIDING = ("--user", "--map-root-user", "--mount", "--propagation", "private",
           "sh", "-c", 'mount -t tmpfs none "$0" && exec "$@"')  # fmt: skip


class Sharded(NodePipeline):
    """Runs two shards, retries the second, and joins what they leave."""

    name = "sharded"
    config_template = "test.ini"

    def nodes(self) -> list[Node]:
        """Return the shards and the node that joins."""
        attempt = Input(str(self.run_file("try.txt")))
        awaited = str(self.production.meta.get("waits for", "/"))
        parts = ["part-1.txt", "part-2.txt"]
        shards = [
            self._node(f"shard-{number}", _SHARD, [attempt, part, awaited], part)
            for number, part in enumerate(parts, 1)
        ]
        made = [Input(str(self.run_file(part))) for part in parts]
        after = [shard.name for shard in shards]
        return [*shards, self._node("join", 'cat "$@" > result.txt', made, "result.txt", after)]

    def _node(
        self, name: str, script: str, words: list[Any], output: str, after: Iterable[str] = ()
    ) -> Node:
        program = "sh"
        words = ["-c", script, "sh", *words]
        if not isinstance(self._staging(), InPlace):
            root = str(self.production.workspace.project.root)
            program, words = "unshare", [*_HIDING, root, "sh", *words]
        return Node(name, program, words, outputs=[output], after=list(after))

    def build_dag(self, dryrun: bool = False) -> None:
        """Build the first try."""
        self.rundir.mkdir(parents=True, exist_ok=True)
        self.run_file("try.txt").write_text("first")
        super().build_dag(dryrun)

    def resurrect(self) -> None:
        """Submit the second try."""
        self.run_file("try.txt").write_text("second")
        super().resurrect()

    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        """Return the result, if it exists."""
        result = self.run_file("result.txt")
        return {"result": str(result)} if result.exists() else {}


def installed(folder: Path) -> Path:
    """Install this module as a package into a new folder; return the folder, for PYTHONPATH."""
    about = folder / "sharded-1.0.dist-info"
    about.mkdir(parents=True)
    shutil.copy(__file__, folder / "sharded.py")
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: sharded\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[asimov.pipelines]\nsharded = sharded:Sharded\n")
    return folder
