"""Make a project of a crate: check all of it, put its files in their places, apply its blueprint.

Nothing of a crate is executed here. What its analysis runs is in its blueprint, and runs when it is
submitted.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from asimov import configuration
from asimov.discovery import entrypoints
from asimov.engine.apply import apply
from asimov.engine.provenance.checksums import Checksums
from asimov.engine.provenance.crates.contents import BLUEPRINT, Packed, needed
from asimov.engine.provenance.crates.reading import Crate
from asimov.engine.provenance.crates.relocation import moved, moves, place_in_project
from asimov.engine.provenance.export.runs import as_record, of_file
from asimov.engine.provenance.record import FILE as RECORD
from asimov.engine.provenance.record import write_quickly
from asimov.errors import AsimovError
from asimov.journal.provenance import ProvenanceRecords
from asimov.ledger import blueprints
from asimov.ledger.documents import dump, read_documents
from asimov.ledger.plan import Plan
from asimov.project.layout import Project
from asimov.project.storage.copying import known_checksum
from asimov.project.storage.store import Store
from asimov.project.workspace import Workspace
from asimov.states import STATES
from asimov.system import progress
from asimov.system.files import unwritable, write_atomically
from asimov.text import line, quoted

#: What the blueprint of a crate may contain.
_KINDS = {"subject", "analysis", "projectanalysis"}
#: Keys that would have asimov do more than run the analysis.
_NOT_OURS = {"hooks", "repository", "pipelines"}


#: Pipelines that import modules of a project when their analyses are applied.
_IMPORTING = {"function", "phases"}


class Unpacking:
    """A crate on its way into a new project.

    Parameters
    ----------
    crate
        The open crate.
    root
        The folder of the project, which need not exist.
    working
        The folder of run directories; by default the configured one.

    Attributes
    ----------
    contents, run
        What the crate contains, and the attempt that it packs.
    imports
        Whether to apply it would import modules of the project, which are the stranger's.

    Raises
    ------
    AsimovError
        If anything in the crate has changed or may not be there, if a file is in the way, or if a
        pipeline is not installed; nothing has been written then.
    """

    def __init__(self, crate: Crate, root: Path, working: str | None = None) -> None:
        self._crate, self._root = crate, root.resolve()
        self.contents = crate.contents
        working = working or configuration.read().get("general", "rundir_default")
        self._files: dict[str, Packed] = {}
        try:
            for each in crate.contents.files:
                place = place_in_project(each, working)
                if place is not None:
                    self._files[place] = each
            self._blueprint, self.imports = self._read_blueprint()
        except AsimovError as error:
            error.where = error.where or crate.path
            raise
        self._check()
        self.run = crate.run()

    def _read_blueprint(self) -> tuple[str, bool]:
        name = f"{self._crate.path}: {BLUEPRINT}"
        documents, imports = [], False
        paths = moves(self._crate.contents, str(self._root))
        for document in read_documents(self._crate.blueprint(), name):
            data: Any = document.data
            checked = blueprints.check(document)
            if checked.kind not in _KINDS or _NOT_OURS & set(data):
                what = sorted(_NOT_OURS & set(data)) or [checked.kind]
                raise AsimovError(
                    f"{quoted(what[0])} is not allowed in the blueprint of a crate",
                    where=document.place(),
                )
            for each in [data, *(data.get("analyses") or [])]:
                if isinstance(each, dict) and "pipeline" in each:
                    pipeline = str(each["pipeline"])
                    imports |= self._imports(pipeline) or "function" in each
            documents.append(moved(data, paths))
        return "---\n".join(map(dump, documents)), imports

    def _imports(self, pipeline: str) -> bool:
        """Return whether a pipeline imports modules of a project; refuse one that is not installed.

        A function that a module of a project registers is a pipeline of no package.
        """
        if pipeline in _IMPORTING:
            return True
        if entrypoints.is_known(entrypoints.PIPELINES, pipeline):
            return False
        package = self.contents.pipelines.get(pipeline)
        if package == "":
            return True
        raise AsimovError(
            f"the pipeline {quoted(pipeline)} is not installed",
            where=self._crate.path,
            hint=f"install {package}" if package else "install its package",
        )

    def _check(self) -> None:
        """Read everything once, and look whether anything is in the way."""
        if (self._root / configuration.PROJECT_FILE).exists():
            raise AsimovError(
                "this folder already contains a project",
                where=self._root,
                hint="choose another folder with --root DIR; if 'init --from' was interrupted "
                f"here, 'asimov apply -f {BLUEPRINT}' completes it",
            )
        for place in [BLUEPRINT, *self._files]:
            path = self._root / place
            wanted = self._files[place].sha256 if place in self._files else self._own_sum()
            if os.path.lexists(path) and known_checksum(path) != wanted:
                raise AsimovError(
                    "already exists, and differs from the file in the crate",
                    where=line(str(path)),
                    hint="unpack into another folder with --root DIR",
                )
        packed = [each for each in self._crate.contents.files if each.place]
        for each in progress.over(packed, "checking"):
            for _ in self._crate.blocks(each):
                pass

    def _own_sum(self) -> str:
        return hashlib.sha256(self._blueprint.encode()).hexdigest()

    def write(self) -> None:
        """Put the files in their places, and the blueprint beside them.

        Raises
        ------
        AsimovError
            If one can't be written.
        """
        for place, packed in progress.over(list(self._files.items()), "unpacking"):
            path = self._root / place
            try:
                path.parent.mkdir(parents=True, exist_ok=True)
                if os.path.lexists(path):
                    continue  # it is the same, as was checked
                partial = path.with_name(".asimov-partial")
                partial.unlink(missing_ok=True)
                with partial.open("xb") as stream:
                    for block in self._crate.blocks(packed):
                        stream.write(block)
                    os.fchmod(stream.fileno(), 0o755 if packed.program else 0o644)
                partial.rename(path)
            except OSError as error:
                raise unwritable(error, path) from error
        write_atomically(self._root / BLUEPRINT, self._blueprint)

    def store(self, project: Project) -> None:
        """Put the products of other analyses into the results store; they begin as uploaded."""
        products: dict[str, list[Path]] = {}
        for place, packed in self._files.items():
            if packed.of and packed.role != "record":
                products.setdefault(packed.of, []).append(self._root / place)
        for analysis, paths in products.items():
            rundir = project.working / analysis
            subject, _, name = analysis.partition("/")
            if (rundir / RECORD).is_file():
                run = of_file(rundir / RECORD)
                run.crate = self.crate
                write_quickly(str(rundir / RECORD), as_record(run))
            Store(project.results).add_products(subject, name, paths, rundir, rundir / RECORD)

    def apply(self, workspace: Workspace) -> Plan:
        """Add what the crate describes to the ledger of the new project."""
        documents = blueprints.read([str(self._root / BLUEPRINT)])
        # What looks misspelt here was accepted where it ran.
        plan = apply(workspace, documents, force=True)
        workspace.reload()
        for key, status in plan.added.items():
            if STATES[status].done:
                workspace.give_reason(key, "init", f"its results come from {self.crate}")
        return plan

    @property
    def crate(self) -> str:
        """The crate, for people."""
        project = self.contents.project
        return f"the crate {self._crate.path.name} of the project {quoted(project)}"

    # --- what is different here

    def unavailable(self, workspace: Workspace) -> list[str]:
        """Return a line for each file that is neither in the crate nor on this machine."""
        sums = Checksums(ProvenanceRecords(workspace.journal))
        found = []
        for each in needed(self.contents):
            if each.role == "configuration":
                continue  # it is made again
            here = each.path.startswith("/") and sums.of(each.path)[0]
            if not here or here != each.sha256:
                name = f"{each.of}: {each.path}" if each.of else each.path
                other = ", and a different one is here" if here else ""
                found.append(line(f"the {each.role} {name} is not available: {each.why}{other}"))
        return found
