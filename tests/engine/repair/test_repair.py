"""A damaged or lost journal: what is rebuilt, what is left for a person, and nothing runs twice."""

from __future__ import annotations

import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from asimov.engine.repair.decide import Decision, Trace, decide
from asimov.engine.repair.evidence import Job, logged_jobs
from asimov.journal.journal import Journal
from asimov.journal.records import Attempt, Record
from asimov.scheduler import Gone, JobState, NotFound, Observation, Present, Ticket, Unknown
from asimov.scheduler.local import LocalScheduler
from asimov.states import STATES
from tests.conftest import snapshot
from tests.searching import first

# --- what an analysis comes to

NOW = 1_000_000.0
PRESENT = Present(7, JobState.RUNNING)
GONE = Gone(7, 0, "queue")
NOWHERE = NotFound(("queue",))


def job(answer: Observation | None, since: float = NOW, uid: str = "u") -> Job:
    return Job(uid, since, 7, answer)


def record(status: str, since: float = NOW, uid: str | None = None) -> Record:
    return Record("s", "a", status, since, None, uid)


def attempt(state: str, intended: float = NOW, uid: str = "old", stage: str = "run") -> Attempt:
    return Attempt(uid, "s", "a", 1, stage, "local", state, 5, intended)


def brief(decision: Decision | None) -> tuple[str, str | None] | None:
    return decision and (decision.status, decision.open)


@pytest.mark.parametrize(
    ("trace", "wanted"),
    [
        # Nothing is left of the journal.
        (Trace(jobs=(job(PRESENT),)), ("running", "u")),
        (Trace(jobs=(job(GONE),)), ("running", "u")),
        (Trace(jobs=(job(Unknown("log")),)), ("running", "u")),
        (Trace(jobs=(job(None),), asked=False), ("running", "u")),
        (Trace(jobs=(job(NOWHERE),)), ("stuck", None)),
        (Trace(jobs=(job(GONE),), stored=True), ("uploaded", None)),
        (Trace(jobs=(job(PRESENT),), stored=True), ("running", "u")),
        (Trace(jobs=(job(GONE, NOW - 9, "t"), job(PRESENT))), ("running", "u")),
        (Trace(jobs=(job(GONE, NOW - 9, "t"), job(PRESENT)), processes=True), ("stuck", None)),
        (Trace(jobs=(job(GONE),), processes=True), ("running", "u")),
        (Trace(stored=True), ("uploaded", None)),
        (Trace(begun=True), ("stuck", None)),
        (Trace(), ("wait", None)),
        (Trace(first="manual"), ("manual", None)),
        (Trace(unrecorded=False), None),
        # Its record is lost, and other things are left.
        (Trace(last_state="cancelled"), ("cancelled", None)),
        (Trace(last_state="finished", begun=True), ("finished", None)),
        (Trace(last_state="running"), ("stuck", None)),
        (Trace(last_state="ready"), ("wait", None)),
        (Trace(attempts=(attempt("submitted"),)), ("running", "old")),
        (Trace(attempts=(attempt("submitted", stage="processing"),)), ("processing", "old")),
        (Trace(attempts=(attempt("intended"),)), ("ready", "old")),
        # Its record is there.
        (Trace(record("cancelled")), None),
        (Trace(record("ready")), None),
        (Trace(record("ready"), begun=True), ("stuck", None)),
        (Trace(record("ready"), begun=True, forgotten=False), None),
        (Trace(record("ready"), (attempt("ended"),), begun=True), None),
        (Trace(record("ready"), stored=True), ("uploaded", None)),
        (Trace(record("running"), (attempt("submitted"),), begun=True), None),
        (Trace(record("running"), (attempt("ended"),), begun=True), ("stuck", None)),
        (Trace(record("running"), stored=True), ("uploaded", None)),
        (Trace(record("stop")), None),
        (Trace(record("stop"), asked=False), ("stuck", None)),
        (Trace(record("ready"), (attempt("submitted"),)), ("running", "old")),
        (Trace(record("uploaded"), (attempt("submitted"),)), ("uploaded", None)),
        # Its record is there, and a job that it may know or not.
        (Trace(record("ready", NOW - 900), jobs=(job(GONE),)), ("running", "u")),
        (Trace(record("ready", NOW + 900), jobs=(job(GONE),)), None),
        (Trace(record("ready", NOW + 900), jobs=(job(PRESENT),)), ("running", "u")),
        (Trace(record("running", uid="u"), jobs=(job(GONE),)), ("running", "u")),
        (Trace(record("processing", uid="u"), jobs=(job(GONE),)), ("processing", "u")),
        (Trace(record("cancelled", uid="u"), jobs=(job(PRESENT),)), ("cancelled", "u")),
        (Trace(record("stop", uid="u"), jobs=(job(GONE),)), ("stop", "u")),
        (Trace(record("uploaded", uid="u"), jobs=(job(GONE),)), None),
        (Trace(record("stuck", NOW + 900, "u"), jobs=(job(GONE),)), None),
        (Trace(record("wait", NOW - 900), jobs=(job(GONE),)), ("running", "u")),
        # A later attempt than the one that is open.
        (
            Trace(record("running"), (attempt("submitted", NOW - 90),), jobs=(job(GONE),)),
            ("running", "u"),
        ),
        (
            Trace(record("running"), (attempt("submitted", NOW + 90),), jobs=(job(GONE),)),
            None,
        ),
    ],
)  # fmt: skip
def test_what_is_known_of_an_analysis_decides(trace: Trace, wanted: Any) -> None:
    assert brief(decide(trace)) == wanted


