"""The base class of pipelines: the methods that asimov calls, and when it calls them.

A pipeline knows how to configure, build, submit and recognise the end of one kind of analysis.
It is a class that a package publishes under the entry-point group ``asimov.pipelines``; the page
``docs/pipelines.md`` holds the table of its methods.
"""

from __future__ import annotations

import configparser
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from asimov.discovery import extensions
from asimov.errors import AsimovError
from asimov.logs import logger
from asimov.pipeline.assets import Asset, paths_of
from asimov.pipeline.errors import PipelineException, PipelineLogger
from asimov.pipeline.post_processing import PostProcessing
from asimov.pipeline.questions import Question
from asimov.project.layout import PROVENANCE_FILE
from asimov.project.storage.superseded import move_aside
from asimov.rendering.access import reads
from asimov.scheduler import Scheduler
from asimov.scheduler.jobs import submit_commands
from asimov.scheduler.languages.dag_outputs import rescue_files
from asimov.settings import Fault, made
from asimov.settings.lookup import of_class, published
from asimov.system.reading import tail

if TYPE_CHECKING:
    from asimov.project.analysis import Analysis

__all__ = ["Pipeline", "PipelineException", "PipelineLogger"]

#: How often `Pipeline.resurrect` submits an analysis again, unless its settings say otherwise.
MAX_RESURRECTIONS = 5

#: How long after a failure that is, in seconds, unless its settings say otherwise; twice as long
#: each time. The local scheduler's jobs do not wait.
RESURRECTION_PAUSE = 60

#: Submit commands that concern a DAG as a whole; others are for the submit files of its nodes.
_OF_DAGS = frozenset({"accounting_group", "accounting_group_user", "requirements", "priority"})


