"""Contain one call of third-party code: its output, time, folder, streams, and the record of it."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from textwrap import indent

from asimov import text
from asimov.errors import OutputError
from asimov.logs import logger
from asimov.plugins.crashes import Call, CallLog
from asimov.plugins.output import Capture
from asimov.plugins.time_limit import TimeLimit
from asimov.plugins.watchdog import Watched, grace, unwatch, watch
from asimov.scheduler.contract import guarded_submissions
from asimov.system.environment import set_directory
from asimov.system.files import umask
from asimov.system.supervision import supervisor

_capture = Capture()
#: Whether a call is running: what a plugin calls through asimov is part of its own call.
_inside = False
#: The most that is shown of what one call prints in a dry run, in bytes.
_SHOWN = 1_000_000


def is_inside() -> bool:
    """Return whether third-party code is running."""
    return _inside


@contextmanager
def contained(folder: Path, call: Call, limit: TimeLimit, log: CallLog | None) -> Iterator[None]:
    """Run third-party code in the project's folder, and undo its side effects on this process.

    What it prints goes to the log where this process acts; in a dry run it is shown. In another
    thread than the main one, and inside another call, only the folder is set.

    Parameters
    ----------
    folder
        The project's folder.
    call
        What is called.
    limit
        The time limit; it knows afterwards whether the call exceeded it.
    log
        Where the call is recorded; None if this process does not act.
    """
    global _inside  # noqa: PLW0603  (a process has one main thread)
    if _inside or threading.current_thread() is not threading.main_thread():
        with set_directory(folder):
            yield
        return
    own = os.getpid()
    _inside = True
    supervisor.calling(str(call))
    try:
        with (
            guarded_submissions(),
            _restored(folder, call),
            _recorded(log, call, limit) if log else _shown(),
        ):
            try:
                with limit:
                    yield
            finally:
                if os.getpid() != own:
                    os._exit(1)  # a child that the plugin has forked does none of our work
    finally:
        _inside = False
        supervisor.called()


@contextmanager
def _restored(folder: Path, call: Call) -> Iterator[None]:
    """Work in a folder, and restore the working directory, the umask and the standard streams.

    The environment is left as it is: some packages set variables there for their own later calls.
    So is the locale.
    """
    mask = umask()
    streams = sys.stdin, sys.stdout, sys.stderr
    threads = threading.enumerate()
    try:
        with set_directory(folder):
            yield
    finally:
        os.umask(mask)
        sys.stdin, sys.stdout, sys.stderr = streams
        for thread in threading.enumerate():
            if thread not in threads and not thread.daemon:
                logger().warning("%s left the thread %r running", call, thread.name)


@contextmanager
def _recorded(calls: CallLog, call: Call, limit: TimeLimit) -> Iterator[None]:
    """Record on disk that the call is running, watch it, and log what it prints."""
    if limit.seconds:
        deadline = time.monotonic() + limit.seconds + grace(limit.seconds)
        watch(Watched(call, calls, _capture, limit.seconds, deadline))
    try:
        _capture.start()
        calls.begin(call)
        try:
            yield
        finally:
            unwatch()
            printed = _capture.stop()
            calls.end(call, late(call, limit))
            if printed:
                logger().info("%s printed:\n%s", call, printed)
    finally:
        unwatch()  # also where there was no file left to capture with


@contextmanager
def _shown() -> Iterator[None]:
    """Pass on what is printed in the block, made safe for a terminal, and indented.

    The indent keeps it from being mistaken for a line of asimov's own.
    """
    _capture.start()
    try:
        yield
    finally:
        printed = _capture.stop(_SHOWN)
        if printed:
            try:
                print(text.block(indent(printed, "  ")), flush=True)
            except OSError as error:
                raise OutputError(error) from error


def late(call: Call, limit: TimeLimit) -> str | None:
    """Return a message if a call exceeded its time limit, and None otherwise."""
    return f"{call.what} did not return within {limit.seconds:g} s" if limit.over else None
