"""The ledger as hooks have it, and as `asimov.current_ledger`."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy
import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.errors import AsimovError
from asimov.plugins.ledger_api import Ledger
from asimov.project.workspace import Workspace
from tests.conftest import snapshot

BLUEPRINT = """
kind: configuration
level: 0
pipelines: {simpletestpipeline: {deep: {x: 1}}}
hooks:
  postmonitor: {cbcflow: {library location: lib}, my hook: }
  applicator: [cbcflow, other]
---
{kind: subject, name: s, data: {one: 1, two: 2}, ligo: {sname: S1}}
---
{kind: subject, name: t}
---
{kind: analysis, event: s, name: a, pipeline: simpletestpipeline, x: 1}
---
{kind: analysis, event: s, name: b, pipeline: simpletestpipeline, x: 2, status: wait}
---
{kind: analysis, event: t, name: a, pipeline: simpletestpipeline}
---
{kind: projectanalysis, name: all, pipeline: projecttestpipeline, analyses: [a]}
"""


@pytest.fixture
def ws(project: Path, asimov: Callable[..., Any], blueprint: Callable[[str], Path]) -> Workspace:
    ran = asimov("apply", "-f", blueprint(BLUEPRINT))
    assert ran.code == 0, ran
    return Workspace.open(project)


@pytest.fixture
def ledger(ws: Workspace) -> Ledger:
    """The ledger of a person's command."""
    return Ledger(ws, writes="ledger")


@pytest.fixture
def of_monitor(ws: Workspace) -> Ledger:
    """The ledger of a hook of the monitor."""
    return Ledger(ws, writes="facts")


@pytest.fixture
def anew(project: Path) -> Callable[[], Workspace]:
    """Open the project as the next command does."""
    return lambda: Workspace.open(project)


def event(**described: Any) -> Any:
    """Make an event outside of any project, as cbcflow's applicator does."""
    from asimov.event import Event

    return Event.from_dict(described)


# --- reading


def test_data_holds_hooks_project_and_pipelines(ledger: Ledger) -> None:
    """**ledger**: `data` (`["hooks"]`, `["project"]`, `["pipelines"]` ...), hooks by name."""
    assert ledger.data["hooks"] == {
        "postmonitor": {"cbcflow": {"library location": "lib"}, "my hook": {}},
        "applicator": {"cbcflow": {}, "other": {}},
    }
    assert ledger.data["project"]["name"] == "Test project"
    assert ledger.data["pipelines"]["simpletestpipeline"] == {"deep": {"x": 1}}
    assert ledger.data["level"] == 0


def test_data_of_a_new_project_has_them_too(workspace: Workspace) -> None:
    """**ledger**: `data` where nothing is set."""
    data = Ledger(workspace).data
    assert (data["hooks"], data["pipelines"], data["project"]) == ({}, {}, {"name": "Test project"})


def test_get_event_is_always_a_list(ledger: Ledger) -> None:
    """**ledger**: `get_event(name=None)` (always a list), `get_subject`."""
    assert [each.name for each in ledger.get_event()] == ["s", "t"]
    assert [each.name for each in ledger.get_event("t")] == ["t"]
    assert ledger.get_subject("s") == ledger.get_event("s")
    assert ledger.get_event("s")[0].meta["ligo"]["sname"] == "S1"
    with pytest.raises(KeyError) as told:
        ledger.get_event("u")
    assert isinstance(told.value, AsimovError)
    assert str(told.value).startswith("there is no subject 'u'")


def test_an_event_of_the_ledger_is_an_event(ledger: Ledger) -> None:
    """`asimov.event`: a project's own subjects and analyses are instances of its classes."""
    from asimov.event import Event, Production, Subject

    (own,) = ledger.get_event("s")
    assert isinstance(own, Event)
    assert isinstance(own, Subject)
    assert isinstance(own.productions[0], Production)
    assert not isinstance(own, Production)


