"""``asimov plugins``: list or show installed plugins, and create a new one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from asimov.cli.terminal import table
from asimov.cli.terminal.output import say, show, show_json
from asimov.cli.terminal.seconds import Seconds

if TYPE_CHECKING:
    from asimov.plugins.catalogue.installed import Entry
    from asimov.plugins.catalogue.loading import Loaded

#: Commands of the group in modules of their own, imported when they are called.
_IN_MODULES = {"check": "asimov.cli.plugins.check"}


class _Commands(click.Group):
    """A group that imports some of its commands only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *_IN_MODULES]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _IN_MODULES:
            found: click.Command = import_module(_IN_MODULES[cmd_name]).command
            return found
        return super().get_command(ctx, cmd_name)


@click.group("plugins", cls=_Commands)
def command() -> None:
    """List or show installed plugins, create a new one, or check one.

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
    help="How long a package may take to load (60).",
)


@command.command("list")
@click.option(
    "--kind", metavar="KIND", help="Only this kind, such as pipeline, or an entry-point group."
)
@click.option("--no-load", is_flag=True, help="Don't try to load them.")
@_TIMEOUT
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_command(kind: str | None, no_load: bool, timeout: float | None, as_json: bool) -> None:
    """List the plugins of all packages: pipelines, schedulers, hooks and others.

    Each package is loaded in a separate process. If two packages publish the same name, the one
    that asimov does not use is marked.

    \b
    Example:
      asimov plugins list --kind pipeline
    """
    from asimov.plugins.catalogue.installed import entries

    there = entries(kind)
    loaded = {} if no_load else _load(there, timeout)
    if as_json:
        show_json([_data(each, loaded.get(each)) for each in there])
        return
    if not there:
        say(f"No plugin of the kind {kind!r} is installed; leave out --kind to list all")
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
@click.option("--kind", metavar="KIND", help="The kind, if several plugins have the name.")
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
    shown = _data(entry, loaded)
    hidden = {"settings"} if entry.kind == "pipeline" else set()  # they are the pipeline's
    others = [each for each in found if each is not entry and each.kind not in hidden]
    shown["also"] = [{"kind": each.kind, "package": each.package} for each in others]
    if as_json:
        show_json(shown)
    else:
        show(description_text(shown))


@command.command("new")
@click.argument("name")
@click.option(
    "--kind",
    type=click.Choice(["simple", "subject", "project", "container", "function", "phases"]),
    default="simple",
    show_default=True,
    help="A pipeline for one analysis, for several analyses of a subject, or across subjects; or "
    "what a stock pipeline of this name runs.",
)
@click.option(
    "--into",
    metavar="DIR",
    default=".",
    help="Where to create the package's folder; by default the current folder.",
)
def new_command(name: str, kind: str, into: str) -> None:
    """Create a package with a new pipeline called NAME, ready to install and run.

    \b
    Example:
      asimov plugins new mypipeline
      asimov plugins new average --kind subject --into ~/packages
    """
    from pathlib import Path

    from asimov.plugins.catalogue.scaffold import write_package

    made = write_package(name, kind, Path(into).expanduser())
    say(f"Created {made.folder}")
    for path in sorted(made.files):
        say(f"  {path}")
    say(f"Next: pip install --editable {made.folder}")
    say(f"{made.folder}/README.md describes the next steps")


def _load(
    entries: Sequence[Entry], timeout: float | None, *, describe: bool = False
) -> Mapping[Entry, Loaded]:
    from asimov.plugins.catalogue.loading import TIMEOUT, load_all

    return load_all(entries, describe=describe, timeout=timeout or TIMEOUT)


def _data(entry: Entry, loaded: Loaded | None) -> dict[str, Any]:
    shown = asdict(entry)
    if loaded is not None:
        shown |= {"loads": loaded.error is None, "error": loaded.error, **loaded.description}
    return shown


def _id(entry: Entry) -> tuple[str, str]:
    return entry.group, entry.name
