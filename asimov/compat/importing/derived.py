"""Tell settings that asimov 0.8 derived and saved from those that a person chose.

0.8 completes the settings of gravitational-wave analyses and saves the result as if it had been
written by hand. What follows from the other settings is derived, and left out: it is derived here
again, from the settings that the analysis has here.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from asimov.settings.merging import copied, leaves, value_at

#: The settings that 0.8 completes.
_CANDIDATES: tuple[tuple[str, ...], ...] = (
    ("likelihood", "marginalization"),
    ("likelihood", "minimum frequency"),
    ("likelihood", "maximum frequency"),
    ("likelihood", "segment start"),
    ("data", "data files"),
    ("waveform", "approximant"),
    ("waveform", "reference frequency"),
)
#: Mappings that 0.8 adds to every analysis.
_EMPTY = ("scheduler", "sampler", "likelihood", "waveform", "data", "labels", "postprocessing")


def without_derived(
    document: Mapping[str, Any], *effective: Callable[[Mapping[str, Any]], Mapping[str, Any]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the document of an analysis without derived values, and these by their paths.

    Parameters
    ----------
    document
        The document.
    *effective
        Each returns the effective settings of the analysis with another document, with what
        follows from them: there, and here. A value that follows in either is derived.
    """
    wanted = {
        path: value for path in _CANDIDATES if (value := value_at(document, path)) is not None
    }
    bare = copied(dict(document))
    for path in wanted:
        _drop(bare, path)
    found = [each(bare) for each in effective]
    chosen = [path for path, value in wanted.items() if not _follows(found, path, value)]
    for path in chosen:
        _put(bare, path, wanted[path])
    # A choice that was put back may be what another value follows from.
    found = [each(bare) for each in effective]
    for path, value in wanted.items():
        if path not in chosen and not _follows(found, path, value):
            chosen.append(path)
            _put(bare, path, value)
    for key in _EMPTY:
        if bare.get(key) == {}:
            del bare[key]
    derived: dict[str, Any] = {}
    for path, value in wanted.items():
        if path not in chosen and value != {}:
            for inner, leaf in leaves({path[-1]: value}, path[:-1]):
                derived[": ".join(map(str, inner))] = leaf
    return bare, derived


def _follows(found: list[Mapping[str, Any]], path: tuple[str, ...], value: Any) -> bool:
    return any(_holds(value_at(settings, path), value) for settings in found)


def _holds(derived: Any, saved: Any) -> bool:
    """Return whether what follows here holds all that was saved; 0.8 may have saved a part."""
    if isinstance(saved, Mapping) and isinstance(derived, Mapping):
        return all(_holds(derived.get(key), value) for key, value in saved.items())
    return bool(derived == saved)


def _drop(settings: dict[str, Any], path: tuple[str, ...]) -> None:
    above = value_at(settings, path[:-1])
    del above[path[-1]]
    if not above:
        del settings[path[0]]


def _put(settings: dict[str, Any], path: tuple[str, ...], value: Any) -> None:
    settings.setdefault(path[0], {})[path[1]] = copied(value)
