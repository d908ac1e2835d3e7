"""Runs asimov's commands so that they are killed with SIGKILL at a boundary that is counted.

A boundary lies before and after each durable write (a commit of SQLite, a sync of a file), each
call of a scheduler and each method of a pipeline. Others lie within git, where it holds its locks,
and in time. The pipeline of `tests.sharded` must be installed. The server, which this file is as a
program, imports asimov once and forks a process for each command; it reads a JSON object a line,
with ``argv``, ``names`` and ``at`` (to die when boundaries of these names are reached so often) and
``group`` (whether all that the command has started dies with it), and answers with ``killed`` (the
boundary's name, or null) and ``code``.
"""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

#: Boundaries within git; its whole process group is killed there, and the command with it.
GIT = ("git prepared", "git committed", "git post-index-change")
#: As a hook of git's it kills its process group where the file beside it says so.
_HOOK = """#!/bin/sh
phase=$1
test "${0##*/}" = reference-transaction || phase=${0##*/}
test "$(cat "${0%/*}/trap" 2> /dev/null)" = "git $phase" || exit 0
rm "${0%/*}/trap"
kill -KILL 0
"""
#: Pipelines beside the published ones; see `pipelines`.
NAMES = ("own", "processed")


class Server:
    """The other end of the server's pipes."""

    def __init__(self, folder: Path) -> None:
        hooks = folder / ".asimov" / "hooks"
        hooks.mkdir()
        for name in ("reference-transaction", "post-index-change"):
            (hooks / name).write_text(_HOOK)
            (hooks / name).chmod(0o755)
        self.trap = hooks / "trap"
        configured = {"COUNT": "1", "KEY_0": "core.hooksPath", "VALUE_0": str(hooks)}
        self.process = subprocess.Popen(
            [sys.executable, __file__],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder,
            env=os.environ | {f"GIT_CONFIG_{name}": text for name, text in configured.items()},
        )  # fmt: skip

    def run(
        self, *argv: str, names: Iterable[str] = (), at: int = 1, group: bool = False,
        after: float | None = None,
    ) -> tuple[str | None, int]:  # fmt: skip
        """Run a command; return the boundary that it was killed at, or None, and its exit code.

        Parameters
        ----------
        argv
            The command.
        names, at
            It dies when boundaries of these names were reached so often.
        group
            Whether all that it has started dies with it.
        after
            The seconds after which it is killed, with its group; it has no other boundary then.
        """
        assert self.process.stdin and self.process.stdout
        names = list(names)
        (trap,) = {*names} & {*GIT} or {""}
        if trap:
            self.trap.write_text(trap)
        request = {"argv": argv, "names": names, "at": at, "after": after}
        request["group"] = bool(group or trap or after is not None)
        self.process.stdin.write(json.dumps(request) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        assert line, "the server has gone"
        told = json.loads(line)
        if trap and not self.trap.exists():
            return trap, told["code"]
        self.trap.unlink(missing_ok=True)
        return told["killed"], told["code"]


@contextmanager
def server(folder: Path) -> Iterator[Server]:
    """Run the server in a project's folder."""
    made = Server(folder)
    try:
        yield made
    finally:
        made.process.kill()
        made.process.communicate()


# --- in the server


class Boundaries:
    """Counts boundaries, and dies at one of them."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.left = 0
        self.told = -1
        self.group = False

    def reach(self, name: str) -> None:
        """Be at a boundary."""
        self.left -= name in self.names
        if name in self.names and self.left == 0:
            os.write(self.told, name.encode())
            if self.group:
                os.killpg(0, signal.SIGKILL)
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, method: str, name: str) -> None:
        """Put a boundary before and after a function."""
        own = getattr(owner, method)

        def bounded(*arguments: Any, **named: Any) -> Any:
            self.reach(f"before {name}")
            answer = own(*arguments, **named)
            self.reach(f"after {name}")
            return answer

        setattr(owner, method, bounded)


def pipelines() -> dict[str, type]:
    """Return a pipeline that submits by a program of its own, and one with post-processing."""
    from asimov.pipelines.testing import SimpleTestPipeline

    from asimov.scheduler import JobDescription

    class Own(SimpleTestPipeline):
        """Submits as older pipelines do: it starts condor_submit_dag, where there is one."""

        name = "own"

        def submit_dag(self, dryrun: bool = False) -> Any:
            if self.scheduler.name != "htcondor":
                return super().submit_dag()
            done = subprocess.run(
                ["condor_submit_dag", "-f", str(self.dag_file)],
                capture_output=True, text=True, check=True, cwd=self.production.rundir,
            )  # fmt: skip
            return int(done.stdout.split("cluster ")[1].split(".")[0])

    class Processed(SimpleTestPipeline):
        """Has its results processed by a second job."""

        name = "processed"
        submits_by_program = False

        def after_completion(self) -> None:
            rundir = Path(self.production.rundir)
            self.production.status = "processing"
            self.production.job_id = self.scheduler.submit(
                JobDescription(
                    "/bin/touch", rundir / "after.out", rundir / "after.err", rundir / "after.log",
                    arguments="processed", initialdir=str(rundir),
                )
            )  # fmt: skip

        def detect_completion_processing(self) -> bool:
            return Path(self.production.rundir, "processed").exists()

    return {"own": Own, "processed": Processed}


def prepare(boundaries: Boundaries) -> None:
    """Put the boundaries in place."""
    from asimov.pipelines.command import Command
    from asimov.pipelines.testing import SimpleTestPipeline

    from asimov.discovery import entrypoints
    from asimov.engine import attempts
    from asimov.pipeline.node_pipeline import NodePipeline
    from asimov.plugins import crashes
    from asimov.project.git import commits
    from asimov.scheduler.htcondor import HTCondor
    from asimov.scheduler.local import LocalScheduler

    class Connection(sqlite3.Connection):
        def execute(self, statement: str, *values: Any) -> Any:
            if statement != "COMMIT":
                return super().execute(statement, *values)
            boundaries.reach("before a commit")
            answer = super().execute(statement)
            boundaries.reach("after a commit")
            return answer

    connect = sqlite3.connect
    sqlite3.connect = lambda *a, **named: connect(*a, **{"factory": Connection, **named})  # type: ignore[assignment]
    boundaries.around(os, "fsync", "a sync")
    calls = ("submit", "submit_dag", "observe", "news", "remove", "release", "usage")
    for kind in (HTCondor, LocalScheduler):
        for method in calls:
            boundaries.around(kind, method, f"Scheduler.{method}")
    made = pipelines()
    hooks = ("build_dag", "submit_dag", "detect_completion", "collect_assets", "resurrect")
    more = ("set_aside_unfinished", "after_completion", "detect_completion_processing")
    sharded = entrypoints.found(entrypoints.PIPELINES)["sharded"]
    for pipeline in (SimpleTestPipeline, NodePipeline, Command, sharded.load(), *made.values()):
        for method in (*hooks, *more):
            if method in vars(pipeline):
                boundaries.around(pipeline, method, f"Pipeline.{method}")
    real = entrypoints.found
    own = {
        name: SimpleNamespace(name=name, load=lambda p=pipeline: p, dist=None, value="test:it")
        for name, pipeline in made.items()
    }
    entrypoints.found = lambda group: {
        **real(group),
        **(own if group == entrypoints.PIPELINES else {}),
    }
    commits.NO_PROGRAMS = ()  # commands are killed by hooks
    # Programs end within a moment here, and so many deaths in one method are meant.
    attempts.SUBMITTING = 0.3
    crashes.DEATHS = 1_000_000


def serve() -> None:
    """Answer requests until there are no more."""
    from asimov.cli import main

    boundaries = Boundaries()
    prepare(boundaries)
    for line in sys.stdin:
        request = json.loads(line)
        boundaries.names, boundaries.left = request["names"], request["at"]
        boundaries.group = request["group"]
        heard, boundaries.told = os.pipe()
        child = os.fork()
        if child == 0:
            if boundaries.group:
                os.setsid()
            os._exit(_command(main, request["argv"]))
        if request["after"] is not None:
            time.sleep(request["after"])
            with suppress(ProcessLookupError):  # it has no group of its own yet
                os.killpg(child, signal.SIGKILL)
                os.write(boundaries.told, b"at some time")
        os.close(boundaries.told)
        _, status = os.waitpid(child, 0)
        os.set_blocking(heard, False)  # a program of a pipeline may have the other end still
        with os.fdopen(heard, "rb") as stream:
            killed = (stream.read() or b"").decode()
        code = os.waitstatus_to_exitcode(status)
        killed = killed if code == -signal.SIGKILL else ""
        print(json.dumps({"killed": killed or None, "code": code}), flush=True)


def _command(main: Callable[[], None], argv: list[str]) -> int:
    sys.argv = ["asimov", *argv]
    output = os.open(".asimov/killed.out", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(output, 1)
    os.dup2(output, 2)
    try:
        main()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    serve()
