"""Pack an attempt: choose its files, describe them, and write the crate."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

import msgspec

from asimov.engine.provenance.crates.blueprint import blueprint
from asimov.engine.provenance.crates.collection import Collection, Source
from asimov.engine.provenance.crates.contents import (
    BLUEPRINT,
    DAMAGED,
    FILE,
    FORMAT,
    GONE,
    METADATA,
    README,
    Contents,
    Packed,
    needed,
)
from asimov.engine.provenance.crates.metadata import metadata
from asimov.engine.provenance.crates.unstored import refuse_without
from asimov.engine.provenance.crates.writing import write
from asimov.engine.provenance.export.history import history
from asimov.engine.provenance.export.runs import Run, as_record
from asimov.engine.provenance.record import FILE as RECORD
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.project.workspace import Workspace
from asimov.text import line

#: The most bytes of a file's name that is made of an analysis's.
_LONGEST = 200


@dataclass
class Made:
    """A crate that was written.

    Attributes
    ----------
    path
        Where it is.
    contents
        What is in it.
    """

    path: Path
    contents: Contents

    @property
    def lost(self) -> list[Packed]:
        """The products that are damaged or gone, and so not in it."""
        return [each for each in self.contents.files if _is_lost(each)]

    @property
    def missing(self) -> list[Packed]:
        """The files that a rerun would need, and that are not in it."""
        return needed(self.contents)


def pack(
    workspace: Workspace,
    key: Key,
    number: int | None = None,
    *,
    target: Path | None = None,
    hashes_only: bool = False,
    license: str | None = None,
) -> Made:
    """Write a crate of an attempt.

    Parameters
    ----------
    workspace
        The open project.
    key, number
        The analysis, and which attempt; by default the last one.
    target
        A zip file or a folder to write; by default a zip file in the current folder.
    hashes_only
        Whether to leave out the products, and write their checksums only.
    license
        The URL of the licence of its files.

    Raises
    ------
    AsimovError
        If the target is in a folder that asimov writes, there is no such attempt, it has not ended,
        its products are lost, or the crate can't be written.
    """
    runs = history(workspace, key, number, 1)
    run = runs[0]
    if run.end.ended is None:
        raise AsimovError(
            f"{run.name} has not ended yet",
            hint="pack it once 'asimov status' shows that it has ended",
        )
    target = target or Path(_file_name(run))
    _refuse_inside(workspace, target)
    sources = Collection(workspace, runs).files(hashes_only=hashes_only)
    # Products that are only empty folders are whole, and nothing of them is in a crate.
    if not run.products and not any(each.packed.role == "product" for each in sources):
        refuse_without(workspace, run)
    makers = {each.packed.of for each in sources if each.packed.of}
    upstream = [each for each in runs[1:] if each.record.analysis in makers]
    for each in runs[:1] + upstream:
        sources.append(_record(each, "" if each is run else f"upstream/{each.record.analysis}/"))
    contents = Contents(
        FORMAT,
        run.record.analysis,
        run.record.number,
        run.record.uid,
        workspace.project.name,
        str(workspace.project.root),
        {each.record.pipeline: each.record.package for each in [run, *upstream]},
        [each.packed for each in sources],
        workspace.project.config.get("functions", "modules", fallback=""),
    )
    texts = {
        README: _readme(contents).encode(errors="replace"),
        BLUEPRINT: blueprint(run, upstream).encode(),
    }
    contents.sums = {name: sha256_of(text) for name, text in texts.items()}
    texts[FILE] = _json(contents)
    sums = {**contents.sums, FILE: sha256_of(texts[FILE])}
    texts[METADATA] = _json(metadata(run, upstream, contents, sums, license))
    write(target, sources, texts)
    return Made(target, contents)


def _refuse_inside(workspace: Workspace, target: Path) -> None:
    """Refuse to write a crate among the files that asimov writes itself."""
    project = workspace.project
    real = Path(os.path.realpath(target))
    for folder in (project.results, project.ledger, project.state, project.checkouts):
        if real.is_relative_to(os.path.realpath(folder)):
            raise AsimovError(
                f"is in {line(project.stored(folder))}, where only asimov may write",
                where=target,
                hint="choose a place outside of it with -o",
            )


def _record(run: Run, front: str) -> Source:
    data = as_record(run).encode(errors="replace")
    of = run.record.analysis if front else ""
    packed = Packed("record", RECORD, f"{front}{RECORD}", sha256_of(data), len(data), of)
    return Source(packed, data=data)


def sha256_of(data: bytes) -> str:
    """Return the SHA-256 of a text in a crate."""
    return hashlib.sha256(data).hexdigest()


def _is_lost(packed: Packed) -> bool:
    return packed.role == "product" and packed.why in {DAMAGED, GONE}


def _readme(contents: Contents) -> str:
    left = [
        f"- the product `{line(each.path)}`: {each.why}"
        for each in contents.files
        if each.role == "product" and each.why
    ]
    noted = [f"- `{line(each.path)}`: {each.note}" for each in contents.files if each.note]
    notes = "\nTo be noted:\n\n" + "\n".join(noted) + "\n" if noted else ""
    lacks = "\nNot in it:\n\n" + "\n".join(left) + "\n" if left else ""
    packages = ", ".join(sorted(filter(None, contents.pipelines.values())))
    return (
        f"# {contents.name}\n\n"
        f"What made {contents.name} of the asimov project {contents.project}, and what it made: a "
        "Workflow Run RO-Crate.\n\n"
        f"To run it again, install {packages} and call\n\n"
        "    asimov init --from CRATE NAME\n    asimov manage build submit\n\n"
        f"The settings are in blueprint.yaml, what it ran with in asimov-provenance.json.\n"
        f"{lacks}{notes}"
    )


def _file_name(run: Run) -> str:
    name = f"{run.key.subject}-{run.key.name}"
    short = name.encode()[:_LONGEST].decode(errors="ignore")
    return f"{short}-{run.record.number}.zip"


def _json(value: object) -> bytes:
    return msgspec.json.format(msgspec.json.encode(value)) + b"\n"
