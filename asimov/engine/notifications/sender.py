"""The process that delivers notifications: ``python -m asimov.engine.notifications.sender FOLDER``.

A message is marked as delivered after its receiver has taken it. If this process dies in between,
the next one delivers it again: at least once, with the same identity. Each receiver has a thread,
so that one that hangs holds up no other, and a time limit, after which its thread is left behind.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from asimov.engine.notifications.calls import is_call, rule_of_call
from asimov.engine.notifications.channels import NotDeliveredError, deliver, takes
from asimov.engine.notifications.rules import Rule, rules_of
from asimov.errors import AsimovError
from asimov.journal.deliveries import Deliveries, Delivery
from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.journal.leases import LEASE, NOTIFY, give_back, is_dead, new_lease, take
from asimov.project.layout import Project, find
from asimov.system import clock

#: Seconds after which a message that was tried in vain is tried again: doubled each time, up to
#: the second value.
FIRST_PAUSE, LONGEST_PAUSE = 5.0, 3600.0
#: Seconds after which a message is given up, and how often it is tried in any case: the clock may
#: have jumped.
GIVE_UP, TRIES = 3 * 86400.0, 10
#: Seconds that one delivery may take in all.
LIMIT = 45.0
#: The process waits for messages that are due within so many seconds, and then ends.
PATIENCE = 60.0
_LOOK = 0.25


@dataclass
class _Try:
    """Messages that a thread delivers now."""

    rule: Rule
    messages: list[Delivery]
    deadline: float = field(default_factory=lambda: time.monotonic() + LIMIT)


class Sender:
    """Delivers what is due.

    Parameters
    ----------
    project
        The project.
    journal
        Its journal, open for writing.
    """

    def __init__(self, project: Project, journal: Journal) -> None:
        self._project = project
        self._journal = journal
        self._box = Deliveries(journal)
        self._tries: dict[str, _Try] = {}
        self._ended: queue.SimpleQueue[tuple[_Try, NotDeliveredError | None]] = queue.SimpleQueue()

    def run(self, token: str, patience: float = PATIENCE) -> None:
        """Deliver until nothing is due, nor will be soon.

        Parameters
        ----------
        token
            The lease under which this process delivers, which is renewed.
        patience
            How many seconds to wait for what is due later.
        """
        renewed = time.monotonic()
        while True:
            self._begin()
            if self._tries:
                self._take_ends()
            else:
                due = self._box.next_due()
                if due is None or due > clock.now() + patience:
                    return
                time.sleep(min(_LOOK, max(0.0, due - clock.now())))
            if time.monotonic() - renewed > LEASE / 3:
                renewed = time.monotonic()
                kept = self._journal.write(
                    "UPDATE lease SET expires = ? WHERE token = ?", (time.time() + LEASE, token)
                )
                if not kept:
                    return  # this process was stopped for long, and another has taken over

    def _begin(self) -> None:
        """Start a thread for each rule that has messages due and none under way."""
        waiting = [name for name in self._box.due() if name not in self._tries]
        if not waiting:
            return
        rules = rules_of(find(self._project.root).config)
        for name in waiting:
            rule = rules.usable.get(name) or rule_of_call(name)
            if rule is None:
                self._without_rule(name, rules.faults.get(name))
                continue
            if not (wanted := self._wanted(rule)):
                continue
            now = _Try(rule, wanted)
            self._tries[name] = now
            threading.Thread(target=self._deliver, args=(now,), daemon=True).start()

    def _wanted(self, rule: Rule) -> list[Delivery]:
        """Return messages that are due; those that the rule is not about any more are dropped."""
        while messages := self._box.batch(rule.name, takes(rule)):
            strange = [each for each in messages if not _fits(rule, each)]
            if not strange:
                break
            self._box.drop(strange)
        return messages

    def _without_rule(self, name: str, fault: AsimovError | None) -> None:
        messages = self._box.batch(name, 1_000_000)
        if fault is not None:
            pause = clock.now() + LONGEST_PAUSE
            self._box.failed(messages, f"its rule can't be used: {fault}", pause, all_wait=True)
        else:
            self._box.give_up(messages, "this rule no longer exists")

    def _deliver(self, now: _Try) -> None:
        events = [each.data for each in now.messages]
        self._ended.put((now, _failure(now.rule, events, self._project.root)))

    def _take_ends(self) -> None:
        """Record how deliveries ended, and those that take too long."""
        try:
            ended, failure = self._ended.get(timeout=_LOOK)
        except queue.Empty:
            pass
        else:
            if self._tries.get(ended.rule.name) is ended:  # else it was recorded as too late
                self._record(ended, failure)
        for late in [each for each in self._tries.values() if time.monotonic() > each.deadline]:
            self._record(late, _too_late())

    def _record(self, ended: _Try, failure: NotDeliveredError | None) -> None:
        del self._tries[ended.rule.name]
        if failure is None:
            self._box.delivered(ended.messages)
            return
        old = [each for each in ended.messages if _is_over(each)]
        if old:
            self._give_up(ended.rule, old, failure)
        if not (left := [each for each in ended.messages if each not in old]):
            return
        pause = min(FIRST_PAUSE * 2 ** min(ended.messages[0].tries, 20), LONGEST_PAUSE)
        self._box.failed(left, str(failure), clock.now() + pause, all_wait=not failure.alone)

    def _give_up(self, rule: Rule, messages: list[Delivery], failure: NotDeliveredError) -> None:
        """Record in the log of each analysis that nobody was notified."""
        with self._journal.transaction():
            self._box.give_up(messages, str(failure))
            for each in messages:
                data = each.data["data"]
                key = Key(data.get("subject", ""), data.get("name", ""))
                state = data.get("after")
                why = f"{rule.name!r} was not notified that it is {state}: {failure}"
                self._journal.note(key, "notify", "given up", why)


def _is_over(message: Delivery) -> bool:
    """Return whether a message that was tried in vain once more is not tried again."""
    return clock.now() - message.queued > GIVE_UP and message.tries >= TRIES - 1


def deliver_in_time(
    rule: Rule, events: Sequence[Mapping[str, Any]], root: Path
) -> NotDeliveredError | None:
    """Deliver events as `deliver` does, within the time limit; return why they were not delivered.

    A thread that hangs is left behind.
    """
    ended: queue.SimpleQueue[NotDeliveredError | None] = queue.SimpleQueue()
    threading.Thread(target=lambda: ended.put(_failure(rule, events, root)), daemon=True).start()
    try:
        return ended.get(timeout=LIMIT)
    except queue.Empty:
        return _too_late()


def _failure(
    rule: Rule, events: Sequence[Mapping[str, Any]], root: Path
) -> NotDeliveredError | None:
    """Deliver events; return why they were not delivered, or None if they were."""
    try:
        deliver(rule, events, root)
    except NotDeliveredError as error:
        return error
    except Exception as error:  # that nobody foresaw: recorded, and tried again
        return NotDeliveredError(f"{type(error).__name__}: {error}")
    return None


def _too_late() -> NotDeliveredError:
    return NotDeliveredError(f"it took longer than {LIMIT:g} s")


def _fits(rule: Rule, message: Delivery) -> bool:
    if is_call(rule):
        return True
    data = message.data["data"]
    return rule.fits(Key(data["subject"], data["name"]), data["after"], data["labels"])


def send(project: Project, patience: float = PATIENCE) -> None:
    """Deliver what is due, unless another process does."""
    with closing(Journal(project.journal)) as journal:
        while True:
            lease = new_lease("asimov notifications")
            if take(journal, lease, is_dead, NOTIFY) is not None:
                return
            try:
                Sender(project, journal).run(lease.token, patience)
            finally:
                give_back(journal, lease.token)
            # What was queued just before has found this process at work.
            due = Deliveries(journal).next_due()
            if due is None or due > clock.now():
                return


def main(root: str) -> None:
    """Deliver what is due in the project in a folder, and leave threads that hang behind."""
    send(find(Path(root)))
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
