"""``asimov plugins check``: find out whether pipelines keep their contracts."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import TYPE_CHECKING

import click

from asimov.cli.terminal.output import say, show_json, warn
from asimov.cli.terminal.seconds import Seconds
from asimov.discovery import entrypoints
from asimov.errors import EXIT_ERROR, EXIT_STUCK, AsimovError

if TYPE_CHECKING:
    from asimov.testing.conformance.findings import Finding

_MARKS = {True: "holds", False: "does not hold", None: "unknown"}

#: Options that the check sets itself, and why.
_OWN = {
    "scheduler/type": "use --scheduler NAME",
    "project/root": "a check runs in scratch projects, which have folders of their own",
    "project/journal": "a check runs in scratch projects, which have folders of their own",
}


@click.command("check")
@click.argument("what", metavar="NAME|PATH", required=False)
@click.option("--scheduler", default="local", show_default=True, help="Where jobs run.")
@click.option(
    "--settings",
    "file",
    metavar="FILE",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="A blueprint, or an analysis's settings, that the pipeline works with.",
)
@click.option(
    "--config",
    "options",
    metavar="SECTION/KEY=VALUE",
    multiple=True,
    help="Set an option of the scratch projects; may be repeated.",
)
@click.option(
    "--timeout",
    type=Seconds(min=1),
    default=600.0,
    metavar="SECONDS",
    help="How long a job may take (600).",
)
@click.option(
    "--image",
    metavar="REF",
    help="Check instead whether this image keeps the contract of SPT's plugins.",
)
@click.option(
    "--runtime",
    metavar="NAME",
    help="What runs the image; by default the first that is found here.",
)
@click.option(
    "--input",
    "graphs",
    metavar="FOLDER",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="A folder of graphs to train the image on.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(
    what: str | None,
    scheduler: str,
    file: Path | None,
    options: tuple[str, ...],
    timeout: float,
    image: str | None,
    runtime: str | None,
    graphs: Path | None,
    as_json: bool,
) -> None:
    """Check whether the pipeline NAME, or every pipeline in the package PATH, keeps its contracts.

    Each pipeline is run in scratch projects from its build to its stored results. A package in a
    folder need not be installed. If a pipeline needs settings, they are read from conformance.yaml
    or blueprint.yaml next to its module or in the package's folder. Each result is printed as soon
    as it is known.

    Exit codes: 0 all contracts hold, 1 at least one does not, 3 some are unknown.

    \b
    Example:
      asimov plugins check mypipeline
      asimov plugins check ./asimov-mypipeline --settings smallest.yaml
      asimov plugins check mypipeline --config pipelines/environment=/opt/mypipeline
      asimov plugins check --image nadeemlab/spt-plugin:0.0.2
    """
    if (what is None) == (image is None):
        raise click.UsageError("give the NAME or PATH of pipelines, or an image with --image")
    if image is not None:
        from asimov.cli.plugins.image import check_image

        sys.exit(check_image(image, runtime, graphs, as_json))
    assert what is not None
    if runtime is not None or graphs is not None:
        raise click.UsageError("--runtime and --input are for images: add --image REF")
    if not entrypoints.is_known(entrypoints.SCHEDULERS, scheduler):
        raise entrypoints.unknown(entrypoints.SCHEDULERS, scheduler)
    how = _How(file, scheduler, _configuration(options), timeout, as_json)
    folder = Path(what).expanduser()
    results: dict[str, list[Finding]] = {}
    # An installed pipeline takes precedence over a folder of the same name: ./NAME is the folder.
    if folder.is_dir() and ("/" in what or not entrypoints.is_known(entrypoints.PIPELINES, what)):
        from asimov.testing.conformance.install import installed

        with installed(folder.resolve()) as package:
            for point in package.pipelines:
                results[point.name] = _check(
                    point, how, folder, package.python, package.environment
                )
    else:
        point = _named(what)
        results[point.name] = _check(point, how)
    if as_json:
        show_json({name: _as_json(found) for name, found in results.items()})
    sys.exit(_code([each.holds for found in results.values() for each in found]))


@dataclass(frozen=True)
class _How:
    file: Path | None
    scheduler: str
    configuration: dict[str, str]
    timeout: float
    as_json: bool


def _configuration(options: tuple[str, ...]) -> dict[str, str]:
    """Parse the options of the scratch projects, by ``section/key``.

    Raises
    ------
    AsimovError
        For an invalid option, or one that the check sets itself.
    """
    from asimov import configuration
    from asimov.cli.configuration import check_value, near, split

    values = {}
    known = configuration.read()
    for each in options:
        option, equals, value = each.partition("=")
        if not equals:
            raise AsimovError(
                f"--config {each!r} has no value",
                hint="write SECTION/KEY=VALUE, such as pipelines/environment=/opt/mypipeline",
            )
        section, key = split(option)
        if option in _OWN:
            raise AsimovError(f"{option} can't be set for a check", hint=_OWN[option])
        check_value(option, value)
        if not known.has_option(section, key) and (other := near(option, known)):
            warn(f"note: {option!r} is an unknown option{other}")
        values[option] = value
    return values


def _named(name: str) -> EntryPoint:
    point = entrypoints.find(entrypoints.PIPELINES, name)
    if point is not None:
        return point
    if "/" in name or Path(name).exists():
        raise AsimovError("there is no such folder", where=name)
    raise entrypoints.unknown(entrypoints.PIPELINES, name)


def _check(
    point: EntryPoint,
    how: _How,
    source: Path | None = None,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
) -> list[Finding]:
    from asimov.testing.conformance import minimal_blueprint
    from asimov.testing.conformance.contracts import SCENES
    from asimov.testing.conformance.runner import check

    found = how.file or minimal_blueprint.find(point, source)
    if found is not None:
        minimal_blueprint.documents(point.name, found)  # report what is wrong first

    def show_scene(scene: str) -> None:
        warn(f"{point.name}: {SCENES[scene]}")

    lines = _Lines()
    findings = check(
        point.name,
        blueprint=found.resolve() if found else None,
        scheduler=how.scheduler,
        configuration=how.configuration,
        patience=how.timeout,
        python=python,
        environment=environment,
        on_scene=show_scene if sys.stderr.isatty() else lambda scene: None,
        on_finding=(lambda finding: None) if how.as_json else lines.show,
    )
    if not how.as_json:
        say(f"{point.name}: {_counts(findings)}")
    if found is None and not all(each.holds for each in findings):
        names = " or ".join(minimal_blueprint.NAMES)
        warn(
            f"note: {point.name} has no {names}, so its analysis had no settings; "
            "--settings FILE provides some"
        )
    return findings


def _code(held: list[bool | None]) -> int:
    if all(held):
        return 0
    return EXIT_ERROR if False in held else EXIT_STUCK


def _as_json(found: list[Finding]) -> list[dict[str, object]]:
    from asimov.testing.conformance.contracts import CONTRACTS

    return [
        {
            "contract": each.contract,
            "sentence": CONTRACTS[each.contract].sentence,
            "holds": each.holds,
            "seen": each.seen,
        }
        for each in found
    ]


class _Lines:
    """Prints the findings as they arrive."""

    def __init__(self) -> None:
        self._before = ""

    def show(self, each: Finding) -> None:
        """Print a finding; for a broken contract, its sentence and what was seen."""
        from asimov.testing.conformance.contracts import CONTRACTS

        seen = "(as above)" if each.seen == self._before and not each.holds else each.seen
        start = f"{_MARKS[each.holds]:14} {each.contract}"
        if each.holds is False:
            say(f"{start}: {CONTRACTS[each.contract].sentence}")
            say(f"{'':14} {seen}")
        else:
            say(start + (f": {seen}" if seen else ""))
        self._before = each.seen or self._before


def _counts(found: list[Finding]) -> str:
    counts = [
        (mark, [each.contract for each in found if each.holds is holds])
        for holds, mark in ((True, "hold"), (False, "do not hold"), (None, "unknown"))
    ]
    parts = [
        f"{len(names)} {mark}" + (f" ({', '.join(names)})" if mark != "hold" else "")
        for mark, names in counts
        if names
    ]
    return "; ".join(parts)
