"""The record of which nodes a run directory was built for, and what tells whether one is the same.

A restart runs only the nodes that have not succeeded, and those that do or read something else now.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cache
from pathlib import Path

import msgspec

from asimov.pipeline.nodes import Input, Node, made_by
from asimov.system import reading
from asimov.system.files import is_file, write_atomically
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

    def same_but_files(self, marks: Mapping[str, str]) -> bool:
        """Return whether the same nodes were built, but for the content of files from outside.

        Parameters
        ----------
        marks
            The fingerprints of all nodes as they are now.
        """
        return self.built.keys() == marks.keys() and all(
            _rest(self.built[name]) == _rest(mark) for name, mark in marks.items()
        )


def _rest(mark: str) -> str:
    return mark.partition(".")[0]


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\0".join(parts).encode(errors="surrogateescape")).hexdigest()


def fingerprints(
    nodes: Collection[Node], commands: Mapping[str, str], seed: int | None, rundir: Path
) -> dict[str, str]:
    """Return two digests of each node, with a dot between: of all else, and of files from outside.

    The second is of its program and image and of the files that it reads, but for those in the run
    directory. The first is of its words, of these, and of folders. What other nodes make counts by
    name: a node runs again if one in front of it does.

    Parameters
    ----------
    nodes
        The nodes.
    commands
        Submit commands of all of them, beside their own.
    seed
        The seed of their analysis, if any.
    rundir
        The run directory.
    """
    made = made_by(nodes, rundir)
    own = f"{rundir}/"

    @cache
    def look(path: str) -> tuple[str, bool]:
        if path in made:
            return "", False
        return Input(path).state(), not path.startswith(own) and is_file(Path(path))

    return {
        each.name: _fingerprint(each, {**each.commands, **commands}, seed, look) for each in nodes
    }


def _fingerprint(
    node: Node,
    commands: Mapping[str, str],
    seed: int | None,
    look: Callable[[str], tuple[str, bool]],
) -> str:
    words = [*node.arguments, *node.environment.values(), *node.inputs]
    parts = [node.executable, str(node.processes), *node.outputs, *node.environment]
    parts.append(f"{len(node.outputs)} {len(node.environment)} {len(node.arguments)}")
    images = [commands[each] for each in _IMAGES if each in commands]
    program = node.executable if "/" in node.executable else on_path(node.executable)
    paths = [each for each in (program, *images) if each and each[0] == "/"]
    parts += images
    if seed is not None:
        parts.append(f"seed {seed}")
    for word in words:
        if isinstance(word, Input):
            parts.append(word.word(word.path))
            paths.append(word.path)
        else:
            parts.append(word)
    seen = [look(each) for each in paths]
    parts += ["" if is_file else state for state, is_file in seen]
    return f"{_digest(parts)}.{_digest(state for state, is_file in seen if is_file)}"
