"""The fingerprint of an attempt: two attempts with the same one would make the same products.

It is a digest of the settings as the pipeline saw them, the configuration's content, the command
lines, the SHA-256 of every other file, the pipeline with its package's version, the image's digest,
and the packages of the software environments. It does not depend on the time, the host, the
scheduler, or where the project is. In the configuration and the command lines these are replaced
first:

- each file that the attempt ran with, by its SHA-256; so an input may have another path,
- the folders of the analysis, of its inputs and of the project,
- a seed that was drawn and not chosen,
- the analysis's name, as a whole word; not if the name is also the value of a setting, since then
  it seems to mean something.

Not replaced is the subject's name, nor is anything in settings except for folders. A pipeline that
does something else because of an analysis's name alone must not be used with ``reuse``.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from asimov.engine.provenance.record import Provenance, UsedFile, with_text_keys
from asimov.engine.refresh import RUN_INPUTS
from asimov.pipeline.node_pipeline import DRAWN
from asimov.project.analysis import Analysis

#: Changes if the computation does: fingerprints of different versions never match.
_VERSION = 1
#: Settings that do not change what is made, or that show in the inputs.
_ASIDE = frozenset(
    """
    comment labels name needs review rerun reuse refreshable rundir scheduler status strategy
    """.split()  # noqa: SIM905
) | {"outdated by", "holds", DRAWN, RUN_INPUTS}

_SORTED = json.JSONEncoder(sort_keys=True)
#: Some pipelines write all settings into the configuration, as YAML; these lines do not count.
_LINES = re.compile(
    rf"^(?:{'|'.join(sorted(map(re.escape, _ASIDE - {'name', 'rundir'})))}):.*\n(?:[ -].*\n)*",
    re.MULTILINE,
)


def fingerprint(
    analysis: Analysis,
    found: Provenance,
    settings: Mapping[str, Any],
    configuration: bytes,
) -> str:
    """Return the fingerprint of an attempt, in hexadecimal digits.

    It is empty if the content of something that the attempt ran with is not known: a file without a
    checksum, an image without a digest, or something that is fetched.

    Parameters
    ----------
    analysis
        The analysis, about to be submitted.
    found
        What the attempt runs with.
    settings
        Its settings, as its pipeline sees them.
    configuration
        The content of its configuration.
    """
    if found.image_unknown or any(each.sha256 is None for each in found.files):
        return ""
    kept = _as_text({key: value for key, value in settings.items() if key not in _ASIDE})
    configured = configuration.decode(errors="surrogateescape")
    places = _places(analysis, found)
    without_places = _replacing(places)
    neutral = _replacing(places, _words(analysis, found, kept, settings))
    parts = {
        "version": _VERSION,
        "pipeline": [found.pipeline, found.package],
        "image": [without_places(found.image), found.image_digest],
        "settings": without_places(kept),
        # Where lines are broken may depend on the length of a path.
        "configuration": " ".join(neutral(_LINES.sub("", configured)).split()),
        "commands": [
            [neutral(each.file), neutral(each.executable), neutral(each.arguments)]
            for each in found.commands
        ],
        "files": [[each.role, each.sha256] for each in found.files if each.role != "configuration"],
        "software": sorted(found.software.values()),
    }
    text = _SORTED.encode(parts)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()


def _places(analysis: Analysis, found: Provenance) -> dict[str, str]:
    """Return what to replace in texts: paths, each with what stands for it."""
    root = str(analysis.workspace.project.root)
    places = {root: "<project>"}
    for number, each in enumerate(analysis.inputs):
        for folder in (each.rundir, each.product_folder):
            _add(places, root, folder, f"<input {number}>")
    _add(places, root, analysis.rundir, "<rundir>")
    for used in found.files:
        path = used.path if used.path.startswith("/") else f"{root}/{used.path}"
        _add(places, root, path, _stands_for(used))
    return places


def _stands_for(used: UsedFile) -> str:
    return "<configuration>" if used.role == "configuration" else f"<{used.sha256}>"


def _add(places: dict[str, str], root: str, path: str, stands: str) -> None:
    places[path] = stands
    inside = path[len(root) + 1 :] if path.startswith(f"{root}/") else ""
    if "/" in inside:  # a name alone may mean anything
        places[inside] = stands


def _words(
    analysis: Analysis, found: Provenance, kept: str, settings: Mapping[str, Any]
) -> dict[str, str]:
    words = {}
    name = analysis.name  # mostly no part of any setting: then no expression is compiled
    if name not in kept or not re.search(rf'[":,\[]{re.escape(name)}[",\]}}]', kept):
        words[name] = "<name>"
    if settings.get("seed") is None and found.seed is not None:
        words[str(found.seed)] = "<seed>"
    return words


def _as_text(settings: Mapping[str, Any]) -> str:
    """Return settings as JSON, with the keys of each mapping sorted."""
    try:
        return msgspec.json.encode(settings, enc_hook=str, order="deterministic").decode()
    except (TypeError, ValueError):  # keys that are no text, or text that is not Unicode
        return json.dumps(with_text_keys(settings), sort_keys=True, separators=(",", ":"))


def _replacing(
    places: Mapping[str, str], words: Mapping[str, str] | None = None
) -> Callable[[str], str]:
    """Return a function that replaces paths, the longest first, and whole words in a text."""
    longest = sorted(places, key=len, reverse=True)

    def replaced(text: str) -> str:
        for path in longest:
            if path in text:
                text = _without(text, path, places[path], "_-")
        for word, stands in (words or {}).items():
            if word in text:
                text = _without(text, word, stands, "", whole=True)
        return text

    return replaced


def _without(text: str, old: str, new: str, joins: str, *, whole: bool = False) -> str:
    """Replace what does not go on with a letter, a digit or one of `joins`.

    A regular expression for each path would take most of the time of a fingerprint.
    """
    first, *rest = text.split(old)
    found = [first]
    before = first
    for after in rest:
        goes_on = after[:1].isalnum() or (after[:1] and after[0] in joins)
        found += [old if goes_on or (whole and before[-1:].isalnum()) else new, after]
        before = after or old
    return "".join(found)
