"""Put jobs, DAGs and services into the local queue."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from asimov.errors import SchedulerError
from asimov.scheduler.jobs import JobDescription, of_program, submit_command, submit_value
from asimov.scheduler.languages import event_log_writer as events
from asimov.scheduler.languages.dag_file import Dag, read_dag_file
from asimov.scheduler.languages.dag_outputs import (
    DAGMAN_LOG,
    NODES_LOG,
    rescue_files,
    rescue_number,
)
from asimov.scheduler.languages.events import Event
from asimov.scheduler.languages.submit_file import describe, read_submit_file
from asimov.scheduler.local.dag_nodes import node_folder, node_submit
from asimov.scheduler.local.process_spec import Paths, ProcessSpec, process_specs
from asimov.scheduler.local.rows import add_cluster, add_environment, add_processes
from asimov.scheduler.local.spool import Spool
from asimov.scheduler.local.startup import unmarked_environment
from asimov.scheduler.local.tables import DAG, JOB, SERVICE
from asimov.scheduler.submit_folder import folder_of_dag, folder_of_submit_file

if TYPE_CHECKING:
    import sqlite3


def submit_job(
    spool: Spool, job: JobDescription | str | Path, tags: Mapping[str, str], paths: Paths
) -> int:
    """Submit one cluster and return its number.

    Parameters
    ----------
    spool
        The queue.
    job
        A description; or the path of a submit file or of a program.
    tags
        The ClassAd attributes of the job's tag; empty where it has none.
    paths
        Stores paths relative to the project.

    Raises
    ------
    SchedulerError
        Where the job is not supported, or the queue or the event log can't be written.
    """
    if not isinstance(job, JobDescription):
        path = Path(job).absolute()
        job = (of_program(path) if path.is_file() else None) or path
    if isinstance(job, JobDescription):
        submit, folder = describe(job), Path.cwd()
    else:
        submit, folder = read_submit_file(job), folder_of_submit_file(job, paths.root)
    notes = submit.value("submit_event_notes", {}) or submit.value("log_notes", {})
    spool.create()
    with spool.changing() as db:
        cluster = add_cluster(db, JOB, time.time(), tags=tags, details={})
        specs, inherited = process_specs(submit, cluster, folder, paths)
        _add(db, cluster, JOB, specs, inherited)
        logs: dict[str, list[Event]] = {}
        for proc, spec in enumerate(specs):
            if spec.log:
                logs.setdefault(spec.log, []).extend(
                    events.submitted(cluster, proc, time.time(), notes, tags)
                )
        for log, found in logs.items():
            _append(paths.load(log), found)
    return cluster


def submit_dag(
    spool: Spool,
    dag_file: Path,
    tags: Mapping[str, str],
    paths: Paths,
    *,
    batch_name: str | None = None,
    force: bool = False,
    commands: Mapping[str, object],
) -> int:
    """Submit a DAG file and return the cluster of the DAG; every node's submit file is checked.

    Parameters
    ----------
    spool, tags, paths
        As for `submit_job`.
    dag_file
        The DAG file, absolute.
    batch_name
        A name for people.
    force
        Whether to rename rescue files (to ``.old``) and start from the beginning.
    commands
        Submit commands for every node.

    Raises
    ------
    SchedulerError
        Where the DAG or a node is not supported, or the queue or the event log can't be written.
    """
    folder = folder_of_dag(dag_file, paths.root)
    if force:
        for rescue in rescue_files(dag_file):
            rescue.replace(rescue.with_name(f"{rescue.name}.old"))
    dag = read_dag_file(dag_file)
    given = {submit_command(key): submit_value(value) for key, value in commands.items()}
    _check_nodes(dag, folder, given, paths)
    stored = paths.store(dag_file, folder)
    log = f"{stored}{DAGMAN_LOG}"
    details = {
        "file": stored,
        "folder": paths.store(folder, folder),
        "commands": given,
        "rescue": rescue_number(dag_file),
        "log": log,
        "nodes_log": f"{stored}{NODES_LOG}",
        "batch_name": batch_name,
    }
    plan = {name: asdict(node) for name, node in dag.nodes.items()}
    done = sum(node.done for node in dag.nodes.values())
    spool.create()
    with spool.changing() as db:
        key = add_environment(db, unmarked_environment())
        cluster = add_cluster(db, DAG, time.time(), tags=tags, details=details, environment=key)
        db.execute(
            "UPDATE clusters SET total = ?, done = ? WHERE id = ?", (len(plan), done, cluster)
        )
        text = json.dumps({"nodes": plan, "limits": dag.limits})
        db.execute("INSERT INTO dags VALUES (?, ?)", (cluster, text))
        _append(paths.load(log), events.submitted(cluster, 0, time.time(), "", tags))
    return cluster


def _check_nodes(dag: Dag, folder: Path, commands: Mapping[str, str], paths: Paths) -> None:
    for node in dag.nodes.values():
        where = node_folder(node, folder)
        if node.noop or node.done or (node.pre and not (where / node.submit).exists()):
            continue  # a PRE script may write it
        process_specs(node_submit(node, where, commands, {"retry": "0"}), 0, where, paths)


def submit_service(
    spool: Spool, arguments: Sequence[str], log: Path, tags: Mapping[str, str], paths: Paths
) -> int:
    """Submit a command that is restarted whenever it ends; return its cluster.

    Parameters
    ----------
    spool, tags, paths
        As for `submit_job`.
    arguments
        The program and its arguments.
    log
        The file that its output is appended to.
    """
    output = paths.store(log, Path.cwd())
    spec = ProcessSpec(
        arguments=[paths.store(arguments[0], Path.cwd()), *arguments[1:]],
        folder=paths.store(paths.root, paths.root),
        input=os.devnull,
        output=output,
        error=output,
        append=True,
    )
    spool.create()
    with spool.changing() as db:
        cluster = add_cluster(db, SERVICE, time.time(), tags=tags, details={})
        _add(db, cluster, SERVICE, [spec], unmarked_environment())
    return cluster


def _add(
    db: sqlite3.Connection,
    cluster: int,
    role: str,
    specs: Sequence[ProcessSpec],
    environment: Mapping[str, str],
) -> None:
    key = add_environment(db, environment)
    db.execute("UPDATE clusters SET environment = ? WHERE id = ?", (key, cluster))
    add_processes(db, cluster, role, specs)


def _append(path: Path, found: Sequence[Event]) -> None:
    try:
        events.append_events(path, found)
    except OSError as error:
        raise SchedulerError(
            f"the event log can't be written: {error.strerror}", where=path
        ) from error
