"""Write a project as one document in the layout of ``ledger.yml`` of asimov 0.8."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from asimov._version import __version__
from asimov.compat.importing.documents import ZONE
from asimov.compat.importing.ledger_files import END, ENDS_WITH
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger import reviews
from asimov.project.workspace import Workspace
from asimov.settings.merging import copied, lay_over
from asimov.system.files import is_folder

#: The release whose layout this is.
LAYOUT = "0.8.0"
#: States that the published program does not have, and what it should take them for.
_THERE = {"review": "finished", "asking": "wait"}
#: The published program's form of a time.
_TIME = "%Y-%m-%d %H:%M:%S.%f"


def export(workspace: Workspace) -> dict[str, Any]:
    """Return the ledger, states, reviews and what pipelines wrote, as one document.

    Parameters
    ----------
    workspace
        The open project.
    """
    contents = workspace.contents
    by_subject: dict[str, list[dict[str, Any]]] = {name: [] for name in contents.subjects}
    for key in contents.entries:
        if key[0] != PROJECT_ANALYSES:
            by_subject[key[0]].append({key[1]: _analysis(workspace, key)})
    events = []
    for name, document in contents.subjects.items():
        facts = workspace.facts.get(Key(name, ""), {})
        subject = lay_over(copied(dict(document)), facts)
        subject.pop("analyses", None)
        subject.pop("kind", None)
        subject["productions"] = by_subject[name]
        subject.setdefault("working directory", str(workspace.project.working / name))
        subject["repository"] = _repository(workspace, name)
        events.append(subject)
    own = {key: value for key, value in contents.project.items() if key != "kind"}
    return {
        **copied(own),
        "asimov": {"version": LAYOUT, "exported by": f"asimov {__version__}", ENDS_WITH: END},
        "project": {"name": workspace.project.name},
        "events": events,
        "project analyses": [
            _analysis(workspace, key) for key in contents.entries if key[0] == PROJECT_ANALYSES
        ],
        END: True,  # last
    }


def _repository(workspace: Workspace, subject: str) -> str:
    """Return the address of a subject's repository, or its folder, absolute."""
    own = workspace.contents.subjects[subject].get("repository")
    if own is not None and not is_folder(workspace.project.path(own)):
        return str(own)
    return workspace.subject(subject).repository.directory


def _analysis(workspace: Workspace, key: Key) -> dict[str, Any]:
    entry = workspace.contents.entries[key]
    analysis = lay_over(copied(dict(entry.data)), workspace.facts.get(key, {}))
    analysis.pop("kind", None)
    analysis.setdefault("comment", None)
    analysis.setdefault("needs", [])
    status = workspace.status(key)
    analysis["status"] = _THERE.get(status, status)
    analysis["rundir"] = workspace.analysis(key).rundir
    if "review" in analysis:
        analysis["review"] = [_message(each) for each in reviews.messages(analysis["review"])]
    record = workspace.records.get(key)
    if record is not None and record.job_id is not None and status in {"running", "processing"}:
        analysis["job id"] = record.job_id
        analysis["scheduler"] = {**(analysis.get("scheduler") or {}), "job id": record.job_id}
    return analysis


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """Return a message of a review as the published program reads it.

    Its times have no zone, so the zone stands beside: that program ignores it.
    """
    status = str(message["status"]).upper() if message.get("status") else None
    written = {**message, "status": status, "timestamp": str(message.get("timestamp"))}
    try:
        time = datetime.fromisoformat(written["timestamp"].replace("Z", "+00:00"))
    except ValueError:
        return written
    if time.tzinfo is not None:
        time = time.astimezone(timezone.utc)
        written["zone"] = ZONE
    return {**written, "timestamp": time.strftime(_TIME)}
