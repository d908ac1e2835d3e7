"""What published packages ask of objects: production, event, repository, config and meta."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from configparser import ConfigParser, NoOptionError, NoSectionError
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from asimov.git import AsimovFileNotFound
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.errors import AsimovError
from asimov.project.workspace import Workspace

BLUEPRINT = """
{kind: configuration, postprocessing: {summary: {cores: 4}}}
---
{kind: subject, name: s, level: 1}
---
{kind: subject, name: t}
---
{kind: analysis, event: s, name: a, pipeline: simpletestpipeline, comment: first}
---
{kind: analysis, event: s, name: b, pipeline: simpletestpipeline, needs: [a]}
---
{kind: analysis, event: s, name: over, pipeline: subjecttestpipeline, analyses: [a]}
---
{kind: projectanalysis, name: all, pipeline: projecttestpipeline, subjects: [s], analyses: [a]}
"""


@contextmanager
def opened(root: Path) -> Iterator[Workspace]:
    workspace = Workspace.open(root)
    try:
        yield workspace
    finally:
        workspace.journal.close()


@pytest.fixture
def made(project: Path, asimov: Callable[..., Any], blueprint: Callable[[str], Path]) -> Path:
    ran = asimov("apply", "-f", blueprint(BLUEPRINT))
    assert ran.code == 0, ran
    return project


@pytest.fixture
def ws(made: Path) -> Iterator[Workspace]:
    with opened(made) as workspace:
        yield workspace


@pytest.fixture
def production(ws: Workspace) -> Any:
    return ws.analysis(("s", "a"))


# --- production


def test_what_an_analysis_is(production: Any, ws: Workspace, made: Path) -> None:
    """**production**: `name`, `comment`, `category`, `event` = `subject`, `finished`, ..."""
    assert (production.name, production.comment, production.category) == ("a", "first", "analyses")
    assert production.event is production.subject is ws.subject("s")
    assert production.status == "ready"
    assert production.finished is False
    assert production.dependencies == []
    assert ws.analysis(("s", "b")).dependencies == ["a"]
    assert production._previous_assets() == {}
    assert production.repository is production.event.repository


def test_the_pipeline_is_an_object_that_is_printed_as_its_name(production: Any) -> None:
    """**production**: `pipeline`; `str(pipeline).lower()` is compared with names."""
    assert isinstance(production.pipeline, SimpleTestPipeline)
    assert str(production.pipeline) == "simpletestpipeline"
    assert f"{production.pipeline}" == "simpletestpipeline"
    assert production.pipeline.production is production
    assert repr(production.pipeline) == "<SimpleTestPipeline of <SimpleAnalysis s/a>>"


@pytest.mark.parametrize("value", [12, "12"])
def test_a_job_id_is_set_in_whatever_form(production: Any, value: Any) -> None:
    """**production**: `job_id` (settable)."""
    assert production.job_id is None
    production.job_id = value
    assert production.job_id == 12


@pytest.mark.parametrize("inside", [False, True])
def test_a_job_id_among_the_settings_is_the_job(lab: Any, inside: bool) -> None:
    """**production**: `meta["job id"]`, `meta["scheduler"]["job id"]`."""

    def submit_dag(self: Any, dryrun: bool = False) -> None:
        job = SimpleTestPipeline.submit_dag(self)
        meta = self.production.meta.setdefault("scheduler", {}) if inside else self.production.meta
        meta["job id"] = job

    lab.register("older", type("P", (SimpleTestPipeline,), {"submit_dag": submit_dag}))
    lab.apply("a, pipeline: older")
    lab.run("manage", "build", "submit")
    row = lab.rows()["a"]
    assert (row["status"], [(row["job_id"])]) == ("running", [job for job, _ in lab.jobs()])
    workspace = lab.open()
    assert "job id" not in workspace.settings(("s", "a"))
    lab.finish()


def test_a_state_that_is_set_is_asked_for(production: Any) -> None:
    """**production**: `status` (settable)."""
    production.status = "Processing"
    assert production.status == "processing"


def test_a_run_directory_is_absolute_and_can_be_set(production: Any, made: Path) -> None:
    """**production**: `rundir` (settable)."""
    assert production.rundir == str(made / "working" / "s" / "a")
    assert not Path(production.rundir).exists()
    production.rundir = str(made / "elsewhere")
    assert production.rundir == str(made / "elsewhere")


def test_the_kinds_over_others_know_what_they_are_made_over(ws: Workspace) -> None:
    """**production**: `analyses`, `subjects`, `events`."""
    over, everything = ws.analysis(("s", "over")), ws.analysis(("project-analyses", "all"))
    assert over.analyses == [ws.analysis(("s", "a"))]
    assert everything.analyses == [ws.analysis(("s", "a"))]
    assert everything.subjects == everything.events == [ws.subject("s")]


def test_dependencies_that_a_pipeline_has_resolved_are_kept(made: Path) -> None:
    """**production**: `resolved_dependencies`."""
    with opened(made) as first:
        over = first.analysis(("s", "over"))
        assert over.resolved_dependencies is None
        over.resolved_dependencies = ("a",)
        first.keep(over)
    with opened(made) as later:
        assert later.analysis(("s", "over")).resolved_dependencies == ["a"]


def test_a_review_is_read_and_added_to(made: Path, asimov: Callable[..., Any]) -> None:
    """**production**: `review`, as cbcflow reads it."""
    from asimov.review import ReviewMessage

    with opened(made) as first:
        assert first.analysis(("s", "a")).review.status is None
        assert first.analysis(("s", "a")).review.messages == []
    ran = asimov("review", "add", "s", "a", "approved", "-m", "good")
    assert ran.code == 0, ran
    with opened(made) as second:
        production = second.analysis(("s", "a"))
        assert production.review.status.lower() == "approved"
        (message,) = production.review.messages
        assert (message.message, message.status) == ("good", "APPROVED")
        assert f"{message.timestamp:%Y}" >= "2020"
        production.review.add(
            ReviewMessage(message="not so good", production=production, status="REJECTED")
        )
        second.keep(production)
    with opened(made) as third:
        review = third.analysis(("s", "a")).review
        assert review.status == "REJECTED"
        assert [each.message for each in review.messages] == ["good", "not so good"]


@pytest.mark.parametrize(
    ("written", "status"),
    [
        ("review: approved", "APPROVED"),
        (
            "review: [{message: x, status: REJECTED, timestamp: '2024-01-02 03:04:05.6'}]",
            "REJECTED",
        ),
        ("review: []", None),
        ("review: {status: null, messages: [{message: x, status: approved}]}", None),
        ("review: [{message: x, status: nonsense, timestamp: never}]", "NONSENSE"),
    ],
)
def test_reviews_of_older_ledgers_are_read(
    project: Path, asimov: Callable[..., Any], blueprint: Callable[[str], Path], written: str,
    status: str | None,
) -> None:  # fmt: skip
    """**production**: `review`, in the forms that ledgers of the published asimov hold."""
    text = "{kind: subject, name: s}\n---\nkind: analysis\nname: a\nevent: s\n"
    ran = asimov("apply", "-f", blueprint(f"{text}pipeline: simpletestpipeline\n{written}\n"))
    assert ran.code == 0, ran
    with opened(project) as workspace:
        assert workspace.analysis(("s", "a")).review.status == status


def test_settings_are_read_and_written_one_by_one(production: Any) -> None:
    """**production**: `get_meta(key)`, `set_meta(key, value)`."""
    assert production.get_meta("level") == 1
    assert production.get_meta("nothing") is None
    production.set_meta("user", "ada")
    assert production.meta["user"] == "ada"


def test_the_configuration_is_found_once_it_is_built(
    production: Any, made: Path, asimov: Callable[..., Any]
) -> None:
    """**production**: `get_configuration().ini_loc`, a `ValueError` where there is none yet."""
    with pytest.raises(ValueError, match="no configuration file yet"):
        production.get_configuration()
    asimov("manage", "build")
    path = made / "checkouts" / "s" / "analyses" / "a.ini"
    assert production.get_configuration().ini_loc == str(path)


def test_a_configuration_is_rendered_to_a_file(production: Any, tmp_path: Path) -> None:
    """**production**: `make_config(filename, template_directory=None, dryrun=False)`."""
    production.make_config(str(tmp_path / "dry.ini"), dryrun=True)
    assert not (tmp_path / "dry.ini").exists()
    production.make_config(filename=str(tmp_path / "a.ini"), template_directory=None)
    assert (tmp_path / "a.ini").read_text()


def test_results_are_what_the_store_has(production: Any, made: Path) -> None:
    """**production**: `results(...)`."""
    from asimov.storage import Store

    assert production.results() == {}
    with pytest.raises(AsimovError, match="not in the store"):
        production.results("a.txt")
    (made / "a.txt").write_text("1")
    Store(made / "results").add_file("s", "a", made / "a.txt")
    assert list(production.results()) == ["a.txt"]
    assert production.results("a.txt").read_text() == "1"
    with production.results("a.txt", handle=True) as stream:
        assert stream.read() == "1"
    digest = production.results()["a.txt"]["sha256"]
    assert production.results("a.txt", hash=digest).is_file()
    with pytest.raises(AsimovError, match="is stored with a different checksum"):
        production.results("a.txt", hash="0")
    rundir = Path(production.rundir)
    (rundir / "folder").mkdir(parents=True)
    (rundir / "folder" / "file").write_text("1")
    (rundir / "folder" / "link").symlink_to("file")
    Store(made / "results").add_products("s", "a", [rundir / "folder"], rundir)
    assert production.results("folder").is_dir()
    assert production.results("folder/file", hash=digest).is_file()
    for name, what in (("folder", "a folder"), ("folder/link", "a link")):
        with pytest.raises(AsimovError, match=f"is {what}, so it has no checksum of its own"):
            production.results(name, hash=digest)
    with pytest.raises(AsimovError, match="is a folder and can't be opened"):
        production.results("folder", handle=True)


def test_an_analysis_is_told_as_a_mapping(production: Any) -> None:
    """**production**: `to_dict()`."""
    assert production.to_dict() == {
        "name": "a", "pipeline": "simpletestpipeline", "comment": "first", "status": "ready",
    }  # fmt: skip


# --- event


def test_what_a_subject_is(ws: Workspace, made: Path) -> None:
    """**event**: `name`, `meta`, `productions` = `analyses`, `work_dir`, `webdir`, ..."""
    event = ws.subject("s")
    assert (event.name, event.meta["level"], event.issue_object) == ("s", 1, None)
    assert (
        event.productions == event.analyses == [ws.analysis(("s", n)) for n in ("a", "b", "over")]
    )
    assert event.work_dir == str(made / "working" / "s")
    assert (made / "working" / "s").is_dir()  # RIFT's build_dag goes there
    assert event.webdir == str(made / "pages" / "s")
    assert event.repository.directory == str(made / "checkouts" / "s")


def test_what_a_pipeline_says_is_to_be_updated_is_kept_once(lab: Any) -> None:
    """**event**: `update_data()`, which many call in `after_completion`."""

    def after_completion(self: Any) -> None:
        self.production.event.meta["found"] = "by a"
        self.production.event.update_data()

    lab.register("up", type("P", (SimpleTestPipeline,), {"after_completion": after_completion}))
    lab.apply("a, pipeline: up", "b, needs: [a]")
    before = (lab.root / "ledger" / "subjects" / "s.yaml").read_bytes()
    lab.finish()
    assert lab.open().settings(("s", "b"))["found"] == "by a"
    assert (lab.root / "ledger" / "subjects" / "s.yaml").read_bytes() == before


def test_an_analysis_is_added_to_a_subject_and_comes_into_the_ledger(made: Path) -> None:
    """**event**: `add_production()`."""
    from asimov.event import Production

    from asimov import current_ledger

    (event,) = current_ledger.get_event("s")
    new = Production.from_dict({"name": "n", "pipeline": "simpletestpipeline", "x": 1}, event)
    event.add_production(new)
    assert event.productions[-1] is new
    with pytest.raises(ValueError, match="s already has an analysis 'a'"):
        event.add_production(Production.from_dict({"name": "a", "pipeline": "command"}, event))
    event.update_data()
    with opened(made) as later:
        assert later.settings(("s", "n"))["x"] == 1
        assert later.status(("s", "n")) == "ready"


# --- event.repository


def test_a_repository_works_from_any_folder(
    production: Any, made: Path, tmp_path: Path, asimov: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    """**event.repository**: all must work after the package has changed the working directory."""
    asimov("manage", "build")
    repository = production.event.repository
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    (ini,) = repository.find_prods("a", "analyses")
    assert ini == str(made / "checkouts" / "s" / "analyses" / "a.ini")
    assert Path("/anywhere", ini) == Path(ini)
    (elsewhere / "gpstime.txt").write_text("1")
    repository.add_file("gpstime.txt", "analyses/gpstime.txt", commit_message="The time")
    found = str(made / "checkouts" / "s" / "analyses" / "gpstime.txt")
    assert repository.find_timefile("analyses") == repository.find_timefile() == found
    with pytest.raises(AsimovFileNotFound):
        repository.find_coincfile("analyses")
    # As asimov-bayeswave does it, in the folder itself.
    monkeypatch.chdir(made / "checkouts" / "s" / "analyses")
    repository.add_file("gpstime.txt", "analyses/gpstime.txt")


def test_a_configuration_that_is_not_there_yet_is_an_index_error(production: Any) -> None:
    """**event.repository**: `find_prods` is a list; cbcflow catches the `IndexError` of `[0]`."""
    with pytest.raises(IndexError):
        _ = production.event.repository.find_prods("a", "analyses")[0]


def test_a_pipeline_knows_the_place_of_its_configuration_before_it_is_there(lab: Any) -> None:
    """**event.repository**: RIFT asks for it in `before_config`, to look beside it."""
    seen = []

    def before_config(self: Any, dryrun: bool = False) -> None:
        seen.append(self.production.event.repository.find_prods(self.production.name)[0])
        assert self.production.event.repository.find_prods("other") == []

    lab.register("rift", type("P", (SimpleTestPipeline,), {"before_config": before_config}))
    lab.apply("a, pipeline: rift")
    lab.run("manage", "build", "--dry-run")
    lab.run("manage", "build")
    assert seen == [str(lab.config("a"))] * 2


# --- config

#: Each option with what it is in a new project; None raises `NoOptionError`.
OPTIONS = {
    "pipelines/environment": Path,
    "condor/user": str,
    "condor/scheduler": None,
    "general/webroot": "pages",
    "general/rundir_default": "working",
    "general/calibration": None,
    "general/calibration_directory": "analyses",
    "project/root": Path,
    "storage/directory": "results",
    "logging/location": "logs",
    "gracedb/url": "https://gracedb.ligo.org/api/",
    "pesummary/executable": Path,
    "rift/environment": Path,
    "scheduler/type": "local",
}


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_is_there_or_raises_as_packages_expect(project: Path, option: str) -> None:
    """**config**: every option of the page."""
    from asimov import config

    section, key = option.split("/")
    expected = OPTIONS[option]
    if expected is None:
        with pytest.raises(NoOptionError):
            config.get(section, key)
        return
    value = config.get(section, key)
    assert value == config[section][key]
    if expected is Path:
        assert Path(value).is_absolute()
    else:
        assert value and expected in (str, value)


def test_options_of_packages_follow_those_that_they_depend_on(
    project: Path, asimov: Callable[..., Any]
) -> None:
    """**config**: `pesummary/executable`, `rift/environment`, `general/calibration_directory`."""
    from asimov import config

    asimov("configuration", "update", "pipelines/environment", "/env")
    assert config.get("pesummary", "executable") == "/env/bin/summarypages"
    assert config.get("rift", "environment") == "/env"
    asimov("configuration", "update", "rift/environment", "/other")
    assert config.get("rift", "environment") == "/other"


def test_a_section_that_is_not_there_raises_as_of_a_config_parser(project: Path) -> None:
    """**config** (ConfigParser, with its exceptions)."""
    from asimov import config

    with pytest.raises(NoSectionError):
        config.get("authentication", "scopes")
    with pytest.raises(KeyError):
        config["authentication"]
    assert isinstance(config, ConfigParser)


# --- meta


def test_settings_are_a_plain_mapping_of_each_analysis(ws: Workspace) -> None:
    """**meta** is a plain mutable mapping."""
    a, b = ws.analysis(("s", "a")), ws.analysis(("s", "b"))
    assert type(a.meta) is dict
    a.meta.update({"x": {"y": [1]}})
    a.meta["level"] = 2
    assert (b.meta["level"], a.event.meta["level"]) == (1, 1)


def test_post_processing_of_the_project_is_merged_into_the_settings(production: Any) -> None:
    """**meta**: `postprocessing:` of the project is merged into it."""
    assert production.meta["postprocessing"]["summary"] == {"cores": 4}


@pytest.mark.parametrize(
    "where", ["__init__", "before_config", "collect_assets", "after_completion"]
)
def test_what_is_written_is_kept_and_reaches_later_analyses(lab: Any, where: str) -> None:
    """**meta**: writes in `__init__`, `before_config`, `collect_assets`, `after_completion`."""

    def method(self: Any, *arguments: Any, **named: Any) -> Any:
        answer = getattr(SimpleTestPipeline, where)(self, *arguments, **named)
        self.production.meta["own"] = {"list": [1, 2]}
        self.production.event.meta.setdefault("data", {})["files"] = {"x": "path"}
        return answer

    lab.register("writes", type("P", (SimpleTestPipeline,), {where: method}))
    lab.apply("a, pipeline: writes", "b, needs: [a]")
    lab.finish()
    workspace = lab.open()
    assert workspace.settings(("s", "a"))["own"] == {"list": [1, 2]}
    assert workspace.settings(("s", "b"))["data"] == {"files": {"x": "path"}}
    assert "own" not in workspace.settings(("s", "b"))


def test_options_of_packages_are_listed_once_they_are_set(
    project: Path, asimov: Callable[..., Any]
) -> None:
    """**config**: `gracedb/url` is no matter of who does not study such signals."""
    assert "gracedb" not in asimov("configuration", "show").out
    assert asimov("configuration", "show", "gracedb/url").out.startswith("https://")
    asimov("configuration", "update", "gracedb/url", "https://elsewhere")
    assert "gracedb/url = https://elsewhere" in asimov("configuration", "show").out
