"""``asimov start``: run the monitor in the background, or recommend how to."""

from __future__ import annotations

from dataclasses import asdict

import click

from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.interval import interval_option
from asimov.cli.terminal.output import say, show_json, warn
from asimov.engine import background
from asimov.engine.watch_intervals import watch_intervals
from asimov.keepers.choice import KEEPERS, configured, keeper, recommended, ways


@click.command("start")
@interval_option
@click.option(
    "--as", "name", metavar="KEEPER", help=f"What keeps it running: {', '.join(KEEPERS)}."
)
@click.option("--how", is_flag=True, help="Start nothing; recommend a keeper for this machine.")
@click.option("--json", "as_json", is_flag=True, help="With --how: print a JSON object.")
def command(interval: float | None, name: str | None, how: bool, as_json: bool) -> None:
    """Keep the monitor running in the background until 'asimov stop'.

    It also builds and submits analyses that become ready. What keeps it running is a job of the
    scheduler, unless --as or monitor/keeper of the configuration says otherwise.

    \b
    Example:
      asimov start --how
      asimov start --interval 60
      asimov start --as systemd
    """
    if as_json and not how:
        raise click.UsageError("--json needs --how")
    if how:
        _recommend(as_json=as_json)
        return
    workspace = open_workspace(Use.ACT)
    if note := watch_intervals(workspace, interval).note:
        warn(note)
    chosen = keeper(name) if name else configured(workspace.project.config)
    started = background.start(workspace, interval, name)
    log = workspace.project.logs / "monitor.log"
    say(f"The monitor now runs in the background {started.how}; its output goes to {log}")
    if caution := chosen.caution(workspace):
        warn(f"note: {caution}")


def _recommend(*, as_json: bool) -> None:
    workspace = open_workspace(Use.READ)
    found = ways(workspace)
    best, why = recommended(workspace, found)
    if as_json:
        show_json({"recommended": best.name, "why": why, "ways": [asdict(way) for way in found]})
        return
    say(f"Recommended on this machine: {best.name}, {best.meaning}")
    say(f"  {why}")
    say(f"  asimov configuration update monitor/keeper {best.name}")
    say()
    for way in found:
        say(f"{way.name}: {way.meaning}")
        if way.problem:
            say(f"  not here: {way.problem}")
        else:
            say(f"  outlives {way.outlives}" + (f"; {way.caution}" if way.caution else ""))
