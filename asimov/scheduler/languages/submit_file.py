"""Read submit files, the part of HTCondor's submit language that the local scheduler supports.

Source: HTCondor's manual, "condor_submit" and "Submitting a Job". Anything unsupported is refused
by name, with file and line, and never ignored.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path

import msgspec

from asimov.errors import AsimovError, Place, SchedulerError
from asimov.scheduler.jobs import MOST_PROCESSES, JobDescription
from asimov.scheduler.languages.macros import TWO_DOLLARS
from asimov.scheduler.languages.submit_commands import (
    IGNORED,
    SUPPORTED,
    UNIVERSES,
    UNSUPPORTED,
)
from asimov.system import reading
from asimov.text import did_you_mean, quoted

_ASSIGNMENT = re.compile(r"(\+?[A-Za-z_][\w.\-]*)\s*=\s*(.*)", re.DOTALL)
_QUEUE = re.compile(r"queue(?:\s+(.*))?", re.IGNORECASE | re.DOTALL)
_KEYWORD = re.compile(r"(if|elif|else|endif|include|use|error|warning)\b\s*(?!\s*=)", re.I)
# An innermost macro: it contains no other.
_MACRO = re.compile(r"\$(ENV)?\(([^()$]*)\)", re.IGNORECASE)
_FUNCTION = re.compile(r"\$(?:\$|[A-Z][A-Z_]*)\(", re.IGNORECASE)
_NAMES = re.compile(r"\$\(\s*([\w.]+)")
_LIVE = frozenset({"cluster", "clusterid", "process", "procid", "step", "row", "itemindex", "item"})
_DEPTH = 200


class Setting(msgspec.Struct, frozen=True):
    """A line ``name = value`` of a submit file, with unexpanded macros."""

    name: str
    value: str
    place: Place | str


class SubmitFile(msgspec.Struct):
    """The content of a submit file.

    Attributes
    ----------
    settings
        By lower-case name; attributes (``My.Name``, ``+Name``) by ``my.name``.
    count
        The argument of ``queue``, with unexpanded macros.
    where
        The file, for messages.
    macros
        Names that only `$(...)` uses, such as DAGMan's ``JOB`` and ``RETRY``.
    environ
        The submitter's environment, for ``$ENV(...)`` and ``getenv``.
    """

    settings: dict[str, Setting]
    count: str
    where: Place | str
    macros: Mapping[str, str] = msgspec.field(default_factory=dict)
    environ: Mapping[str, str] = msgspec.field(default_factory=lambda: os.environ)

    def expand(self, text: str, live: Mapping[str, str], place: Place | str) -> str:
        """Return a value with its macros expanded.

        Raises
        ------
        SchedulerError
            For a macro function other than ``$ENV``, and for macros that form a cycle.
        """
        for _ in range(_DEPTH):
            text = text.replace(TWO_DOLLARS, "\1\1")
            match = _MACRO.search(text)
            if match is None or "$$(" in text:  # $$(...) is expanded on the execute machine
                break
            text = text[: match.start()] + self._macro(match, live) + text[match.end() :]
        else:
            raise SchedulerError(f"the macros in {quoted(text, 60)} form a cycle", where=place)
        refused = _FUNCTION.search(text)
        if refused:
            raise SchedulerError(
                f"the macro function {refused[0][:-1]}(...) is not supported by the "
                "local scheduler",
                where=place,
                hint="write the value itself, or use HTCondor",
            )
        return text.replace("\1", "$")

    def _macro(self, match: re.Match[str], live: Mapping[str, str]) -> str:
        name, colon, default = match[2].partition(":")
        key = name.strip().lower()
        if match[1]:
            return self.environ.get(name.strip(), default if colon else "")
        if key == "dollar":
            return "\1"
        if key in live:
            return live[key]
        if key in self.settings:
            return self.settings[key].value
        return self.macros.get(key, default)

    def value(self, name: str, live: Mapping[str, str], default: str = "") -> str:
        """Return a command's value, expanded."""
        setting = self.settings.get(name)
        if setting is None:
            return default
        return self.expand(setting.value, live, setting.place).strip()

    def place(self, *names: str) -> Place | str:
        """Return the place of the first command that is set among some."""
        for name in names:
            if name in self.settings:
                return self.settings[name].place
        return self.where

    def processes(self) -> int:
        """Return how many processes ``queue`` asks for.

        Raises
        ------
        SchedulerError
            Where that is not a whole number of 1 or more.
        """
        text = self.expand(self.count, {}, self.where).strip() if self.count else "1"
        if not text.isdecimal() or int(text) < 1:
            raise SchedulerError(
                f"'queue {self.count}' is not supported by the local scheduler",
                where=self.where,
                hint="it supports 'queue' and 'queue N'",
            )
        if (number := int(text[:20])) > MOST_PROCESSES:
            raise SchedulerError(
                f"'queue {self.count}' is more jobs than the local scheduler accepts",
                where=self.where,
                hint=f"use several submit files: the limit of each is {MOST_PROCESSES}",
            )
        return number


