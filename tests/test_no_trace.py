"""Reading leaves no trace and needs no right to write; a dry run is reading."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from asimov.cli import COMMANDS, cli, main
from asimov.cli.open_project import Use
from asimov.journal.database import WroteError
from asimov.journal.journal import Journal
from asimov.logs import logger
from asimov.project.workspace import Workspace
from tests import preloaded, project_code
from tests.conftest import open_folder
from tests.frozen import frozen
from tests.searching import first
from tests.tracing import Tracer, listing, tracer

SOURCES = Path(__file__).parents[1] / "asimov"

#: Commands that only read, with arguments for the scene below.
READS: dict[str, list[list[str]]] = {
    "status": [[], ["s"], ["--json"], ["--usage"]],
    "why": [["s", name] for name in ("done", "failed", "long", "built", "new", "later")],
    "log": [[], ["s", "done"], ["--json"]],
    "logs": [["s/done"], ["s", "long", "--json"]],
    "ledger show": [["s", "done"], [], ["--json"]],
    "ledger history": [[], ["s/done"], ["--diff"], ["--json"]],
    "ledger schema": [[]],
    "ledger export": [[]],
    "diff": [["s/done"], ["s/done", "s/failed", "--json"]],
    "provenance": [["s/done"], ["s/done", "--format", "prov-json"], ["s/done", "--format", "dot"]],
    "production results": [["s/done"], ["s/done", "--file", "out"], ["s/long", "--json"]],
    "manage results": [[], ["--json"]],
    "manage key": [["--list"], ["--list", "--json"]],
    "production show": [["s", "done"], ["s", "long", "--json"]],
    "event show": [[], ["s"]],
    "report status": [[]],
    "report ledger": [[], ["s"]],
    "report graph": [[], ["--format", "json"]],
    "configuration show": [[], ["project/id"]],
    "configuration site": [[]],
    "review status": [[], ["s", "done"]],
    "store verify": [[], ["s/done"], ["--quick", "--json"]],
    "review audit": [["--json"]],
    "vocabulary list": [["--no-plugins"], ["--json"]],
    "vocabulary show": [["needs"]],
    "vocabulary check": [["changed.yaml"]],
    "vocabulary export": [["--no-plugins"]],
    "notify list": [[], ["--json"]],
    "notify test": [[], ["--json"]],
    "plugins list": [["--no-load"], ["--kind", "pipeline"]],
    "plugins show": [["command"]],
}
#: Commands with a dry run, with arguments besides the option.
REHEARSES: dict[str, list[list[str]]] = {
    "clean": [[], ["s/done", "--json"]],
    "apply": [["-f", "changed.yaml", "--update"], ["-f", "more.yaml"]],
    "manage build": [[]],
    "manage submit": [[]],
    "monitor": [["--chain"], []],
    "ledger repair": [[]],
    "rerun": [["s/done", "--downstream"], ["--outdated", "--json"]],
    "mv": [["s/done", "s/over"], ["s/failed", "broken"]],
    "rm": [["s/done"], ["s", "--results", "--stop"]],
    "event delete": [["s"]],
    "production delete": [["s/done"]],
}
#: Dry runs that need an empty project, or one that was changed by commands only: tried in
#: tests/compat/importing/test_move.py and tests/cli/test_ledger_history.py.
REHEARSED_ELSEWHERE = {"ledger import", "ledger undo"}
#: Commands that act, or write what is no part of a project.
ACTS = {
    "event create", "production create", "manage resultslinks",
    "completion",
    "answer",
    "init", "start", "stop", "cancel", "production set", "production forget", "review add",
    "package",
    "configuration update", "report html", "project moved", "project copied", "project share",
    "project clone",
    "project trust", "plugins new", "plugins check", "top", "serve",
}  # fmt: skip

BLUEPRINTS = """
{kind: subject, name: s, colour: red}
---
{kind: analysis, event: s, name: done, pipeline: command, executable: /bin/sh,
 arguments: [-c, echo x > out], outputs: {it: out}}
