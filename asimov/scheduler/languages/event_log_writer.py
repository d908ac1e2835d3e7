"""Write HTCondor's user event log, so that one reader serves all schedulers.

Source of the format: see `asimov.scheduler.languages.event_log`, which reads it.
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from asimov.scheduler.languages.events import Event, EventType


def event_text(event: Event) -> str:
    """Return the text of an event in a log, with its closing line.

    Raises
    ------
    ValueError
        Where the event has no time.
    """
    if event.time is None:
        raise ValueError("an event without a time can't be written")
    stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(event.time))
    ids = f"({event.cluster:03d}.{event.proc:03d}.{event.subproc:03d})"
    body = "".join(f"{_one_line(line)}\n" for line in event.lines)
    return f"{event.number:03d} {ids} {stamp} {_one_line(event.text, 0)}\n{body}...\n"


def _one_line(line: str, indent: int = 1) -> str:
    # "ULOG" readers recognise body lines by their indentation: 4 spaces for notes, else a tab.
    kept = line.replace("\r", " ").replace("\n", " ")
    return kept if kept[:1] in ("\t", " ") or not indent else f"\t{kept}"


def append_events(path: str | Path, events: Sequence[Event]) -> None:
    """Append events to a log in one write, so that readers and other writers see them whole.

    Raises
    ------
    OSError
        Where the log can't be written.
    """
    handle = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
    try:
        text = "".join(event_text(event) for event in events)
        data = text.encode(errors="backslashreplace")  # file names need not be UTF-8
        if os.write(handle, data) < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    finally:
        os.close(handle)


def submitted(
    cluster: int, proc: int, when: float, notes: str = "", tags: Mapping[str, str] | None = None
) -> list[Event]:
    """Return a submission event, and the event 028 that carries the job's tags."""
    host = f"<{os.uname().nodename}>"
    lines = (f"    {notes}",) if notes else ()
    events = [
        Event(EventType.SUBMIT, cluster, proc, when, f"Job submitted from host: {host}", lines)
    ]
    if tags:
        attributes = {name: _quoted(value) for name, value in tags.items()}
        attributes |= {"Cluster": str(cluster), "Proc": str(proc), "Subproc": "0"}
        attributes |= {"EventTypeNumber": "28", "MyType": _quoted("SubmitEvent")}
        attributes |= {
            "EventTime": _quoted(time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(when))),
            "TriggerEventTypeNumber": "0",
            "TriggerEventTypeName": _quoted("ULOG_SUBMIT"),
        }
        text = "Job ad information event triggered."
        # Attributes need no indentation; a leading space becomes part of none of them.
        body = tuple(f" {name} = {value}" for name, value in attributes.items())
        events.append(Event(EventType.JOB_AD_INFORMATION, cluster, proc, when, text, body))
    return events


def _quoted(value: str) -> str:
    # Logs use the old ClassAd syntax, where only the quote is escaped.
    escaped = value.replace('"', '\\"')
    return f'"{escaped}"'


def executing(cluster: int, proc: int, when: float) -> Event:
    """Return the event for a start on this machine."""
    text = f"Job executing on host: <{os.uname().nodename}>"
    return Event(EventType.EXECUTE, cluster, proc, when, text)


def terminated(
    cluster: int,
    proc: int,
    when: float,
    *,
    exit_code: int | None,
    signal: int | None = None,
    user_seconds: float = 0.0,
    system_seconds: float = 0.0,
) -> Event:
    """Return the event for a process that returned `exit_code`, or was killed by `signal`."""
    lines = [_returned(exit_code)]
    if signal is not None:
        lines = [f"(0) Abnormal termination (signal {signal})", "(0) No core file"]
    for span in ("Run", "Total"):
        lines.append(f"{_used(user_seconds, system_seconds)}  -  {span} Remote Usage")
        lines.append(f"{_used(0, 0)}  -  {span} Local Usage")
    for span in ("Run", "Total"):
        lines += [f"0  -  {span} Bytes {way} By Job" for way in ("Sent", "Received")]
    return Event(EventType.TERMINATED, cluster, proc, when, "Job terminated.", tuple(lines))


def _returned(exit_code: int | None) -> str:
    return f"(1) Normal termination (return value {exit_code})"


def _used(user_seconds: float, system_seconds: float) -> str:
    return f"\t\tUsr {_days(user_seconds)}, Sys {_days(system_seconds)}"


def _days(seconds: float) -> str:
    minutes, second = divmod(int(seconds), 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"{day} {hour:02d}:{minute:02d}:{second:02d}"


def evicted(cluster: int, proc: int, when: float, reason: str) -> Event:
    """Return the event for a process that was stopped and will run again."""
    usage = [f"{_used(0, 0)}  -  Run {where} Usage" for where in ("Remote", "Local")]
    lines = ["(0) CPU times", *usage]
    lines += [f"0  -  Run Bytes {way} By Job" for way in ("Sent", "Received")]
    body = (*lines, f"Reason: {reason}")
    return Event(EventType.EVICTED, cluster, proc, when, "Job was evicted. Code 1 Subcode 0", body)


def aborted(cluster: int, proc: int, when: float, reason: str) -> Event:
    """Return the event for a removal."""
    return Event(EventType.ABORTED, cluster, proc, when, "Job was aborted.", (reason,))


def held(
    cluster: int, proc: int, when: float, reason: str, *, code: int, subcode: int = 0
) -> Event:
    """Return the event for a hold, with HTCondor's code for its reason."""
    lines = (reason, f"Code {code} Subcode {subcode}")
    return Event(EventType.HELD, cluster, proc, when, "Job was held.", lines)


def released(cluster: int, proc: int, when: float, reason: str) -> Event:
    """Return the event for a release."""
    return Event(EventType.RELEASED, cluster, proc, when, "Job was released.", (reason,))


def post_script_terminated(
    cluster: int, proc: int, when: float, *, node: str, exit_code: int
) -> Event:
    """Return the event for the end of a DAG node's POST script."""
    lines = (_returned(exit_code), f"    DAG Node: {node}")
    text = "POST Script terminated."
    return Event(EventType.POST_SCRIPT_TERMINATED, cluster, proc, when, text, lines)
