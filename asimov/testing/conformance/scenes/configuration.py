"""Scene: render the configuration without submitting anything."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from asimov.discovery import entrypoints
from asimov.discovery.entrypoints import PluginError
from asimov.engine.lease import at_work
from asimov.errors import ReportedError
from asimov.plugins.methods import call_method
from asimov.settings import validation
from asimov.testing.conformance.findings import Findings
from asimov.testing.conformance.scene_project import SceneProject, scene_project
from asimov.testing.conformance.scene_task import Task

#: Methods that a report or another analysis may call at any time.
_ASKED = ("collect_assets", "collect_logs", "samples", "html", "result_pages")


def run(task: Task, findings: Findings) -> None:
    """Build the analysis twice, and ask for products that do not exist yet."""
    with scene_project(task, findings) as here:
        here.prepare()
        _render(here)
        _ask_early(here)
        _enforce(here)


def _render(here: SceneProject) -> None:
    findings = here.findings
    with findings.judging("renders"):
        here.build()
        findings.holds("renders")
    if not findings.made["renders"].holds:
        findings.stop("renders")
        return
    made = sorted(str(path) for path in here.rundir.rglob("*"))[:3] if here.rundir.exists() else []
    findings.judge(
        "rundir-untouched",
        not here.rundir.exists(),
        f"it exists after 'manage build'{': ' if made else ''}{', '.join(made)}",
    )
    path = Path(here.analysis.config_file)
    with findings.judging("renders-again"):
        first = path.read_text()
        result = here.project.build(here.key, force=True)
        if here.key in result.failed:
            raise result.failed[here.key]
        findings.judge("renders-again", path.read_text() == first, _unlike(first, path.read_text()))


def _unlike(first: str, second: str) -> str:
    lines = zip(first.splitlines(), second.splitlines(), strict=False)
    pair = next((pair for pair in lines if pair[0] != pair[1]), None)
    return f"{pair[0]!r} became {pair[1]!r}" if pair else "one text is longer"


def _ask_early(here: SceneProject) -> None:
    wrong = []
    here.project.reopen()
    with at_work(here.project.workspace, "asimov plugins check"):
        for method in _ASKED:
            try:
                call_method(here.analysis, method)
            except ReportedError as error:
                wrong.append(str(error))
    here.findings.judge("asked-early", not wrong, "; ".join(wrong))


def _enforce(here: SceneProject) -> None:
    findings = here.findings
    try:
        kind = entrypoints.load(entrypoints.PIPELINES, here.task.pipeline)
    except PluginError as error:
        findings.unknown("settings-enforced", str(error))
        return
    cls: Any = getattr(kind, "settings", ())
    if not validation.is_class(cls):
        findings.holds("settings-enforced", "it declares no class")
        return
    with findings.judging("settings-enforced"):
        validation.check(cls)
        names = validation.names(cls)
        wrong = {f"{names[0] if names else 'setting'} and more": 1}
        accepted = _accepted(here, wrong)
        findings.judge(
            "settings-enforced",
            not accepted,
            f"asimov apply accepted the unknown setting {next(iter(wrong))!r}",
        )


def _accepted(here: SceneProject, wrong: dict[str, Any]) -> bool:
    entry = here.project.workspace.contents.entries[here.key]
    data = {**entry.data, **wrong, "name": f"{here.key[1]}-wrong", "pipeline": here.task.pipeline}
    kind = "projectanalysis" if entry.kind == "project" else "analysis"
    subject = {} if entry.kind == "project" else {"subject": here.key[0]}
    try:
        here.project.apply({"kind": kind, **data, **subject}, dry_run=True)
    except ReportedError:
        return False
    return True
