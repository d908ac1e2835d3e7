"""Why a result is out of date."""

from __future__ import annotations

from typing import Literal, NamedTuple

from asimov.ledger.validity import Kind

#: Of a result that is damaged, whatever it was made from: always counts, and nothing but a person
#: has such an analysis run again.
RESULTS: Literal["results"] = "results"


class Reason(NamedTuple):
    """One thing that has changed since an analysis ran.

    Attributes
    ----------
    kind
        ``settings``, ``inputs``, ``code`` or ``version``; or `RESULTS`.
    text
        What has changed, a line for people, such as ``gain: 2 -> 5``.
    """

    kind: Kind | Literal["results"]
    text: str

    def __str__(self) -> str:
        return self.text
