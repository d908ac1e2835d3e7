"""The dependencies between analyses: which ones each needs, and whether there are cycles."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger import reviews
from asimov.ledger.contents import Contents
from asimov.ledger.fields_of_science import complete
from asimov.ledger.needs import Candidates, Need, Selection, Term, parse, select


class Dependencies:
    """The dependencies between the analyses of a ledger.

    Parameters
    ----------
    contents
        The ledger.
    facts
        What pipelines wrote, by analysis, and by subject under ``(subject, "")``.
    status
        Returns the state of an analysis; by default all are ready.
    """

    def __init__(
        self,
        contents: Contents,
        facts: Mapping[Key, Mapping[str, Any]],
        status: Callable[[Key], str] = lambda _: "ready",
    ) -> None:
        self._contents = contents
        self._facts = facts
        self._status = status
        self._by_subject: dict[str, list[Key]] = {}
        for key in contents.entries:
            self._by_subject.setdefault(key[0], []).append(key)
        self._candidates: dict[tuple[str, ...], Candidates] = {}
        self._selected: dict[Key, Selection] = {}
        self._settings_cache: dict[Key, dict[str, Any]] = {}
        self._in_no_cycle: set[Key] = set()
        #: Whether any need refers to states, so that the answers change with them.
        self.asks_status = False

    def of(self, key: Key) -> Selection:
        """Return what an analysis depends on: its ``needs`` and its ``analyses``."""
        if key not in self._selected:
            needs, inputs = self._select(key, "needs"), self._select(key, "analyses")
            self._selected[key] = Selection(
                tuple(dict.fromkeys(needs.keys + inputs.keys)), needs.unmatched + inputs.unmatched
            )
        return self._selected[key]

    def inputs(self, key: Key) -> tuple[Key, ...]:
        """Return the analyses whose products an analysis uses.

        For a simple analysis these are its needs; for the other kinds, its ``analyses``.
        """
        over = self._contents.entries[key].kind != "simple"
        return self._select(key, "analyses" if over else "needs").keys

    def nearly(self, key: Key, need: Need, paths: Iterable[str]) -> list[Key]:
        """Return the analyses that match a need, ignoring its conditions on some paths.

        If it has no other conditions, these are all candidates.
        """
        rest = tuple(term for term in need.terms if term.path not in paths)
        terms = rest or (Term("name", "", negated=True),)
        entry = self._contents.entries[key]
        field = "needs" if need in parse(entry.data.get("needs")) else "analyses"
        return list(self._evaluate(key, [Need(terms, optional=True)], field).keys)

    def _select(self, key: Key, field: str) -> Selection:
        return self._evaluate(key, parse(self._contents.entries[key].data.get(field)), field)

    def _evaluate(self, key: Key, needs: list[Need], field: str) -> Selection:
        entry = self._contents.entries[key]
        if not needs:
            return Selection((), ())
        if entry.kind != "project":
            selection = select(needs, self._plain_pool(key[0]), key, self._exists)
            return self._with_named(selection, needs, key)
        subjects = entry.data.get("subjects")
        names = tuple(subjects if subjects is not None else self._contents.subjects)
        keys = [each for name in names for each in self._by_subject.get(name, ())]
        selection = select(needs, self._pool((PROJECT_ANALYSES, *names), keys), key, self._exists)
        selection = self._with_named(selection, needs, key)
        if subjects is None:
            # All subjects are meant, including one whose file can't be read at present.
            unread = [Need((Term("subject", name),)) for name in self._unread_subjects()]
            return Selection(selection.keys, selection.unmatched + tuple(unread))
        if field == "needs":
            return selection
        # A subject that is named but offers nothing is not left out silently.
        have = {subject for subject, _ in selection.keys}
        empty = [Need((Term("subject", name),)) for name in names if name not in have]
        return Selection(selection.keys, selection.unmatched + tuple(empty))

    def _unread_subjects(self) -> list[str]:
        paths = [path for path in self._contents.broken if path.startswith("subjects/")]
        return [path.removeprefix("subjects/").rpartition(".")[0] for path in paths]

    def _with_named(self, selection: Selection, needs: list[Need], key: Key) -> Selection:
        """Add subject analyses that are selected by name, which conditions never select."""
        extra: dict[Need, Key] = {}
        for need in needs:
            (term, *more) = need.terms
            named = Key(key[0], term.value)
            plain = not more and term.path == "name" and not term.negated
            if plain and named != key and self._exists(named) and not self._is_simple(named):
                extra[need] = named
        if not extra:
            return selection
        unmatched = tuple(need for need in selection.unmatched if need not in extra)
        return Selection(tuple(dict.fromkeys([*selection.keys, *extra.values()])), unmatched)

    def _plain_pool(self, subject: str) -> Candidates:
        scope = (subject,)
        if scope not in self._candidates:
            # Conditions select simple analyses only, not the analyses that combine them.
            plain = [each for each in self._by_subject[subject] if self._is_simple(each)]
            self._candidates[scope] = Candidates(plain, self._value)
        return self._candidates[scope]

    def _pool(self, scope: tuple[str, ...], keys: list[Key]) -> Candidates:
        if scope not in self._candidates:
            self._candidates[scope] = Candidates(keys, self._value)
        return self._candidates[scope]

    def _exists(self, key: Key) -> bool:
        return key in self._contents.entries

    def _is_simple(self, key: Key) -> bool:
        return self._contents.entries[key].kind == "simple"

    def _value(self, key: Key, path: str) -> Any:
        if path in {"subject", "name"}:
            return key[path == "name"]
        if path == "pipeline":
            return self._contents.entries[key].pipeline
        if path == "status":
            self.asks_status = True
            return self._status(key)
        if key not in self._settings_cache:
            entry = self._contents.entries[key]
            self._settings_cache[key] = self._contents.given(entry, self._facts)
        settings = self._settings_cache[key]
        if path in reviews.PATHS:
            return reviews.outcome(settings.get("review"))
        value = _at(settings, path)
        # Derived settings come last: computing them is slow and rarely needed.
        return value if value is not None else _at(complete(settings), path)

    def cycle(self, starts: Iterable[Key] | None = None) -> list[Key] | None:
        """Return a cycle of needs, its first analysis again at its end, or None.

        Parameters
        ----------
        starts
            The analyses whose needs to follow, by default all.
        """
        graph: dict[Key, Sequence[Key]] = {}
        todo = list(self._contents.entries if starts is None else starts)[::-1]
        while todo:
            key = todo.pop()
            if key not in graph and key not in self._in_no_cycle:
                graph[key] = self.of(key).keys
                todo += graph[key]
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            cycle: list[Key] = error.args[1][:0:-1]  # each needs the next
            first = cycle.index(next(key for key in graph if key in cycle))
            return [*cycle[first:], *cycle[:first], cycle[first]]
        self._in_no_cycle |= graph.keys()
        return None


def _at(settings: Any, path: str) -> Any:
    """Return the value at a dotted path, or None."""
    for step in path.split("."):
        if not isinstance(settings, dict):
            return None
        settings = settings.get(step)
    return settings
