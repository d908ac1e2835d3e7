"""Nodes: the jobs that a pipeline describes, each with what it reads, leaves and waits for."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from asimov.errors import AsimovError
from asimov.text import quoted

#: Keys of the setting ``scheduler`` that are not submit commands.
NOT_COMMANDS = frozenset({"type", "job id"})
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,199}", re.ASCII)
_URL = re.compile(r"[a-z][a-z0-9+.\-]*://", re.ASCII | re.IGNORECASE)
#: Inputs up to this size, in bytes, are compared by content, larger ones by size and time.
_COMPARED = 1_000_000


@dataclass(frozen=True, slots=True)
class Input:
    """A file or folder that a job reads, as a word of its arguments or beside them.

    Parameters
    ----------
    path
        Its absolute path on the machine that submits, or a URL that HTCondor can fetch
        (``https://``, ``osdf://``, ...).
    name
        The name that the worker expects; by default its own. Only files that are transferred can
        get another.
    form
        The word, in which ``{}`` stands for the path where the job runs: ``--config={}``.
    text
        Whether it is a text that names files of the project, such as a configuration. The job gets
        a copy in which these paths are right where it runs.
    pattern
        The pattern that it was found with, if any, absolute or relative to the project. The result
        is out of date once other files match.
    """

    path: str
    name: str | None = None
    form: str = "{}"
    text: bool = False
    pattern: str = ""

    @property
    def is_url(self) -> bool:
        """Whether it is a URL, which only a transfer fetches."""
        return _URL.match(self.path) is not None

    @property
    def basename(self) -> str:
        """The name that it has where the job runs."""
        return self.name or PurePosixPath(self.path).name

    def state(self) -> str:
        """Return what changes when the file does: a digest, or its size and time; "" without it."""
        file = Path(self.path)
        try:
            status = file.stat()
            if file.is_file() and status.st_size <= _COMPARED:
                return hashlib.sha256(file.read_bytes()).hexdigest()
        except OSError:
            return ""
        return f"{status.st_size} {status.st_mtime_ns}"

    def word(self, path: str) -> str:
        """Return the word for a path where the job runs."""
        return self.form.replace("{}", path)


class Numbered(str):
    """A word of a job in which ``$(Process)`` is the number of its process, from 0.

    In any other word it is text: that may come from a form, and reaches the job as it is.
    """

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Node:
    """A job of an analysis.

    Parameters
    ----------
    name
        Its name, unique in the analysis: letters, digits, ``_``, ``-`` and ``.``.
    executable
        The program: an absolute path, or a name on ``PATH``, that of this machine if files are
        shared and that of the execute node if they are transferred.
    arguments
        Its arguments. A path of the project in a plain word is recognised as well.
    environment
        Environment variables by name.
    inputs
        What it reads besides what its arguments name.
    outputs
        What it leaves when it succeeds: files or folders, relative to the run directory.
    after
        The names of nodes that must have succeeded before.
    commands
        Submit commands that the pipeline needs; those of the setting ``scheduler`` come first.
    processes
        How often it runs side by side; a `Numbered` word differs in each.
    """

    name: str
    executable: str
    arguments: Sequence[str | Input] = ()
    environment: Mapping[str, str | Input] = field(default_factory=dict)
    inputs: Sequence[Input] = ()
    outputs: Sequence[str] = ()
    after: Sequence[str] = ()
    commands: Mapping[str, str] = field(default_factory=dict)
    processes: int = 1


def check_nodes(nodes: Iterable[Node]) -> None:
    """Check the names of nodes, their outputs, and what they wait for.

    Raises
    ------
    AsimovError
        With the first fault.
    """
    known: set[str] = set()
    made: dict[str, str] = {}
    for node in nodes:
        if not _NAME.fullmatch(node.name):
            raise AsimovError(f"{quoted(node.name)} can't be the name of a node")
        if node.name.lower() in known:
            raise AsimovError(f"two nodes have the name {quoted(node.name)}")
        # DAGMan runs nodes in any order that their parents allow, so parents come first here.
        for parent in node.after:
            if parent.lower() not in known:
                raise AsimovError(
                    f"node {node.name} comes after {quoted(parent)}, which is not a node"
                )
        for output in node.outputs:
            path = PurePosixPath(output)
            if path.is_absolute() or ".." in path.parts or not path.name:
                raise AsimovError(
                    f"node {node.name}: {quoted(output)} is outside the run directory"
                )
            if other := made.get(str(path)):
                raise AsimovError(f"the nodes {other} and {node.name} both make {quoted(output)}")
            made[str(path)] = node.name
        known.add(node.name.lower())


def made_by(nodes: Iterable[Node], rundir: Path) -> set[str]:
    """Return the paths of what nodes make in a run directory."""
    return {str(rundir / each) for node in nodes for each in node.outputs}


def by_pattern(inputs: Iterable[Input]) -> dict[str, tuple[str, ...]]:
    """Return the paths of inputs that were found with patterns, by the pattern."""
    found: dict[str, dict[str, None]] = {}
    for each in inputs:
        if each.pattern:
            found.setdefault(each.pattern, {})[each.path] = None
    return {pattern: tuple(paths) for pattern, paths in found.items()}


def dag_of(nodes: Collection[Node]) -> str:
    """Return the text of a DAG file of nodes; those that they wait for may be done before."""
    names = {node.name for node in nodes}
    lines = [f"JOB {node.name} {node.name}.sub" for node in nodes]
    lines += [
        f"PARENT {' '.join(parents)} CHILD {node.name}"
        for node in nodes
        if (parents := [each for each in node.after if each in names])
    ]
    return "\n".join([*lines, ""])
