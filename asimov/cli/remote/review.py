"""``asimov --server URL review``: add a review of an analysis, or show reviews, at a service."""

from __future__ import annotations

import click

from asimov.cli import review as local
from asimov.cli.remote.connection import service
from asimov.cli.remote.form import remote_group
from asimov.cli.terminal.analysis_name import analysis_argument
from asimov.cli.terminal.output import say
from asimov.journal.keys import Key
from asimov.ledger import reviews


@analysis_argument("status")
def _add(
    subject: str,
    name: str,
    status: str | None,
    message: str | None,
    others: str | None,
    pipeline: str | None,
) -> None:
    if status is None and message is None:
        raise click.UsageError("give a STATUS, a message (-m), or both")
    if others is not None or pipeline is not None:
        raise click.UsageError("with --server, name it as project-analyses/NAME")
    outcome = None if status is None else reviews.named(status)
    key = Key(subject, name)
    service().act("review", [str(key)], status=outcome, reason=message)
    say(f"{key}: {outcome or 'message added'}")


@analysis_argument(required=False)
def _status(subject: str | None, name: str | None, as_json: bool) -> None:
    names = [] if subject is None else [subject if name is None else f"{subject}/{name}"]
    found = service().reviews(*names)
    local.show_reviews(found, one=name is not None, as_json=as_json)


command = remote_group(local.command, {"add": _add, "status": _status})
