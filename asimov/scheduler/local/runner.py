"""The process that runs the local queue: ``python -m asimov.scheduler.local.runner ROOT ...``.

One turn is one transaction: record what ended, carry out requests, advance DAGs, and record what
will be started as running. It is started only after the commit, so that after a kill at any point
the next runner knows every process that may exist.
"""

from __future__ import annotations

import gc
import os
import select
import signal
import socket
import sqlite3
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path

from asimov import text
from asimov.errors import AsimovError
from asimov.scheduler.local.attempts import Attempt, RunningAttempts
from asimov.scheduler.local.claims import claim, given_up, identity, read_claim
from asimov.scheduler.local.dagman import DagRun
from asimov.scheduler.local.endings import Ending
from asimov.scheduler.local.memory_limit import hold_excess
from asimov.scheduler.local.orphans import Loss
from asimov.scheduler.local.process_spec import Paths
from asimov.scheduler.local.queue import Queue
from asimov.scheduler.local.rows import process_spec
from asimov.scheduler.local.spool import Spool, ring
from asimov.scheduler.local.tables import GONE, SERVICE
from asimov.scheduler.local.witness import witnessed
from asimov.system.files import locked

#: Seconds: until an idle runner ends, between checks of adopted processes, between safety checks,
#: between checks of memory use.
_LINGER, _ADOPTED, _SAFETY, _MEMORY = 2.0, 0.2, 30.0, 1.0
#: Seconds after which a forked keeper has claimed its attempt or never will.
_CLAIM_DELAY = 600.0


