"""Print what the files of runs in a workspace contain, as JSON; contents.py WORKSPACE."""

import hashlib
import json
import sys
from pathlib import Path

import h5py
import polars


def digest(path):
    """Return a digest of all names, attributes and numbers in an HDF5 file."""
    told = hashlib.sha256()

    def visit(name, each):
        attributes = sorted((key, str(value)) for key, value in each.attrs.items())
        told.update(repr((name, attributes)).encode())
        if isinstance(each, h5py.Dataset):
            told.update(each[()].tobytes())

    with h5py.File(path) as file:
        file.visititems(visit)
    return told.hexdigest()


def content(path):
    """Return the rows of a table, the digest of an HDF5 file, or the text of any other file."""
    if path.suffix == ".parquet":
        return polars.read_parquet(path).rows()
    return digest(path) if path.suffix == ".h5" else path.read_text()


if __name__ == "__main__":
    top = Path(sys.argv[1])
    print(json.dumps({str(p.relative_to(top)): content(p) for p in sorted(top.rglob("run_*"))}))
