"""How hints name what a client can ask for: the parameters of the API, the options of a command."""

from __future__ import annotations

import json
import re

#: The options of ``asimov apply`` that are parameters of ``POST /v1/blueprints`` and have no value.
_FLAGS = "update|replace|iterate|force"
_APPLY = re.compile(rf"'asimov apply --({_FLAGS})'|--({_FLAGS})\b")
_SUBJECT = "run 'asimov apply' with -e NAME"
_SET = re.compile(r"asimov production set (\S+) (\S+) --status (\S+)")
_NAME = re.compile(r"--name\b")
_OF_APPLY = re.compile(rf"\b({_FLAGS})=true")
_ACTION = re.compile(r"POST /v1/actions (\{.*\})")


def as_parameters(text: str) -> str:
    """Return what was said of options as it is said of parameters.

    Examples
    --------
    >>> as_parameters("change it with 'asimov apply --update', or use --force")
    'change it with update=true, or use force=true'
    """

    def action(found: re.Match[str]) -> str:
        subject, name, status = found.groups()
        asked = {"action": "set", "analyses": [f"{subject}/{name}"], "status": status}
        return f"POST /v1/actions {json.dumps(asked)}"

    text = _APPLY.sub(lambda found: f"{found[1] or found[2]}=true", text)
    text = text.replace(_SUBJECT, "send subject=NAME")
    return _NAME.sub("name", _SET.sub(action, text))


def as_options(text: str) -> str:
    """Return what was said of parameters as it is said of options of ``asimov``.

    Examples
    --------
    >>> as_options("change it with update=true, or use force=true")
    'change it with --update, or use --force'
    """

    def command(found: re.Match[str]) -> str:
        asked = json.loads(found[1])
        return f"asimov production set {asked['analyses'][0]} --status {asked['status']}"

    text = _OF_APPLY.sub(r"--\1", text)
    text = text.replace("send subject=NAME", "give -e NAME")
    return _ACTION.sub(command, re.sub(r"^name (?=needs|is for)", "--name ", text))
