"""Runs programs in processes that have asimov imported: each is forked from one that did it once.

`run` runs code as ``python -c`` does; `programs` is a folder for PATH whose ``asimov`` is as the
installed one, in a fifth of its time; `helper` is a program that does so for helper processes. What
forks them is this file as a program. It listens at a socket, where a request is: standard input,
output and error; the length of the rest in 8 bytes; and, as of `marshal`, a `Program`. The answer
is a return code as of `subprocess`, in 2 bytes.
"""

from __future__ import annotations

import atexit
import gc
import marshal
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import NamedTuple

from asimov.system.helper_process import asking

#: The program ``python -m asimov``.
ASIMOV = "from asimov.cli import main; main()"
#: What a command imports sooner or later.
MODULES = (
    "git", "asimov.cli.apply", "asimov.cli.manage", "asimov.cli.monitor", "asimov.cli.production",
    "asimov.cli.status", "asimov.engine.explain", "asimov.pipelines.testing",
    "asimov.scheduler.local", "asimov.server.dashboard.pages", "asimov.server.reader",
    "asimov.server.writer", "tests.local_runners",
)  # fmt: skip
#: Where all tests find packages; those that a test adds are not for the programs of others.
PACKAGES = {name: value for name, value in os.environ.items() if name == "PYTHONPATH"}
#: The room for the command line that a child may give itself, in bytes.
ROOM = 8192

#: A program that has another one run. It imports only what is part of Python's own program.
CLIENT = """\
#!{python} -IS
import _socket, marshal, os, sys
server = _socket.socket(_socket.AF_UNIX)
server.connect({address!r})
given = sys.argv[1:]
program = ({code!r}, [{name!r}, *given], [{python!r}, {name!r}, *given], os.getcwd())
sent = marshal.dumps((*program, dict(os.environ), False, {tied!r}))
standard = b"".join(each.to_bytes(4, sys.byteorder) for each in (0, 1, 2))
server.sendmsg([len(sent).to_bytes(8, "big")], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, standard)])
while sent:
    sent = sent[server.send(sent):]
code = int.from_bytes(server.recv(2), "big", signed=True)
if code < 0:
    os.kill(os.getpid(), -code)
os._exit(code)
"""


class Program(NamedTuple):
    """What a program starts with."""

    code: str
    argv: list[str]
    #: The command line that `argv` is a part of; a command that begins again starts with it.
    orig_argv: list[str]
    folder: str
    environment: dict[str, str]
    #: Whether it has a session of its own.
    session: bool
    #: Whether it is killed if who asked for it is.
    tied: bool = False


def run(
    code: str,
    *arguments: object,
    cwd: Path,
    session: bool = False,
    environment: Mapping[str, str] = os.environ,
) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder; return what it came to, its output and its errors.

    What begins a command again with the command line of its process can't be run so.
    """
    given = [str(each) for each in arguments]
    argv = ["-c", *given]
    sent = marshal.dumps(
        tuple(Program(code, argv, [sys.executable], str(cwd), dict(environment), session))
    )
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as server:
        out, err = Path(folder, "out"), Path(folder, "err")
        server.connect(str(_server() / "socket"))
        with Path(os.devnull).open() as nothing, out.open("w") as written, err.open("w") as said:
            standard = [each.fileno() for each in (nothing, written, said)]
            socket.send_fds(server, [len(sent).to_bytes(8, "big")], standard)
        server.sendall(sent)
        answer = server.recv(2)
        assert answer, "the server has gone"
        code_of_exit = int.from_bytes(answer, "big", signed=True)
        return subprocess.CompletedProcess(given, code_of_exit, out.read_text(), err.read_text())


def programs() -> Path:
    """Return the folder of the program ``asimov``."""
    return _server() / "bin"


def helper() -> Path:
    """Return the program that runs code of asimov's helper processes: ``helper MODULE ...``."""
    return _server() / "helper"


