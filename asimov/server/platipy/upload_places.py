"""Places for uploads that come at once: no key takes those that another one needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from asimov.server.faults import FaultError


class UploadPlaces:
    """So many places for uploads; a key may have as many as are free.

    So one alone has half of them, the next a quarter, and who has none gets one while any is free.

    Parameters
    ----------
    number
        How many there are.
    """

    def __init__(self, number: int) -> None:
        self._free = number
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, key: str) -> Iterator[None]:
        """Have a place in the block.

        Parameters
        ----------
        key
            The name of the key that uploads.

        Raises
        ------
        FaultError
            If there is none for it.
        """
        if self._taken[key] >= self._free:
            whose = "with this key" if self._free else "at once"
            raise FaultError(503, f"too many uploads {whose}", hint="try again later")
        self._free -= 1
        self._taken[key] += 1
        try:
            yield
        finally:
            self._free += 1
            self._taken[key] -= 1
            if not self._taken[key]:
                del self._taken[key]
