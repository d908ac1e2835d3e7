"""The blueprint in a crate: an analysis with the settings that it ran with, and what it needs.

The effective settings of an analysis stand in its own document, so that no default of another
project changes them. The analyses that made its inputs begin as uploaded: their products are in the
crate, and they do not run again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from asimov.engine.provenance.export.runs import Run
from asimov.engine.provenance.record import with_text_keys
from asimov.engine.refresh import RUN_INPUTS
from asimov.journal.keys import PROJECT_ANALYSES
from asimov.ledger.documents import dump
from asimov.ledger.layout import subject_file
from asimov.settings.merging import difference, merge

#: Settings that tie an analysis to others, or to what was said of it.
_TIES = {
    "needs",
    "analyses",
    "review",
    "status",
    "name",
    "pipeline",
    "kind",
    "event",
    "subject",
    RUN_INPUTS,
}
#: How the sources of layers begin that are no choices: they follow from others, or from the place.
_NO_CHOICES = ("follows from other settings", "the site ")


def blueprint(run: Run, upstream: Iterable[Run]) -> str:
    """Return the blueprint of an attempt as YAML text.

    Parameters
    ----------
    run
        The attempt.
    upstream
        The attempts whose products it used, and that the crate has.
    """
    others = list(upstream)
    subjects: dict[str, dict[str, Any]] = {}
    for each in [run, *others]:
        if each.key.subject != PROJECT_ANALYSES:
            subjects.setdefault(each.key.subject, _of_subject(each))
    documents: list[dict[str, Any]] = [
        {"kind": "subject", "name": name, **settings} for name, settings in subjects.items()
    ]
    documents += [_analysis(each, subjects, {"status": "uploaded"}) for each in others]
    documents.append(_analysis(run, subjects, _ties(run, others)))
    return "---\n".join(dump(with_text_keys(each)) for each in documents)


def _analysis(
    run: Run, subjects: Mapping[str, dict[str, Any]], ties: Mapping[str, Any]
) -> dict[str, Any]:
    settings = merge(layer for source, layer in run.layers if not source.startswith(_NO_CHOICES))
    settings = difference(subjects.get(run.key.subject, {}), settings)
    # In their order, in which a template may show them.
    kept = {
        name: ties.get(name, value)
        for name, value in settings.items()
        if name in ties or name not in _TIES
    }
    if run.key.subject == PROJECT_ANALYSES:
        head = {"kind": "projectanalysis", "name": run.key.name}
    else:
        head = {"kind": "analysis", "subject": run.key.subject, "name": run.key.name}
    return {**head, "pipeline": run.record.pipeline, **kept, **ties}


def _ties(run: Run, others: list[Run]) -> dict[str, Any]:
    """Return what ties an analysis to others: those in the crate, by name.

    A need such as ``review: approved`` would not find them.
    """
    found: dict[str, Any] = {}
    settings = run.settings
    if "subjects" in settings or run.key.subject == PROJECT_ANALYSES:
        names = list(dict.fromkeys(each.key.name for each in others))
    else:
        names = [each.key.name for each in others if each.key.subject == run.key.subject]
    if "analyses" in settings:
        found["analyses"] = names
    elif names:
        found["needs"] = names
    return found


def _of_subject(run: Run) -> dict[str, Any]:
    """Return the settings of a run's subject, which templates may read by themselves."""
    file = subject_file(run.key.subject)
    return merge(layer for source, layer in run.layers if source == file)
