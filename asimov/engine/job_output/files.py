"""Find the files to which the jobs of an analysis write their output and errors.

The DAG files and submit files in its run directory name them, the same for every scheduler. Files
that only look like output (the pipeline's `log_patterns`) have no node. If the run directory is
gone, what the store kept of them is found.
"""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from asimov.discovery.entrypoints import PluginError
from asimov.errors import AsimovError, SchedulerError
from asimov.journal.keys import Key
from asimov.pipeline import Pipeline
from asimov.plugins.methods import imported
from asimov.project.workspace import Workspace
from asimov.scheduler.languages.dag_file import Node, read_dag_file
from asimov.scheduler.languages.submit_file import SubmitFile, parse_submit, read_submit_file

#: Stands for a part of a name that only the scheduler knows, such as the job's number.
_ANY = "\x02"
_LIVE = dict.fromkeys(
    ("cluster", "clusterid", "process", "procid", "step", "row", "item", "itemindex"), _ANY
)
#: How many files of one node are looked at; a cluster may have a hundred thousand processes.
_MOST = 1000
_SUBMIT_FILES = ("*.sub", "*.submit", "*.condor")
_LIKE_OUTPUT = ("*.err", "*.out", "*.log")


@dataclass(frozen=True, slots=True)
class OutputFile:
    """A file that a job wrote.

    Attributes
    ----------
    path
        The file; it exists.
    node
        The DAG's node; empty where there is none.
    kind
        ``output``, ``error``, or empty where that is not known.
    """

    path: Path
    node: str = ""
    kind: str = ""

    @property
    def size(self) -> int:
        """Its size in bytes; 0 if it is gone by now."""
        with suppress(OSError):
            return self.path.stat().st_size
        return 0

    @property
    def changed(self) -> float:
        """When it was last written, in seconds since the epoch; 0 if it is gone by now."""
        with suppress(OSError):
            return self.path.stat().st_mtime
        return 0.0

    @property
    def reading_order(self) -> tuple[bool, bool]:
        """What sorts files for a reader: those with text first, and output before errors."""
        return not self.size, self.kind == "error" or self.path.suffix == ".err"


def output_files(workspace: Workspace, key: Key) -> list[OutputFile]:
    """Return the files that the jobs of an analysis wrote, node by node, in the DAG's order.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    """
    rundir = _run_directory(workspace, key)
    if not rundir.is_dir():
        return list(_stored(workspace, key))
    found: dict[Path, OutputFile] = {}
    for each in chain(_of_dags(rundir), _of_submit_files(rundir), _others(workspace, key, rundir)):
        found.setdefault(each.path, each)
    return list(found.values()) or list(_stored(workspace, key))


def _run_directory(workspace: Workspace, key: Key) -> Path:
    if key in workspace.contents.entries:
        return Path(workspace.analysis(key).rundir)
    return workspace.project.working / key.subject / key.name


def _of_dags(rundir: Path) -> Iterator[OutputFile]:
    for dag_file in sorted(rundir.glob("*.dag")):
        try:
            nodes = read_dag_file(dag_file).nodes.values()
        except AsimovError:
            continue  # it may use what the local scheduler does not support
        for node in nodes:
            folder = rundir / node.folder
            try:
                submit = _submit_file(folder, node)
            except (AsimovError, OSError):
                continue
            names = dict.fromkeys(("job", "node", "dagnodename"), node.name)
            yield from _named(submit, folder, node.name, {**names, "retry": _ANY})


def _submit_file(folder: Path, node: Node) -> SubmitFile:
    if node.inline:
        return parse_submit(node.submit, folder, node.before, node.after)
    return read_submit_file(folder / node.submit, node.before, node.after)


def _of_submit_files(rundir: Path) -> Iterator[OutputFile]:
    for pattern in _SUBMIT_FILES:
        for path in sorted(rundir.glob(pattern)):
            try:
                submit = read_submit_file(path)
            except AsimovError:
                continue
            yield from _named(submit, rundir, "", {})


def _named(
    submit: SubmitFile, folder: Path, node: str, macros: Mapping[str, str]
) -> Iterator[OutputFile]:
    """Yield the files that a submit file names and that exist."""
    submit.macros = macros
    try:
        where = folder / submit.value("initialdir", _LIVE)
        named = {kind: submit.value(kind, _LIVE) for kind in ("error", "output")}
    except SchedulerError:
        return
    for kind, name in named.items():
        if not name or name == os.devnull:
            continue
        pattern = glob.escape(str(where / name)).replace(_ANY, "*")
        for number, path in enumerate(sorted(glob.iglob(pattern))):  # noqa: PTH207  (absolute)
            if number < _MOST and (file := Path(os.path.normpath(path))).is_file():
                yield OutputFile(file, node, kind)


def _others(workspace: Workspace, key: Key, rundir: Path) -> Iterator[OutputFile]:
    patterns = Pipeline.log_patterns
    try:
        pipeline = imported(workspace.contents.entries[key].pipeline)
        patterns = getattr(pipeline, "log_patterns", patterns)
    except (KeyError, PluginError):
        pass  # its package is not installed: the usual names will do
    for pattern in patterns:
        for path in sorted(rundir.glob(str(pattern)))[:_MOST]:
            if path.is_file():
                kind = {".err": "error", ".out": "output"}.get(path.suffix, "")
                yield OutputFile(path, "", kind)


def _stored(workspace: Workspace, key: Key) -> Iterator[OutputFile]:
    store = workspace.store
    try:
        names = list(store.manifest(*key))
    except AsimovError:
        return
    for name in names:
        if any(Path(name).match(pattern) for pattern in _LIKE_OUTPUT):
            try:
                yield OutputFile(store.fetch_file(*key, name))
            except AsimovError:
                continue
