"""What an attempt ran with and made, for people and programs; read from a file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from asimov.engine.provenance.lookup import products_in
from asimov.engine.provenance.record import FORMAT, Provenance, UsedFile, as_text
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.settings.merging import merge
from asimov.system import reading


class Product(msgspec.Struct, omit_defaults=True):
    """A file of the results store; a folder or a link has no checksum.

    Attributes
    ----------
    path
        Relative to the analysis's folder in the store.
    sha256, size
        Of its content, in hexadecimal digits and bytes.
    link
        Where it leads, if it is a link.
    """

    path: str
    sha256: str | None = None
    size: int | None = None
    link: str | None = None


class End(msgspec.Struct, omit_defaults=True):
    """How an attempt ended; None stands for what is not known (yet)."""

    ended: str | None = None
    exit_code: int | None = None
    evidence: str | None = None
    job: int | None = None


class Reused(msgspec.Struct, rename={"made_by": "from"}):
    """Products that were taken over instead of made.

    Attributes
    ----------
    made_by, attempt
        The attempt that made them, as ``subject/name@number`` and by its identity.
    taken
        When they were taken over (ISO 8601).
    """

    made_by: str
    attempt: str
    taken: str


class Run(msgspec.Struct, omit_defaults=True):
    """One attempt: what it ran with, how it ended and what it made.

    Attributes
    ----------
    record
        The record, without the parts that follow here.
    layers
        Its settings, the least specific layer first, each with its source.
    software
        The packages of each environment, by the environment's folder.
    end
        How it ended.
    products
        Its stored products; None if the store has none of this attempt.
    folder
        The folder of the store with its products.
    reused
        Whose products it took over, if it made none.
    crate
        The crate that it came to this project with, for people; empty if it was made here.
    makers
        The names of the attempts that made its inputs, as far as they are known, by identity.
    """

    record: Provenance
    layers: list[tuple[str, dict[str, Any]]]
    software: dict[str, list[str]]
    end: End = msgspec.field(default_factory=End)
    products: list[Product] | None = None
    folder: Path | None = None
    reused: Reused | None = None
    crate: str = ""
    makers: dict[str, str] = {}

    @property
    def name(self) -> str:
        """The attempt as commands write it: ``subject/name@number``."""
        return f"{self.record.analysis}@{self.record.number}"

    @property
    def settings(self) -> dict[str, Any]:
        """The settings that it ran with, as its pipeline saw them."""
        return merge(layer for _, layer in self.layers)

    @property
    def key(self) -> Key:
        """The analysis."""
        subject, _, name = self.record.analysis.partition("/")
        return Key(subject, name)

    def made_elsewhere(self) -> Iterator[UsedFile]:
        """Yield the files that other attempts produced."""
        return (each for each in self.record.files if each.attempt)


def identity(file: UsedFile) -> tuple[str, ...]:
    """Return what names a file: of a product attempt and checksum, of any other also its path."""
    if file.attempt:
        return "product", file.attempt, file.sha256 or file.path
    return "file", file.path, *([file.sha256] if file.sha256 else [])


def identity_of_product(run: Run, product: Product) -> tuple[str, ...]:
    """Return what names a product; the same as when another attempt has used it."""
    return "product", run.record.uid, product.sha256 or product.path


def of_file(path: Path) -> Run:
    """Return what a file ``asimov-provenance.json`` tells, with the products beside it in a store.

    Raises
    ------
    AsimovError
        If it can't be read, or is no such record.
    """
    try:
        run = of_text(reading.contents(path))
    except OSError as error:
        raise AsimovError(f"can't be read: {error.strerror}", where=path) from error
    except AsimovError as error:
        error.where = error.where or path
        raise
    folder = path.resolve().parent
    if (folder / "manifest.json").is_file():
        run.folder, run.products = folder, products_of(products_in(folder))
    return run


def of_text(content: bytes) -> Run:
    """Return what the text of a file ``asimov-provenance.json`` tells.

    Raises
    ------
    AsimovError
        If it is no such record.
    """
    try:
        data: dict[str, Any] = msgspec.json.decode(content)
        layers = [(str(each["source"]), dict(each["settings"])) for each in data["layers"]]
        plain = {
            **data,
            "layers": [{"source": source, "digest": ""} for source, _ in layers],
            "software": dict.fromkeys(data["software"], ""),
        }
        record = msgspec.convert(plain, Provenance)
        software = msgspec.convert(data["software"], dict[str, list[str]])
        end = msgspec.convert(data.get("end") or {}, End)
        reused = msgspec.convert(data.get("reused"), Reused | None)
        crate = str(data.get("crate") or "")
        version = int(data["format"])
    except (msgspec.MsgspecError, ValueError, KeyError, TypeError) as error:
        raise AsimovError(
            "is not a record of what an attempt ran with",
            hint="give the asimov-provenance.json file of a run directory or a results store",
        ) from error
    if version > FORMAT:
        raise AsimovError(
            f"has format {version}, but this version of asimov reads up to format {FORMAT}",
            hint="upgrade asimov",
        )
    return Run(record, layers, software, end, reused=reused, crate=crate)


def as_record(run: Run) -> str:
    """Return the text of a file ``asimov-provenance.json`` that tells what a run does."""
    origin = {"reused": msgspec.to_builtins(run.reused), "crate": run.crate}
    given = {name: value for name, value in origin.items() if value}
    end = msgspec.to_builtins(run.end)
    return as_text(run.record, run.layers, run.software, end, origin=given)


def products_of(entries: Mapping[str, Any]) -> list[Product]:
    """Return the products in a manifest."""
    return [
        Product(path, entry.get("sha256"), entry.get("size"), entry.get("link"))
        for path, entry in entries.items()
    ]