class Runner:
    """Runs the queue of a project until it is empty.

    Parameters
    ----------
    root
        The project's folder.
    limit
        How many processors jobs may take at once.
    grace
        How many seconds a process has to end once asked; then it is killed.
    enforce
        Whether to hold a process that uses more memory than it requested.
    db
        The queue's open database.
    witness
        The witness, which takes over from killed keepers (see `asimov.scheduler.local.witness`).
    """

    def __init__(
        self,
        root: Path,
        limit: int,
        grace: float,
        enforce: bool,
        db: sqlite3.Connection,
        witness: str,
    ) -> None:
        self.spool = Spool(root)
        self.limit = limit
        self.enforce = enforce
        self._looked = 0.0
        self.queue = Queue(db, Paths(root))
        self.db = db
        # The folder's number identifies this queue, and stays the same when it is moved.
        self.home = folder_number(self.spool)
        self.running = RunningAttempts(self.spool.runs, self.home, witness, grace)
        self.dags: dict[int, DagRun] = {}

    def run(self, bell: int, signals: int) -> None:
        """Take turns until there has been nothing to do for a while.

        Parameters
        ----------
        bell, signals
            File descriptors that become readable when a command wakes the runner, and when a signal
            arrives.
        """
        poll = select.poll()
        poll.register(bell, select.POLLIN)
        poll.register(signals, select.POLLIN)
        self._adopt()
        idle_since: float | None = None
        while True:
            self.turn()
            now = time.monotonic()
            if not self.queue.empty() or self.running.attempts:
                idle_since = None
            elif idle_since is None:
                idle_since = now
            elif now - idle_since >= _LINGER:
                return
            for handle, _ in poll.poll(self._wait(idle_since is not None) * 1000):
                with suppress(BlockingIOError):
                    os.read(handle, 65536)

    def _wait(self, idle: bool) -> float:
        waits = [_SAFETY]
        if idle:
            waits.append(_LINGER)
        if self.running.adopted():
            waits.append(_ADOPTED)
        if self.enforce and self.running.attempts:
            waits.append(_MEMORY)
        waits += [wait for _, wait in self.queue.services()]
        return max(min(waits), 0.0) + 0.001

    def turn(self) -> None:
        """Do everything that can be done now, in one transaction."""
        queue = self.queue
        queue.now = time.time()
        if folder_number(self.spool) != self.home:
            raise FileNotFoundError("the project was deleted and created again")
        ended = self.running.ended()
        self.db.execute("BEGIN IMMEDIATE")
        files: list[Path] = []
        for number, ending in ended:
            row = queue.process(number)
            assert row is not None
            if isinstance(ending, Ending):
                queue.finish(row, ending)
            elif ending is Loss.UNKNOWN:
                self.running.kill(number)
                queue.lose(row, ending.value)
            else:
                queue.put_back(row, ending.value)
            files += self.running.forget(number)
        end = self._requests()
        end += self._hold_excess()
        end += self._step()
        begin = self._choose()
        queue.write_logs()
        self.db.execute("COMMIT")
        for path in files:
            path.unlink(missing_ok=True)
        for number in end:
            self.running.end(number, removed=self._is_fated(number, "remove"))
        for row in begin:
            self._start(row)

    def _is_fated(self, number: int, fate: str | None = None) -> bool:
        row = self.queue.process(number)
        return row is not None and row["fate"] is not None and fate in (None, row["fate"])

    def _start(self, row: sqlite3.Row) -> None:
        spec = process_spec(row["spec"])
        variables = dict(self.queue.environment(row["environment"]))
        if row["role"] == "job":
            # As HTCondor does: libraries use no more processors than were requested.
            for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
                variables[name] = str(spec.cpus)
        self.running.start(row["id"], spec, self.queue.paths.load, variables)

    def _adopt(self) -> None:
        self.queue.now = time.time()
        self.db.execute("BEGIN IMMEDIATE")
        kept: set[str] = set()
        for row in self.queue.running():
            claimed = self.running.traces(row["id"], row["attempt"]).claim
            kept.add(claimed.stem)
            # Once claimed here, a keeper that is still starting can't start the attempt any more.
            if claim(claimed) or given_up(claimed):
                self.queue.unstarted(row)
                continue
            cpus = 0 if row["role"] == SERVICE else row["cpus"]
            keeper = read_claim(claimed).pid
            self.running.attempts[row["id"]] = Attempt(row["attempt"], cpus, keeper, ours=False)
        self.queue.write_logs()
        for row in self.db.execute("SELECT * FROM clusters WHERE kind = 'dag' AND state != 'gone'"):
            self._load(row)
        self.db.execute("COMMIT")
        for path in self.spool.runs.iterdir():
            # This runner's claim must outlive the keeper that it stops from starting.
            ours = given_up(path) and time.time() - path.lstat().st_mtime < _CLAIM_DELAY
            if ".".join(path.name.split(".")[:2]) not in kept and not ours:
                path.unlink(missing_ok=True)
        for number in self.running.attempts:
            if self._is_fated(number):
                self.running.end(number, removed=self._is_fated(number, "remove"))

    def _load(self, row: sqlite3.Row) -> None:
        if row["id"] not in self.dags:
            self.dags[row["id"]] = DagRun(row, self.queue, self.spool.root)

    def _requests(self) -> list[int]:
        end: list[int] = []
        for request in self.db.execute("SELECT * FROM requests ORDER BY id").fetchall():
            row = self.db.execute(
                "SELECT * FROM clusters WHERE id = ?", (request["cluster"],)
            ).fetchone()
            if row is None or row["state"] == GONE:
                continue
            if row["kind"] == "dag":
                self._load(row)
                end += getattr(self.dags[row["id"]], request["action"])(request["reason"])
                continue
            for found in self.queue.live(row["id"]):
                action = getattr(self.queue, request["action"])
                if action(found, request["reason"]):
                    end.append(found["id"])
        self.db.execute("DELETE FROM requests")
        return end

    def _hold_excess(self) -> list[int]:
        if not self.enforce or time.monotonic() - self._looked < _MEMORY:
            return []
        self._looked = time.monotonic()
        keepers = {number: each.keeper for number, each in self.running.attempts.items()}
        return hold_excess(self.queue, keepers)

    def _step(self) -> list[int]:
        for row in self.db.execute("SELECT * FROM clusters WHERE kind = 'dag' AND state = 'idle'"):
            self._load(row)
        queue = self.queue
        end: list[int] = []
        while queue.failed or queue.ended or queue.scripts:
            failed, queue.failed = queue.failed, []
            for dag, cluster in failed:
                end += self.dags[dag].process_failed(cluster)
            ended, queue.ended = queue.ended, []
            scripts, queue.scripts = queue.scripts, []
            for dag, cluster in ended:
                self.dags[dag].job_ended(cluster)
            for dag, node, role, code, problem in scripts:
                self.dags[dag].script_ended(node, role, code, problem)
        for number in list(self.dags):
            if self.dags[number].step(self.limit):
                del self.dags[number]
        return end

    def _choose(self) -> list[sqlite3.Row]:
        free = self.limit - sum(each.cpus for each in self.running.attempts.values())
        chosen = [(row, 0) for row, wait in self.queue.services() if not wait]
        if free > 0:
            for row in self.queue.ready(free):
                # In order, so that a large process is not overtaken for ever.
                cpus = min(row["cpus"], self.limit)
                if cpus > free:
                    break
                free -= cpus
                chosen.append((row, cpus))
        for row, cpus in chosen:
            self.running.attempts[row["id"]] = Attempt(self.queue.start(row), cpus)
        return [row for row, _ in chosen]


