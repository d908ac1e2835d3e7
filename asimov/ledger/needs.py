"""The ``needs`` of analyses: parse the matching language and select the analyses that match.

A list of needs selects every analysis that any of its items selects. An item is one of

* ``name`` or ``subject/name``,
* ``path: value``, as text or as a mapping: ``name``, ``pipeline``, ``status``, ``label`` or a
  dotted path into the settings, compared as lower-cased text,
* a list of such items, which selects the analyses that match all of them.

A value after ``!`` selects the analyses that do not have it. ``label: quality >= 3`` compares the
value of a label. ``optional: true`` beside an item allows it to select nothing.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import msgspec

from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.states import ALIASES
from asimov.text import quoted

#: What identifies an analysis: its subject's name and its own.


class Term(msgspec.Struct, frozen=True):
    """One condition on one analysis."""

    path: str
    value: str
    negated: bool = False


class Need(msgspec.Struct, frozen=True):
    """One item: the terms that a selected analysis must all match."""

    terms: tuple[Term, ...]
    optional: bool = False

    def __str__(self) -> str:
        return " and ".join(
            f"{'' if term.path == 'name' else term.path + ': '}{'!' * term.negated}{term.value}"
            for term in self.terms
        )


def parse(items: Iterable[Any] | None) -> list[Need]:
    """Parse the items of a ``needs`` or ``analyses`` list.

    Raises
    ------
    AsimovError
        If an item is not in the matching language.
    """
    return [_need(item) for item in items or ()]


def _need(item: Any) -> Need:
    optional = False
    terms: list[Term] = []
    for part in item if isinstance(item, list) else [item]:
        if isinstance(part, Mapping):
            for path, value in part.items():
                if path == "optional":
                    if not isinstance(value, bool):
                        raise AsimovError(f"optional should be true or false, not {value!r}")
                    optional = value
                else:
                    terms.append(_term(str(path), value))
        elif isinstance(part, str):
            # "label: x" as text; a name can't contain ": ".
            path, colon, value = part.partition(":")
            terms.append(_term(path.strip(), value) if colon else _term("name", part))
        else:
            raise AsimovError(
                f"an item of 'needs' should be text or a mapping, not {part!r}",
                hint="see 'needs' in the documentation",
            )
    if not terms:
        raise AsimovError("an item of 'needs' is empty", hint="see 'needs' in the documentation")
    return Need(tuple(terms), optional)


def _term(path: str, value: Any) -> Term:
    if isinstance(value, (Mapping, list)):
        raise AsimovError(f"the value of {path!r} in 'needs' should be text or a number")
    text = as_text(value).strip()
    negated = text.startswith("!")
    text = text[1:].strip() if negated else text
    return Term(path, ALIASES.get(text.lower(), text) if path == "status" else text, negated)


def as_text(value: Any) -> str:
    """Return a setting in the form that the matching language compares."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _folded(path: str, text: str) -> str:
    # Names are those of files and folders, so their case matters.
    return text if path == "name" else text.lower()


_COMPARISONS: list[tuple[str, Callable[[Any, Any], bool]]] = [
    (">=", operator.ge),
    ("<=", operator.le),
    ("!=", operator.ne),
    ("==", operator.eq),
    (">", operator.gt),
    ("<", operator.lt),
    ("=", operator.eq),
]


def check_label(wanted: str) -> None:
    """Refuse a condition on a label that lacks its name, or the value to compare with.

    Raises
    ------
    AsimovError
        If it does.
    """
    for sign, _ in _COMPARISONS:
        name, found, value = wanted.partition(sign)
        if found and not (name.strip() and value.strip()):
            lacking = "a value to compare with" if name.strip() else "the name of a label"
            raise AsimovError(
                f"the condition {quoted(wanted)} lacks {lacking}",
                hint="write the name of a label, or a comparison such as 'quality >= 3'",
            )
        if found and any(each in "<>=!" for each in (name.strip()[-1], value.strip()[0])):
            signs = ", ".join(each for each, _ in _COMPARISONS)
            raise AsimovError(
                f"{quoted(wanted)} is not a comparison",
                hint=f"write a comparison such as 'quality >= 3', with one of {signs}",
            )
        if found:
            return
    if not wanted.strip():
        raise AsimovError("a label has an empty name")


