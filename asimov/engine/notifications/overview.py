"""Report on each notification rule: messages queued, sent or failed, and faults in the rule."""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import structs

from asimov.engine.notifications.rules import rules_of
from asimov.journal.deliveries import Deliveries, Standing
from asimov.project.workspace import Workspace
from asimov.system import clock

#: A message that was tried so often in vain is worth a warning.
_OFTEN = 3
#: For how many seconds to warn of messages that were given up.
_RECENT = 7 * 86400.0


class Row(msgspec.Struct, frozen=True):
    """A rule and what became of its messages; times are ISO 8601 in UTC, or None.

    Attributes
    ----------
    channel, target
        How it notifies, and whom; None if the rule can't be used, or is gone.
    fault
        What is wrong with the rule, or None.
    queued, delivered, given_up
        How many messages there are; the last two of the last 30 days.
    tries
        How often the queued message that was tried most was tried in vain.
    failure
        What went wrong last.
    """

    rule: str
    channel: str | None
    target: str | None
    states: list[str]
    analyses: list[str]
    labels: list[str]
    fault: str | None
    queued: int
    delivered: int
    given_up: int
    tries: int
    last_delivered: str | None
    last_failed: str | None
    failure: str | None

    def as_json(self) -> dict[str, Any]:
        """Return the row as plain data."""
        return structs.asdict(self)


def overview(workspace: Workspace) -> list[Row]:
    """Return a row for each rule, and for each former one that still has messages queued."""
    rules = rules_of(workspace.project.config)
    standings = Deliveries(workspace.journal).standings()
    former = [name for name, standing in standings.items() if standing.queued]
    rows = []
    for name in dict.fromkeys([*rules.usable, *rules.faults, *former]):
        rule, now = rules.usable.get(name), standings.get(name, Standing())
        fault = rules.faults.get(name)
        rows.append(
            Row(
                name,
                rule.channel if rule else None,
                rule.target if rule else None,
                list(rule.states if rule else ()),
                list(rule.analyses if rule else ()),
                list(rule.labels if rule else ()),
                str(fault) if fault else None,
                now.queued,
                now.delivered,
                now.given_up,
                now.tries,
                clock.iso(now.last_delivered) if now.last_delivered else None,
                clock.iso(now.last_failed) if now.last_failed else None,
                now.failure,
            )
        )
    return rows


def notification_warnings(workspace: Workspace) -> list[str]:
    """Return a line for each rule that can't be used, or whose messages don't get through."""
    rules = rules_of(workspace.project.config)
    lines = [f"notifications: {fault}" for fault in rules.faults.values()]
    now = clock.now()
    for name, each in Deliveries(workspace.journal).standings().items():
        recently = each.last_given_up is not None and now - each.last_given_up < _RECENT
        if name in rules.faults or name not in rules.usable:
            continue
        if each.tries >= _OFTEN and each.since is not None:
            said = f"have failed for {clock.age(now - each.since)}, {each.queued} wait"
        elif recently and (each.last_delivered or 0) < (each.last_given_up or 0):
            said = f"failed, {each.given_up} given up"
        else:
            continue
        lines.append(f"notifications by {name!r} {said}: {each.failure}; see 'asimov notify list'")
    return lines