def test_analyses_are_listed_and_picked_out(ledger: Ledger) -> None:
    """**ledger**: `project_analyses`, `get_productions`."""
    assert [each.name for each in ledger.project_analyses] == ["all"]
    assert [each.key for each in ledger.get_productions()] == [("s", "a"), ("s", "b"), ("t", "a")]
    assert [each.name for each in ledger.get_productions("s")] == ["a", "b"]
    assert [each.name for each in ledger.get_productions(ledger.get_event("s")[0])] == ["a", "b"]
    assert [each.name for each in ledger.get_productions(filters={"status": "wait"})] == ["b"]
    assert [each.key for each in ledger.get_productions("s", {"x": 1})] == [("s", "a")]


# --- writing by a person's command


def test_an_event_made_outside_of_any_project_is_added(
    ledger: Ledger, anew: Callable[[], Workspace], project: Path
) -> None:
    """**ledger**: `add_event`, as cbcflow's applicator calls it."""
    ledger.add_event(
        event(
            name="S9", data={"channels": {"H1": "x"}}, interferometers=["H1"], **{"event time": 1.5}
        )
    )
    assert ledger.get_event("S9")[0].meta["event time"] == 1.5
    assert "S9" in (project / "ledger" / "subjects" / "S9.yaml").read_text()
    new = anew()
    assert new.subject("S9").meta["data"] == {"channels": {"H1": "x"}}
    assert new.subject("S9").meta["level"] == 0


def test_an_event_is_added_with_its_analyses(ledger: Ledger, anew: Callable[[], Workspace]) -> None:
    """**ledger**: `add_subject`, of an event with `productions`."""
    ledger.add_subject(
        event(name="S9", productions=[{"A": {"pipeline": "simpletestpipeline", "status": "wait"}}])
    )
    new = anew()
    assert new.keys("S9") == [("S9", "A")]
    assert new.status(("S9", "A")) == "wait"
    assert [each.after for each in new.journal.events("S9", "A")] == ["wait"]


def test_an_event_that_is_there_is_updated_and_keeps_its_analyses(
    ledger: Ledger, anew: Callable[[], Workspace]
) -> None:
    """**ledger**: `add_event` then `update_event`, as bilby_tgr's tgrflow calls them."""
    ledger.add_event(event(name="s", data={"two": 3}))
    ledger.update_event(event(name="s", psds={"H1": Path("/psd.dat")}, far=numpy.float64(1e-9)))
    new = anew()
    assert new.subject("s").meta["data"] == {"one": 1, "two": 3}
    assert new.subject("s").meta["psds"] == {"H1": "/psd.dat"}
    assert new.subject("s").meta["far"] == 1e-9
    assert new.keys("s") == [("s", "a"), ("s", "b")]


def test_an_event_of_the_ledger_is_changed_and_written(
    ledger: Ledger, anew: Callable[[], Workspace], project: Path
) -> None:
    """**ledger**: `update_event` of one that `get_event` returned, as bilby_tgr's mdrflow does."""
    path = project / "ledger" / "subjects" / "t.yaml"
    untouched = path.read_bytes()
    (own,) = ledger.get_event("s")
    own.meta["data"]["two"] *= 1.5
    own.productions[1].meta["x"] = 5
    ledger.update_event(own)
    new = anew()
    assert new.subject("s").meta["data"] == {"one": 1, "two": 3.0}
    assert new.settings(("s", "b"))["x"] == 5
    assert "level" not in new.contents.subjects["s"]
    assert new.facts == {}
    assert path.read_bytes() == untouched
    before = snapshot(project / "ledger")
    ledger.update_event(own)
    own.update_data()
    assert snapshot(project / "ledger") == before


def test_what_others_have_changed_meanwhile_stays(
    ledger: Ledger, anew: Callable[[], Workspace], asimov: Callable[..., Any],
    blueprint: Callable[[str], Path],
) -> None:  # fmt: skip
    """Concurrent edits by others are not lost: only what was changed is written."""
    (own,) = ledger.get_event("s")
    own.meta["data"]["one"] = 10
    text = "{kind: subject, name: s, data: {two: 20}, new: 1}\n---\n{kind: subject, name: u}\n"
    assert asimov("apply", "--update", "-f", blueprint(text)).code == 0
    ledger.update_event(own)
    new = anew()
    assert new.subject("s").meta["data"] == {"one": 10, "two": 20}
    assert new.subject("s").meta["new"] == 1
    assert [each.name for each in ledger.get_event()] == ["s", "t", "u"]


