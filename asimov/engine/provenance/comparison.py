"""Compare what two attempts ran with and made, or an attempt with what the ledger says now."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from asimov import text
from asimov.engine.build import DESCRIPTIVE
from asimov.engine.provenance.crates.contents import Packed
from asimov.engine.provenance.crates.reading import Crate
from asimov.engine.provenance.crates.relocation import moved, moves
from asimov.engine.provenance.lookup import products_in, record_of, stored_results
from asimov.engine.provenance.patterns import Patterns
from asimov.engine.provenance.record import Provenance, last_run, settings_of
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.journal.provenance import ProvenanceRecords
from asimov.project.storage.copying import checksum
from asimov.project.workspace import Workspace
from asimov.settings.merging import leaves
from asimov.system import progress
from asimov.text import counted

#: Files that every analysis has one of, under paths of its own.
_OF_EACH = {"configuration": "the configuration", "template": "the template"}
_MATCHING = "matching files"
#: How the value of a product begins that is not as it was stored or packed.
_DAMAGED = "damaged"
#: The most of a value that a line shows, in characters.
_LONGEST = 100
#: Settings that say nothing about how a result is made.
ASIDE = {*DESCRIPTIVE, "comment", "status", "name"}


class Difference(msgspec.Struct):
    """Something in which two sides differ.

    Attributes
    ----------
    what
        ``settings``, ``files``, ``commands``, ``software``, ``place`` or ``products``; of the
        present state of an analysis, ``matching files``: those of the patterns among its inputs.
    name
        Its name: of a setting with those above it, of a file its path.
    before, after
        The two values; None where a side has none.
    """

    what: str
    name: str
    before: Any
    after: Any

    def __str__(self) -> str:
        return f"{text.line(self.name)}: {_value(self.before)} -> {_value(self.after)}"


class Side(msgspec.Struct):
    """One side of a comparison, as plain data by what it is and its name.

    Attributes
    ----------
    title
        What it is.
    parts
        The data.
    unread
        The products that are known only by their recorded checksum.
    """

    title: str
    parts: dict[str, dict[str, Any]]
    unread: set[str] = set()


def _value(value: Any) -> str:
    return "nothing" if value is None else text.short(text.line(str(value)), _LONGEST)


def of_attempt(
    workspace: Workspace, key: Key, number: int | None = None, *, read: bool = False
) -> Side:
    """Return what an attempt ran with and made, by default the last one of an analysis.

    Parameters
    ----------
    workspace
        The open project.
    key, number
        The analysis, and which attempt.
    read
        Whether to read the stored products, and not only their recorded checksums.

    Raises
    ------
    AsimovError
        If there is no such attempt, or what it ran with was not recorded.
    """
    records = ProvenanceRecords(workspace.journal)
    _, found = record_of(workspace, key, number)
    return Side(
        f"{key}@{found.number}",
        {
            "settings": _settings(found.pipeline, settings_of(records, found)),
            "files": {
                _OF_EACH.get(each.role, each.path): each.sha256 or each.unknown
                for each in found.files
            },
            "commands": {
                each.file: f"{each.executable} {each.arguments}" for each in found.commands
            },
            "software": _versions(found, _environments(records, found)),
            "place": _place(found),
            "products": _products(workspace, key, found.uid, read=read),
        },
    )


def of_crate(workspace: Workspace, crate: Crate) -> Side:
    """Return what the attempt in a crate ran with and made, with its paths as they are here.

    Raises
    ------
    AsimovError
        If its record has changed.
    """
    run, contents = crate.run(), crate.contents
    products = [each for each in contents.files if each.role == "product"]
    paths = moves(contents, str(workspace.project.root))
    root = f"{workspace.project.root}/"
    parts: dict[str, dict[str, Any]] = {
        "settings": moved(_settings(run.record.pipeline, run.settings), paths),
        "files": {
            _OF_EACH.get(each.role, moved(each.path, paths).removeprefix(root)): each.sha256
            or each.unknown
            for each in run.record.files
        },
        "commands": {
            each.file: moved(f"{each.executable} {each.arguments}", paths)
            for each in run.record.commands
        },
        "software": _versions(run.record, run.software),
        "place": _place(run.record),
        "products": {
            each.path: _in_crate(crate, each) for each in progress.over(products, "comparing")
        },
    }
    unread = {each.path for each in products if not each.place}
    return Side(f"{crate.path.name}: {contents.name}", parts, unread)


def _in_crate(crate: Crate, packed: Packed) -> str | None:
    """Return the checksum of a product's bytes in a crate, or the recorded one if it has none."""
    if packed.place:
        try:
            for _ in crate.blocks(packed):
                pass
        except AsimovError as error:
            return f"{_DAMAGED} in the crate: {error.message}"
    return packed.sha256


