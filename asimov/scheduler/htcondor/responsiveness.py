"""Whether a schedd responds, so that an unresponsive one does not block asimov.

Measured with 25.14.1 on a schedd that accepts connections and answers nothing: the bindings wait
20 s for the answer to a query or an action, and for ever for one to ``submit``, ``edit`` and
``history``; meanwhile no Python thread runs. So a schedd that has not answered anything for a
second has to give a sign of life before one of those. One that did not answer is left alone for as
long as the wait took: several questions in a row would each cost that time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

#: A question that failed after more seconds than this was not answered; sooner, it was refused.
_UNANSWERED = 5.0
#: For this many seconds after an answer a schedd is assumed to respond.
_RECENT = 1.0


@dataclass
class Responsiveness:
    """What this process knows about whether one schedd responds.

    Attributes
    ----------
    failure
        The error of the question that was not answered.
    """

    failure: Exception | None = None
    _until: float = 0.0
    _answered: float = float("-inf")

    def record_answer(self) -> None:
        """Record that the schedd answered."""
        self._answered = time.monotonic()

    def record_failure(self, begun: float, failure: Exception) -> bool:
        """Record that a question failed; return whether the schedd did not respond.

        Parameters
        ----------
        begun
            When it was asked, by `time.monotonic`.
        failure
            What the bindings raised.
        """
        now = time.monotonic()
        if now - begun <= _UNANSWERED:
            return False
        self._until, self.failure = now + (now - begun), failure
        return True

    @property
    def unresponsive(self) -> bool:
        """Whether the schedd failed to respond so recently that it should not be asked."""
        return time.monotonic() < self._until

    @property
    def recent(self) -> bool:
        """Whether the schedd answered so recently that it need not be tested."""
        return time.monotonic() - self._answered < _RECENT


def sign_of_life(schedd: Any) -> Any:
    """Test that a schedd answers, with a cheap question that is not about its queue.

    It asks for none of the users that the schedd knows, a short list. Bindings and schedds without
    that question are asked for none of the jobs. Measured with 25.14.1: on a silent schedd the
    bindings wait 20 s for this question, as for a query of the queue; ``htcondor2.ping`` would wait
    for ever, as does ``submit``.

    Raises
    ------
    HTCondorException
        Where the schedd does not answer.
    """
    import htcondor2

    users = getattr(schedd, "queryUserAds", None)
    if users is not None:
        begun = time.monotonic()
        try:
            return users("false", ["User"], limit=1)
        except htcondor2.HTCondorException:
            if time.monotonic() - begun > _UNANSWERED:
                raise
    return schedd.query("false", ["ClusterId"], limit=1)
