"""What a notification says: as a CloudEvent, as lines of text, and as the body of a request.

Names, reasons and labels come from people, packages and jobs. Control characters are escaped, long
texts cut, and markup of the receiver is switched off.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from asimov import text
from asimov.journal.deliveries import Change
from asimov.project.layout import Project
from asimov.system import clock

#: The types of events (CloudEvents 1.0, "type").
CHANGED = "analysis.state.changed"
TEST = "notification.test"
#: The most characters of a text in a message, and the most lines of one message.
_MOST = 1000
MOST_LINES = 20
_MOST_LABELS = 100


def of_change(
    project: Project, change: Change, *, pipeline: str | None, labels: Sequence[str]
) -> dict[str, Any]:
    """Return the CloudEvent of a change of state (CloudEvents 1.0.2, JSON format).

    Parameters
    ----------
    project
        The project.
    change
        The event of the journal.
    pipeline, labels
        Of the analysis; None and nothing if it is no longer in the ledger.
    """
    return _event(
        project,
        CHANGED,
        # With the time: a journal that was repaired may use a number again.
        f"{change.number}-{change.time:.6f}",
        change.time,
        f"{change.subject}/{change.name}",
        {
            "subject": change.subject,
            "name": change.name,
            "before": change.before,
            "after": change.after,
            "actor": change.actor,
            "reason": change.reason,
            "pipeline": pipeline,
            "labels": list(labels)[:_MOST_LABELS],
        },
    )


def of_test(project: Project) -> dict[str, Any]:
    """Return the CloudEvent of ``asimov notify test``."""
    now = clock.now()
    reason = "this is a test of 'asimov notify'"
    return _event(project, TEST, f"test-{now:.6f}", now, "test", {"reason": reason})


def _event(
    project: Project, kind: str, number: str, time: float, subject: str, data: dict[str, Any]
) -> dict[str, Any]:
    named = project.config.get("project", "name", fallback=project.root.name)
    return {
        "specversion": "1.0",
        "id": number,
        "source": f"asimov:{quote(project.config.get('project', 'id', fallback=named), safe='')}",
        "type": kind,
        "subject": _safe(subject),
        "time": clock.iso(time),
        "datacontenttype": "application/json",
        "data": {"project": _safe(named), **{key: _safe(value) for key, value in data.items()}},
    }


def _safe(value: Any) -> Any:
    if isinstance(value, list):
        return [_safe(each) for each in value]
    return text.short(text.line(text.encodable(value)), _MOST) if isinstance(value, str) else value


def line(event: Mapping[str, Any]) -> str:
    """Return an event as a line for people."""
    data = event["data"]
    if event["type"] != CHANGED:
        return str(data["reason"])
    reason = f": {data['reason']}" if data["reason"] else ""
    return f"{event['subject']} is {data['after']}{reason}"


def lines(events: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return events as lines for people; the first line names the project."""
    return [f"asimov, project {events[0]['data']['project']}:", *map(line, events)]


def body(event: Mapping[str, Any]) -> bytes:
    """Return the body of a request with an event in structured mode."""
    return json.dumps(event).encode()


def slack(events: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the body for an incoming webhook of Slack: plain text, with its markup off."""
    said = "\n".join(lines(events))
    for character, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        said = said.replace(character, entity)
    return json.dumps({"text": said, "mrkdwn": False}).encode()


def mattermost(events: Sequence[Mapping[str, Any]]) -> bytes:
    """Return the body for an incoming webhook of Mattermost: a block of code, which is shown as is.

    In other text, ``@all`` would call everybody.
    """
    said = "\n".join(lines(events)).replace("`", "'")
    return json.dumps({"text": f"```\n{said}\n```"}).encode()


def mail(events: Sequence[Mapping[str, Any]], recipients: Sequence[str]) -> bytes:
    """Return a message for sendmail (RFC 5322; RFC 3834: nobody answers it automatically)."""
    from email.message import EmailMessage  # every command that acts imports this module
    from email.utils import formatdate

    message = EmailMessage()
    message["To"] = ", ".join(recipients)
    more = f" and {len(events) - 1} more" if len(events) > 1 else ""
    about = text.short(line(events[0]), 120)
    message["Subject"] = f"[{text.short(events[0]['data']['project'], 40)}] {about}{more}"
    message["Date"] = formatdate(clock.now())
    digest = hashlib.sha256("".join(f"{e['source']} {e['id']}\n" for e in events).encode())
    message["Message-ID"] = f"<{digest.hexdigest()[:32]}@asimov.invalid>"
    message["Auto-Submitted"] = "auto-generated"
    message.set_content("\n".join(lines(events)) + "\n")
    return message.as_bytes()


def signature(key: bytes, number: str, timestamp: int, content: bytes) -> str:
    """Return the signature of a request (Standard Webhooks 1.0: HMAC-SHA256, ``v1,BASE64``).

    Parameters
    ----------
    key
        The secret: its bytes, or ``whsec_`` and its bytes in base64.
    number
        The event's identity.
    timestamp
        When the request is made, in seconds since the epoch.
    content
        The request's body.

    Raises
    ------
    ValueError
        If what follows ``whsec_`` is no base64.
    """
    if key.startswith(b"whsec_"):
        key = base64.b64decode(key.removeprefix(b"whsec_"), validate=True)
    signed = b"%s.%d.%s" % (number.encode(), timestamp, content)
    return "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