---
{kind: analysis, event: s, name: failed, pipeline: command, executable: /bin/false,
 outputs: {it: out}, max resurrections: 0}
---
{kind: analysis, event: s, name: long, pipeline: command, executable: /bin/sleep,
 arguments: ["900"], outputs: {it: out}}
"""
LATER = """
{kind: analysis, event: s, name: built, pipeline: command, executable: /bin/true, outputs: {a: b}}
---
{kind: analysis, event: s, name: test, pipeline: simpletestpipeline}
---
{kind: analysis, event: s, name: later, pipeline: simpletestpipeline, needs: [long]}
"""
LAST = "{kind: analysis, event: s, name: new, pipeline: simpletestpipeline}\n"


def commands() -> dict[str, click.Command]:
    """Return every command by its words."""
    found: dict[str, click.Command] = {}

    def walk(words: str, command: click.Command) -> None:
        if isinstance(command, click.Group):
            context = click.Context(command, **cli.context_settings)
            for name in command.list_commands(context):
                inner = command.get_command(context, name)
                assert inner is not None
                walk(f"{words} {name}".strip(), inner)
        else:
            found[words] = command

    context = click.Context(cli, **cli.context_settings)
    for name in COMMANDS:
        command = cli.get_command(context, name)  # type: ignore[attr-defined]
        walk(name, command)
    return found


def test_of_every_command_it_is_known_whether_it_reads() -> None:
    known = {*READS, *REHEARSES, *REHEARSED_ELSEWHERE, *ACTS}
    assert commands().keys() == known


def test_every_dry_run_is_tried() -> None:
    with_dry_run = {
        words
        for words, command in commands().items()
        if any("--dry-run" in option.opts for option in command.params)
    }
    assert with_dry_run == REHEARSES.keys() | REHEARSED_ELSEWHERE


def test_every_command_says_what_it_opens_the_project_for() -> None:
    for path in (SOURCES / "cli").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name):
                continue
            # 'init' acts on the project that it has just made.
            if path.name not in {"open_project.py", "init.py"}:
                assert node.func.id not in {"find", "Workspace"}, path
            if node.func.id in {"open_workspace", "open_project"}:
                use = ast.unparse(node.args[0])
                names = {f"Use.{each.name}" for each in Use}
                assert use in {*names, "Use.acting(dry_run=dry_run)", "use"}, path


def every_reading_command(variants: int | None = 1) -> list[list[str]]:
    """Return every reading command and dry run, with some of its arguments, or (None) with all."""
    found = [words.split() + more for words, all_of in READS.items() for more in all_of[:variants]]
    for words, all_of in REHEARSES.items():
        found += [[*words.split(), *more, "--dry-run"] for more in all_of[:variants]]
    return found


def run(folder: Path, *argv: str, code: int | None = 0) -> subprocess.CompletedProcess[str]:
    done = preloaded.run(preloaded.ASIMOV, *argv, cwd=folder)
    assert code in {None, done.returncode}, done
    return done


@pytest.fixture(scope="module")
def lived() -> Iterator[Path]:
    """Make a project with an analysis in each state; its job runs, and so does its queue."""
    with open_folder() as top, pytest.MonkeyPatch.context() as patch:
        yield made_to_live(top, patch)


def made_to_live(top: Path, patch: pytest.MonkeyPatch) -> Path:
    patch.setenv("XDG_CONFIG_HOME", str(top / "config"))
    patch.setenv("GIT_CONFIG_GLOBAL", str(top / "gitconfig"))
    patch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    root = top / "project"
    root.mkdir()
    (root / "first.yaml").write_text(BLUEPRINTS)
    (root / "later.yaml").write_text(LATER)
    (root / "last.yaml").write_text(LAST)
    (root / "more.yaml").write_text("{kind: subject, name: t}\n")
    (root / "changed.yaml").write_text("{kind: subject, name: s, colour: blue}\n")
    run(root, "init", "Lived", "--scheduler", "local")
    run(root, "apply", "-f", "first.yaml")
    run(root, "monitor", "--chain")
    end = time.monotonic() + 120
    while True:
        told = json.loads(run(root, "status", "--json").stdout)
        states = {row["name"]: (row["status"], row["job_state"]) for row in told}
        ended = states["done"][0] == "uploaded" and states["failed"][0] == "stuck"
        if ended and states["long"] == ("running", "running"):
            break
        assert time.monotonic() < end, states
        time.sleep(0.2)
        run(root, "monitor", "--chain", code=None)
    run(root, "apply", "-f", "later.yaml")
    run(root, "manage", "build")
    run(root, "apply", "-f", "last.yaml")
    run(root, "review", "add", "s", "done", "approved")
    return root


def killed(root: Path, program: str) -> None:
    """Run a program in a project, which kills itself."""
    start = (
        "import os, signal\nfrom asimov.ledger import store\nfrom asimov.project import identity\n"
        "from asimov.project.workspace import Workspace\n"
        "identity.check = lambda *_: None\n"  # the copy stands for the project itself
        "workspace = Workspace.open()\n"
    )
    done = subprocess.run([sys.executable, "-c", start + program], cwd=root, check=False)
    assert done.returncode == -signal.SIGKILL


def fresh(lived: Path, root: Path) -> None:
    """Have a project that was just made."""
    root.mkdir()
    run(root, "init", "Fresh", "--scheduler", "local")
    for name in ("more.yaml", "changed.yaml"):
        shutil.copy(lived / name, root)


def hot(lived: Path, root: Path) -> None:
    """Have a project whose last command was killed; its log is not in the journal yet."""
    with frozen(lived):
        subprocess.run(["cp", "-a", lived, root], check=True)
    killed(
        root,
        "workspace.journal.note(('s', 'done'), 'test', 'note', 'in the log alone')\n"
        "os.kill(os.getpid(), signal.SIGKILL)",
    )
    assert (root / ".asimov" / "journal.db-wal").stat().st_size


def half(lived: Path, root: Path) -> None:
    """Have a project in which a change of the ledger was cut short."""
    with frozen(lived):
        subprocess.run(["cp", "-a", lived, root], check=True)
    killed(
        root,
        "text = open('ledger/subjects/s.yaml').read().replace('red', 'green')\n"
        "store.sync_file_system = lambda folder: os.kill(os.getpid(), signal.SIGKILL)\n"
        "real, store.write_atomically = store.write_atomically, lambda *a, **n: None\n"
        "new = {'subjects/s.yaml': text, 'subjects/u.yaml': 'name: u'}\n"
        "with workspace.files.lock(), workspace.files.writing(new, {}):\n"
        "    pass",
    )


SCENES: dict[str, Callable[[Path, Path], None] | None] = {
    "lived": None, "lived, all arguments": None, "hot": hot, "fresh": fresh, "half": half,
}  # fmt: skip


@pytest.fixture(params=first(1, SCENES))
def scene(request: pytest.FixtureRequest, lived: Path) -> Iterator[tuple[str, Path]]:
    make = SCENES[request.param]
    if make is None:
        yield request.param, lived
        return
    root = lived.parent / request.param
    make(lived, root)
    yield request.param, root
    shutil.rmtree(root)


def judged(ran: Any, argv: list[str], scene: str) -> None:
    assert "Traceback" not in ran.err + ran.out, (argv, ran)
    if scene != "fresh":
        assert ran.code == 0, (argv, ran)


def test_nothing_is_written_by_what_only_reads(
    scene: tuple[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The searching test: every command that reads, and every dry run, in every state."""
    name, root = scene
    home, temporary = tmp_path / "home", tmp_path / "tmp"
    home.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("TMPDIR", str(temporary))
    with tracer(root) as traced:
        for argv in every_reading_command(None if "all" in name else 1):
            before = quiet(listing(root, home))
            ran = traced.run(*argv)
            judged(ran, argv, name)
            if argv[:2] != ["ledger", "repair"]:  # which works on a copy, and removes it
                assert not ran.written, argv
            assert quiet(listing(root, home)) == before, argv
            assert not list(temporary.iterdir()), argv


