"""Render an analysis's configuration file: find its template, and list the variables it may use."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from glob import escape
from pathlib import Path
from typing import Any, Protocol

from asimov.discovery import extensions
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.ledger.contents import Entry
from asimov.project.interface import OpenProject
from asimov.project.layout import Project
from asimov.rendering.dialects import dialects
from asimov.rendering.origins import Origins, package_folders, resolved
from asimov.rendering.render import dialect_of, render
from asimov.settings import Fault
from asimov.system.files import is_file, write_atomically

#: The names that `names` returns.
NAMES = frozenset(
    """
    production analysis pipeline config meta subject name config_file rundir project_root inputs
    assets
    """.split()  # noqa: SIM905
)


class Configured(Protocol):
    """What the configuration of an analysis is made from; an `Analysis` has all of it."""

    key: Key
    name: str
    entry: Entry

    @property
    def workspace(self) -> OpenProject:
        """The open project."""

    @property
    def pipeline(self) -> Any:
        """Its pipeline."""

    @property
    def meta(self) -> dict[str, Any]:
        """Its effective settings."""

    @property
    def subject(self) -> Any:
        """The subject that it studies."""

    @property
    def rundir(self) -> str:
        """Its run directory."""

    @property
    def config_file(self) -> str:
        """Where its configuration is kept."""

    @property
    def inputs(self) -> Sequence[Any]:
        """The analyses whose products it uses."""

    def _previous_assets(self) -> dict[str, Any]: ...


def names(analysis: Configured, *, inputs: bool = True) -> dict[str, Any]:
    """Return the names that templates and arguments may use, with their values.

    The page on the ledger in the documentation lists them.

    Parameters
    ----------
    analysis
        The analysis.
    inputs
        Whether to include ``inputs`` and ``assets``. An input's pipeline may raise, so some
        dialects do without.
    """
    workspace = analysis.workspace
    found: dict[str, Any] = {
        "production": analysis,
        "analysis": analysis,
        "pipeline": analysis.pipeline,
        "config": workspace.project.config,
        "meta": analysis.meta,
        "subject": analysis.subject,
        "name": analysis.name,
        "config_file": analysis.config_file,
        "rundir": analysis.rundir,
        "project_root": str(workspace.project.root),
    }
    if inputs:
        found.update(inputs=analysis.inputs, assets=analysis._previous_assets())
    return found


def template_of(analysis: Configured, directory: str | Path | None = None) -> Path:
    """Return the template of an analysis.

    It is the setting ``template``, else the file with the pipeline's name in ``[templating]
    directory``, else the pipeline's ``config_template``. The search covers `directory`, the folder
    ``[templating] directory``, the project's ``templates/`` folder, the project's own folder and
    asimov's own templates. A setting without a suffix gets that of the pipeline's template, or
    ``.ini``.

    Raises
    ------
    AsimovError
        If there is none, or it is neither in one of these folders nor in a package.
    """
    path = _named_template(analysis, directory)
    if not origins_of(analysis, directory).may_read(path):
        raise AsimovError(
            f"the template {str(path)!r} is outside the project",
            hint="copy it into the project's templates/ folder, or set the folder of templates "
            "with 'asimov configuration update templating/directory FOLDER'",
        )
    return path


def _named_template(analysis: Configured, directory: str | Path | None) -> Path:
    project = analysis.workspace.project
    folders = _folders(project)
    if directory is not None:
        folders.insert(0, Path(directory))
    of_pipeline = getattr(analysis.pipeline, "config_template", None)
    suffix = (Path(of_pipeline).suffix if of_pipeline else "") or ".ini"
    if wanted := analysis.meta.get("template"):
        return _named(str(wanted), suffix, folders)
    given = _templating_directory(project)
    if given and (own := given / f"{analysis.entry.pipeline.lower()}{suffix}").is_file():
        return own
    if not of_pipeline:
        raise AsimovError(
            f"{analysis.key} has no template",
            hint=f"give it 'template: FILE'; the pipeline {analysis.entry.pipeline} has none",
        )
    return find_template(str(of_pipeline), folders)


def _named(name: str, suffix: str, folders: Sequence[Path]) -> Path:
    if not Path(name).suffix and not any(is_file(folder / name) for folder in folders):
        name += suffix
    return find_template(name, folders)


def find_template(wanted: str | Path, folders: Sequence[Path]) -> Path:
    """Find the file of a template.

    Parameters
    ----------
    wanted
        An absolute path, or one relative to any of the folders; the first that exists counts.
    folders
        The folders to search, in order.

    Raises
    ------
    AsimovError
        If none of them has it; the hint lists the folders.
    """
    whole = Path(wanted).is_absolute()
    for path in [Path(wanted)] if whole else [folder / wanted for folder in folders]:
        if is_file(path):
            return path
    looked = ", ".join(str(folder) for folder in folders)
    raise AsimovError(
        f"there is no template {str(wanted)!r}",
        hint="if it belongs to a package, list it in the package's 'package-data'"
        if whole
        else f"looked in {looked}",
    )


def fault_of_template(name: str, project: Project) -> Fault | None:
    """Return the fault in the setting ``template`` if no file has its name, or None.

    Parameters
    ----------
    name
        The setting. To a name without a suffix the pipeline adds its own, so that any will do.
    project
        The project.
    """
    folders = _folders(project)
    if not Path(name).suffix and any(_with_suffix(folder / name) for folder in folders):
        return None
    try:
        find_template(name, folders)
    except AsimovError as error:
        return Fault(("template",), error.message, error.hint)
    return None


def _with_suffix(path: Path) -> bool:
    """Return whether there is a file with a name and any suffix."""
    return any(is_file(each) for each in path.parent.glob(f"{escape(path.name)}.*"))


def origins_of(analysis: Configured, directory: str | Path | None = None) -> Origins:
    """Return which templates of an analysis are code.

    Code are asimov's own templates, those of the pipeline's package, and those next to the
    pipeline's ``config_template`` or in `directory`, which a package names, unless they are in the
    project.
    """
    pipeline = analysis.pipeline
    kind: Any = type(pipeline)
    named = getattr(pipeline, "config_template", None)
    beside = Path(named).parent if named and Path(named).is_absolute() else None
    root, own = _resolved_once(analysis.workspace.project.root), _resolved_once(_own_templates())
    templates = _templating_directory(analysis.workspace.project)
    return Origins(
        project=tuple(dict.fromkeys([root, *resolved(templates)])),
        packages=(own, *package_folders(kind)),
        given=resolved(beside, Path(directory) if directory is not None else None),
    )


def _folders(project: Project) -> list[Path]:
    root = project.root
    given = _templating_directory(project)
    return [*([given] if given else []), root / "templates", root, _own_templates()]


def _templating_directory(project: Project) -> Path | None:
    """Return the folder of templates that the project's configuration names."""
    named = project.config.get("templating", "directory", fallback=None)
    return project.path(named) if named else None


@cache
def _resolved_once(folder: Path) -> Path:
    """Return a folder that stays where it is, with all links resolved."""
    return folder.resolve()


@cache
def _own_templates() -> Path:
    from importlib.resources import files

    return Path(str(files("asimov.templates")))


def make_config(
    analysis: Configured, path: Path, directory: str | Path | None, dryrun: bool
) -> str:
    """Render the configuration of an analysis; see `Analysis.make_config`."""
    template = template_of(analysis, directory)
    dialect = getattr(analysis.pipeline, "template_dialect", None) or dialect_of(template)
    given = dialects().get(dialect)  # `render` refuses one that is unknown
    context = names(analysis, inputs=given is None or given.reads_inputs)
    try:
        text = render(
            template,
            context,
            _folders(analysis.workspace.project),
            dialect,
            origins_of(analysis, directory),
        )
    except AsimovError as error:
        error.hint = error.hint or extensions.hint(error)
        raise
    if not dryrun:
        write_atomically(path, text, sync=False)
    return text
