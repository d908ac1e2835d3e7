"""Recognise gravitational-wave analyses by their settings, and derive more settings from these."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from asimov.settings.merging import copied

#: The marks of the field, for people.
MARKS = "'interferometers', 'ligo', a GPS 'event time', or 'data' by detector"

#: What only analyses with the marks have.
ATTRIBUTES = frozenset(
    {
        "get_coincfile",
        "get_psds",
        "get_timefile",
        "priors",
        "psds",
        "quality",
        "reference_frame",
        "xml_psds",
    }
)

_DETECTOR = re.compile(r"[A-Z]\d")

#: Mappings that published pipelines and templates take for granted.
_EXPECTED = ("scheduler", "sampler", "likelihood", "data", "waveform")

#: Settings of ``likelihood`` that older blueprints have in ``quality``.
_OF_QUALITY = ("minimum frequency", "maximum frequency")

#: The part of the frequencies below Nyquist's that a power spectrum is used at.
_ROLL_OFF = 0.875

#: For how long after the time of the event the analysed data go on, in seconds.
_AFTER_EVENT = 2


def marks(settings: Mapping[str, Any]) -> bool:
    """Return whether settings have a mark of the field.

    The marks are ``interferometers``; ``ligo``; ``event time`` that is a number (in GPS seconds);
    ``channels`` or ``frame types`` in ``data``, by detectors such as ``H1``.
    """
    if settings.get("interferometers") or "ligo" in settings or _number(settings, "event time"):
        return True
    data = settings.get("data")
    if not isinstance(data, Mapping):
        return False
    return any(_by_detector(data.get(name)) for name in ("channels", "frame types"))


def _by_detector(value: Any) -> bool:
    if not isinstance(value, Mapping) or not value:
        return False
    return all(isinstance(key, str) and _DETECTOR.fullmatch(key) for key in value)


def _number(settings: Mapping[str, Any], name: str) -> float | None:
    value = settings.get(name)
    return value if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def complete(settings: dict[str, Any]) -> None:
    """Add what follows from settings, in place; explicit settings stay.

    A mapping by detector is completed detector by detector.

    Parameters
    ----------
    settings
        The effective settings of an analysis that has a mark of the field.
    """
    for name in _EXPECTED:
        if settings.get(name) is None:
            settings[name] = {}
    likelihood, data, waveform = settings["likelihood"], settings["data"], settings["waveform"]
    if not all(isinstance(each, dict) for each in (likelihood, data, waveform)):
        return  # what is not a mapping is for the pipeline to refuse
    likelihood.setdefault("marginalization", {})
    data.setdefault("data files", {})
    quality = settings.get("quality")
    if isinstance(quality, Mapping):
        for name in _OF_QUALITY:
            _put(likelihood, name, quality.get(name))
        time, length = _number(settings, "event time"), _number(data, "segment length")
        if time is not None and length is not None and "segment start" not in quality:
            _put(likelihood, "segment start", time - length + _AFTER_EVENT)
    _put(waveform, "approximant", settings.get("approximant"))
    _put(waveform, "reference frequency", likelihood.get("reference frequency"))
    rate, detectors = _number(likelihood, "sample rate"), settings.get("interferometers")
    if rate and isinstance(detectors, list):
        highest = int(_ROLL_OFF * rate / 2)
        _put(likelihood, "maximum frequency", {str(each): highest for each in detectors})


def _put(settings: dict[str, Any], name: str, value: Any) -> None:
    """Set a value where there is none; of a mapping, what is missing in the one that is there."""
    present = settings.get(name)
    if present is None:
        if value is not None:
            settings[name] = copied(value)
    elif isinstance(present, dict) and isinstance(value, Mapping):
        for key, each in value.items():
            present.setdefault(key, each)
