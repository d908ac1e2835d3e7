"""A small pool that tests may stop, kill and mistreat, and projects on it.

The bindings of the process that runs the tests are bound to another pool for good, so asimov and
HTCondor's tools run as programs here, with this pool's environment.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import pytest

from tests import preloaded
from tests.conftest import Ran

T = TypeVar("T")
TOOL = Path(__file__).parents[2] / "tools" / "htcondor-pool"
#: What the tool says where no HTCondor can be had.
_NONE = 3


def until(
    ask: Callable[[], T],
    wanted: Callable[[T], Any] = bool,
    seconds: float = 240,
    pause: float = 0.1,
) -> T:
    """Ask until the answer is the expected one; fail after a number of seconds."""
    end = time.monotonic() + seconds
    while not wanted(answer := ask()):
        if time.monotonic() > end:
            pytest.fail(f"after {seconds} s still {answer}")
        time.sleep(pause)
    return answer


def free_port() -> int:
    """Return a port that is free, and that the system gives to nobody until a pool has it."""
    while True:
        port = random.SystemRandom().randrange(20_000, 32_000)
        with socket.socket() as free, suppress(OSError):
            free.bind(("127.0.0.1", port))
            return port


class OwnPool:
    """A pool in a folder of its own.

    Attributes
    ----------
    folder
        Where its configuration, logs and queue are.
    environment
        With which programs reach it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        # What the tests' own pool has in the environment is not for this one.
        kept = {k: v for k, v in os.environ.items() if not k.startswith("_CONDOR_")}
        self._outer = {**kept, "CONDOR_POOL": str(folder), "CONDOR_PORT": str(free_port())}
        self.environment: dict[str, str] = {}

    # --- its life

    def start(self) -> None:
        """Start it; skip the test where there is no HTCondor, fail where CI=true."""
        done = self._ours("start")
        if done.returncode == _NONE and os.environ.get("CI", "").lower() != "true":
            pytest.skip(f"NO HTCONDOR POOL, OUTAGES ARE NOT TESTED HERE ({done.stderr.strip()})")
        if done.returncode:
            pytest.fail(f"the pool did not start: {done.stderr}", pytrace=False)
        told = subprocess.run(
            ["/bin/bash", "-c", f"eval \"$('{TOOL}' env)\" && env -0"],
            env=self._outer, check=True, capture_output=True, text=True,
        )  # fmt: skip
        self.environment = dict(line.split("=", 1) for line in told.stdout.split("\0") if line)

    def destroy(self) -> None:
        """End it and whatever runs in it, and remove its folder."""
        # An orderly end would wait for jobs, and for ever for what is frozen.
        while left := self._left_behind():
            for process in left:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.05)
        self._ours("destroy")
        shutil.rmtree(self.folder, ignore_errors=True)

    def _ours(self, command: str) -> subprocess.CompletedProcess[str]:
        log = self.folder.parent / f"{command}.out"
        # Daemons would keep a pipe open.
        with log.open("w+") as stream:
            done = subprocess.run(
                [str(TOOL), command], env=self._outer, check=False,
                stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, timeout=300,
            )  # fmt: skip
        return subprocess.CompletedProcess(done.args, done.returncode, "", log.read_text())

    def _left_behind(self) -> list[int]:
        """Return the processes that have this pool in their environment: daemons and jobs."""
        found = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                with suppress(OSError):
                    if str(self.folder).encode() in (entry / "environ").read_bytes():
                        found.append(int(entry.name))
        return found

    # --- its tools

    def tool(self, *command: str, check: bool = True) -> str:
        """Run one of HTCondor's tools; return what it prints."""
        done = subprocess.run(
            command, env=self.environment, check=False, capture_output=True, text=True, timeout=240
        )
        assert not (check and done.returncode), (command, done.stdout, done.stderr)
        return done.stdout

    def answers(self) -> bool:
        """Return whether the schedd answers."""
        done = subprocess.run(
            ["condor_q", "-af", "ClusterId"], env=self.environment, check=False,
            capture_output=True, timeout=240,
        )  # fmt: skip
        return done.returncode == 0

    def configure(self, name: str, text: str | None) -> None:
        """Write a file of the configuration, or remove it, and have the daemons read it."""
        path = self.folder / "local.d" / f"{name}.conf"
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
        self.tool("condor_reconfig")

    def clusters(self, project: str) -> list[tuple[int, str]]:
        """Return every cluster that it has or had of a project, nodes left out, with its tag."""
        found = self._jobs(project, "DAGManJobId is undefined && ProcId == 0")
        return sorted((int(number), uid) for number, uid in found)

    def nodes(self, project: str) -> dict[int, tuple[str, str]]:
        """Return the tag and the name of each node of a project's DAGs, by its cluster."""
        found = self._jobs(project, "DAGManJobId isnt undefined", "DAGNodeName")
        return {int(number): (uid, node) for number, uid, node in found}

    def _jobs(self, project: str, wanted: str, *attributes: str) -> set[tuple[str, ...]]:
        """Return attributes of a project's jobs, in the queue and the history."""
        wanted = f'AsimovProject == "{project}" && {wanted}'
        found: set[tuple[str, ...]] = set()
        for program in ("condor_q", "condor_history"):
            named = ("-af", "ClusterId", "AsimovUID", *attributes)
            told = self.tool(program, "-constraint", wanted, *named)
            found |= {tuple(line.split()) for line in told.splitlines()}
        return found

    # --- what is done to it

    def _daemon(self, name: str) -> int:
        """Return the process of a daemon; raise ValueError where there is none."""
        master = (self.folder / "run" / "master.pid").read_text().strip()
        told = subprocess.run(
            ["pgrep", "-P", master, "-x", f"condor_{name}"[:15]],  # the kernel's length of names
            check=False, capture_output=True, text=True,
        )  # fmt: skip
        return int(told.stdout)

    def _has(self, name: str) -> bool:
        with suppress(ValueError):
            return bool(self._daemon(name))
        return False

    def stop(self, daemon: str = "schedd") -> None:
        """Stop a daemon as an administrator does, at once; return when it has gone."""
        self.tool("condor_off", "-fast", "-daemon", daemon)
        until(lambda: not self._has(daemon))

    def begin(self, daemon: str = "schedd") -> None:
        """Start a daemon that was stopped; return when the schedd answers."""
        self.tool("condor_on", "-daemon", daemon)
        until(lambda: self._has(daemon) and self.answers())

    def kill(self, daemon: str = "schedd") -> None:
        """Kill a daemon with SIGKILL; the master restarts it."""
        os.kill(self._daemon(daemon), signal.SIGKILL)

    def reboot(self) -> None:
        """Kill every daemon and job at once, as a power cut does, and start the pool again."""
        while left := self._left_behind():
            for process in left:
                with suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
            time.sleep(0.05)
        self.start()
        until(self.answers)

    def recover(self) -> None:
        """Resume the schedd if it is frozen; return when it answers."""
        # One that was killed may go between the look and the signal.
        with suppress(ValueError, ProcessLookupError):
            self.thaw()
        until(self.answers)

    def freeze(self) -> None:
        """Freeze the schedd, so that it answers nothing."""
        os.kill(self._daemon("schedd"), signal.SIGSTOP)

    def thaw(self) -> None:
        """Resume the schedd."""
        os.kill(self._daemon("schedd"), signal.SIGCONT)

    def lose_queue(self) -> None:
        """Restart the schedd with an empty queue, without the jobs that ran."""
        self._lose("job_queue.log*")

    def lose_history(self) -> None:
        """Restart the schedd without its history."""
        self._lose("history*")

    def _lose(self, pattern: str) -> None:
        self.stop()
        for path in (self.folder / "spool").glob(pattern):
            path.unlink()
        self.begin()


