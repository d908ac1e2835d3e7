"""The nodes of a running DAG: their states, their retries, and which of them starts next.

Every change is stored in the database, in the runner's transaction, so that a new runner continues
where a killed one stopped.
"""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from collections.abc import Mapping
from heapq import heappop, heappush

from asimov.scheduler.languages.dag_file import Dag, Node
from asimov.scheduler.local.tables import JOB, POST, PRE

#: States of a node. While it is active its state is the role of its process: PRE, JOB or POST.
WAITING, DONE, FAILED = "waiting", "done", "failed"
_ACTIVE = (PRE, JOB, POST)


class NodeStates:
    """The nodes of one DAG, restored from the database.

    Parameters
    ----------
    db
        The queue's database.
    dag_id
        The DAG's cluster.
    dag
        The DAG file's nodes and limits.

    Attributes
    ----------
    states, retries, clusters, pre_returns, reasons
        By node: its state, how often it was retried, its latest cluster, what its PRE script
        returned, and why it failed where its job was not the cause.
    names
        The node of each cluster.
    active
        The nodes that have a process in the queue.
    """

    def __init__(self, db: sqlite3.Connection, dag_id: int, dag: Dag) -> None:
        self._db = db
        self._dag_id = dag_id
        self.nodes: Mapping[str, Node] = dag.nodes
        self._limits = dag.limits
        self._order = {name: number for number, name in enumerate(dag.nodes)}
        self.states = dict.fromkeys(dag.nodes, WAITING)
        self.retries = dict.fromkeys(dag.nodes, 0)
        self.clusters: dict[str, int] = {}
        self.names: dict[int, str] = {}
        self.pre_returns: dict[str, int] = {}
        self.reasons: dict[str, str] = {}
        self.active: set[str] = set()
        self._unfinished_parents = dict.fromkeys(dag.nodes, 0)
        #: By category: a heap of the nodes that may start, and how many are active.
        self._ready: defaultdict[str, list[tuple[int, int, str]]] = defaultdict(list)
        self._busy: Counter[str] = Counter()
        self._restore()

    def _restore(self) -> None:
        for name, node in self.nodes.items():
            if node.done:
                self.states[name] = DONE
        for row in self._db.execute("SELECT * FROM nodes WHERE dag = ?", (self._dag_id,)):
            name = row["name"]
            self.states[name], self.retries[name] = row["state"], row["retry"]
            if row["cluster"] is not None:
                self.clusters[name] = row["cluster"]
                self.names[row["cluster"]] = name
            if row["pre_return"] is not None:
                self.pre_returns[name] = row["pre_return"]
            if row["reason"] is not None:
                self.reasons[name] = row["reason"]
        for name, node in self.nodes.items():
            if self.states[name] in _ACTIVE:
                self.active.add(name)
                self._busy[node.category] += 1
            if self.states[name] != DONE:
                for child in node.children:
                    self._unfinished_parents[child] += 1
        for name in self.nodes:
            if self.states[name] == WAITING and not self._unfinished_parents[name]:
                self._push(name)

    def _push(self, name: str) -> None:
        node = self.nodes[name]
        heappush(self._ready[node.category], (-node.priority, self._order[name], name))

    def any_ready(self) -> bool:
        """Whether a node may start, now or when its category has room."""
        return any(self._ready.values())

    def take_next(self) -> str | None:
        """Return the node to start next and remove it from those that are ready; None if none."""
        first = [
            heap[0]
            for category, heap in self._ready.items()
            if heap and self._busy[category] < self._limits.get(category, len(self.nodes))
        ]
        if not first:
            return None
        name = min(first)[2]
        heappop(self._ready[self.nodes[name].category])
        return name

    def in_state(self, state: str) -> list[str]:
        """Return the nodes in a state, in the DAG file's order."""
        return [name for name, each in self.states.items() if each == state]

    def set(self, name: str, state: str) -> None:
        """Set a node's state and store everything known about it."""
        self.states[name] = state
        if (state in _ACTIVE) != (name in self.active):
            self.active ^= {name}
            self._busy[self.nodes[name].category] += 1 if state in _ACTIVE else -1
        self._db.execute(
            "INSERT OR REPLACE INTO nodes VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                self._dag_id,
                name,
                state,
                self.retries[name],
                self.clusters.get(name),
                self.pre_returns.get(name),
                self.reasons.get(name),
            ),
        )

    def set_submitted(self, name: str, cluster: int) -> None:
        """Record a node's job."""
        self.clusters[name] = cluster
        self.names[cluster] = name
        self.set(name, JOB)

    def set_waiting(self, name: str) -> None:
        """Make a node ready to start again."""
        self.set(name, WAITING)
        self._push(name)

    def set_done(self, name: str) -> None:
        """Record that a node succeeded; its children may become ready."""
        self.set(name, DONE)
        for child in self.nodes[name].children:
            self._unfinished_parents[child] -= 1
            if not self._unfinished_parents[child] and self.states[child] == WAITING:
                self._push(child)

    def retry(self, name: str) -> None:
        """Count a retry and make the node ready; only its last try is remembered."""
        self.retries[name] += 1
        for kept in (self.pre_returns, self.reasons, self.clusters):
            kept.pop(name, None)
        self.set_waiting(name)
