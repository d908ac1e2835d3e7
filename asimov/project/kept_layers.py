"""The layers of settings of the last analyses: a submission needs them three times."""

from __future__ import annotations

from collections.abc import Callable
from operator import is_
from typing import Any

from asimov.journal.keys import Key
from asimov.ledger.contents import Layer

#: The layers of an analysis, and all of them merged.
Layers = tuple[list[Layer], dict[str, Any]]

#: For how many analyses: more than are submitted in one write of the journal.
_MOST = 200


class KeptLayers:
    """Layers of settings, each for as long as what they were made from is the same object."""

    def __init__(self) -> None:
        self._known: dict[Key, tuple[tuple[object, ...], Layers]] = {}

    def of(self, key: Key, sources: tuple[object, ...], make: Callable[[Key], Layers]) -> Layers:
        """Return the layers of an analysis; nobody changes them.

        Parameters
        ----------
        key
            The analysis.
        sources
            What they are made from: objects that are replaced and not changed.
        make
            Makes them.
        """
        before, layers = self._known.get(key, ((), None))
        if layers is None or not all(map(is_, before, sources)):
            layers = make(key)
            if len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            self._known[key] = sources, layers
        return layers
