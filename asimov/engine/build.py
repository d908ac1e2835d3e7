"""Build analyses: render and commit the configuration of each one that is ready."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from asimov.engine.diagnosis import refusals
from asimov.engine.importing.old_folders import leave_old_folder
from asimov.engine.questions.asking import ask, open_question
from asimov.engine.readiness import waiting_for
from asimov.engine.refresh import RUN_INPUTS
from asimov.engine.results.inputs import StoredInputs
from asimov.engine.site_rules import check_site
from asimov.errors import AsimovError, ReportedError
from asimov.journal.builds import Builds
from asimov.journal.keys import Key
from asimov.journal.records import Build
from asimov.plugins.lost_products import blamed, changed, lost_inputs, used
from asimov.plugins.methods import MethodError, call_method, guarded, overrides
from asimov.plugins.requirements import check_inputs, check_schemas, check_settings
from asimov.project.analysis import Analysis
from asimov.project.git.repository import EventRepo
from asimov.project.template_files import Templates
from asimov.project.workspace import Workspace, workspace_of
from asimov.system import clock, progress, reading

Report = Callable[[str], None]

#: Settings that describe an analysis and do not change what it does: no build depends on them.
DESCRIPTIVE = ("review", "labels", RUN_INPUTS)


class Result(msgspec.Struct):
    """What a build or a submission did to each analysis.

    Attributes
    ----------
    done
        The analyses that were built or submitted.
    unchanged
        Those that needed nothing.
    waiting
        Those that wait, and what each waits for.
    deferred
        The waiting ones that wait only because of a limit.
    unbuilt
        The waiting ones that must be built before they can be submitted.
    failed
        Those that could not be built or submitted, and why.
    """

    done: list[Key] = msgspec.field(default_factory=list)
    unchanged: list[Key] = msgspec.field(default_factory=list)
    waiting: dict[Key, list[str]] = msgspec.field(default_factory=dict)
    deferred: list[Key] = msgspec.field(default_factory=list)
    unbuilt: list[Key] = msgspec.field(default_factory=list)
    failed: dict[Key, ReportedError] = msgspec.field(default_factory=dict)


def build(
    workspace: Workspace,
    keys: Iterable[Key],
    report: Report,
    *,
    dry_run: bool = False,
    force: bool = False,
) -> Result:
    """Build the analyses among some that are ready.

    Parameters
    ----------
    workspace
        The open project; the caller holds its lock unless this is a dry run.
    keys
        The analyses.
    report
        Takes a line for each thing done.
    dry_run
        Whether to print configurations and touch nothing.
    force
        Whether to render configurations again that were edited by hand.

    Returns
    -------
    Result
        What was built, and what could not be.
    """
    result = Result()
    rendered: dict[Key, Build] = {}
    files: dict[Path, tuple[EventRepo, list[Path]]] = {}
    stored, templates = StoredInputs(workspace, report), Templates()
    for key in progress.over(list(keys), "building"):
        if workspace.status(key) != "ready":
            continue
        waits = waiting_for(workspace, key)
        if waits:
            result.waiting[key] = waits
            continue
        try:
            analysis = workspace.analysis(key)
            if (question := open_question(analysis)) is not None:
                said = ask(analysis, question, "submit", dry_run=dry_run)
                report(f"{key}: {said}")
                result.waiting[key] = [said]
                continue
            stored.check(key)
            new = _build_one(analysis, templates, report, dry_run=dry_run, force=force)
        except AsimovError as error:
            result.failed[key] = error
            _report_failure(workspace, key, error, report, dry_run=dry_run)
            continue
        if new is None:
            result.unchanged.append(key)
            continue
        result.done.append(key)
        if not dry_run:
            repository = workspace.analysis(key).repository
            rendered[key] = new
            _, paths = files.setdefault(repository.root, (repository, []))
            paths.append(workspace.project.path(new.config))
    for repository, paths in files.values():
        try:
            repository.commit(paths, _message(paths), report)
        except ReportedError as error:
            # Only subjects with this repository are affected.
            root = repository.root
            for key in [k for k in rendered if workspace.analysis(k).repository.root == root]:
                del rendered[key]
                result.done.remove(key)
                result.failed[key] = error
                _report_failure(workspace, key, error, report, dry_run=dry_run)
    refusals.forget(workspace, rendered, () if dry_run else result.unchanged)
    if rendered:
        Builds(workspace.journal).record(rendered)
        workspace.builds.update(rendered)
        for key, made in rendered.items():
            report(f"{key}: built {made.config}")
    return result


def _report_failure(
    workspace: Workspace, key: Key, error: ReportedError, report: Report, *, dry_run: bool
) -> None:
    report(f"{key}: {error.with_hint}")
    if dry_run:
        return
    if isinstance(error, MethodError) and not error.mistake:
        workspace.move(key, "stuck", "submit", str(error))
    elif not refusals.give_up(workspace, key, error):
        # Not stuck: once the ledger or a file is mended, the next build tries again.
        refusals.remember(workspace, key, error.with_hint)


def _build_one(
    analysis: Analysis, templates: Templates, report: Report, *, dry_run: bool, force: bool
) -> Build | None:
    """Render one configuration; None if it is up to date already."""
    if not dry_run:
        leave_old_folder(workspace_of(analysis), analysis)
    with analysis.repository.expecting(analysis.config_file):
        call_method(analysis, "before_config", keep=not dry_run, dryrun=dry_run)
    check_settings(analysis)
    try:
        check_inputs(analysis)
        check_schemas(analysis)
        check_site(analysis, report)
        # The template may call this pipeline and those of its inputs.
        with guarded(analysis, "make_config", passing=AsimovError):
            made = _render(analysis, templates, report, dry_run=dry_run, force=force)
        if made and not dry_run and overrides(analysis.entry.pipeline, "check_jobs"):
            call_method(analysis, "check_jobs", keep=False)
    except AsimovError as error:
        if (cause := blamed(lost_inputs(analysis), error)) is error:
            raise
        raise cause from error
    return made


def _render(
    analysis: Analysis, templates: Templates, report: Report, *, dry_run: bool, force: bool
) -> Build | None:
    workspace = workspace_of(analysis)
    if dry_run:
        text = analysis.make_config(analysis.config_file, dryrun=True)
        report(f"# {analysis.key}: {analysis.config_file}")
        for line in text.split("\n"):
            report(line)
        return Build("", "", "", 0)
    analysis.repository.ensure()
    path = Path(analysis.config_file)
    digest = settings_digest(analysis, templates)
    known = workspace.builds.get(analysis.key)
    if known and path.exists():
        if known.digest == digest and not force:
            return None
        present = path.read_bytes()
        edited = content_digest(present) != known.content
        # An interrupted build has left what would be rendered now.
        if edited and not force and present != analysis.make_config(path, dryrun=True).encode():
            raise AsimovError(
                "was edited by hand, and its settings have changed since",
                where=path,
                hint="'asimov manage build --force' renders it again and discards your edits",
            )
    text = analysis.make_config(path)
    if (missing := used(analysis, text)) is not None:
        raise missing.error()
    if (error := changed(analysis, text)) is not None:
        raise error
    config = workspace.project.stored(path)
    return Build(config, digest, content_digest(text.encode()), clock.now())


def audit(workspace: Workspace, key: Key) -> str | None:
    """Return how a configuration differs from what the ledger says; None if it doesn't.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    """
    known = workspace.builds.get(key)
    if known is None:
        return "not built yet"
    try:
        present = reading.contents(workspace.project.path(known.config))
    except OSError:
        return "its configuration is missing"
    found = []
    if content_digest(present) != known.content:
        found.append("edited by hand")
    if settings_digest(workspace.analysis(key)) != known.digest:
        found.append("its settings or its template have changed since it was built")
    return "; ".join(found) or None