@contextmanager
def started() -> Iterator[OwnPool]:
    """Have a pool within the block."""
    # Not among the tests' own folders: the daemons may run as another user.
    folder = Path(tempfile.mkdtemp(prefix="asimov-pool-"))
    folder.chmod(0o755)
    pool = OwnPool(folder / "pool")
    try:
        pool.start()
        yield pool
    finally:
        pool.destroy()
        shutil.rmtree(folder, ignore_errors=True)


class Project:
    """A project whose jobs run on an `OwnPool`.

    Parameters
    ----------
    root
        Its folder, which is there.
    pool
        The pool.
    """

    def __init__(self, root: Path, pool: OwnPool) -> None:
        self.root = root
        self.pool = pool
        self.running: list[subprocess.Popen[bytes]] = []
        self.run("init", "Outages", "--scheduler", "htcondor")
        self.name = self.run("configuration", "show", "project/id").out.strip()

    def begin(self, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
        """Begin a command in the background; what it prints goes to ``told.out``."""
        with (self.root / "told.out").open("wb") as stream:
            process = subprocess.Popen(
                [sys.executable, "-m", "asimov", *arguments], cwd=self.root, stdout=stream,
                stderr=stream, stdin=subprocess.DEVNULL, env=self._environment(environment),
            )  # fmt: skip
        self.running.append(process)
        return process

    def run(self, *arguments: str, code: int | None = 0, **environment: str) -> Ran:
        """Run a command; its exit code must be `code`, where that is not None.

        It is forked from a process that has asimov imported, but not HTCondor's bindings.
        """
        done = preloaded.run(
            preloaded.ASIMOV, *arguments, cwd=self.root, environment=self._environment(environment)
        )
        ran = Ran(done.returncode, done.stdout + done.stderr, "")
        assert code in (None, ran.code), (arguments, ran)
        return ran

    def _environment(self, more: dict[str, str]) -> dict[str, str]:
        path = f"{Path(sys.executable).parent}{os.pathsep}{self.pool.environment['PATH']}"
        # The homes that the fixtures of the tests have set are of the test, not of the pool.
        homes = {
            k: v for k, v in os.environ.items() if k in ("XDG_CONFIG_HOME", "GIT_CONFIG_GLOBAL")
        }
        return {**self.pool.environment, **homes, "PATH": path, **more}

    def end(self) -> None:
        """End the commands that run, and remove the jobs."""
        for process in self.running:
            process.kill()
            process.wait()
        wanted = f'AsimovProject == "{self.name}"'
        self.pool.tool("condor_rm", "-constraint", wanted, check=False)

    def apply(self, text: str) -> None:
        """Apply blueprints."""
        (self.root / "blueprint.yaml").write_text(text)
        self.run("apply", "-f", "blueprint.yaml")

    def rows(self) -> dict[str, dict[str, Any]]:
        """Return what ``status`` says, by the analysis's name."""
        return {row["name"]: row for row in json.loads(self.run("status", "--json").out)}

    def states(self) -> dict[str, str]:
        """Return the states by the analysis's name."""
        return {name: row["status"] for name, row in self.rows().items()}

    def attempts(self, name: str, subject: str = "s") -> list[dict[str, Any]]:
        """Return the attempts of an analysis."""
        told = json.loads(self.run("production", "show", subject, name, "--json").out)
        attempts: list[dict[str, Any]] = told["attempts"]
        return attempts

    def finish(self, *ends: str, seconds: float = 400) -> dict[str, str]:
        """Make passes until every analysis is in one of some states; return the states."""
        wanted = set(ends or ("uploaded",))
        passes = ("monitor", "--chain", "--until-idle", "--interval", "0.5", "--timeout", "30")

        def go() -> dict[str, str]:
            self.run(*passes, code=None)
            return self.states()

        return until(go, lambda states: set(states.values()) <= wanted, seconds)

    def query(self, text: str) -> list[tuple[Any, ...]]:
        """Ask the journal, which a command may be writing."""
        uri = f"file:{self.root / '.asimov' / 'journal.db'}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as journal:
            return list(journal.execute(text))

    def check_once(self) -> None:
        """Check that each attempt with a job has one cluster, and that every job has an attempt."""
        known = dict(self.query("SELECT uid, state FROM attempts"))
        counted = Counter(uid for _, uid in self.pool.clusters(self.name))
        expected = Counter(uid for uid, state in known.items() if state != "void")
        assert counted == expected, (counted, known)


def seed() -> int:
    """Return the seed of a test's random moments: ``CHAOS_SEED``, or a new one."""
    return int(os.environ.get("CHAOS_SEED") or random.randrange(1_000_000))
