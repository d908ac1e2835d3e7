"""Which analyses a view shows: words for the state, the pipeline and the name."""

from __future__ import annotations

from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any, Protocol

from asimov.engine.status import OF_JOBS
from asimov.errors import AsimovError
from asimov.project.lookup import is_pattern
from asimov.states import ALIASES, STATES
from asimov.text import did_you_mean, quoted

#: What words may begin with.
_FIELDS = ("state", "pipeline")


class Seen(Protocol):
    """What a filter looks at: a row of ``asimov status``, or as much of it."""

    @property
    def subject(self) -> str: ...  # noqa: D102

    @property
    def name(self) -> str: ...  # noqa: D102

    @property
    def pipeline(self) -> str: ...  # noqa: D102

    @property
    def status(self) -> str: ...  # noqa: D102

    @property
    def state(self) -> str: ...  # noqa: D102

    @property
    def outdated(self) -> Any: ...  # noqa: D102


def passing(words: str) -> Callable[[Seen], bool]:
    """Return what says whether an analysis passes a filter.

    Parameters
    ----------
    words
        Words that must all hold: ``state:stuck``, ``pipeline:bilby``, both with ``*`` and with
        commas between alternatives; ``outdated``; a pattern such as ``gw19*/bilby*``, as other
        commands take it; or a part of a name.

    Raises
    ------
    AsimovError
        If a word begins with the name of no field, or there is no such state.
    """
    tests = [_test(word) for word in words.split()]
    return lambda row: all(test(row) for test in tests)


def _test(word: str) -> Callable[[Seen], bool]:
    if word == "outdated":
        return lambda row: bool(row.outdated)
    field, colon, value = word.partition(":")
    if colon:
        return _of_field(field, value.lower().split(","))
    if is_pattern(word):
        subject, slash, name = word.partition("/")
        if not slash:
            return lambda row: fnmatchcase(row.subject, word) or fnmatchcase(row.name, word)
        return lambda row: fnmatchcase(row.subject, subject) and fnmatchcase(row.name, name)
    part = word.lower()
    return lambda row: part in f"{row.subject}/{row.name}".lower()


def _of_field(field: str, values: list[str]) -> Callable[[Seen], bool]:
    if field == "pipeline":
        return lambda row: _any_fits([row.pipeline.lower()], values)
    if field == "state":
        known = [*STATES, *OF_JOBS]
        patterns = ["idle" if each == "queued" else ALIASES.get(each, each) for each in values]
        for each in patterns:
            if not any(fnmatchcase(state, each or "*") for state in known):
                raise AsimovError(
                    f"there is no state {quoted(each)}{did_you_mean(each, known)}",
                    hint=f"the states are {', '.join(known)}",
                )
        return lambda row: _any_fits(_states_of(row), patterns)
    raise AsimovError(
        f"can't filter by {quoted(field)}{did_you_mean(field, _FIELDS)}",
        hint=f"the fields are {', '.join(f'{each}:' for each in _FIELDS)}",
    )


def _states_of(row: Seen) -> list[str]:
    # As in other commands, a job that waits for a machine does not run.
    return [row.state] if row.state == "idle" else [row.state, row.status]


def _any_fits(values: list[str], patterns: list[str]) -> bool:
    return any(fnmatchcase(value, each or "*") for value in values for each in patterns)
