"""Start the task of a plugin, here or on another machine, from a job.

::

    from asimov.functions import plugin_calls

    task = plugin_calls.start("https://example.org/plugins/greeting/", {"inputStr": "Ada"})
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import Request, urlopen

#: The seconds that an answer may take, and the most bytes of it.
_PATIENCE, _MOST = 30.0, 10_000_000


def start(plugin: str, fields: Mapping[str, Any]) -> str:
    """Send the form of a plugin; return the address of the task that it starts.

    Parameters
    ----------
    plugin
        The plugin's address.
    fields
        The fields of its form; a list is sent item by item.

    Raises
    ------
    ValueError
        If the plugin refuses the form, or what is at the address is no plugin.
    OSError
        If there is no answer.
    """
    address, metadata = _answer(Request(_web(plugin)))
    try:
        entry = urljoin(address, json.loads(metadata)["entryPoint"]["href"])
    except (ValueError, TypeError, LookupError) as error:
        raise ValueError(f"there is no plugin at {plugin}") from error
    form = urlencode(fields, doseq=True).encode()
    try:
        task, _ = _answer(Request(_web(entry), form, method="POST"))
    except HTTPError as error:
        said = error.read(_MOST).decode(errors="replace")
        raise ValueError(f"{entry} answered {error.code}: {said}") from error
    return task


def _web(address: str) -> str:
    if urlsplit(address).scheme not in {"http", "https"}:
        raise ValueError(f"{address!r} is not the address of a plugin")
    return address


def _answer(request: Request) -> tuple[str, bytes]:
    """Return the address that was led to, and what is there."""
    with urlopen(request, timeout=_PATIENCE) as answer:
        return str(answer.geturl()), answer.read(_MOST)
