"""Whether a schedd has just answered, or keeps silent.

Measured with 25.14.1 on a schedd that takes contacts and answers nothing: the bindings wait 20 s
for the answer to a query or an act, and for ever for one to ``submit``, ``edit`` and ``history``;
meanwhile no thread of Python runs. So where the schedd has not answered anything for a second, it
has to give a sign of life before one of those (see `knocking`). One that did not answer is left
alone for as long as it was waited for: many questions in a row would each cost that.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

#: A question that failed after so many seconds was not answered; before that it was refused.
LONG = 5.0
#: For so many seconds after an answer a schedd is taken to go on answering.
_RECENT = 1.0


@dataclass
class Silence:
    """What is known of one schedd in this process.

    Attributes
    ----------
    failure
        What the question came to that was not answered.
    """

    failure: Exception | None = None
    _until: float = 0.0
    _answered: float = float("-inf")

    def answers(self) -> None:
        """Note an answer."""
        self._answered = time.monotonic()

    def fails(self, begun: float, failure: Exception) -> bool:
        """Note a failure of a question; return whether the schedd kept silent.

        Parameters
        ----------
        begun
            When it was asked, by `time.monotonic`.
        failure
            What the bindings raised.
        """
        now = time.monotonic()
        if now - begun <= LONG:
            return False
        self._until, self.failure = now + (now - begun), failure
        return True

    @property
    def lasts(self) -> bool:
        """Whether the schedd kept silent so lately that it is not to be asked again."""
        return time.monotonic() < self._until

    @property
    def recent(self) -> bool:
        """Whether the schedd has answered so lately that it need not be tried."""
        return time.monotonic() - self._answered < _RECENT
