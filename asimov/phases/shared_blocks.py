"""Shared memory for phases: created before the runs, removed after them, one prefix per job.

Phases give their blocks fixed names, so two jobs on one machine would share them. Each job
therefore adds a prefix of its own to every name.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from asimov.phases.pipeline import Pipeline

#: Where Linux keeps the blocks.
_FOLDER = Path("/dev/shm")


@contextmanager
def named_apart(prefix: str) -> Iterator[None]:
    """Put a prefix in front of the names of all blocks that are made or opened within the block.

    Parameters
    ----------
    prefix
        The prefix. A name that has it already is left alone.
    """
    make = SharedMemory.__init__

    def make_apart(self: SharedMemory, name: str | None = None, *given: Any, **named: Any) -> None:
        if name is not None and not name.removeprefix("/").startswith(prefix):
            name = prefix + name.removeprefix("/")
        make(self, name, *given, **named)

    SharedMemory.__init__ = make_apart  # type: ignore[method-assign]
    try:
        yield
    finally:
        SharedMemory.__init__ = make  # type: ignore[method-assign]


@contextmanager
def shared_data(pipeline: Pipeline, prefix: str) -> Iterator[None]:
    """Have the active phases make their shared data; remove it at the end of the block.

    Parameters
    ----------
    pipeline
        The pipeline.
    prefix
        Of the names of its blocks. What a killed job left under it is removed first.
    """
    for leftover in _FOLDER.glob(f"{prefix}*"):
        with suppress(OSError):
            leftover.unlink()
    handles: dict[str, SharedMemory] = {}
    with named_apart(prefix):
        try:
            pipeline.create_shared_data(handles)
            yield
        finally:
            for handle in handles.values():
                # A phase may still have an array on the block; the name goes in any case.
                with suppress(BufferError):
                    handle.close()
                with suppress(FileNotFoundError):
                    handle.unlink()


def prefix_of_process() -> str:
    """Return a prefix that no other process of this machine has."""
    return f"asimov-{os.getpid()}-"
