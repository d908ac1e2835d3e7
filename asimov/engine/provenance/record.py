"""The record of what an attempt ran with: settings, files, commands, software, place and people."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from asimov.engine.provenance.commands import Command
from asimov.journal.journal import Journal
from asimov.journal.keys import Key
from asimov.journal.provenance import ProvenanceRecords
from asimov.journal.records import Attempt
from asimov.project.layout import PROVENANCE_FILE
from asimov.project.storage.assets import KEY as ASSETS
from asimov.settings.merging import merge

#: The version of the format of the file `FILE`.
FORMAT = 1
#: The record's name in the run directory and in the results store.
FILE = PROVENANCE_FILE


class UsedFile(msgspec.Struct, omit_defaults=True):
    """A file or folder that an attempt ran with.

    Attributes
    ----------
    path
        Relative to the project if it is in it; for what is fetched, a URL.
    role
        ``configuration``, ``template``, ``image``, ``executable`` or ``input``.
    sha256, size
        Of its content when the job was submitted, in hexadecimal digits and bytes; that of a folder
        as `asimov.engine.provenance.checksums` describes.
    unknown
        Why there is no checksum.
    of, attempt
        The analysis that produced it, as ``subject/name``, and the identity of the attempt.
    commit
        The commit of the subject's repository that holds it.
    """

    path: str
    role: str
    sha256: str | None = None
    size: int | None = None
    unknown: str = ""
    of: str = ""
    attempt: str = ""
    commit: str = ""


class Layer(msgspec.Struct):
    """One layer of settings: where it comes from, and the digest of its content."""

    source: str
    digest: str


class Provenance(msgspec.Struct, omit_defaults=True):
    """What an attempt ran with, as it was when its job was submitted.

    Attributes
    ----------
    uid, analysis, number
        The attempt and its analysis, as ``subject/name``.
    requester, requested
        The user who had it submitted, and when (ISO 8601).
    host, scheduler, place
        The machine that submitted it, the scheduler, and which one of several.
    asimov, pipeline, package
        asimov's version, the pipeline, and its package with version.
    ledger
        The ledger's revision: a digest of the documents that the settings come from.
    layers
        Its settings, the least specific layer first.
    seed
        The seed, if it has one.
    commands
        The command lines of its jobs.
    files
        The files that it ran with.
    software
        The digests of the lists of packages, by the environment's folder.
    software_unknown
        Why it is not known what a program ran with, by the program.
    image, image_digest, image_unknown
        The container image that its jobs run in, if any; the digest of its content, as
        `asimov.engine.provenance.images` describes; why there is none.
    fingerprint
        As `asimov.engine.reuse.fingerprint` computes it.
    ledger_change, ledger_edited
        The number of the ledger's last change in ``asimov ledger history``, and whether it was
        edited by hand since.
    patterns
        The inputs that were found with a pattern, by the pattern; both relative to the project if
        they are in it.
    """

    uid: str
    analysis: str
    number: int
    requester: str
    requested: str
    host: str
    scheduler: str
    place: str
    asimov: str
    pipeline: str
    package: str
    ledger: str
    layers: list[Layer]
    seed: int | None = None
    commands: list[Command] = []
    files: list[UsedFile] = []
    software: dict[str, str] = {}
    software_unknown: dict[str, str] = {}
    image: str = ""
    image_digest: str = ""
    image_unknown: str = ""
    fingerprint: str = ""
    ledger_change: int = 0
    ledger_edited: bool = False
    patterns: dict[str, list[str]] = {}


def read(records: ProvenanceRecords, uid: str) -> Provenance | None:
    """Return what an attempt ran with; None if it was not recorded."""
    data = records.of(uid)
    return None if data is None else msgspec.convert(data, Provenance)


def last_run(journal: Journal, key: Key) -> tuple[Attempt, Provenance] | None:
    """Return the last attempt of an analysis that made or reused products, and what it ran with.

    None if that was not recorded: by an earlier release, or where it could not be found out.
    """
    return last_run_of(journal, journal.attempts(key))


def last_run_of(journal: Journal, attempts: Sequence[Attempt]) -> tuple[Attempt, Provenance] | None:
    """Return the same of all attempts of an analysis, the oldest first."""
    records = ProvenanceRecords(journal)
    for attempt in attempts[::-1]:
        if attempt.stage in {"run", "reuse"}:
            found = read(records, attempt.uid)
            if found is not None:
                return attempt, found
            if attempt.state != "void":
                break
    return None


def settings_of(records: ProvenanceRecords, provenance: Provenance) -> dict[str, Any]:
    """Return the settings that an attempt ran with, as its pipeline saw them."""
    return merge(layer for _, layer in layers_of(records, provenance))


def layers_of(
    records: ProvenanceRecords, provenance: Provenance
) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the layers of settings that an attempt ran with, the least specific first."""
    parts = records.parts(each.digest for each in provenance.layers)
    return [(each.source, parts.get(each.digest) or {}) for each in provenance.layers]


def as_text(
    found: Provenance,
    layers: Iterable[tuple[str, Mapping[str, Any]]],
    software: Mapping[str, list[str]],
    end: Mapping[str, Any] | None = None,
    assets: Mapping[str, Any] | None = None,
    origin: Mapping[str, Any] | None = None,
) -> str:
    """Return a record as the text (JSON) of a file that stands by itself.

    Parameters
    ----------
    found
        The record.
    layers, software
        The parts that it names by digest.
    end
        How the attempt ended, once it has.
    assets
        Its products by name then, with paths relative to the run directory.
    origin
        Where the products come from if it did not make them here: ``reused`` and ``crate``, as of
        `asimov.engine.provenance.export.runs.Run`.
    """
    data: dict[str, Any] = {"format": FORMAT, **msgspec.to_builtins(found)}
    data["layers"] = [{"source": source, "settings": layer} for source, layer in layers]
    data["software"] = dict(software)
    if end:
        data["end"] = dict(end)
    if assets:
        data[ASSETS] = dict(assets)
    data |= origin or {}
    try:
        encoded = msgspec.json.encode(data, enc_hook=str)
    except (TypeError, ValueError):
        encoded = msgspec.json.encode(with_text_keys(data))
    return msgspec.json.format(encoded).decode() + "\n"


def write_quickly(path: str, text: str) -> None:
    """Write a record; a crash may leave half of it, which its readers do not take for a record.

    Raises
    ------
    OSError
        If it can't be written.
    """
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    try:
        file = os.open(path, flags, 0o666)
    except FileExistsError:
        os.unlink(path)  # another name of it, of an earlier run, stays as it is
        file = os.open(path, flags, 0o666)
    try:
        left = memoryview(text.encode(errors="surrogateescape"))
        while left:
            left = left[os.write(file, left) :]
    finally:
        os.close(file)


def with_text_keys(value: Any) -> Any:
    """Return plain data as JSON can hold it: YAML has keys and values that it has not."""
    if isinstance(value, Mapping):
        return {str(key): with_text_keys(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [with_text_keys(each) for each in value]
    return value if isinstance(value, (str, int, float, bool, type(None))) else str(value)
