"""``asimov init``: create a project."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import click

from asimov import configuration
from asimov.cli.project import group_number
from asimov.cli.terminal.output import say, warn
from asimov.discovery import entrypoints
from asimov.engine.provenance.crates.contents import BLUEPRINT
from asimov.engine.provenance.crates.reading import open_crate
from asimov.engine.provenance.crates.software import differences
from asimov.engine.provenance.crates.unpacking import Unpacking
from asimov.journal.journal import Journal
from asimov.project import identity, sharing
from asimov.project.layout import Project, create, make_folders
from asimov.project.workspace import Workspace


@click.command("init")
@click.argument("name", required=False)
@click.option("--root", type=click.Path(file_okay=False), default=".", help="The project's folder.")
@click.option(
    "--from",
    "source",
    metavar="CRATE",
    type=click.Path(path_type=Path),
    help="Create the project from a crate, to rerun its analysis.",
)
@click.option("--scheduler", help="Where jobs run; by default htcondor if installed, else local.")
@click.option("--working", help="The folder for run directories.")
@click.option("--checkouts", help="The git repository for configurations.")
@click.option("--results", help="The folder for stored results.")
@click.option("--user", help="The accounting user for jobs.")
@click.option("--shared", is_flag=True, help="Let the folder's group work in the project.")
@click.option("--group", help="With --shared: the group to use instead.")
def command(
    name: str | None,
    root: str,
    source: Path | None,
    scheduler: str | None,
    working: str | None,
    checkouts: str | None,
    results: str | None,
    user: str | None,
    shared: bool,
    group: str | None,
) -> None:
    """Create a project called NAME in the current folder.

    With --from, the project has the analysis of a crate that 'asimov package' made: its files are
    checked and put in their places, its blueprint is applied, and nothing is run.

    \b
    Example:
      asimov init "Solar cycles" --root solar --scheduler local
      asimov init --from detrend.zip Detrend --root detrend
    """
    if group is not None and not shared:
        raise click.UsageError("--group needs --shared")
    if name is None and source is None:
        raise click.UsageError("Missing argument 'NAME'.")
    if shared:
        sharing.let_group_write()
    number = group_number(group)
    if scheduler is None:
        scheduler = "htcondor" if shutil.which("condor_submit") else "local"
        found = True
    else:
        found = False
        if not entrypoints.is_known(entrypoints.SCHEDULERS, scheduler):
            raise entrypoints.unknown(entrypoints.SCHEDULERS, scheduler)
    options = {
        ("general", "rundir_default"): working,
        ("general", "git_default"): checkouts,
        ("storage", "directory"): results,
        ("condor", "user"): user,
        ("project", "shared"): "true" if shared else None,
    }
    given = {place: value for place, value in options.items() if value is not None}
    crate = unpacking = None
    unchecked: list[str] = []
    if source is not None:
        with open_crate(source) as crate:
            unpacking = Unpacking(crate, Path(root), working)
            make_folders(Path(root), given)
            unpacking.write()
            unchecked = crate.unchecked()
            name = name or crate.contents.project
    assert name is not None
    project = create(name, Path(root), scheduler.lower(), given)
    # The journal first: a project whose configuration names no journal counts as new.
    with closing(Journal(project.journal)) as journal:
        identity.record(project, journal)
    file = project.root / configuration.PROJECT_FILE
    configuration.update_file(file, {("project", "journal"): project.stored(project.journal)})
    if shared:
        sharing.give_to_group(project, number)
    say(f"Created the project {name!r} in {project.root}")
    why = " (found on this machine)" if found and scheduler == "htcondor" else ""
    if scheduler.lower() == "htcondor" and not shutil.which("condor_submit"):
        warn("note: HTCondor's programs, such as condor_submit, are not on PATH here")
    say(f"Jobs will run on the scheduler {scheduler}{why}")
    if unpacking is not None:
        for line in unchecked:
            warn(f"note: {line}")
        _take_in(unpacking, project)


def _take_in(unpacking: Unpacking, project: Project) -> None:
    """Add what a crate describes to a new project, and say what is different here."""
    contents = unpacking.contents
    with closing((workspace := Workspace(project)).journal):
        unpacking.store(project)
        if unpacking.imports:
            say(
                f"Nothing is applied yet, because that imports modules. First read {BLUEPRINT} "
                "and the modules"
            )
            if contents.modules:
                say(
                    f"'asimov configuration update functions/modules {contents.modules}' names them"
                )
            say(f"'asimov apply -f {BLUEPRINT}' imports them, and adds {contents.analysis}")
        else:
            for line in unpacking.apply(workspace).summary(would=False):
                say(line)
        for line in [*unpacking.unavailable(workspace), *differences(unpacking.run)]:
            warn(f"note: {line}")
    say(f"'asimov manage build submit' runs {contents.analysis} again")
