"""Find the log of a failed job, and read its last lines."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from asimov.engine.job_output.files import OutputFile, output_files
from asimov.engine.job_output.reading import last_lines
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.text import line

#: How many lines are shown.
LINES = 10
_END_OF = re.compile(r"(?:.*; )?the end of (.+):")


class LastWords(NamedTuple):
    """What a job wrote last.

    Attributes
    ----------
    log
        The file; None if there is none.
    lines
        Its last lines.
    output
        What the job printed besides, if the log holds its errors; None if it printed nothing.
    """

    log: str | None = None
    lines: list[str] = []  # noqa: RUF012  (never changed)
    output: str | None = None


def last_words(workspace: Workspace, key: Key) -> LastWords:
    """Return the last words of the job of an analysis that failed.

    Those that were recorded when it failed come first: the file may have changed since.

    Parameters
    ----------
    workspace
        The open project.
    key
        The analysis.
    """
    found = output_files(workspace, key)
    recorded = _recorded(workspace, key)
    if recorded.log is not None:
        paths = [str(each.path) for each in found]
        whole = next((path for path in paths if path.endswith(f"/{recorded.log}")), recorded.log)
        return LastWords(whole, recorded.lines, _output_beside(whole, found))
    written = [(each, lines) for each in found if (lines := last_lines(each.path, LINES))]
    if not written:
        return LastWords()
    each, lines = max(written, key=lambda one: (one[0].kind == "error", _changed(one[0])))
    return LastWords(str(each.path), lines, _output_beside(str(each.path), found))


def _output_beside(log: str, found: Sequence[OutputFile]) -> str | None:
    """Return the output of the node that wrote its errors to a log, unless it is empty."""
    nodes = {each.node for each in found if str(each.path) == log and each.kind == "error"}
    beside = (each for each in found if each.kind == "output" and each.node in nodes and each.size)
    return next((str(each.path) for each in beside), None)


def how_it_failed(workspace: Workspace, key: Key) -> list[str]:
    """Return what was recorded when a stuck analysis failed, a line each.

    Of a job that failed without a word, that is how it ended, and which logs are empty.
    """
    return _recorded_failure(workspace, key) or _silent_end(workspace, key)


def _silent_end(workspace: Workspace, key: Key) -> list[str]:
    attempts = workspace.journal.attempts(key)
    if not attempts or not attempts[-1].exit_code:
        return []
    logs = [each for each in output_files(workspace, key) if each.kind == "error"]
    if not logs or any(each.size for each in logs):
        return []
    ended = f"its job ended with exit code {attempts[-1].exit_code}"
    if len(logs) == 1:
        return [f"{ended}, and its error log is empty: {line(str(logs[0].path))}"]
    first = line(str(logs[0].path))
    return [f"{ended}, and its {len(logs)} error logs are empty: {first} and others"]


def _recorded_failure(workspace: Workspace, key: Key) -> list[str]:
    found = []
    for event in reversed(workspace.journal.events(*key)):
        if event.after in {"ready", "running"}:
            break  # what failed before that is not why it is stuck now
        if event.kind == "note" and event.reason:  # such as of a held job that was removed since
            found.append(event.reason)
        if event.kind == "failed" and event.details:
            found.append("how it failed:")
            return found + [f"  {each}" for each in event.details.splitlines()]
    return found


def _recorded(workspace: Workspace, key: Key) -> LastWords:
    for event in reversed(workspace.journal.events(*key)):
        if event.after in {"ready", "running"}:
            break  # what failed before that is not why it is stuck now
        if event.kind == "failed" and event.details:
            first, *lines = event.details.splitlines()
            if match := _END_OF.fullmatch(first):
                own = []
                for each in lines:
                    if _END_OF.fullmatch(each):
                        break  # of the next node that failed
                    own.append(each)
                return LastWords(match[1], own[-LINES:])
    return LastWords()


def _changed(each: OutputFile) -> float:
    return each.path.stat().st_mtime if each.path.exists() else 0.0
