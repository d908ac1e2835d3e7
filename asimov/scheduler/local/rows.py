"""Adding clusters, processes and environments to the local queue, and reading them back."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from msgspec import structs

from asimov.scheduler.local.cluster_summary import count_new
from asimov.scheduler.local.process_spec import ProcessSpec
from asimov.scheduler.local.tables import HELD, HELD_AT_SUBMISSION, IDLE, JOB, SERVICE

if TYPE_CHECKING:
    import sqlite3


def add_cluster(
    db: sqlite3.Connection,
    kind: str,
    submitted: float,
    *,
    tags: Mapping[str, str],
    details: Mapping[str, Any],
    environment: str | None = None,
    dag: int | None = None,
    node: str | None = None,
) -> int:
    """Add a cluster without processes; return its number."""
    row = db.execute(
        "INSERT INTO clusters (kind, uid, tags, dag, node, environment, details, submitted)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            kind,
            tags.get("AsimovUID"),
            json.dumps(dict(tags)),
            dag,
            node,
            environment,
            json.dumps(details),
            submitted,
        ),
    )
    assert row.lastrowid is not None
    return row.lastrowid


def add_environment(db: sqlite3.Connection, variables: Mapping[str, str]) -> str:
    """Store an environment, once if many clusters share it; return its key."""
    text = json.dumps(dict(sorted(variables.items())))
    key = sha256(text.encode(errors="surrogateescape")).hexdigest()
    db.execute("INSERT OR IGNORE INTO environments VALUES (?, ?)", (key, text))
    return key


def environment(db: sqlite3.Connection, key: str) -> dict[str, str]:
    """Return a stored environment."""
    row = db.execute("SELECT variables FROM environments WHERE hash = ?", (key,)).fetchone()
    found: dict[str, str] = json.loads(row[0])
    return found


def add_processes(
    db: sqlite3.Connection,
    cluster: int,
    role: str,
    specs: Sequence[ProcessSpec],
    *,
    node: str | None = None,
    priority: int = 0,
) -> None:
    """Add processes to a cluster, idle or held; count those of jobs and services."""
    db.executemany(
        "INSERT INTO processes (cluster, proc, role, node, state, priority, cpus, spec, reason,"
        " code, held_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
        " (SELECT submitted FROM clusters WHERE id = ?))",
        [
            (
                cluster,
                number,
                role,
                node,
                HELD if spec.held else IDLE,
                spec.priority + priority,
                spec.cpus,
                json.dumps(structs.asdict(spec)),
                *(HELD_AT_SUBMISSION if spec.held else (None, None)),
                cluster if spec.held else None,
            )
            for number, spec in enumerate(specs)
        ],
    )
    if role in (JOB, SERVICE):
        count_new(db, cluster, specs)


def process_spec(text: str) -> ProcessSpec:
    """Return what a process runs, from its stored form."""
    return ProcessSpec(**json.loads(text))
