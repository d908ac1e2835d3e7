"""Names that published packages import, one test for each row of that table, and their imports."""

from __future__ import annotations

import importlib
import inspect
import logging
import subprocess
import sys
import textwrap
from configparser import ConfigParser, NoOptionError
from datetime import datetime, timedelta, timezone
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from asimov.discovery import entrypoints

#: Each module with the names that packages import from it.
NAMES = {
    "asimov": "config logger logging LOGGER_LEVEL current_ledger __version__",
    "asimov.pipeline": "Pipeline PipelineException PipelineLogger PostPipeline PESummaryPipeline",
    "asimov.pipelines": "known_pipelines",
    "asimov.analysis": "Analysis SimpleAnalysis SubjectAnalysis ProjectAnalysis "
    "GravitationalWaveTransient",
    "asimov.event": "Event Production Subject DescriptionException",
    "asimov.utils": "set_directory update diff_dict",
    "asimov.git": "EventRepo AsimovFileNotFound",
    "asimov.storage": "Store AlreadyPresentException",
    "asimov.scheduler": "Scheduler HTCondor Slurm LocalProcessScheduler JobDescription",
    "asimov.scheduler_utils": "create_job_from_dict get_configured_scheduler",
    "asimov.priors": "PriorInterface PriorDict",
    "asimov.ini": "RunConfiguration",
    "asimov.review": "Review ReviewMessage",
    "asimov.auth": "refresh_scitoken",
    "asimov.labellers": "Labeller",
    "asimov.monitor_states": "MonitorState register_state",
    "asimov.telemetry": "TelemetrySink emit_event",
    "asimov.cli.application": "apply_page apply_via_plugin",
}
ROWS = [(module, name) for module, names in NAMES.items() for name in names.split()]

#: What each package says at its head, as it stands there.
STATEMENTS = {
    "asimov-bayeswave": """
        from asimov import config
        from asimov.git import AsimovFileNotFound
        from asimov.pipeline import Pipeline, PipelineException
        from asimov.storage import AlreadyPresentException, Store
        from asimov.utils import set_directory
    """,
    "asimov-cogwheel": """
        from asimov import logger, config
        from asimov.utils import set_directory
        from asimov.pipeline import Pipeline, PipelineException, PipelineLogger, PESummaryPipeline
    """,
    "asimov-gwdata": """
        import asimov.pipeline
        from asimov import config
        from asimov.utils import set_directory
        from asimov.event import Production
    """,
    "asimov-lalinference": """
        from asimov import config, logger
        from asimov.pipeline import Pipeline, PipelineException, PipelineLogger
        from asimov.priors import PriorInterface
        from asimov.utils import set_directory
    """,
    "asimov-pesummary": """
        from asimov import config, logger, logging, LOGGER_LEVEL
        from asimov import utils
        from asimov.analysis import SubjectAnalysis
        from asimov.pipeline import Pipeline, PipelineException, PipelineLogger
        from asimov.scheduler_utils import create_job_from_dict
        from asimov.storage import Store
    """,
    "bilby_pipe": """
        from asimov import auth, config
        from asimov.pipeline import Pipeline, PipelineException, PipelineLogger
        from asimov.priors import PriorInterface
    """,
    "bilby_tgr": """
        from asimov import config, logger
        from asimov import utils
        from asimov.event import Event
        from asimov.pipeline import PipelineException, PipelineLogger
        from asimov.pipeline import PostPipeline
        from asimov.cli.application import apply_via_plugin
    """,
    "cbcflow": """
        from asimov import config, logger
        from asimov.event import Event
    """,
    "dingo-gw": """
        from asimov import config, logger
        from asimov.pipeline import (
            Pipeline,
            PipelineException,
            PipelineLogger,
            PESummaryPipeline,
        )
    """,
    "RIFT": """
        from asimov import config, logger
        from asimov.utils import set_directory
        from asimov.pipeline import Pipeline, PipelineException, PipelineLogger
        from asimov.pipeline import PESummaryPipeline
        from asimov.utils import update
        from asimov import auth
        my_auth_decorator = auth.refresh_scitoken
    """,
}


@pytest.mark.parametrize(("module", "name"), ROWS, ids=".".join)
def test_a_name_of_the_table_is_imported(
    module: str, name: str, project: Path, tmp_path: Path
) -> None:
    """Importable names: every row. (`current_ledger` is None outside of a project.)"""
    found = getattr(importlib.import_module(module), name)
    assert found is not None


