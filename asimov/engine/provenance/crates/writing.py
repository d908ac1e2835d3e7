"""Write an RO-Crate as a folder or a zip file: streamed, and all of it or nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from asimov.engine.provenance.crates.collection import Source
from asimov.errors import AsimovError
from asimov.system import progress
from asimov.system.disk import sync_path
from asimov.system.files import unwritable
from asimov.text import line

_BLOCK = 1 << 20
#: Zip files have no earlier time; the files of a crate have no time of their own.
_TIME = (1980, 1, 1, 0, 0, 0)


def write(target: Path, sources: Iterable[Source], texts: dict[str, bytes]) -> None:
    """Write a crate.

    Parameters
    ----------
    target
        A zip file if it is called ``*.zip``, else a folder; it may not exist yet.
    sources
        The files; those without a place are left out.
    texts
        Further files, by their path in the crate.

    Raises
    ------
    AsimovError
        If the target exists, can't be written, or a file has changed; nothing is left of it then.
    """
    if os.path.lexists(target):
        raise AsimovError(
            "already exists", where=target, hint="remove it, or choose another name with -o"
        )
    # The name is always the same: what a killed command left is removed by the next one.
    digest = hashlib.sha256(target.name.encode(errors="surrogateescape")).hexdigest()[:16]
    partial = target.with_name(f".{digest}.partial")
    try:
        _remove(partial)
        if target.suffix == ".zip":
            _write_zip(partial, sources, texts)
            _rename_new(partial, target)
        else:
            _write_folder(partial, sources, texts)
            partial.rename(target)
        sync_path(target.parent)
    except OSError as error:
        raise unwritable(error, target) from error
    finally:
        _remove(partial)


def _rename_new(partial: Path, target: Path) -> None:
    """Give a file its name, unless something else has got that name by now."""
    try:
        os.link(partial, target)
    except FileExistsError:
        raise
    except OSError:  # a file system without links, as on many memory sticks
        if os.path.lexists(target):
            raise
        partial.rename(target)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _write_zip(path: Path, sources: Iterable[Source], texts: dict[str, bytes]) -> None:
    with path.open("xb") as stream:
        with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as crate:
            for place, mode, blocks in _files(sources, texts):
                info = zipfile.ZipInfo(place, _TIME)
                info.compress_type = zipfile.ZIP_DEFLATED
                info.external_attr = (0o100000 | mode) << 16
                with crate.open(info, "w", force_zip64=True) as member:
                    _pour(blocks, member)
        stream.flush()
        os.fsync(stream.fileno())


def _write_folder(path: Path, sources: Iterable[Source], texts: dict[str, bytes]) -> None:
    path.mkdir()
    for place, mode, blocks in _files(sources, texts):
        file = path / place
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("xb") as stream:
            _pour(blocks, stream)
            os.fchmod(stream.fileno(), mode)
            stream.flush()
            os.fsync(stream.fileno())
    for folder, _, _ in os.walk(path):
        sync_path(Path(folder))


def _files(
    sources: Iterable[Source], texts: dict[str, bytes]
) -> Iterator[tuple[str, int, Iterator[bytes]]]:
    """Yield the path, the mode and the content of each file."""
    packed = [each for each in sources if each.packed.place]
    for each in progress.over(packed, "packing"):
        yield each.packed.place, 0o755 if each.packed.program else 0o644, _checked(each)
    for place, text in texts.items():
        yield place, 0o644, iter([text])


def _checked(source: Source) -> Iterator[bytes]:
    """Yield the content of a file, which has to be what its checksum says."""
    digest = hashlib.sha256()
    with _opened(source) as stream:
        while block := stream.read(_BLOCK):
            digest.update(block)
            yield block
    if digest.hexdigest() != source.packed.sha256:
        raise AsimovError("changed while it was being packed", where=line(source.path or ""))


@contextmanager
def _opened(source: Source) -> Iterator[IO[bytes]]:
    if source.path is None:
        import io

        yield io.BytesIO(source.data or b"")
        return
    try:
        stream = Path(source.path).open("rb")  # noqa: SIM115  (closed below)
    except OSError as error:
        raise AsimovError(f"can't be read: {error.strerror}", where=line(source.path)) from error
    with stream:
        yield stream


def _pour(blocks: Iterator[bytes], stream: IO[bytes]) -> None:
    for block in blocks:
        stream.write(block)
