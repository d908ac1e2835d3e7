"""How a process moves from state to state, and its cluster with it.

Everything here happens within the runner's one transaction a turn. Events are gathered and
written before the commit: a log may repeat an event after a crash, and lacks none.
"""

from __future__ import annotations

import json
import sys
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from asimov import text
from asimov.scheduler.languages import event_log_writer as events
from asimov.scheduler.languages.events import Event
from asimov.scheduler.local.endings import Ending
from asimov.scheduler.local.process_spec import Paths
from asimov.scheduler.local.spool import (
    BUSY,
    GONE,
    HELD,
    IDLE,
    JOB,
    POST,
    PRE,
    RUNNING,
    SERVICE,
    environment,
)

if TYPE_CHECKING:
    import sqlite3

#: A process whose keeper was lost this often is held rather than started again.
_LOST_LIMIT = 3
#: Seconds that a service waits before it is started again: the first, the longest, and how long
#: it must have run to begin with the first again.
_PAUSE, _LONGEST_PAUSE, _STEADY = 1.0, 60.0, 30.0
_ENVIRONMENTS_KEPT = 64
_JOINED = (
    "SELECT p.*, c.dag, c.kind, c.details, c.environment, c.submitted FROM processes p"
    " JOIN clusters c ON c.id = p.cluster"
)


