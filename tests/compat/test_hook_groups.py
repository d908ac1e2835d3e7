"""One package with an entry point of every group, installed by pip: a test a group."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PACKAGE = '''
import os
import click
import yaml
from asimov.pipelines.testing import SimpleTestPipeline
from asimov.labellers import Labeller
from asimov.monitor_states import MonitorState
from asimov.telemetry import TelemetrySink

def note(line):
    with open("seen.txt", "a") as file:
        file.write(line + "\\n")

class Pipeline(SimpleTestPipeline):
    name = "groups"

class Post:
    def __init__(self, ledger):
        self.ledger = ledger
        self.settings = ledger.data["hooks"]["postmonitor"]["after all"]
    def run(self):
        print("not to be seen")
        states = [f"{p.name} {p.status}" for e in self.ledger.get_event() for p in e.productions]
        note(f"post {self.settings['where']} {', '.join(states)}")

class Apply:
    def __init__(self, ledger):
        self.ledger = ledger
    def run(self, event):
        from asimov.event import Event
        self.ledger.add_event(Event.from_dict({"name": event, "ligo": {"sname": event}}))

class Source:
    def __init__(self, config):
        self.config = config
    def fetch(self, identifier, file):
        return f"{self.config.get('project', 'name')} {identifier} {file}".encode()

class Sink(TelemetrySink):
    @property
    def name(self):
        return "lines"
    def emit(self, event):
        note(f"telemetry {event.analysis_name} {event.data['from']} {event.data['to']}")

class Interest(Labeller):
    @property
    def name(self):
        return "interest"
    def should_label(self, analysis, context=None):
        return analysis.status in {"finished", "uploaded"}
    def label(self, analysis, context=None):
        return {"interesting": analysis.pipeline.name == "groups"}

class Checked(MonitorState):
    @property
    def state_name(self):
        return "checked"
    def handle(self, context):
        note(f"state {context.analysis.name}")
        context.analysis.status = "cancelled"
        context.update_ledger()
        return True

@click.command()
@click.argument("word")
def say(word):
    """Say a word."""
    click.echo(word)

def vocabulary():
    return yaml.safe_load("""
version: 1
terms:
  walker count:
    description: How many walkers there are.
    type: integer
    aliases: [walkers]
""")

class Dies(Post):
    def run(self):
        os._exit(9)
'''

POINTS = """
[asimov.pipelines]
groups = groups:Pipeline
[asimov.hooks.postmonitor]
after all = groups:Post
dies = groups:Dies
broken = groups_broken:Hook
[asimov.hooks.applicator]
apply it = groups:Apply
broken = groups_broken:Hook
[asimov.hooks.filesource]
files = groups:Source
[asimov.hooks.telemetry]
lines = groups:Sink
broken = groups_broken:Hook
[asimov.labellers]
interest = groups:Interest
broken = groups_broken:Hook
[asimov.monitor.states]
checked = groups:Checked
broken = groups_broken:Hook
[asimov.commands]
say = groups:say
[asimov.vocabulary]
groups = groups:vocabulary
"""

BLUEPRINT = """
kind: configuration
hooks:
  postmonitor: {after all: {where: here}}
  applicator: {apply it: }
  telemetry: [lines]