def unbuilt(analysis: Analysis, templates: Templates | None = None) -> AsimovError | None:
    """Return an error unless the configuration exists and matches the present settings.

    Parameters
    ----------
    analysis
        The analysis.
    templates
        The templates of many analyses, if several are looked at.
    """
    known = workspace_of(analysis).builds.get(analysis.key)
    if known is None or not os.path.exists(analysis.config_file):  # noqa: PTH110  (a Path takes longer)
        return AsimovError("it has not been built", hint="run 'asimov manage build' first")
    if known.digest != settings_digest(analysis, templates):
        return AsimovError(
            "its settings have changed since it was built", hint="run 'asimov manage build' again"
        )
    return None


def settings_digest(analysis: Analysis, templates: Templates | None = None) -> str:
    """Return a digest of everything a configuration is rendered from."""
    workspace = workspace_of(analysis)
    _, settings = workspace.layers(analysis.key)
    kept = {name: value for name, value in settings.items() if name not in DESCRIPTIVE}
    template, content = (templates or Templates()).of(analysis)
    parts = [
        msgspec.msgpack.encode(kept, enc_hook=str),
        template.encode(),
        content,
        # Configurations hold absolute paths, which change when a project moves.
        str(workspace.project.root).encode(),
    ]
    # Configurations also hold the paths of products, which move when a run directory is removed.
    folders = [(each.product_folder, each.rundir) for each in analysis.inputs]
    parts += [folder.encode() for folder, rundir in folders if folder != rundir]
    # So do those of single products that were removed or changed there.
    for each in analysis.inputs:
        parts += [name.encode(errors="surrogateescape") for name in sorted(each.replaced_products)]
    return content_digest(b"\0".join(parts))


def content_digest(data: bytes) -> str:
    """Return a digest of a file's content."""
    return hashlib.sha256(data).hexdigest()[:32]


def _message(paths: list[Path]) -> str:
    names = [f"{path.parent.parent.name}/{path.stem}" for path in paths]
    if len(names) == 1:
        return f"Build {names[0]}"
    return f"Build {len(names)} analyses\n\n" + "\n".join(names)