@cache
def _server() -> Path:
    folder = tempfile.TemporaryDirectory(prefix="asimov-preloaded-")
    top = Path(folder.name)
    asimov = str(Path(sys.executable).parent / "asimov")
    run_asimov = "import sys; from asimov.cli import main; sys.exit(main())"
    (top / "bin").mkdir()
    for path, name, code in (
        (top / "bin" / "asimov", asimov, run_asimov), (top / "helper", "-c", asking.PROGRAM),
    ):  # fmt: skip
        text = CLIENT.format(
            python=sys.executable, address=str(top / "socket"), name=name, code=code,
            tied=name == "-c",
        )  # fmt: skip
        path.write_text(text)
        path.chmod(0o755)
    # Not in a folder of a test: what is there ends with the test.
    server = subprocess.Popen(
        [sys.executable, __file__, top / "socket", " " * ROOM], cwd="/",
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        env={name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | PACKAGES,
    )  # fmt: skip
    assert server.stdout
    assert server.stdout.readline() == b"ready\n"

    def end() -> None:
        server.communicate()
        folder.cleanup()

    atexit.register(end)
    return top


# --- in the server


def serve(path: str) -> None:
    """Answer requests until standard input ends."""
    for module in MODULES:
        import_module(module)
    gc.collect()
    gc.freeze()  # what is never looked at by the collector is never copied into a child
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(100)
    ended, bell = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(bell)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    running: dict[int, socket.socket] = {}
    tied: dict[socket.socket, int] = {}
    print("ready", flush=True)
    while True:
        ready, _, _ = select.select([0, listener, ended, *tied], [], [])
        for each in tied.keys() & {*ready}:
            with suppress(ProcessLookupError):
                os.kill(tied.pop(each), signal.SIGKILL)
        if listener in ready:
            client, _ = listener.accept()
            own, its = socket.socketpair()
            child = os.fork()
            if child == 0:
                own.close()
                _begin(client, its, Path(path).parent)
            its.close()
            with own:
                if own.recv(1):
                    tied[client] = child
            running[child] = client
        if ended in ready:
            os.read(ended, 100)
            for child in list(running):
                done, status = os.waitpid(child, os.WNOHANG)
                if done:
                    code = os.waitstatus_to_exitcode(status)
                    with running.pop(child) as client, suppress(OSError):
                        tied.pop(client, None)
                        client.sendall(code.to_bytes(2, "big", signed=True))
        if 0 in ready:
            return


def _begin(client: socket.socket, told: socket.socket, server: Path) -> None:
    """Run the program that is asked for, in a child of the server, whose folder is given.

    The server learns whether the program is tied to who asks: a byte if it is, else the end.
    """
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    length, standard, _, _ = socket.recv_fds(client, 8, 3)
    with client.makefile("rb") as rest:
        program = Program(*marshal.loads(rest.read(int.from_bytes(length, "big"))))
    told.sendall(b"1" * program.tied)
    told.close()
    for number, file in enumerate(standard):
        os.dup2(file, number)
    os.closerange(3, 256)  # the server's
    code = 1
    try:
        code = _code_of(program, server)
    finally:
        os._exit(code)


def _code_of(program: Program, server: Path) -> int:
    if program.session:
        os.setsid()
    os.chdir(program.folder)
    os.environ.clear()
    os.environ.update(program.environment)
    sys.argv, sys.orig_argv = program.argv, program.orig_argv
    added = os.environ.get("PYTHONPATH")
    sys.path[1:1] = added.split(os.pathsep) if added else []
    if program.argv[0] != "-c":
        sys.path[0] = str(Path(program.argv[0]).parent)
        _preload_runners(server)
    try:
        exec(compile(program.code, "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as left:
        if left.code is None or isinstance(left.code, int):
            return left.code or 0
        print(left.code, file=sys.stderr)
        return 1
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        atexit._run_exitfuncs()
        for stream in (sys.stdout, sys.stderr):
            with suppress(ValueError, OSError):
                stream.flush()
    return 0


def _preload_runners(server: Path) -> None:
    """Have a command ask this server for the runner of its project's local queue."""
    from asimov.scheduler.local import startup
    from tests import local_runners, preloaded

    preloaded._server = lambda: server  # type: ignore[assignment]
    startup.start_runner = local_runners.start_runner


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])
    serve(sys.argv[1])
