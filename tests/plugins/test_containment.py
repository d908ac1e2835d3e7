"""Whatever a plugin does to the process, what stands beside its analysis is done all the same."""

from __future__ import annotations

import ctypes
import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.configuration import PROJECT_FILE, update_file
from asimov.engine.lease import at_work
from asimov.errors import AsimovError
from asimov.plugins import methods as guard
from asimov.plugins.containment import contained
from asimov.plugins.crashes import Call, report_last_crash
from asimov.plugins.time_limit import Overtime, TimeLimit
from tests.searching import first

#: Runs asimov with the pipelines that stand in a folder, a module each, in a process of its own.
COMMAND = """
import importlib, pathlib, sys
from types import SimpleNamespace
from asimov.discovery import entrypoints
from asimov.cli import main

folder = sys.argv.pop(1)
sys.path.insert(0, folder)
real = entrypoints.found
mine = {
    path.stem: SimpleNamespace(
        name=path.stem, dist=None, value=path.stem,
        load=lambda name=path.stem: importlib.import_module(name).P,
    )
    for path in pathlib.Path(folder).glob("*.py")
}
entrypoints.found = lambda group: {
    **real(group), **(mine if group == entrypoints.PIPELINES else {})
}
main()
"""

HEAD = """
import ctypes, os, signal, subprocess, sys, threading, time
from contextlib import closing
from collections.abc import Iterator
from pathlib import Path
from asimov.pipelines.testing import SimpleTestPipeline

class P(SimpleTestPipeline):
"""


class Commands:
    """Commands in processes of their own, and the pipelines that they find."""

    def __init__(self, lab: Any, folder: Path) -> None:
        self.lab = lab
        self.folder = folder
        folder.mkdir()

    def pipeline(self, name: str, body: str, head: str = HEAD) -> None:
        indented = "".join(f"    {line}\n" for line in body.splitlines())
        (self.folder / f"{name}.py").write_text(head + indented)
        self.lab.register(name, SimpleTestPipeline)

    def run(self, *command: str, code: int | None = 0) -> Any:
        ran = subprocess.run(
            [sys.executable, "-c", COMMAND, str(self.folder), *command],
            cwd=self.lab.root, check=False, capture_output=True, text=True, timeout=120,
        )  # fmt: skip
        assert code is None or ran.returncode == code, ran
        return ran


@pytest.fixture
def commands(lab: Any, tmp_path: Path) -> Commands:
    return Commands(lab, tmp_path / "plugins")


def method(name: str, function: Any) -> type[Any]:
    return type("P", (SimpleTestPipeline,), {name: function})


def ended(lab: Any, *names: str) -> None:
    """Have jobs run to their end without a look at them."""
    lab.run("manage", "build", "submit")
    for name in names:
        lab.until(name)


def start_queue(lab: Any) -> None:
    """Have the queue's runner at work: to start it may take longer than calls may here."""
    lab.apply("early, seconds: 1000")
    lab.run("manage", "build", "submit")


def limit(lab: Any, seconds: float) -> None:
    lab.run("configuration", "update", "monitor/hook timeout", str(seconds))


def log(lab: Any) -> str:
    return (lab.root / "logs" / "asimov.log").read_text()


# --- exits


class OwnError(BaseException):
    pass


@pytest.mark.parametrize(
    "error", [SystemExit(3), KeyboardInterrupt(), GeneratorExit(), OwnError("x"), StopIteration()]
)
def test_whatever_is_raised_costs_its_own_analysis_only(lab: Any, error: BaseException) -> None:
    def detect_completion(self: Any) -> bool:
        raise error

    lab.register("odd", method("detect_completion", detect_completion))
    lab.apply("bad, pipeline: odd", "good")
    ended(lab, "bad", "good")
    lab.run("monitor")
    assert lab.states() == {"bad": "stuck", "good": "uploaded"}
    assert f"odd.detect_completion raised {type(error).__name__}" in lab.reason("bad")


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Heed Ctrl-C as a command on a terminal does; what runs in the background ignores it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("caught", [False, True])
def test_a_person_may_interrupt_a_method_even_one_that_catches_that(
    lab: Any, interruptible: None, caught: bool
) -> None:
    def detect_completion(self: Any) -> bool:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            if not caught:
                raise
        return True

    lab.register("odd", method("detect_completion", detect_completion))
    lab.apply("a, pipeline: odd")
    ended(lab, "a")
    lab.run("monitor", code=130)
    assert lab.states() == {"a": "running"}


