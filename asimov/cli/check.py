"""``asimov plugins check``."""

from __future__ import annotations

import json
import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asimov import plugins
from asimov.errors import EXIT_ERROR, EXIT_STUCK, AsimovError

if TYPE_CHECKING:
    from asimov.conformance.findings import Finding

_MARKS = {True: "holds", False: "does not hold", None: "can't be told"}


@click.command("check")
@click.argument("what", metavar="NAME|PATH")
@click.option("--scheduler", default="local", show_default=True, help="Where its jobs run.")
@click.option(
    "--settings",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A blueprint, or the settings of an analysis, with which the pipeline works.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=1),
    default=600.0,
    metavar="SECONDS",
    help="How long a job may take (600).",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(what: str, scheduler: str, file: Path | None, timeout: float, as_json: bool) -> None:
    """Find out whether the pipeline NAME, or those of the package in PATH, keep their contracts.

    Each is driven through its life in scratch projects. A package in a folder need not be
    installed. Settings that a pipeline needs are taken from the file conformance.yaml or
    blueprint.yaml beside its module or in the package's folder.

    Exit codes: 0 all contracts hold, 1 one does not, 3 none was broken and some can't be told.

    \b
    Example:
      asimov plugins check mypipeline
      asimov plugins check ./asimov-mypipeline --settings smallest.yaml
    """
    if not plugins.is_known(plugins.SCHEDULERS, scheduler):
        raise plugins.unknown(plugins.SCHEDULERS, scheduler)
    folder = Path(what).expanduser()
    told: dict[str, list[Finding]] = {}
    # A name goes before a folder that happens to be called so: write ./NAME for that.
    if folder.is_dir() and ("/" in what or not plugins.is_known(plugins.PIPELINES, what)):
        from asimov.conformance.installing import installed

        with installed(folder.resolve()) as package:
            for point in package.pipelines:
                told[point.name] = _check(
                    point, folder, file, scheduler, timeout, package.python, package.environment
                )
    else:
        point = _named(what)
        told[point.name] = _check(point, None, file, scheduler, timeout, sys.executable, {})
    if as_json:
        click.echo(json.dumps({name: _as_json(found) for name, found in told.items()}, indent=2))
    else:
        for name, found in told.items():
            _show(name, found)
    sys.exit(_code([each.holds for found in told.values() for each in found]))


def _named(name: str) -> EntryPoint:
    point = plugins.find(plugins.PIPELINES, name)
    if point is not None:
        return point
    if "/" in name or Path(name).exists():
        raise AsimovError("there is no such folder", where=name)
    raise plugins.unknown(plugins.PIPELINES, name)


def _check(
    point: EntryPoint,
    source: Path | None,
    file: Path | None,
    scheduler: str,
    timeout: float,
    python: str,
    environment: dict[str, str],
) -> list[Finding]:
    from asimov.conformance import blueprint
    from asimov.conformance.checking import check
    from asimov.conformance.contracts import SCENES

    found = file or blueprint.find(point, source)
    if found is not None:
        blueprint.documents(point.name, found)  # what is wrong with it is told before anything

    def report(scene: str) -> None:
        click.echo(f"{point.name}: {SCENES[scene]}", err=True)

    findings = check(
        point.name,
        blueprint=found.resolve() if found else None,
        scheduler=scheduler,
        patience=timeout,
        python=python,
        environment=environment,
        report=report if sys.stderr.isatty() else lambda scene: None,
    )
    if found is None and not all(each.holds for each in findings):
        names = " or ".join(blueprint.NAMES)
        click.echo(
            f"note: {point.name} has no {names}, so that its analysis had no settings; "
            "--settings FILE gives it some",
            err=True,
        )
    return findings


def _code(held: list[bool | None]) -> int:
    if all(held):
        return 0
    return EXIT_ERROR if False in held else EXIT_STUCK


def _as_json(found: list[Finding]) -> list[dict[str, object]]:
    from asimov.conformance.contracts import CONTRACTS

    return [
        {
            "contract": each.contract,
            "sentence": CONTRACTS[each.contract].sentence,
            "holds": each.holds,
            "seen": each.seen,
        }
        for each in found
    ]


def _show(name: str, found: list[Finding]) -> None:
    from asimov.conformance.contracts import CONTRACTS

    before = ""
    for each in found:
        # What does not hold is told with the sentence of the documentation and what was seen.
        more = each.seen if each.holds else CONTRACTS[each.contract].sentence
        again = not each.holds and each.seen == before
        line = f"{_MARKS[each.holds]:14} {each.contract}" + (f": {more}" if more else "")
        click.echo(line + (" (as above)" if again else ""))
        if not each.holds and not again:
            click.echo(f"{'':14} {each.seen}")
            before = each.seen
    counts = [
        (mark, [each.contract for each in found if each.holds is holds])
        for holds, mark in ((True, "hold"), (False, "do not"), (None, "can't be told"))
    ]
    parts = [
        f"{len(names)} {mark}" + (f" ({', '.join(names)})" if mark != "hold" else "")
        for mark, names in counts
        if names
    ]
    click.echo(f"{name}: {'; '.join(parts)}")
