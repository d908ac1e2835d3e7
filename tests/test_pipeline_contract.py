"""What asimov calls of a pipeline, compared with the tables of docs/pipelines.md."""

from __future__ import annotations

import inspect
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from asimov.discovery import entrypoints
from asimov.discovery.extensions import extend
from asimov.pipeline import Pipeline
from asimov.project.workspace import Workspace
from asimov.scheduler import Gone, Present, Ticket

PAGE = (Path(__file__).parents[1] / "docs" / "pipelines.md").read_text()
#: Of what published plugins define or call, as surveyed.
PUBLISHED = {
    "before_config",
    "before_build",
    "build_dag",
    "before_submit",
    "submit_dag",
    "detect_completion",
    "while_running",
    "after_completion",
    "detect_completion_processing",
    "after_processing",
    "store_results",
    "collect_assets",
    "collect_logs",
    "collect_pages",
    "eject_job",
    "clean",
    "resurrect",
    "check_progress",
    "run_pesummary",
    "html",
    "result_pages",
    "samples",
    "read_ini",
    "get_prior_interface",
    "get_state_handlers",
    "get_actual_inputs",
    "get_actual_outputs",
    "required_inputs",
    "available_outputs",
    "log_patterns",
    "scheduler",
}


def table(heading: str) -> list[list[str]]:
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


METHODS = {row[0].strip("`"): row for row in table("The table")}
LIVES = {row[0]: re.findall(r"`([^`]+)`", row[1]) for row in table("Whole lives")}
ATTRIBUTES = {name for row in table("Attributes") for name in re.findall(r"`(\w+)`", row[0])}


extend(Pipeline, "pipeline")  # with what other packages add, before an object is made


class Recorder(Pipeline):
    """Runs a DAG of one node that waits for the file ``go``; writes down every call."""

    name = "recorder"
    config_template = "test.ini"
    calls: ClassVar[list[tuple[str, str]]] = []

    def build_dag(self, dryrun: bool = False) -> None:
        rundir = Path(self.production.rundir)
        rundir.mkdir(parents=True, exist_ok=True)
        (rundir / "node.sh").write_text(
            "while [ ! -e go ]; do sleep 0.02; done; [ -e fail ] && exit 1; touch result.txt\n"
        )
        (rundir / "node.sub").write_text(
            "executable = /bin/sh\narguments = node.sh\nlog = node.log\nerror = node.err\n"
            f"initialdir = {rundir}\nqueue\n"
        )
        self.dag_file.write_text(f"JOB node {rundir}/node.sub\n")

    def detect_completion(self) -> bool:
        return Path(self.production.rundir, "result.txt").exists()

    def collect_assets(self, absolute: bool = True) -> dict[str, Any]:
        path = Path(self.production.rundir, "result.txt")
        return {"result": str(path)} if path.exists() else {}

    def after_completion(self) -> Any:
        if not self.production.meta.get("post-processing"):
            return None
        rundir = Path(self.production.rundir)
        post = rundir / "post.sub"
        post.write_text(
            "executable = /bin/sh\n"
            "arguments = \"-c 'while [ ! -e post ]; do sleep 0.02; done'\"\n"
            f"log = post.log\ninitialdir = {rundir}\nqueue\n"
        )
        self.production.status = "processing"
        return self.scheduler.submit(post)


def _recording(name: str) -> Callable[..., Any]:
    original = getattr(Recorder, name)

    def method(self: Recorder, *arguments: Any, **named: Any) -> Any:
        given = [repr(each) for each in arguments] + [f"{k}={v!r}" for k, v in named.items()]
        self.calls.append((self.production.name, f"{name}({', '.join(given)})"))
        return original(self, *arguments, **named)

    return method


for _name in METHODS:
    if _name not in {"__init__", "read_ini"}:
        setattr(Recorder, _name, _recording(_name))


class Life:
    """A project whose analyses are recorded, step by step."""

    def __init__(self, root: Path, asimov: Callable[..., Any]) -> None:
        self.root = root
        self.asimov = asimov

    def calls(self, name: str, *command: object) -> list[str]:
        """Run a command; return the calls that it led to for an analysis."""
        Recorder.calls.clear()
        ran = self.asimov(*command)
        assert ran.code == 0, ran
        return [call for each, call in Recorder.calls if each == name]

    def rundir(self, name: str) -> Path:
        return self.root / "working" / "s" / name

    def job(self, name: str) -> tuple[Workspace, int]:
        workspace = Workspace.open(self.root)
        job_id = workspace.records["s", name].job_id
        assert job_id is not None
        workspace.journal.close()
        return workspace, job_id

    def until(self, name: str, wanted: Callable[[Any], bool]) -> None:
        """Wait for what the scheduler says of a job."""
        workspace, job_id = self.job(name)
        uid = workspace.records["s", name].uid
        assert uid is not None
        ticket = Ticket(uid, job_id, 0.0)
        end = time.monotonic() + 120
        while not wanted(answer := workspace.scheduler().observe([ticket])[uid]):
            assert time.monotonic() < end, answer
            time.sleep(0.02)

    def status(self, name: str) -> str:
        workspace = Workspace.open(self.root)
        status = workspace.status(("s", name))
        workspace.journal.close()
        return status


