"""An analysis as pipelines see it, and its three kinds: simple, subject and project analysis."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar, Protocol

from asimov.discovery import entrypoints, extensions
from asimov.errors import AsimovError, ReportedError
from asimov.journal.keys import Key
from asimov.ledger.contents import Entry
from asimov.project.config_file import make_config
from asimov.project.git.repository import EventRepo
from asimov.project.interface import OpenProject, Studied
from asimov.project.requests import Requests
from asimov.project.storage.assets import Stored, is_gone
from asimov.rendering.access import reads
from asimov.settings.merging import copied
from asimov.states import STATES

#: For how long it is taken for granted which products were changed, in seconds.
SOON = 1.0


class ProjectWithAnalyses(OpenProject, Protocol):
    """An open project that has an object for each analysis."""

    def analysis(self, key: Key) -> Analysis:
        """Return an analysis, always the same object."""


class Analysis:
    """One analysis; pipelines call it their `production`.

    Parameters
    ----------
    entry
        Its entry in the ledger.
    workspace
        The open project.

    Attributes
    ----------
    meta
        Its effective settings, including the defaults that its pipeline declares. What a pipeline
        writes here is kept.
    """

    #: What a project's templates may read; see `asimov.rendering.access`.
    for_templates: ClassVar[dict[str, str]] = reads(
        "name", "key", "subject", "event", "comment", "category", "pipeline", "meta", "to_dict",
        "status", "finished", "job_id", "dependencies", "inputs", "assets", "_previous_assets",
        "rundir", "repository", "config_file",
    )  # fmt: skip

    def __init__(self, entry: Entry, workspace: ProjectWithAnalyses) -> None:
        extensions.extend(Analysis, "analysis")
        self.entry = entry
        self.workspace: ProjectWithAnalyses = workspace
        self.key = entry.key
        self.name = entry.key[1]
        self.requests = Requests()
        self._pipeline: Any = None
        # Asked for many times for each job.
        self._usual_rundir: str | None = None
        self._config_file: str | None = None
        self._replaced: tuple[float, str | None, frozenset[str]] = (-SOON, None, frozenset())

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.key}>"

    # --- identity

    @property
    def subject(self) -> Studied:
        """The subject that it studies."""
        return self.workspace.subject(self.key[0])

    @property
    def event(self) -> Studied:
        """The subject; packages of earlier releases use this name."""
        return self.subject

    @property
    def comment(self) -> str | None:
        """The comment in its ledger entry."""
        comment = self.entry.data.get("comment")
        return str(comment) if comment is not None else None

    @property
    def category(self) -> str:
        """The folder of its configuration in the subject's repository."""
        return self.workspace.project.category

    @property
    def pipeline(self) -> Any:
        """Its pipeline; while that is being constructed, the name of the pipeline in lower case.

        Raises
        ------
        AsimovError
            If the pipeline is not installed or can't be loaded.
        """
        if self._pipeline is None:
            self._pipeline = self.entry.pipeline.lower()
            try:
                self._pipeline = entrypoints.load(entrypoints.PIPELINES, self.entry.pipeline)(self)
            except BaseException:
                self._pipeline = None
                raise
        return self._pipeline

    @property
    def has_pipeline(self) -> bool:
        """Whether its pipeline has been made; each analysis has one for as long as it lives."""
        return self._pipeline is not None

    # --- state

    @property
    def status(self) -> str:
        """Its state; a pipeline requests another by setting this."""
        return self.requests.status or self.workspace.status(self.key)

    @status.setter
    def status(self, value: str) -> None:
        self.requests.status = value.lower()

    @property
    def finished(self) -> bool:
        """Whether other analyses may use its products."""
        return STATES[self.workspace.status(self.key)].done

    @property
    def job_id(self) -> int | None:
        """Its current or last job."""
        if self.requests.job_id is not None:
            return self.requests.job_id
        record = self.workspace.records.get(self.key)
        return record.job_id if record else None

    @job_id.setter
    def job_id(self, value: int | str | None) -> None:
        self.requests.job_id = int(value) if value is not None else None

    def start_over(self) -> None:
        """Have packages drop what they wrote about the last run; called when it is restarted."""
        for added in extensions.usable(extensions.OBJECTS, "analysis"):
            if drop := getattr(added, "drop_last_run", None):
                drop(self)

    # --- inputs and products

    @property
    def dependencies(self) -> list[str]:
        """The names of the analyses that must have finished before it."""
        return [name for _, name in self.workspace.dependencies.of(self.key).keys]

    @property
    def inputs(self) -> list[Analysis]:
        """The analyses whose products it uses."""
        return [
            self.workspace.analysis(key) for key in self.workspace.dependencies.inputs(self.key)
        ]

    @property
    def assets(self) -> dict[str, Any]:
        """Its products: paths by the name of the asset.

        What is not in the run directory any more, or was changed there since it was stored, is
        taken from the results store.

        Raises
        ------
        AsimovError
            If its pipeline raises. The message names this analysis, since another one asks.
        """
        stored = self.stored_products
        if is_gone(self.rundir) and (found := stored.assets()) is not None:
            return found
        try:
            assets = self.pipeline.collect_assets()
        except ReportedError:
            raise
        except (Exception, SystemExit) as error:
            raise AsimovError(
                f"{self.key}: {self.entry.pipeline}.collect_assets raised "
                f"{type(error).__name__}: {error}"
            ) from error
        if not isinstance(assets, Mapping):
            return {}
        done = self.workspace.status(self.key) == "uploaded"
        return stored.instead(assets) if done else dict(assets)

    @property
    def product_folder(self) -> str:
        """The folder of its products: the run directory, or where it is gone, in the store."""
        stored = is_gone(self.rundir) and self.stored_products
        return str(stored.folder) if stored else self.rundir

    @property
    def stored_products(self) -> Stored:
        """Its products as the results store has them."""
        return Stored(self.workspace.store, *self.key, self.rundir)

    @property
    def replaced_products(self) -> frozenset[str]:
        """What the store has in place of what was removed or changed in the run directory.

        Many analyses that use the same products ask for this at once, so the answer is kept for
        `SOON`.
        """
        if self.workspace.status(self.key) != "uploaded" or is_gone(self.rundir):
            return frozenset()
        record, now = self.workspace.records.get(self.key), time.monotonic()
        attempt = record.uid if record else None
        since, of, known = self._replaced
        if now - since > SOON or of != attempt:
            known = frozenset(self.stored_products.taken())
            self._replaced = now, attempt, known
        return known

    def _previous_assets(self) -> dict[str, Any]:
        """Return the products of its inputs; of the same asset, the last input's."""
        previous: dict[str, Any] = {}
        for each in self.inputs:
            previous.update(each.assets)
        return previous

    # --- files

    @property
    def rundir(self) -> str:
        """Its run directory, absolute; a pipeline may set another."""
        project = self.workspace.project
        # The declared defaults have no rundir, so the pipeline need not be imported.
        settings = self.meta if "meta" in vars(self) else self.workspace.settings(self.key)
        if own := settings.get("rundir"):
            return str(project.path(str(own)))
        if self._usual_rundir is None:
            self._usual_rundir = str(project.working / self.key[0] / self.name)
        return self._usual_rundir

    @rundir.setter
    def rundir(self, value: str | Path) -> None:
        self.meta["rundir"] = self.workspace.project.stored(value)

    @property
    def repository(self) -> EventRepo:
        """The git repository that holds its configuration."""
        return self.subject.repository

    @property
    def config_file(self) -> str:
        """The absolute path of its rendered configuration, which may not exist yet."""
        if self._config_file is None:
            path = Path(self.repository.directory, self.category, f"{self.name}.ini")
            self._config_file = str(path)
        return self._config_file

    # --- settings

    @cached_property
    def meta(self) -> dict[str, Any]:
        """Its effective settings; computed on first use, since that may import its pipeline."""
        settings: dict[str, Any] = copied(self.kept_meta)
        return settings

    @cached_property
    def kept_meta(self) -> dict[str, Any]:
        """The settings as they are stored, to find what a pipeline has changed since."""
        return self.workspace.effective(self.key)

    def to_dict(self) -> dict[str, Any]:
        """Return its ledger entry with its current state."""
        return {**copied(self.entry.data), "status": self.status}

    def make_config(
        self,
        filename: str | Path,
        template_directory: str | Path | None = None,
        dryrun: bool = False,
    ) -> str:
        """Render its configuration.

        Parameters
        ----------
        filename
            The file to write.
        template_directory
            Searched for the template before the project's own folders.
        dryrun
            Whether to write nothing.

        Returns
        -------
        str
            The text.

        Raises
        ------
        AsimovError
            If there is no template, or it can't be rendered.
        """
        return make_config(self, Path(filename), template_directory, dryrun)


class SimpleAnalysis(Analysis):
    """A pipeline's run on one subject."""


class SubjectAnalysis(Analysis):
    """A pipeline's run on several analyses of one subject."""

    for_templates: ClassVar[dict[str, str]] = reads("analyses")

    @property
    def analyses(self) -> list[Analysis]:
        """The analyses that it combines."""
        return self.inputs


class ProjectAnalysis(Analysis):
    """A pipeline's run across subjects."""

    for_templates: ClassVar[dict[str, str]] = reads("analyses", "subjects", "events")

    @property
    def analyses(self) -> list[Analysis]:
        """The analyses that it combines."""
        return self.inputs

    @property
    def subjects(self) -> list[Studied]:
        """The subjects that it combines."""
        named = self.entry.data.get("subjects")
        known = self.workspace.contents.subjects
        return [self.workspace.subject(name) for name in (known if named is None else named)]

    @property
    def events(self) -> list[Studied]:
        """The subjects; packages of earlier releases use this name."""
        return self.subjects


#: The class of each kind of ledger entry.
KINDS = {"simple": SimpleAnalysis, "subject": SubjectAnalysis, "project": ProjectAnalysis}