@pytest.mark.parametrize("package", STATEMENTS)
def test_what_a_package_imports_is_there_in_a_process_of_its_own(
    package: str, tmp_path: Path
) -> None:
    """Importable names: all of a package together, in its order, outside of any project."""
    program = textwrap.dedent(STATEMENTS[package])
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", ["pipeline", "pipelines", "analysis", "scheduler"])
def test_a_name_that_is_not_there_is_an_import_error(module: str) -> None:
    with pytest.raises(ImportError, match="cannot import name 'Nonsense'"):
        exec(f"from asimov.{module} import Nonsense")


# --- asimov


def test_logging_is_the_standard_librarys() -> None:
    """`asimov`: `logging` (the standard library's), `logger`, `LOGGER_LEVEL`."""
    import asimov

    assert asimov.logging is logging
    assert isinstance(asimov.logger, logging.Logger)
    assert asimov.LOGGER_LEVEL == logging.INFO


def test_the_version_is_one_that_packages_ask_for() -> None:
    """Our distribution is named `asimov`, version 1.0 or later."""
    from importlib.metadata import version

    import asimov

    assert asimov.__version__ == version("asimov")
    assert int(asimov.__version__.partition(".")[0]) >= 1


def test_an_imported_configuration_is_always_the_one_that_holds(
    project: Path, asimov: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """**config** (ConfigParser): of the project that one is in when it is asked."""
    from asimov import config

    assert isinstance(config, ConfigParser)
    assert config.get("project", "root") == str(project)
    assert config["general"]["webroot"] == "pages"
    assert "general" in config
    assert "general" in list(config)
    asimov("configuration", "update", "condor/scheduler", "there")
    assert config.get("condor", "scheduler") == "there"
    monkeypatch.chdir(tmp_path)
    assert not config.has_option("project", "root")
    with pytest.raises(NoOptionError):
        config.get("condor", "scheduler")


def test_the_current_ledger_is_none_outside_of_a_project(tmp_path: Path, project: Path) -> None:
    """`asimov`: `current_ledger`."""
    program = "from asimov import current_ledger; print(current_ledger)"
    for folder, told in ((tmp_path, "None"), (project, "<Ledger of Test project>")):
        done = subprocess.run(
            [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True, check=True
        )
        assert done.stdout.strip() == told


# --- asimov.pipeline, asimov.pipelines, asimov.analysis


def test_exceptions_and_messages_of_pipelines_take_their_three_arguments() -> None:
    """`asimov.pipeline`: `PipelineException` and `PipelineLogger` (message, issue, production)."""
    from asimov.pipeline import PipelineException, PipelineLogger

    error = PipelineException("wrong", issue=1, production="a")
    assert (str(error), error.message, error.issue, error.production) == ("wrong", "wrong", 1, "a")
    assert str(PipelineLogger(message=b"bytes of a program", production="a")) == (
        "bytes of a program"
    )
    with pytest.raises(PipelineException):
        raise PipelineException("only a message")
    with pytest.raises(PipelineException):
        raise PipelineException  # as packages do where they are made for another pipeline


def test_known_pipelines_are_loaded_one_by_one() -> None:
    """`asimov.pipelines`: `known_pipelines`."""
    from asimov.pipelines import known_pipelines
    from asimov.pipelines.testing import SimpleTestPipeline

    assert known_pipelines["simpletestpipeline"] is SimpleTestPipeline
    assert "simpletestpipeline" in known_pipelines
    assert "nonsense" not in known_pipelines
    assert known_pipelines.get("nonsense") is None


def test_bilby_is_the_class_that_its_package_publishes(monkeypatch: pytest.MonkeyPatch) -> None:
    """`asimov.pipelines`: of older releases `Bilby` (bilby_tgr derives its pipeline from it)."""
    from asimov import pipelines
    from asimov.pipeline import Pipeline

    with pytest.raises(ImportError, match="there is no pipeline 'bilby'"):
        _ = pipelines.Bilby
    made = type("Bilby", (Pipeline,), {"name": "bilby"})
    entry = SimpleNamespace(name="bilby", load=lambda: made, dist=None, value="x:y")
    monkeypatch.setattr(entrypoints, "found", lambda group: {"bilby": entry})
    entrypoints.load.cache_clear()
    assert pipelines.Bilby is made
    entrypoints.load.cache_clear()


def test_post_processing_classes_are_made_from_an_analysis_alone() -> None:
    """`asimov.pipeline`: of older releases `PostPipeline`, `PESummaryPipeline`."""
    from asimov.pipeline import PESummaryPipeline, PostPipeline

    assert issubclass(PESummaryPipeline, PostPipeline)
    assert "production" in inspect.signature(PESummaryPipeline).parameters


def test_kinds_of_analysis_are_told_by_isinstance() -> None:
    """`asimov.analysis`: the kinds, with `GravitationalWaveTransient` among the simple ones."""
    from asimov.analysis import (
        Analysis,
        GravitationalWaveTransient,
        ProjectAnalysis,
        SimpleAnalysis,
        SubjectAnalysis,
    )

    for kind in (SimpleAnalysis, SubjectAnalysis, ProjectAnalysis):
        assert issubclass(kind, Analysis)
    assert issubclass(GravitationalWaveTransient, SimpleAnalysis)


# --- asimov.event


def test_an_event_is_made_outside_of_any_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`asimov.event`: `Event.from_dict`, `name`, `meta`, `work_dir`, `productions`."""
    from asimov.event import Event, Production, Subject

    monkeypatch.chdir(tmp_path)
    given = {
        "name": "S1",
        "data": {"channels": {"H1": "x"}},
        "productions": [{"A": {"pipeline": "bilby", "status": "wait"}}],
    }
    event = Event.from_dict(given)
    assert Subject is Event
    assert (event.name, event.meta) == ("S1", {"data": {"channels": {"H1": "x"}}})
    assert event.meta["data"] is not given["data"]
    assert event.work_dir == str(tmp_path / "working" / "S1")
    assert event.webdir == str(tmp_path / "pages" / "S1")
    assert event.repository.directory == str(tmp_path / "checkouts" / "S1")
    assert event.issue_object is None
    (production,) = event.productions
    assert isinstance(production, Production)
    assert (production.name, production.pipeline, production.status) == ("A", "bilby", "wait")
    assert event.analyses == [production]
    event.update_data()
    with pytest.raises(ValueError, match="S1 already has an analysis 'A'"):
        event.add_production(Production.from_dict({"name": "A", "pipeline": "rift"}, event))
    assert list(tmp_path.iterdir()) == []


def test_an_event_that_is_made_with_a_ledger_is_added_to_it() -> None:
    """`asimov.event`: `Event.from_dict(data, ledger=...)`."""
    from asimov.event import Event

    told: list[Any] = []
    ledger = SimpleNamespace(
        add_event=lambda each: told.append(("add", each)),
        update_event=lambda each: told.append(("update", each)),
    )
    event = Event.from_dict({"name": "S1", "x": 1}, ledger=ledger)
    event.update_data()
    assert told == [("add", event), ("update", event)]
    assert event.to_dict() == {"name": "S1", "x": 1}


def test_an_analysis_without_a_pipeline_is_not_described() -> None:
    """`asimov.event`: `DescriptionException`."""
    from asimov.event import DescriptionException, Production

    with pytest.raises(DescriptionException, match="'pipeline'") as told:
        Production.from_dict({"A": {"x": 1}})
    assert told.value.message == str(told.value)


# --- asimov.utils, asimov.git, asimov.storage


def test_helpers_do_as_they_are_called(tmp_path: Path) -> None:
    """`asimov.utils`: `set_directory`, `update`, `diff_dict`."""
    from asimov.utils import diff_dict, set_directory, update

    before = Path.cwd()
    with set_directory(str(tmp_path)):
        assert Path.cwd() == tmp_path
    assert Path.cwd() == before
    base = {"a": {"x": 1, "y": 2}}
    assert update(base, {"a": {"x": 3}}, inplace=False) == {"a": {"x": 3, "y": 2}}
    assert base == {"a": {"x": 1, "y": 2}}
    update(base, {"a": {"x": 3}})
    assert base["a"]["x"] == 3
    assert diff_dict({"a": {"x": 1, "y": 2}}, {"a": {"x": 3, "y": 2}}) == {"a": {"x": 3}}


def test_a_missing_file_of_a_repository_is_a_file_not_found_error() -> None:
    """`asimov.git`: `AsimovFileNotFound`."""
    from asimov.git import AsimovFileNotFound

    assert issubclass(AsimovFileNotFound, FileNotFoundError)


def test_a_store_is_made_from_the_configured_folder(project: Path) -> None:
    """`asimov.storage`: `Store(root=config.get("storage", "directory"))`, as packages say."""
    from asimov.storage import AlreadyPresentException, Store

    from asimov import config

    (project / "a.txt").write_text("1")
    store = Store(root=config.get("storage", "directory"))
    store.add_file("s", "a", file="a.txt")
    assert store.fetch_file("s", "a", "a.txt").read_text() == "1"
    (project / "a.txt").write_text("2")
    with pytest.raises(AlreadyPresentException):
        store.add_file("s", "a", file=str(project / "a.txt"))


# --- asimov.scheduler, asimov.scheduler_utils


def test_a_scheduler_is_told_by_isinstance(workspace: Any) -> None:
    """`asimov.scheduler`: `HTCondor`, `Slurm`, `LocalProcessScheduler`."""
    from asimov.errors import SchedulerError
    from asimov.scheduler import HTCondor, LocalProcessScheduler, Scheduler, Slurm

    local = workspace.scheduler("local")
    assert isinstance(local, (Scheduler, LocalProcessScheduler))
    assert not isinstance(local, (Slurm, HTCondor))
    assert not isinstance(None, Slurm)
    kind = type("Published", (type(local),), {"name": "slurm"})
    assert isinstance(kind.from_project(workspace.project.root, workspace.project.config), Slurm)
    with pytest.raises(SchedulerError, match="no scheduler for Slurm"):
        Slurm(partition="x")


def test_a_job_description_can_be_changed_after_it_was_made() -> None:
    """`asimov.scheduler`: `JobDescription(...)` with a mutable `.kwargs`."""
    from asimov.scheduler import JobDescription

    job = JobDescription("/bin/true", "o", "e", "l", cpus=2)
    job.kwargs["accounting_group"] = "g"
    job.kwargs["+Flock"] = True
    assert job.commands() == {
        "executable": "/bin/true", "output": "o", "error": "e", "log": "l",
        "request_cpus": "2", "accounting_group": "g", "+Flock": "true",
    }  # fmt: skip


def test_a_job_is_made_from_a_mapping_of_submit_commands() -> None:
    """`asimov.scheduler_utils`: `create_job_from_dict`, as asimov-pesummary calls it."""
    from asimov.scheduler_utils import create_job_from_dict

    from asimov.errors import AsimovError

    given = {
        "executable": "/bin/true", "arguments": "-v", "output": "o", "error": "e", "log": "l",
        "request_cpus": 4, "request_memory": "8192MB", "request_disk": "1GB", "getenv": "true",
    }  # fmt: skip
    job = create_job_from_dict(dict(given))
    assert {key: str(value) for key, value in given.items()} == job.commands()
    assert (job.kwargs["cpus"], job.kwargs["memory"]) == (4, "8192MB")
    with pytest.raises(AsimovError, match="without an 'executable'"):
        create_job_from_dict({"output": "o"})


def test_the_configured_scheduler_is_the_one_that_jobs_are_tagged_by(workspace: Any) -> None:
    """`asimov.scheduler_utils`: `get_configured_scheduler`."""
    from asimov.scheduler_utils import get_configured_scheduler

    assert get_configured_scheduler() is workspace.scheduler()


# --- asimov.ini, asimov.review, asimov.auth


def test_a_run_configuration_has_its_place_and_its_options(tmp_path: Path) -> None:
    """`asimov.ini`: `RunConfiguration` (`.ini_loc`, `.ini`)."""
    from asimov.ini import RunConfiguration

    path = tmp_path / "a.ini"
    path.write_text("[Section]\nKey = 100%(x)s\n")
    read = RunConfiguration(str(path))
    assert read.ini_loc == str(path)
    assert read.ini.get("Section", "Key") == "100%(x)s"
    assert list(read.ini["Section"]) == ["Key"]
    with pytest.raises(ValueError, match="no configuration file yet"):
        RunConfiguration(str(tmp_path / "b.ini"))
    path.write_text("label = x\n")
    other = RunConfiguration(str(path))
    assert other.ini_loc == str(path)
    with pytest.raises(ValueError, match="sections and options"):
        _ = other.ini
    assert RunConfiguration({"a": {"b": "1"}}).ini.get("a", "b") == "1"


def test_a_review_is_what_its_last_message_with_a_status_says() -> None:
    """`asimov.review`: `Review`, `ReviewMessage(message=, production=, status=)`."""
    from asimov.review import Review, ReviewMessage

    review = Review()
    assert (review.status, len(review), list(review)) == (None, 0, [])
    earlier = datetime.now() - timedelta(days=1)
    review.add(ReviewMessage(message="good", production=None, status="approved"))
    review.add(ReviewMessage(message="looked", production=None, timestamp=earlier))
    assert [each.message for each in review.messages] == ["looked", "good"]
    assert review.status == "APPROVED"
    assert review[0].status is None
    assert f"{review[0].timestamp:%Y-%m-%d}" == f"{earlier.astimezone(timezone.utc):%Y-%m-%d}"
    with pytest.raises(ValueError, match="can't be 'splendid'"):
        ReviewMessage(message="", production=None, status="splendid")


PROGRAM = '#!/bin/sh\necho "$(basename "$0") $*" >> "$CALLED"\nexit 1\n'


@pytest.fixture
def called(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand in for the programs of a grid's tokens; all of them fail."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("kinit", "htgettoken", "condor_vault_storer"):
        (programs / name).write_text(PROGRAM)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(programs), prepend=":")
    monkeypatch.setenv("CALLED", str(tmp_path / "called"))
    return tmp_path / "called"


def test_a_decorated_method_is_called_with_what_it_is_given(called: Path, asimov: Any) -> None:
    """`asimov.auth`: `refresh_scitoken`, where nothing is configured for it."""
    from asimov.auth import refresh_scitoken

    @refresh_scitoken
    def build_dag(self: int, user: str | None = None, dryrun: bool = False) -> tuple[Any, ...]:
        """Build."""
        return self, user, dryrun

    assert build_dag(1, dryrun=True) == (1, None, True)
    assert list(inspect.signature(build_dag).parameters) == ["self", "user", "dryrun"]
    assert build_dag.__doc__ == "Build."
    assert not called.exists()


def test_the_token_is_renewed_before_each_call_and_its_failure_is_no_end(
    called: Path, asimov: Any
) -> None:
    """`asimov.auth`: `refresh_scitoken`, with its section in the configuration."""
    from asimov.auth import refresh_scitoken

    asimov("configuration", "update", "authentication/htgettoken options", "-a vault -i igwn")
    asimov("configuration", "update", "authentication/scopes", "igwn")
    assert refresh_scitoken(lambda: 7)() == 7
    assert called.read_text() == "htgettoken -a vault -i igwn\ncondor_vault_storer igwn\n"


# --- a package that can't be imported


@pytest.mark.parametrize(
    ("missing", "hint"),
    [
        ("otter.bootstrap", "pip install 'asimov[compat]'"),
        ("htcondor", "pip install 'asimov[compat]'"),
        ("nonsense", "reinstall or remove the package; the rest of asimov works without it"),
    ],
)
def test_what_a_package_lacks_and_does_not_ask_for_is_named(
    monkeypatch: pytest.MonkeyPatch, missing: str, hint: str
) -> None:
    """A package whose entry point fails to import: asimov-pesummary and asimov-cogwheel do so."""

    def load() -> None:
        raise ModuleNotFoundError(f"No module named {missing!r}", name=missing)

    entry = SimpleNamespace(name="x", load=load, dist=SimpleNamespace(name="pkg"), value="x:y")
    monkeypatch.setattr(entrypoints, "found", lambda group: {"x": entry})
    entrypoints.load.cache_clear()
    with pytest.raises(entrypoints.PluginError, match="of the package pkg can't be loaded") as told:
        entrypoints.load(entrypoints.PIPELINES, "x")
    assert told.value.hint == hint
    entrypoints.load.cache_clear()


def test_names_of_the_package_are_made_when_asked_for(project: Path) -> None:
    import asimov

    assert asimov.config.get("project", "root") == str(project)
    assert asimov.logging.__name__ == "logging"
    assert asimov.logger.name == "asimov"
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = asimov.nothing
