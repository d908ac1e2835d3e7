"""Make a project with the real program, asimov 0.8.0, of every kind of thing that it can hold.

    python3 -m venv OLD && OLD/bin/pip install asimov==0.8.0
    tools/with-pool python tests/published/old_project.py OLD/bin yamlfile FILE.tar.gz
    tools/with-pool python tests/published/old_project.py OLD/bin sqlite FILE.tar.gz

The tests of the import in ``make test`` read two such archives, tests/compat/importing/*.tar.gz;
those of ``make test-plugins`` call `make` again. It needs a pool, where it submits two short jobs.
Only commands of the program are used, except where it has none: a state that it sets by itself is
written into the ledger in its own form, and said so.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tarfile
import tempfile
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

BLUEPRINT = """
kind: configuration
data: {channels: {H1: "H1:STRAIN"}}
quality: {minimum frequency: {H1: 20, L1: 20}}
sampler: {dlogz: 0.1}
pipelines:
  simpletestpipeline:
    sampler: {nlive: 100}
    quality: {minimum frequency: {H1: 15}, state vector: strict}
---
kind: event
name: GW1
event time: 1126259462.4
interferometers: [H1, L1]
quality: {minimum frequency: {H1: 30}}
---
kind: event
name: GW2
event time: 1126259463.4
interferometers: [H1]
---
kind: event
name: GW3
event time: 1126259464.4
interferometers: [H1]
---
kind: analysis
name: done
event: GW1
pipeline: simpletestpipeline
waveform: {approximant: IMRPhenomXPHM}
---
kind: analysis
name: going
event: GW1
pipeline: simpletestpipeline
sampler: {nlive: 7}
---
kind: analysis
name: later
event: GW1
pipeline: simpletestpipeline
needs: [done, "sampler.nlive: 7"]
needs settings: {minimum: 1}
status: wait
---
kind: analysis
name: again
event: GW1
pipeline: simpletestpipeline
status: wait
---
kind: analysis
name: unready
event: GW2
pipeline: simpletestpipeline
status: wait
---
kind: analysis
name: combined
event: GW1
pipeline: subjecttestpipeline
analyses: ["pipeline: simpletestpipeline"]
status: wait
"""
#: Applied last: 0.8 builds nothing in a project with a project analysis and the YAML ledger.
PROJECT_ANALYSIS = """
kind: ProjectAnalysis
name: everything
pipeline: projecttestpipeline
subjects: [GW1, GW2]
analyses: ["pipeline: simpletestpipeline"]
status: wait
"""
#: States that 0.8 sets by itself, or has no command for.
WRITTEN = {"again": "restart", "unready": "unready"}


def make(programs: Path, folder: Path, engine: str) -> None:
    """Make a project.

    Parameters
    ----------
    programs
        The ``bin`` of an environment with asimov 0.8.0.
    folder
        The project's folder; it is empty.
    engine
        ``yamlfile`` or ``sqlite``.
    """
    config = folder / ".gitconfig-of-maker"
    config.write_text("[user]\nname = Ada\nemail = ada@example.org\n")
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "GIT_CONFIG_GLOBAL": str(config),
    }
    environment.pop("PYTHONPATH", None)

    def run(*command: str) -> str:
        done = subprocess.run(
            command, cwd=folder, env=environment, input="", text=True, capture_output=True,
            timeout=300, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout

    def apply(text: str) -> None:
        blueprint = folder / "blueprint.yaml"
        blueprint.write_text(text)
        run("asimov", "apply", "-f", "blueprint.yaml")

    run("asimov", "init", "Old project", "--engine", engine)
    apply(BLUEPRINT)
    run("asimov", "event", "delete", "GW3")
    run("asimov", "manage", "build", "submit")
    _wait_for(folder / "working" / "GW1" / "done" / "results.dat")
    _wait_for(folder / "working" / "GW1" / "done" / "test.dag.metrics")
    before = _read(folder, engine, "going")
    run("asimov", "monitor")
    # As if this had not seen the second job's end.
    _change(folder, engine, "going", before)
    _store(programs, folder, environment)
    run("asimov", "review", "add", "GW1", "done", "approved", "-m", "looks good")
    apply(PROJECT_ANALYSIS)
    for name, state in WRITTEN.items():
        _change(folder, engine, name, {**_read(folder, engine, name), "status": state})
    for each in (config, folder / "blueprint.yaml"):
        each.unlink()


def _store(programs: Path, folder: Path, environment: dict[str, str]) -> None:
    """Store a result with the program's own class, as its pipelines do."""
    code = (
        "from asimov.storage import Store; "
        "Store(root='results').add_file('GW1', 'done', 'working/GW1/done/results.dat')"
    )
    subprocess.run(
        [programs / "python", "-c", code], cwd=folder, env=environment, check=True,
        capture_output=True, timeout=60,
    )  # fmt: skip


def _wait_for(path: Path) -> None:
    for _ in range(600):
        if path.exists():
            return
        time.sleep(0.5)
    raise RuntimeError(f"{path} did not appear")


def _read(folder: Path, engine: str, name: str) -> dict[str, Any]:
    if engine == "yamlfile":
        return dict(_in_yaml(yaml.safe_load(_yaml(folder).read_text()), name))
    with closing(sqlite3.connect(_sqlite(folder))) as database:
        query = "SELECT status, meta FROM productions WHERE name = ?"
        status, meta = database.execute(query, (name,)).fetchone()
    return {**json.loads(meta), "status": status}


def _change(folder: Path, engine: str, name: str, new: dict[str, Any]) -> None:
    """Replace an analysis in the ledger's file, in the form that the program itself writes."""
    if engine == "yamlfile":
        ledger = yaml.safe_load(_yaml(folder).read_text())
        analysis = _in_yaml(ledger, name)
        analysis.clear()
        analysis.update(new)
        _yaml(folder).write_text(yaml.dump(ledger, default_flow_style=False))
        return
    meta = {key: value for key, value in new.items() if key != "status"}
    with closing(sqlite3.connect(_sqlite(folder))) as database, database:
        database.execute(
            "UPDATE productions SET status = ?, meta = ? WHERE name = ?",
            (new["status"], json.dumps(meta), name),
        )


def _yaml(folder: Path) -> Path:
    return folder / ".asimov" / "ledger.yml"


def _sqlite(folder: Path) -> Path:
    return folder / ".asimov" / "ledger.db"


def _in_yaml(ledger: dict[str, Any], name: str) -> dict[str, Any]:
    productions = (each for event in ledger["events"] for each in event["productions"])
    return next(each[name] for each in productions if name in each)


def main() -> None:
    """Make a project and pack it."""
    programs, engine, archive = sys.argv[1:]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "old"
        folder.mkdir()
        make(Path(programs).resolve(), folder, engine)
        with tarfile.open(archive, "w:gz") as pack:
            pack.add(folder, "old")


if __name__ == "__main__":
    main()