@pytest.fixture
def life(
    project: Path,
    asimov: Callable[..., Any],
    blueprint: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Life]:
    entry = SimpleNamespace(
        name="recorder", load=lambda: Recorder, dist=None, value="test:pipeline"
    )
    real = entrypoints.found
    monkeypatch.setattr(
        entrypoints,
        "found",
        lambda group: {**real(group), **({"recorder": entry} if "pipel" in group else {})},
    )
    entrypoints.load.cache_clear()
    text = "{kind: subject, name: s}\n"
    for name, more in {
        "a": "post-processing: true",
        "b": "needs: [a]",
        "failing": "",
        "removed": "",
        "stopped": "",
        "restarted": "",
        "cancelled": "",
    }.items():
        text += f"---\n{{kind: analysis, name: {name}, event: s, pipeline: recorder, {more}}}\n"
    asimov("configuration", "update", "local/processes", "20")
    ran = asimov("apply", "--force", "-f", blueprint(text))
    assert ran.code == 0, ran
    yield Life(project, asimov)
    entrypoints.load.cache_clear()


def held(answer: Any) -> bool:
    return isinstance(answer, Present) and answer.state.value == "held"


def running(answer: Any) -> bool:
    return isinstance(answer, Present) and answer.state.value == "running"


def gone(answer: Any) -> bool:
    return isinstance(answer, Gone)


def test_whole_lives_lead_to_the_calls_of_the_page(life: Life) -> None:
    seen: dict[str, list[str]] = {}
    seen["it is built"] = life.calls("a", "manage", "build")
    seen["it is submitted"] = life.calls("a", "manage", "submit")

    life.until("a", running)
    seen["a pass while its job runs"] = life.calls("a", "monitor")
    workspace, job = life.job("a")
    workspace.scheduler().hold(job, "for the test")
    life.until("a", held)
    seen["its job is held"] = life.calls("a", "monitor")
    assert life.status("a") == "stuck"
    workspace.scheduler().release(job)
    life.until("a", running)
    seen["its job is released"] = life.calls("a", "monitor")
    assert life.status("a") == "running"

    (life.rundir("a") / "go").touch()
    life.until("a", gone)
    seen["its job ends and it is complete"] = life.calls("a", "monitor")
    assert life.status("a") == "processing"
    life.until("a", running)
    seen["a pass while post-processing runs"] = life.calls("a", "monitor")
    (life.rundir("a") / "post").touch()
    life.until("a", gone)
    seen["post-processing ends"] = life.calls("a", "monitor")
    assert life.status("a") == "uploaded"
    seen["another that needs it is built"] = life.calls("a", "manage", "build")

    (life.rundir("failing") / "fail").touch()
    (life.rundir("failing") / "go").touch()
    life.until("failing", gone)
    (life.rundir("failing") / "fail").unlink()
    seen["its job ends and it is not complete"] = life.calls("failing", "monitor")
    assert life.status("failing") == "running"
    life.until("failing", gone)
    seen["it was submitted again and is complete"] = life.calls("failing", "monitor")
    assert life.status("failing") == "uploaded"

    workspace, job = life.job("removed")
    workspace.scheduler().remove(job, "by somebody")
    life.until("removed", gone)
    seen["its job was removed by somebody"] = life.calls("removed", "monitor")
    assert life.status("removed") == "stuck"

    for state, name in (("stop", "stopped"), ("restart", "restarted"), ("cancelled", "cancelled")):
        life.until(name, running)
        life.asimov("production", "set", "s", name, "--status", state)
        seen[f"it is set to `{state}` while its job runs"] = life.calls(name, "monitor")
        life.until(name, gone)
        after = life.calls(name, "monitor")
        seen["its job has gone"] = after or seen.get("its job has gone", [])
    ends = {name: life.status(name) for name in ("stopped", "restarted", "cancelled")}
    assert ends == {"stopped": "stopped", "restarted": "ready", "cancelled": "cancelled"}

    assert seen == LIVES


def test_every_public_method_stands_in_the_table() -> None:
    public = {name for name in vars(Pipeline) if not name.startswith("_")} | {"__init__"}
    assert public == set(METHODS) | (ATTRIBUTES - {"production", "category", "logger"})


def test_calls_are_made_with_the_arguments_of_the_table() -> None:
    for call in {call for calls in LIVES.values() for call in calls}:
        name, _, given = call.partition("(")
        told = METHODS[name][3]
        assert (told == "nothing") == (given == ")"), call
        if told != "nothing":
            assert told.strip("`") in inspect.signature(getattr(Pipeline, name)).parameters


def test_all_that_published_plugins_use_is_there() -> None:
    missing = [name for name in PUBLISHED if not hasattr(Pipeline, name)]
    assert missing == []


def test_every_method_of_a_life_is_in_some_life_or_called_by_nobody_in_asimov() -> None:
    lived = {call.partition("(")[0] for calls in LIVES.values() for call in calls}
    by_asimov = {
        name for name, row in METHODS.items() if "itself" not in row[1] and "report" not in row[1]
    }
    assert by_asimov - {"__init__"} == lived
