"""Gather what an attempt runs with, just before its job is submitted.

Nothing here stops a submission: what can't be found out is missing from the record, or the record
says why.
"""

from __future__ import annotations

import hashlib
import os
import platform
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from asimov._version import __version__
from asimov.configuration import owner
from asimov.engine.provenance.checksums import Checksums
from asimov.engine.provenance.commands import Command, commands_in
from asimov.engine.provenance.environments import Finder
from asimov.engine.provenance.images import Content, Images
from asimov.engine.provenance.local_modules import LocalModules
from asimov.engine.provenance.lookup import attempt_stored
from asimov.engine.provenance.record import (
    FILE,
    Layer,
    Provenance,
    UsedFile,
    as_text,
    write_quickly,
)
from asimov.engine.provenance.revisions import LedgerRevisions
from asimov.engine.provenance.software import package_of
from asimov.engine.provenance.used_files import (
    inputs_of,
    is_within,
    patterns_of,
    programs_of,
)
from asimov.engine.reuse.fingerprint import fingerprint
from asimov.errors import AsimovError, ReportedError
from asimov.journal.keys import Key
from asimov.journal.provenance import ProvenanceRecords
from asimov.journal.records import Attempt
from asimov.logs import logger
from asimov.plugins.methods import call_method, overrides
from asimov.project.analysis import Analysis
from asimov.project.config_file import template_of
from asimov.project.git.head import head_of
from asimov.project.workspace import Workspace
from asimov.system import clock, reading

#: The SHA-256 of a file, its size, and why there is no SHA-256.
_Sum = tuple[str | None, int, str]
#: How long the checksum of a file is taken for granted while many analyses that use it are
#: submitted, in seconds.
SOON = 1.0


