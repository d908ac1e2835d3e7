"""The parsed ledger: its subjects and analyses, and the layers of their settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from asimov.errors import AsimovError
from asimov.journal.keys import PROJECT_ANALYSES, Key
from asimov.ledger.fields_of_science import complete
from asimov.ledger.reserved import without_effect
from asimov.settings.merging import lay_over, merge

#: Keys of an analysis, a subject and the project that are no settings.
_OF_ANALYSIS = without_effect("analysis").union(
    ("kind", "name", "event", "subject", "pipeline", "status")
)
_OF_SUBJECT = without_effect("subject").union(("kind", "name", "analyses", "repository"))
_OF_SECTION = without_effect("section")
_OF_PROJECT = without_effect("configuration").union(("kind", "pipelines", "hooks"))
#: How the names of layers begin that pipelines wrote.
WRITTEN = "written by pipelines to"


class Entry(msgspec.Struct, frozen=True):
    """One analysis of the ledger.

    Attributes
    ----------
    key
        Its subject's name (``project-analyses`` for a project analysis) and its own.
    data
        Its document, as written.
    file
        Its ledger file, relative to the ledger's folder.
    """

    key: Key
    data: Mapping[str, Any]
    file: str

    @property
    def pipeline(self) -> str:
        """The name of its pipeline."""
        return str(self.data["pipeline"])

    @property
    def kind(self) -> str:
        """``simple``, ``subject`` or ``project``."""
        if self.key[0] == PROJECT_ANALYSES:
            return "project"
        return "subject" if self.data.get("analyses") is not None else "simple"


@dataclass
class Contents:
    """The whole ledger.

    Attributes
    ----------
    project
        The document ``project.yaml``.
    subjects
        The subjects' documents by name, including their ``analyses``.
    entries
        Every analysis, in the ledger's order.
    broken
        The error of each file that can't be used, by its path in the ledger.
    stamps
        Size, times and inode of each file when it was read, by its path in the ledger; empty where
        they were not seen.
    """

    project: dict[str, Any] = field(default_factory=dict)
    subjects: dict[str, dict[str, Any]] = field(default_factory=dict)
    entries: dict[Key, Entry] = field(default_factory=dict)
    broken: dict[str, AsimovError] = field(default_factory=dict)
    stamps: dict[str, str] = field(default_factory=dict, compare=False)

    def layers(self, entry: Entry, facts: Mapping[Key, Mapping[str, Any]]) -> list[Layer]:
        """Return the named layers of an analysis's settings, the least specific first.

        Parameters
        ----------
        entry
            The analysis.
        facts
            What pipelines wrote, by analysis, and by subject under ``(subject, "")``.
        """
        subject, name = entry.key
        defaults = _of_pipeline(self.project.get("pipelines") or {}, entry.pipeline)
        layers: list[Layer] = [
            ("project.yaml", _without(self.project, _OF_PROJECT)),
            (f"project.yaml: pipelines: {entry.pipeline}", _without(defaults, _OF_SECTION)),
        ]
        if subject in self.subjects:
            layers.append((entry.file, _without(self.subjects[subject], _OF_SUBJECT)))
            layers.append((f"{WRITTEN} {subject}", facts.get(Key(subject, ""), {})))
        layers.append((f"{entry.file}: {name}", _without(entry.data, _OF_ANALYSIS)))
        written = facts.get(entry.key, {})
        layers.append((f"{WRITTEN} {name}", written))
        if isinstance(written.get("labels"), Mapping):
            # Convert plain names to values: a mapping would replace a list and hide its names.
            return [(what, _with_values(layer)) for what, layer in layers]
        return layers

    def settings(self, entry: Entry, facts: Mapping[Key, Mapping[str, Any]]) -> dict[str, Any]:
        """Return the effective settings of an analysis, as a new mapping."""
        return complete(self.given(entry, facts))

    def given(self, entry: Entry, facts: Mapping[Key, Mapping[str, Any]]) -> dict[str, Any]:
        """Return the settings of an analysis without those derived from them."""
        return merge(layer for _, layer in self.layers(entry, facts))

    def subject_settings(self, name: str, facts: Mapping[Key, Mapping[str, Any]]) -> dict[str, Any]:
        """Return the effective settings of a subject, as a new mapping."""
        subject = self.subjects.get(name, {})
        settings = merge([_without(self.project, _OF_PROJECT), _without(subject, _OF_SUBJECT)])
        return lay_over(settings, facts.get(Key(name, ""), {}))


def with_effect(layer: Layer) -> Mapping[str, Any]:
    """Return the settings of a named layer; records of older versions hold more keys."""
    name, settings = layer
    if name.startswith(WRITTEN):
        return settings
    own = name.startswith(("subjects/", "analyses/")) and not name.endswith(".yaml")
    return _without(settings, without_effect("analysis" if own else "subject"))


def _of_pipeline(pipelines: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """Return the settings for a pipeline, ignoring the case of its name."""
    if name in pipelines:
        return pipelines[name] or {}
    return next((v or {} for k, v in pipelines.items() if k.lower() == name.lower()), {})


#: A name for people, and the settings.
Layer = tuple[str, Mapping[str, Any]]


def _with_values(layer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return settings with each label that is a plain name set to true."""
    labels = layer.get("labels")
    if not isinstance(labels, list):
        return layer
    return {**layer, "labels": dict.fromkeys(map(str, labels), True)}


def _without(mapping: Mapping[str, Any], keys: frozenset[str]) -> dict[str, Any]:
    return {key: value for key, value in mapping.items() if key not in keys}