---
kind: subject
name: s
---
kind: analysis
subject: s
name: a
pipeline: groups
---
kind: analysis
subject: s
name: b
pipeline: groups
needs: ["label: interesting"]
"""

FINISH = "asimov monitor --chain --until-idle --interval 0.1 --timeout 250"


@pytest.fixture(scope="session")
def groups(installed_package: Callable[..., Path]) -> Path:
    files = {"groups.py": PACKAGE, "groups_broken.py": "import nothing_of_that_name"}
    return installed_package("groups", files, POINTS)


@pytest.fixture
def run(groups: Path, project: Path, quick_shell: Callable[..., Any]) -> Callable[..., Any]:
    def ran(command: str, code: int = 0) -> Any:
        done = quick_shell(command, cwd=project, PYTHONPATH=str(groups))
        assert done.code == code, f"{command}: {done}"
        return done

    (project / "blueprint.yaml").write_text(BLUEPRINT)
    ran("asimov apply -f blueprint.yaml")
    return ran


def seen(project: Path) -> list[str]:
    path = project / "seen.txt"
    return path.read_text().splitlines() if path.exists() else []


def enable(project: Path, run: Callable[..., Any], text: str) -> None:
    (project / "more.yaml").write_text(f"kind: configuration\nhooks: {text}\n")
    run("asimov apply -U -f more.yaml")


def test_a_pipeline_is_found(run: Callable[..., Any], project: Path) -> None:
    run(FINISH)
    told = {row["name"]: row["status"] for row in json.loads(run("asimov status --json").out)}
    assert told == {"a": "uploaded", "b": "uploaded"}


def test_a_postmonitor_hook_runs_after_a_pass(run: Callable[..., Any], project: Path) -> None:
    told = run("asimov monitor")
    assert "post here a ready, b ready" in seen(project)
    assert "not to be seen" not in told.out
    assert "not to be seen" in (project / "logs" / "asimov.log").read_text()


def test_a_postmonitor_hook_that_ends_the_process_is_left_alone_in_the_end(
    run: Callable[..., Any], project: Path
) -> None:
    enable(project, run, "{postmonitor: {dies: }}")
    for death in (1, 2, 3):
        run("asimov monitor", code=9)
        assert len(seen(project)) >= death
    told = run("asimov monitor")
    assert "warning: hook 'dies': the process died 3 times in postmonitor dies.run" in told.out


def test_hooks_that_can_t_be_imported_are_a_warning_each(
    run: Callable[..., Any], project: Path
) -> None:
    enable(project, run, "{postmonitor: {broken: }, telemetry: {lines: , broken: }}")
    told = run(FINISH)
    words = (
        "'broken' of the package groups can't be loaded: ModuleNotFoundError: "
        "No module named 'nothing_of_that_name'"
    )
    lines = [line for line in told.out.splitlines() if words in line]
    assert {line.split("'")[0] for line in lines} == {
        "warning: hook ", "warning: telemetry ", "warning: labeller ",
    }  # fmt: skip
    assert len(lines) == 3
    assert "post here a uploaded, b uploaded" in seen(project)


def test_an_applicator_writes_a_subject(run: Callable[..., Any], project: Path) -> None:
    told = run("asimov apply -p 'apply it' -e S1")
    assert "subject S1" in told.out
    assert "sname: S1" in (project / "ledger" / "subjects" / "S1.yaml").read_text()
    assert "is not enabled" in run("asimov apply -p broken -e S2", code=1).err


def test_a_filesource_fetches(run: Callable[..., Any], project: Path) -> None:
    program = (
        "from asimov.project.workspace import Workspace; from asimov.plugins.hooks import fetch; "
        "print(fetch(Workspace.open(), 'files', 'G1', 'coinc.xml').decode())"
    )
    assert run(f'python -c "{program}"').out == "Test project G1 coinc.xml\n"


def test_a_telemetry_sink_hears_of_changes_of_state(run: Callable[..., Any], project: Path) -> None:
    run(FINISH)
    assert [line for line in seen(project) if line.startswith("telemetry a ")] == [
        "telemetry a ready running",
        "telemetry a running finished",
        "telemetry a finished uploaded",
    ]


def test_a_labeller_s_labels_are_needs(run: Callable[..., Any], project: Path) -> None:
    assert "interesting" in run("asimov why s b").out
    run(FINISH)
    told = json.loads(run("asimov production show s b --json").out)
    assert told["settings"]["labels"] == {"interesting": True}
    assert told["status"] == "uploaded"


def test_a_state_has_its_handler(run: Callable[..., Any], project: Path) -> None:
    run("asimov production set s a --status checked")
    assert "checked" in run("asimov status").out
    told = run("asimov monitor")
    assert "s/a: checked -> cancelled" in told.out
    assert "state a" in seen(project)


def test_a_command_runs(run: Callable[..., Any]) -> None:
    assert "From the package groups." in run("asimov --help").out
    assert run("asimov say hello").out == "hello\n"


def test_a_vocabulary_gives_the_nearest_name(run: Callable[..., Any], project: Path) -> None:
    text = "{kind: analysis, subject: s, name: c, pipeline: groups, %s: 3}\n"
    (project / "c.yaml").write_text(text % "walkres")
    told = run("asimov apply --dry-run -f c.yaml")
    assert "'walkres' is kept as a setting of your own; did you mean 'walkers'?" in told.err
    (project / "c.yaml").write_text(text % "walker count")
    assert run("asimov apply --dry-run -f c.yaml").err == ""
