"""Whatever way a plugin's code ends the process, the command does not pass for a success."""

from __future__ import annotations

import fcntl
import os
import random
import signal
import sqlite3
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from asimov.pipelines.testing import SimpleTestPipeline

from asimov.system import processes
from tests.searching import first

#: Runs asimov with a pipeline `dying`, of which one method ends the process in some way.
COMMAND = """
import ctypes, os, signal, sys, threading, time
from types import SimpleNamespace
from asimov.discovery import entrypoints
from asimov.cli import main
from asimov.pipelines.testing import SimpleTestPipeline

how, method = sys.argv.pop(1), sys.argv.pop(1)

def in_thread():
    threading.Thread(target=os._exit, args=(0,)).start()
    time.sleep(60)

WAYS = {
    "os._exit(0)": lambda: os._exit(0),
    "os._exit(3)": lambda: os._exit(3),
    "os._exit(0) in a thread": in_thread,
    "SIGKILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "SIGTERM": lambda: os.kill(os.getpid(), signal.SIGTERM),
    "exit(0) of C": lambda: ctypes.CDLL(None).exit(0),
    "_exit(0) of C": lambda: ctypes.CDLL(None)._exit(0),
    "execv": lambda: os.execv("/bin/true", ["true"]),
    "SystemExit in a thread": lambda: threading.Thread(target=sys.exit).start(),
    "a child of its own": lambda: os.waitpid(os.fork() or os._exit(0), 0),
}

def die(self, *arguments, **named):
    WAYS[how]()
    return getattr(super(Dying, self), method)(*arguments, **named)

Dying = type("Dying", (SimpleTestPipeline,), {method: die, "submits_by_program": False})
entry = SimpleNamespace(name="dying", dist=None, value="dying", load=lambda: Dying)
real = entrypoints.found
entrypoints.found = lambda group: {
    **real(group), **({"dying": entry} if group == entrypoints.PIPELINES else {})
}
main()
"""

#: The ways, and the exit codes that they come to.
WAYS = {
    "os._exit(0)": 1,
    "os._exit(3)": 3,
    "os._exit(0) in a thread": 1,
    "SIGKILL": -signal.SIGKILL,
    "SIGTERM": -signal.SIGTERM,
    "exit(0) of C": 1,
    "_exit(0) of C": 1,
    "execv": 1,
}

#: The methods, by the commands that call them.
METHODS = {
    "before_config": ("manage", "build"),
    "before_build": ("manage", "submit"),
    "build_dag": ("manage", "submit"),
    "before_submit": ("manage", "submit"),
    "submit_dag": ("manage", "submit"),
    "detect_completion": ("monitor",),
    "after_completion": ("monitor",),
    "collect_assets": ("monitor", "--chain"),
    "after_processing": ("monitor",),
}
#: Those whose end `make test` tries: one of each command.
SOON = ("build_dag", "submit_dag", "detect_completion")

SEED = int(os.environ.get("ASIMOV_SEED") or random.randrange(1_000_000))


def command(how: str, method: str, *arguments: str) -> list[str]:
    return [sys.executable, "-c", COMMAND, how, method, *arguments]


