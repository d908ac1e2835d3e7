"""``asimov logs``, and what ``asimov why`` says of a stuck analysis first."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from uuid import uuid4

import pytest

from asimov.engine.diagnosis.fixes import most_likely_fix
from asimov.engine.job_output.reading import Follower, every_line, last_lines
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.scheduler.local.orphans import Loss
from tests import preloaded
from tests.conftest import stop_local_scheduler
from tests.refusals import is_clear

DAG = """\
JOB first first.sub
JOB second node.sub
VARS second part="2"
JOB third node.sub
VARS third part="3"
"""
SUBMIT = """\
executable = /bin/sh
arguments = "-c '{}'"
output = {}.$(Cluster).out
error = {}.err
log = all.log
queue
"""
FAIL = "import sys; print(open('missing.txt'))"
BLUEPRINTS = f"""
kind: subject
name: s
analyses:
- {{name: fails, pipeline: command, executable: {sys.executable}, arguments: [-c, "{FAIL}"],
   outputs: {{x: y}}, max resurrections: 0}}
- {{name: kept, pipeline: command, executable: /bin/sh,
   arguments: [-c, "echo kept words > run.log; echo x > y"], outputs: {{x: y, log: run.log}}}}
- {{name: link, pipeline: command, executable: /bin/sh,
   arguments: [-c, "ln -s /etc/passwd y"], outputs: {{x: y}}}}
- {{name: nothing, pipeline: command, executable: /bin/true, outputs: {{x: y, z: w}}}}
- {{name: silent, pipeline: command, executable: /bin/false, outputs: {{x: y}},
   max resurrections: 0}}
- {{name: long, pipeline: command, executable: /bin/sh,
   arguments: [-c, "echo begun; sleep 900"], outputs: {{x: y}}}}