def test_processes_that_write_at_once_lose_nothing(ws: Workspace, project: Path) -> None:
    """Writes go through the ledger's lock, each in one transaction."""
    ws.journal.close()
    program = (
        "import sys; from asimov import current_ledger; from asimov.event import Event\n"
        "for n in range(5):\n"
        "    (s,) = current_ledger.get_event('s')\n"
        "    s.meta[f'by {sys.argv[1]} {n}'] = n\n"
        "    current_ledger.update_event(s)\n"
        "    current_ledger.add_event(Event.from_dict({'name': f'E{sys.argv[1]}-{n}'}))\n"
    )
    running = [
        subprocess.Popen([sys.executable, "-c", program, str(number)], cwd=project)
        for number in range(3)
    ]
    assert [each.wait(120) for each in running] == [0, 0, 0]
    new = Workspace.open(project)
    assert {f"E{i}-{n}" for i in range(3) for n in range(5)} <= set(new.contents.subjects)
    written = {name for name in new.subject("s").meta if name.startswith("by ")}
    assert written == {f"by {i} {n}" for i in range(3) for n in range(5)}


def test_what_pipelines_wrote_does_not_hide_what_a_person_changes(
    ledger: Ledger, anew: Callable[[], Workspace]
) -> None:
    """**ledger**: `update_event` holds, also of settings that are facts by now."""
    first = anew()
    first.subject("s").meta["data"]["one"] = "by a pipeline"
    first.keep_subject(first.subject("s"))
    (own,) = ledger.get_event("s")
    assert own.meta["data"]["one"] == "by a pipeline"
    own.meta["data"]["one"] = "by a person"
    ledger.update_event(own)
    assert anew().subject("s").meta["data"]["one"] == "by a person"


def test_an_analysis_is_added(ledger: Ledger, anew: Callable[[], Workspace]) -> None:
    """**ledger**: `add_analysis`, in the ways that it is called."""
    from asimov.event import Production

    (s,) = ledger.get_event("s")
    described = {"name": "n", "pipeline": "simpletestpipeline", "needs": ["a"], "comment": "new"}
    ledger.add_analysis(Production.from_dict(described, subject=s), event=s)
    ledger.add_analysis(Production.from_dict({**described, "name": "m", "event": "t"}))
    ledger.add_production("t", {**described, "name": "o"})
    ledger.add_analysis({"name": "across", "pipeline": "projecttestpipeline", "subjects": ["s"]})
    new = anew()
    assert {("s", "n"), ("t", "m"), ("t", "o"), ("project-analyses", "across")} <= set(new.keys())
    assert new.analysis(("s", "n")).comment == "new"
    assert new.analysis(("s", "n")).dependencies == ["a"]
    with pytest.raises(ValueError, match="s already has an analysis 'n'"):
        ledger.add_analysis(Production.from_dict(described, subject=s), event=s)


def test_data_is_written_by_save(
    ledger: Ledger, anew: Callable[[], Workspace], project: Path
) -> None:
    """**ledger**: `save()`."""
    before = snapshot(project / "ledger")
    ledger.save()
    assert snapshot(project / "ledger") == before
    ledger.data["level"] = 7
    ledger.data["hooks"]["applicator"]["third"] = {"x": 1}
    ledger.data["pipelines"].setdefault("simpletestpipeline", {})["deep"]["y"] = 2
    ledger.save()
    again = Ledger(anew()).data
    assert again["level"] == 7
    assert again["hooks"]["applicator"] == {"cbcflow": {}, "other": {}, "third": {"x": 1}}
    assert again["hooks"]["postmonitor"]["cbcflow"] == {"library location": "lib"}
    assert again["pipelines"] == {"simpletestpipeline": {"deep": {"x": 1, "y": 2}}}
    assert ledger.data == again


def test_data_is_as_the_ledger_is_now(
    ledger: Ledger, asimov: Callable[..., Any], blueprint: Callable[[str], Path]
) -> None:
    """**ledger**: `data` follows what others write, and what is not saved yet stays on top."""
    data = ledger.data
    data["mine"] = 1
    asimov("apply", "-f", blueprint("{kind: configuration, theirs: 2}"))
    ledger.get_event()
    assert (data["mine"], data["theirs"], data is ledger.data) == (1, 2, True)


