"""The gits that are at work on this machine, and the files that processes have open."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from asimov.system.processes import name_of, numbers, words

#: Gits that only wait to be asked, and write nothing.
_WAITING = {"fsmonitor--daemon", "credential-cache--daemon"}


def running() -> Iterator[int]:
    """Return the processes of git that are at work."""
    for pid in numbers():
        program, *arguments = words(pid) or [""]
        if Path(program).name.startswith("git") and not _waits(program, arguments):
            yield pid


def _waits(program: str, arguments: list[str]) -> bool:
    """Say whether a git only waits to be asked."""
    given = iter([Path(program).name.removeprefix("git-"), *arguments])
    command = next(given)
    while command.startswith(("git", "-")):  # options of git's own; two of them take a word
        if command in ("-c", "-C"):
            next(given, None)
        command = next(given, "")
    return command in _WAITING or (
        command == "cat-file" and any(each.startswith("--batch") for each in given)
    )


def opener(lock: Path) -> str | None:
    """Return the process that has a lock open, as far as one may see."""
    for pid in numbers():
        with suppress(OSError):
            if any(handle.readlink() == lock for handle in Path(f"/proc/{pid}/fd").iterdir()):
                return f"process {pid} ({name_of(pid)})"
    return None


def at_work(folder: Path) -> list[str]:
    """Return the gits that are at work in a repository on this machine, as far as one may see."""
    found = []
    for pid in running():
        with suppress(OSError):
            where = Path(f"/proc/{pid}/cwd").readlink()
            if where == folder.parent or folder in (where, *where.parents):
                found.append(f"process {pid}")
    return found
