"""Runs asimov's commands under an audit hook, and tells what each of them has written.

As a program it reads a JSON object a line (``argv``), forks a process for each, so that asimov is
imported once, and answers with ``code``, ``out``, ``err`` and ``written``: what Python's audit
events say of files that were opened to be written, made, moved, removed or changed.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

#: Audit events that change a file system; https://docs.python.org/3/library/audit_events.html
_CHANGES = {
    "os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.chmod",
    "os.chown", "os.utime", "os.truncate", "os.mkfifo", "os.mknod", "os.setxattr",
    "os.removexattr", "shutil.rmtree", "shutil.move", "shutil.copyfile", "shutil.copytree",
    "tempfile.mkstemp", "tempfile.mkdtemp",
}  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


@dataclass(frozen=True)
class Traced:
    """What a command came to, and what it wrote."""

    code: int
    out: str
    err: str
    written: list[str]


class Tracer:
    """The other end of the program's pipes."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def run(self, *argv: object) -> Traced:
        """Run a command."""
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps({"argv": [*map(str, argv)]}) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the tracer has gone"
        return Traced(**json.loads(line))


@contextmanager
def tracer(
    folder: Path, before: Sequence[str] = (), environment: dict[str, str] | None = None
) -> Iterator[Tracer]:
    """Run the program in a folder, by way of another program if need be."""
    process = subprocess.Popen(
        [*before, sys.executable, "-B", __file__],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=folder,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip
    try:
        yield Tracer(process)
    finally:
        process.kill()
        process.communicate()


def listing(*folders: Path) -> dict[str, tuple[Any, ...]]:
    """Return all that tells whether anything below some folders was touched, but for reading."""
    found: dict[str, tuple[Any, ...]] = {}
    for folder in folders:
        for path in [folder, *folder.rglob("*")]:
            with contextlib.suppress(FileNotFoundError):
                status = path.lstat()
                kept = status.st_mode, status.st_uid, status.st_gid, status.st_ino, status.st_size
                found[str(path)] = *kept, status.st_mtime_ns, status.st_ctime_ns
    return found


# --- in the program


def _change(event: str, arguments: tuple[Any, ...]) -> str | None:
    """Return what an audit event says was changed; None where that is nothing."""
    if event == "open":
        path, mode, flags = arguments
        if isinstance(path, int) or str(path) in {os.devnull, "/dev/tty"}:
            return None
        writes = flags & _WRITING or (isinstance(mode, str) and set(mode) & set("wax+"))
        return f"open {path}" if writes else None
    if event == "sqlite3.connect":
        name = str(arguments[0])
        return None if name == ":memory:" or "mode=ro" in name else f"sqlite3 {name}"
    if event == "os.truncate" and isinstance(arguments[0], int):
        return None  # of a file that is open: it was seen when it was opened, or has no name
    return f"{event} {arguments[0]}" if event in _CHANGES else None


def _serve() -> None:
    from asimov.cli import COMMANDS, main

    # What commands load when they need it: here once for all of them.
    for name in COMMANDS:
        importlib.import_module(f"asimov.cli.{name}")
    for name in ("git", "jinja2", "rich.console", "rich.table"):
        importlib.import_module(name)
    sys.path.insert(0, str(Path.cwd()))
    for line in sys.stdin:
        argv = json.loads(line)["argv"]
        streams = {name: os.memfd_create(name) for name in ("out", "err", "written")}
        child = os.fork()
        if not child:
            _command(main, argv, streams)
        _, status = os.waitpid(child, 0)
        told: dict[str, Any] = {"code": os.waitstatus_to_exitcode(status)}
        for name, handle in streams.items():
            os.lseek(handle, 0, os.SEEK_SET)
            with os.fdopen(handle, "rb") as stream:
                told[name] = stream.read().decode(errors="replace")
        told["written"] = told["written"].splitlines()
        print(json.dumps(told), flush=True)


def _command(main: Any, argv: list[str], streams: dict[str, int]) -> None:
    code = 1
    try:
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.dup2(streams["out"], 1)
        os.dup2(streams["err"], 2)
        sys.argv = ["asimov", *argv]

        def hook(event: str, arguments: tuple[Any, ...]) -> None:
            told = _change(event, arguments)
            if told:
                os.write(streams["written"], (told.replace("\n", " ") + "\n").encode())

        sys.addaudithook(hook)
        main()
        code = 0
    except SystemExit as left:
        code = left.code if isinstance(left.code, int) else int(left.code is not None)
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    _serve()
