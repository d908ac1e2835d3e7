"""``asimov --server URL apply``: send blueprints to a service, and show what changes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import click

from asimov.cli import apply as local
from asimov.cli.remote.connection import service
from asimov.cli.remote.form import remote_form
from asimov.cli.terminal.output import say
from asimov.errors import Place
from asimov.journal.keys import Key
from asimov.ledger import blueprints, sources
from asimov.ledger.plan import Change, Plan
from asimov.server.client import ServiceError

_PLACE = re.compile(r"the body:(\d+)(?::(\d+))?")


def _apply(files: tuple[str, ...], plugin: str | None, verbose: bool, **options: Any) -> None:
    """Apply files; the other options are those of the service."""
    if plugin is not None:
        raise click.UsageError(
            "-p runs a hook on this machine, so it can't be combined with --server"
        )
    local.check(files, plugin, options["update"], options["name"], options["iterate"])
    texts = [sources.text(file) for file in files]
    # What is wrong with a document by itself is found here.
    if not [each for file, text in zip(files, texts, strict=True)
            for each in blueprints.parse(text, file)]:  # fmt: skip
        say("Nothing to apply: no documents in " + ", ".join(files))
        return
    whole, starts = joined(texts)
    try:
        data = service().apply(whole, **options)
    except ServiceError as error:
        if place := _PLACE.fullmatch(str(error.where)):
            error.where = _place(files, starts, int(place[1]), place[2])
        raise
    local.show_plan(_plan(data), would=options["dry_run"], whole=verbose)


def joined(texts: Sequence[str]) -> tuple[str, list[int]]:
    """Return several streams of documents as one, and how many lines come before each.

    Examples
    --------
    >>> joined(["a: 1", "---\\nb: 2\\n"])
    ('a: 1\\n...\\n---\\nb: 2\\n...\\n', [0, 2])
    """
    whole, starts = "", []
    for text in texts:
        # A stream that begins with a document needs a mark; one that begins with a mark, none.
        first = next((line for line in text.splitlines() if line.strip() and line[0] != "#"), "")
        if whole and not first.startswith(("---", "%")):
            whole += "---\n"
        starts.append(whole.count("\n"))
        end = "" if text.endswith("\n") or not text else "\n"
        whole += f"{text}{end}...\n"
    return whole, starts


def _place(files: Sequence[str], starts: Sequence[int], line: int, column: str | None) -> Place:
    """Return the place of a line of the whole in its file."""
    number = max(i for i, start in enumerate(starts) if start < line)
    return Place(files[number], line - starts[number], int(column) if column else None)


def _plan(data: dict[str, Any]) -> Plan:
    """Return a plan as an object."""
    return Plan(
        changes=[
            Change(each["action"], each["what"], tuple(each["details"])) for each in data["changes"]
        ],
        notes=data["notes"],
        comments_lost=data["comments_lost"],
        outdated={Key.of(name): tuple(why) for name, why in data["outdated"].items()},
    )


command = remote_form(local.command, _apply)
