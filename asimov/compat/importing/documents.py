"""Turn subjects and analyses of asimov 0.5 to 0.8 into documents of this version's ledger."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asimov.ledger import reviews
from asimov.settings.merging import copied

#: Keys of the whole ledger that are no settings, with what becomes of them.
OF_LEDGER = {
    "asimov": "",
    "project": "",
    "trash": "the deleted subjects are left behind",
    "history": "left behind; the journal here begins with the import",
    "cronjob": "left behind: 'asimov start' keeps the monitor running here. First run "
    "'asimov stop' in the old project",
}
#: Keys of a subject that are no settings here.
_OF_SUBJECT = {"ledger", "productions", "working directory", "working_directory", "pipelines"}
#: Keys of an analysis that stand elsewhere here: its place in the ledger, its state and its job.
_OF_ANALYSIS = {"event", "event_name", "status", "job id", "ledger", "pipelines"}
#: What the published program or a pipeline writes to an analysis: no choices of a person.
_WRITTEN = ("review", "rundir", "resolved_dependencies", "profiling", "environment")
#: The zone of the times of reviews in an export.
ZONE = "UTC"
#: Settings that nothing here reads, with what to use instead.
UNREAD = {
    "needs settings": "kept as a setting of your own, but nothing here reads it; 'needs' with "
    "'optional: true' or 'label: NAME >= 3' may say the same",
}


def without_nothing(mapping: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy of a mapping without the keys that have no value."""
    return {key: copied(value) for key, value in mapping.items() if value is not None}


def project(top: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of the project's settings."""
    return without_nothing({key: value for key, value in top.items() if key not in OF_LEDGER})


def subject(old: Mapping[str, Any]) -> dict[str, Any]:
    """Return the document of a subject, without its analyses and its repository."""
    dropped = {*_OF_SUBJECT, "repository"}
    document = without_nothing({key: value for key, value in old.items() if key not in dropped})
    return {"name": str(document.pop("name")), **document}


def analysis(old: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the document of an analysis, and the facts about it.

    Parameters
    ----------
    old
        The analysis as the published program keeps it, with its name.
    """
    rest = without_nothing({key: value for key, value in old.items() if key not in _OF_ANALYSIS})
    facts = {}
    for key in _WRITTEN:
        if key in rest and (key != "environment" or _is_captured(rest[key])):
            facts[key] = rest.pop(key)
    if not facts.get("review"):  # 0.5 and 0.6 write an empty one
        facts.pop("review", None)
    else:
        facts["review"] = review(facts["review"])
    scheduler = rest.get("scheduler")
    if isinstance(scheduler, dict):
        scheduler.pop("job id", None)
    if "productions" in rest:  # the older name
        rest.setdefault("analyses", rest.pop("productions"))
    if not rest.get("needs"):
        rest.pop("needs", None)
    if not rest.get("comment"):
        rest.pop("comment", None)
    if not rest.get("labels"):
        rest.pop("labels", None)
    first: dict[str, Any] = {}
    for key in ("name", "pipeline"):
        if key in rest:
            first[key] = str(rest.pop(key))
    return {**first, **rest}, facts


def _is_captured(value: Any) -> bool:
    """Return whether an ``environment`` is the record of packages that 0.8 makes at a build."""
    return isinstance(value, Mapping) and "captured_at" in value


def review(messages: Any) -> dict[str, Any]:
    """Return a review in the form of `asimov.ledger.reviews`.

    The published program writes the local time of some machine, without a zone. Nothing is added to
    that, unless an export says what the zone is.
    """
    kept = []
    for each in reviews.messages(messages):
        status = str(each["status"]).lower() if each.get("status") else None
        time = str(each.get("timestamp")).replace(" ", "T").removesuffix(".000000")
        if each.pop("zone", None) == ZONE:
            time += "Z"
        kept.append({**each, "status": status, "timestamp": time})
    return {"status": reviews.outcome(kept), "messages": kept}


def job(old: Mapping[str, Any]) -> int | None:
    """Return the number of an analysis's job, or None.

    After completion ``job id`` keeps the old number while ``scheduler: job id`` is null; the
    latter counts.
    """
    scheduler = old.get("scheduler")
    number = old.get("job id")
    if isinstance(scheduler, Mapping) and "job id" in scheduler:
        number = scheduler["job id"]
    try:
        return int(number) if number is not None else None
    except (TypeError, ValueError):
        return None