def of_ledger(workspace: Workspace, key: Key, number: int | None = None) -> tuple[Side, Side]:
    """Return an attempt, by default the last one, and what the analysis would run with now.

    That is its settings, and the files that match patterns if it has inputs of that kind.
    """
    attempt = of_attempt(workspace, key, number)
    pipeline = workspace.contents.entries[key].pipeline
    settings = _settings(pipeline, workspace.effective(key))
    now = Side(f"{key} in the ledger", {"settings": settings})
    found = record_of(workspace, key, number)[1]
    if found.patterns:
        then = {path: pattern for pattern, paths in found.patterns.items() for path in paths}
        attempt.parts[_MATCHING] = then
        now.parts[_MATCHING] = {**then}
        for change in Patterns(workspace).changed(key, found):
            now.parts[_MATCHING] |= dict.fromkeys(change.new, change.pattern)
            for path in change.gone:
                now.parts[_MATCHING].pop(path, None)
    return attempt, now


def _settings(pipeline: str, settings: Mapping[Any, Any]) -> dict[str, Any]:
    return {"pipeline": pipeline.lower(), **named(settings)}


def named(settings: Mapping[Any, Any]) -> dict[str, Any]:
    """Return settings by their names (``sampler: steps``), without what only describes them."""
    kept = {key: value for key, value in settings.items() if key not in ASIDE}
    return {": ".join(map(str, path)): value for path, value in leaves(kept)}


def compared(before: Side, after: Side) -> list[Difference]:
    """Return everything in which two sides differ, in as much as both have it."""
    found: list[Difference] = []
    for what in before.parts:
        if what in after.parts:
            found += differing(what, before.parts[what], after.parts[what])
    return found


def outcome(before: Side, after: Side) -> str:
    """Return a line that says whether two sides have made the same products."""
    one, other = before.parts.get("products"), after.parts.get("products")
    if not one or not other:
        return "the outcomes can't be compared: one side has no stored products"
    names = {**one, **other}
    differing = sum(one.get(each) != other.get(each) for each in names)
    if differing:
        return f"the outcome differs: {differing} of {counted(len(names), 'product')}"
    unread = before.unread | after.unread
    how = "byte for byte"
    if unread:
        how = "by their recorded checksums" if len(unread) == len(names) else (
            f"byte for byte, except for {len(unread)}, of which only the recorded checksum exists"
        )  # fmt: skip
    return f"the outcome matches: {counted(len(names), 'product')}, {how}"


def changed_since(workspace: Workspace, key: Key) -> list[Difference]:
    """Return the settings of an analysis that differ from those its last attempt ran with."""
    run = last_run(workspace.journal, key)
    if run is None:
        return []
    before = named(settings_of(ProvenanceRecords(workspace.journal), run[1]))
    changed = differing("settings", before, named(workspace.effective(key)))
    return [*other_pipeline(workspace, key, run[1]), *changed]


def other_pipeline(workspace: Workspace, key: Key, found: Provenance) -> Iterator[Difference]:
    """Yield the pipeline as a difference if it is another one than that of an attempt."""
    now = workspace.contents.entries[key].pipeline
    if found.pipeline.lower() != now.lower():
        yield Difference("settings", "pipeline", found.pipeline, now)


def differing(
    what: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterable[Difference]:
    """Yield the differences between two sets of values by name."""
    for name in dict.fromkeys([*before, *after]):
        one, other = before.get(name), after.get(name)
        if one != other:
            yield Difference(what, name, one, other)


def _versions(found: Provenance, environments: Mapping[str, list[str]]) -> dict[str, Any]:
    """Return versions by package; packages of several environments with their folders in front."""
    versions: dict[str, Any] = {"asimov": found.asimov}
    if found.package:
        package, _, version = found.package.partition("==")
        versions[package] = version
    for prefix, packages in sorted(environments.items()):
        front = f"{prefix}: " if len(environments) > 1 else ""
        for each in packages:
            package, _, version = each.partition("==")
            versions[f"{front}{package}"] = version
    return versions


def _environments(records: ProvenanceRecords, found: Provenance) -> dict[str, list[str]]:
    parts = records.parts(found.software.values())
    return {prefix: parts.get(digest) or [] for prefix, digest in found.software.items()}


def _place(found: Provenance) -> dict[str, Any]:
    return {
        "host": found.host,
        "scheduler": found.scheduler,
        "image": found.image,
        "image's digest": found.image_digest,
        "seed": found.seed,
    }


def _products(workspace: Workspace, key: Key, uid: str, *, read: bool) -> dict[str, Any]:
    """Return the checksums of the stored products of an attempt; they may have been superseded.

    A link counts as what it leads to, and a folder as what is in it.
    """
    folder = stored_results(workspace.store, key, uid)
    entries = products_in(folder) if folder is not None else {}
    found: dict[str, Any] = {}
    for name, own in progress.over(list(entries.items()), "comparing"):
        leads_to = os.path.normpath(os.path.join(os.path.dirname(name), own.get("link", "")))
        entry = entries.get(leads_to, own) if "link" in own else own
        path = text.encodable(name)  # as crates and JSON have it
        if not entry.get("directory"):
            found[path] = entry.get("sha256") or entry.get("link")
        if folder is not None and read and "sha256" in entry:
            found[path] = _in_store(folder / name, entry["sha256"])
    return found


def _in_store(path: Path, sha256: str) -> str:
    try:
        if checksum(path) == sha256:
            return sha256
        why = "its checksum differs"
    except AsimovError as error:
        why = error.message
    return f"{_DAMAGED} in the results: {why}"
