"""``asimov ledger repair``: rebuild a damaged or lost journal."""

from __future__ import annotations

from collections import Counter

import click

from asimov.cli.open_project import Use, open_project
from asimov.cli.terminal.output import say
from asimov.engine.repair.repair import Repaired, repair
from asimov.journal.keys import Key

#: The most doubtful analyses to list.
_MOST = 200

#: The contents of the journal's tables, for people.
_LOST = {
    "analyses": "states of analyses",
    "attempts": "attempts to run one",
    "events": "the log of what happened",
    "facts": "what pipelines wrote to analyses and subjects",
    "builds": "which configurations were built (they are built again)",
    "changes": "a change of the ledger that was under way (apply the blueprint again)",
    "properties": "whether the monitor was started in the background (look with 'asimov start')",
    "revisions": "the history of the ledger",
    "texts": "earlier texts of the ledger's files",
    "remedies": "how often held jobs were released",
}


@click.command("repair")
@click.option("-n", "--dry-run", "--dryrun", is_flag=True, help="Only print what would be done.")
@click.option(
    "--without-scheduler",
    is_flag=True,
    help="Continue if the scheduler is unreachable; unclear analyses become stuck.",
)
@click.option("--ready", is_flag=True, help="Make analyses that left no trace ready.")
def repair_command(dry_run: bool, without_scheduler: bool, ready: bool) -> None:
    """Rebuild a damaged or lost journal from all remaining evidence.

    Whatever is still readable is kept. The rest is inferred from the scheduler's queue and history,
    the logs in run directories, and the results store. Repair judges no job; the next monitor pass
    does. An analysis without evidence becomes stuck or waits, and is not submitted again. The
    damaged file is kept next to the new one. An intact journal is left alone.

    \b
    Exit codes: 5 the scheduler can't be reached, 6 another asimov process is using this project.

    \b
    Example:
      asimov ledger repair --dry-run
      asimov ledger repair
      asimov monitor
    """
    project = open_project(Use.acting(dry_run=dry_run), without_journal=True)
    result = repair(project, dry_run=dry_run, without_scheduler=without_scheduler, ready=ready)
    would = "would be " if dry_run else ""
    if not result.damage:
        say("The journal is intact: nothing to repair")
        if result.decisions:
            say(f"{len(result.decisions)} analyses that waited for a repair {would or 'are '}ready")
        return
    _show(result, would)


def _show(result: Repaired, would: str) -> None:
    say(f"The journal is damaged: {'; '.join(result.damage[:3])}")
    kept = [f"{n} {name}" for name, n in result.salvaged.items() if n]
    say(f"Recovered from it: {', '.join(kept) or 'nothing'}")
    if result.evidence is not None and not result.evidence.asked:
        say("The scheduler could not be reached")
    states = Counter(made.status for made in result.decisions.values())
    inferred = ", ".join(f"{count} {status}" for status, count in states.items())
    say(f"Inferred from other evidence: {inferred or 'nothing was missing'}")
    lost = [_LOST[name] for name in _LOST if name in result.incomplete]
    if lost:
        say(f"Not fully recovered: {'; '.join(lost)}")
    doubtful = [key for key, made in result.decisions.items() if made.doubtful]
    if doubtful:
        say(
            f"Check {'this analysis' if len(doubtful) == 1 else f'these {len(doubtful)} analyses'}:"
        )
    for key in doubtful[:_MOST]:
        say(_line(key, result))
    if len(doubtful) > _MOST:
        say(f"  ... and {len(doubtful) - _MOST} more: 'asimov status' shows them")
    if any(made.status == "wait" and made.doubtful for made in result.decisions.values()):
        say("'asimov ledger repair --ready' makes analyses that left no trace ready")
    if result.aside is not None:
        say(f"The damaged journal is kept as {result.aside.name}")
    say("Nothing was changed" if would else "Run 'asimov monitor' to process jobs that ended")


def _line(key: Key, result: Repaired) -> str:
    made = result.decisions[key]
    return f"  {key}: {made.status}: {made.reason}"
