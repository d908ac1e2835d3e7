"""``asimov plugins``: what is installed, what one of them is, and making a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from asimov.cli import table
from asimov.cli.output import say, show, show_json
from asimov.cli.seconds import Seconds

if TYPE_CHECKING:
    from asimov.plugins.catalogue.installed import Entry
    from asimov.plugins.catalogue.loading import Loaded

#: Commands of the group that are modules of their own, loaded when they are called.
ELSEWHERE = {"check": "asimov.cli.check"}


class _Commands(click.Group):
    """The group; some of its commands lie in modules of their own."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *ELSEWHERE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in ELSEWHERE:
            found: click.Command = import_module(ELSEWHERE[cmd_name]).command
            return found
        return super().get_command(ctx, cmd_name)


@click.group("plugins", cls=_Commands)
def command() -> None:
    """Show the plugins that are installed, begin a new one, or check one.

    \b
    Example:
      asimov plugins list
      asimov plugins show command
      asimov plugins new mypipeline
    """


_TIMEOUT = click.option(
    "--timeout",
    type=Seconds(min=0, min_open=True),
    metavar="SECONDS",
    help="How long one package may take to load (60).",
)


@command.command("list")
@click.option(
    "--kind", metavar="KIND", help="Only these, such as pipeline, or a group of entry points."
)
@click.option("--no-load", is_flag=True, help="Do not try whether they load.")
@_TIMEOUT
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(kind: str | None, no_load: bool, timeout: float | None, as_json: bool) -> None:
    """List the plugins of all packages: pipelines, schedulers, hooks and others.

    Each package is loaded in a process of its own. Where two packages publish the same name, the
    one that asimov does not use is marked.

    \b
    Example:
      asimov plugins list --kind pipeline
    """
    from asimov.plugins.catalogue.installed import entries

    there = entries(kind)
    loaded = {} if no_load else _load(there, timeout)
    if as_json:
        show_json([_told(each, loaded.get(each)) for each in there])
        return
    if not there:
        say(f"no plugin of the kind {kind!r} is installed")
        return
    headings = ["name", "kind", "package", "version", *([] if no_load else ["loads"])]
    rows = []
    for each in there:
        what = "" if no_load else loaded[each].error or "yes"
        if not each.used:
            taken = next(e for e in there if (e.group, e.name, e.used) == (*_id(each), True))
            what = f"not used, {taken.package} comes first; {what}".removesuffix("; ")
        name = each.name if each.used else f"({each.name})"
        rows.append([name, each.kind, each.package, each.version, *([what] if what else [])])
    if no_load and any(not each.used for each in there):
        headings.append("")
    table.show(headings, [[*row, *[""] * (len(headings) - len(row))] for row in rows])


@command.command("show")
@click.argument("name")
@click.option("--kind", metavar="KIND", help="Where plugins of several kinds have the name.")
@_TIMEOUT
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_command(name: str, kind: str | None, timeout: float | None, as_json: bool) -> None:
    """Show the plugin NAME: its class, template, settings, inputs, outputs and documentation.

    \b
    Example:
      asimov plugins show command
    """
    from asimov.plugins.catalogue.description_text import description_text
    from asimov.plugins.catalogue.installed import named

    found = named(name, kind)
    entry = next((each for each in found if each.used), found[0])
    loaded = _load([entry], timeout, describe=True)[entry]
    told = _told(entry, loaded)
    hidden = {"settings"} if entry.kind == "pipeline" else set()  # they are the pipeline's
    others = [each for each in found if each is not entry and each.kind not in hidden]
    told["also"] = [{"kind": each.kind, "package": each.package} for each in others]
    if as_json:
        show_json(told)
    else:
        show(description_text(told))


@command.command("new")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(["simple", "subject", "project"]),
    default="simple",
    show_default=True,
    help="One analysis of a subject; over several analyses of a subject; across subjects.",
)
@click.option(
    "--into",
    metavar="DIR",
    default=".",
    help="The folder in which the package's folder is made (the current one).",
)
def new_command(name: str, kind: str, into: str) -> None:
    """Write a package with a new pipeline called NAME, which installs and runs as it stands.

    \b
    Example:
      asimov plugins new mypipeline
      asimov plugins new average --kind subject --into ~/packages
    """
    from pathlib import Path

    from asimov.plugins.catalogue.scaffold import write_package

    made = write_package(name, kind, Path(into).expanduser())
    say(f"written: {made.folder}")
    for path in sorted(made.files):
        say(f"  {path}")
    say(f"next: pip install --editable {made.folder}")
    say("  README.md there has the rest")


def _load(
    entries: Sequence[Entry], timeout: float | None, *, describe: bool = False
) -> Mapping[Entry, Loaded]:
    from asimov.plugins.catalogue.loading import TIMEOUT, load_all

    return load_all(entries, describe=describe, timeout=timeout or TIMEOUT)


def _told(entry: Entry, loaded: Loaded | None) -> dict[str, Any]:
    told = asdict(entry)
    if loaded is not None:
        told |= {"loads": loaded.error is None, "error": loaded.error, **loaded.description}
    return told


def _id(entry: Entry) -> tuple[str, str]:
    return entry.group, entry.name
