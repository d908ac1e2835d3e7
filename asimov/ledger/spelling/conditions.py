"""Find misspelt words in the conditions of an analysis's ``needs`` and ``analyses``."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, NamedTuple

from asimov.discovery import entrypoints
from asimov.errors import AsimovError
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger import reviews
from asimov.ledger.contents import Entry
from asimov.ledger.needs import Need, Term, check_label, parse
from asimov.ledger.spelling.slips import slip
from asimov.states import ALIASES, STATES
from asimov.text import did_you_mean, quoted

#: What an item of needs can select by, besides settings.
_CONDITIONS = frozenset({"name", "pipeline", "status", "label", "subject", "review", "optional"})


class Strange(NamedTuple):
    """A condition that can hardly be meant.

    Attributes
    ----------
    steps
        The keys that lead to it in the analysis.
    message, hint
        What is wrong, and what to do.
    sure
        Whether it is a mistake for sure.
    """

    steps: list[str | int]
    message: str
    hint: str | None = None
    sure: bool = True


def strange_words(data: Mapping[str, Any]) -> Iterator[Strange]:
    """Yield the states, reviews and labels in an analysis's conditions that nothing can have."""
    for steps, need in _needs(data):
        for term in need.terms:
            if term.path in {"label", "labels"}:
                try:
                    check_label(term.value)
                except AsimovError as error:
                    yield Strange(steps, f"label: {error.message}", error.hint)
            elif term.path == "status":
                yield from _strange(steps, "state", term.value, {*STATES, *ALIASES})
            elif term.path in reviews.PATHS:
                yield from _strange(steps, "review", term.value, {*reviews.STATUSES})


def _strange(
    steps: list[str | int], what: str, word: str, known: Collection[str]
) -> Iterator[Strange]:
    if not word or word.lower() in known:
        return
    near = did_you_mean(word.lower(), known, 0.75)
    # A package may have states of its own.
    yield Strange(steps, f"there is no {what} {quoted(word)}{near}", sure=bool(near))


def misspelt(
    unmatched: Collection[Need],
    key: Key,
    data: Mapping[str, Any],
    names: Callable[[str], Collection[Entry]],
) -> Iterator[Strange]:
    """Yield the conditions that match nothing and nearly match something.

    Parameters
    ----------
    unmatched
        The items of needs that match nothing.
    key, data
        The analysis.
    names
        Returns the analyses of a subject; of all for ``""``.
    """
    for steps, need in _needs(data) if unmatched else ():
        if need not in unmatched:
            continue
        for term in need.terms:
            near = slip(term.path, _CONDITIONS)
            if near is None and not term.negated:
                near = slip(*_wanted(term, key, names))
            if near is not None:
                said = term.value if near not in _CONDITIONS else f"{term.path}: {term.value}"
                yield Strange(
                    steps,
                    f"{key} needs {quoted(said)}, which does not exist; did you mean {near!r}?",
                    "if you will add it later, apply both together, or use --force",
                )


def _wanted(
    term: Term, key: Key, names: Callable[[str], Collection[Entry]]
) -> tuple[str, frozenset[str]]:
    """Return what a term asks for, and what it could have asked for."""
    subject, slash, _ = term.value.rpartition("/")
    around = subject if slash else key[0]
    if term.path == "pipeline":
        there = {each.pipeline.lower() for each in names("")}
        return term.value.lower(), frozenset({*there, *entrypoints.found(entrypoints.PIPELINES)})
    if term.path != "name":
        return "", frozenset()
    found = [each.key for each in names("" if around == PROJECT_ANALYSES else around)]
    known = frozenset(str(each) if slash else each[1] for each in found if each != key)
    return term.value, known


def _needs(data: Mapping[str, Any]) -> Iterator[tuple[list[str | int], Need]]:
    """Yield the steps to each item of an analysis's needs, and the item."""
    for field in ("needs", "analyses"):
        for number, item in enumerate(data.get(field) or ()):
            (need,) = parse([item])
            yield [field, number], need
