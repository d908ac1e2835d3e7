"""How an open question is shown: to people, with the command that answers it, and as plain data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from shlex import quote
from typing import Any

from asimov import text
from asimov.journal.keys import Key
from asimov.journal.questions import Asked
from asimov.system import clock
from asimov.system.moment import moment


def first_line(said: str) -> str:
    """Return the first line of a question, for lists."""
    return text.short(text.line(said.strip().splitlines()[0]))


def asked_data(asked: Asked) -> dict[str, Any]:
    """Return a question as plain data.

    Returns
    -------
    dict
        ``name``, ``text``, ``asked`` (ISO 8601, UTC), ``fields`` for people, and ``schema``, the
        JSON Schema of an answer.
    """
    return {
        "name": asked.question,
        "text": asked.said,
        "asked": clock.iso(asked.asked),
        "fields": asked.declared["rows"],
        "schema": asked.declared["schema"],
    }


def asked_of(asked: Asked) -> dict[str, Any]:
    """Return a question with its analysis, as ``asimov answer --show --json`` does."""
    return {"subject": asked.subject, "analysis": asked.name, **asked_data(asked)}


def asked_from(data: Mapping[str, Any]) -> Asked:
    """Return a question from what `asked_of` made of it."""
    declared = {"rows": data["fields"], "schema": data["schema"]}
    names = data["subject"], data["analysis"], data["name"]
    asked = moment(data["asked"])
    return Asked(0, *names, asked, data["text"], declared, None, None, None)


def lines(asked: Asked) -> Iterator[str]:
    """Yield what is asked, and what an answer is made of, a line each."""
    yield from asked.said.splitlines()
    for row in asked.declared["rows"]:
        default = row["default"]
        said = default if default == "required" else f"by default {default}"
        also = f", {said}" if default else ""
        about = f": {row['description']}" if row["description"] else ""
        yield f"{row['setting']} ({row['kind']}{also}){about}"


def command(key: Key, asked: Asked) -> str:
    """Return the command that answers a question, with a place for each value that is needed."""
    rows = [row for row in asked.declared["rows"] if ": " not in row["setting"]]
    needed = [row for row in rows if row["default"] == "required"] or rows[:1]
    words = [quote(f"{row['setting']}=...") for row in needed]
    return " ".join(["asimov", "answer", quote(str(key)), *words])
