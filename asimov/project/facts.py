"""Facts: what pipelines and people wrote about analyses and subjects, kept in the journal."""

from __future__ import annotations

from typing import Any

from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.ledger import reviews
from asimov.settings.merging import copied, difference, lay_over
from asimov.system import clock


class Facts(dict[Key, dict[str, Any]]):
    """The settings that were written about each analysis, and each subject by an empty name.

    Parameters
    ----------
    journal
        The journal that they are read from and written to.

    Attributes
    ----------
    unsaved
        Whether some are in memory only.
    """

    unsaved = False

    def __init__(self, journal: Journal) -> None:
        super().__init__(journal.facts())
        self._journal = journal

    def keep(self, key: Key, before: dict[str, Any], after: dict[str, Any]) -> bool:
        """Keep the settings that were changed; return whether any were.

        A project that is only read keeps them in memory.
        """
        written = difference(before, after)
        if written and self._journal.reading:
            self[key] = lay_over(copied(self.get(key, {})), written)
            self.unsaved = True
        elif written:
            self._lay_over(key, written)
            self.unsaved = False
        return bool(written)

    def review(
        self, key: Key, before: Any, message: str | None, status: str | None, by: str
    ) -> dict[str, Any]:
        """Keep a person's message about an analysis and its verdict; return the whole review.

        Parameters
        ----------
        key
            The analysis.
        before
            The review so far, if any.
        message, status
            The message, and one of `asimov.ledger.reviews.STATUSES`; either may be None.
        by
            Who reviews it.
        """
        now = clock.iso()
        review = reviews.added(before, message, status, by, now)
        said = ": ".join(each for each in (status, message) if each)
        with self._journal.transaction():
            self._keep_review(key, review)
            self._journal.note(key, by, "review", said)
        return review

    def withdraw_review(self, key: Key, before: Any, actor: str) -> dict[str, Any] | None:
        """Withdraw the verdict on an analysis that will run again; None if there is no verdict."""
        status = reviews.outcome(before)
        if not status:
            return None
        review = reviews.withdrawn(before)
        self._keep_review(key, review)
        self._journal.note(key, actor, "review", f"no longer {status}: it is run again")
        return review

    def restore_review(self, key: Key, review: dict[str, Any] | None, by: str) -> None:
        """Put an earlier review back; None takes away what people wrote here."""
        self[key] = {name: each for name, each in self.get(key, {}).items() if name != "review"}
        if review is not None:
            self[key]["review"] = review
        with self._journal.transaction():
            self._journal.set_facts(key, self[key])
            verdict = reviews.outcome(review) or "without a verdict"
            again = f"the earlier review was restored: {verdict}" if review else "it was withdrawn"
            self._journal.note(key, by, "review", again)

    def answer(self, key: Key, question: str, answers: dict[str, Any]) -> None:
        """Keep a person's answers to a question of an analysis."""
        self._lay_over(key, {"answers": {question: answers}})

    def forget_answers(self, key: Key) -> bool:
        """Forget what was answered about an analysis; return whether there was anything."""
        if "answers" not in self.get(key, {}):
            return False
        self[key] = {name: each for name, each in self[key].items() if name != "answers"}
        self._journal.set_facts(key, self[key])
        return True

    def _keep_review(self, key: Key, review: dict[str, Any]) -> None:
        self._lay_over(key, {"review": review})

    def _lay_over(self, key: Key, written: dict[str, Any]) -> None:
        """Write over what the journal has now: another process may have added to it meanwhile."""
        with self._journal.transaction():
            self[key] = lay_over(self._journal.facts_of(key), written)
            self._journal.set_facts(key, self[key])
