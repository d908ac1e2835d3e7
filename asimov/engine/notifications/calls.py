"""Outgoing HTTP calls: the webhooks of QHAna's tasks, and those to its plugin registry.

They are delivered as notifications are. What identifies the receiver is the name of its rule, which
no rule of a configuration can have.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlencode, urljoin, urlsplit, urlunsplit

from asimov.engine.notifications.rules import Rule, Source
from asimov.errors import AsimovError
from asimov.journal.keys import Key

#: How the names of these rules begin.
_WEBHOOK, _REGISTRY = "webhook ", "registry "
#: The most bytes of an answer of a registry.
_MOST = 1_000_000


def webhook_call(webhook: str, source: str, event: str, key: Key) -> tuple[str, dict[str, Any]]:
    """Return the call of a webhook, for the outbox: its rule, and the message.

    Parameters
    ----------
    webhook
        The address to call.
    source, event
        The address of the task, and what happened to it.
    key
        The analysis.
    """
    return _WEBHOOK + webhook, _message({"source": source, "event": event}, key, event)


def registry_call(registry: str, plugin: str) -> tuple[str, dict[str, Any]]:
    """Return the call of a registry, for the outbox: its rule, and the message.

    Parameters
    ----------
    registry
        The address of its API.
    plugin
        The address of a plugin that was added or removed.
    """
    return _REGISTRY + registry, _message({"url": plugin}, Key("", ""), "changed")


def _message(query: dict[str, str], key: Key, event: str) -> dict[str, Any]:
    data = {"subject": key.subject, "name": key.name, "after": event, "labels": []}
    return {"query": query, "data": data}


def rule_of_call(name: str) -> Rule | None:
    """Return the rule of a receiver by its name; None if it is one of a configuration."""
    for kind in (_WEBHOOK, _REGISTRY):
        if name.startswith(kind):
            return Rule(name, webhook=Source("", name.removeprefix(kind)))
    return None


def is_call(rule: Rule) -> bool:
    """Return whether a rule stands for a receiver of calls."""
    return rule.name.startswith((_WEBHOOK, _REGISTRY))


def address_of(rule: Rule, message: Mapping[str, Any], fetch: Any) -> str:
    """Return the address to post to, with its query.

    Parameters
    ----------
    rule
        The receiver.
    message
        The message.
    fetch
        Returns the content at an address.

    Raises
    ------
    AsimovError
        If a registry does not say where plugins are announced.
    """
    assert rule.webhook is not None
    address = rule.webhook.value
    if rule.name.startswith(_REGISTRY):
        address = _announcements(address, fetch)
    parts = urlsplit(address)
    query = "&".join(filter(None, (parts.query, urlencode(message["query"]))))
    return urlunsplit((*parts[:3], query, ""))


def _announcements(root: str, fetch: Any) -> str:
    """Return where a registry takes the addresses of plugins."""
    links = _links(root, fetch)
    found = _link(links, {"plugin", "post"})
    collection = _link(links, {"plugin"}, without={"post"})
    if found is None and collection is not None:
        root = urljoin(root, collection)
        found = _link(_links(root, fetch), {"plugin", "post"})
    if found is None:
        raise AsimovError("the registry has no link for plugins ('plugin', 'post')")
    return urljoin(root, found)


def _links(address: str, fetch: Any) -> Sequence[Mapping[str, Any]]:
    try:
        answer = json.loads(fetch(address, _MOST))
        links = answer["links"]
        return [each for each in links if isinstance(each, dict)]
    except (ValueError, TypeError, LookupError) as error:
        raise AsimovError("can't understand the registry's answer") from error


def _link(
    links: Sequence[Mapping[str, Any]],
    rels: set[str],
    without: set[str] = frozenset(),  # type: ignore[assignment]
) -> str | None:
    for each in links:
        given = each.get("rel")
        has = {given} if isinstance(given, str) else set(given or ())
        if rels <= has and not has & without and isinstance(each.get("href"), str):
            return str(each["href"])
    return None
