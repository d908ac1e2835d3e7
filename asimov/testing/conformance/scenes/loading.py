"""Scene: load the pipeline's class in a process that has not loaded any plugin."""

from __future__ import annotations

import sys
import time
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from asimov.discovery import entrypoints
from asimov.settings import validation
from asimov.system.environment import set_directory
from asimov.system.files import captured_output
from asimov.testing.conformance import snapshots
from asimov.testing.conformance.findings import Findings
from asimov.testing.conformance.scene_task import Task
from asimov.testing.home import own_home
from asimov.text import quoted

#: Caches that other packages write to the home folder on import; not the pipeline's fault.
_CACHES = (".cache", ".astropy", ".config/matplotlib")


def run(task: Task, findings: Findings) -> None:
    """Load the class, and judge the effects of that."""
    point = entrypoints.find(entrypoints.PIPELINES, task.pipeline)
    if point is None:
        raise entrypoints.unknown(entrypoints.PIPELINES, task.pipeline)
    here, home = Path(task.folder, "here"), Path(task.folder, "home")
    here.mkdir(parents=True)
    findings.doing("its import")
    with own_home(home), set_directory(here), captured_output(1) as output:
        begun = time.monotonic()
        declared = _settings_alone(task, point)
        with findings.judging("loads"):
            try:
                kind = point.load()
            finally:
                seconds = time.monotonic() - begun
            findings.judge(
                "loads",
                callable(getattr(kind, "build_dag", None)),
                f"{point.value} is {kind!r}, which has no build_dag",
            )
        printed = output().strip()
    findings.judge(
        "import-is-quick", seconds < task.loading, f"loading {point.value} took {seconds:.1f} s"
    )
    findings.judge("import-prints-nothing", not printed, f"it printed {quoted(printed)}")
    new = {f"~/{name}": "" for name in snapshots.files(home) if not name.startswith(_CACHES)}
    written = snapshots.difference({}, {**snapshots.files(here), **new})
    findings.judge("import-writes-nothing", not written, f"loading it created {written}")
    made = findings.made.get("loads")
    if made is None or not made.holds:
        findings.cause = "it can't be loaded"
        return
    name = getattr(kind, "name", None)
    findings.judge(
        "name",
        isinstance(name, str) and point.name == name.lower(),
        f"the entry point is {point.name!r}, and the pipeline's name {name!r}",
    )
    _settings(task, findings, kind, declared)


def _settings_alone(task: Task, point: EntryPoint) -> Any:
    """Load the published settings class alone; return an error if that imports the pipeline."""
    declared = entrypoints.find(entrypoints.SETTINGS, task.pipeline)
    if declared is None:
        return None
    try:
        cls = declared.load()
    except (Exception, SystemExit) as error:
        return error
    module = point.value.partition(":")[0].strip()
    loaded = module in sys.modules and module != declared.value.partition(":")[0].strip()
    return ImportError(f"{declared.value} imports {module}") if loaded else cls


def _settings(task: Task, findings: Findings, kind: Any, declared: Any) -> None:
    own = getattr(kind, "settings", ())
    if not validation.is_class(own):
        findings.holds("settings-known", "it declares no class")
    elif declared is None:
        findings.fails(
            "settings-known",
            f"the group {entrypoints.SETTINGS} has nothing named {task.pipeline!r}",
        )
    elif isinstance(declared, BaseException):
        findings.fails("settings-known", f"{type(declared).__name__}: {declared}")
    else:
        findings.judge("settings-known", declared is own, f"there it is {declared!r}, not {own!r}")
