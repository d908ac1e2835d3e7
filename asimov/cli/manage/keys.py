"""``asimov manage key``: the keys with which programs use the service."""

from __future__ import annotations

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal import table
from asimov.cli.terminal.output import say, show, show_json
from asimov.configuration import owner
from asimov.journal.access_keys import RATE, AccessKey, AccessKeys
from asimov.system import clock


@click.command("key")
@click.option("--add", "new", metavar="NAME", help="Add a key, and print it once.")
@click.option("--read-only", is_flag=True, help="With --add: the key may only read.")
@click.option(
    "--rate",
    type=click.IntRange(1, 1_000_000),
    metavar="NUMBER",
    help=f"With --add: at most this many requests a minute; {RATE} by default.",
)
@click.option("--revoke", "old", metavar="NAME", help="Revoke a key permanently.")
@click.option("--list", "listing", is_flag=True, help="List the keys.")
@click.option("--json", "as_json", is_flag=True, help="With --list: print a JSON list of objects.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "platipy"]),
    default="table",
    help="With --list: a table, or lines as PlatiPy prints them.",
)
def key_command(
    new: str | None,
    read_only: bool,
    rate: int | None,
    old: str | None,
    listing: bool,
    as_json: bool,
    form: str,
) -> int:
    """Add, list or revoke the keys with which programs use the service.

    A key is shown once: the journal keeps only its hash. The log shows the key's name for
    everything done with it.

    \b
    Example:
      asimov manage key --add dashboard --read-only
      asimov manage key --list
      asimov manage key --revoke dashboard
    """
    if sum((new is not None, old is not None, listing)) != 1:
        raise click.UsageError("give one of --add NAME, --revoke NAME and --list")
    if new is None and (read_only or rate is not None):
        raise click.UsageError("--read-only and --rate need --add")
    if as_json and not listing:
        raise click.UsageError("--json needs --list")
    use = Use.READ if listing else Use.ACT
    workspace = open_workspace(use)
    keys = AccessKeys(workspace.journal)
    if new is not None:
        show(f"Key added: {keys.add(new, owner(), read_only=read_only, rate=rate or RATE)}")
    elif old is not None:
        say(f"{old}: {'revoked' if keys.revoke(old) else 'was revoked before'}")
    elif as_json:
        show_json([_data(each) for each in keys.all()])
    elif form == "platipy":
        for each in keys.all():
            if each.revoked is None:
                say(f"{each.name}: {each.start} (Admin: False)")
    else:
        _list(keys.all())
    return 0


def _list(keys: list[AccessKey]) -> None:
    if not keys:
        say("No keys yet; 'asimov manage key --add NAME' adds one")
        return
    rows = [
        [
            each.name, each.start, "read" if each.read_only else "read and write", str(each.rate),
            each.owner, clock.iso(each.made), clock.iso(each.used) if each.used else "never",
            clock.iso(each.revoked) if each.revoked else "",
        ]
        for each in keys
    ]  # fmt: skip
    head = ("key", "begins", "may", "a minute", "added by", "added", "last used", "revoked")
    table.show(head, rows)


def _data(key: AccessKey) -> dict[str, object]:
    moments = {
        name: clock.iso(moment) if moment else None
        for name, moment in (("made", key.made), ("used", key.used), ("revoked", key.revoked))
    }
    shown = {**key._asdict(), **moments}
    del shown["digest"]
    return shown
