"""Make a project with a real release between 0.5 and 0.7, of what those can hold.

    python3 -m venv OLD && OLD/bin/pip install asimov==0.5.16 'htcondor<25'
    python tests/published/older_project.py OLD/bin 0.5.16 FILE.tar.gz

The archives tests/compat/importing/0.*.tar.gz, which ``make test`` reads, are made like this; the
tests of ``make test-plugins`` call `make` again. It needs no pool: nothing is submitted. States
that only a job leads to are written into the ledger in the release's own form.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import yaml

#: The pipelines that each release brings: of the first analysis and of the others.
PIPELINES = {
    "0.5.16": ("bayeswave", "bilby"),
    "0.6.2": ("bayeswave", "bilby"),
    "0.7.1": ("simpletestpipeline", "simpletestpipeline"),
}
#: Packages that a release imports and does not require.
WITH = {"0.5.16": ("htcondor<25",), "0.6.2": ("htcondor<25",), "0.7.1": ()}

BLUEPRINT = """
kind: configuration
quality: {{minimum frequency: {{H1: 20, L1: 20}}, state vector: loose}}
pipelines:
  {other}:
    sampler: {{nlive: 100}}
    quality: {{state vector: strict}}
---
kind: event
name: GW1
event time: 1126259462.4
interferometers: [H1, L1]
quality: {{minimum frequency: {{H1: 30}}}}
---
kind: event
name: GW2
event time: 1126259463.4
interferometers: [H1]
"""
ANALYSES = """
kind: analysis
name: done
pipeline: {first}
comment: the first
---
kind: analysis
name: later
pipeline: {other}
needs: [done]
waveform: {{approximant: IMRPhenomXPHM}}
status: wait
---
kind: analysis
name: going
pipeline: {other}
---
kind: analysis
name: failed
pipeline: {other}
---
kind: analysis
name: again
pipeline: {other}
"""
#: What only a job, or the monitor, leads to.
WRITTEN: dict[str, dict[str, Any]] = {
    "done": {"status": "uploaded", "job id": 17},
    "going": {"status": "running", "job id": 18, "rundir": "working/GW1/going"},
    "again": {"status": "restart"},
}


def make(programs: Path, release: str, folder: Path) -> None:
    """Make a project in an empty folder with the programs of a release."""
    environment = {**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    environment.pop("PYTHONPATH", None)
    for who in ("AUTHOR", "COMMITTER"):
        environment |= {f"GIT_{who}_NAME": "Ada", f"GIT_{who}_EMAIL": "ada@example.org"}

    def run(*command: str | Path) -> None:
        done = subprocess.run(
            command, cwd=folder, env=environment, input="", text=True, capture_output=True,
            timeout=300, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{command}: {done.stdout}{done.stderr}")

    def apply(text: str, *more: str) -> None:
        first, other = PIPELINES[release]
        blueprint = folder / "blueprint.yaml"
        blueprint.write_text(text.format(first=first, other=other))
        run("asimov", "apply", "-f", "blueprint.yaml", *more)
        blueprint.unlink()

    run("asimov", "init", "Old project")
    apply(BLUEPRINT)
    apply(ANALYSES, "-e", "GW1")
    run("asimov", "production", "set", "GW1", "failed", "--status", "stuck")
    run("asimov", "review", "add", "GW1", "done", "approved", "-m", "looks good")
    product = folder / "working" / "GW1" / "done" / "posterior.dat"
    product.parent.mkdir(parents=True, exist_ok=True)
    product.write_text("1 2 3\n")
    store = "from asimov.storage import Store; Store(root='results').add_file({!r}, {!r}, {!r})"
    run(programs / "python", "-c", store.format("GW1", "done", str(product.relative_to(folder))))
    (folder / "working" / "GW1" / "going").mkdir(exist_ok=True)
    (folder / "working" / "GW1" / "going" / "job.out").write_text("step 1\n")
    _configure(folder, run)
    ledger = folder / ".asimov" / "ledger.yml"
    document = yaml.safe_load(ledger.read_text())
    for event in document["events"]:
        for each in event["productions"]:
            ((name, analysis),) = [(each["name"], each)] if "name" in each else each.items()
            analysis.update(WRITTEN.get(name, {}))
    ledger.write_text(yaml.dump(document, default_flow_style=False))


def _configure(folder: Path, run: Any) -> None:
    """Commit a configuration where the release keeps it; a build would need its pipeline."""
    repository = folder / "checkouts" / "GW1"
    (category,) = (each for each in repository.iterdir() if each.name != ".git")
    (category / "done.ini").write_text("[engine]\nsrate = 4096\n")
    run("git", "-C", repository, "add", ".")
    run("git", "-C", repository, "commit", "-q", "-m", "Added done.ini")


def main() -> None:
    """Make a project and pack it."""
    programs, release, archive = sys.argv[1:]
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made) / "old"
        folder.mkdir()
        make(Path(programs).resolve(), release, folder)
        with tarfile.open(archive, "w:gz") as pack:
            pack.add(folder, "old")


if __name__ == "__main__":
    main()