def test_what_has_no_trace_is_ready_where_its_owner_says_so() -> None:
    assert brief(decide(Trace(), ready=True)) == ("ready", None)
    assert brief(decide(Trace(begun=True), ready=True)) == ("stuck", None)


# --- in a project


FILES = ("journal.db", "journal.db-wal", "journal.db-shm")


def lose(root: Path) -> None:
    for name in FILES:
        (root / ".asimov" / name).unlink(missing_ok=True)


def overwrite(root: Path, where: Callable[[int], range], content: bytes | None = None) -> None:
    """Write over some pages of the journal."""
    path = root / ".asimov" / "journal.db"
    data = bytearray(path.read_bytes())
    for page in where(len(data) // 4096):
        data[page * 4096 : (page + 1) * 4096] = content or os.urandom(4096)
    path.write_bytes(data)


def cut(root: Path, pages: float) -> None:
    path = root / ".asimov" / "journal.db"
    path.write_bytes(path.read_bytes()[: int(pages * 4096)])


def set_up(lab: Any) -> None:
    """Have one that is stored, one that runs, one that has ended unseen, and others."""
    lab.apply("done")
    lab.run("manage", "build", "submit")
    lab.until("done")
    lab.run("monitor")
    lab.apply(
        "next, needs: [done, runs]", "runs, seconds: 1000", "ended",
        "bad, exit code: 3, max resurrections: 0", "kept",
    )  # fmt: skip
    lab.run("production", "set", "s", "kept", "--status", "wait")
    lab.run("monitor", "--chain")
    lab.until("ended")
    lab.until("bad")
    assert lab.states() == {
        "done": "uploaded", "next": "ready", "runs": "running", "ended": "running",
        "bad": "running", "kept": "wait",
    }  # fmt: skip


def jobs_by_attempt(lab: Any) -> list[str]:
    return [uid for _, uid in lab.jobs()]


DAMAGE: dict[str, Callable[[Path], None]] = {
    "lost": lose,
    "empty": lambda root: cut(root, 0),
    "no database": lambda root: overwrite(root, lambda n: range(1)),
    "zeros in the middle": lambda root: overwrite(
        root, lambda n: range(n // 3, n // 2), bytes(4096)
    ),
    "noise in the first half": lambda root: overwrite(root, lambda n: range(1, n // 2)),
    "noise in the second half": lambda root: overwrite(root, lambda n: range(n // 2, n)),
    "cut in a page": lambda root: cut(root, 0.5),
    "cut after a page": lambda root: cut(root, 1),
    "cut early": lambda root: cut(root, 5.3),
    "cut late": lambda root: cut(root, 14),
}


@pytest.mark.parametrize("damage", first(2, DAMAGE))
def test_after_a_repair_every_analysis_is_where_its_evidence_puts_it(lab: Any, damage: str) -> None:
    set_up(lab)
    before = jobs_by_attempt(lab)
    DAMAGE[damage](lab.root)
    refused = lab.run("monitor", "--chain", code=1)
    assert len(refused.err.splitlines()) == 2, refused
    assert "asimov ledger repair" in refused.err
    assert jobs_by_attempt(lab) == before
    told = lab.run("ledger", "repair").out
    assert "Run 'asimov monitor' to process jobs that ended" in told
    states = lab.states()
    assert states["done"] == "uploaded"
    assert states["runs"] == states["ended"] == states["bad"] == "running"
    # A person's wish that was read is kept, and one that was not is none to run it.
    assert states["kept"] == "wait"
    assert states["next"] in {"ready", "wait"}
    lab.run("monitor")
    assert jobs_by_attempt(lab) == before
    assert {"done", "ended"} <= {
        name for name, state in lab.states().items() if state == "uploaded"
    }
    assert (lab.states()["runs"], lab.states()["bad"]) == ("running", "stuck")
    assert "with exit code 3" in lab.reason("bad")
    lab.run("monitor", "--chain")
    assert jobs_by_attempt(lab) == before
    assert "intact" in lab.run("ledger", "repair").out


def test_all_of_a_lost_project_is_completed_and_nothing_runs_twice(lab: Any) -> None:
    lab.apply("a, seconds: 0.3", "b, needs: [a]", "c, needs: [b]", "d")
    lab.run("monitor", "--chain")
    lose(lab.root)
    told = lab.run("ledger", "repair").out
    assert "  s/b: wait: " in told
    assert "  s/c: wait: " in told
    lab.finish()
    assert set(lab.states().values()) == {"uploaded", "wait"}
    assert (
        "2 analyses that waited for a repair are ready"
        in lab.run("ledger", "repair", "--ready").out
    )
    lab.finish()
    assert set(lab.states().values()) == {"uploaded"}
    assert len(lab.jobs()) == 4
    assert (lab.rundir("c") / "result.txt").read_text() == "s/c\ns/b\ns/a\n"


def test_a_log_that_was_removed_after_a_kill_forgets_no_job(lab: Any) -> None:
    lab.apply("a, seconds: 1000", "b")
    lab.run("manage", "build")
    # As a kill leaves the files, but for the log.
    keep_log(lab, ("manage", "submit"))
    (lab.root / ".asimov" / "journal.db-wal").unlink()
    before = jobs_by_attempt(lab)
    assert len(before) == 2
    refused = lab.run("manage", "submit", code=1)
    assert "write-ahead log is missing" in refused.err
    lab.run("ledger", "repair")
    assert lab.states() == {"a": "running", "b": "running"}
    lab.until("b")
    lab.run("monitor", "--chain")
    assert lab.states() == {"a": "running", "b": "uploaded"}
    assert jobs_by_attempt(lab) == before


def test_a_dry_run_and_a_journal_that_is_whole_change_nothing(lab: Any) -> None:
    lab.apply("a", "b")
    lab.run("monitor", "--chain")
    before = lab.dump()
    assert lab.run("ledger", "repair").out == "The journal is intact: nothing to repair\n"
    assert lab.dump() == before
    cut(lab.root, 6)
    files = {path: path.read_bytes() for path in (lab.root / ".asimov").glob("journal*")}
    assert "Nothing was changed" in lab.run("ledger", "repair", "--dry-run").out
    assert {path: path.read_bytes() for path in (lab.root / ".asimov").glob("journal*")} == files


def test_what_is_read_whole_stays_as_it_was(lab: Any) -> None:
    lab.apply("a", "b", "c, seconds: 1000")
    lab.run("production", "set", "s", "b", "--status", "wait")
    lab.run("manage", "build", "submit")
    lab.until("a")
    lab.run("monitor")
    lab.rundir("b").mkdir(parents=True)
    (lab.rundir("b") / "notes.txt").write_text("by hand")
    with closing(sqlite3.connect(lab.root / ".asimov" / "journal.db")) as db:
        db.execute("DROP TABLE documents")
    told = lab.run("ledger", "repair").out
    assert "Inferred from other evidence: nothing was missing" in told
    assert lab.states() == {"a": "uploaded", "b": "wait", "c": "running"}
    assert [each.state for each in lab.attempts("a")] == ["ended"]
    assert [each.state for each in lab.attempts("c")] == ["submitted"]


def test_the_damaged_file_is_kept(lab: Any) -> None:
    lab.apply("a")
    cut(lab.root, 6)
    damaged = (lab.root / ".asimov" / "journal.db").read_bytes()
    told = lab.run("ledger", "repair").out
    (kept,) = (lab.root / ".asimov").glob("journal.db.damaged-*Z")
    assert kept.read_bytes() == damaged
    assert f"kept as {kept.name}" in told
    assert "the journal was rebuilt" in lab.run("log").out


@pytest.mark.parametrize("missing", ["working", "nothing"])
def test_what_was_begun_and_left_no_trace_of_its_job_is_not_begun_again(
    lab: Any, missing: str
) -> None:
    lab.apply("a", "b")
    lab.run("manage", "build", "submit")
    lab.until("a")
    for log in lab.rundir("a").glob("*.log"):
        log.unlink()
    while (lab.root / ".asimov" / "local").exists():  # its runner still writes there
        shutil.rmtree(lab.root / ".asimov" / "local", ignore_errors=True)
    lose(lab.root)
    while missing == "working" and lab.rundir("b").exists():
        shutil.rmtree(lab.rundir("b"), ignore_errors=True)
    lab.run("ledger", "repair")
    states = lab.states()
    assert states["a"] == "stuck"
    assert "nothing shows what happened to it" in lab.reason("a")
    assert states["b"] == ("wait" if missing == "working" else "stuck")
    lab.run("monitor", "--chain")
    assert not (lab.root / ".asimov" / "local").exists()


def of_asimov(root: Path) -> dict[str, Any]:
    """Return the project's files but those of the local queue, which its runner writes any time."""
    return {n: each for n, each in snapshot(root).items() if not n.startswith(".asimov/local/")}


def unreachable(self: Any, tickets: Sequence[Ticket]) -> Mapping[str, Observation]:
    return {ticket.uid: Unknown("no answer from the schedd") for ticket in tickets}


def test_a_scheduler_that_can_not_be_asked_stops_it(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lab.apply("a, seconds: 1000", "b")
    lab.run("monitor", "--chain")
    lab.wait_for("a", "node.err")
    lab.until("b")
    cut(lab.root, 6)
    before = of_asimov(lab.root)
    with monkeypatch.context() as patch:
        patch.setattr(LocalScheduler, "observe", unreachable)
        patch.setattr(LocalScheduler, "jobs_of_project", lambda self: None, raising=False)
        ran = lab.run("ledger", "repair", code=5)
        assert "no answer from the schedd" in ran.err
        assert "--without-scheduler" in ran.err
        assert of_asimov(lab.root) == before
        ran = lab.run("ledger", "repair", "--without-scheduler")
        assert "The scheduler could not be reached" in ran.out
    # Their logs name their jobs, which the next pass asks for.
    lab.run("monitor", "--chain")
    assert lab.states() == {"a": "running", "b": "uploaded"}
    assert len(lab.jobs()) == 2


def test_who_is_at_work_is_left_alone(lab: Any) -> None:
    lab.apply("a")
    holder = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    started = Path(f"/proc/{holder.pid}/stat").read_text().rpartition(")")[2].split()[19]
    from asimov.system.processes import this_start

    with closing(Journal(lab.root / ".asimov" / "journal.db")) as journal:
        lease = ("t", os.uname().nodename, this_start(), holder.pid, started, "asimov monitor")
        now = time.time()
        journal.write(
            "INSERT INTO lease VALUES ('work', ?, ?, ?, ?, ?, ?, ?, ?)", (*lease, now, now + 100)
        )
        journal.write("DROP TABLE remedies")
    assert "is using this project (asimov monitor" in lab.run("ledger", "repair", code=6).err
    holder.communicate()
    assert "rebuilt" not in lab.run("ledger", "repair").err
    assert lab.states() == {"a": "ready"}


def test_a_file_of_the_ledger_that_is_broken_stops_it(lab: Any) -> None:
    lab.apply("a")
    file = lab.root / "ledger" / "subjects" / "s.yaml"
    text = file.read_text()
    file.write_text("{")
    lose(lab.root)
    assert "without this file" in lab.run("ledger", "repair", code=1).err
    file.write_text(text)
    lab.run("ledger", "repair", "--ready")
    assert lab.states() == {"a": "ready"}


def test_a_newer_journal_is_left_alone(lab: Any) -> None:
    lab.apply("a")
    path = lab.root / ".asimov" / "journal.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 99")
    before = path.read_bytes()
    assert "newer asimov" in lab.run("ledger", "repair", code=1).err
    assert path.read_bytes() == before


#: Runs a repair that is killed before the n-th change of a name in the journal's folder.
KILLED = """
import os, signal, sys
from asimov.cli import main
from pathlib import Path

left = [int(sys.argv.pop(1))]

def dying(own):
    def die(*arguments, **named):
        if "journal.db" in str(arguments[0]):
            left[0] -= 1
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
        return own(*arguments, **named)
    return die

os.link = dying(os.link)
Path.unlink = dying(Path.unlink)
Path.replace = dying(Path.replace)
sys.argv = ["asimov", "ledger", "repair"]
main()
"""


def keep_log(lab: Any, *commands: tuple[str, ...]) -> None:
    """Run commands of which the journal's log, and not the file, has what they wrote."""
    folder = lab.root / ".asimov"
    with closing(sqlite3.connect(folder / "journal.db")) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM analyses").fetchall()
        for command in commands:
            lab.run(*command)
        saved = {name: (folder / name).read_bytes() for name in FILES}
    for name, data in saved.items():
        (folder / name).write_bytes(data)


def test_a_repair_that_is_killed_leaves_the_old_journal_or_the_new_one(lab: Any) -> None:
    lab.apply("a, seconds: 1000", "b", "c")
    with closing(sqlite3.connect(lab.root / ".asimov" / "journal.db")) as db:
        db.execute("DROP TABLE remedies")
    keep_log(lab, ("production", "set", "s", "c", "--status", "cancelled"), ("monitor", "--chain"))
    jobs = jobs_by_attempt(lab)
    assert len(jobs) == 2
    folder = lab.root / ".asimov"
    damaged = (folder / "journal.db").read_bytes()
    number = 0
    while True:
        number += 1
        done = subprocess.run(
            [sys.executable, "-c", KILLED, str(number)],
            cwd=lab.root, check=False, capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode == 0:
            break
        assert done.returncode == -signal.SIGKILL, done.stderr
        # The old one with its log, or nothing that anybody would act by.
        if (folder / "journal.db-wal").exists():
            assert (folder / "journal.db").read_bytes() == damaged
        else:
            assert "asimov ledger repair" in lab.run("monitor", "--chain", code=1).err
    assert number > 8
    assert lab.states() == {"a": "running", "b": "running", "c": "cancelled"}
    lab.until("b")
    lab.run("monitor", "--chain")
    assert lab.states() == {"a": "running", "b": "uploaded", "c": "cancelled"}
    assert jobs_by_attempt(lab) == jobs
    assert not list(folder.glob("journal.db.new*"))


def test_random_damage_never_submits_anything_twice(lab: Any) -> None:
    lab.apply("a, seconds: 1000", "b", "c, needs: [a]", "d")
    lab.run("production", "set", "s", "d", "--status", "wait")
    lab.run("monitor", "--chain")
    lab.until("b")
    lab.run("monitor")
    jobs = jobs_by_attempt(lab)
    whole = (lab.root / ".asimov" / "journal.db").read_bytes()
    chance = random.Random(7)
    for _ in range(12):
        data = bytearray(whole)
        for _ in range(chance.choice([1, 5, 40])):
            data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        if chance.random() < 0.3:
            data = data[: chance.randrange(len(data))]
        lose(lab.root)
        (lab.root / ".asimov" / "journal.db").write_bytes(data)
        lab.run("ledger", "repair")
        lab.run("monitor", "--chain")
        assert jobs_by_attempt(lab) == jobs
        states = lab.states()
        assert (states["a"], states["b"], states["d"]) == ("running", "uploaded", "wait")


def test_the_logs_of_a_run_directory_tell_of_its_jobs(tmp_path: Path) -> None:
    (tmp_path / "x.dag.dagman.log").write_text(
        "000 (007.000.000) 2026-11-20 22:02:13 Job submitted from host: <a>\n...\n"
        "028 (007.000.000) 2026-11-20 22:02:13 Job ad information event triggered.\n"
        'AsimovUID = "u1"\n...\n'
        "028 (003.000.000) 2026-11-20 22:02:10 Job ad information event triggered.\n"
        'AsimovUID = "u0"\nDAGManJobId = 2\n...\n'
    )
    found = {job.uid: job.job_id for job in logged_jobs(tmp_path)}
    assert found == {"u1": 7, "u0": 2}


def test_a_file_system_without_links_keeps_a_copy(
    lab: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_link(*arguments: Any) -> None:
        raise PermissionError(1, "Operation not permitted")

    lab.apply("a")
    cut(lab.root, 6)
    damaged = (lab.root / ".asimov" / "journal.db").read_bytes()
    monkeypatch.setattr(os, "link", no_link)
    lab.run("ledger", "repair", "--ready")
    (kept,) = (lab.root / ".asimov").glob("journal.db.damaged-*Z")
    assert kept.read_bytes() == damaged


@pytest.mark.parametrize("damaged", [False, True])
def test_states_of_packages_are_known_and_kept(lab: Any, damaged: bool) -> None:
    lab.apply("a", "b")
    lab.run("monitor")
    with closing(lab.open().journal) as journal:
        journal.take_up_state("resting")
        journal.set_status(("s", "a"), "ready", "resting", "monitor", "its package said so")
    if damaged:
        with closing(sqlite3.connect(lab.root / ".asimov" / "journal.db")) as db:
            db.execute("PRAGMA user_version = 2000")
    del STATES["resting"]  # as in another process
    try:
        ran = lab.run("ledger", "repair")
        assert ("The journal is intact" in ran.out) is not damaged
        assert "Not fully recovered" not in ran.out
        del STATES["resting"]
        assert lab.states() == {"a": "resting", "b": "ready"}
    finally:
        STATES.pop("resting", None)
