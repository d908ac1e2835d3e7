"""Read the submit description of a DAG's node, and describe the processes of its scripts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from asimov.scheduler.languages.dag_file import Node
from asimov.scheduler.languages.submit_file import SubmitFile, parse_submit, read_submit_file
from asimov.scheduler.local.process_spec import Paths, ProcessSpec, program_path


def node_folder(node: Node, folder: Path) -> Path:
    """Return the folder in which a node is submitted, from its ``DIR``."""
    return folder / node.folder


def node_submit(
    node: Node, folder: Path, commands: Mapping[str, str], macros: Mapping[str, str]
) -> SubmitFile:
    """Return a node's submit description.

    Parameters
    ----------
    node, folder
        The node and its folder.
    commands
        Submit commands for every node of the DAG; they override the node's own.
    macros
        Further macros for ``$(...)``, beside ``$(JOB)``.

    Raises
    ------
    SchedulerError
        Where the submit file is missing, broken, or not supported.
    """
    after = {**node.after, **commands}
    if node.inline:
        submit = parse_submit(
            node.submit, f"node {node.name}", node.before, after, queue_optional=True
        )
    else:
        submit = read_submit_file(folder / node.submit, node.before, after)
    own = {"job": node.name, "node": node.name, "dagnodename": node.name}
    submit.macros = own | {name.lower(): value for name, value in macros.items()}
    return submit


def script_arguments(words: list[str], values: Mapping[str, object]) -> list[str]:
    """Return a script's program and arguments with ``$JOB`` and the like filled in."""
    filled = [str(values[word[1:].upper()]) if word.startswith("$") else word for word in words[1:]]
    return [words[0], *filled]


def script_process(
    arguments: list[str], folder: Path, paths: Paths, path: str | None
) -> ProcessSpec:
    """Return the process that runs a script in a node's folder; `path` is the submitter's PATH."""
    return ProcessSpec(
        arguments=[program_path(arguments[0], folder, path, paths), *arguments[1:]],
        folder=paths.store(folder, folder),
        input=os.devnull,
        output=os.devnull,
        error=os.devnull,
    )