def test_an_import_that_raises_anything_is_told(lab: Any) -> None:
    lab.register("odd", SimpleTestPipeline)
    lab.apply("bad, pipeline: odd", "good")

    def load() -> Any:
        raise OwnError("x")

    lab.register("odd", None)
    lab._pipelines["odd"].load = load
    ran = lab.run("monitor", "--chain", code=1)
    assert "the plugin 'odd' can't be loaded: OwnError: x" in ran.out
    assert lab.states() == {"bad": "ready", "good": "running"}


def test_a_child_that_a_plugin_forks_does_not_go_on_with_the_pass(commands: Commands) -> None:
    lab = commands.lab
    commands.pipeline("forks", "def while_running(self):\n    os.fork()")
    lab.apply("a, pipeline: forks, seconds: 1000", "b, seconds: 1000")
    commands.run("monitor", "--chain")
    ran = commands.run("monitor")
    assert ran.stdout.splitlines() == ["2 running"]


# --- prints


def prints(self: Any) -> None:
    print("by Python")
    print("by Python to stderr", file=sys.stderr)
    sys.__stdout__.write("by the first stream\n")
    os.write(1, b"bytes: \xff\x00\x1b\n")
    ctypes.CDLL(None).puts(b"by C")
    subprocess.run(["sh", "-c", "echo by a child; echo and its stderr >&2"], check=True)


def test_what_a_method_prints_goes_to_the_log_only(lab: Any) -> None:
    lab.register("noisy", method("detect_completion", lambda self: prints(self) or True))
    lab.apply("a, pipeline: noisy", "good")
    ended(lab, "a", "good")
    ran = lab.run("monitor")
    assert "by " not in ran.out + ran.err
    assert "\x00" not in ran.out
    text = log(lab)
    assert "s/a: noisy.detect_completion printed:" in text
    for line in (
        "by Python\n", "by Python to stderr\n", "by the first stream\n", "by C\n",
        "by a child\n", "and its stderr\n", "bytes: \\xff\\x00\\x1b\n",
    ):  # fmt: skip
        assert line in text
    assert lab.states() == {"a": "uploaded", "good": "uploaded"}


def test_c_code_s_own_buffer_does_not_spill_over_at_the_end(commands: Commands) -> None:
    commands.pipeline("noisy", "def while_running(self):\n    ctypes.CDLL(None).printf(b'by C')")
    commands.lab.apply("a, pipeline: noisy, seconds: 1000")
    commands.run("monitor", "--chain")
    assert commands.run("monitor").stdout == "1 running\n"


def test_of_much_output_the_start_and_the_end_are_kept(lab: Any) -> None:
    def detect_completion(self: Any) -> bool:
        print("first", "x" * 100_000, "last")
        return True

    lab.register("noisy", method("detect_completion", detect_completion))
    lab.apply("a, pipeline: noisy")
    ended(lab, "a")
    lab.run("monitor")
    text = log(lab)
    assert "first xxx" in text
    assert "xxx last" in text
    assert "bytes are left out" in text
    assert text.count("x") < 11_000


def test_what_one_method_printed_is_not_told_of_the_next(lab: Any) -> None:
    lab.register("noisy", method("detect_completion", lambda self: print("once") or True))
    lab.apply("a, pipeline: noisy", "b, pipeline: noisy")
    ended(lab, "a", "b")
    lab.run("monitor")
    assert log(lab).count("once\n") == 2


def test_in_a_dry_run_what_a_method_prints_is_the_output(lab: Any) -> None:
    lab.register("noisy", method("build_dag", lambda self, dryrun=False: print("would write x")))
    lab.apply("a, pipeline: noisy")
    lab.run("manage", "build")
    assert "would write x\n" in lab.run("manage", "submit", "--dry-run").out
    assert not (lab.root / "logs" / "asimov.log").exists()


@pytest.mark.parametrize("how", ["closes", "replaces", "removes"])
def test_streams_that_a_method_spoils_are_there_again(lab: Any, how: str) -> None:
    def detect_completion(self: Any) -> bool:
        if how == "closes":
            sys.stdout.close()
            os.close(1)
        elif how == "replaces":
            sys.stdout = sys.stderr = io.StringIO()
        else:
            sys.stdout = sys.stderr = sys.stdin = None  # type: ignore[assignment]
        return True

    lab.register("odd", method("detect_completion", detect_completion))
    lab.apply("a, pipeline: odd", "good", "b, pipeline: odd")
    ended(lab, "a", "good", "b")
    before = sys.stdin, sys.stdout, sys.stderr
    ran = lab.run("monitor")
    assert (sys.stdin, sys.stdout, sys.stderr) == before
    assert "3 uploaded" in ran.out


