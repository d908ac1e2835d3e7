"""A project that brings code (functions, phases, an image), which leaves a note when it runs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[1] / "ledger-examples"
_NOTE = "\nopen({notes!r}, 'a').write(__name__ + '\\n')\n"
#: In place of programs that run containers: only what they are asked about themselves is no run.
_RUNTIME = """#!/bin/sh
case "$*" in
    --version|info|version) ;;
    *) echo "$0 $*" >> '{notes}' ;;
esac
"""
#: The analyses have the names of those of the other scenes.
ANALYSES: dict[str, dict[str, Any]] = {
    "done": {"pipeline": "Blob Finder", "inputs": "data/*.pgm", "settings": {"threshold": 100}},
    "failed": {"pipeline": "function", "function": "blobs:table", "inputs": "no/*.pgm"},
    "long": {"pipeline": "phases", "traces": "data", "runs": "1", "seed": 4,
             "phases": [{"phase": "muons:Select", "window": {"start": 0, "end": 1}}]},
    "later": {"pipeline": "function", "function": "blobs:table",
              "inputs": [{"asset": "selected", "of": "long"}], "needs": ["long"]},
    "new": {"pipeline": "container", "image": "image", "command": "make",
            "outputs": {"graphs": "graphs"}},
    "spt": {"pipeline": "container", "image": "image", "contract": "spt", "input": "data"},
}  # fmt: skip


def make(root: Path, patch: pytest.MonkeyPatch, run: Callable[..., Any]) -> None:
    """Make the project in a new folder; its code has run, and one analysis is stored."""
    note, runtime = (each.format(notes=str(root.parent / "notes")) for each in (_NOTE, _RUNTIME))
    programs = root.parent / "programs"
    programs.mkdir()
    for name in ("apptainer", "singularity", "podman", "docker", "bwrap", "ch-run"):
        (programs / name).write_text(runtime)
        (programs / name).chmod(0o755)
    patch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    (root / "image" / "usr").mkdir(parents=True)
    shutil.copytree(EXAMPLES / "function" / "data", root / "data")
    (root / "data" / "run_0001.h5").write_text("t")
    (root / "blobs.py").write_text((EXAMPLES / "function" / "blobs.py").read_text() + note)
    (root / "muons.py").write_text((EXAMPLES / "phases" / "muons.py").read_text() + note)
    documents: list[dict[str, Any]] = [{"kind": "subject", "name": "s"}]
    for name, settings in ANALYSES.items():
        documents.append({"kind": "analysis", "event": "s", "name": name, **settings})
    documents = [
        {"kind": "analysis", "event": "s", "name": name, **settings}
        for name, settings in ANALYSES.items()
    ]
    first = [{"kind": "subject", "name": "s"}, documents.pop(0)]
    (root / "first.yaml").write_text("\n---\n".join(map(json.dumps, first)))
    (root / "rest.yaml").write_text("\n---\n".join(map(json.dumps, documents)))
    (root / "more.yaml").write_text("{kind: analysis, event: s, name: n, pipeline: Blob Table}\n")
    (root / "changed.yaml").write_text(json.dumps({**first[1], "comment": "new"}))
    run(root, "init", "Code", "--scheduler", "local")
    run(root, "configuration", "update", "functions/modules", "blobs")
    run(root, "apply", "-f", "first.yaml")
    run(root, "monitor", "--chain", "--until-idle", "--interval", "0.1")
    run(root, "apply", "-f", "rest.yaml")
    run(root, "manage", "build", code=1)  # not all of them can be built


def ran(root: Path) -> list[str]:
    """Return what has run since this was asked last."""
    notes = root.parent / "notes"
    if not notes.exists():
        return []
    said = notes.read_text().splitlines()
    notes.unlink()
    return said


def forget(root: Path) -> None:
    """Have the project as it is in a clone: asimov has not imported its modules yet."""
    (root / ".asimov" / "functions.json").unlink()


def change(root: Path) -> None:
    """Change the modules after asimov has imported them."""
    for name in ("blobs.py", "muons.py"):
        with (root / name).open("a") as file:
            file.write("# changed\n")