@pytest.mark.parametrize(
    ("described", "told"),
    [
        ({"name": "a/b"}, "can't be a name"),
        (
            {"name": "S9", "productions": [{"A": {"pipeline": "nonsense"}}]},
            "no pipeline 'nonsense'",
        ),
        ({"name": "S9", "x": object()}, "contains a value that YAML can't represent"),
        ({"name": "S9", "productions": [{"A": {"pipeline": "command", "needs": ["A"]}}]}, "itself"),
    ],
)
def test_what_the_ledger_would_not_take_is_refused_whole(
    ledger: Ledger, project: Path, described: dict[str, Any], told: str
) -> None:
    """Nothing is half written, and the error says what of which event."""
    before = snapshot(project / "ledger")
    with pytest.raises(AsimovError, match=told) as raised:
        ledger.add_event(event(**described))
    assert str(raised.value).startswith(f"the subject {described['name']}")
    assert snapshot(project / "ledger") == before


# --- writing by the monitor


def test_the_monitor_keeps_what_was_written_as_facts(
    of_monitor: Ledger, anew: Callable[[], Workspace], project: Path
) -> None:
    """`writes="facts"`: `update_event` keeps what was written; the ledger's files stay."""
    before = snapshot(project / "ledger")
    (own,) = of_monitor.get_event("s")
    own.meta["data"]["two"] = 3
    own.productions[0].meta["seen"] = True
    of_monitor.update_event(own)
    of_monitor.update_event(event(name="t", found=1))
    (t,) = of_monitor.get_event("t")
    t.meta["again"] = 2
    t.update_data()
    of_monitor.save()
    new = anew()
    assert new.subject("s").meta["data"] == {"one": 1, "two": 3}
    assert new.settings(("s", "a"))["seen"] is True
    assert new.settings(("t", "a"))["found"] == 1
    assert new.settings(("t", "a"))["again"] == 2
    assert snapshot(project / "ledger") == before


def test_the_monitor_adds_nothing(of_monitor: Ledger, project: Path) -> None:
    """`writes="facts"`: adding raises an error that says that the monitor does not write it."""
    from asimov.event import Production

    before = snapshot(project)
    new = Production.from_dict({"name": "n", "pipeline": "simpletestpipeline"}, "s")
    (s,) = of_monitor.get_event("s")
    ways: list[Callable[[], None]] = [
        lambda: of_monitor.add_event(event(name="S9")),
        lambda: of_monitor.add_subject(event(name="s")),
        lambda: of_monitor.add_analysis(new, s),
        lambda: of_monitor.update_event(event(name="s", productions=[{"A": {"pipeline": "x"}}])),
    ]
    for way in ways:
        with pytest.raises(
            AsimovError, match="plugins can't change the ledger in a build, a submission or a pass"
        ) as told:
            way()
        assert "asimov apply -p" in str(told.value.hint)
    with pytest.raises(KeyError):
        of_monitor.update_event(event(name="S9"))
    s.add_production(new)
    with pytest.raises(AsimovError, match="can't change the ledger in a build"):
        s.update_data()
    of_monitor.data["level"] = 9
    with pytest.raises(AsimovError, match="can't change the ledger in a build"):
        of_monitor.save()
    assert snapshot(project) == before


# --- asimov.current_ledger


