"""A project to look at, whose times are as old at any time; and the live view in a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from asimov.cli import cli
from asimov.engine.attendance import record_pass
from asimov.journal import measurements
from asimov.journal.keys import Key
from asimov.journal.run_times import record_starts
from asimov.project.workspace import Workspace
from asimov.system import clock
from tests.driven import Driven

HOUR, DAY = 3600.0, 86400.0
BLUEPRINTS = """
{kind: subject, name: GW150914}
---
{kind: subject, name: GW190521}
---
{kind: analysis, event: GW150914, name: noise, pipeline: command, executable: /bin/true}
---
{kind: analysis, event: GW150914, name: walk, pipeline: command, executable: /bin/true,
 arguments: ["--gain", "2"], needs: [noise]}
---
{kind: analysis, event: GW150914, name: compare, pipeline: simpletestpipeline, needs: [walk]}
---
{kind: analysis, event: GW190521, name: noise, pipeline: command, executable: /bin/true}
---
{kind: analysis, event: GW190521, name: walk, pipeline: command, executable: /bin/true}
---
{kind: analysis, event: GW190521, name: held, pipeline: command, executable: /bin/true}
---
{kind: analysis, event: GW190521, name: queued, pipeline: command, executable: /bin/true}
"""
#: What jobs print must not become markup, colours, or another title of the window.
HOSTILE = "[red]not red[/red] [@click=app.exit]no[/]\n\x1b]0;title\x07\x1b[2Jcleared\nend\n"


def asimov(root: Path, *arguments: str) -> None:
    """Run a command in a project."""
    ran = CliRunner().invoke(cli, ["--project", str(root), *arguments], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output


@pytest.fixture(scope="session")
def make_project(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a project in which things have happened: ``make_project("name")``."""

    def make(name: str) -> Path:
        root = tmp_path_factory.mktemp("tui") / name
        made = CliRunner().invoke(
            cli, ["init", "Waves", "--root", str(root), "--scheduler", "local"]
        )
        assert made.exit_code == 0, made.output
        file = root / "blueprint.yaml"
        file.write_text(BLUEPRINTS)
        start = clock.now() - 6.5 * HOUR
        with clock.replaced(lambda: start):
            asimov(root, "apply", "-f", str(file))
        _happen(root)
        return root

    return make


def _happen(root: Path) -> None:
    """Have jobs submitted, run, held and failed; each time in the middle of its unit."""
    workspace = Workspace.open(root)
    journal, start = workspace.journal, clock.now()
    made = root / "working" / "GW150914" / "noise" / "noise.txt"
    made.parent.mkdir(parents=True)
    made.write_text("quiet\n")
    ago = [0.0]
    with clock.replaced(lambda: start - ago[0]):
        jobs = [
            ("GW150914/noise", 11, 2.5 * DAY), ("GW150914/walk", 12, 5.5 * HOUR),
            ("GW190521/noise", 13, 3.5 * HOUR), ("GW190521/walk", 14, 2.5 * HOUR),
            ("GW190521/held", 15, 1.5 * HOUR), ("GW190521/queued", 16, 4.5 * HOUR),
        ]  # fmt: skip
        for whose, job, age in jobs:
            ago[0] = age
            key = Key(*whose.split("/"))
            journal.intend(key, f"uid-{job}", "run", "local")
            journal.submitted(f"uid-{job}", job, [])
            workspace.move(key, "running", "submit", f"submitted as job {job}")
            state = {15: "held", 16: "idle"}.get(job, "running")
            detail = "held: no such file (code 13)" if job == 15 else None
            if state == "running":
                record_starts(journal, {f"uid-{job}": clock.now()})
            journal.observed([(key, state, detail, {12: "45% sampling"}.get(job, "0/1"))])
        walk = Key("GW150914", "walk")
        measurements.record(journal, "uid-12", 0.05, "sampling", start - 5 * HOUR)
        measurements.record(journal, "uid-12", 0.45, "sampling", start - 60)
        ago[0] = 1.5 * HOUR
        noise, failed = Key("GW150914", "noise"), Key("GW190521", "noise")
        for key, job, after in ((noise, 11, "finished"), (failed, 13, "stuck")):
            journal.ended(
                f"uid-{job}", "ended", exit_code=int(after == "stuck"), evidence="event log",
                reason=None,
            )  # fmt: skip
            reason = {"stuck": "job 13 ended with exit code 1: no [bold]space[/bold] left"}
            workspace.move(key, after, "monitor", reason.get(after, "job 11 ended"))
        workspace.store.add_products(noise.subject, noise.name, [made], made.parent)
        workspace.move(noise, "uploaded", "monitor", "its results are stored")
        record_pass(workspace, [])
        workspace.journal.close()
    folder = root / "working" / walk.subject / walk.name
    folder.mkdir(parents=True)
    (folder / "job.out").write_text(HOSTILE)
    (folder / "job.err").write_text("10%|#\r20%|##\nwarned\n")


@pytest.fixture(scope="module")
def scene(make_project: Callable[[str], Path]) -> Path:
    """Return a project that tests only look at."""
    return make_project("scene")


@pytest.fixture(scope="module")
def view(scene: Path) -> Iterator[Driven]:
    """Look at it in a terminal of 80 columns and 24 lines."""
    with Driven.of(scene, interval=0.2) as driven:
        driven.until(lambda: "7 analyses" in driven.text)
        yield driven
