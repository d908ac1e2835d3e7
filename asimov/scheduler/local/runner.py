"""The process that runs the local queue: ``python -m asimov.scheduler.local.runner ROOT ...``.

One turn is one transaction: what ended is recorded, requests are carried out, DAGs step on, and
what is to be started is recorded as running. Only after the commit is it started, so that a
runner that is killed at any point is followed by one that knows every process there may be.
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
from contextlib import ExitStack, suppress
from pathlib import Path

from asimov import text
from asimov.errors import AsimovError
from asimov.files import locked
from asimov.processes import started_at
from asimov.scheduler.local.dagman import DagRun
from asimov.scheduler.local.jobs import Paths
from asimov.scheduler.local.memory import hold_excess
from asimov.scheduler.local.process import (
    Ending,
    Life,
    abandoned,
    claim,
    identity,
    keeper,
    kill_marked,
    read_ending,
    start,
    write_ending,
)
from asimov.scheduler.local.queue import Queue
from asimov.scheduler.local.spool import GONE, SERVICE, Spool, process, ring

#: Seconds: until an idle runner ends, between looks at adopted processes, between safety looks,
#: between looks at the memory of processes.
_LINGER, _ADOPTED, _SAFETY, _MEMORY = 2.0, 0.2, 30.0, 1.0
#: Seconds within which a keeper that was forked has claimed its attempt, or never will.
_ON_ITS_WAY = 600.0


class Runner:
    """Runs the queue of a project until it is empty.

    Parameters
    ----------
    root
        The project's folder.
    limit
        How many processors jobs may take at once.
    grace
        How long a process may live after it was asked to end, in seconds.
    enforce
        Whether a process that uses more memory than it asked for is held.
    """

    def __init__(
        self, root: Path, limit: int, grace: float, enforce: bool, db: sqlite3.Connection
    ) -> None:
        self.spool = Spool(root)
        self.limit = limit
        self.grace = grace
        self.enforce = enforce
        self._looked = 0.0
        self.queue = Queue(db, Paths(root))
        self.db = db
        #: What runs: the process's row -> (attempt, cpus, keeper's id or 0, whether it is ours).
        self.started: dict[int, tuple[int, int, int, bool]] = {}
        self.keepers: dict[int, int] = {}
        self.dags: dict[int, DagRun] = {}
        # The folder's own number tells this queue from others, and stays when it is moved.
        self.home = folder_number(self.spool)

    def run(self, bell: int, signals: int) -> None:
        """Turn after turn, until nothing has been to do for a while."""
        poll = select.poll()
        poll.register(bell, select.POLLIN)
        poll.register(signals, select.POLLIN)
        self._adopt()
        idle_since: float | None = None
        while True:
            self.turn()
            now = time.monotonic()
            if not self.queue.empty() or self.started:
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
        if any(not ours for _, _, _, ours in self.started.values()):
            waits.append(_ADOPTED)
        if self.enforce and self.started:
            waits.append(_MEMORY)
        waits += [wait for _, wait in self.queue.services()]
        return max(min(waits), 0.0) + 0.001

    def turn(self) -> None:
        """Do everything that can be done now."""
        queue = self.queue
        queue.now = time.time()
        if folder_number(self.spool) != self.home:
            raise FileNotFoundError("the project was deleted and made anew")
        ended = self._ended()
        self.db.execute("BEGIN IMMEDIATE")
        files: list[Path] = []
        for number, ending in ended:
            attempt = self.started.pop(number)[0]
            row = queue.process(number)
            assert row is not None
            if ending is None:
                kill_marked(self._mark(number, attempt))
                queue.lose(row)
            else:
                queue.finish(row, ending)
            files += self._files(number, attempt)
        end = self._requests()
        end += self._over_memory()
        end += self._step()
        begin = self._choose()
        queue.write_logs()
        self.db.execute("COMMIT")
        for path in files:
            path.unlink(missing_ok=True)
        for number in end:
            self._end(number)
        for row, attempt in begin:
            self._start(row, attempt)

    def _files(self, number: int, attempt: int) -> tuple[Path, Path]:
        name = f"{number}.{attempt}"
        return self.spool.runs / f"{name}.claim", self.spool.runs / f"{name}.end"

    def _mark(self, number: int, attempt: int) -> str:
        return f"{self.home}:{number}:{attempt}"

    def _ended(self) -> list[tuple[int, Ending | None]]:
        found = []
        while True:
            try:
                pid, _ = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                break
            if not pid:
                break
            number = self.keepers.pop(pid, None)
            if number is not None and number in self.started:
                attempt = self.started[number][0]
                found.append((number, read_ending(self._files(number, attempt)[1])))
        for number, (attempt, _, _, ours) in list(self.started.items()):
            if ours:
                continue
            paths = self._files(number, attempt)
            ending = read_ending(paths[1])
            if ending is None and keeper(paths[0])[0] is Life.DEAD:
                ending = read_ending(paths[1])  # it may have ended in between
                found.append((number, ending))
            elif ending is not None:
                found.append((number, ending))
        return found

    def _adopt(self) -> None:
        self.queue.now = time.time()
        self.db.execute("BEGIN IMMEDIATE")
        kept: set[str] = set()
        for row in self.queue.running():
            paths = self._files(row["id"], row["attempt"])
            kept.add(paths[0].stem)
            # Claimed by us, the attempt can't be started any more by a keeper that is on its way.
            if claim(paths[0]) or abandoned(paths[0]):
                self.queue.unstarted(row)
                continue
            pid = keeper(paths[0])[1]
            cpus = 0 if row["role"] == SERVICE else row["cpus"]
            self.started[row["id"]] = (row["attempt"], cpus, pid, False)
        self.queue.write_logs()
        for row in self.db.execute("SELECT * FROM clusters WHERE kind = 'dag' AND state != 'gone'"):
            self._load(row)
        self.db.execute("COMMIT")
        for path in self.spool.runs.iterdir():
            # A claim of ours must outlive the keeper that it keeps from starting.
            ours = abandoned(path) and time.time() - path.lstat().st_mtime < _ON_ITS_WAY
            if ".".join(path.name.split(".")[:2]) not in kept and not ours:
                path.unlink(missing_ok=True)
        for number in self.started:
            again = self.queue.process(number)
            if again is not None and again["fate"]:
                self._end(number)

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

    def _over_memory(self) -> list[int]:
        if not self.enforce or time.monotonic() - self._looked < _MEMORY:
            return []
        self._looked = time.monotonic()
        keepers = {number: pid for number, (_, _, pid, _) in self.started.items()}
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

    def _choose(self) -> list[tuple[sqlite3.Row, int]]:
        free = self.limit - sum(cpus for _, cpus, _, _ in self.started.values())
        chosen = [(row, 0) for row, wait in self.queue.services() if not wait]
        if free > 0:
            for row in self.queue.ready(free):
                # In order: one that wants much is not passed by others for ever.
                cpus = min(row["cpus"], self.limit)
                if cpus > free:
                    break
                free -= cpus
                chosen.append((row, cpus))
        begin = []
        for row, cpus in chosen:
            attempt = self.queue.start(row)
            self.started[row["id"]] = (attempt, cpus, 0, True)
            begin.append((row, attempt))
        return begin

    def _start(self, row: sqlite3.Row, attempt: int) -> None:
        paths = self._files(row["id"], attempt)
        found = process(row["spec"])
        if row["lost"]:  # what was just being started when its keeper was lost may be there now
            kill_marked(self._mark(row["id"], attempt - 1))
        variables = dict(self.queue.environment(row["environment"]))
        if row["role"] == "job":
            # As HTCondor does: libraries take the processors that were asked for, and no more.
            for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
                variables[name] = str(found.cpus)
        pid = start(
            found,
            self.queue.paths.load,
            variables,
            claim_path=paths[0],
            ending_path=paths[1],
            mark=self._mark(row["id"], attempt),
            grace=self.grace,
        )
        self.keepers[pid] = row["id"]
        _, cpus, _, ours = self.started[row["id"]]
        self.started[row["id"]] = (attempt, cpus, pid, ours)

    def _end(self, number: int) -> None:
        if number not in self.started:
            return
        attempt, _, pid, ours = self.started[number]
        if not ours:
            paths = self._files(number, attempt)
            life, pid = keeper(paths[0])
            row = self.queue.process(number)
            if life is Life.ELSEWHERE and row is not None and row["fate"] == "remove":
                # It can't be asked from here. Who removes it knows that it must not be waited for.
                write_ending(paths[1], Ending(asked=True, ended=time.time()))
            if life is not Life.ALIVE:
                return
        if pid and started_at(pid):
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)


def folder_number(spool: Spool) -> str:
    """Return what tells the queue's folder from every other, its own path's next one too.

    Raises
    ------
    OSError
        Where it is not there.
    """
    status = spool.folder.stat()
    return f"{status.st_dev}:{status.st_ino}"


def main(arguments: list[str]) -> int:
    """Run the queue of a project, unless another runner does."""
    root, limit, grace = Path(arguments[0]), int(arguments[1]), float(arguments[2])
    enforce = arguments[3:] == ["enforce-memory"]
    spool = Spool(root)
    if not spool.exists():
        return 1  # the project was deleted; the lock would make its folder again
    with ExitStack() as stack:
        # The lock may still be held by a runner that is about to end.
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
        gc.freeze()  # children share the memory of what is there
        home, said = folder_number(spool), ""
        while True:
            try:
                if _serve(spool, root, limit, grace, enforce, reader.fileno()):
                    return 0
            except (sqlite3.OperationalError, OSError) as error:
                if not spool.exists() or folder_number(spool) != home:
                    return 1  # the project was deleted
                # A full disk, a lock held for long: what is on disk counts, and is read anew.
                if str(error) != said:
                    said = str(error)
                    with suppress(OSError):
                        print(text.line(f"{time.ctime()}: {error}"), file=sys.stderr, flush=True)
                time.sleep(1)


def _serve(spool: Spool, root: Path, limit: int, grace: float, enforce: bool, signals: int) -> bool:
    spool.runner.unlink(missing_ok=True)
    claim(spool.runner, identity())
    spool.bell.unlink(missing_ok=True)
    os.mkfifo(spool.bell, 0o600)
    # Open for writing too: a pipe without a writer would always be ready.
    bell = os.open(spool.bell, os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        with spool.connect() as db:
            runner = Runner(root, limit, grace, enforce, db)
            runner.run(bell, signals)
            # Who rings now finds nobody and starts a runner; who rang before is seen here.
            spool.bell.unlink(missing_ok=True)
            return runner.queue.empty()
    finally:
        os.close(bell)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
