"""The process in which one package's plugins are loaded, so that what they do ends with it.

It reads what to load from standard input, and tells of each plugin in a line of JSON as soon as
it is known: the one that hangs, or ends the process, takes no other's answer with it.
"""

from __future__ import annotations

import json
import os
import sys
from importlib.metadata import EntryPoint
from typing import Any


def main(channel: int) -> None:
    """Load plugins, tell of each, and leave at once, whatever threads they have started.

    Parameters
    ----------
    channel
        The open file to tell it on; what plugins print goes nowhere.
    """
    asked = json.load(sys.stdin)
    os.set_inheritable(channel, False)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    for number, each in enumerate(asked["plugins"]):
        _tell(channel, {"begins": number})
        _tell(channel, {"number": number, **_answer(each, asked["describe"])})
    _tell(channel, {"done": True})
    os._exit(0)


def _tell(channel: int, what: dict[str, Any]) -> None:
    line = json.dumps(what, default=str).encode() + b"\n"
    while line:
        line = line[os.write(channel, line) :]


def _answer(plugin: dict[str, str], describe: bool) -> dict[str, Any]:
    """Return what there is to say of a plugin: that it loads, or the error that it raises."""
    try:
        loaded = EntryPoint(plugin["name"], plugin["value"], plugin["group"]).load()
        if plugin["group"] == "asimov.pipelines" and not isinstance(loaded, type):
            return {"error": f"{plugin['value']} is a {type(loaded).__name__} and no class"}
        if describe:
            from asimov.plugins.catalogue.description import describe_plugin

            return {"description": describe_plugin(plugin["group"], plugin["name"], loaded)}
        return {}
    except BaseException as error:  # whatever it does is its own, SystemExit too
        return {"error": _one_line(error)}


def _one_line(error: BaseException) -> str:
    if isinstance(error, SystemExit):
        return f"exits with {error.code!r} when it is imported"
    try:
        text = " ".join(str(error).split())
    except Exception:  # an error of theirs that can't be shown
        text = ""
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
