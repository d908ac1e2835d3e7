"""Compute the effective settings of an analysis as asimov 0.8 does.

There, the project's defaults are laid over the pipeline's, because they count as the subject's. Of
the project's settings only a few keys apply to analyses, and to project analyses none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from asimov.settings.merging import copied, merge

#: The keys of the whole ledger that are defaults of subjects.
DEFAULTS = ("data", "priors", "quality", "likelihood", "scheduler", "waveform")

#: Keys of an analysis that are no settings.
_PLACE = {"name", "pipeline"}


def effective(
    top: Mapping[str, Any], subject: Mapping[str, Any] | None, analysis: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the settings of an analysis, the least specific layer first.

    Parameters
    ----------
    top
        The keys of the whole ledger.
    subject
        Its subject; None for a project analysis.
    analysis
        The analysis.
    """
    pipelines = top.get("pipelines") or {}
    layers: list[Mapping[str, Any]] = [pipelines.get(analysis.get("pipeline")) or {}]
    if subject is not None:
        if "postprocessing" in top:
            layers.append({"postprocessing": top["postprocessing"]})
        layers.append({key: top[key] for key in DEFAULTS if key in top})
        layers.append({key: value for key, value in subject.items() if key != "name"})
    own = {key: value for key, value in analysis.items() if key not in _PLACE}
    return merge([*layers, own])


def without_frozen(
    subject: dict[str, Any], top: Mapping[str, Any]
) -> tuple[dict[str, Any], list[tuple[Any, ...]]]:
    """Return a subject without the project's defaults that were copied into it, and their paths.

    A copy and a choice of the same value look the same; both mean the same until the default
    changes.
    """
    frozen: list[tuple[Any, ...]] = []
    kept = copied(subject)
    for key in DEFAULTS:
        if key in kept and key in top:
            _drop_same(kept, top, (key,), frozen)
    return kept, frozen


def _drop_same(
    mapping: dict[str, Any],
    top: Mapping[str, Any],
    path: tuple[Any, ...],
    frozen: list[tuple[Any, ...]],
) -> None:
    """Remove from a mapping what another has with the same value at the same path."""
    key = path[-1]
    value, default = mapping[key], top[key]
    if isinstance(value, dict) and isinstance(default, Mapping):
        for inner in list(value):
            if inner in default:
                _drop_same(value, default, (*path, inner), frozen)
        if not value:
            del mapping[key]
    elif value == default:
        del mapping[key]
        frozen.append(path)
