"""What the routes and the helper processes of QHAna's protocol pass to each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

#: The events that webhooks can subscribe to.
EVENTS = ("status", "steps", "details")


@dataclass(frozen=True)
class FormResult:
    """What became of a form: the number of the task, or what is wrong, by field."""

    number: int = 0
    wrong: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class PluginRequest:
    """A request to a route of a plugin; `rest` is the path below the plugin's address."""

    method: str
    rest: str
    query: Mapping[str, str]
    form: Mapping[str, str]
    body: bytes
    root: str


@dataclass(frozen=True)
class PluginResponse:
    """What a route of a plugin answered."""

    status: int
    body: bytes
    media: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class Subscription:
    """What a webhook wants: `command` is ``subscribe`` or ``unsubscribe``, no `event` means all.

    `source` is the address of the task, as the webhook is to get it.
    """

    command: str
    webhook: str
    event: str | None
    source: str


def subscription(given: Any, source: str) -> tuple[Subscription | None, dict[str, list[str]]]:
    """Return what is asked for in JSON, or what is wrong with it, by key.

    Parameters
    ----------
    given
        The JSON.
    source
        The address of the task.
    """
    if not isinstance(given, dict):
        return None, {"_schema": ["should be an object"]}
    wrong: dict[str, list[str]] = {}
    command, webhook, event = (given.get(each) for each in ("command", "webhookHref", "event"))
    if command not in {"subscribe", "unsubscribe"}:
        wrong["command"] = ["should be subscribe or unsubscribe"]
    if event is not None and event not in EVENTS:
        wrong["event"] = [f"should be null or one of {', '.join(EVENTS)}"]
    if not isinstance(webhook, str):
        wrong["webhookHref"] = ["should be an address"]
    if wrong:
        return None, wrong
    return Subscription(str(command), str(webhook), event, source), {}
