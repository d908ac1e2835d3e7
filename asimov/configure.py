"""Making the configuration of an analysis: finding its template and what that may use."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from asimov.errors import AsimovError
from asimov.files import write_atomically
from asimov.templating import find_template, render

if TYPE_CHECKING:
    from asimov.analysis import Analysis


def names(analysis: Analysis) -> dict[str, Any]:
    """Return the names that a template and an argument may use.

    The docs' page on the ledger lists them.
    """
    workspace = analysis.workspace
    return {
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
        "inputs": analysis.inputs,
        "assets": analysis._previous_assets(),
    }


def template_of(analysis: Analysis, directory: str | Path | None = None) -> Path:
    """Return the template of an analysis.

    It is looked for in this order: the setting ``template`` in `directory`, in the project's
    ``templates/`` folder, in the project's own folder and among asimov's own templates; then the
    pipeline's ``config_template``.

    Raises
    ------
    AsimovError
        Where there is none.
    """
    folders = _folders(analysis)
    if directory is not None:
        folders.insert(0, Path(directory))
    wanted = analysis.meta.get("template") or getattr(analysis.pipeline, "config_template", None)
    if not wanted:
        raise AsimovError(
            f"{analysis.key[0]}/{analysis.name} has no template",
            hint=f"give it 'template: FILE'; the pipeline {analysis.entry.pipeline} has none",
        )
    return find_template(str(wanted), folders)


def _folders(analysis: Analysis) -> list[Path]:
    root = analysis.workspace.project.root
    return [root / "templates", root, _own_templates()]


@cache
def _own_templates() -> Path:
    from importlib.resources import files

    return Path(str(files("asimov.templates")))


def make_config(analysis: Analysis, path: Path, directory: str | Path | None, dryrun: bool) -> str:
    """Render the configuration of an analysis; see `asimov.analysis.Analysis.make_config`."""
    template = template_of(analysis, directory)
    text = render(template, names(analysis), _folders(analysis))
    if not dryrun:
        write_atomically(path, text, sync=False)
    return text
