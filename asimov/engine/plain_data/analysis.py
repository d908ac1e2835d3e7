"""One analysis as plain data: state, attempts, usage, folders, products, settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import structs

from asimov.engine.provenance.comparison import changed_since
from asimov.engine.provenance.result_settings import result_settings
from asimov.engine.readiness import waiting_for
from asimov.engine.status import rows
from asimov.engine.usage import used
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.journal.questions import Questions
from asimov.journal.records import Attempt
from asimov.ledger.contents import WRITTEN
from asimov.plugins.declarations import import_published
from asimov.plugins.lost_products import products_of
from asimov.project.workspace import Workspace
from asimov.settings.merging import origins
from asimov.system import clock


def analysis_data(workspace: Workspace, key: Key) -> tuple[dict[str, Any], AsimovError | None]:
    """Return an analysis, as ``asimov production show`` does; it loads the pipeline.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.

    Returns
    -------
    dict
        The analysis.
    AsimovError or None
        Why its pipeline can't be loaded, so that its products are not known.
    """
    analysis = workspace.analysis(key)
    error = import_published(workspace, analysis.entry.pipeline, whole=True)
    (row,) = rows(workspace, [key])
    build = workspace.builds.get(key)
    usage = used(workspace, [key]).get(key)
    result = result_settings(workspace, key)
    shown = {
        **row.as_json(),
        "kind": analysis.entry.kind,
        "needs": [str(each) for each in workspace.dependencies.of(key).keys],
        "waiting_for": waiting_for(workspace, key) if row.status == "ready" else row.waiting_for,
        "run_directory": analysis.rundir,
        "configuration": str(workspace.project.path(build.config)) if build else None,
        "results": str(workspace.project.results / key[0] / key[1]),
        "products": {} if error else products_of(analysis),
        "attempts": [attempt_data(each) for each in workspace.journal.attempts(key)],
        "usage": structs.asdict(usage) if usage else None,
        "settings_of": result.made_by if result else "the ledger",
        "settings": result.settings if result else analysis.meta,
        "changed_since_it_ran": {
            each.name: {"ran with": each.before, "now": each.after}
            for each in (result.changed if result else [])
        },
    }
    return shown, error


def attempt_data(attempt: Attempt) -> dict[str, Any]:
    """Return an attempt as plain data."""
    return {
        "number": attempt.number,
        "stage": attempt.stage,
        "state": attempt.state,
        "scheduler": attempt.scheduler,
        "job_id": attempt.job_id,
        "seed": attempt.seed,
        "submitted": clock.iso(attempt.submitted) if attempt.submitted else None,
        "ended": clock.iso(attempt.ended) if attempt.ended else None,
        "exit_code": attempt.exit_code,
        "evidence": attempt.evidence,
        "how": attempt.reason,
    }


def settings_data(workspace: Workspace, key: Key) -> dict[str, Any]:
    """Return the settings of an analysis and their origins, as ``asimov ledger show`` does.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    """
    layers, merged = workspace.layers(key)
    sources = origins(layers)
    people = {each.question: each.person for each in Questions(workspace.journal).of(key)}
    return {
        "subject": key.subject,
        "name": key.name,
        "pipeline": workspace.contents.entries[key].pipeline,
        "settings": merged,
        "from": {
            ": ".join(map(str, path)): _origin(path, source, people)
            for path, source in sources.items()
        },
        "ran_with": {each.name: each.before for each in changed_since(workspace, key)},
    }


def _origin(path: tuple[Any, ...], source: str, people: Mapping[str, str | None]) -> str:
    """Return where a value comes from; what people write is kept with what pipelines wrote."""
    if source.startswith(WRITTEN) and path[0] == "answers":
        person = next(filter(None, map(people.get, path[1:2])), None)
        return f"answered by {person}" if person else source
    if source.startswith(WRITTEN) and path[0] == "review":
        return "written by 'asimov review'"
    return source