# --- surroundings


def test_folder_mask_and_handlers_are_put_back(lab: Any, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()

    def detect_completion(self: Any) -> bool:
        os.umask(0o777)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        os.chdir(gone)
        gone.rmdir()
        return True

    lab.register("odd", method("detect_completion", detect_completion))
    lab.apply("a, pipeline: odd", "good")
    ended(lab, "a", "good")
    handlers = [signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)]
    mask = os.umask(0o022)
    try:
        lab.run("monitor")
    finally:
        assert os.umask(mask) == 0o022
    assert Path.cwd() == lab.root
    assert handlers == [
        signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM, signal.SIGALRM)
    ]
    assert lab.states() == {"a": "uploaded", "good": "uploaded"}


def test_a_folder_that_is_gone_is_left_for_the_project_s(
    lab: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "here"
    here.mkdir()

    def detect_completion(self: Any) -> bool:
        here.rmdir()
        return True

    lab.register("odd", method("detect_completion", detect_completion))
    lab.apply("a, pipeline: odd", "good")
    ended(lab, "a", "good")
    monkeypatch.chdir(here)
    lab.run("--project", lab.root, "monitor")
    assert Path.cwd() == lab.root
    assert lab.states() == {"a": "uploaded", "good": "uploaded"}


# --- threads and processes that are left


@pytest.mark.parametrize(
    "leaves",
    first(
        1,
        [
            "threading.Thread(target=time.sleep, args=(1000,), name='left').start()",
            "import concurrent.futures as f; "
            "f.ThreadPoolExecutor(1, 'left').submit(time.sleep, 1000)",
            "import multiprocessing as m; m.get_context('spawn').Process("
            "target=time.sleep, args=(1000,)).start()",
        ],
    ),
)
def test_what_a_method_leaves_running_does_not_keep_the_command(
    commands: Commands, leaves: str
) -> None:
    lab = commands.lab
    commands.pipeline("leaving", f"def detect_completion(self):\n    {leaves}\n    return True")
    lab.apply("a, pipeline: leaving", "good", "bad, exit code: 1")
    ended(lab, "a", "good", "bad")
    ran = commands.run("monitor", "--until-idle", "--interval", "0.1", code=3)
    assert "2 uploaded, 1 stuck" in ran.stdout
    if "Thread" in leaves:
        assert "s/a: leaving.detect_completion left the thread 'left" in log(lab)


# --- hangs


HANGS = {
    "loop": lambda: [None for _ in iter(int, 1)],
    "sleep": lambda: time.sleep(1000),
    "child": lambda: subprocess.run(["sleep", "1000"], check=True),
    "C": lambda: ctypes.CDLL(None).sleep(1000),
    "lock": lambda: threading.Lock().acquire() and threading.Event().wait(),
}


@pytest.mark.parametrize("kind", HANGS)
def test_a_method_that_hangs_costs_its_own_analysis_only(lab: Any, kind: str) -> None:
    lab.register("hanging", method("detect_completion", lambda self: HANGS[kind]()))
    lab.apply("bad, pipeline: hanging", "good")
    ended(lab, "bad", "good")
    limit(lab, 1)
    before = signal.getsignal(signal.SIGALRM)
    lab.run("monitor")
    assert lab.states() == {"bad": "stuck", "good": "uploaded"}
    assert lab.reason("bad") == "hanging.detect_completion did not return within 1 s"
    assert signal.getitimer(signal.ITIMER_REAL) == (0, 0)
    assert signal.getsignal(signal.SIGALRM) is before


@pytest.mark.parametrize(
    "name", first(1, ["__init__", "before_config", "collect_assets", "while_running"])
)
def test_any_method_may_hang(lab: Any, name: str) -> None:
    def hang(self: Any, *arguments: Any, **named: Any) -> None:
        if self.production.meta.get("hang"):
            time.sleep(1000)

    def make(self: Any, production: Any) -> None:
        SimpleTestPipeline.__init__(self, production)
        hang(self)

    lab.register("hanging", method(name, make if name == "__init__" else hang))
    start_queue(lab)
    lab.apply("bad, pipeline: hanging, seconds: 1000", "good", "next, needs: [bad]")
    lab.run("manage", "build")
    if name in {"while_running", "collect_assets"}:
        lab.run("manage", "submit")
        lab.until("good")
    if name == "collect_assets":
        lab.run("production", "set", "s", "bad", "--status", "cancelled")
        lab.run("monitor")
        lab.until("bad")
        lab.run("monitor")
        for status in ("ready", "manual", "finished", "uploaded"):
            lab.run("production", "set", "s", "bad", "--status", status)
    (lab.root / "more.yaml").write_text("{kind: configuration, hang: true}")
    lab.run("apply", "-f", "more.yaml")
    limit(lab, 1)
    lab.run("monitor", "--chain")
    who = "next" if name == "collect_assets" else "bad"
    named = "make_config" if name == "collect_assets" else name
    assert lab.states()[who] == "stuck"
    assert lab.reason(who) == f"hanging.{named} did not return within 1 s".replace(
        "hanging.make_config", "simpletestpipeline.make_config"
    )
    limit(lab, 100)
    lab.until("good")
    lab.run("monitor")
    assert lab.states()["good"] == "uploaded"


def test_a_method_that_hung_is_not_called_again_until_a_person_acts(lab: Any) -> None:
    calls = []

    def detect_completion(self: Any) -> bool:
        calls.append(1)
        if len(calls) == 1:
            time.sleep(1000)
        return True

    lab.register("hanging", method("detect_completion", detect_completion))
    lab.apply("bad, pipeline: hanging")
    ended(lab, "bad")
    limit(lab, 1)
    for _ in range(3):
        lab.run("monitor")
    assert (lab.states(), calls) == ({"bad": "stuck"}, [1])
    assert lab.reason("bad") == "hanging.detect_completion did not return within 1 s"


def test_an_import_that_hangs_is_tried_once_for_all_analyses(lab: Any) -> None:
    calls = []

    def load() -> None:
        calls.append(1)
        time.sleep(1000)

    lab.register("hanging-import", SimpleTestPipeline)
    start_queue(lab)
    lab.apply("a, pipeline: hanging-import", "b, pipeline: hanging-import", "good")
    lab._pipelines["hanging-import"].load = load
    limit(lab, 1)
    lab.run("monitor", "--chain", code=1)
    lab.run("monitor", "--chain", code=1)
    assert calls == [1]
    assert lab.states()["a"] == lab.states()["b"] == "ready"
    assert "import did not return within 1 s" in " ".join(lab.rows()["b"]["waiting_for"])
    lab.until("good")
    lab.run("monitor")
    assert lab.states()["good"] == "uploaded"


#: Gives what is called after it more time, since a busy machine may be slow.
MORE_TIME = """
    import re
    path = Path(".asimov", "asimov.conf")
    path.write_text(re.sub("hook timeout = .*", "hook timeout = 300", path.read_text()))
"""
CATCHES = f"""
def detect_completion(self):
    {MORE_TIME.strip()}
    while True:
        try:
            time.sleep(1)
        except:
            pass
"""
#: A mutex that is locked twice: no signal ends the wait for it.
BLOCKS = f"""
def detect_completion(self):
    {MORE_TIME.strip()}
    libc, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(128)
    print("before it hangs", flush=True)
    for _ in range(2):
        libc.pthread_mutex_lock(mutex)
"""


@pytest.mark.parametrize("body", [CATCHES, BLOCKS], ids=["catches everything", "blocks in C"])
def test_a_method_that_can_not_be_interrupted_has_the_command_begin_again(
    commands: Commands, body: str
) -> None:
    lab = commands.lab
    commands.pipeline("hanging", body)
    lab.apply("bad, pipeline: hanging", "good", "later, needs: [good]")
    ended(lab, "bad", "good")
    limit(lab, 1)
    ran = commands.run("monitor", "--chain")
    assert "hook timeout = 300" in (lab.root / PROJECT_FILE).read_text()
    assert ran.stdout.count("before it hangs") == 0
    assert lab.states() == {"bad": "stuck", "good": "uploaded", "later": "running"}
    assert lab.reason("bad") == (
        "hanging.detect_completion did not return within 1 s, and could not be interrupted"
    )


def test_a_submission_that_can_not_be_interrupted_leaves_no_trace_in_the_next(
    commands: Commands,
) -> None:
    lab = commands.lab
    body = BLOCKS.replace("detect_completion(self", "submit_dag(self")
    commands.pipeline("hanging", f"submits_by_program = False\n{body}")
    lab.apply("bad, pipeline: hanging", "good")
    lab.run("manage", "build")
    limit(lab, 1.5)
    ran = commands.run("manage", "submit", code=None)
    assert lab.states() == {"bad": "stuck", "good": "running"}, ran
    assert len(lab.jobs()) == 1
    assert [uid for _, uid in lab.jobs()] == [lab.attempts("good")[-1].uid]


def test_holding_the_interpreter_s_lock_ends_the_process(commands: Commands) -> None:
    lab = commands.lab
    commands.pipeline("hanging", BLOCKS.replace("CDLL", "PyDLL"))
    lab.apply("bad, pipeline: hanging", "good")
    ended(lab, "bad", "good")
    limit(lab, 0.5)
    ran = commands.run("monitor", code=1)
    assert "Timeout" in ran.stderr  # the interpreter's own account of where it stood
    limit(lab, 100)
    commands.pipeline("hanging", "pass")
    commands.run("monitor")
    assert "the process died in hanging.detect_completion (1 of 3)" in log(lab)
    assert lab.states() == {"bad": "uploaded", "good": "uploaded"}


# --- the time limit


def test_no_limit_is_none(lab: Any) -> None:
    lab.register("slow", method("detect_completion", lambda self: not time.sleep(0.1)))
    lab.apply("a, pipeline: slow")
    ended(lab, "a")
    limit(lab, 0)
    lab.run("monitor")
    assert lab.states() == {"a": "uploaded"}


def test_an_alarm_of_before_goes_on_afterwards() -> None:
    rung: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    try:
        signal.setitimer(signal.ITIMER_REAL, 50)
        with TimeLimit(100):
            time.sleep(0.01)
        assert 0 < signal.getitimer(signal.ITIMER_REAL)[0] < 50
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        end = time.monotonic() + 60
        while not rung and time.monotonic() < end:
            time.sleep(0.01)
        assert rung == [1]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_method_that_catches_the_interruption_is_interrupted_again() -> None:
    caught = []
    limited = TimeLimit(0.5)
    with pytest.raises(Overtime), limited:
        try:
            time.sleep(100)
        except BaseException as error:
            caught.append(error)
        time.sleep(100)
    assert len(caught) == 1
    assert limited.over


def test_a_call_in_another_thread_is_not_limited(lab: Any, capfd: Any) -> None:
    limited = TimeLimit(0.01)
    seen = []

    def work() -> None:
        with contained(workspace.project.root, Call("s", "a", "p", "m"), limited, None):
            print("printed")
            time.sleep(0.1)
            seen.append(Path.cwd())

    workspace = lab.open()
    with closing(workspace.journal), at_work(workspace, "a test"):
        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
    assert seen == [lab.root]
    assert not limited.over
    assert capfd.readouterr().out == "printed\n"


def test_a_limit_that_is_no_number_marks_nothing_stuck(lab: Any) -> None:
    lab.apply("a")
    update_file(lab.root / PROJECT_FILE, {("monitor", "hook timeout"): "soon"})
    workspace = lab.open()
    with closing(workspace.journal):
        assert guard.call_method(workspace.analysis(("s", "a")), "before_config") is None
        with pytest.raises(AsimovError, match="hook timeout"):
            report_last_crash(workspace, print)


@pytest.mark.parametrize("method", ["before_config", "while_running", "check_progress"])
def test_a_job_that_nobody_has_intended_is_refused(lab: Any, method: str) -> None:
    """Without an intent it would carry no tag: a second pass would make a second one."""

    def submit(self: Any, *args: Any, **kwargs: Any) -> None:
        path = Path(self.production.workspace.project.root, "more.sub")
        path.write_text("executable = /bin/true\nqueue\n")
        self.scheduler.submit(str(path))

    lab.register("mine", type("Mine", (SimpleTestPipeline,), {method: submit}))
    lab.apply("a, pipeline: mine, seconds: 100")
    lab.asimov("manage", "build", "submit")
    lab.asimov("monitor")
    assert lab.states() == {"a": "stuck"}
    assert "a pipeline may submit a job only in submit_dag" in lab.reason("a")
    made = len(lab.jobs()) if list((lab.root / ".asimov" / "local").glob("*.db")) else 0
    assert made == (method != "before_config")