def folder_number(spool: Spool) -> str:
    """Return an identifier of the queue's folder; one created later at the same path differs.

    Raises
    ------
    OSError
        Where the folder is missing.
    """
    status = spool.folder.stat()
    return f"{status.st_dev}:{status.st_ino}"


def main(arguments: list[str], witness: str = "") -> int:
    """Run the queue of a project, unless another runner does."""
    root, limit, grace = Path(arguments[0]), int(arguments[1]), float(arguments[2])
    enforce = arguments[3:] == ["enforce-memory"]
    spool = Spool(root)
    if not spool.exists():
        return 1  # the project was deleted; taking the lock would create its folder
    with ExitStack() as stack:
        # A runner that is about to end may still hold the lock.
        for _ in range(100):
            with suppress(AsimovError):
                stack.enter_context(locked(spool.lock, "runs the local queue", wait=False))
                break
            if ring(spool):
                return 0
            time.sleep(0.05)
        else:
            return 0
        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.setblocking(False)
            stack.callback(end.close)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
        gc.freeze()  # children share the memory of what exists now
        home, reported = folder_number(spool), ""

        def new_runner(db: sqlite3.Connection) -> Runner:
            return Runner(root, limit, grace, enforce, db, witness)

        while True:
            try:
                if _serve(new_runner, spool, reader.fileno()):
                    return 0
            except (sqlite3.OperationalError, OSError) as error:
                if not spool.exists() or folder_number(spool) != home:
                    return 1  # the project was deleted
                # A full disk, or a lock held for long: continue from what is on disk.
                if str(error) != reported:
                    reported = str(error)
                    with suppress(OSError):
                        print(text.line(f"{time.ctime()}: {error}"), file=sys.stderr, flush=True)
                time.sleep(1)


def _serve(new_runner: Callable[[sqlite3.Connection], Runner], spool: Spool, signals: int) -> bool:
    spool.runner.unlink(missing_ok=True)
    claim(spool.runner, identity())
    spool.bell.unlink(missing_ok=True)
    os.mkfifo(spool.bell, 0o666)
    # Open for writing too: a pipe without a writer would always be ready.
    bell = os.open(spool.bell, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        with spool.connect() as db:
            runner = new_runner(db)
            runner.run(bell, signals)
            # A command that rings from now on starts a new runner; an earlier ring is seen below.
            spool.bell.unlink(missing_ok=True)
            return runner.queue.empty()
    finally:
        os.close(bell)


if __name__ == "__main__":
    given = sys.argv[1:]
    sys.exit(witnessed(Spool(Path(given[0])).runs, lambda witness: main(given, witness)))
