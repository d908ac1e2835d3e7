"""Find the analyses that patterns such as ``gw19*/bilby*`` name, or explain why there are none.

A pattern is ``SUBJECT/NAME`` or ``SUBJECT``, which stands for all analyses of the subject. In both
parts, ``*``, ``?`` and ``[abc]`` mean what they mean in a shell; case matters. Project analyses
have the subject ``project-analyses``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from fnmatch import translate
from functools import cached_property

from asimov.errors import AsimovError
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.journal.records import Record
from asimov.ledger.contents import Contents
from asimov.project.lookup import key_of, unknown_subject
from asimov.text import did_you_mean, listed, quoted

_WILD = re.compile(r"[*?\[]")


class Names:
    """The names that patterns can match.

    Parameters
    ----------
    contents
        The ledger.
    records
        What the journal knows of analyses; for messages.
    more
        Analyses that can be named although they are not in the ledger.
    removals
        As for `asimov.project.lookup.key_of`.
    """

    def __init__(
        self,
        contents: Contents,
        records: Mapping[Key, Record],
        more: Iterable[Key] = (),
        removals: Callable[[Key], int | None] = lambda _: None,
    ) -> None:
        self._contents = contents
        self._records = records
        self._removals = removals
        self.keys = list(dict.fromkeys([*contents.entries, *more]))

    @cached_property
    def _by_subject(self) -> dict[str, list[Key]]:
        found: dict[str, list[Key]] = {name: [] for name in self._contents.subjects}
        found[PROJECT_ANALYSES] = []
        for key in self.keys:
            found.setdefault(key.subject, []).append(key)
        return found

    def matching(self, patterns: Sequence[str]) -> list[Key]:
        """Return the analyses that any of the patterns matches, or all if there is no pattern.

        Two words without a slash are a subject and an analysis of it, if there is such an analysis,
        and otherwise two subjects.

        Raises
        ------
        AsimovError
            If there is no subject or analysis that a pattern matches. A subject without analyses
            is no error.
        """
        if not patterns:
            return self.keys
        if len(patterns) == 2 and not any("/" in each for each in patterns):
            both = "/".join(patterns)
            if self._found(both) or not all(self._subjects(each) for each in patterns):
                patterns = [both]
        chosen = {key for pattern in patterns for key in self._matching(pattern)}
        return list(chosen) if len(chosen) == 1 else [key for key in self.keys if key in chosen]

    def _matching(self, pattern: str) -> list[Key]:
        subject, slash, name = pattern.partition("/")
        found = self._found(pattern)
        subjects = self._subjects(subject)
        if found or (subjects and not slash):
            return found
        if not subjects:
            raise self._no_subject(pattern, subject)
        if not _WILD.search(pattern):
            known = (self._contents, self._records)
            return [key_of(*known, subject, name, self._removals)]  # raises
        names = dict.fromkeys(key.name for each in subjects for key in self._by_subject[each])
        raise AsimovError(
            f"no analysis matches {quoted(pattern)}{did_you_mean(name, names)}",
            hint=f"analyses of {listed(subjects, 3)}: {listed(names) or 'none'}",
        )

    def _found(self, pattern: str) -> list[Key]:
        subject, slash, name = pattern.partition("/")
        keys = [key for each in self._subjects(subject) for key in self._by_subject[each]]
        if not slash:
            return keys
        exact = [key for key in keys if key.name == name]
        fits = re.compile(translate(name)).match
        return exact or [key for key in keys if fits(key.name)]

    def _subjects(self, pattern: str) -> list[str]:
        if pattern in self._by_subject:
            return [pattern]
        fits = re.compile(translate(pattern)).match
        return [each for each in self._by_subject if fits(each)] if _WILD.search(pattern) else []

    def _no_subject(self, pattern: str, subject: str) -> AsimovError:
        if _WILD.search(subject):
            names = list(self._contents.subjects)
            return AsimovError(
                f"no subject matches {quoted(subject)}{did_you_mean(subject, names)}",
                hint=f"subjects: {listed(names) or 'none'}",
            )
        named = [str(key) for key in self.keys if key.name == pattern]
        error = unknown_subject(self._contents, subject, self._removals)
        if named:
            return AsimovError(
                f"there is no subject {quoted(subject)}; did you mean the analysis {named[0]!r}?",
                hint=f"analyses of that name: {listed(named)}",
            )
        return error
