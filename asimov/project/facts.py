"""What pipelines and people write about an analysis, kept among its facts in the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from asimov.keys import Key
from asimov.ledger import reviews
from asimov.mappings import copied, difference, lay_over
from asimov.system import clock

if TYPE_CHECKING:
    from asimov.journal.journal import Journal
    from asimov.project.analysis import Analysis
    from asimov.project.subject import Subject


class Kept:
    """The part of an open project (see `asimov.project.workspace.Workspace`) that writes facts."""

    if TYPE_CHECKING:
        journal: Journal
        facts: dict[Key, dict[str, Any]]
        _analyses: dict[Key, Analysis]
        _subjects: dict[str, Subject]

        def settings(self, key: Key) -> dict[str, Any]: ...  # noqa: D102
        def effective(self, key: Key) -> dict[str, Any]: ...  # noqa: D102
        def subject_settings(self, name: str) -> dict[str, Any]: ...  # noqa: D102

    def keep(self, analysis: Analysis) -> None:
        """Keep what a pipeline has written to an analysis and to its subject."""
        if "meta" in vars(analysis):  # else nobody has read it, let alone written to it
            self._keep_of(analysis.key, analysis.kept_meta, analysis.meta)
            analysis.kept_meta = copied(analysis.meta)
        if analysis.key[0] in self._subjects:
            self.keep_subject(self._subjects[analysis.key[0]])

    def keep_subject(self, subject: Subject) -> None:
        """Keep what a pipeline has written to a subject."""
        before = self.subject_settings(subject.name)
        if self._keep_of(Key(subject.name, ""), before, subject.meta):
            self._hand_on(subject.name)
        subject.kept_meta = copied(subject.meta)

    def overrule(self, key: Key, wanted: dict[str, Any]) -> None:
        """Have settings hold that the ledger has by now and that facts would hide."""
        if key in self.facts:
            now = self.settings(key) if key[1] else self.subject_settings(key[0])
            self._keep_of(key, now, lay_over(copied(now), wanted))

    def _keep_of(self, key: Key, before: dict[str, Any], after: dict[str, Any]) -> bool:
        written = difference(before, after)
        if written:
            self.facts[key] = lay_over(copied(self.facts.get(key, {})), written)
            if not self.journal.reading:
                self.journal.set_facts(key, self.facts[key])
        return bool(written)

    def _hand_on(self, subject: str) -> None:
        """Lay what has changed of a subject's settings over those of its analyses in hand."""
        for key, analysis in self._analyses.items():
            if key[0] == subject and "kept_meta" in vars(analysis):  # else they are made anew
                news = difference(analysis.kept_meta, self.effective(key))
                lay_over(analysis.kept_meta, news)
                lay_over(analysis.meta, news)

    def review(self, key: Key, message: str | None, status: str | None, by: str) -> None:
        """Keep a person's message about an analysis, and what its review has come to.

        Parameters
        ----------
        key
            The analysis.
        message, status
            What is said, and one of `asimov.ledger.reviews.STATUSES`; either may be None.
        by
            Who says so.
        """
        said = ": ".join(each for each in (status, message) if each)
        now = clock.iso()
        old = self.settings(key).get("review")
        with self.journal.transaction():
            self._keep_review(key, reviews.added(old, message, status, by, now))
            self.journal.note(key, by, "review", said)

    def _withdraw_review(self, key: Key, actor: str) -> None:
        review = self.settings(key).get("review")
        if status := reviews.outcome(review):
            self._keep_review(key, reviews.withdrawn(review))
            self.journal.note(key, actor, "review", f"no longer {status}: it is run again")

    def _keep_review(self, key: Key, review: dict[str, Any]) -> None:
        self.facts[key] = lay_over(copied(self.facts.get(key, {})), {"review": review})
        self.journal.set_facts(key, self.facts[key])
        if key in self._analyses and "kept_meta" in vars(self._analyses[key]):
            for settings in (self._analyses[key].meta, self._analyses[key].kept_meta):
                settings["review"] = copied(review)
        self.__dict__.pop("dependencies", None)