- {{name: dag, pipeline: command}}
"""


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory):
    root = tmp_path_factory.mktemp("logs")
    (root / "all.yaml").write_text(BLUEPRINTS)

    def run(*words: str) -> None:
        ran = preloaded.run(preloaded.ASIMOV, *words, cwd=root)
        assert ran.returncode in {0, 3}, ran

    run("init", "Test", "--scheduler", "local")
    run("apply", "-f", "all.yaml")
    run("production", "set", "s/dag", "-s", "wait")
    run("production", "set", "s/long", "-s", "wait")
    run("monitor", "--chain", "--until-idle", "--interval", "1")
    folder = root / "working/s/dag"
    folder.mkdir(parents=True)
    (folder / "work.dag").write_text(DAG)
    (folder / "first.sub").write_text(SUBMIT.format("echo", "first", "first"))
    (folder / "node.sub").write_text(SUBMIT.format("echo", "part-$(part)", "$(JOB)"))
    (folder / "first.12.out").write_text("of the first\n")
    (folder / "part-2.13.out").write_text("".join(f"line {i}\n" for i in range(100)))
    (folder / "third.err").write_bytes(b"bad \x1b[31mred\r\n\x80")
    (folder / "extra.err").write_text("of nobody\n")
    yield root
    stop_local_scheduler(root)


@pytest.fixture
def here(scene: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(scene)
    return scene


def test_output_is_shown_node_by_node_in_the_order_of_the_dag(here, asimov):
    shown = json.loads(asimov("logs", "s/dag", "--json").out)
    told = [(each["node"], each["kind"], Path(each["path"]).name) for each in shown]
    assert told == [
        ("first", "output", "first.12.out"),
        ("second", "output", "part-2.13.out"),
        ("third", "error", "third.err"),
        (None, "error", "extra.err"),
    ]
    assert shown[1]["lines"][-1] == "line 99"
    assert len(shown[1]["lines"]) == 20
    ran = asimov("logs", "s", "dag", "--node", "sec*", "--last", "2")
    assert ran.out.splitlines()[1:] == ["line 98", "line 99"]
    assert "(node second, output, " in ran.out
    assert len(asimov("logs", "s/dag", "--node", "second", "--all").out.splitlines()) == 101
    is_clear(
        asimov("logs", "s/dag", "--node", "x*"),
        "no node of s/dag that matches 'x*' has output yet",
        "asimov why s/dag",
    )


def test_what_a_job_wrote_can_not_act_on_the_terminal(here, asimov):
    told = asimov("logs", "s/dag", "--node", "third").out
    assert "bad \\x1b[31mred" in told
    assert "\x1b" not in told


def test_many_files_are_bounded_unless_all_are_asked_for(here, asimov):
    folder = here / "working/s/dag"
    for i in range(30):
        (folder / f"more-{i}.out").write_text("x" * 5000)
    try:
        told = asimov("logs", "s/dag").out
        assert told.count("==>") == 20
        assert "(14 more: select them with --node, or use --all)" in told
        assert max(map(len, told.splitlines())) < 2100
        assert asimov("logs", "s/dag", "--all").out.count("==>") == 34
    finally:
        for path in folder.glob("more-*.out"):
            path.unlink()


def test_a_stuck_analysis_is_explained_fix_first(here, asimov):
    lines = asimov("why", "s/fails").out.splitlines()
    assert lines[0] == (
        "most likely fix for s/fails: provide the missing file, then: "
        "asimov production set s/fails --status restart"
    )
    assert lines[1] == f"log: {here}/working/s/fails/job.err"
    assert lines[2].startswith("  | Traceback")
    state = next(i for i, line in enumerate(lines) if line.startswith("s/fails is stuck since "))
    assert lines[state - 1].endswith("'missing.txt'")
    assert state < lines.index("why:")
    found = json.loads(asimov("why", "s/fails", "--json").out)
    assert found["fix"] in lines[0]
    assert found["log_end"][-1].endswith("'missing.txt'")
    assert json.loads(asimov("why", "s/kept", "--json").out)["fix"] is None
    both = json.loads(asimov("why", "s/fails", "s/kept", "--json").out)
    assert [each["name"] for each in both] == ["fails", "kept"]
    assert asimov("why", "--state", "stuck").out.splitlines()[0] == lines[0]


def test_output_comes_from_the_store_once_the_run_directory_is_gone(here, asimov):
    shutil.rmtree(here / "working/s/kept")
    ran = asimov("logs", "s/kept")
    assert "results/s/kept/" in ran.out
    assert "kept words\n" in ran.out


def test_following_shows_what_is_added_until_the_job_ends(here, asimov):
    assert asimov("production", "set", "s/long", "-s", "ready").code == 0
    assert asimov("monitor", "--chain").code == 0
    command = [sys.executable, "-m", "asimov", "logs", "s/long", "--follow"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        try:
            lines = iter(following.stdout.readline, "")
            assert next(line for line in lines if line == "begun\n")
            with (here / "working/s/long/job.out").open("a") as stream:
                stream.write("added\nhalf a li")
            assert next(line for line in lines if line == "added\n")
            assert asimov("cancel", "s/long", "--yes").code == 0
            assert [*lines][-1] == "s/long is cancelled\n"
        finally:
            following.terminate()


def test_files_are_read_in_parts(tmp_path: Path) -> None:
    path = tmp_path / "big"
    path.write_bytes(b"x" * 300_000 + b"\nlast\n")
    assert last_lines(path, 1) == ["last"]
    assert [len(line) for line in every_line(path)][-1] == 4
    follower = Follower()
    follower.skip(path)
    assert follower.news(path) == []
    with path.open("ab") as stream:
        stream.write(b"more\nhal")
    assert follower.news(path) == ["more"]
    with path.open("ab") as stream:
        stream.write(b"f\n")
    assert follower.news(path) == ["half"]
    path.write_bytes(b"anew\n")
    assert follower.news(path) == ["anew"]
    assert last_lines(tmp_path / "none", 5) == []
    assert list(every_line(tmp_path)) == []


@pytest.mark.parametrize(
    ("name", "advice"),
    [
        ("link", "correct what is named there, then: {} finished"),
        ("nothing", "find out why its job did not make y, w, then: {} restart"),
        ("silent", "find the cause, about which its logs say nothing, then: {} restart"),
    ],
)
def test_what_no_log_shows_is_not_looked_for_there(here, asimov, name, advice):
    first = asimov("why", f"s/{name}").out.splitlines()[0]
    advice = advice.format(f"asimov production set s/{name} --status")
    assert first == f"most likely fix for s/{name}: {advice}"


@pytest.mark.parametrize(
    ("job_state", "reason", "said"),
    [
        (None, "a.out can't be stored: disk", "correct what is named there, then: "),
        (None, "storing its results failed: a: is a link to /x, which leaves", "--status finished"),
        (None, "storing its results failed: a: No space left on device", "free disk space, then"),
        (
            None,
            "storing its results failed: a: does not exist, so nothing",
            "correct what is named",
        ),
        (None, "and its error log is empty: job.err", "about which its logs say nothing, then"),
        *((None, f"signal 9: {each.value}", "is not killed again") for each in Loss),
        (
            None,
            "its products are not what its pipeline declares: csv: 'nan' is not a finite number",
            "correct its products, then: asimov production set s/dag --status finished; "
            "or what makes them, then: asimov production set s/dag --status restart",
        ),
        (None, "job 1 ended with signal 9", "find out what killed it: a person, a limit"),
        (None, "memory usage exceeded request_memory: 9 MB of 8 MB", "let it request more memory"),
        (None, "it said: MemoryError", "let it need less memory, or use a machine with more, then"),
        (
            None,
            "Failed to execute '/no/where': (errno=2: 'No such file or directory')",
            "provide the",
        ),
        (None, "it said: ModuleNotFoundError: numpy", "install what is missing where the job runs"),
        (None, "No space left on device", "free disk space"),
        (None, "it is odd", "fix what its log shows, then: asimov production set s/dag --status"),
        ("lost", "gone", "make sure that job 7 no longer runs, then: asimov production set s/dag "),
    ],
)
def test_the_most_likely_fix_fits_the_failure(here, job_state, reason, said) -> None:
    workspace = Workspace.open(here)
    key = Key("s", "dag")
    workspace.journal.intend(key, uuid4().hex, "run", "local")
    record = workspace.records[key]._replace(job_state=job_state, job_id=7)
    workspace.records[key] = record
    assert said in most_likely_fix(workspace, key, [reason])
    assert "what its log shows" not in most_likely_fix(workspace, key, [reason], logged=False)
    workspace.journal.close()


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("#!/no/where -u\nprint()\n", "install the interpreter that the script's first line names"),
        ("print()\n", "provide the missing file"),
    ],
)
def test_of_a_script_that_is_there_its_interpreter_is_missing(here, text, fix) -> None:
    (here / "script").write_text(text)
    workspace = Workspace.open(here, reading=True)
    said = f"Failed to execute '{here}/script': (errno=2: 'No such file or directory')"
    assert most_likely_fix(workspace, Key("s", "dag"), [said]).startswith(fix)
    workspace.journal.close()


def test_on_a_scheduler_that_limits_memory_signal_9_means_a_lack_of_it(here) -> None:
    workspace = Workspace.open(here)
    key = Key("s", "dag")
    workspace.journal.intend(key, uuid4().hex, "run", "htcondor")
    fix = most_likely_fix(workspace, key, ["job 1 ended with signal 9"])
    assert fix.startswith("let it request more memory ('scheduler: {request memory: ...}' in the")
    workspace.journal.close()
