"""``asimov logs``: show what the jobs of an analysis wrote."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from operator import attrgetter
from typing import TypeVar

import click

from asimov import text
from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.analysis_name import analysis_argument
from asimov.cli.terminal.output import say, show_json
from asimov.engine.job_output.files import OutputFile, output_files
from asimov.engine.job_output.reading import Follower, every_line, last_lines
from asimov.engine.plain_data.files import output_data
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.states import STATES
from asimov.system import clock
from asimov.system.readers import unread

#: How many files are shown unless all are asked for, and the longest line of them.
_FILES = 20
_LONGEST = 2000
#: Seconds between two looks of ``--follow``, and between two looks for new files.
_LOOK = 0.5
_LOOK_FOR_FILES = 5.0

_File = TypeVar("_File")
_SIZE, _CHANGED = attrgetter("size"), attrgetter("changed")


@click.command("logs")
@analysis_argument()
@click.option("--node", metavar="PATTERN", help="Only these nodes of the DAG, such as 'shard-1*'.")
@click.option(
    "-n",
    "--last",
    type=click.IntRange(1, 100_000),
    default=20,
    show_default=True,
    help="Show this many lines from the end of each file.",
)
@click.option("--all", "whole", is_flag=True, help="Show every file in full.")
@click.option("-f", "--follow", is_flag=True, help="Keep showing new output until the job ends.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects, one per file.")
def command(
    subject: str,
    name: str,
    node: str | None,
    last: int,
    whole: bool,
    follow: bool,
    as_json: bool,
) -> None:
    """Show the output and errors of an analysis's jobs, node by node.

    This shows the last lines of each file; if there are many, of those written most recently. If
    the run directory is gone, it shows the files in the results store.

    \b
    Example:
      asimov logs sunspots/detrend
      asimov logs sunspots/detrend --node 'shard-1*' --all
      asimov logs sunspots/detrend --follow
    """
    if as_json and (follow or whole):
        raise click.UsageError("--json can't be combined with --follow or --all")
    workspace = open_workspace(Use.READ, files=True)
    key = _key(workspace, subject, name)
    found = _files(workspace, key, node)
    if not found and not follow:
        raise AsimovError(
            f"no node of {key} that matches {text.quoted(node)} has output yet"
            if node
            else f"the jobs of {key} have no output yet",
            hint=f"'asimov why {key}' explains its state",
        )
    shown = found if whole else latest(found, _SIZE, _CHANGED)
    if as_json:
        show_json([output_data(each, last) for each in shown])
        return
    follower = Follower()
    ends = {each: follower.skip(each.path) for each in found}
    for each in shown:
        _head(each)
        if whole:
            say_whole(every_line(each.path))
        else:
            say_short(last_lines(each.path, last, ends[each]))
    say_more(sum(bool(end) for end in ends.values()) - len(shown))
    if follow:
        _follow(workspace, key, node, follower)


def _key(workspace: Workspace, subject: str, name: str) -> Key:
    key = Key(subject, name)
    return key if key in workspace.records else workspace.key(subject, name)


def _files(workspace: Workspace, key: Key, node: str | None) -> list[OutputFile]:
    found = output_files(workspace, key)
    return [each for each in found if node is None or fnmatchcase(each.node, node)]


def latest(
    found: list[_File], size: Callable[[_File], int], changed: Callable[[_File], float]
) -> list[_File]:
    """Return the files with content that were written to last, in their order."""
    there = [each for each in found if size(each)] or found
    newest = sorted(there, key=changed, reverse=True)[:_FILES]
    return [each for each in there if each in newest]


def _head(each: OutputFile) -> None:
    say_head(str(each.path), each.node, each.kind, each.size, each.changed)


def say_head(path: str, node: str, kind: str, size: int, changed: float) -> None:
    """Print what comes before the lines of a file, which was last written at a time."""
    of_node = f"node {node}, " if node else ""
    of_kind = f"{kind}, " if kind else ""
    age = clock.age(clock.now() - changed)
    say(f"==> {path} ({of_node}{of_kind}{size} bytes, written {age} ago) <==")


def say_whole(lines: Iterable[str]) -> None:
    """Print lines of a file."""
    for line in lines:
        if unread():
            return
        say(line)


def say_short(lines: Iterable[str]) -> None:
    """Print lines of a file, with very long ones cut."""
    for line in lines:
        say(text.short(line, _LONGEST))


def say_more(more: int) -> None:
    """Say how many files are not shown, if there are any."""
    if more > 0:
        say(f"({more} more: select them with --node, or use --all)")


def _follow(workspace: Workspace, key: Key, node: str | None, follower: Follower) -> None:
    """Show what is added to the files, and new files, until the analysis is under way no more."""
    latest: OutputFile | None = None
    found, looked = _files(workspace, key, node), clock.now()
    while not unread():
        workspace.reload()
        ended = not STATES[workspace.records[key].status].active
        if ended or clock.now() - looked > _LOOK_FOR_FILES:
            found, looked = _files(workspace, key, node), clock.now()
        for each in found:
            for line in follower.news(each.path):
                if each != latest:
                    _head(each)
                    latest = each
                say(text.short(line, _LONGEST))
        if ended:
            status = workspace.records[key].status
            say(f"{key} is {status}", status)
            return
        time.sleep(_LOOK)
