"""The record of which nodes a run directory was built for, and what tells whether one is the same.

A restart runs only the nodes that have not succeeded, and those that do or read something else now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path

import msgspec

from asimov.pipeline.nodes import Input, Node
from asimov.system import reading
from asimov.system.files import write_atomically
from asimov.system.programs import on_path

#: Its name in the run directory.
FILE = "nodes.json"
#: The submit commands that name the container image of a job.
_IMAGES = ("container_image", "docker_image")


class NodeRecord(msgspec.Struct):
    """The nodes that were built, and those of them that had succeeded before.

    Attributes
    ----------
    built
        The fingerprint of each node, by its name.
    done
        The names of those that need not run again.
    """

    built: dict[str, str] = {}
    done: list[str] = []

    @classmethod
    def read(cls, rundir: Path) -> NodeRecord:
        """Read the record in a run directory; without one that can be read, it is empty."""
        try:
            return msgspec.json.decode(reading.contents(rundir / FILE), type=cls)
        except (OSError, msgspec.MsgspecError, ValueError):
            return cls()

    def write(self, rundir: Path) -> None:
        """Write it into a run directory, which is made where it does not exist."""
        rundir.mkdir(parents=True, exist_ok=True)
        write_atomically(rundir / FILE, msgspec.json.encode(self).decode() + "\n")

    def unchanged(
        self, nodes: Iterable[Node], succeeded: Collection[str], marks: Mapping[str, str]
    ) -> set[str]:
        """Return the nodes that have succeeded and would do and read the same again.

        Parameters
        ----------
        nodes
            All nodes, each after those that it waits for.
        succeeded
            The names of those that have succeeded.
        marks
            Their fingerprints as they are now.
        """
        done: set[str] = set()
        for node in nodes:
            same = node.name in succeeded and self.built.get(node.name) == marks[node.name]
            if same and done.issuperset(node.after):
                done.add(node.name)
        return done


def fingerprint(
    node: Node, commands: Mapping[str, str], seed: int | None, state: Callable[[str], str]
) -> str:
    """Return a digest of what a node does: its words, its program and image, and its inputs.

    What other nodes have made counts by name: a node runs again if one in front of it does.

    Parameters
    ----------
    node
        The node.
    commands
        Its submit commands.
    seed
        The seed of its analysis, if any.
    state
        Returns the state of a file or folder, empty for what another node makes.
    """
    words = [*node.arguments, *node.environment.values(), *node.inputs]
    parts = [node.executable, str(node.processes), *node.outputs, *node.environment]
    parts.append(f"{len(node.outputs)} {len(node.environment)} {len(node.arguments)}")
    images = [commands[each] for each in _IMAGES if each in commands]
    program = node.executable if "/" in node.executable else on_path(node.executable)
    parts += [*images, *(state(each) for each in (program, *images) if each and each[0] == "/")]
    if seed is not None:
        parts.append(f"seed {seed}")
    for word in words:
        if isinstance(word, Input):
            parts += [word.word(word.path), state(word.path)]
        else:
            parts.append(word)
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()