class Pipeline:
    """The base class of pipelines; every method may be overridden.

    Parameters
    ----------
    production
        The analysis. While a pipeline is made, ``production.pipeline`` is its name.
    category
        The folder of the configuration in the subject's repository.

    Attributes
    ----------
    config_template
        The template of the configuration: an absolute path, or one among asimov's own.
    """

    name: ClassVar[str] = "pipeline"
    config_template: Any = None
    #: The dialect of its template, ``jinja`` unless a package adds others; None asks the file.
    template_dialect: ClassVar[str | None] = None
    #: What it is for: ``simple`` analyses, those over a ``subject``'s, those across the
    #: ``project``; for people, and None where it is for any.
    kind: ClassVar[str | None] = None
    #: Settings that the pipeline reads, besides those of every analysis: a dataclass (see
    #: `asimov.settings`), or only their names, perhaps with a line about each; 'asimov apply'
    #: points out near misses.
    settings: ClassVar[type | tuple[str, ...] | Mapping[str, str]] = ()
    #: What the pipeline needs of the analyses that it uses, and what it makes.
    inputs: ClassVar[tuple[Asset, ...]] = ()
    outputs: ClassVar[tuple[Asset, ...]] = ()
    #: Whether its analyses may make other assets besides those that are declared.
    makes_more: ClassVar[bool] = False
    #: Whether 'asimov apply' refuses a key of an analysis that is nearly one of `settings`.
    refuses_misspelt: ClassVar[bool] = False
    #: Whether a job that failed (exit code, signal, removal) is never complete, whatever it left.
    needs_success: ClassVar[bool] = False
    #: Whether `submit_dag` starts a program that submits (None: it does where it is overridden):
    #: after a crash such a program is given a minute before its job is taken for never made.
    submits_by_program: ClassVar[bool | None] = None
    #: Assets that the default `store_results` did not find; the monitor reports them.
    not_stored: Sequence[str] = ()
    #: Names of inputs and outputs as published packages list them, for people to read.
    required_inputs: Any = ()
    available_outputs: Any = ()
    #: Patterns of files in the run directory that `collect_logs` reads.
    log_patterns: Any = ("*.err", "*.out", "*/*.err", "*/*.out")
    #: A pattern of files beside the job's event log: `check_progress` is called once there is one.
    #: Empty: in every pass.
    progress_files: ClassVar[str] = ""

    #: What templates of a project may read, besides plain data; see `asimov.rendering.access`.
    for_templates: ClassVar[dict[str, str]] = reads(
        "name", "production", "analysis", "options", "dag_file", "get_prior_interface"
    )

    # Packages may make theirs without calling `__init__` of this class.
    def __new__(cls, *arguments: Any, **named: Any) -> Pipeline:  # noqa: D102
        extensions.extend(Pipeline, "pipeline")
        return super().__new__(cls)

    def __init__(self, production: Analysis, category: str | None = None) -> None:
        self.production = production
        self.category = category or production.category
        self.logger = logger().getChild(f"{production.key}")
        self._scheduler: Scheduler | None = None
        self._prior_interface: Any = None

    def __str__(self) -> str:
        return self.name.lower()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} of {getattr(self, 'production', None)!r}>"

    @property
    def analysis(self) -> Analysis:
        """The analysis; the same as `production`."""
        return self.production

    @property
    def options(self) -> Any:
        """The analysis's current settings, as an instance of the class `settings`.

        Raises
        ------
        AsimovError
            Where they are not what the class declares, or the pipeline names no class.
        """
        declared = of_class(type(self)) or published(self.production.entry.pipeline)
        if declared is None:
            raise AsimovError(f"the pipeline {self.name} declares no settings class")
        return made(declared, self.production.meta)

    @property
    def scheduler(self) -> Scheduler:
        """Where jobs are submitted."""
        if getattr(self, "_scheduler", None) is None:
            self._scheduler = self.production.workspace.scheduler()
        assert self._scheduler is not None
        return self._scheduler

    # --- asimov apply and asimov manage build

    @classmethod
    def settings_faults(cls, settings: Mapping[str, Any], root: Path) -> Iterable[Fault]:
        """Return what is wrong with settings, as far as that is known before a build.

        ``asimov apply`` prints a note of it, or refuses it if it is final; a build refuses all.

        Parameters
        ----------
        settings
            The effective settings of an analysis.
        root
            The project's folder.
        """
        return ()

    @classmethod
    def inputs_with(cls, settings: Mapping[str, Any]) -> Sequence[Asset]:
        """Return what an analysis with some settings needs of others; by default `inputs`.

        The settings may be faulty; what can't be read of them declares nothing.
        """
        return cls.inputs

    @classmethod
    def outputs_with(cls, settings: Mapping[str, Any]) -> Sequence[Asset]:
        """Return what an analysis with some settings makes, as `inputs_with`."""
        return cls.outputs

    # --- asimov manage build

    def before_config(self, dryrun: bool = False) -> None:
        """Prepare for rendering the configuration, such as by completing the settings."""

    def check_jobs(self) -> None:
        """Look for what `build_dag` would refuse, once the configuration is written.

        An `AsimovError` refuses the build: the analysis stays ready, and the next build tries
        again. It is called at every build; it writes nothing.
        """

    def questions(self) -> Sequence[Question[Any]]:
        """Return what a person is asked by now, in order; what was answered may be among it.

        With a question that its settings don't answer, an analysis waits for ``asimov answer``.
        """
        return ()

    # --- asimov manage submit

    def before_build(self, dryrun: bool = False) -> None:
        """Prepare for `build_dag`."""

    def build_dag(self, dryrun: bool = False) -> Any:
        """Write the files to submit into the run directory; safe to call again."""
        raise PipelineException(f"the pipeline {self.name} does not say how to build its DAG")

    def before_submit(self, dryrun: bool = False) -> None:
        """Prepare for `submit_dag`, such as by correcting the built files."""

    def submit_dag(self, dryrun: bool = False) -> Any:
        """Submit what was built, and return the number of the job's cluster.

        The default submits `dag_file`.
        """
        if dryrun:
            print(f"submit {self.dag_file} as a DAG")
            return None
        return self._submit_dag_file()

    @property
    def dag_file(self) -> Path:
        """The DAG file that the default `submit_dag` submits."""
        return Path(self.production.rundir, f"{self.production.name}.dag")

    def _submit_dag_file(self) -> int:
        commands = submit_commands(self.production.meta.get("scheduler") or {})
        return self.scheduler.submit_dag(
            dag_file=str(self.dag_file),
            batch_name="/".join([self.name, *self.production.key]),
            **{key: value for key, value in commands.items() if key in _OF_DAGS},
        )

    def image_of_jobs(self) -> str | None:
        """Return the container image that the jobs run in, for the record; None if there is none.

        It is a reference, or the path of a file or folder.
        """
        return None

    # --- asimov monitor, while the job is there

    def while_running(self) -> None:
        """Run in every pass while the job exists."""

    def check_progress(self) -> Any:
        """Return the job's progress: text, or a mapping of texts."""
        return None

    # --- asimov monitor, once the job has ended

    def detect_completion(self) -> bool:
        """Return whether every expected product exists; called once the job has ended."""
        return False

    def missing_outputs(self) -> list[str]:
        """Name what `detect_completion` found missing, for people to read."""
        return []

    def after_completion(self) -> None:
        """Run after completion, such as to submit post-processing.

        A pipeline that submits post-processing sets the state to ``processing`` and the job id.
        """

    def detect_completion_processing(self) -> bool:
        """Return whether post-processing is complete; called once its job has ended.

        The default asks each kind of post-processing in the setting ``postprocessing``.
        """
        return all(each.complete() for each in self._post_processing())

    def after_processing(self) -> None:
        """Finish an analysis that is complete; the default stores its results."""
        self.store_results()

    def _post_processing(self) -> list[PostProcessing]:
        """Return the known kinds of post-processing that the settings ask for."""
        wanted = self.production.meta.get("postprocessing") or {}
        return [
            extensions.load(point)(self.production)
            for point in extensions.points(extensions.POSTPROCESSING)
            if point.name in wanted
        ]

    def store_results(self) -> None:
        """Put the products into the results store: every file and folder among the assets.

        So do the products of post-processing, and the record of what the attempt ran with. Assets
        that do not exist are named in `not_stored`.
        """
        store = self.production.workspace.store
        products = paths_of(self.collect_assets())
        for each in self._post_processing():
            products += each.products()
        rundir = Path(self.production.rundir)
        self.not_stored = store.add_products(
            *self.production.key, products, rundir, rundir / PROVENANCE_FILE
        )

    # --- products

    def collect_assets(self, absolute: bool = False) -> dict[str, Any]:
        """Return the products by name: paths, lists of paths, or mappings of paths."""
        return {}

    def samples(self, absolute: bool = False) -> Any:
        """Return the paths of posterior samples, where the analysis makes any."""
        return self.collect_assets().get("samples", [])

    def collect_logs(self) -> dict[str, str]:
        """Return the ends of the job's output files by their names."""
        rundir = Path(self.production.rundir)
        paths = (path for pattern in self.log_patterns for path in sorted(rundir.glob(pattern)))
        return {str(path.relative_to(rundir)): tail(path) for path in paths if path.is_file()}

    def collect_pages(self) -> Any:
        """Copy files for the report to the web folder."""
        return None

    def html(self) -> str:
        """Return what a report shows about the analysis, as HTML."""
        return ""

    def result_pages(self) -> Any:
        """Return the addresses of pages about the results."""
        return []

    # --- removing, cleaning, retrying

    def eject_job(self) -> None:
        """Remove the job from the scheduler."""
        if self.production.job_id is not None:
            self.scheduler.remove(self.production.job_id, "removed by asimov")

    def clean(self, dryrun: bool = False) -> None:
        """Move the run directory aside, to ``<name>.superseded-<n>``, and post-processing too."""
        rundir = Path(self.production.rundir)
        if not self.production.workspace.project.is_working(rundir):
            raise AsimovError(
                "will not be cleared: it is not in the project's working folder", where=rundir
            )
        paths = self.paths_to_clean()
        if dryrun:
            print(f"move {rundir} aside" + ("" if paths is None else ", but for what succeeded"))
            return
        move_aside(rundir, paths)
        for each in self._post_processing():
            each.clear()

    def paths_to_clean(self) -> list[Path] | None:
        """Return what `clean` moves aside from the run directory; None for all of it."""
        return None

    @property
    def would_fail_again(self) -> bool:
        """Whether a job that failed would fail in the same way, so that it is not resubmitted."""
        return False

    def resurrect(self) -> None:
        """Resubmit a job that ended before it was complete.

        The default does so where a DAG left a rescue file. After `MAX_RESURRECTIONS` submissions
        (setting ``max resurrections``) it is not called any more, and never before a pause
        (setting ``resurrection pause``) has gone by.
        """
        if rescue_files(self.dag_file):
            self.set_aside_unfinished()
            self.production.job_id = self._submit_dag_file()

    def set_aside_unfinished(self) -> None:
        """Move aside what failed nodes have left half written; `resurrect` calls it.

        The default leaves it in place: most programs continue from it.
        """

    # --- queries

    @classmethod
    def read_ini(cls, filepath: str | Path) -> configparser.RawConfigParser:
        """Read a configuration file of this pipeline; lines in front of a section are allowed."""
        parser = configparser.RawConfigParser()
        parser.read_string("[root]\n" + Path(filepath).read_text(), source=str(filepath))
        return parser

    def get_prior_interface(self) -> Any:
        """Return what turns the settings of priors into the pipeline's own, if it has any."""
        return None

    def get_state_handlers(self) -> Mapping[str, Any]:
        """Return the pipeline's own handlers of states, by state."""
        return {}

    def get_actual_inputs(self, production: Analysis | None = None) -> Any:
        """Return the inputs that an analysis has."""
        return (production or self.production)._previous_assets()

    def get_actual_outputs(self, production: Analysis | None = None) -> Any:
        """Return the outputs that an analysis has."""
        return (production or self.production).assets