def test_what_only_reads_runs_no_code_of_the_project(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Functions, phases and containers: as in a clone, and after their modules have changed."""
    root = tmp_path / "project"
    project_code.make(root, monkeypatch, run)
    reading = [words.split() + all_of[0] for words, all_of in READS.items()]
    looking = [["status"], ["why", "s", "done"], ["why", "s", "long"], ["production", "show", "s"]]
    with tracer(root) as traced:
        codes = {" ".join(argv): traced.run(*argv).code for argv in looking}
        assert "blobs" in project_code.ran(root)
        project_code.forget(root)
        for argv in [*reading, *looking]:
            _leaves_alone(root, traced, argv, codes.get(" ".join(argv)))
            assert not project_code.ran(root), argv
        for argv in (["apply", "-f", "more.yaml"], ["manage", "build"]):
            _leaves_alone(root, traced, [*argv, "--dry-run"], None)
            assert "blobs" in project_code.ran(root)  # as docs/trust.md says
        run(root, "apply", "-f", "more.yaml")
        project_code.change(root)
        project_code.ran(root)
        for argv in looking:
            _leaves_alone(root, traced, argv, codes[" ".join(argv)])
            assert not project_code.ran(root), argv


def _leaves_alone(root: Path, traced: Tracer, argv: list[str], code: int | None) -> None:
    def files() -> dict[str, Any]:
        """Return all but the queue's, whose runner ends by itself at some time."""
        queue = str(root / ".asimov" / "local")
        return {name: each for name, each in listing(root).items() if not name.startswith(queue)}

    before = files()
    ran = traced.run(*argv)
    assert "Traceback" not in ran.err + ran.out, (argv, ran)
    assert code in {None, ran.code}, (argv, ran)
    assert not ran.written, argv
    assert files() == before, argv


def test_an_output_that_is_full_is_one_line(
    lived: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Every command that reads and every dry run, as with ``> /dev/full``."""
    monkeypatch.chdir(lived)
    others = [["completion", "bash"], ["--help"], ["status", "--help"], ["--version"]]
    for argv in [*every_reading_command(), *others]:
        for handler in list(logger().handlers):  # as in a process of its own
            logger().removeHandler(handler)
        with Path("/dev/full").open("w", buffering=1) as full, monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", full)
            patch.setattr(sys, "argv", ["asimov", *argv])
            with pytest.raises(SystemExit) as left:
                main()
        told = capfd.readouterr().err.splitlines()
        assert left.value.code == 1, (argv, told)
        assert [line for line in told if line.startswith("error: ")] == [
            "error: No space left on device: the output"
        ], (argv, told)
        known = ("error: ", "note: ", "warning: ", "WARNING: ", "  ")
        assert all(line.startswith(known) for line in told), (argv, told)
        assert not any("Traceback" in line or line.startswith("  File ") for line in told), told


def quiet(found: dict[str, Any]) -> dict[str, Any]:
    """Leave out the queue of the running project: its runner looks at it every half a minute."""
    queue = "project/.asimov/local/"
    return {path: each for path, each in found.items() if queue not in f"{path}/"}


def test_the_newest_state_is_read(lived: Path) -> None:
    root = lived.parent / "newest"
    hot(lived, root)
    with tracer(root) as traced:
        assert "in the log alone" in traced.run("log").out
    shutil.rmtree(root)
    half(lived, root)
    with tracer(root) as traced:
        assert traced.run("event", "show").out.split() == ["s", "u"]
        assert "green" in traced.run("event", "show", "s").out
        told = traced.run("apply", "-f", "changed.yaml", "--update", "--dry-run")
        assert "update" in told.out
    shutil.rmtree(root)


@pytest.mark.skipif(not shutil.which("strace"), reason="there is no strace here")
@pytest.mark.parametrize(
    "argv",
    [
        ["status"],
        ["why", "s", "long"],
        ["manage", "build", "submit", "--dry-run"],
        ["monitor", "--chain", "--dry-run"],
    ],
)
def test_the_system_sees_nothing_written(lived: Path, argv: list[str], tmp_path: Path) -> None:
    out = tmp_path / "strace"
    calls = "open,openat,creat,mkdir,mkdirat,unlink,unlinkat,rename,renameat,renameat2,link,linkat,"
    calls += "symlink,symlinkat,chmod,fchmod,fchmodat,chown,fchown,utimensat,truncate,mknodat"
    trace = ["strace", "-f", "-q", "-e", f"trace={calls}", "-o", str(out)]
    done = subprocess.run(
        [*trace, sys.executable, "-B", "-m", "asimov", *argv],
        cwd=lived, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "Operation not permitted" in done.stderr:
        pytest.skip("nothing can be traced here")
    assert done.returncode == 0, done
    lines = out.read_text().splitlines()
    assert len(lines) > 100
    writing = [
        line
        for line in lines
        if ("open" not in line or any(word in line for word in ("O_WRONLY", "O_RDWR", "O_CREAT")))
        and "/dev/null" not in line
        and "= -1 ENOENT" not in line
        and not line.endswith("+++")
        and "(" in line
        and "--- SIG" not in line
    ]
    assert not writing


def results(traced: Tracer) -> dict[str, tuple[int, str]]:
    found = {}
    for argv in every_reading_command():
        ran = traced.run(*argv)
        assert "Traceback" not in ran.err, (argv, ran)
        found[" ".join(argv)] = ran.code, ran.out
    return found


def refusals(traced: Tracer, *said: str) -> None:
    """See that what acts says in one line why it can't."""
    for argv in (
        ["monitor"], ["manage", "build"], ["manage", "submit"], ["apply", "-f", "more.yaml"],
        ["production", "set", "s", "new", "--status", "wait"], ["start"], ["stop"],
        ["review", "add", "s", "new", "approved"], ["configuration", "update", "a/b", "c"],
        ["report", "html"], ["ledger", "repair", "--ready"],
    ):  # fmt: skip
        ran = traced.run(*argv)
        assert ran.code == 1, (argv, ran)
        assert "Traceback" not in ran.err, (argv, ran)
        assert 1 <= len(ran.err.splitlines()) <= 2, (argv, ran)
        assert any(each in ran.err for each in said), (argv, ran)


#: What of this depends on the time, or on who asks.
_VARIES = ("status", "why", "report status", "configuration show")


def pinned(found: dict[str, tuple[int, str]]) -> dict[str, tuple[int, str]]:
    """Leave out the output that is not always the same."""
    return {
        command: (code, "" if command.startswith(_VARIES) else re.sub(r"\d+\S+ ago", "", out))
        for command, (code, out) in found.items()
    }


@pytest.fixture(scope="module")
def expected(lived: Path) -> dict[str, tuple[int, str]]:
    """Return what the commands say to the project's owner."""
    with tracer(lived) as traced:
        return pinned(results(traced))


Results = dict[str, tuple[int, str]]


def test_a_read_only_mount_will_do(lived: Path, expected: Results, tmp_path: Path) -> None:
    script = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && cd "$0" && exec "$@"'
    inside = ["unshare", "-rm", "/bin/sh", "-c", script, str(lived)]
    if not shutil.which("unshare"):
        pytest.skip("there is no unshare here")
    tried = subprocess.run([*inside, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip(f"no mounts can be made here: {tried.stderr!r}")
    before = quiet(listing(lived))
    with tracer(lived, inside) as traced:
        found = results(traced)
        assert {command for command, (code, _) in found.items() if code} == set()
        assert pinned(found) == expected
        refusals(traced, "Read-only file system", "unable to open", "readonly")
        pages = tmp_path / "pages"
        assert traced.run("report", "html", "--location", pages).code == 0
        assert (pages / "index.html").exists()
    assert quiet(listing(lived)) == before


@pytest.fixture
def stranger() -> list[str]:
    """Return the words by which a command runs as a user who may only read the project."""
    if os.getuid() or not shutil.which("setpriv"):
        pytest.skip("another user's rights can only be had as root")
    words = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
    asked = [sys.executable, "-c", "import asimov, os, sys; os.stat(sys.executable)"]
    if subprocess.run([*words, *asked], check=False, capture_output=True).returncode:
        # This Python is root's own. With this capability one may read all, and write nothing.
        words += ["--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search"]
    if subprocess.run([*words, *asked], check=False, capture_output=True).returncode:
        pytest.skip("another user may not read this Python")
    return words


#: A home folder that is not there.
HOMELESS = {"HOME": "/nonexistent", "XDG_CONFIG_HOME": "/nonexistent"}


@pytest.mark.long
def test_the_right_to_read_will_do(lived: Path, expected: Results, stranger: list[str]) -> None:
    before = quiet(listing(lived))
    with tracer(lived, stranger, HOMELESS) as traced:
        assert pinned(results(traced)) == expected
        refusals(traced, "Permission denied", "unable to open", "readonly")
    assert quiet(listing(lived)) == before


def test_who_may_not_read_the_journal_is_told(lived: Path, stranger: list[str]) -> None:
    if "--ambient-caps=+dac_read_search" in stranger:
        pytest.skip("another user may not read this Python")
    journal = lived / ".asimov" / "journal.db"
    journal.chmod(0o600)
    try:
        with tracer(lived, stranger, HOMELESS) as traced:
            ran = traced.run("status")
            assert ran.code == 1
            assert ran.err.startswith(f"error: {journal}: can't be read: Permission denied")
    finally:
        journal.chmod(0o644)


# --- one project in hand


def test_what_is_open_to_be_read_can_t_be_written_to(project: Path) -> None:
    workspace = Workspace.open(project, reading=True)
    with pytest.raises(WroteError):
        workspace.journal.set_property("a", "b")
    with pytest.raises(WroteError):
        workspace.journal.write("DELETE FROM properties")


def test_what_reads_sees_what_others_write(project: Path, blueprint: Any, asimov: Any) -> None:
    reading = Workspace.open(project, reading=True)
    path = blueprint("{kind: subject, name: s}\n---\n{kind: analysis, event: s, name: a}\n")
    path.write_text(path.read_text().replace("name: a}", "name: a, pipeline: command}"))
    assert asimov("apply", "-f", path).code == 0
    assert ("s", "a") not in reading.contents.entries
    reading.catch_up()
    assert reading.status(("s", "a")) == "ready"
    assert ("s", "a") in reading.records


def test_a_journal_of_an_older_format_is_read_as_it_is(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asimov.journal import database

    path = project / "older.db"
    with monkeypatch.context() as patch:
        patch.setattr(database, "MIGRATIONS", database.MIGRATIONS[:1])
        older = Journal(path)
        older.write("INSERT INTO analyses (subject, name, status, since) VALUES ('s','a','wait',1)")
        older.close()
    before = path.read_bytes()
    reading = Journal(path, reading=True)
    assert reading.records()["s", "a"].status == "wait"
    reading.close()
    assert path.read_bytes() == before


def test_a_fault_in_a_dry_run_is_shown_since_there_is_no_log(
    project: Path, asimov: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from asimov.cli import monitor

    def faulty(*_: object, **__: object) -> None:
        raise ZeroDivisionError("here")

    monkeypatch.setattr(monitor, "monitor", faulty)
    before = listing(project)
    ran = asimov("monitor", "--dry-run")
    assert ran.code == 1
    assert "Traceback" in ran.err
    assert "ZeroDivisionError: here" in ran.err
    assert listing(project) == before
