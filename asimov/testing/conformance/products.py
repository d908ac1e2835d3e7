"""Judge the products of a complete analysis: assets, declared outputs, logs, stored results."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from asimov.errors import AsimovError
from asimov.pipeline.assets import outputs_of
from asimov.testing.conformance.scene_project import SceneProject


def judge_products(here: SceneProject) -> None:
    """Judge the products of an analysis after its job has ended and it is complete."""
    findings = here.findings
    here.project.reopen()
    with findings.judging("assets-exist"):
        _assets(here, here.call("collect_assets"))
    with findings.judging("logs-found"):
        logs = here.call("collect_logs")
        findings.judge(
            "logs-found", isinstance(logs, Mapping) and logs, f"collect_logs returned {logs!r}"
        )
        if isinstance(logs, Mapping):
            wrong = [name for name, text in logs.items() if not isinstance(text, str)]
            findings.judge("logs-found", not wrong, f"not text: {', '.join(map(str, wrong))}")
    with findings.judging("any-folder"):
        here.project.reopen()
        first = here.call("collect_assets")
        second = here.call_elsewhere("collect_assets")
        seen = f"in another folder collect_assets is {second!r}, and was {first!r}"
        findings.judge("any-folder", first == second, seen)
        relative = [path for path in paths(first) if not Path(path).is_absolute()]
        findings.judge(
            "any-folder",
            not relative,
            f"collect_assets names relative paths: {', '.join(relative[:3])}",
        )
    with findings.judging("results-stored"):
        _store(here)


def _assets(here: SceneProject, assets: Any) -> None:
    findings = here.findings
    if not isinstance(assets, Mapping):
        raise AsimovError(f"collect_assets returned {assets!r}, not a mapping")
    named = list(paths(assets))
    findings.judge("assets-exist", named, "collect_assets names no asset")
    gone = [path for path in named if not (here.project.root / path).exists()]
    findings.judge(
        "assets-exist", not gone, f"collect_assets names missing files: {', '.join(gone[:3])}"
    )
    declared = outputs_of(here.analysis.pipeline, here.analysis.meta)
    missing = [each.name for each in declared if not each.optional and not assets.get(each.name)]
    findings.judge(
        "outputs-made",
        not missing,
        f"declared but missing: {', '.join(missing)}; found: {', '.join(map(str, assets))}",
    )


def _store(here: SceneProject) -> None:
    here.project.run_until_idle(here.task.patience, chain=False, pause=here.pause)
    status = here.project.workspace.status(here.key)
    if status != "uploaded":
        reason = here.project.reason(*here.key)
        raise AsimovError(f"it ends as {status!r}" + (f": {reason}" if reason else ""))
    here.findings.judge(
        "results-stored",
        here.project.results(*here.key),
        "the results store has none of its files",
    )


def paths(assets: Any) -> Iterator[str]:
    """Yield every path in a structure of assets."""
    if isinstance(assets, Mapping):
        for value in assets.values():
            yield from paths(value)
    elif isinstance(assets, (list, tuple, set)):
        for value in assets:
            yield from paths(value)
    elif isinstance(assets, (str, Path)) and str(assets):
        yield str(assets)
