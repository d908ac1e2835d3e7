"""Query processes: their state, parents, command lines, and whether one is still the same."""

from __future__ import annotations

import os
import signal
import uuid
from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

#: Fields of /proc/PID/stat after the program's name (proc(5)).
_STATE, _PARENT, _GROUP, _SESSION, _USER, _SYSTEM, _START, _PAGES = 0, 1, 2, 3, 11, 12, 19, 21


class Process(NamedTuple):
    """A process as `/proc` shows it.

    Attributes
    ----------
    dead
        Whether it is a zombie: it has ended, and its parent has not waited for it yet.
    start
        Its start time, in clock ticks since the boot.
    cpu
        The processor time that it has used, in clock ticks: in user mode, in the kernel.
    pages
        Its resident pages.
    """

    pid: int
    dead: bool
    parent: int
    group: int
    session: int
    start: int
    cpu: tuple[int, int]
    pages: int


def look_at(pid: int) -> Process | None:
    """Return a process, possibly a zombie; None if there is none."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return Process(
        pid,
        fields[_STATE] in "ZX",
        int(fields[_PARENT]),
        int(fields[_GROUP]),
        int(fields[_SESSION]),
        int(fields[_START]),
        (int(fields[_USER]), int(fields[_SYSTEM])),
        int(fields[_PAGES]),
    )


def numbers() -> Iterator[int]:
    """Return the number of every process that `/proc` shows."""
    for name in os.listdir("/proc"):  # noqa: PTH208  (paths would cost more than the rest)
        if name.isdigit():
            yield int(name)


def all_processes() -> Iterator[Process]:
    """Return every process that `/proc` shows."""
    return filter(None, map(look_at, numbers()))


def words(pid: int) -> list[str]:
    """Return the command line of a process; empty if it is dead or may not be read."""
    return _strings(pid, "cmdline")


def environment(pid: int) -> list[str]:
    """Return the initial environment of a process as ``NAME=value``; empty as for `words`."""
    return _strings(pid, "environ")


def _strings(pid: int, name: str) -> list[str]:
    try:
        data = Path(f"/proc/{pid}/{name}").read_bytes()
    except OSError:
        return []
    return [os.fsdecode(each) for each in data.removesuffix(b"\0").split(b"\0") if data]


def name_of(pid: int) -> str | None:
    """Return the name of the program that a process runs; None if it is dead."""
    try:
        return Path(f"/proc/{pid}/comm").read_text(errors="replace").strip()
    except OSError:
        return None


def children(pid: int) -> list[int]:
    """Return the children of a process, of all its threads."""
    found: list[int] = []
    for path in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):
            found += map(int, path.read_text().split())
    return found


def started_at(pid: int) -> str | None:
    """Return the start time of a process, in clock ticks since the boot; None if it is dead."""
    found = look_at(pid)
    return None if found is None or found.dead else str(found.start)


def pending_signals(pid: int) -> set[int]:
    """Return the signals that were sent to a process and have not taken effect (proc(5))."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text(errors="replace").splitlines()
    except OSError:
        return set()
    given = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    pending = int(given.get("SigPnd", "0"), 16) | int(given.get("ShdPnd", "0"), 16)
    return {number for number in range(1, 65) if pending & 1 << (number - 1)}


class Holder(NamedTuple):
    """Identifies a process among those of all machines that share a file.

    Attributes
    ----------
    host
        Its machine.
    start
        The boot and the container that it runs in; see `this_start`.
    process, started
        Its number, and its start time, which reveals a number that was used again.
    """

    host: str
    start: str
    process: int
    started: str

    @classmethod
    def own(cls) -> Holder:
        """Return the identity of this process."""
        return cls(os.uname().nodename, this_start(), *ProcessIdentity.own())

    @property
    def here(self) -> ProcessIdentity | None:
        """The process, if it was started on this machine, in this boot and container; or None."""
        same = (self.host, self.start) == (os.uname().nodename, this_start())
        return ProcessIdentity(self.process, self.started) if same else None


class ProcessIdentity(NamedTuple):
    """Identifies a process: its number alone may belong to another one later.

    Attributes
    ----------
    pid
        The process number.
    start
        When it was started, in clock ticks since the boot; empty for a process that was dead.
    """

    pid: int
    start: str

    def __str__(self) -> str:
        return f"{self.pid} {self.start}"

    @property
    def alive(self) -> bool:
        """Whether the process still runs; it must be one of this boot and this machine."""
        return bool(self.start) and started_at(self.pid) == self.start

    @property
    def is_being_killed(self) -> bool:
        """Whether the process runs nothing of its own any more, but is not gone yet."""
        return signal.SIGKILL in pending_signals(self.pid) and self.alive

    @classmethod
    def own(cls) -> ProcessIdentity:
        """Return the identity of this process."""
        pid = os.getpid()
        return cls(pid, started_at(pid) or "")


def this_boot() -> str:
    """Return an identifier of the current boot of this machine.

    Raises
    ------
    OSError
        If the system does not provide one.
    """
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


@lru_cache(maxsize=1)
def this_machine() -> str:
    """Return an identifier of this machine."""
    with suppress(OSError):
        return Path("/etc/machine-id").read_text().strip() or os.uname().nodename
    return os.uname().nodename


def this_start() -> str:
    """Return an identifier of this boot and of this container.

    Process numbers are only comparable within one PID namespace.
    """
    try:
        return f"{this_boot()} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:  # not Linux, or a restricted container: process numbers can't be compared
        return f"unknown {uuid.uuid4().hex}"
