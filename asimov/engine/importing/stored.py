"""Check and copy the files of another program's results store."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterable
from pathlib import Path

from asimov.engine.importing.incoming import Incoming, Product
from asimov.journal.keys import Key
from asimov.project.storage.objects import Objects
from asimov.project.storage.store import Store
from asimov.system import progress

_PIECE = 1 << 20


def verify(incoming: Incoming) -> list[Product]:
    """Return the files that are as they were stored, by size and MD5 checksum.

    An analysis with a file that is not as it was stored has to store its results again: a remark
    says so, and ``uploaded`` becomes ``finished``.
    """
    good = []
    for product in progress.over(incoming.products, "checking results"):
        fault = _fault(product)
        if fault is None:
            good.append(product)
            continue
        arrival = incoming.arrivals[product.key]
        after = ""
        if arrival.status == "uploaded":
            arrival.status = "finished"
            after = "; the next monitor pass stores its results from the run directory"
        incoming.remark(
            "check",
            product.key,
            f"{product.name} in the results store {fault} and is not copied{after}",
        )
    return good


def _fault(product: Product) -> str | None:
    digest = hashlib.md5(usedforsecurity=False)
    try:
        if not product.path.is_file():
            return "is missing"
        # By its name or by a link: any file of this machine could be copied into the results.
        if not product.path.resolve().is_relative_to(product.store.resolve()):
            return "leads out of it"
        with product.path.open("rb") as stream:
            while piece := stream.read(_PIECE):
                digest.update(piece)
    except OSError as error:
        return f"can't be read ({error.strerror})"
    if product.md5 is not None and digest.hexdigest() != product.md5:
        return "has changed since it was stored (its MD5 checksum differs)"
    return None


def copy(root: Path, products: Iterable[Product]) -> None:
    """Copy files into the results store of a project, which knows them by their SHA-256."""
    store = Store(root)
    for product in progress.over(list(products), "copying results"):
        store.add_file(*product.key, product.path, product.name)


def remove(root: Path, keys: Iterable[Key]) -> None:
    """Remove what was just copied, because the import failed."""
    for subject, name in keys:
        shutil.rmtree(root / subject / name, ignore_errors=True)
    for path, _ in Objects(root).unused():
        path.unlink(missing_ok=True)
