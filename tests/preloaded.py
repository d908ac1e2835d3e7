"""Runs programs in processes that have asimov imported: each is forked from one that did it once.

As a program, this file is that one: it reads a JSON object a line, with ``code`` and ``arguments``
of a program as of ``python -c``, ``folder``, ``environment``, the files ``out`` and ``err``, and
``session`` (whether it has a session of its own); it answers with the exit code. What begins a
command again with the command line of its process can't be run so.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import traceback
from functools import cache
from pathlib import Path
from typing import Any

#: The program ``python -m asimov``.
ASIMOV = "from asimov.cli import main; main()"
#: What a command imports sooner or later.
MODULES = (
    "git", "asimov.cli.apply", "asimov.cli.manage", "asimov.cli.monitor", "asimov.cli.status",
    "asimov.pipelines.testing", "asimov.scheduler.local",
)  # fmt: skip


def run(
    code: str, *arguments: object, cwd: Path, session: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run a program in a folder; return what it came to, its output and its errors."""
    server = _server()
    assert server.stdin and server.stdout
    with tempfile.TemporaryDirectory() as folder:
        out, err = Path(folder, "out"), Path(folder, "err")
        given = [str(each) for each in arguments]
        request = {"code": code, "arguments": given, "folder": str(cwd), "session": session}
        request |= {"environment": dict(os.environ), "out": str(out), "err": str(err)}
        server.stdin.write(json.dumps(request) + "\n")
        server.stdin.flush()
        answer = server.stdout.readline()
        assert answer, "the server has gone"
        return subprocess.CompletedProcess(given, int(answer), out.read_text(), err.read_text())


@cache
def _server() -> subprocess.Popen[str]:
    # Not in a folder of a test: what is there ends with the test.
    server = subprocess.Popen(
        [sys.executable, __file__], cwd="/", text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    atexit.register(server.communicate)
    return server


# --- in the server


def serve() -> None:
    """Answer requests until there are no more."""
    from importlib import import_module

    for module in MODULES:
        import_module(module)
    for line in sys.stdin:
        request = json.loads(line)
        child = os.fork()
        if child == 0:
            os._exit(_program(request))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _program(request: dict[str, Any]) -> int:
    if request["session"]:
        os.setsid()
    for number, path in ((0, os.devnull), (1, request["out"]), (2, request["err"])):
        file = os.open(path, os.O_RDWR | os.O_CREAT)
        os.dup2(file, number)
        os.close(file)
    os.chdir(request["folder"])
    os.environ.clear()
    os.environ.update(request["environment"])
    sys.argv = ["-c", *request["arguments"]]
    try:
        exec(compile(request["code"], "<string>", "exec"), {"__name__": "__main__"})
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else int(left.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return 0


if __name__ == "__main__":
    sys.path[0] = str(Path(__file__).parents[1])
    serve()