def test_the_current_ledger_is_that_of_the_project_around_the_folder(
    ws: Workspace, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`asimov`: `current_ledger` opens the project, or has the one that is open already."""
    from asimov import current_ledger

    (own,) = current_ledger.get_event("s")
    assert own is ws.subject("s")
    ws.journal.close()
    (project / "deep").mkdir()
    monkeypatch.chdir(project / "deep")
    (other,) = current_ledger.get_event("s")
    assert other is not own
    assert current_ledger.get_event("s")[0] is other
    assert current_ledger.data["project"]["name"] == "Test project"
    monkeypatch.chdir("/")
    assert current_ledger.get_event("s")[0] is other


def test_a_pipeline_that_writes_by_the_current_ledger_writes_no_file_of_it(lab: Any) -> None:
    """`asimov`: `current_ledger`, used where the process acts: the monitor never writes it."""
    refused = []

    def after_completion(self: Any) -> None:
        from asimov.event import Event

        from asimov import current_ledger

        (own,) = current_ledger.get_event("s")
        assert own is self.production.event
        own.meta["written"] = "so"
        current_ledger.update_event(own)
        try:
            current_ledger.add_event(Event.from_dict({"name": "new"}))
        except AsimovError as error:
            refused.append(str(error))

    lab.register("w", type("P", (SimpleTestPipeline,), {"after_completion": after_completion}))
    lab.apply("a, pipeline: w", "b, needs: [a]")
    before = snapshot(lab.root / "ledger")
    lab.finish()
    assert refused == [
        "new can't be added: plugins can't change the ledger in a build, a submission or a pass"
    ]
    assert lab.open().settings(("s", "b"))["written"] == "so"
    assert snapshot(lab.root / "ledger") == before


def test_a_job_that_is_submitted_by_the_configured_scheduler_is_the_analysiss(lab: Any) -> None:
    """`asimov.scheduler_utils`: a job submitted by `get_configured_scheduler()` carries the tag."""

    def submit_dag(self: Any, dryrun: bool = False) -> None:
        from asimov.scheduler_utils import create_job_from_dict, get_configured_scheduler

        files = {
            name: f"{self.production.rundir}/job.{name}" for name in ("output", "error", "log")
        }
        Path(self.production.rundir, "result.txt").touch()
        job = create_job_from_dict({"executable": "/bin/true", **files})
        get_configured_scheduler().submit(job)

    lab.register("w", type("P", (SimpleTestPipeline,), {"submit_dag": submit_dag}))
    lab.apply("a, pipeline: w")
    lab.run("manage", "build", "submit")
    ((_, uid),) = lab.jobs()
    assert uid == lab.attempts("a")[0].uid
    assert lab.states() == {"a": "running"}


def test_a_ledger_that_is_no_event_of_asimovs_is_taken_by_its_attributes(
    ledger: Ledger, anew: Callable[[], Workspace]
) -> None:
    """**ledger**: `update_event` takes what has `name`, `to_dict` and `productions`."""
    own = SimpleNamespace(
        name="S9", productions=[], to_dict=lambda productions: {"name": "S9", "x": (1, 2)}
    )
    ledger.update_event(own)
    assert anew().subject("S9").meta["x"] == [1, 2]


class Writes(SimpleTestPipeline):
    """Writes to its subject wherever it is asked for something."""

    name = "writes"

    def _write(self) -> None:
        from asimov import current_ledger

        event = self.production.event
        event.meta["seen"] = True
        current_ledger.update_event(event)
        event.update_data()
        with pytest.raises(AsimovError, match="write nothing"):
            current_ledger.add_analysis({"name": "new", "pipeline": "writes"}, event)

    def before_config(self, dryrun: bool = False) -> None:
        if dryrun:
            self._write()

    def detect_completion(self) -> bool:
        if self.production.workspace.journal.fence is None:
            self._write()
        return super().detect_completion()

    def html(self) -> str:
        self._write()
        return "<i>written</i>"


def test_neither_a_dry_run_nor_a_report_writes_what_a_pipeline_does(lab: Any) -> None:
    lab.register("writes", Writes)
    lab.apply("a, pipeline: writes")

    def written() -> Any:
        ledger = {p: p.read_bytes() for p in (lab.root / "ledger").rglob("*.yaml")}
        return ledger, lab.dump()

    def unchanged(*command: str) -> None:
        before = written()
        ran = lab.run(*command)
        assert "raised" not in ran.out + ran.err
        assert written() == before

    unchanged("manage", "build", "--dry-run")
    lab.run("manage", "build", "submit")
    lab.until("a")
    unchanged("monitor", "--dry-run")
    lab.finish()
    unchanged("report", "html")
    assert "<i>written</i>" in (lab.root / "pages" / "analysis-s!a.html").read_text()
