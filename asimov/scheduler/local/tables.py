"""The database schema of the local queue, its upgrade, and the values of its columns."""

from __future__ import annotations

#: Kinds of a cluster, and roles of a process.
JOB, DAG, SERVICE, PRE, POST = "job", "dag", "service", "pre", "post"
#: States of a process; a cluster is GONE when all of it has ended.
IDLE, RUNNING, HELD, GONE = "idle", "running", "held", "gone"

SCHEMA = """
CREATE TABLE clusters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL, uid TEXT, tags TEXT NOT NULL, state TEXT NOT NULL DEFAULT 'idle',
    dag INTEGER, node TEXT, environment TEXT, details TEXT NOT NULL, submitted REAL NOT NULL,
    total INTEGER NOT NULL DEFAULT 0, done INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0, idle INTEGER NOT NULL DEFAULT 0,
    running INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 0,
    exit_code INTEGER, signal INTEGER, removed INTEGER NOT NULL DEFAULT 0,
    started REAL, ended REAL, reason TEXT, code INTEGER, held_at REAL);
CREATE INDEX clusters_uid ON clusters (uid) WHERE uid IS NOT NULL AND dag IS NULL;
CREATE INDEX clusters_dag ON clusters (dag) WHERE dag IS NOT NULL;
CREATE INDEX clusters_dags ON clusters (id) WHERE kind = 'dag' AND state != 'gone';
CREATE INDEX clusters_new_dags ON clusters (id) WHERE kind = 'dag' AND state = 'idle';
CREATE TABLE processes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    cluster INTEGER NOT NULL, proc INTEGER NOT NULL, role TEXT NOT NULL, node TEXT,
    state TEXT NOT NULL, priority INTEGER NOT NULL, cpus INTEGER NOT NULL, spec TEXT NOT NULL,
    attempt INTEGER NOT NULL DEFAULT 0, lost INTEGER NOT NULL DEFAULT 0,
    fate TEXT, fate_reason TEXT, not_before REAL NOT NULL DEFAULT 0,
    exit_code INTEGER, signal INTEGER, removed INTEGER NOT NULL DEFAULT 0,
    started REAL, ended REAL, wall REAL NOT NULL DEFAULT 0, cpu REAL, memory REAL,
    reason TEXT, code INTEGER, subcode INTEGER, held_at REAL, runs INTEGER NOT NULL DEFAULT 0);
CREATE INDEX processes_cluster ON processes (cluster, proc);
CREATE INDEX processes_ready ON processes (priority DESC, id)
    WHERE state = 'idle' AND role != 'service';
CREATE INDEX processes_service ON processes (id) WHERE state = 'idle' AND role = 'service';
CREATE INDEX processes_running ON processes (id) WHERE state = 'running';
CREATE INDEX processes_held ON processes (cluster, proc) WHERE state = 'held';
CREATE TABLE nodes (
    dag INTEGER NOT NULL, name TEXT NOT NULL, state TEXT NOT NULL, retry INTEGER NOT NULL,
    cluster INTEGER, pre_return INTEGER, reason TEXT,
    PRIMARY KEY (dag, name)) WITHOUT ROWID;
CREATE TABLE dags (cluster INTEGER PRIMARY KEY, plan TEXT NOT NULL);
CREATE TABLE environments (hash TEXT PRIMARY KEY, variables TEXT NOT NULL);
CREATE TABLE requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT, cluster INTEGER NOT NULL, action TEXT NOT NULL,
    reason TEXT NOT NULL);
"""
#: Whether a runner has anything to do; what is held waits for a request.
BUSY = (
    "SELECT EXISTS (SELECT 1 FROM processes WHERE state = 'running')"
    " OR EXISTS (SELECT 1 FROM processes WHERE state = 'idle' AND role != 'service')"
    " OR EXISTS (SELECT 1 FROM processes WHERE state = 'idle' AND role = 'service')"
    " OR EXISTS (SELECT 1 FROM clusters WHERE kind = 'dag' AND state = 'idle')"
    " OR EXISTS (SELECT 1 FROM requests)"
)
VERSION = 2
#: Brings a queue of the version before to this one.
UPGRADE = (
    "ALTER TABLE clusters ADD COLUMN held_at REAL",
    "ALTER TABLE processes ADD COLUMN subcode INTEGER",
    "ALTER TABLE processes ADD COLUMN held_at REAL",
    "ALTER TABLE processes ADD COLUMN runs INTEGER NOT NULL DEFAULT 0",
    "UPDATE processes SET runs = attempt",
    "CREATE INDEX processes_held ON processes (cluster, proc) WHERE state = 'held'",
    f"PRAGMA user_version = {VERSION}",
)
#: Reason and HTCondor's code of what was submitted on hold.
HELD_AT_SUBMISSION = "submitted on hold at user's request", 15
