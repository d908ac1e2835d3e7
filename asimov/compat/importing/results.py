"""Read the results store of asimov 0.8: a folder, and a manifest with MD5 checksums."""

from __future__ import annotations

from configparser import ConfigParser
from pathlib import Path

from asimov.compat.importing.ledger_files import mapping
from asimov.engine.importing.incoming import Product
from asimov.errors import AsimovError
from asimov.journal.keys import Key
from asimov.ledger.documents import read_documents
from asimov.system import reading

#: A manifest of a million files has about 200 million bytes.
_LARGEST = 2_000_000_000


def products(root: Path, config: ConfigParser) -> list[Product]:
    """Return the files that the manifest of a project's store lists.

    Parameters
    ----------
    root, config
        The project's folder and its configuration.

    Raises
    ------
    AsimovError
        If the manifest can't be read.
    """
    folder = config.get("storage", "results_store", fallback="") or config.get(
        "storage", "directory", fallback="results"
    )
    store = root / folder
    manifest = store / ".manifest" / "manifest.yaml"
    try:
        text = reading.contents(manifest, most=_LARGEST).decode("utf-8-sig")
    except FileNotFoundError:
        return []
    except (OSError, UnicodeDecodeError) as error:
        raise AsimovError(f"can't be read: {error}", where=manifest) from error

    found = []
    for document in read_documents(text, str(manifest)):
        events = mapping(document.data, "the manifest", manifest).get("events")
        for subject, analyses in mapping(events, "events", manifest).items():
            for name, files in mapping(analyses, subject, manifest).items():
                for file, entry in mapping(files, name, manifest).items():
                    key = Key(str(subject), str(name))
                    path = store / str(subject) / str(name) / str(file)
                    digest = str(mapping(entry, file, manifest).get("hash") or "")
                    found.append(Product(key, str(file), path, store, digest or None))
    return found
