"""The runner, keepers and witnesses killed at random moments of a mixed workload."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from asimov.scheduler.jobs import JobDescription
from asimov.scheduler.local import runner
from asimov.scheduler.local.witness import witnessed
from asimov.system.processes import started_at
from tests.searching import LONGER, first

_KILLS = int(60 * LONGER)
# The lock is made with O_EXCL. One that is left by a process that was killed is taken over; a
# holder that lives is an overlap.
_JOB = """\
#!/bin/sh
set -C
until echo $$ > "lock.$1"; do
    read -r holder < "lock.$1"
    tries=0
    while grep -q . "/proc/$holder/cmdline"; do
        tries=$((tries + 1))
        test $tries -gt 5 && { set +C; echo overlap >> "ran.$1"; exit 1; }
        sleep 0.005
    done
    rm -f "lock.$1"
done 2> /dev/null
set +C
echo start >> "ran.$1"
sleep 0.03
echo end >> "ran.$1"
rm "lock.$1"
"""


def _runner(bench) -> int:
    """Start a runner as a child, which is quicker than a command."""
    pid = os.fork()
    if not pid:
        try:
            os.setsid()
            given = [str(bench.root), "4", "0.5"]
            witnessed(bench.scheduler.spool.runs, lambda witness: runner.main(given, witness))
        finally:
            os._exit(0)
    return pid


def _dag(bench, name: str) -> int:
    nodes = [f"{name}{number}" for number in range(9)]
    lines = [f"JOB {node} node.sub\nRETRY {node} 2" for node in nodes]
    lines += [f"PARENT {nodes[0]} CHILD {' '.join(nodes[1:7])}"]
    lines += [f"PARENT {' '.join(nodes[3:7])} CHILD {nodes[7]}\nPARENT {nodes[7]} CHILD {nodes[8]}"]
    lines += [f"SCRIPT PRE {node} job pre-{node}" for node in nodes[::2]]
    lines += [f"SCRIPT POST {node} job post-{node}" for node in nodes[::3]]
    bench.write(f"{name}.dag", "\n".join(lines))
    return bench.scheduler.submit_dag(f"{name}.dag")


def _expected(dag: str) -> set[str]:
    names = {f"{dag}{number}" for number in range(9)}
    return (
        names | {f"pre-{dag}{n}" for n in (0, 2, 4, 6, 8)} | {f"post-{dag}{n}" for n in (0, 3, 6)}
    )


@pytest.mark.parametrize("keepers", first(1, [True, False]), ids=["runner and keepers", "runner"])
def test_nothing_is_lost_and_nothing_runs_twice_at_once(bench, keepers):
    chance = random.Random(7)
    bench.write("job", _JOB).chmod(0o755)
    bench.write("node.sub", "executable = job\narguments = $(JOB)\nlog = nodes.log\nqueue\n")
    scheduler = bench.scheduler
    clusters = [
        scheduler.submit(
            JobDescription("job", arguments="$(Cluster).$(Process)", queue=15, log="log")
        )
        for _ in range(5)
    ]
    dags = {name: _dag(bench, name) for name in "abcd"}
    actions = [(scheduler.hold, clusters[0]), (scheduler.release, clusters[0])] * 4
    actions += [(scheduler.hold, dags["a"]), (scheduler.release, dags["a"])] * 4
    actions += [(scheduler.remove, clusters[1]), (scheduler.remove, dags["b"])]
    order = sorted(range(len(actions)), key=lambda n: (n % 8, n))
    lost = kills = 0
    children = []
    while kills < _KILLS:
        child = _runner(bench)
        bench.until(bench.runner, seconds=120)
        time.sleep(chance.uniform(0, 0.06))
        if order and kills % 3 == 2:
            action, job = actions[order.pop(0)]
            action(job)
            time.sleep(chance.uniform(0, 0.01))
        pid = bench.runner()
        if pid:
            bench.kill(pid)
            kills += 1
            # The next one would leave the queue to it as long as it lives.
            bench.until(lambda pid=pid: not started_at(pid), seconds=120)
        for claim in scheduler.spool.runs.glob("*.claim") if keepers else ():
            if chance.random() < 0.3 and (held := bench.alive(claim)):
                bench.kill(held)
                lost += 1
        children.append(child)
        children = [each for each in children if not os.waitpid(each, os.WNOHANG)[0]]
    assert not order and bool(lost) == keepers
    scheduler.release(clusters[0])
    scheduler.release(dags["a"])
    _all_ended(bench, clusters, dags)
    bench.kill(bench.runner())
    for child in children:  # witnesses end with what they were left
        os.waitpid(child, 0)


def _all_ended(bench, clusters: list[int], dags: dict[str, int]) -> None:
    for job in [*clusters, *dags.values()]:
        end = bench.gone(job)
        assert end.removed or (end.exit_code == 0 and end.progress.done == end.progress.total)
    sure = {f"{cluster}.{n}" for cluster in clusters[2:] for n in range(15)}
    sure |= _expected("c") | _expected("d") | _expected("a")
    held = {f"{clusters[0]}.{n}" for n in range(15)}
    removed = {f"{clusters[1]}.{n}" for n in range(15)} | _expected("b")
    ran = {path.name[4:]: path.read_text().split() for path in Path().glob("ran.*")}
    assert sure | held <= ran.keys() <= sure | held | removed
    assert not [name for name, lines in ran.items() if "overlap" in lines]
    again = {name: lines for name, lines in ran.items() if lines.count("start") != 1}
    assert all("end" in ran[name] for name in sure | held)
    # Only what was held was started a second time.
    assert not [lines for name, lines in again.items() if name not in held]
    assert all(ran[name] == ["start", "end"] for name in sure - again.keys())
    # The runner clears away what it has recorded a moment later.
    limit = time.monotonic() + 120
    while left := list(bench.scheduler.spool.runs.glob("*.end")):
        assert time.monotonic() < limit, left
        time.sleep(0.05)
