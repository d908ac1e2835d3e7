"""Older attributes of analyses, subjects, repositories and pipelines that packages still use."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from asimov.compat.names.ini import RunConfiguration
from asimov.compat.names.review import Review
from asimov.errors import AsimovError
from asimov.project.analysis import Analysis
from asimov.project.git.repository import EventRepo
from asimov.project.subject import Subject
from asimov.rendering.access import reads

#: Methods of a subject's repository that find one file of a category, with that file's pattern.
FILES = {
    "find_timefile": "*gps*.txt",
    "find_coincfile": "*coinc*.xml",
}


class OlderAnalysis(Analysis):
    """Older attributes of an analysis."""

    #: What templates of a project may read; ``results`` opens no file for them.
    for_templates: ClassVar[dict[str, str]] = reads(
        "get_meta",
        "review",
        "resolved_dependencies",
        "get_configuration",
        results="_stored_results",
    )

    def get_meta(self, key: str) -> Any:
        """Return a setting; None where there is none."""
        return self.meta.get(key)

    def set_meta(self, key: str, value: Any) -> None:
        """Write a setting, to be kept."""
        self.meta[key] = value

    def drop_last_run(self) -> None:
        """Reset the number of resurrections, which packages count themselves."""
        if "resurrections" in self.meta:
            self.meta["resurrections"] = 0

    @property
    def review(self) -> Any:
        """Its review, as `asimov.review.Review` (cbcflow, bilby_tgr)."""
        return Review.of(self)

    @property
    def resolved_dependencies(self) -> list[str] | None:
        """The names of its inputs, as a pipeline wrote them (asimov-pesummary)."""
        return self.meta.get("resolved_dependencies")

    @resolved_dependencies.setter
    def resolved_dependencies(self, names: list[str]) -> None:
        self.meta["resolved_dependencies"] = list(names)

    def get_configuration(self) -> Any:
        """Return its configuration as `asimov.ini.RunConfiguration` (asimov-bayeswave, RIFT).

        Raises
        ------
        ValueError
            Where there is none yet.
        """
        own = self.meta.get("ini")
        path = self.workspace.project.path(str(own)) if own else self.config_file
        return RunConfiguration(str(path))

    def results(
        self, filename: str | None = None, handle: bool = False, hash: str | None = None
    ) -> Any:
        """Return its files in the results store.

        Parameters
        ----------
        filename
            A file's name in the store.
        handle
            Whether to open that file.
        hash
            The SHA-256 that the file should have. Folders and links have none.

        Returns
        -------
        dict, Path or file
            Without a name a mapping of all files to checksum, size and time; else the file's path,
            or the open file.

        Raises
        ------
        AsimovError
            Where the store has no such file, or it is not as it was stored; where what is to be
            opened or compared is a folder, or a link to be compared.
        """
        store = self.workspace.store
        if filename is None:
            return store.manifest(*self.key)
        path = store.fetch_file(*self.key, filename)
        entry = store.manifest(*self.key)[filename]
        if hash is not None and "sha256" not in entry:
            what = "a link" if "link" in entry else "a folder"
            raise AsimovError(
                f"is {what}, so it has no checksum of its own",
                where=path,
                hint="ask for a file in it" if what == "a folder" else "ask for what it points to",
            )
        if hash is not None and entry["sha256"] != hash:
            raise AsimovError("is stored with a different checksum", where=path)
        if handle and path.is_dir():
            raise AsimovError(
                "is a folder and can't be opened", where=path, hint="ask for a file in it"
            )
        return path.open() if handle else path

    def _stored_results(self, filename: str | None = None, hash: str | None = None) -> Any:
        return self.results(filename, hash=hash)


class OlderSubject(Subject):
    """Older attributes of a subject."""

    #: What templates of a project may read; ``work_dir`` makes no folder for them.
    for_templates: ClassVar[dict[str, str]] = reads(
        "webdir", "productions", work_dir="_work_dir_path"
    )

    @property
    def work_dir(self) -> str:
        """The folder of its run directories, absolute.

        It is created, except in a dry run: RIFT enters it before anything is built.
        """
        if not self.workspace.reading:
            Path(self._work_dir_path).mkdir(parents=True, exist_ok=True)
        return self._work_dir_path

    @property
    def _work_dir_path(self) -> str:
        return str(self.workspace.project.working / self.name)

    @property
    def webdir(self) -> str:
        """The folder of its pages, absolute."""
        config = self.workspace.project.config
        return str(Path(self.workspace.project.root, config.get("general", "webroot"), self.name))

    @property
    def productions(self) -> list[Any]:
        """Its analyses, and those that were added and are not in the ledger yet."""
        return [*self.analyses, *self.added]

    def add_production(self, production: Any) -> None:
        """Add an analysis, such as `asimov.event.Production.from_dict` makes.

        It comes into the ledger with `update_data`, or with the ledger's `update_event`.

        Raises
        ------
        ValueError
            Where the subject has one of that name.
        """
        if production.name in [each.name for each in self.productions]:
            raise ValueError(f"{self.name} already has an analysis {production.name!r}")
        self.added.append(production)

    def update_data(self) -> None:
        """Keep what was written to the subject.

        While a pipeline's method runs this does nothing: what it writes is kept when it returns.
        """
        if self.workspace.ledger is not None:
            self.workspace.ledger.update_event(self)


class OlderRepository(EventRepo):
    """Older attributes of a subject's repository (asimov-bayeswave, asimov-lalinference, RIFT)."""

    #: What templates of a project may read.
    for_templates: ClassVar[dict[str, str]] = reads(*FILES)

    def find_timefile(self, category: str | None = "analyses") -> str:
        """Return the absolute path of the file of GPS times.

        Raises
        ------
        AsimovFileNotFound
            If there is none.
        """
        return self.find_file(FILES["find_timefile"], category)

    def find_coincfile(self, category: str | None = "analyses") -> str:
        """Return the absolute path of the coinc file.

        Raises
        ------
        AsimovFileNotFound
            If there is none.
        """
        return self.find_file(FILES["find_coincfile"], category)


class OlderPipeline:
    """Older attributes of a pipeline."""

    production: Analysis

    def run_pesummary(self) -> Any:
        """Submit PESummary for the samples; for pipelines whose `after_completion` calls it.

        Returns
        -------
        int
            The job's cluster. The pipeline asks for the state ``processing``.
        """
        from asimov.compat.pesummary import PESummaryPipeline

        job_id = self.production.job_id = PESummaryPipeline(self.production).submit_dag()
        self.production.status = "processing"
        return job_id
