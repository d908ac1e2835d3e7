"""The local queue as its runner uses it: read processes, and record changes of their states.

All changes of one turn of the runner are one transaction. Event-log entries are collected and
written before the commit: after a crash a log may repeat an event, but never lacks one.
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
from asimov.scheduler.local.cluster_summary import count_change
from asimov.scheduler.local.endings import Ending
from asimov.scheduler.local.process_spec import Paths
from asimov.scheduler.local.rows import environment
from asimov.scheduler.local.tables import (
    BUSY,
    GONE,
    HELD,
    IDLE,
    JOB,
    POST,
    PRE,
    RUNNING,
    SERVICE,
)

if TYPE_CHECKING:
    import sqlite3

#: A process whose keeper was lost this often is held rather than started again.
_LOST_LIMIT = 3
#: Seconds that a service waits before it is started again: at first, at most, and how long it must
#: have run to start over with the first pause.
_PAUSE, _LONGEST_PAUSE, _STEADY = 1.0, 60.0, 30.0
_ENVIRONMENTS_KEPT = 64
_JOINED = (
    "SELECT p.*, c.dag, c.kind, c.details, c.environment, c.submitted FROM processes p"
    " JOIN clusters c ON c.id = p.cluster"
)


class Queue:
    """The processes in the database, as the runner reads and changes them.

    Parameters
    ----------
    db
        The open database.
    paths
        Resolves stored paths.
    """

    def __init__(self, db: sqlite3.Connection, paths: Paths) -> None:
        self.db = db
        self.paths = paths
        self.now = 0.0
        #: Node clusters that ended in this turn, as (dag, cluster).
        self.ended: list[tuple[int, int]] = []
        #: Node clusters in which a process failed in this turn, as (dag, cluster).
        self.failed: list[tuple[int, int]] = []
        #: Scripts that ended in this turn, as (dag, node, role, exit code, why it did not run).
        self.scripts: list[tuple[int, str, str, int, str | None]] = []
        self._events: defaultdict[Path, list[Event]] = defaultdict(list)
        self._pauses: dict[int, float] = {}
        self._environments: dict[str, dict[str, str]] = {}

    # --- reading

    def process(self, number: int) -> sqlite3.Row | None:
        """Return a process joined with its cluster."""
        found: sqlite3.Row | None = self.db.execute(
            f"{_JOINED} WHERE p.id = ?", (number,)
        ).fetchone()
        return found

    def environment(self, key: str) -> dict[str, str]:
        """Return a stored environment; many clusters share one."""
        if key not in self._environments:
            if len(self._environments) >= _ENVIRONMENTS_KEPT:
                self._environments.clear()
            self._environments[key] = environment(self.db, key)
        return self._environments[key]

    def running(self) -> list[sqlite3.Row]:
        """Return the processes that run, or were about to be started."""
        return list(self.db.execute(f"{_JOINED} WHERE p.state = 'running'"))

    def ready(self, limit: int) -> list[sqlite3.Row]:
        """Return the next processes to start, in order."""
        where = "WHERE p.state = 'idle' AND p.role != 'service' ORDER BY p.priority DESC, p.id"
        return list(self.db.execute(f"{_JOINED} {where} LIMIT ?", (limit,)))

    def services(self) -> list[tuple[sqlite3.Row, float]]:
        """Return the services that are not running, and the seconds until they may start."""
        found = self.db.execute(f"{_JOINED} WHERE p.state = 'idle' AND p.role = 'service'")
        waits = ((row, row["not_before"] - self.now) for row in found)
        # After the clock was set back, do not wait for the old time.
        return [(row, wait if 0 < wait <= _LONGEST_PAUSE else 0.0) for row, wait in waits]

    def live(self, cluster: int) -> list[sqlite3.Row]:
        """Return a cluster's processes that have not ended, its scripts included."""
        return list(
            self.db.execute(f"{_JOINED} WHERE p.cluster = ? AND p.state != 'gone'", (cluster,))
        )

    def empty(self) -> bool:
        """Whether there is nothing to do before the next request."""
        return not self.db.execute(BUSY).fetchone()[0]

    # --- event logs

    def log(self, row: sqlite3.Row, *found: Event) -> None:
        """Collect events of a process for the logs of its cluster; a script has none."""
        if row["role"] in (PRE, POST):
            return
        details = json.loads(row["details"])
        own = json.loads(row["spec"])["log"]
        for stored in {own, details.get("nodes_log", "")} - {""}:
            self.log_to(stored, *found)

    def log_to(self, stored: str, *found: Event) -> None:
        """Collect events for a log."""
        self._events[self.paths.load(stored)].extend(found)

    def write_logs(self) -> None:
        """Write the collected events."""
        for path, found in self._events.items():
            try:
                events.append_events(path, found)
            except OSError as error:  # the log only repeats what the queue knows; the job goes on
                print(text.line(f"{path}: {error.strerror}"), file=sys.stderr, flush=True)
        self._events.clear()

    # --- starting and ending

    def start(self, row: sqlite3.Row) -> int:
        """Record that a process is about to be started; return the attempt's number."""
        attempt = int(row["attempt"]) + 1
        self._set(row, RUNNING, attempt=attempt, started=self.now, reason=None, code=None)
        self.log(row, events.executing(row["cluster"], row["proc"], self.now))
        return attempt

    def finish(self, row: sqlite3.Row, ending: Ending) -> None:
        """Record how a process ended, or that it could not be started."""
        self._add_usage(row, ending)
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
            # Not at our request: the machine shuts down, and the keeper with it.
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
        """Record that a process is gone and that nothing shows how it ended.

        It may have done all its work, so it counts as failed and is not started again. A failed job
        can be submitted again, as a new attempt.
        """
        self.db.execute(
            "UPDATE processes SET runs = runs + 1, reason = ? WHERE id = ?", (reason, row["id"])
        )
        asked = bool(row["fate"])
        self.finish(row, Ending(signal=9, started=self.now, ended=self.now, asked=asked))

    def put_back(self, row: sqlite3.Row, reason: str) -> None:
        """Record that a process was not started, or was interrupted with the machine."""
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
        """Record that a process that was about to be started never was."""
        if row["fate"]:
            self.finish(row, Ending(started=self.now, ended=self.now, asked=True))
        else:
            self._set(row, IDLE)

    # --- requests

    def hold(self, row: sqlite3.Row, reason: str, code: int = 1, subcode: int = 0) -> bool:
        """Hold a process, with HTCondor's codes; return whether it has to be ended for that."""
        if row["state"] == RUNNING and row["fate"] != "remove":
            self._set_fate(row, "hold", reason)
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

    def release(self, row: sqlite3.Row, reason: str) -> None:
        """Release a process from hold."""
        if row["state"] == HELD:
            self.log(row, events.released(row["cluster"], row["proc"], self.now, reason))
            self._set(row, IDLE, reason=None, code=None, subcode=None, held_at=None)
        elif row["fate"] == "hold":
            self._set_fate(row, "release", row["fate_reason"])  # once it has ended

    def remove(self, row: sqlite3.Row, reason: str) -> bool:
        """Remove a process; return whether it has to be ended for that."""
        if row["state"] == RUNNING:
            self._set_fate(row, "remove", reason)
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

    def _set_fate(self, row: sqlite3.Row, fate: str, reason: str) -> None:
        """Record what becomes of a running process once it has ended."""
        self.db.execute(
            "UPDATE processes SET fate = ?, fate_reason = ? WHERE id = ?", (fate, reason, row["id"])
        )

    # --- columns

    def record_memory(self, row: sqlite3.Row, used_mb: float) -> None:
        """Record the memory that a running process was seen to use."""
        self.db.execute(
            "UPDATE processes SET memory = max(coalesce(memory, 0), ?) WHERE id = ?",
            (used_mb, row["id"]),
        )

    def _add_usage(self, row: sqlite3.Row, ending: Ending) -> None:
        self.db.execute(
            "UPDATE processes SET wall = wall + ?, cpu = coalesce(cpu, 0) + ?,"
            " memory = max(coalesce(memory, 0), ?), runs = runs + ? WHERE id = ?",
            (
                max(0.0, ending.ended - ending.started),
                ending.user + ending.system,
                ending.memory_mb or 0.0,
                int(ending.ended > ending.started),  # equal where nothing was started
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
        if row["role"] not in (JOB, SERVICE):
            return
        ended = count_change(self.db, row, state, columns, self.now)
        if ended and row["dag"]:
            self.ended.append((row["dag"], row["cluster"]))


def _ended_by_itself(row: sqlite3.Row, ending: Ending) -> bool:
    # A service, or a job at a checkpoint, would be started again; there the request counts.
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
