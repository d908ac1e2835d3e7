"""Two analyses by the pipeline ``sharded`` for pools that are mistreated, and what must hold."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

from tests.htcondor.own_pool import Project
from tests.sharded import RESULT, TRIES

NAMES = ("sharded", "apart")
#: The first sees the project's files; the second's are transferred, and its nodes see no others.
_BLUEPRINT = """
---
kind: analysis
event: s
name: sharded
pipeline: sharded
waits for: {gate}
resurrection pause: 0
---
kind: analysis
event: s
name: apart
pipeline: sharded
files: transfer
waits for: {gate}
resurrection pause: 0
"""
#: Events after which HTCondor starts a job again by itself: evicted, its shadow failed, its machine
#: could not be found again.
_BEGUN_AGAIN = "004|007|024"


def blueprint(project: Project) -> str:
    """Return the blueprint of both, whose first tries wait for `let_go`."""
    return _BLUEPRINT.format(gate=_gate(project))


def let_go(project: Project) -> None:
    """Let the first tries of a project go on."""
    _gate(project).touch()


def _gate(project: Project) -> Path:
    return project.pool.folder.parent / f"go-{project.name}"


def check_shards(project: Project) -> None:
    """Check that each attempt ran what was missing, once, and that nothing half is a result."""
    ran = project.pool.nodes(project.name)
    for name in NAMES:
        ended = f"name = '{name}' AND state = 'ended' ORDER BY intended"
        uids = [uid for (uid,) in project.query(f"SELECT uid FROM attempts WHERE {ended}")]
        wanted = [(uid, node) for uid, nodes in zip(uids, TRIES, strict=True) for node in nodes]
        clusters = {number: node for number, node in ran.items() if node[0] in uids}
        assert sorted(clusters.values()) == sorted(wanted)
        folder = project.root / "working" / "s"
        logs = [*folder.glob(f"{name}*/shard-*.log"), *folder.glob(f"{name}*/join.log")]
        text = "".join(log.read_text() for log in logs)
        starts = Counter(re.findall(r"^001 \((\d+)\.", text, re.MULTILINE))
        again = Counter(re.findall(rf"^(?:{_BEGUN_AGAIN}) \((\d+)\.", text, re.MULTILINE))
        assert {int(number) for number in starts} == clusters.keys()
        for number, count in starts.items():
            assert count <= 1 + again[number], text
        assert (project.root / "results" / "s" / name / "result.txt").read_text() == RESULT
