"""Why a result is out of date."""

from __future__ import annotations

from typing import NamedTuple

from asimov.ledger.validity import Kind


class Reason(NamedTuple):
    """One thing that has changed since an analysis ran.

    Attributes
    ----------
    kind
        ``settings``, ``inputs``, ``code`` or ``version``.
    text
        What has changed, a line for people, such as ``gain: 2 -> 5``.
    """

    kind: Kind
    text: str

    def __str__(self) -> str:
        return self.text