class Queue:
    """The runner's view of the database.

    Parameters
    ----------
    db
        The open database.
    paths
        How stored paths are read.
    """

    def __init__(self, db: sqlite3.Connection, paths: Paths) -> None:
        self.db = db
        self.paths = paths
        self.now = 0.0
        #: Node clusters that ended in this turn, as (dag, cluster).
        self.ended: list[tuple[int, int]] = []
        #: Node clusters of which a process failed in this turn, as (dag, cluster).
        self.failed: list[tuple[int, int]] = []
        #: Scripts that ended in this turn, as (dag, node, role, exit code, why it did not run).
        self.scripts: list[tuple[int, str, str, int, str | None]] = []
        self._events: defaultdict[Path, list[Event]] = defaultdict(list)
        self._pauses: dict[int, float] = {}
        self._environments: dict[str, dict[str, str]] = {}

    def process(self, number: int) -> sqlite3.Row | None:
        """Return a process with what its cluster says."""
        found: sqlite3.Row | None = self.db.execute(
            f"{_JOINED} WHERE p.id = ?", (number,)
        ).fetchone()
        return found

    def environment(self, key: str) -> dict[str, str]:
        """Return an environment that was kept; many clusters share one."""
        if key not in self._environments:
            if len(self._environments) >= _ENVIRONMENTS_KEPT:
                self._environments.clear()
            self._environments[key] = environment(self.db, key)
        return self._environments[key]

    def running(self) -> list[sqlite3.Row]:
        """Return the processes that run, or were meant to be started."""
        return list(self.db.execute(f"{_JOINED} WHERE p.state = 'running'"))

    def ready(self, limit: int) -> list[sqlite3.Row]:
        """Return the next processes to start, the first of them first."""
        where = "WHERE p.state = 'idle' AND p.role != 'service' ORDER BY p.priority DESC, p.id"
        return list(self.db.execute(f"{_JOINED} {where} LIMIT ?", (limit,)))

    def services(self) -> list[tuple[sqlite3.Row, float]]:
        """Return the services that are not running, and the seconds until they may start."""
        found = self.db.execute(f"{_JOINED} WHERE p.state = 'idle' AND p.role = 'service'")
        waits = ((row, row["not_before"] - self.now) for row in found)
        # Where the clock was set back nothing waits for the time that it was.
        return [(row, wait if 0 < wait <= _LONGEST_PAUSE else 0.0) for row, wait in waits]

    def live(self, cluster: int) -> list[sqlite3.Row]:
        """Return a cluster's processes that have not ended, its scripts included."""
        return list(
            self.db.execute(f"{_JOINED} WHERE p.cluster = ? AND p.state != 'gone'", (cluster,))
        )

    def empty(self) -> bool:
        """Whether there is nothing to do before the next request."""
        return not self.db.execute(BUSY).fetchone()[0]

    def log(self, row: sqlite3.Row, *found: Event) -> None:
        """Note events of a process for the logs that its cluster has; a script has none."""
        if row["role"] in (PRE, POST):
            return
        details = json.loads(row["details"])
        own = json.loads(row["spec"])["log"]
        for stored in {own, details.get("nodes_log", "")} - {""}:
            self.log_to(stored, *found)

    def log_to(self, stored: str, *found: Event) -> None:
        """Note events for a log."""
        self._events[self.paths.load(stored)].extend(found)

    def write_logs(self) -> None:
        """Write the events that were noted."""
        for path, found in self._events.items():
            try:
                events.append_events(path, found)
            except OSError as error:  # a log is a copy of what the queue knows; the job goes on
                print(text.line(f"{path}: {error.strerror}"), file=sys.stderr, flush=True)
        self._events.clear()

    def start(self, row: sqlite3.Row) -> int:
        """Record that a process is about to be started; return the attempt's number."""
        attempt = int(row["attempt"]) + 1
        self._set(row, RUNNING, attempt=attempt, started=self.now, reason=None, code=None)
        self.log(row, events.executing(row["cluster"], row["proc"], self.now))
        return attempt

    def finish(self, row: sqlite3.Row, ending: Ending) -> None:
        """Record how a process ended, or that it could not be started."""
        self._use(row, ending)
        ids = (row["cluster"], row["proc"], self.now)
        fate = None if _ended_by_itself(row, ending) else row["fate"]
        if fate == "remove":
            self._removed(row)
        elif fate == "hold":
            reason, code, subcode = row["fate_reason"], row["code"] or 1, row["subcode"] or 0
            held = events.held(*ids, reason, code=code, subcode=subcode)
            self.log(row, events.evicted(*ids, reason), held)
            self._set(row, HELD, reason=reason, code=code, subcode=subcode, fate=None)
        elif fate == "release":
            self.log(row, events.evicted(*ids, row["fate_reason"]))
            self._set(row, IDLE, fate=None)
        elif ending.asked and row["role"] != SERVICE:
            # Nobody asked by us: the machine is shut down, and the keeper with it.
            self.log(row, events.evicted(*ids, "ended from outside the queue"))
            self._set(row, IDLE)
        elif row["role"] in (PRE, POST):
            code = _returned(ending) if not ending.held else 127
            self.scripts.append((row["cluster"], row["node"], row["role"], code, ending.held))
            self.db.execute("DELETE FROM processes WHERE id = ?", (row["id"],))
        elif row["role"] == SERVICE:
            ran = ending.ended - ending.started
            pause = _PAUSE if ran > _STEADY else self._pauses.get(row["id"], _PAUSE / 2) * 2
            self._pauses[row["id"]] = min(pause, _LONGEST_PAUSE)
            self._set(row, IDLE, not_before=self.now + self._pauses[row["id"]], reason=ending.held)
        elif ending.held:
            held = events.held(*ids, ending.held, code=ending.code, subcode=ending.subcode)
            self.log(row, held)
            self._set(row, HELD, reason=ending.held, code=ending.code, subcode=ending.subcode)
        elif ending.exit_code is not None and ending.exit_code == _checkpoint(row):
            self.log(row, events.evicted(*ids, "checkpointed"))
            self._set(row, IDLE)
        else:
            done = events.terminated(
                *ids,
                exit_code=ending.exit_code,
                signal=ending.signal,
                user_seconds=ending.user,
                system_seconds=ending.system,
            )
            self.log(row, done)
            self._set(row, GONE, exit_code=ending.exit_code, signal=ending.signal, ended=self.now)
            if row["dag"] and ending.exit_code != 0:
                self.failed.append((row["dag"], row["cluster"]))

    def lose(self, row: sqlite3.Row, reason: str) -> None:
        """Record that a process is gone and nothing tells how it ended.

        It may have done all its work: it has failed, and is not started again. What fails may be
        submitted again, as a new attempt.
        """
        self.db.execute(
            "UPDATE processes SET runs = runs + 1, reason = ? WHERE id = ?", (reason, row["id"])
        )
        asked = bool(row["fate"])
        self.finish(row, Ending(signal=9, started=self.now, ended=self.now, asked=asked))

    def put_back(self, row: sqlite3.Row, reason: str) -> None:
        """Record that a process was not started, or cut short with the machine."""
        if row["fate"] or row["role"] == SERVICE:
            self.finish(row, Ending(started=self.now, ended=self.now, asked=True))
            return
        lost = row["lost"] + 1
        ids = (row["cluster"], row["proc"], self.now)
        self.log(row, events.evicted(*ids, reason))
        if lost >= _LOST_LIMIT and row["role"] in (PRE, POST):
            self.finish(row, Ending(signal=9, started=self.now, ended=self.now))
        elif lost >= _LOST_LIMIT:
            self.log(row, events.held(*ids, reason, code=1))
            self._set(row, HELD, lost=0, reason=f"{reason}, {lost} times", code=1, subcode=0)
        else:
            self._set(row, IDLE, lost=lost)

    def unstarted(self, row: sqlite3.Row) -> None:
        """Record that a process that was meant to be started never was."""
        if row["fate"]:
            self.finish(row, Ending(started=self.now, ended=self.now, asked=True))
        else:
            self._set(row, IDLE)

    def hold(self, row: sqlite3.Row, reason: str, code: int = 1, subcode: int = 0) -> bool:
        """Hold a process, with HTCondor's codes; return whether it must be ended for it."""
        if row["state"] == RUNNING and row["fate"] != "remove":
            self._fate(row, "hold", reason)
            self.db.execute(
                "UPDATE processes SET code = ?, subcode = ? WHERE id = ?",
                (code, subcode, row["id"]),
            )
            return True
        if row["state"] == IDLE:
            ids = (row["cluster"], row["proc"], self.now)
            self.log(row, events.held(*ids, reason, code=code, subcode=subcode))
            self._set(row, HELD, reason=reason, code=code, subcode=subcode)
        return False

    def saw_memory(self, row: sqlite3.Row, used_mb: float) -> None:
        """Record what a process that runs was seen to use."""
        self.db.execute(
            "UPDATE processes SET memory = max(coalesce(memory, 0), ?) WHERE id = ?",
            (used_mb, row["id"]),
        )

    def release(self, row: sqlite3.Row, reason: str) -> None:
        """Release a process from hold."""
        if row["state"] == HELD:
            self.log(row, events.released(row["cluster"], row["proc"], self.now, reason))
            self._set(row, IDLE, reason=None, code=None, subcode=None, held_at=None)
        elif row["fate"] == "hold":
            self._fate(row, "release", row["fate_reason"])  # when it has ended

    def remove(self, row: sqlite3.Row, reason: str) -> bool:
        """Remove a process; return whether it must be ended for it."""
        if row["state"] == RUNNING:
            self._fate(row, "remove", reason)
            return True
        self.db.execute("UPDATE processes SET fate_reason = ? WHERE id = ?", (reason, row["id"]))
        again = self.process(row["id"])
        assert again is not None
        self._removed(again)
        return False

    def _removed(self, row: sqlite3.Row) -> None:
        if row["role"] in (PRE, POST):
            self.scripts.append((row["cluster"], row["node"], row["role"], -1, None))
            self.db.execute("DELETE FROM processes WHERE id = ?", (row["id"],))
            return
        reason = row["fate_reason"]
        self.log(row, events.aborted(row["cluster"], row["proc"], self.now, reason))
        self._set(row, GONE, removed=1, ended=self.now, reason=reason, fate=None)

    def _fate(self, row: sqlite3.Row, fate: str, reason: str) -> None:
        self.db.execute(
            "UPDATE processes SET fate = ?, fate_reason = ? WHERE id = ?", (fate, reason, row["id"])
        )

    def _use(self, row: sqlite3.Row, ending: Ending) -> None:
        self.db.execute(
            "UPDATE processes SET wall = wall + ?, cpu = coalesce(cpu, 0) + ?,"
            " memory = max(coalesce(memory, 0), ?), runs = runs + ? WHERE id = ?",
            (
                max(0.0, ending.ended - ending.started),
                ending.user + ending.system,
                ending.memory_mb or 0.0,
                int(ending.ended > ending.started),  # not so where nothing was started
                row["id"],
            ),
        )

    def _set(self, row: sqlite3.Row, state: str, **columns: object) -> None:
        if state == HELD:
            columns["held_at"] = self.now
        names = "".join(f", {name} = ?" for name in columns)
        self.db.execute(
            f"UPDATE processes SET state = ?{names} WHERE id = ?",
            (state, *columns.values(), row["id"]),
        )
        if row["role"] in (JOB, SERVICE):
            self._count(row, state, columns)

    def _count(self, row: sqlite3.Row, state: str, columns: dict[str, object]) -> None:
        old, cluster = row["state"], row["cluster"]
        if state == GONE:
            success = columns.get("exit_code") == 0
            new = "done" if success else "failed"
        else:
            new = state
        changes = f"{old} = {old} - 1, {new} = {new} + 1" if old != new else f"{old} = {old}"
        held = ", reason = ?, code = ?" if state == HELD else ""
        values = (columns.get("reason"), columns.get("code")) if state == HELD else ()
        counts = self.db.execute(
            f"UPDATE clusters SET {changes}, started = coalesce(started, ?){held}"
            " WHERE id = ? RETURNING idle, running, held",
            (self.now if state == RUNNING else None, *values, cluster),
        ).fetchone()
        idle, running, on_hold = counts
        if row["dag"]:  # its own "done" and "failed" count nodes
            parts = [f"{old} = {old} - 1"]
            if state != GONE:
                parts.append(f"{new} = {new} + 1")
            if old != new:
                self.db.execute(
                    f"UPDATE clusters SET {', '.join(parts)} WHERE id = ?", (row["dag"],)
                )
        if not (idle or running or on_hold):
            self._end(cluster, row["dag"])
            return
        overall = RUNNING if running else IDLE if idle else HELD
        self.db.execute("UPDATE clusters SET state = ? WHERE id = ?", (overall, cluster))

    def _end(self, cluster: int, dag: int | None) -> None:
        ends = self.db.execute(
            "SELECT exit_code, signal, removed, reason FROM processes WHERE cluster = ?"
            " ORDER BY proc",
            (cluster,),
        ).fetchall()
        codes = [end["exit_code"] for end in ends]
        code = next((c for c in codes if c), None if None in codes else 0)
        removed = next((end for end in ends if end["removed"]), None)
        # Of others a reason is kept where nothing tells how they ended.
        telling = removed or next((end for end in ends if end["reason"]), None)
        self.db.execute(
            "UPDATE clusters SET state = 'gone', exit_code = ?, signal = ?, removed = ?,"
            " reason = ?, ended = ? WHERE id = ?",
            (
                code,
                next((end["signal"] for end in ends if end["signal"] is not None), None),
                int(removed is not None),
                telling["reason"] if telling else None,
                self.now,
                cluster,
            ),
        )
        if dag:
            self.ended.append((dag, cluster))


def _ended_by_itself(row: sqlite3.Row, ending: Ending) -> bool:
    # A service and a job that has checkpointed would be started again, whatever was asked for.
    if ending.asked or ending.held or row["role"] == SERVICE:
        return False
    return ending.exit_code is None or ending.exit_code != _checkpoint(row)


def _checkpoint(row: sqlite3.Row) -> int | None:
    code: int | None = json.loads(row["spec"])["checkpoint"]
    return code


def _returned(ending: Ending) -> int:
    if ending.exit_code is not None:
        return ending.exit_code
    return -(ending.signal or 0)
