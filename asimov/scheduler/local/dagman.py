"""Run one DAG: start its nodes, and decide what the end of a job or a script means for a node.

What is known of each node is stored in the runner's transaction (`node_states`).
"""

from __future__ import annotations

import json
import sqlite3
import sys
from pathlib import Path
from typing import Any

from asimov import text
from asimov.errors import AsimovError, ReportedError
from asimov.scheduler.languages import event_log_writer as events
from asimov.scheduler.languages.dag_file import Dag, Node
from asimov.scheduler.languages.dag_outputs import write_metrics, write_rescue
from asimov.scheduler.languages.dagman_out import how_script_ended
from asimov.scheduler.local.dag_nodes import (
    node_folder,
    node_submit,
    script_arguments,
    script_process,
)
from asimov.scheduler.local.endings import exit_code_and_signal
from asimov.scheduler.local.node_states import DONE, FAILED, NodeStates
from asimov.scheduler.local.process_spec import process_specs
from asimov.scheduler.local.queue import Queue
from asimov.scheduler.local.rows import add_cluster, add_environment, add_processes
from asimov.scheduler.local.tables import HELD, JOB, POST, PRE, RUNNING

#: How many of its nodes a DAG has in the queue at once, where more are ready.
_QUEUED = 200
#: DAGMan's $RETURN for a POST script, where the job could not be submitted or was removed.
_UNSUBMITTED, _REMOVED = -1001, -1002
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
        self.plan = {name: Node(**values) for name, values in stored["nodes"].items()}
        self.nodes = NodeStates(self.db, self.id, Dag(self.plan, stored["limits"]))
        if row["started"] is None:
            self.db.execute(
                "UPDATE clusters SET state = ?, started = ? WHERE id = ?",
                (RUNNING, queue.now, self.id),
            )
            queue.log_to(self.details["log"], events.executing(self.id, 0, queue.now))

    def step(self, limit: int) -> bool:
        """Start every node that can start; return whether the DAG has ended.

        Parameters
        ----------
        limit
            How many processors jobs may take at once.
        """
        if self.removing is None and not self.held:
            full = max(_QUEUED, 4 * limit)
            while len(self.nodes.active) < full and (name := self.nodes.take_next()):
                self._begin(name)
        waiting = self.removing is None and self.nodes.any_ready()
        if self.nodes.active or waiting or self.held:
            return False
        self._finish()
        return True

    # --- starting a node

    def _begin(self, name: str) -> None:
        if self.plan[name].pre and name not in self.nodes.pre_returns:
            self._run_script(name, PRE, self.plan[name].pre, 0)
        else:
            self._submit(name)

    def _run_script(self, name: str, role: str, words: list[str], returned: int) -> None:
        self.nodes.set(name, role)
        values = {
            "RETURN": returned,
            "RETRY": self.nodes.retries[name],
            "MAX_RETRIES": self.plan[name].retries,
            "JOB": name,
            "NODE": name,
            "JOBID": f"{self.nodes.clusters.get(name, 0)}.0",
            "PRE_SCRIPT_RETURN": self.nodes.pre_returns.get(name, -1),
            "DAGID": self.id,
            "FAILED_COUNT": len(self.nodes.in_state(FAILED)),
        }
        folder = node_folder(self.plan[name], self.queue.paths.load(self.details["folder"]))
        path = self.queue.environment(self.environment).get("PATH")
        spec = script_process(script_arguments(words, values), folder, self.queue.paths, path)
        add_processes(self.db, self.id, role, [spec], node=name, priority=_SCRIPTS_FIRST)

    def _submit(self, name: str) -> None:
        node = self.plan[name]
        if node.noop:
            self._job_returned(name, 0)
            return
        folder = node_folder(node, self.queue.paths.load(self.details["folder"]))
        macros = {"RETRY": str(self.nodes.retries[name]), "DAGManJobId": str(self.id)}
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
            specs, inherited = process_specs(submit, cluster, folder, self.queue.paths)
        except AsimovError as error:
            self.db.execute("DELETE FROM clusters WHERE id = ?", (cluster,))
            self._note(name, str(error))
            self._job_returned(name, _UNSUBMITTED)
            return
        key = add_environment(self.db, inherited)
        self.db.execute("UPDATE clusters SET environment = ? WHERE id = ?", (key, cluster))
        add_processes(self.db, cluster, JOB, specs, priority=node.priority)
        for number, spec in enumerate(specs):
            notes = f'[ DAGNodeName = "{name}" ]'
            lines = events.submitted(cluster, number, self.queue.now, notes, self.tags)
            for stored in {spec.log, self.details["nodes_log"]} - {""}:
                self.queue.log_to(stored, *lines)
        self.nodes.set_submitted(name, cluster)

    def _note(self, name: str, reason: str) -> None:
        earlier = self.nodes.reasons.get(name)
        self.nodes.reasons[name] = text.encodable(f"{earlier}; {reason}" if earlier else reason)

    # --- the end of a node's parts

    def process_failed(self, cluster: int) -> list[int]:
        """Remove the other processes of a failed node, as DAGMan does; return those to end."""
        reason = "another process of the node failed"
        return [row["id"] for row in self.queue.live(cluster) if self.queue.remove(row, reason)]

    def job_ended(self, cluster: int) -> None:
        """Continue after a node's job."""
        name = self.nodes.names.get(cluster)
        if name is None or self.nodes.states[name] != JOB:
            return
        row = self.db.execute("SELECT * FROM clusters WHERE id = ?", (cluster,)).fetchone()
        # A process that failed counts before the others, which were removed because of it.
        if row["exit_code"] is not None:
            returned = row["exit_code"]
        elif row["signal"] is not None:
            returned = -row["signal"]
        else:
            returned = _REMOVED
        self._job_returned(name, returned)

    def _job_returned(self, name: str, returned: int) -> None:
        if self.plan[name].post and self.removing is None:
            self._run_script(name, POST, self.plan[name].post, returned)
        else:
            self._node_ended(name, returned)

    def script_ended(self, name: str, role: str, code: int, problem: str | None = None) -> None:
        """Continue after a node's script.

        Parameters
        ----------
        name, role
            The node, and PRE or POST.
        code
            What the script returned; negative for a signal.
        problem
            Why it could not be started, where it could not.
        """
        if code and self.removing is None:
            script = role.upper()
            if problem:
                self._note(name, f"its {script} script could not be run: {problem}")
            else:
                self._note(name, how_script_ended(script, *exit_code_and_signal(code)))
        if role == POST:
            cluster = self.nodes.clusters.get(name, -1)
            proc = 0 if cluster >= 0 else -1
            ended = events.post_script_terminated(
                cluster, proc, self.queue.now, node=name, exit_code=code
            )
            self.queue.log_to(self.details["nodes_log"], ended)
            self._node_ended(name, code)
            return
        self.nodes.pre_returns[name] = code
        if self.removing is not None:
            self._node_ended(name, _REMOVED)
        elif code:
            self._node_ended(name, code)
        elif self.held:
            self.nodes.set_waiting(name)
        else:
            self._submit(name)

    def _node_ended(self, name: str, returned: int) -> None:
        node = self.plan[name]
        if returned == 0:
            self.nodes.set_done(name)
            self._count("done")
            return
        again = self.nodes.retries[name] < node.retries and returned != node.unless_exit
        if again and self.removing is None:
            self.nodes.retry(name)
            return
        self.nodes.set(name, FAILED)
        if self.removing is None:
            self._count("failed")

    def _count(self, what: str) -> None:
        self.db.execute(f"UPDATE clusters SET {what} = {what} + 1 WHERE id = ?", (self.id,))

    # --- requests

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
        """Start nodes again after a hold."""
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
        for name in sorted(self.nodes.active):
            if self.nodes.states[name] == JOB:
                live += self.queue.live(self.nodes.clusters[name])
        return [row["id"] for row in live if self.queue.remove(row, reason)]

    # --- the end of the DAG

    def _finish(self) -> None:
        now = self.queue.now
        failed, done = self.nodes.in_state(FAILED), self.nodes.in_state(DONE)
        code = 0 if len(done) == len(self.plan) else 1
        self._write_files(code, done, failed)
        removed = self.removing is not None
        reason = None
        if removed:
            event = events.aborted(self.id, 0, now, self.removing or "")
            reason = self.removing
        else:
            event = events.terminated(self.id, 0, now, exit_code=code)
            if code:
                names = ", ".join(failed[:5]) + (", ..." if len(failed) > 5 else "")
                reasons = self.nodes.reasons
                known = next((name for name in failed if name in reasons), None)
                reason = f"node {known}: {reasons[known]}" if known else f"failed nodes: {names}"
        self.queue.log_to(self.details["log"], event)
        self.db.execute(
            "UPDATE clusters SET state = 'gone', exit_code = ?, reason = ?, ended = ?,"
            " idle = 0, running = 0, held = 0 WHERE id = ?",
            (None if removed else code, reason, now, self.id),
        )
        # Failed nodes are kept for questions about them.
        self.db.execute("DELETE FROM nodes WHERE dag = ? AND state != ?", (self.id, FAILED))
        self.db.execute("DELETE FROM dags WHERE cluster = ?", (self.id,))

    def _write_files(self, code: int, done: list[str], failed: list[str]) -> None:
        """Write the rescue file and the metrics file beside the DAG file."""
        path = self.queue.paths.load(self.details["file"])
        try:
            if code:
                # After a crash the same rescue file is written again, with the same number.
                write_rescue(path, int(self.details["rescue"]) + 1, len(self.plan), done, failed)
            values = {
                "start_time": self.started,
                "end_time": self.queue.now,
                "duration": self.queue.now - self.started,
                "exitcode": code,
                "dagman_id": str(self.id),
                "rescue_dag_number": self.details["rescue"],
                "nodes": len(self.plan),
                "nodes_failed": len(failed),
                "nodes_succeeded": len(done),
                "total_nodes": len(self.plan),
                "total_nodes_run": len(done) + len(failed),
                "DagStatus": 4 if self.removing is not None else 2 if code else 0,
            }
            write_metrics(path, values)
        except ReportedError as error:  # the folder was deleted: the DAG ends all the same
            print(text.line(str(error)), file=sys.stderr, flush=True)
