"""Find running git processes, and the process that has a lock file open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from asimov.system.processes import name_of, numbers, words

#: Git commands that only wait for requests, and write nothing.
_WAITING = {"fsmonitor--daemon", "credential-cache--daemon"}


def running() -> Iterator[int]:
    """Yield the ids of git processes that do any work."""
    for pid in numbers():
        program, *arguments = words(pid) or [""]
        if Path(program).name.startswith("git") and not _waits(program, arguments):
            yield pid


def _waits(program: str, arguments: list[str]) -> bool:
    """Say whether a git process only waits for requests."""
    given = iter([Path(program).name.removeprefix("git-"), *arguments])
    command = next(given)
    while command.startswith(("git", "-")):  # git's own options; two of them take a value
        if command in ("-c", "-C"):
            next(given, None)
        command = next(given, "")
    return command in _WAITING or (
        command == "cat-file" and any(each.startswith("--batch") for each in given)
    )


def opener(lock: Path) -> str | None:
    """Describe the process that has a lock file open; None if none is visible to this user."""
    for pid in numbers():
        with suppress(OSError):
            if any(handle.readlink() == lock for handle in Path(f"/proc/{pid}/fd").iterdir()):
                return f"process {pid} ({name_of(pid)})"
    return None


def at_work(folder: Path) -> list[str]:
    """Describe the git processes in a repository on this machine that this user can see."""
    found = []
    for pid in running():
        with suppress(OSError):
            where = Path(f"/proc/{pid}/cwd").readlink()
            if where == folder.parent or folder in (where, *where.parents):
                found.append(f"process {pid}")
    return found
