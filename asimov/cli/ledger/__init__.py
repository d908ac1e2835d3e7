"""``asimov ledger``: show effective settings and the blueprint schema; history, import, export."""

from __future__ import annotations

from typing import Any

import click

from asimov.cli.ledger.history import history_command, undo_command
from asimov.cli.ledger.moving import export_command, import_command
from asimov.cli.ledger.repair import repair_command
from asimov.cli.open_project import Use, open_workspace
from asimov.cli.terminal.analysis_name import analysis_argument
from asimov.cli.terminal.output import say, show_json, warn
from asimov.engine.plain_data.analysis import settings_data
from asimov.journal.keys import Key
from asimov.ledger.documents import dump
from asimov.plugins.declarations import import_published, settings_classes
from asimov.settings.merging import leaves
from asimov.text import short


@click.group("ledger")
def command() -> None:
    """Show the ledger and its history, undo, import or export, or repair the journal.

    \b
    Example:
      asimov ledger show sunspots detrend
    """


command.add_command(history_command)
command.add_command(undo_command)
command.add_command(repair_command)
command.add_command(import_command)
command.add_command(export_command)


@command.command("show")
@analysis_argument(required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_command(subject: str | None, name: str | None, as_json: bool) -> None:
    """Show the effective settings of analyses, and where each value comes from.

    They include the defaults that the pipeline declares. Values that differ from those of the last
    attempt are marked. Without NAME, this shows every analysis of
    SUBJECT; without SUBJECT, every analysis.

    \b
    Example:
      asimov ledger show sunspots detrend
    """
    workspace = open_workspace(Use.READ)
    keys = workspace.keys(subject, name)
    shown = []
    for pipeline in dict.fromkeys(workspace.contents.entries[key].pipeline for key in keys):
        if error := import_published(workspace, pipeline, whole=True):
            warn(f"warning: {error}")
    for key in keys:
        data = settings_data(workspace, key)
        shown.append(data)
        if not as_json:
            _show(key, data)
    if as_json:
        show_json(shown)


def _show(key: Key, data: dict[str, Any]) -> None:
    sources, changed = data["from"], dict(data["ran_with"])
    other = "pipeline" in changed and "pipeline" not in sources
    pipeline = _ran_with(changed.pop("pipeline")) if other else ""
    say(f"{key} ({data['pipeline']}{pipeline})")
    lines = [
        (path := ": ".join(map(str, keys)), _short(value), sources[path])
        for keys, value in leaves(data["settings"])
    ]
    wide = [max((len(line[i]) for line in lines), default=0) for i in (0, 1)]
    for path, value, source in lines:
        ran = _ran_with(changed.pop(path)) if path in changed else ""
        say(f"  {path:{wide[0]}}  {value:{wide[1]}}  # {source}{ran}")
    for path, value in changed.items():
        say(f"  {path:{wide[0]}}  {'':{wide[1]}}  # gone{_ran_with(value)}")


def _ran_with(value: object) -> str:
    return "; it ran without it" if value is None else f"; it ran with {_short(value)}"


def _short(value: object) -> str:
    text: str = dump(value).strip().removesuffix("...").strip().replace("\n", " ")
    return short(text, 60)


@command.command("schema")
def schema_command() -> None:
    """Print the JSON Schema of blueprints, for editors.

    It includes the settings that installed pipelines declare.

    \b
    Example:
      asimov ledger schema > blueprint.schema.json
    """
    from asimov.ledger.declared_schema import with_settings
    from asimov.ledger.schema import blueprint_schema

    classes = settings_classes(warn)
    show_json(with_settings(blueprint_schema(), classes))