def read_submit_file(
    path: Path, before: Mapping[str, str] | None = None, after: Mapping[str, str] | None = None
) -> SubmitFile:
    """Read a submit file.

    Parameters
    ----------
    path
        The file.
    before, after
        Commands, as if written before the first and after the last line of the file.

    Raises
    ------
    SchedulerError
        Where the file is missing, invalid, or not supported.
    """
    try:
        text = reading.contents(path).decode()
    except (OSError, UnicodeDecodeError, AsimovError) as error:
        raise SchedulerError(f"the submit file can't be read: {error}", where=path) from error
    return parse_submit(text, path, before, after)


def parse_submit(
    text: str,
    file: Path | str,
    before: Mapping[str, str] | None = None,
    after: Mapping[str, str] | None = None,
    *,
    queue_optional: bool = False,
) -> SubmitFile:
    """Read the text of a submit file; see `read_submit_file`.

    Parameters
    ----------
    text, file
        The text, and its file's name for messages.
    before, after
        See `read_submit_file`.
    queue_optional
        Whether the text may lack a ``queue`` (a description within a DAG file).
    """
    settings, queue = _lines(text, str(file))
    if queue is None:
        if not queue_optional:
            raise SchedulerError("it has no 'queue'", where=str(file))
        queue = Setting("queue", "", str(file))
    result = SubmitFile({}, queue.value, queue.place)
    outer = str(file)
    for name, value in (before or {}).items():
        _assign(result.settings, Setting(name, value, outer))
    for setting in settings:
        _assign(result.settings, setting)
    for name, value in (after or {}).items():
        _assign(result.settings, Setting(name, value, outer))
    given = {name.lower() for name in before or {}}
    _check(result, except_for=given - UNSUPPORTED)
    return result


def describe(job: JobDescription) -> SubmitFile:
    """Return a job description as a submit file.

    Raises
    ------
    SchedulerError
        Where it is not supported.
    """
    where = "job description"
    result = SubmitFile({}, str(job.count), where)
    for name, value in job.commands().items():
        _assign(result.settings, Setting(name, value, where))
    _check(result, except_for=())
    return result


# Many nodes of a DAG share a submit file.
@lru_cache(maxsize=64)
def _lines(text: str, file: str) -> tuple[tuple[Setting, ...], Setting | None]:
    settings: list[Setting] = []
    queue: Setting | None = None
    for number, line in _joined(text):
        place = Place(file, number)
        match = _ASSIGNMENT.fullmatch(line)
        asked = _QUEUE.fullmatch(line)
        if queue is not None:
            what = "a second 'queue'" if asked else f"{quoted(line, 60)} after 'queue'"
            raise SchedulerError(f"{what} is not supported by the local scheduler", where=place)
        if match:
            settings.append(Setting(match[1], match[2].rstrip(), place))
        elif asked:
            queue = Setting("queue", (asked[1] or "").strip(), place)
        elif _KEYWORD.match(line) or "@=" in line:
            word = line.split()[0] if "@=" not in line else "@="
            raise SchedulerError(f"{word!r} is not supported by the local scheduler", where=place)
        else:
            raise SchedulerError(f"expected 'name = value': {quoted(line, 60)}", where=place)
    return tuple(settings), queue


def _joined(text: str) -> Iterable[tuple[int, str]]:
    """Yield the logical lines with their first line's number; comments are left out."""
    start = 0
    parts: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("#") or (not stripped and not parts):
            continue  # HTCondor ignores comments within a continued line, too
        start = start or number
        if stripped.endswith("\\"):
            parts.append(stripped[:-1])
            continue
        yield start, "".join([*parts, stripped]).strip()
        start, parts = 0, []
    if parts:
        yield start, "".join(parts).strip()


def _key(name: str) -> str:
    lowered = name.lower()
    return f"my.{lowered[1:]}" if lowered.startswith("+") else lowered


def _assign(settings: dict[str, Setting], setting: Setting) -> None:
    key = _key(setting.name)
    old = settings[key].value if key in settings else ""
    own = re.compile(rf"\$\(\s*{re.escape(setting.name)}\s*\)", re.IGNORECASE)
    # A value that names itself means its earlier value; all others are expanded when used.
    value = own.sub(lambda _: old, setting.value)
    settings[key] = Setting(setting.name, value, setting.place)


def _check(submit: SubmitFile, except_for: Iterable[str]) -> None:
    used = {
        name.lower()
        for text in [submit.count, *(s.value for s in submit.settings.values())]
        if "$" in text
        for name in _NAMES.findall(text)
    }
    known = SUPPORTED | IGNORED
    for key, setting in submit.settings.items():
        if key in UNSUPPORTED:
            raise SchedulerError(
                f"'{setting.name}' is not supported by the local scheduler",
                where=setting.place,
                hint="leave it out, or use HTCondor",
            )
        if key in known or key.startswith("my.") or key in used or key in except_for:
            continue
        raise SchedulerError(
            f"'{setting.name}' is not a submit command that the local scheduler supports, "
            "and nothing uses it as a macro" + did_you_mean(key, known, 0.8),
            where=setting.place,
        )
    universe = submit.value("universe", {}, "vanilla").lower()
    if universe not in UNIVERSES:
        raise SchedulerError(
            f"the universe '{universe}' is not supported by the local scheduler",
            where=submit.place("universe"),
            hint="it supports vanilla, local and scheduler",
        )
    if not submit.value("executable", dict.fromkeys(_LIVE, "0")):
        raise SchedulerError("it has no 'executable'", where=submit.where)
