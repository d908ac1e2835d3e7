"""``asimov --server URL logs``: show what the jobs of an analysis wrote, from a service."""

from __future__ import annotations

import time
from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, BinaryIO

import click

from asimov import text
from asimov.cli import logs as local
from asimov.cli.remote.connection import service
from asimov.cli.remote.form import remote_form
from asimov.cli.terminal.analysis_name import analysis_argument
from asimov.cli.terminal.output import say, show_json
from asimov.errors import AsimovError
from asimov.server.client import Client
from asimov.server.client_connection import PATIENCE, ServiceError
from asimov.states import STATES
from asimov.system.moment import moment
from asimov.system.readers import unread

#: Seconds between two looks of ``--follow``; the most bytes of a line that are kept together.
_LOOK = 1.0
_BLOCK = 1 << 16


@analysis_argument()
def _logs(
    subject: str,
    name: str,
    node: str | None,
    last: int,
    whole: bool,
    follow: bool,
    as_json: bool,
) -> None:
    if as_json and (follow or whole):
        raise click.UsageError("--json can't be combined with --follow or --all")
    client = service()
    found = _files(client, subject, name, node, last)
    withheld = "" if node or as_json else _withheld(client, subject, name)
    if withheld and not found and not follow:
        raise AsimovError(
            withheld, hint=f"'asimov logs {subject}/{name}' shows it where the service runs"
        )
    if not found and not follow:
        raise AsimovError(
            f"the jobs of {subject}/{name} have no output yet"
            + (f" from nodes {text.quoted(node)}" if node else ""),
            hint=f"'asimov why {subject}/{name}' explains its state",
        )
    shown = found if whole else local.latest(found, _size, _changed)
    if as_json:
        show_json([{key: each[key] for key in each if key != "file"} for each in shown])
        return
    for each in shown:
        _head(each)
        if whole:
            with client.output(subject, name, each["file"]) as stream:
                local.say_whole(_lines(stream))
        else:
            local.say_short(each["lines"])
    local.say_more(sum(bool(each["bytes"]) for each in found) - len(shown))
    if withheld:
        say(withheld)
    if follow:
        client.patience = PATIENCE
        _follow(client, subject, name, node, {each["file"]: each["bytes"] for each in found})


def _files(
    client: Client, subject: str, name: str, node: str | None, last: int
) -> list[dict[str, Any]]:
    found = client.outputs(subject, name, min(last, 1000))
    return [each for each in found if node is None or fnmatchcase(each["node"] or "", node)]


def _withheld(client: Client, subject: str, name: str) -> str:
    """Say in a line which files the service does not show, and why; empty if it shows all."""
    first, *others = client.outputs_not_shown(subject, name) or [""]
    return first + (f" (and {len(others)} more)" if others else "")


def _size(each: dict[str, Any]) -> int:
    return int(each["bytes"])


def _changed(each: dict[str, Any]) -> float:
    return moment(each["changed"])


def _head(each: dict[str, Any]) -> None:
    local.say_head(
        each["path"], each["node"] or "", each["kind"] or "", each["bytes"], _changed(each)
    )


def _lines(stream: BinaryIO) -> Iterator[str]:
    while line := stream.readline(_BLOCK):
        yield text.of_bytes(line).rstrip("\n")


def _follow(
    client: Client, subject: str, name: str, node: str | None, ends: dict[str, int]
) -> None:
    """Show what is added to the files, and new files, until the analysis is under way no more."""
    latest: str | None = None
    while not unread():
        status = client.analysis(subject, name)["status"]
        whole = True
        for each in _files(client, subject, name, node, 0):
            file, seen = each["file"], ends.get(each["file"], 0)
            if each["bytes"] < seen:  # it was written again
                seen = 0
            if each["bytes"] == seen:
                continue
            with client.output(subject, name, file, seen) as stream:
                try:
                    data = stream.read()
                except ServiceError:  # the service ends while it sends this
                    whole = False
                    continue
            end = data.rfind(b"\n") + 1
            ends[file] = seen + end
            if end and file != latest:
                _head(each)
                latest = file
            local.say_short(text.of_bytes(data[:end]).splitlines())
        if whole and (status not in STATES or not STATES[status].active):
            say(f"{subject}/{name} is {status}", status)
            return
        time.sleep(_LOOK)


command = remote_form(local.command, _logs)
