"""Create projects of a given size, and measure the commands from init to status."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pool
from measure import Sample, measure


@dataclass(frozen=True)
class Layout:
    """How analyses are distributed over subjects.

    Attributes
    ----------
    each
        How many a subject has; None puts all into one.
    waiting
        Whether a subject's analyses need its first: that one runs and the others wait.
    """

    each: int | None
    waiting: bool = False


LAYOUTS = {
    "10 a subject": Layout(10),
    "one subject": Layout(None),
    "one subject, waiting": Layout(None, waiting=True),
}

#: Scripts that run inside the measured processes.
INSIDE = Path(__file__).parent / "inside"

#: The output that a job should produce; none does.
OUTPUT = "result.json"

#: For analyses on real schedulers: they must not end, and need not run.
_SCHEDULING = {"htcondor": "requirements: 'False'"}


def blueprints(size: int, layout: str, settings: str) -> str:
    """Return one file of blueprints: a document for each subject and each analysis.

    Parameters
    ----------
    size
        How many analyses.
    layout
        A key of `LAYOUTS`.
    settings
        Further lines of each analysis.
    """
    each = LAYOUTS[layout].each or size
    documents = []
    for number in range(size):
        subject = f"subject-{number // each:05}"
        if number % each == 0:
            documents.append(
                f"kind: subject\nname: {subject}\n"
                f"data:\n  file: data/{subject}.csv\n  channels: [first, second]\n"
            )
        needs = "needs: [analysis-00000]\n" if LAYOUTS[layout].waiting and number % each else ""
        documents.append(
            f"kind: analysis\nname: analysis-{number % each:05}\nevent: {subject}\n{settings}"
            f"{needs}likelihood:\n  sample rate: 2048\n  window: {number % 7}\n"
        )
    return "---\n".join(documents)


def command_settings(scheduler: str) -> str:
    """Return the settings of an analysis that runs for an hour, in the pipeline ``command``."""
    return (
        "pipeline: command\nexecutable: sleep\narguments: [3600]\n"
        f"outputs: {{result: {OUTPUT}}}\n"
        f"scheduler:\n  request memory: 16 MB\n  {_SCHEDULING.get(scheduler, 'request cpus: 1')}\n"
    )


@dataclass
class Program:
    """An asimov in a separate environment.

    Attributes
    ----------
    environment
        The folder of the virtual environment.
    home
        The home folder of its commands: nothing of the user's own has a part in the figures.
    site
        A further folder of packages, or None.
    """

    environment: Path
    home: Path
    site: Path | None = None
    variables: dict[str, str] = field(init=False)

    def __post_init__(self) -> None:
        path = f"{self.environment / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        self.variables = {
            "HOME": str(self.home),
            "PATH": path,
            "LANG": "C.UTF-8",
            "USER": "benchmark",
            **{
                f"GIT_{who}_{what}": value
                for who in ("AUTHOR", "COMMITTER")
                for what, value in (("NAME", "Benchmark"), ("EMAIL", "benchmark@localhost"))
            },
        }
        for name in ("CONDOR_CONFIG", "TMPDIR"):
            if name in os.environ:
                self.variables[name] = os.environ[name]
        if self.site:
            self.variables["PYTHONPATH"] = str(self.site)

    def asimov(self, cwd: Path, *arguments: str) -> Sample:
        """Measure an asimov command."""
        return measure([str(self.environment / "bin" / "asimov"), *arguments], cwd, self.variables)

    def python(self, cwd: Path, code: str) -> Sample:
        """Measure Python code."""
        return measure([str(self.environment / "bin" / "python"), "-c", code], cwd, self.variables)

    def inside(self, name: str, *arguments: str | Path) -> list[str]:
        """Return the command that runs a script of the folder ``inside``."""
        python = self.environment / "bin" / "python"
        return [str(each) for each in (python, INSIDE / f"{name}.py", *arguments)]

    def script(self, cwd: Path, name: str, *arguments: str | Path) -> Sample:
        """Measure a script of the folder ``inside``."""
        return measure(self.inside(name, *arguments), cwd, self.variables)


@contextmanager
def program(environment: Path, *, with_null_scheduler: bool = False) -> Iterator[Program]:
    """Return the asimov of an environment, with a home folder that is removed afterwards."""
    with TemporaryDirectory(prefix="asimov-benchmark-") as folder:
        home, site = Path(folder, "home"), Path(folder, "site")
        home.mkdir()
        if with_null_scheduler:
            _install_null_scheduler(environment, Path(folder), site)
        yield Program(environment, home, site if with_null_scheduler else None)


def _install_null_scheduler(environment: Path, folder: Path, site: Path) -> None:
    source = folder / "null_scheduler"
    shutil.copytree(Path(__file__).parent / "null_scheduler", source)
    python = str(environment / "bin" / "python")
    pip = [python, "-m", "pip", "--quiet", "--disable-pip-version-check", "install", "--no-deps"]
    # Where the environment can build a wheel by itself nothing is downloaded.
    test = "import importlib.util as i, setuptools; "
    test += "assert i.find_spec('wheel') or i.find_spec('setuptools.command.bdist_wheel')"
    able = subprocess.run([python, "-c", test], capture_output=True, check=False).returncode == 0
    isolation = ["--no-build-isolation"] if able else []
    subprocess.run([*pip, *isolation, "--target", str(site), str(source)], check=True)


@dataclass
class Life:
    """Measurements of the commands of one project, and how many analyses they handled.

    Attributes
    ----------
    figures
        The samples of each figure.
    counts, expected
        How many analyses were applied, built, submitted and seen running, and should have been.
    """

    figures: dict[str, list[Sample]] = field(default_factory=dict)
    counts: dict[str, int] = field(default_factory=dict)
    expected: dict[str, int] = field(default_factory=dict)

    def add(self, figure: str, sample: Sample) -> None:
        """Add a sample of a figure."""
        self.figures.setdefault(figure, []).append(sample)


def make(asimov: Program, root: Path, size: int, layout: str, scheduler: str) -> tuple[Sample, ...]:
    """Create a project and build its analyses; return the times of apply and build."""
    text = blueprints(size, layout, command_settings(scheduler))
    (root / "blueprints.yaml").write_text(text)
    asimov.asimov(root, "init", "Benchmark", "--scheduler", scheduler)
    applied = asimov.asimov(root, "apply", "-f", "blueprints.yaml")
    return applied, asimov.asimov(root, "manage", "build")


def rows(asimov: Program, root: Path) -> list[dict[str, Any]]:
    """Return the output of ``asimov status --json``."""
    found: list[dict[str, Any]] = json.loads(asimov.asimov(root, "status", "--json").out)
    return found


def make_outputs(root: Path) -> int:
    """Create the declared outputs of every submitted job; return how many."""
    rundirs = [path.parent for path in root.glob("working/*/*/job.sub")]
    for rundir in rundirs:
        (rundir / OUTPUT).write_text("{}\n")
    os.sync()  # so that the next measurement does not wait for these writes
    return len(rundirs)


def live(asimov: Program, size: int, layout: str, scheduler: str, passes: int) -> Life:
    """Take a new project from its blueprints to running jobs, and monitor them a few times.

    Parameters
    ----------
    asimov
        The program.
    size
        How many analyses.
    layout
        A key of `LAYOUTS`.
    scheduler
        ``null``, ``local`` or ``htcondor``.
    passes
        How often the commands that change nothing are measured.
    """
    life = Life()
    with TemporaryDirectory(prefix="asimov-benchmark-", ignore_cleanup_errors=True) as folder:
        root = Path(folder)
        for figure, sample in zip(
            ("apply", "manage build"), make(asimov, root, size, layout, scheduler), strict=True
        ):
            life.add(figure, sample)
        life.counts["applied"] = len(rows(asimov, root))
        life.counts["built"] = sum(1 for _ in (root / "checkouts").glob("*/analyses/*.ini"))
        try:
            life.add("manage submit", asimov.asimov(root, "manage", "submit"))
            asimov.asimov(root, "monitor")  # the first pass that sees them running
            for _ in range(passes):
                life.add("idle monitor pass", asimov.asimov(root, "monitor"))
                life.add("status --json", asimov.asimov(root, "status", "--json"))
                words = ("status", "subject-00000/")
                life.add("completion", asimov.asimov(root, "--complete", *words))
            shown = json.loads(life.figures["status --json"][-1].out)
            life.counts["submitted"] = len({row["job_id"] for row in shown} - {None})
            seen = [row for row in shown if row["job_state"] in {"idle", "running"}]
            life.counts["seen running"] = sum(row["status"] == "running" for row in seen)
            run = -(-size // (LAYOUTS[layout].each or size)) if LAYOUTS[layout].waiting else size
            life.expected = {"applied": size, "built": run, "submitted": run, "seen running": run}
        finally:
            if scheduler == "local":
                _end_jobs(root)
            elif scheduler == "htcondor":
                pool.remove(root)
    return life


def _end_jobs(root: Path) -> None:
    """Remove a project's jobs one by one and wait until they have left."""
    from asimov.engine.attempts import ask
    from asimov.project.workspace import Workspace
    from asimov.scheduler import Present

    workspace = Workspace.open(root)
    attempts = workspace.journal.open_attempts()
    for attempt in attempts:
        if attempt.job_id is not None:
            workspace.scheduler().remove(attempt.job_id, "the benchmark has ended")
    deadline = time.monotonic() + 300
    while any(isinstance(answer, Present) for answer in ask(workspace, attempts).values()):
        if time.monotonic() > deadline:
            sys.exit(f"the jobs of {root} do not end")
        time.sleep(0.5)
    workspace.journal.close()
