"""A terminal, real but for the person in front of it, for commands that look different there."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests import preloaded

_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def on_terminal(command: str, cwd: Path, **environment: str) -> str:
    """Run a command line whose input, output and errors are a terminal; return what it shows."""
    with terminal() as (ours, theirs):
        path = f"{preloaded.programs()}{os.pathsep}{os.environ['PATH']}"
        started = subprocess.Popen(
            ["/bin/sh", "-c", command], cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs,
            env={**os.environ, "PATH": path, "TERM": "xterm", "COLUMNS": "200", **environment},
        )  # fmt: skip
        shown = b""
        while started.poll() is None or _waiting(ours):
            if _waiting(ours):
                shown += os.read(ours, 65536)
        return shown.decode()


@contextmanager
def terminal() -> Iterator[tuple[int, int]]:
    """Open a terminal: the end that a person sees, and the one that programs write to."""
    ours, theirs = pty.openpty()
    try:
        yield ours, theirs
    finally:
        for each in (ours, theirs):
            with suppress(OSError):
                os.close(each)


def _waiting(end: int) -> bool:
    return bool(select.select([end], [], [], 0.05)[0])


def plain(shown: str) -> str:
    """Return what is shown without colours and movements of the cursor."""
    return _STYLE.sub("", shown).replace("\r", "").replace("\a", "")