def has_label(labels: Any, wanted: str) -> bool:
    """Return whether labels (a list, or names with values) match ``name`` or ``name >= 3``."""
    for sign, compare in _COMPARISONS:
        name, found, value = wanted.partition(sign)
        if found:
            folded = (
                {str(key).lower(): have for key, have in labels.items()}
                if isinstance(labels, Mapping)
                else {}
            )
            if name.strip().lower() not in folded:
                return False
            have, want = folded[name.strip().lower()], value.strip()
            try:
                return compare(float(have), float(want))
            except (TypeError, ValueError):
                return compare(as_text(have).lower(), want.lower())
    if isinstance(labels, Mapping):
        # A label that is false or zero counts as absent, one without a value as present.
        names = [name for name, have in labels.items() if have or have is None]
    else:
        names = labels if isinstance(labels, list) else [labels] if labels else []
    return wanted.lower() in {str(name).lower() for name in names}


class Candidates:
    """The analyses that a list of needs can select from, indexed on demand.

    Parameters
    ----------
    keys
        The analyses, in the ledger's order.
    value
        Returns the value of an analysis at a path: ``value(key, "pipeline")``.
    """

    def __init__(self, keys: Sequence[Key], value: Callable[[Key, str], Any]) -> None:
        self.keys = keys
        self._value = value
        self._indices: dict[str, dict[str, list[Key]]] = {}

    def matching(self, term: Term) -> list[Key]:
        """Return the analyses that match a term."""
        if term.path in {"label", "labels"}:
            wanted = [k for k in self.keys if has_label(self._value(k, "labels"), term.value)]
        else:
            wanted = self._index(term.path).get(_folded(term.path, term.value), [])
        if term.negated:
            unwanted = set(wanted)
            return [key for key in self.keys if key not in unwanted]
        return wanted

    def _index(self, path: str) -> dict[str, list[Key]]:
        # One pass for each path, however many analyses need it: selection stays linear.
        if path not in self._indices:
            index: dict[str, list[Key]] = {}
            for key in self.keys:
                text = as_text(self._value(key, path))
                index.setdefault(_folded(path, text), []).append(key)
            self._indices[path] = index
        return self._indices[path]


class Selection(msgspec.Struct, frozen=True):
    """The analyses that a list of needs selects.

    Attributes
    ----------
    keys
        The selected analyses, each once.
    unmatched
        The items that select nothing although they are not optional.
    """

    keys: tuple[Key, ...]
    unmatched: tuple[Need, ...]


def select(
    needs: Sequence[Need],
    candidates: Candidates,
    itself: Key,
    find: Callable[[Key], bool],
) -> Selection:
    """Select the analyses that match a list of needs.

    Parameters
    ----------
    needs
        The items.
    candidates
        The analyses that conditions and plain names can select.
    itself
        The analysis with the needs; it is never selected.
    find
        Returns whether an analysis exists, in any subject; used for ``subject/name``.
    """
    selected: dict[Key, None] = {}
    unmatched: list[Need] = []
    for need in needs:
        found = _select_one(need, candidates, find)
        chosen = [key for key in found if key != itself]
        selected.update(dict.fromkeys(chosen))
        if not chosen and not need.optional:
            unmatched.append(need)
    return Selection(tuple(selected), tuple(unmatched))


def _select_one(need: Need, candidates: Candidates, find: Callable[[Key], bool]) -> list[Key]:
    results: list[list[Key]] = []
    for term in need.terms:
        if term.path == "name" and "/" in term.value and not term.negated:
            subject, _, name = term.value.partition("/")
            results.append([Key(subject, name)] if find(Key(subject, name)) else [])
        else:
            results.append(candidates.matching(term))
    if len(results) == 1:
        return results[0]
    everywhere = set(results[0]).intersection(*results[1:])
    return [key for key in results[0] if key in everywhere]