class Gatherer:
    """Gathers what the attempts of one submission run with.

    Parameters
    ----------
    workspace
        The open project; the caller holds its lease.
    """

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._root = str(workspace.project.root)
        self._within = self._root + os.sep
        self._records = ProvenanceRecords(workspace.journal)
        self._store = workspace.store
        self._checksums = Checksums(self._records)
        self._found: dict[str, Provenance] = {}
        self._by, self._host = owner(), platform.node()
        # What is the same for many analyses.
        self._commits: dict[Path, str] = {}
        self._revisions = LedgerRevisions(workspace)
        self._templates: dict[tuple[str, str], str] = {}
        self._environments = Finder(SOON)
        self._modules = LocalModules(SOON)
        self._names_images: dict[str, bool] = {}
        self._images = Images(lambda path: self._sum(path)[0])
        self._sums: dict[str, tuple[float, _Sum | None]] = {}

    def gather(self, analysis: Analysis, attempt: Attempt) -> Provenance | None:
        """Gather what an attempt runs with, and write it into its run directory."""
        try:
            self._gather(analysis, attempt)
        except Exception as error:  # the record is worth less than the run
            logger().warning(
                "what %s runs with is not recorded: %s", analysis.key, error, exc_info=True
            )
        return self._found.get(attempt.uid)

    def keep(self, uids: Iterable[str]) -> dict[str, Provenance]:
        """Record what was gathered of attempts, in the write that records their jobs; return it."""
        found = {uid: self._found.pop(uid) for uid in uids if uid in self._found}
        if found:
            self._records.keep(found)
            self._checksums.keep()
        return found

    def _gather(self, analysis: Analysis, attempt: Attempt) -> None:
        rundir, pipeline = analysis.rundir, analysis.entry.pipeline
        commands = commands_in(rundir)
        programs = programs_of(commands, rundir)
        image = self._image(analysis, commands, attempt.scheduler)
        software, unknown = self._environments.of(commands, rundir, attempt.scheduler, image.image)
        configuration = _read(analysis.config_file)
        layers, settings = self._workspace.layers(analysis.key)
        layers = [each for each in layers if each[1]]
        ledger = self._revisions.of(analysis.key.subject, analysis.entry)
        found = Provenance(
            uid=attempt.uid,
            analysis=str(analysis.key),
            number=attempt.number,
            requester=self._by,
            requested=clock.iso(),
            host=self._host,
            scheduler=attempt.scheduler,
            place=attempt.place,
            asimov=__version__,
            pipeline=pipeline,
            package=package_of(pipeline),
            ledger=ledger.digest,
            ledger_change=ledger.change,
            ledger_edited=ledger.edited,
            layers=[Layer(source, self._records.part(layer)) for source, layer in layers],
            seed=attempt.seed,
            commands=commands,
            files=list(self._files(analysis, commands, programs, configuration, image.image)),
            software={each: self._records.part(packages) for each, packages in software.items()},
            software_unknown=unknown,
            image=image.image,
            image_digest=image.digest,
            image_unknown=image.unknown,
            patterns={
                self._stored(pattern): [self._stored(each) for each in paths]
                for pattern, paths in patterns_of(analysis).items()
            },
        )
        found.fingerprint = fingerprint(analysis, found, settings, configuration or b"")
        self._found[attempt.uid] = found
        with suppress(OSError):  # a pipeline may have no run directory
            write_quickly(os.path.join(rundir, FILE), as_text(found, layers, software))

    def _image(self, analysis: Analysis, commands: Sequence[Command], scheduler: str) -> Content:
        named = None
        pipeline = analysis.entry.pipeline
        if pipeline not in self._names_images:
            self._names_images[pipeline] = overrides(pipeline, "image_of_jobs")
        if self._names_images[pipeline]:
            named = call_method(analysis, "image_of_jobs")
        return self._images.of(str(named or ""), commands, analysis.rundir, scheduler)

    def _files(
        self,
        analysis: Analysis,
        commands: Sequence[Command],
        programs: Sequence[str],
        configuration: bytes | None,
        image: str,
    ) -> Iterator[UsedFile]:
        used = self._configuration(analysis, configuration)
        yield used
        rundir = analysis.rundir
        seen = {analysis.config_file}
        made_by = self._made_by(analysis)
        for role, path in self._paths(analysis, commands, programs, image):
            # A folder with everything in it, such as the project's, says nothing.
            if path in seen or is_within(rundir, path):
                continue
            seen.add(path)
            if "://" in path:
                yield UsedFile(path, role)
                continue
            used = UsedFile(self._stored(path), role, *self._sum(path))
            for folder, key, uid, changed in made_by:
                if is_within(path, folder):
                    # What was changed since it was stored is of no attempt.
                    used.of, used.attempt = str(key), "" if path in changed else uid
            yield used

    def _configuration(self, analysis: Analysis, content: bytes | None) -> UsedFile:
        path = analysis.config_file
        known: _Sum
        if content is None:  # too large, or it can't be read
            known = self._checksums.of(path)
        else:
            known = hashlib.sha256(content).hexdigest(), len(content), ""
        used = UsedFile(self._stored(path), "configuration", *known)
        used.commit = self._commit(analysis.repository.root)
        return used

    def _paths(
        self,
        analysis: Analysis,
        commands: Sequence[Command],
        programs: Sequence[str],
        image: str,
    ) -> Iterator[tuple[str, str]]:
        """Yield the role and the absolute path, or the URL, of each file but the configuration."""
        if template := self._template(analysis):
            yield "template", template
        if image and os.path.isfile(image):
            yield "image", image
        named = [("executable", each) for each in programs]
        named += [("input", each) for each in inputs_of(analysis, commands, self._root, image)]
        yield from named
        for _, path in named:
            for module in self._modules.of(path):
                yield "input", module

    def _sum(self, path: str) -> _Sum:
        now = time.monotonic()
        since, known = self._sums.get(path, (-SOON, None))
        if known is None or now - since > SOON:
            known = self._sum_now(path)
            self._sums[path] = now, known
        return known

    def _sum_now(self, path: str) -> _Sum:
        if not is_within(path, self._root) and os.path.isdir(path):
            return None, 0, "it is a folder outside the project"
        return self._checksums.of(path)

    def _stored(self, path: str) -> str:
        return path[len(self._within) :] if path.startswith(self._within) else path

    def _made_by(self, analysis: Analysis) -> list[tuple[str, Key, str, dict[str, str]]]:
        """Return the folders of each input's products, with the attempt that wrote it.

        Besides, the products that were changed since.
        """
        found = []
        for each in analysis.inputs:
            record = self._workspace.records.get(each.key)
            # What came with a crate was made by an attempt of another project.
            uid = (record and record.uid) or attempt_stored(self._store, each.key)
            changed = each.stored_products.changed() if each.replaced_products else {}
            folders = {each.rundir, each.product_folder, str(each.stored_products.folder)}
            found += [(folder, each.key, uid, changed) for folder in folders]
        return found

    # --- the same for many analyses

    def _template(self, analysis: Analysis) -> str:
        named = (analysis.entry.pipeline, str(analysis.meta.get("template")))
        if named not in self._templates:
            self._templates[named] = ""
            with suppress(OSError, ReportedError):
                self._templates[named] = str(template_of(analysis))
        return self._templates[named]

    def _commit(self, root: Path) -> str:
        if root not in self._commits:
            self._commits[root] = head_of(root)
        return self._commits[root]


def _read(path: str) -> bytes | None:
    """Return the content of a file; None if it is too large or can't be read."""
    try:
        return reading.contents(path)
    except (OSError, AsimovError):
        return None
