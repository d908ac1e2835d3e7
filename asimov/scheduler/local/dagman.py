"""One DAG that the runner runs: which node is next, and what a node's end means.

What is known of each node stands in the database, in the runner's transaction, so that a new
runner goes on where the last one was killed.
"""

from __future__ import annotations

import json
import sqlite3
import sys
from collections import Counter, defaultdict
from heapq import heappop, heappush
from pathlib import Path
from typing import Any

from asimov import text
from asimov.errors import AsimovError, ReportedError
from asimov.scheduler.languages import event_log_writer as events
from asimov.scheduler.languages.dag_file import Node
from asimov.scheduler.languages.rescue_file import write_metrics, write_rescue
from asimov.scheduler.local.dag_nodes import (
    node_folder,
    node_submit,
    script_arguments,
    script_process,
)
from asimov.scheduler.local.process_spec import processes
from asimov.scheduler.local.queue import Queue
from asimov.scheduler.local.spool import (
    HELD,
    JOB,
    POST,
    PRE,
    RUNNING,
    add_cluster,
    add_environment,
    add_processes,
)

#: How many of its nodes a DAG has in the queue at once, where more are ready.
_QUEUED = 200
#: What DAGMan gives a POST script as $RETURN: of a job that could not be submitted, was removed,
#: and of one whose PRE script failed.
_UNSUBMITTED, _REMOVED = -1001, -1002
_WAITING, _DONE, _FAILED = "waiting", "done", "failed"
_ACTIVE = (PRE, JOB, POST)
_SCRIPTS_FIRST = 1_000_000