def run(lab: Any, how: str, method: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(how, method, *arguments),
        cwd=lab.root, check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip


def ready_for(lab: Any, method: str) -> None:
    """Bring `bad` to where the method is called next, beside `good`."""
    lab.register("dying", SimpleTestPipeline)
    lab.apply("bad, pipeline: dying", "good")
    if METHODS[method] != ("manage", "build"):
        lab.run("manage", "build")
    if "monitor" in METHODS[method]:
        lab.run("manage", "submit")
        for name in ("bad", "good"):
            lab.until(name)


def forget_deaths(lab: Any) -> None:
    """Have no deaths counted: the next is a first one."""
    (lab.root / ".asimov" / "calling").write_bytes(b"")
    with closing(sqlite3.connect(lab.root / ".asimov" / "journal.db")) as journal, journal:
        journal.execute("DELETE FROM properties WHERE key = 'troubled calls'")


@pytest.mark.parametrize("method", first(1, sorted(METHODS, key=lambda each: each not in SOON)))
def test_an_end_of_the_process_in_a_method_is_told_and_is_no_success(lab: Any, method: str) -> None:
    draw = random.Random(f"{SEED} {method}")
    ways = draw.sample(sorted(WAYS), 2)
    ready_for(lab, method)
    for how in ways:
        ran = run(lab, how, method, *METHODS[method])
        told = (SEED, how, ran)
        assert ran.returncode == WAYS[how] != 0, told
        [line] = [each for each in ran.stderr.splitlines() if each.startswith("error: ")]
        assert line.startswith(f"error: s/bad: dying.{method}: asimov's process ended in it ("), (
            told
        )
        forget_deaths(lab)
    # The next commands find out what was done, and bring both to their ends.
    lab.finish()
    assert lab.states() == {"bad": "uploaded", "good": "uploaded"}, (SEED, ways)


def test_each_way_to_end_the_process_is_told_and_is_no_success(lab: Any) -> None:
    ready_for(lab, "detect_completion")
    for how, code in WAYS.items():
        ran = run(lab, how, "detect_completion", "monitor")
        assert ran.returncode == code, (how, ran)
        assert "error: s/bad: dying.detect_completion: asimov's process ended in it (" in ran.stderr
        forget_deaths(lab)


def test_after_three_ends_the_analysis_is_left_alone_and_the_others_go_on(lab: Any) -> None:
    ready_for(lab, "detect_completion")
    for _ in range(3):
        assert run(lab, "os._exit(0)", "detect_completion", "monitor").returncode == 1
    ran = run(lab, "os._exit(0)", "detect_completion", "monitor")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert lab.states() == {"bad": "stuck", "good": "uploaded"}


def test_a_watch_goes_on_without_what_ended_it(lab: Any) -> None:
    ready_for(lab, "detect_completion")
    until = ("--chain", "--until-idle", "--interval", "0.1", "--timeout", "300")
    ran = run(lab, "os._exit(0)", "detect_completion", "monitor", *until)
    assert ran.returncode == 3, ran
    told = "error: s/bad: dying.detect_completion: asimov's process ended in it (exit code 0)"
    assert ran.stderr.count(told) == 3
    assert ran.stderr.count("the watch restarts") == 3
    assert lab.states() == {"bad": "stuck", "good": "uploaded"}


@pytest.mark.parametrize("how", ["SystemExit in a thread", "a child of its own"])
def test_what_does_not_end_the_process_is_no_end_of_it(lab: Any, how: str) -> None:
    ready_for(lab, "detect_completion")
    ran = run(lab, how, "detect_completion", "monitor")
    assert (ran.returncode, ran.stderr) == (0, "")
    assert lab.states() == {"bad": "uploaded", "good": "uploaded"}


@contextmanager
def watch(lab: Any, **how: Any) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Have a watch, and the process in it that works."""
    lab.apply("a, seconds: 1000")
    arguments = [sys.executable, "-u", "-m", "asimov", "monitor", "--chain", "--watch"]
    with subprocess.Popen(
        arguments, cwd=lab.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **how
    ) as process:
        try:
            assert process.stdout is not None
            while "1 running" not in process.stdout.readline():
                assert process.poll() is None
            children = Path("/proc", str(process.pid), "task", str(process.pid), "children")
            [worker] = children.read_text().split()
            yield process, int(worker)
        finally:
            process.kill()


def gone(process: int) -> bool:
    """Say whether a process has ended, within a while."""
    end = time.monotonic() + 120
    while time.monotonic() < end:
        try:
            if Path("/proc", str(process), "stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize(
    ("number", "code"),
    first(
        2,
        [
            (signal.SIGTERM, -signal.SIGTERM),
            (signal.SIGKILL, -signal.SIGKILL),
            (signal.SIGHUP, -signal.SIGHUP),
            (signal.SIGINT, 130),
        ],
    ),
    ids=lambda value: getattr(value, "name", None),
)
def test_a_signal_to_the_command_ends_it_and_its_work(lab: Any, number: int, code: int) -> None:
    with watch(lab) as (process, worker):
        process.send_signal(number)
        _, told = process.communicate(timeout=300)
        assert process.returncode == code, told
        assert "error" not in told
        assert gone(worker)
    lab.run("monitor")


def test_a_signal_to_the_process_that_works_ends_the_command_as_well(lab: Any) -> None:
    with watch(lab) as (process, worker):
        os.kill(worker, signal.SIGTERM)
        assert process.wait(300) == -signal.SIGTERM


def test_ctrl_c_at_a_terminal_ends_the_command_once(lab: Any) -> None:
    ours, theirs = os.openpty()

    def take_terminal() -> None:
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)

    with (
        closing(os.fdopen(ours, "wb", buffering=0)) as keys,
        watch(lab, stdin=theirs, start_new_session=True, preexec_fn=take_terminal) as (
            process,
            worker,
        ),
    ):
        os.close(theirs)
        keys.write(b"\x03")
        _, told = process.communicate(timeout=300)
        assert (process.returncode, told.count("stopped watching; 1 job is still")) == (130, 1)
        assert len(told.splitlines()) == 2
        assert gone(worker)


#: Notes the signals that the supervised process handles.
LISTENER = """
import signal, sys, time
from pathlib import Path
from asimov.system.supervision import command

command.begin()
command.supervise()
with Path(sys.argv[1]).open("a", buffering=1) as notes:
    for each in ("SIGINT", "SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2"):
        signal.signal(getattr(signal, each), lambda number, _: print(number, file=notes))
    print("up", file=notes)
    time.sleep(1000)
"""


@contextmanager
def listener(folder: Path, *before: str) -> Iterator[tuple[subprocess.Popen[bytes], int, Path]]:
    """Have a command that notes signals; yields who started it, itself, and the notes."""
    notes = folder / "notes"
    arguments = [*before, sys.executable, "-c", LISTENER, str(notes)]
    with subprocess.Popen(arguments, start_new_session=True) as process:
        try:
            received(notes, 1)
            pid = processes.children(process.pid)[0] if before else process.pid
            yield process, pid, notes
        finally:
            os.killpg(process.pid, signal.SIGKILL)


def received(notes: Path, number: int) -> list[str]:
    """Return the notes once there are so many."""
    end = time.monotonic() + 120
    while not notes.exists() or len(notes.read_text().splitlines()) < number:
        assert time.monotonic() < end, notes.exists() and notes.read_text()
        time.sleep(0.01)
    return notes.read_text().splitlines()


def one_by_one(pid: int, number: int) -> None:
    """Send a signal to every process of a command, as systemd does."""
    for each in (pid, *processes.children(pid)):
        os.kill(each, number)


def test_each_signal_arrives_once_whoever_it_was_sent_to(tmp_path: Path) -> None:
    draw = random.Random(SEED)
    ways = [os.kill, os.killpg, one_by_one]
    sent = []
    with listener(tmp_path) as (_, pid, notes):
        for way in draw.sample([*ways, *ways], 6):
            # What is sent to the parent alone comes after all that it had passed on before.
            first, last = draw.sample([2, 15, 1, 10, 12], 2)
            sent += [(way.__name__, first), ("kill", last)]
            way(pid, first)
            received(notes, len(sent))
            os.kill(pid, last)
            told = received(notes, len(sent) + 1)
            assert told == ["up", *(str(number) for _, number in sent)], (SEED, sent)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_of_timeout_arrives_once(tmp_path: Path, number: int) -> None:
    with listener(tmp_path, "timeout", "1000") as (timeout, pid, notes):
        timeout.send_signal(number)  # which it sends to its child, and then to its group
        received(notes, 2)
        os.kill(pid, signal.SIGUSR1)
        told = received(notes, 3)
        assert told == ["up", str(int(number)), str(int(signal.SIGUSR1))]


def test_an_interrupt_of_the_group_ends_a_watch_once(lab: Any) -> None:
    with watch(lab, start_new_session=True) as (process, worker):
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=300)
        assert (process.returncode, told.count("stopped watching; 1 job is still")) == (130, 1)
        assert len(told.splitlines()) == 2
        assert gone(worker)
    lab.run("monitor")  # the lease was given back


def ignore_ends() -> None:
    """Leave SIGCHLD ignored for the program that comes next, as some services do."""
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)


@pytest.mark.parametrize(
    ("arguments", "code"),
    first(1, [(("plugins", "list"), 0), (("status",), 0), (("why", "none", "nothing"), 1)]),
)
def test_a_command_ends_where_its_parent_ignored_the_ends_of_children(
    lab: Any, arguments: tuple[str, ...], code: int
) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "asimov", *arguments], cwd=lab.root, preexec_fn=ignore_ends,
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert ran.returncode == code, ran
    assert "Traceback" not in ran.stderr


def test_a_watch_ends_by_a_signal_where_its_parent_ignored_the_ends_of_children(lab: Any) -> None:
    with watch(lab, preexec_fn=ignore_ends) as (process, _):
        process.terminate()
        _, told = process.communicate(timeout=300)
        assert (process.returncode, told) == (-signal.SIGTERM, "")


def test_a_command_whose_work_is_stopped_stops_and_they_go_on_together(lab: Any) -> None:
    with watch(lab) as (process, worker):
        # A terminal stops both; the kernel does so only where a shell is there to let them go on.
        os.kill(worker, signal.SIGSTOP)
        os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
        process.send_signal(signal.SIGCONT)
        while Path("/proc", str(worker), "stat").read_text().rpartition(")")[2].split()[0] == "T":
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        assert process.wait(300) == -signal.SIGTERM


def test_standard_input_and_output_are_the_commands_own(lab: Any) -> None:
    text = "{kind: subject, name: piped}\n"
    ran = subprocess.run(
        [sys.executable, "-m", "asimov", "apply", "-f", "/dev/stdin"],
        cwd=lab.root, input=text, capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert (ran.returncode, ran.stderr) == (0, ""), ran
    assert ran.stdout.count("Done: 1 added") == 1
    with suppress(FileNotFoundError):  # nothing of the supervision is left behind
        assert not list(lab.root.glob("core*"))
