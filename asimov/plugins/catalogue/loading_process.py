"""The child process that loads one package's plugins, and reports on each in a line of JSON.

It reads from standard input which plugins to load, and reports to standard output as soon as it
knows: a plugin that hangs, or ends the process, takes no other's answer with it.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import EntryPoint
from typing import Any


def main() -> None:
    """Load the plugins, report on each, and exit at once, whatever threads they have started."""
    request = json.load(sys.stdin)
    channel = os.dup(1)  # what plugins print is discarded
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    for number, plugin in enumerate(request["plugins"]):
        _report(channel, {"number": number, "begins": True})
        _report(channel, {"number": number, **_answer(plugin, request["describe"])})
    os._exit(0)


def _report(channel: int, answer: dict[str, Any]) -> None:
    line = json.dumps(answer, default=str).encode() + b"\n"
    while line:
        line = line[os.write(channel, line) :]


def _answer(plugin: dict[str, str], describe: bool) -> dict[str, Any]:
    """Load a plugin, and return its description or the error that it raises."""
    try:
        loaded = EntryPoint(plugin["name"], plugin["value"], plugin["group"]).load()
        if plugin["group"] == "asimov.pipelines" and not isinstance(loaded, type):
            return {"error": f"{plugin['value']} is a {type(loaded).__name__}, not a class"}
        if describe:
            from asimov.plugins.catalogue.description import describe_plugin

            return {"description": describe_plugin(plugin["group"], plugin["name"], loaded)}
        return {}
    except BaseException as error:  # whatever a plugin does is its own fault, SystemExit too
        return {"error": _one_line(error)}


def _one_line(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"exits with {error.code!r} when it is imported"
    try:
        text = " ".join(str(error).split())
    except Exception:  # an error that can't be shown
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
