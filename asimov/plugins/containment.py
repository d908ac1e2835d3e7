"""All that keeps what a plugin's code does to itself, put together for one call."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from textwrap import indent

from asimov import text
from asimov.errors import AsimovError
from asimov.logs import logger
from asimov.plugins.crashes import Call, CallLog, call_log, timeout
from asimov.plugins.output import Capture
from asimov.plugins.restore import kept
from asimov.plugins.time_limit import TIMEOUT, TimeLimit
from asimov.plugins.watchdog import Watched, grace, unwatch, watch
from asimov.project.workspace import Workspace
from asimov.scheduler.contract import guarded_submissions
from asimov.system.supervision import supervisor
from asimov.system.surroundings import set_directory

_capture = Capture()
#: Whether a call is under way: what a plugin calls through asimov is part of its own call.
_inside = False
#: As much of what one call prints is shown in a dry run, in bytes.
_SHOWN = 1_000_000


def is_inside() -> bool:
    """Say whether what runs is a plugin's code."""
    return _inside


def limit_of(workspace: Workspace) -> TimeLimit:
    """Return the time limit of a call, as it is configured.

    `asimov.plugins.crashes.report_last_crash` reports an option that is no number; calls then have
    the default time.
    """
    try:
        return TimeLimit(timeout(workspace))
    except AsimovError:
        return TimeLimit(TIMEOUT)


@contextmanager
def contained(workspace: Workspace, call: Call, limit: TimeLimit) -> Iterator[None]:
    """Run a plugin's code in the project's folder, and undo what it does beyond its task.

    What it prints goes to the log where this process acts; in a dry run it is the output. In
    another thread than the main one, and inside another call, only the folder is seen to.

    Parameters
    ----------
    workspace
        The open project.
    call
        What is called.
    limit
        How long it may take; tells afterwards whether it did return in time.
    """
    global _inside  # noqa: PLW0603  (a process has one main thread)
    if _inside or threading.current_thread() is not threading.main_thread():
        with set_directory(workspace.project.root):
            yield
        return
    calls = call_log(workspace)
    own = os.getpid()
    _inside = True
    supervisor.calling(str(call))
    try:
        with (
            guarded_submissions(),
            kept(workspace.project.root, call),
            recorded(workspace, calls, call, limit) if calls else _shown(),
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
def recorded(workspace: Workspace, calls: CallLog, call: Call, limit: TimeLimit) -> Iterator[None]:
    """Have it known what runs in the block, whatever becomes of the process, and what it prints."""
    if limit.seconds:
        deadline = time.monotonic() + limit.seconds + grace(limit.seconds)
        watch(Watched(call, calls, _capture, workspace.journal.path, limit.seconds, deadline))
    try:
        _capture.start()
        calls.begin(call)
        try:
            yield
        finally:
            unwatch()
            printed = _capture.stop()
            calls.end(workspace.journal, call, late(call, limit))
            if printed:
                logger().info("%s printed:\n%s", call, printed)
    finally:
        unwatch()  # also where there was no file left to capture with


@contextmanager
def _shown() -> Iterator[None]:
    """Let what is printed in the block go on to the output, safe to show, and indented.

    It can't be taken for a line of asimov's own then.
    """
    _capture.start()
    try:
        yield
    finally:
        printed = _capture.stop(_SHOWN)
        if printed:
            print(text.block(indent(printed, "  ")), flush=True)


def late(call: Call, limit: TimeLimit) -> str | None:
    """Return what is to be said of a call that did not return in time; None for one that did."""
    return f"{call.what} did not return within {limit.seconds:g} s" if limit.over else None
