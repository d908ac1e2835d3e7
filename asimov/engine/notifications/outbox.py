"""Queue the messages that the rules call for, and start the process that sends them.

Every command that acts does this when it begins and when it ends. The events of the journal are
looked at in their order, and how far is recorded together with what was queued: a crash at any
point loses nothing and queues nothing twice.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from typing import Any

from asimov.engine.notifications import messages
from asimov.engine.notifications.rules import Rules, rules_of
from asimov.errors import AsimovError
from asimov.journal.database import Database
from asimov.journal.deliveries import Change, Deliveries
from asimov.journal.keys import Key
from asimov.journal.leases import NOTIFY, holder, is_dead
from asimov.logs import logger
from asimov.project.layout import Project
from asimov.project.workspace import Workspace
from asimov.scheduler.local.startup import unmarked_environment
from asimov.system import clock
from asimov.system.detached import start_detached
from asimov.system.module_command import module_command


def catch_up(workspace: Workspace) -> None:
    """Queue what has happened since the last time, and have it delivered; never waits for that.

    Without rules nothing is queued. With the first rule, it begins with what happens next.

    Parameters
    ----------
    workspace
        The open project; its lease is held.
    """
    box = Deliveries(workspace.journal)
    rules = rules_of(workspace.project.config)
    since = box.looked_at()
    if rules.usable or rules.faults:
        if since is None:
            box.have_looked_at(box.last_event())
        else:
            _queue(workspace, box, rules, since)
        wake(workspace.project, workspace.journal)
    elif since is not None:
        box.have_looked_at(None)


def _queue(workspace: Workspace, box: Deliveries, rules: Rules, since: int) -> None:
    last = box.last_event()
    if last == since:
        return
    with workspace.journal.transaction():
        # A journal that was repaired may have lost its last events.
        changes = box.changes(since) if since < last else []
        box.add(
            (name, message)
            for change in changes
            for name, message in _messages(workspace, rules, change)
        )
        box.have_looked_at(last)


def _messages(
    workspace: Workspace, rules: Rules, change: Change
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the message about a change for every rule that fits.

    A rule that can't be used now gets everything; what does not fit is dropped before it is sent.
    """
    key = Key(change.subject, change.name)
    entry = workspace.contents.entries.get(key)
    labels = _labels(workspace, key) if entry else []
    fits = [r.name for r in rules.usable.values() if r.fits(key, change.after, labels)]
    if not (fits or rules.faults):
        return
    event = messages.of_change(
        workspace.project, change, pipeline=entry.pipeline if entry else None, labels=labels
    )
    for name in [*fits, *rules.faults]:
        yield name, event


def _labels(workspace: Workspace, key: Key) -> list[str]:
    try:
        given = workspace.settings(key).get("labels")
    except AsimovError:  # of a package's derived settings; what is wrong is shown elsewhere
        return []
    if isinstance(given, dict):
        return [str(name) for name, value in given.items() if value]
    return [str(each) for each in given] if isinstance(given, list) else []


def wake(project: Project, journal: Database) -> None:
    """Start the process that delivers, if something is due and it is not at work."""
    due = Deliveries(journal).next_due()
    if due is None or due > clock.now():
        return
    lease = holder(journal, NOTIFY)
    if lease is not None and not is_dead(lease):
        return
    try:
        start_sender(project)
    except (OSError, subprocess.CalledProcessError):  # the next command tries again
        logger().warning("notifications can't be sent", exc_info=True)


def start_sender(project: Project) -> None:
    """Start the process that delivers; it ends at once if another is at work."""
    command = module_command("asimov.engine.notifications.sender", str(project.root))
    project.logs.mkdir(parents=True, exist_ok=True)
    output = project.logs / "notifications.log"
    start_detached(command, project.root, output, unmarked_environment())