class DagRun:
    """A DAG in the queue.

    Parameters
    ----------
    row
        The DAG's cluster.
    queue
        The queue.
    root
        The project's folder.
    """

    def __init__(self, row: sqlite3.Row, queue: Queue, root: Path) -> None:
        self.id: int = row["id"]
        self.queue = queue
        self.db = queue.db
        self.root = root
        self.tags: dict[str, str] = json.loads(row["tags"])
        self.details: dict[str, Any] = json.loads(row["details"])
        self.environment: str = row["environment"]
        self.removing: str | None = row["reason"] if row["removed"] else None
        self.held = row["state"] == HELD
        self.started: float = row["started"] or queue.now
        plan = self.db.execute("SELECT plan FROM dags WHERE cluster = ?", (self.id,)).fetchone()
        stored = json.loads(plan[0])
        self.nodes = {name: Node(**values) for name, values in stored["nodes"].items()}
        self.limits: dict[str, int] = stored["limits"]
        self.order = {name: number for number, name in enumerate(self.nodes)}
        self.states = dict.fromkeys(self.nodes, _WAITING)
        self.retries = dict.fromkeys(self.nodes, 0)
        self.clusters: dict[str, int] = {}
        self.names: dict[int, str] = {}
        self.pre: dict[str, int] = {}
        #: Why nodes failed, where it was not their job.
        self.reasons: dict[str, str] = {}
        self.active: set[str] = set()
        self.parents = dict.fromkeys(self.nodes, 0)
        #: By category: what may start, the first of it first, and how much of it is active.
        self.free: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
        self.busy: Counter[str] = Counter()
        self._restore()
        if row["started"] is None:
            self.db.execute(
                "UPDATE clusters SET state = ?, started = ? WHERE id = ?",
                (RUNNING, queue.now, self.id),
            )
            queue.log_to(self.details["log"], events.executing(self.id, 0, queue.now))

    def _restore(self) -> None:
        for name, node in self.nodes.items():
            if node.done:
                self.states[name] = _DONE
        for row in self.db.execute("SELECT * FROM nodes WHERE dag = ?", (self.id,)):
            name = row["name"]
            self.states[name], self.retries[name] = row["state"], row["retry"]
            if row["cluster"] is not None:
                self.clusters[name] = row["cluster"]
                self.names[row["cluster"]] = name
            if row["pre_return"] is not None:
                self.pre[name] = row["pre_return"]
            if row["reason"] is not None:
                self.reasons[name] = row["reason"]
        for name, node in self.nodes.items():
            if self.states[name] in _ACTIVE:
                self.active.add(name)
                self.busy[node.category] += 1
            if self.states[name] != _DONE:
                for child in node.children:
                    self.parents[child] += 1
        for name in self.nodes:
            if self.states[name] == _WAITING and not self.parents[name]:
                self._ready(name)

    def _ready(self, name: str) -> None:
        node = self.nodes[name]
        heappush(self.free[node.category], (-node.priority, self.order[name], name))

    def step(self, limit: int) -> bool:
        """Start what can be started; return whether the DAG has ended."""
        if self.removing is None and not self.held:
            full = max(_QUEUED, 4 * limit)
            while len(self.active) < full and (name := self._next()):
                self._begin(name)
        waiting = self.removing is None and any(self.free.values())
        if self.active or waiting or self.held:
            return False
        self._finish()
        return True

    def _next(self) -> str | None:
        first = [
            heap[0]
            for category, heap in self.free.items()
            if heap and self.busy[category] < self.limits.get(category, len(self.nodes))
        ]
        if not first:
            return None
        name = min(first)[2]
        heappop(self.free[self.nodes[name].category])
        return name

    def _save(self, name: str, state: str) -> None:
        self.states[name] = state
        if (state in _ACTIVE) != (name in self.active):
            self.active ^= {name}
            self.busy[self.nodes[name].category] += 1 if state in _ACTIVE else -1
        self.db.execute(
            "INSERT OR REPLACE INTO nodes VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                self.id,
                name,
                state,
                self.retries[name],
                self.clusters.get(name),
                self.pre.get(name),
                self.reasons.get(name),
            ),
        )

    def _begin(self, name: str) -> None:
        if self.nodes[name].pre and name not in self.pre:
            self._script(name, PRE, self.nodes[name].pre, 0)
        else:
            self._submit(name)

    def _script(self, name: str, role: str, words: list[str], returned: int) -> None:
        self._save(name, role)
        values = {
            "RETURN": returned,
            "RETRY": self.retries[name],
            "MAX_RETRIES": self.nodes[name].retries,
            "JOB": name,
            "NODE": name,
            "JOBID": f"{self.clusters.get(name, 0)}.0",
            "PRE_SCRIPT_RETURN": self.pre.get(name, -1),
            "DAGID": self.id,
            "FAILED_COUNT": sum(state == _FAILED for state in self.states.values()),
        }
        folder = node_folder(self.nodes[name], self.queue.paths.load(self.details["folder"]))
        path = self.queue.environment(self.environment).get("PATH")
        found = script_process(script_arguments(words, values), folder, self.queue.paths, path)
        add_processes(self.db, self.id, role, [found], node=name, priority=_SCRIPTS_FIRST)

    def _submit(self, name: str) -> None:
        node = self.nodes[name]
        if node.noop:
            self._returned(name, 0)
            return
        folder = node_folder(node, self.queue.paths.load(self.details["folder"]))
        macros = {"RETRY": str(self.retries[name]), "DAGManJobId": str(self.id)}
        cluster = add_cluster(
            self.db,
            JOB,
            self.queue.now,
            tags=self.tags,
            details={"nodes_log": self.details["nodes_log"]},
            dag=self.id,
            node=name,
        )
        try:
            submit = node_submit(node, folder, self.details["commands"], macros)
            submit.environ = self.queue.environment(self.environment)
            found, inherited = processes(submit, cluster, folder, self.queue.paths)
        except AsimovError as error:
            self.db.execute("DELETE FROM clusters WHERE id = ?", (cluster,))
            self._note(name, str(error))
            self._returned(name, _UNSUBMITTED)
            return
        key = add_environment(self.db, inherited)
        self.db.execute("UPDATE clusters SET environment = ? WHERE id = ?", (key, cluster))
        add_processes(self.db, cluster, JOB, found, priority=node.priority)
        self.clusters[name] = cluster
        self.names[cluster] = name
        for number, one in enumerate(found):
            notes = f'[ DAGNodeName = "{name}" ]'
            lines = events.submitted(cluster, number, self.queue.now, notes, self.tags)
            for stored in {one.log, self.details["nodes_log"]} - {""}:
                self.queue.log_to(stored, *lines)
        self._save(name, JOB)

    def _note(self, name: str, reason: str) -> None:
        earlier = self.reasons.get(name)
        self.reasons[name] = text.encodable(f"{earlier}; {reason}" if earlier else reason)

    def process_failed(self, cluster: int) -> list[int]:
        """Remove what else a node's job has, as DAGMan does; return the processes to end."""
        reason = "another process of the node failed"
        return [row["id"] for row in self.queue.live(cluster) if self.queue.remove(row, reason)]

    def job_ended(self, cluster: int) -> None:
        """Go on after a node's job."""
        name = self.names.get(cluster)
        if name is None or self.states[name] != JOB:
            return
        row = self.db.execute("SELECT * FROM clusters WHERE id = ?", (cluster,)).fetchone()
        # One that failed comes first: the others were removed because of it.
        if row["exit_code"] is not None:
            returned = row["exit_code"]
        elif row["signal"] is not None:
            returned = -row["signal"]
        else:
            returned = _REMOVED
        self._returned(name, returned)

    def _returned(self, name: str, returned: int) -> None:
        if self.nodes[name].post and self.removing is None:
            self._script(name, POST, self.nodes[name].post, returned)
        else:
            self._ended(name, returned)

    def script_ended(self, name: str, role: str, code: int, problem: str | None = None) -> None:
        """Go on after a node's script; `problem` tells why it could not be started."""
        if code and self.removing is None:
            what = f"returned {code}" if code > 0 else f"was ended by signal {-code}"
            what = f"could not be run: {problem}" if problem else what
            self._note(name, f"its {role.upper()} script {what}")
        if role == POST:
            cluster = self.clusters.get(name, -1)
            proc = 0 if cluster >= 0 else -1
            ended = events.post_script_terminated(
                cluster, proc, self.queue.now, node=name, exit_code=code
            )
            self.queue.log_to(self.details["nodes_log"], ended)
            self._ended(name, code)
            return
        self.pre[name] = code
        if self.removing is not None:
            self._ended(name, _REMOVED)
        elif code:
            self._ended(name, code)
        elif self.held:
            self._save(name, _WAITING)
            self._ready(name)
        else:
            self._submit(name)

    def _ended(self, name: str, returned: int) -> None:
        node = self.nodes[name]
        if returned == 0:
            self._save(name, _DONE)
            self._count("done")
            for child in node.children:
                self.parents[child] -= 1
                if not self.parents[child] and self.states[child] == _WAITING:
                    self._ready(child)
            return
        again = self.retries[name] < node.retries and returned != node.unless_exit
        if again and self.removing is None:
            self.retries[name] += 1
            # What is kept of a node is that of its last try.
            for kept in (self.pre, self.reasons, self.clusters):
                kept.pop(name, None)
            self._save(name, _WAITING)
            self._ready(name)
            return
        self._save(name, _FAILED)
        if self.removing is None:
            self._count("failed")

    def _count(self, what: str) -> None:
        self.db.execute(f"UPDATE clusters SET {what} = {what} + 1 WHERE id = ?", (self.id,))

    def hold(self, reason: str) -> list[int]:
        """Start no more nodes; those that run go on."""
        if self.removing is None and not self.held:
            self.held = True
            self.db.execute(
                "UPDATE clusters SET state = ?, reason = ?, code = 1, held_at = ? WHERE id = ?",
                (HELD, reason, self.queue.now, self.id),
            )
            held = events.held(self.id, 0, self.queue.now, reason, code=1)
            self.queue.log_to(self.details["log"], held)
        return []

    def release(self, reason: str) -> list[int]:
        """Go on after a hold."""
        if self.held:
            self.held = False
            self.db.execute(
                "UPDATE clusters SET state = ?, reason = NULL, code = NULL WHERE id = ?",
                (RUNNING, self.id),
            )
            now = self.queue.now
            released = events.released(self.id, 0, now, reason)
            self.queue.log_to(self.details["log"], released, events.executing(self.id, 0, now))
        return []

    def remove(self, reason: str) -> list[int]:
        """End the nodes that run, and then the DAG; return the processes to end."""
        self.removing, self.held = reason, False
        self.db.execute(
            "UPDATE clusters SET state = ?, removed = 1, reason = ? WHERE id = ?",
            (RUNNING, reason, self.id),
        )
        live = self.queue.live(self.id)
        for name in sorted(self.active):
            if self.states[name] == JOB:
                live += self.queue.live(self.clusters[name])
        return [row["id"] for row in live if self.queue.remove(row, reason)]

    def _finish(self) -> None:
        now = self.queue.now
        failed = [name for name, state in self.states.items() if state == _FAILED]
        code = 0 if all(state == _DONE for state in self.states.values()) else 1
        self._leave_files(code, failed)
        removed = self.removing is not None
        reason = None
        if removed:
            event = events.aborted(self.id, 0, now, self.removing or "")
            reason = self.removing
        else:
            event = events.terminated(self.id, 0, now, exit_code=code)
            if code:
                names = ", ".join(failed[:5]) + (", ..." if len(failed) > 5 else "")
                told = next((name for name in failed if name in self.reasons), None)
                reason = f"node {told}: {self.reasons[told]}" if told else f"failed nodes: {names}"
        self.queue.log_to(self.details["log"], event)
        self.db.execute(
            "UPDATE clusters SET state = 'gone', exit_code = ?, reason = ?, ended = ?,"
            " idle = 0, running = 0, held = 0 WHERE id = ?",
            (None if removed else code, reason, now, self.id),
        )
        # Those that failed are kept, to be asked about.
        self.db.execute("DELETE FROM nodes WHERE dag = ? AND state != ?", (self.id, _FAILED))
        self.db.execute("DELETE FROM dags WHERE cluster = ?", (self.id,))

    def _leave_files(self, code: int, failed: list[str]) -> None:
        path = self.queue.paths.load(self.details["file"])
        done = [name for name, state in self.states.items() if state == _DONE]
        try:
            if code:
                # One that this DAG wrote before a crash is written again, with the same number.
                write_rescue(path, int(self.details["rescue"]) + 1, len(self.nodes), done, failed)
            values = {
                "start_time": self.started,
                "end_time": self.queue.now,
                "duration": self.queue.now - self.started,
                "exitcode": code,
                "dagman_id": str(self.id),
                "rescue_dag_number": self.details["rescue"],
                "nodes": len(self.nodes),
                "nodes_failed": len(failed),
                "nodes_succeeded": len(done),
                "total_nodes": len(self.nodes),
                "total_nodes_run": len(done) + len(failed),
                "DagStatus": 4 if self.removing is not None else 2 if code else 0,
            }
            write_metrics(path, values)
        except ReportedError as error:  # the folder was deleted: the DAG ends all the same
            print(text.line(str(error)), file=sys.stderr, flush=True)
